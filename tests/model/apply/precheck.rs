//! Whether a process may begin, and from where it resumes: `precheck`, and `take_up` of `engine::resume`.

use super::{Attempts, Entry, Outcome, Phase, Run};
use crate::journal::{Journal, Progress, Record};
use crate::laws;
use crate::plan::{Action, Edit, Made, ManagerRef, OPERATIONS, created, resolve, updated};
use crate::server::{Fields, Id, Server, User};
use crate::world::{Mutation, State, World};

/// The state of an operation before a run has begun it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    Already,
    Conflict,
    /// Done, but the user has other values now.
    Differing,
}

/// How a list shows that an operation is not done after all, as in `confirm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contradiction {
    Undone,
    Differs,
}

impl World {
    pub(crate) fn start(&self, state: &mut State, process: usize) -> Option<()> {
        let folder = self.folders[process];
        let is_locked =
            (0..self.folders.len()).any(|other| self.folders[other] == folder && state.runs[other].is_some());
        if is_locked && !self.has(Mutation::TakesNoLock) {
            return None;
        }
        let journal = state.journals[folder].clone();
        if journal.is_finished || (journal.is_forged && !self.has(Mutation::TrustsJournals)) {
            return None;
        }
        if state.server.contradicts_itself() {
            return None;
        }
        let made = self.made_so_far(&journal.operations, &state.server);
        let standing = self.standing(&journal, &state.server, &made);
        let has_written = journal.has_written();
        let is_stale = standing.contains(&Standing::Conflict) && !has_written;
        if is_stale && !self.has(Mutation::BeginsStale) {
            return None;
        }
        state.journals[folder].is_begun = true;
        let known = state.server.iter().fold(0, |known, (id, _)| known | 1 << id);
        let creates = self.plan.operations.iter().any(|operation| matches!(operation.action, Action::Create { .. }));
        if creates && !has_written && state.journals[folder].known == 0 {
            state.journals[folder].known = known;
        }
        let entry = Entry {
            phase: Phase::Waiting,
            begun: 0,
            doubt: None,
            attempts: Attempts::default(),
            made: None,
            sent: None,
            is_resumed: false,
            is_tried: false,
            is_mislabelled: false,
        };
        state.runs[process] = Some(Run {
            entries: [entry; OPERATIONS],
            known,
            is_halted: false,
            has_written,
            is_confirmed: false,
            is_stale,
        });
        self.take_up(state, process, &journal, standing, &made);
        laws::judge_start(self, state, process);
        Some(())
    }

    fn standing(&self, journal: &Journal, server: &Server, made: &Made) -> [Standing; OPERATIONS] {
        std::array::from_fn(|operation| {
            if operation >= self.operations() {
                return Standing::Good;
            }
            if let Some(Progress::Done { .. }) = journal.operations[operation] {
                return match self.contradiction(operation, server, made) {
                    Some(Contradiction::Undone) => Standing::Conflict,
                    Some(Contradiction::Differs) => Standing::Differing,
                    None => Standing::Good,
                };
            }
            let has_problem = || self.has_problem(operation, server) || self.shows_others(operation, server, journal);
            if journal.operations[operation].is_some() || !has_problem() {
                return Standing::Good;
            }
            let may_be_done = journal.has_written() && !self.moves_branch(operation);
            if may_be_done && self.already_holds(operation, server, made) {
                Standing::Already
            } else {
                Standing::Conflict
            }
        })
    }

    fn take_up(
        &self,
        state: &mut State,
        process: usize,
        journal: &Journal,
        standing: [Standing; OPERATIONS],
        made: &Made,
    ) {
        let Journal { operations: replay, before, contradicted, .. } = journal;
        let list = state.server;
        let Some(run) = &mut state.runs[process] else { return };
        let mut notes = Vec::new();
        // A user that was created belongs to one operation only, even if it is not the person of the plan.
        for (planned, (progress, entry)) in self.plan.operations.iter().zip(replay.iter().zip(&mut run.entries)) {
            if let (Some(Progress::Done { user, .. }), Action::Create { .. }) = (progress, planned.action) {
                entry.made = *user;
            }
        }
        for operation in 0..self.operations() {
            let entry = &mut run.entries[operation];
            match replay[operation] {
                Some(Progress::Done { .. }) if standing[operation] == Standing::Conflict => {
                    entry.phase = Phase::Ended(Outcome::Failed);
                    if contradicted & 1 << operation == 0 {
                        notes.push(Record::Contradicted { operation });
                    }
                }
                Some(Progress::Done { user: _, differs }) => {
                    entry.sent = before[operation].and_then(|before| self.sent(operation, before, made));
                    let differs = differs || standing[operation] == Standing::Differing;
                    entry.phase = Phase::Ended(if differs { Outcome::DoneOtherwise } else { Outcome::DoneBefore });
                }
                Some(Progress::InDoubt(_)) if self.has(Mutation::ForgetsDoubts) => {}
                Some(Progress::InDoubt(doubt)) => {
                    let is_create = matches!(self.operation(operation).action, Action::Create { .. });
                    (entry.is_resumed, entry.is_tried) = (true, true);
                    entry.is_mislabelled = self.shows_others(operation, &list, journal);
                    if !is_create {
                        entry.doubt = Some(doubt);
                    }
                    // The server may still carry its request out.
                    if is_create || !self.has(Mutation::ResumesAtOnce) {
                        entry.phase = Phase::Parked { sent: true, taken: false, is_others: false };
                    }
                }
                None if standing[operation] == Standing::Already => {
                    let user = match self.operation(operation).action {
                        Action::Create { .. } => made[operation],
                        Action::Link { create, .. } => made[create],
                        Action::Update { user, .. } => Some(user),
                        Action::Delete { .. } => None,
                    };
                    if let Action::Create { .. } = self.operation(operation).action {
                        entry.made = user;
                    }
                    entry.phase = Phase::Ended(Outcome::DoneBefore);
                    notes.push(Record::Done { operation, user, differs: false });
                }
                None => {}
            }
        }
        for note in notes {
            self.note(state, process, note);
        }
        if let Some(run) = &mut state.runs[process] {
            self.give_up_dependents(run);
        }
        for (operation, standing) in standing.into_iter().enumerate() {
            let is_waiting = state.runs[process].is_some_and(|run| run.entries[operation].phase == Phase::Waiting);
            if standing == Standing::Conflict && is_waiting {
                self.end(state, process, operation, Outcome::Failed);
            }
        }
        if let Some(run) = &mut state.runs[process] {
            self.give_up_dependents(run);
        }
    }

    /// How the list shows that an operation is not done; `None` if it does not.
    pub(super) fn contradiction(&self, operation: usize, list: &Server, made: &Made) -> Option<Contradiction> {
        let differs = |is_as_asked: bool| (!is_as_asked).then_some(Contradiction::Differs);
        match &self.operation(operation).action {
            Action::Create { after } => {
                let user = made[operation].and_then(|id| list.user(id));
                let Some(user) = user.filter(|user| user.fields.identifier == after.identifier) else {
                    return Some(Contradiction::Undone);
                };
                differs(created(after, made).is_ok_and(|mut fields| {
                    if after.manager == ManagerRef::Nobody {
                        fields.manager = user.fields.manager;
                    }
                    fields == user.fields && !user.is_admin
                }))
            }
            Action::Update { .. } | Action::Link { .. } => differs(self.already_holds(operation, list, made)),
            Action::Delete { user, .. } => list.user(*user).map(|_| Contradiction::Undone),
        }
    }

    /// How the list differs from the last write to a user.
    pub(super) fn contradicts_sent(&self, operation: usize, list: &Server, made: &Made, sent: &User) -> bool {
        let id = match self.operation(operation).action {
            Action::Update { user, .. } => Some(user),
            Action::Link { create, .. } => made[create],
            Action::Create { .. } | Action::Delete { .. } => None,
        };
        let held = id.and_then(|id| list.user(id));
        held.is_none_or(|held| held.fields != sent.fields || held.is_admin != sent.is_admin)
    }

    /// Whether a user lost the unchanged values of the last write.
    pub(crate) fn has_lost(&self, operation: usize, list: &Server, made: &Made, sent: &User) -> Option<Id> {
        let id = match self.operation(operation).action {
            Action::Link { create, .. } => made[create],
            _ => self.touches(operation),
        };
        id.filter(|id| list.user(*id).is_some_and(|held| sent.custom != 0 && held.custom != sent.custom))
    }

    /// The user after an update or link.
    pub(super) fn sent(&self, operation: usize, before: User, made: &Made) -> Option<User> {
        let edit = match self.operation(operation).action {
            Action::Update { edit, .. } => edit,
            Action::Link { manager, .. } => Edit::Manager(manager),
            Action::Create { .. } | Action::Delete { .. } => return None,
        };
        Some(User { fields: updated(before.fields, edit, made).ok()?, ..before })
    }

    pub(crate) fn moves_branch(&self, operation: usize) -> bool {
        matches!(self.operation(operation).action, Action::Update { edit: Edit::Branch(_), .. })
    }

    fn made_so_far(&self, replay: &[Option<Progress>; OPERATIONS], server: &Server) -> Made {
        std::array::from_fn(|operation| {
            if let Some(Progress::Done { user: Some(user), .. }) = replay[operation] {
                return Some(user);
            }
            let Some(Action::Create { after }) = self.plan.operations.get(operation).map(|operation| operation.action)
            else {
                return None;
            };
            // The last one of several counts, as in a map.
            server.iter().filter(|(_, user)| user.fields.identifier == after.identifier).map(|(id, _)| id).last()
        })
    }

    /// Whether a precondition of an operation does not hold.
    fn has_problem(&self, operation: usize, server: &Server) -> bool {
        let touched: Vec<Id> =
            self.operation(operation).depends_on.iter().filter_map(|&needed| self.touches(needed)).collect();
        let is_missing = |fields: &Fields| fields.manager.is_some_and(|manager| server.user(manager).is_none());
        match &self.operation(operation).action {
            Action::Create { after } => {
                let is_taken = server.iter().any(|(id, user)| {
                    (user.fields.identifier == after.identifier || user.fields.email == after.email)
                        && !touched.contains(&id)
                });
                is_taken || created(after, &[None; OPERATIONS]).is_ok_and(|fields| is_missing(&fields))
            }
            Action::Update { user, before, edit } => {
                self.has_changed(*user, before, server)
                    || updated(*before, *edit, &[None; OPERATIONS])
                        .is_ok_and(|fields| fields.manager != before.manager && is_missing(&fields))
            }
            Action::Link { .. } => false,
            Action::Delete { user, before } => {
                self.has_changed(*user, before, server)
                    || server.iter().any(|(id, report)| report.fields.manager == Some(*user) && !touched.contains(&id))
            }
        }
    }

    /// Whether a manager that an operation shows is another person by now, as in `labels::of_references`.
    fn shows_others(&self, operation: usize, server: &Server, journal: &Journal) -> bool {
        let before = match self.operation(operation).action {
            Action::Update { before, edit: Edit::Manager(_), .. } | Action::Delete { before, .. } => before.manager,
            _ => None,
        };
        let after = match self.operation(operation).manager() {
            ManagerRef::User(id) => Some(id),
            ManagerRef::Nobody | ManagerRef::Create(_) => None,
        };
        let is_other = |id: Id| {
            let mut begun = (0..self.operations()).filter(|&other| journal.operations[other].is_some());
            let new_name = begun.find_map(|other| self.plan.new_name(other, id));
            let is_removed = self
                .plan
                .operations
                .iter()
                .any(|operation| matches!(operation.action, Action::Delete { user, .. } if user == id));
            match server.user(id) {
                Some(user) => self.is_other_person(id, user, new_name),
                None => !is_removed,
            }
        };
        before.into_iter().chain(after).any(is_other) && !self.has(Mutation::ComparesNoLabels)
    }

    /// Whether the manager whom an operation gives somebody is another person by now, as in `confirm::other_manager`.
    pub(super) fn has_other_manager(&self, operation: usize, list: &Server) -> bool {
        let ManagerRef::User(id) = self.operation(operation).manager() else { return false };
        let new_name = (0..self.operations()).find_map(|other| self.plan.new_name(other, id));
        list.user(id).is_none_or(|user| self.is_other_person(id, user, new_name))
    }

    /// Whether a user is not whom the plan shows. Whoever is renamed may have either name.
    fn is_other_person(&self, id: Id, user: &User, new_name: Option<u8>) -> bool {
        let Some((identifier, name)) = self.plan.label(id) else { return true };
        user.fields.identifier != identifier || (user.fields.name != name && new_name != Some(user.fields.name))
    }

    /// The same for a manager whom the plan creates, as in `confirm::other_new_manager`.
    pub(super) fn has_other_new_manager(&self, operation: usize, list: &Server, made: &Made) -> bool {
        let ManagerRef::Create(create) = self.operation(operation).manager() else { return false };
        let (Action::Create { after }, Some(id)) = (self.operation(create).action, made[create]) else { return false };
        list.user(id).is_none_or(|user| user.fields.identifier != after.identifier)
    }

    fn has_changed(&self, user: Id, before: &Fields, server: &Server) -> bool {
        server.user(user).is_none_or(|user| user.is_admin || user.fields != *before)
    }

    pub(super) fn touches(&self, operation: usize) -> Option<Id> {
        match self.operation(operation).action {
            Action::Update { user, .. } | Action::Delete { user, .. } => Some(user),
            Action::Create { .. } | Action::Link { .. } => None,
        }
    }

    fn already_holds(&self, operation: usize, server: &Server, made: &Made) -> bool {
        let user = |id: Option<Id>| id.and_then(|id| server.user(id));
        match &self.operation(operation).action {
            Action::Create { after } => user(made[operation]).is_some_and(|user| {
                created(after, made).is_ok_and(|mut fields| {
                    if after.manager == ManagerRef::Nobody {
                        fields.manager = user.fields.manager;
                    }
                    fields == user.fields && !user.is_admin
                })
            }),
            Action::Update { user: id, edit, .. } => {
                user(Some(*id)).is_some_and(|user| updated(user.fields, *edit, made) == Ok(user.fields))
            }
            Action::Link { create, manager } => {
                user(made[*create]).is_some_and(|user| resolve(*manager, made) == Ok(user.fields.manager))
            }
            Action::Delete { user, .. } => server.user(*user).is_none(),
        }
    }
}
