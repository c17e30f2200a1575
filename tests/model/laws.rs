//! The laws: what must never happen. Each law is checked where it could be broken. The state remembers a broken law.
//!
//! No client sees a user between the read and the moment when the server carries out the request. Without conditional
//! requests this gap cannot be closed. So a law about a user excuses a request if another client has written to that user
//! in this gap. It excuses nothing else.

use stateright::Property;

use crate::apply::{Outcome, Phase, Run};
use crate::journal::Record;
use crate::plan::{Action, Edit, Made, ManagerRef, Person, Plan, created, resolve, updated};
use crate::server::{Fields, Id, RENUMBERED, Request, Server, User};
use crate::world::{Message, Sent, State, World};

/// A law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    NobodyTwice,
    NobodyUnapproved,
    NoWriteWithoutIntent,
    NobodyProtected,
    NothingUndone,
    DoneIsTrue,
    NotDoneIsTrue,
    NobodyElse,
    NoCreateAgain,
}

/// Which laws are broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Laws(u16);

impl Laws {
    pub(crate) fn insert(&mut self, law: Law) {
        self.0 |= 1 << law as u8;
    }

    pub(crate) fn has(self, law: Law) -> bool {
        self.0 & (1 << law as u8) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Law {
    pub(crate) const ALL: [Self; 9] = [
        Self::NobodyTwice,
        Self::NobodyUnapproved,
        Self::NoWriteWithoutIntent,
        Self::NobodyProtected,
        Self::NothingUndone,
        Self::DoneIsTrue,
        Self::NotDoneIsTrue,
        Self::NobodyElse,
        Self::NoCreateAgain,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NobodyTwice => "no operation makes two users",
            Self::NobodyUnapproved => "only the plan's changes are written, in its order, to the users that it names",
            Self::NoWriteWithoutIntent => "no request is sent before its intent is on disk",
            Self::NobodyProtected => "no protected user is changed",
            Self::NothingUndone => "no user is changed who differs from what was read",
            Self::DoneIsTrue => "what the journal says is done is done",
            Self::NotDoneIsTrue => "what the journal says is not done has changed nothing",
            Self::NobodyElse => "nobody is written whose label is not the plan's",
            Self::NoCreateAgain => {
                "no create is sent again over somebody with its identifier or e-mail, or another manager"
            }
        }
    }
}

/// The laws, for the checker.
pub(crate) fn properties() -> Vec<Property<World>> {
    // A condition is a function pointer, so it cannot capture a law.
    vec![
        Property::always(Law::NobodyTwice.name(), |_, state: &State| !state.broken.has(Law::NobodyTwice)),
        Property::always(Law::NobodyUnapproved.name(), |_, state: &State| !state.broken.has(Law::NobodyUnapproved)),
        Property::always(Law::NoWriteWithoutIntent.name(), |_, state: &State| {
            !state.broken.has(Law::NoWriteWithoutIntent)
        }),
        Property::always(Law::NobodyProtected.name(), |_, state: &State| !state.broken.has(Law::NobodyProtected)),
        Property::always(Law::NothingUndone.name(), |_, state: &State| !state.broken.has(Law::NothingUndone)),
        Property::always(Law::DoneIsTrue.name(), |_, state: &State| !state.broken.has(Law::DoneIsTrue)),
        Property::always(Law::NotDoneIsTrue.name(), |_, state: &State| !state.broken.has(Law::NotDoneIsTrue)),
        Property::always(Law::NobodyElse.name(), |_, state: &State| !state.broken.has(Law::NobodyElse)),
        Property::always(Law::NoCreateAgain.name(), |_, state: &State| !state.broken.has(Law::NoCreateAgain)),
    ]
}

/// Checks a request that is about to be sent.
pub(crate) fn judge_sending(world: &World, state: &mut State, message: &Message, is_stale: bool) {
    let (process, index) = (usize::from(message.process), usize::from(message.operation));
    if !state.journals[world.folders[process]].has_intent(index) {
        state.breaks(Law::NoWriteWithoutIntent);
    }
    let Some(run) = &state.runs[process] else { return };
    let operation = world.operation(index);
    let made = run.made();
    // If only this plan has written, the operations that this one depends on must really be done, whatever the server
    // answered.
    let is_undisturbed = state.left.others == world.budget.others && state.left.forgeries == world.budget.forgeries;
    let is_so = |needed: usize| !is_undisturbed || has_effect(world, &state.server, needed);
    let is_in_order = operation.depends_on.iter().all(|needed| world.is_done(run, *needed) && is_so(*needed));
    // The id in the answer to a create must belong to the person who was sent, if a user has it at all.
    let is_whom_it_seems = |create: usize| match (&world.operation(create).action, made[create]) {
        (Action::Create { after }, Some(id)) => {
            state.server.user(id).is_none_or(|user| is_person_of(create, after, user))
        }
        _ => false,
    };
    let references = world.operations_referred_to(index);
    if !is_in_order || is_stale || !references.into_iter().all(is_whom_it_seems) {
        state.breaks(Law::NobodyUnapproved);
    }
    if approved(world, state, index, message, &made) != Some(message.request) {
        state.breaks(Law::NobodyUnapproved);
    }
    if message.read.is_some_and(|read| read.is_admin) {
        state.breaks(Law::NobodyProtected);
    }
    if message.read.is_some_and(|read| is_somebody_else(world, index, &read.fields)) {
        state.breaks(Law::NobodyElse);
    }
}

/// Whether a user is the person of a create, or was until another client gave them another identifier.
fn is_person_of(create: usize, after: &Person, user: &User) -> bool {
    let is_of_others = user.made_by.is_some_and(|maker| usize::from(maker) != create);
    user.fields.identifier == after.identifier || (user.fields.identifier >= RENUMBERED && !is_of_others)
}

/// Whether a user has another identifier than the plan shows for the user that an operation changes or deletes.
fn is_somebody_else(world: &World, index: usize, held: &Fields) -> bool {
    let shown = match &world.operation(index).action {
        Action::Create { .. } => return false,
        Action::Update { before, .. } | Action::Delete { before, .. } => before.identifier,
        Action::Link { create, .. } => match &world.operation(*create).action {
            Action::Create { after } => after.identifier,
            _ => return true,
        },
    };
    held.identifier != shown
}

/// Whether the manager that an operation gives somebody has another identifier than the plan shows.
fn is_under_somebody_else(world: &World, server: &Server, index: usize, made: &Made) -> bool {
    let identifier = |id: Id| server.user(id).map(|user| user.fields.identifier);
    match world.operation(index).manager() {
        ManagerRef::Nobody => false,
        ManagerRef::User(id) => identifier(id) != world.plan.label(id).map(|(identifier, _)| identifier),
        ManagerRef::Create(create) => match (&world.operation(create).action, made[create]) {
            (Action::Create { after }, Some(id)) => identifier(id) != Some(after.identifier),
            _ => false,
        },
    }
}

/// Checks the operations that a run will begin, by the list that it has just read.
pub(crate) fn judge_start(world: &World, state: &mut State, process: usize) {
    let Some(run) = state.runs[process] else { return };
    let is_bad = |index: usize| {
        run.entries[index].phase == Phase::Waiting && is_under_somebody_else(world, &state.server, index, &run.made())
    };
    if (0..world.operations()).any(is_bad) {
        state.breaks(Law::NobodyElse);
    }
}

/// Checks a create that is about to be sent again, by the list that has just been read.
pub(crate) fn judge_repetition(world: &World, state: &mut State, process: usize, index: usize) {
    let (Some(run), Action::Create { after }) = (state.runs[process], &world.operation(index).action) else { return };
    let is_taken = state
        .server
        .iter()
        .any(|(_, user)| user.fields.identifier == after.identifier || user.fields.email == after.email);
    if is_taken || is_under_somebody_else(world, &state.server, index, &run.made()) {
        state.breaks(Law::NoCreateAgain);
    }
}

/// The request that the reviewers of the plan approved.
fn approved(world: &World, state: &State, index: usize, message: &Message, made: &Made) -> Option<Request> {
    match (&world.operation(index).action, message.step) {
        (Action::Create { after }, Sent::Create) => Some(Request::Post(created(after, made).ok()?)),
        (Action::Delete { user, before }, Sent::Delete) => {
            (message.read?.fields == *before).then_some(Request::Delete(*user))
        }
        (Action::Update { user, before, edit }, Sent::Update) => {
            Some(Request::Put(*user, updated(*before, *edit, made).ok()?, message.read?.custom))
        }
        (Action::Link { create, manager }, Sent::Update) => {
            let Action::Create { after } = &world.operation(*create).action else { return None };
            let fields = Fields { manager: resolve(*manager, made).ok()?, ..created(after, made).ok()? };
            Some(Request::Put(made[*create]?, fields, message.read?.custom))
        }
        // Only missing custom fields are restored, and only for a user whose branch the plan has changed: as they were
        // before the change. If another client wrote them after the last read before it, what was read is restored.
        (Action::Update { user, edit: Edit::Branch(branch), .. }, Sent::Refill) => {
            let (read, before) = (message.read?, state.server.moved[usize::from(*user)]);
            let Request::Put(_, _, custom) = message.request else { return None };
            let is_due = read.fields.branch == *branch && read.custom == 0 && before.contains(&custom);
            is_due.then_some(Request::Put(*user, read.fields, custom))
        }
        _ => None,
    }
}

/// Checks a request that the server is about to carry out.
pub(crate) fn judge_execution(world: &World, state: &mut State, place: usize) {
    let Message { operation, request, read, is_overtaken, .. } = state.network[place];
    let user = request.user().and_then(|id| state.server.user(id)).copied();
    let Some(user) = user else { return };
    if user.is_admin && !is_overtaken {
        state.breaks(Law::NobodyProtected);
    }
    if read != Some(user) && !is_overtaken {
        state.breaks(Law::NothingUndone);
    }
    if is_somebody_else(world, usize::from(operation), &user.fields) && !is_overtaken {
        state.breaks(Law::NobodyElse);
    }
    let is_named = |id: Id| {
        user.made_by.is_some()
            || world.plan.operations.iter().any(|operation| match operation.action {
                Action::Update { user, .. } | Action::Delete { user, .. } => user == id,
                // Another client may have created the same person.
                Action::Create { after } => state
                    .server
                    .user(id)
                    .is_some_and(|user| user.fields.identifier == after.identifier && user.fields.email == after.email),
                Action::Link { .. } => false,
            })
    };
    if !request.user().is_some_and(is_named) {
        state.breaks(Law::NobodyUnapproved);
    }
}

/// Checks the account after a request was carried out.
pub(crate) fn judge_account(world: &World, state: &mut State) {
    for operation in 0..world.operations() {
        let made = state.server.iter().filter(|(_, user)| user.made_by == Some(operation as u8));
        if made.count() > 1 {
            state.breaks(Law::NobodyTwice);
        }
    }
}

/// Checks an outcome that is about to be noted.
pub(crate) fn judge_record(world: &World, state: &mut State, folder: usize, record: Record) {
    let is_on_its_way = |operation: usize| {
        state.network.iter().any(|message| {
            world.folders[usize::from(message.process)] == folder && usize::from(message.operation) == operation
        })
    };
    match record {
        Record::Done { operation, user, differs: _ } => {
            let is_false = match (&world.operation(operation).action, user) {
                (Action::Delete { user, .. }, _) => state.server.user(*user).is_some(),
                (Action::Create { after }, Some(id)) => {
                    state.server.user(id).is_some_and(|user| !is_person_of(operation, after, user))
                }
                (Action::Create { .. }, None) => true,
                // The operation is not done if the user has lost custom fields.
                (Action::Update { user, edit: Edit::Branch(_), .. }, _) => {
                    state.server.user(*user).is_some_and(|user| user.custom == 0)
                }
                (Action::Update { .. } | Action::Link { .. }, _) => false,
            };
            // Nobody can detect a false answer at once. The last list corrects it.
            if is_false && !state.is_deceived {
                state.breaks(Law::DoneIsTrue);
            }
        }
        Record::Doubted { .. } | Record::Contradicted { .. } => {}
        // Nobody waits for its requests any more, and nobody restores custom fields that it emptied.
        Record::Outdated { operation } => {
            let user = match world.operation(operation).action {
                Action::Update { user, edit: Edit::Branch(_), .. } => Some(user),
                _ => None,
            };
            let is_lost = user.is_some_and(|user| {
                let had = state.server.moved[usize::from(user)][0] != 0;
                had && state.server.user(user).is_some_and(|user| user.custom == 0)
            });
            let had_effect = state.had_effect[folder] & (1 << operation) != 0;
            if is_on_its_way(operation) || (had_effect && is_lost) {
                state.breaks(Law::NotDoneIsTrue);
            }
            // The next plan would create the person a second time.
            if let Action::Create { after } = &world.operation(operation).action
                && !state.server.iter().any(|(_, user)| user.fields.identifier == after.identifier)
            {
                state.breaks(Law::NobodyTwice);
            }
        }
        Record::NotDone { operation } => {
            let had_effect = state.had_effect[folder] & (1 << operation) != 0;
            // Another client may have undone the effect.
            if is_on_its_way(operation) || (had_effect && has_effect(world, &state.server, operation)) {
                state.breaks(Law::NotDoneIsTrue);
            }
        }
    }
}

/// Checks the finished operations after the last list has confirmed them.
pub(crate) fn judge_confirmed(world: &World, state: &mut State, process: usize) {
    let Some(run) = state.runs[process] else { return };
    if (0..world.operations()).any(|operation| is_called_done(&run, operation) && !is_so(world, state, &run, operation))
    {
        state.breaks(Law::DoneIsTrue);
    }
}

/// Checks a run that ends with every operation done. Another client may have written since the list was read.
pub(crate) fn judge_finished(world: &World, state: &mut State, run: &Run) {
    let is_undisturbed = state.left.others == world.budget.others;
    if is_undisturbed && (0..world.operations()).any(|operation| !is_so(world, state, run, operation)) {
        state.breaks(Law::DoneIsTrue);
    }
}

fn is_called_done(run: &Run, operation: usize) -> bool {
    matches!(run.entries[operation].phase, Phase::Ended(Outcome::Done | Outcome::DoneBefore))
}

/// Whether the account shows the effect of an operation, on the users that the run knows.
fn is_so(world: &World, state: &State, run: &Run, index: usize) -> bool {
    let made = run.made();
    match &world.operation(index).action {
        Action::Create { after } => {
            let user = made[index].and_then(|id| state.server.user(id));
            user.is_some_and(|user| user.fields.identifier == after.identifier)
        }
        Action::Link { create, manager } => {
            let user = made[*create].and_then(|id| state.server.user(id));
            user.is_some_and(|user| resolve(*manager, &made) == Ok(user.fields.manager))
        }
        Action::Update { .. } | Action::Delete { .. } => has_effect(world, &state.server, index),
    }
}

/// Whether the account shows the effect of an operation.
pub(crate) fn has_effect(world: &World, server: &Server, index: usize) -> bool {
    let user = |id: Id| server.user(id);
    let made = made(server);
    match &world.operation(index).action {
        Action::Create { .. } => made[index].is_some(),
        Action::Update { user: id, edit, .. } => {
            user(*id).is_some_and(|user| updated(user.fields, *edit, &made) == Ok(user.fields))
        }
        Action::Link { create, manager } => made[*create]
            .and_then(user)
            .is_some_and(|user| resolve(*manager, &made).is_ok_and(|id| id == user.fields.manager)),
        Action::Delete { user: id, .. } => user(*id).is_none(),
    }
}

/// The users that the creates have made. Only the model can know them.
pub(crate) fn made(server: &Server) -> Made {
    std::array::from_fn(|create| server.iter().find(|(_, user)| user.made_by == Some(create as u8)).map(|(id, _)| id))
}

/// Whether the account is as planned.
pub(crate) fn is_as_planned(plan: &Plan, server: &Server) -> bool {
    let made = made(server);
    let is_linked = |index: usize| {
        plan.operations
            .iter()
            .any(|operation| matches!(operation.action, Action::Link { create, .. } if create == index))
    };
    plan.operations.iter().enumerate().all(|(index, operation)| match &operation.action {
        Action::Create { after } => made[index].and_then(|id| server.user(id)).is_some_and(|user| {
            let manager = if is_linked(index) { Ok(user.fields.manager) } else { resolve(after.manager, &made) };
            manager.is_ok_and(|manager| {
                created(after, &made).is_ok_and(|fields| user.fields == Fields { manager, ..fields })
            })
        }),
        Action::Link { create, manager } => made[*create]
            .and_then(|id| server.user(id))
            .is_some_and(|user| resolve(*manager, &made) == Ok(user.fields.manager)),
        Action::Update { user, before, edit } => server.user(*user).is_some_and(|held| {
            updated(*before, *edit, &made) == Ok(held.fields)
                && plan.users.get(usize::from(*user)).is_some_and(|was| was.custom == 0 || held.custom != 0)
        }),
        Action::Delete { user, .. } => server.user(*user).is_none(),
    })
}

impl World {
    /// The creates whose users an operation refers to.
    fn operations_referred_to(&self, index: usize) -> Vec<usize> {
        let operation = self.operation(index);
        let linked = match operation.action {
            Action::Link { create, .. } => Some(create),
            _ => None,
        };
        let manager = match operation.manager() {
            ManagerRef::Create(create) => Some(create),
            ManagerRef::Nobody | ManagerRef::User(_) => None,
        };
        linked.into_iter().chain(manager).collect()
    }
}
