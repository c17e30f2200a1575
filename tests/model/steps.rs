//! The steps: what can happen next. The steps of an apply have the same names as in the program.

use crate::laws;
use crate::plan::{Action, Edit, created};
use crate::server::{Answer, Fields, Id, Request};
use crate::world::{Budget, Sent, State, World};

/// A write of another client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// Makes a user an admin. Admins are protected.
    Promote(Id),
    Rename(Id),
    /// Gives a user the identifier of somebody else, so that the id stands for another person.
    Renumber(Id),
    Remove(Id),
    /// Gives a user who is to be moved another value in the custom field.
    Fill(Id),
    /// Creates the same person as this operation.
    Twin(usize),
    /// Creates another person, with the identifier and e-mail of the person that this operation creates.
    Rival(usize),
    /// Creates a person who is not in the plan, and whose name is not in it either.
    Stranger,
}

/// How the server rejects a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// 429.
    TooMany,
    /// 422.
    Invalid,
}

/// How a read fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadFailure {
    /// No usable answer.
    Failed,
    /// 404, although the user exists.
    SaidGone,
}

/// A step. The numbers are those of a process and an operation, or the place of a request in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A process takes the lock, replays its journal, reads the list, and begins unless the plan is stale.
    Start(usize),
    /// An operation begins. A create writes its intent and sends its request. Any other operation first reads and checks
    /// its user.
    Begin(usize, usize),
    /// The operation is tried again: it reads and checks its user again.
    Again(usize, usize),
    /// As `Begin` or `Again`, but the read fails.
    Unread(usize, usize, ReadFailure),
    /// After a change of branch, the user is read back, and missing custom fields are sent again.
    Refill(usize, usize),
    /// As `Refill`, but the read gets no answer.
    RefillUnread(usize, usize),
    /// After a write that other operations depend on, the user is read back.
    ReadBack(usize, usize),
    /// As `ReadBack`, but the read gets no answer.
    ReadBackUnread(usize, usize),
    /// The server carries a request out, or refuses it by its rules.
    CarryOut(usize),
    /// The server rejects a request without looking at it.
    Reject(usize, Rejection),
    /// The process gets the answer.
    Receive(usize),
    /// The same, but the server answers with the id of this user, or 404 or 202 to a DELETE.
    Lie(usize, Id),
    /// A DELETE is answered with 404, and not carried out.
    LieGone(usize),
    /// A request is answered as if it had been carried out. The answer to a POST has an id that no user has.
    LieDone(usize),
    /// A change of branch is carried out, and answered with a refusal.
    LieRefused(usize),
    /// The request or its answer is lost.
    Lose(usize),
    /// The process stops waiting for the answer. The server can still carry the request out.
    GiveUp(usize),
    /// A request whose process no longer waits is lost.
    Vanish(usize),
    /// A complete list decides about all unknown outcomes.
    Settle(usize),
    /// That list cannot be read, and the run is halted.
    SettleUnread(usize),
    /// A complete list confirms all finished operations.
    Confirm(usize),
    /// That list cannot be read, and the run is halted.
    ConfirmUnread(usize),
    /// A run ends with its report.
    Finish(usize),
    /// A process is killed. This number of its waiting outcomes reach the disk.
    Crash(usize, usize),
    /// Another client writes.
    Other(Foreign),
    /// Somebody without the key changes a journal. It now says that the first operation created this user, or found this
    /// user with another custom field.
    Forge(usize, Id),
}

impl World {
    /// All possible next steps.
    pub(crate) fn steps(&self, state: &State) -> Vec<Step> {
        let mut steps = Vec::new();
        for process in 0..self.folders.len() {
            self.steps_of(state, process, &mut steps);
        }
        if self.is_eager
            && let Some(create) = steps.iter().find(|step| {
                matches!(step, Step::Begin(_, operation)
                    if matches!(self.operation(*operation).action, Action::Create { .. }))
            })
        {
            return vec![*create];
        }
        let Budget { faults, lies, others, crashes, forgeries } = state.left;
        for (place, message) in state.network.iter().enumerate() {
            match message.answer {
                None => {
                    steps.push(Step::CarryOut(place));
                    if message.is_orphan {
                        steps.push(Step::Vanish(place));
                    } else if faults > 0 {
                        let rejections = [Rejection::TooMany, Rejection::Invalid];
                        let rejections = rejections.map(|rejection| Step::Reject(place, rejection));
                        steps.extend(rejections.into_iter().chain([Step::Lose(place), Step::GiveUp(place)]));
                    }
                    if let (Request::Delete(_), false, true) = (message.request, message.is_orphan, lies > 0) {
                        steps.push(Step::LieGone(place));
                    }
                    // A refill is sent after the new branch was seen, so only custom fields can be lost.
                    if lies > 0 && !message.is_orphan && message.step != Sent::Refill {
                        steps.push(Step::LieDone(place));
                    }
                    let is_move = message.step == Sent::Update && self.moves_branch(usize::from(message.operation));
                    if lies > 0 && !message.is_orphan && is_move {
                        steps.push(Step::LieRefused(place));
                    }
                }
                Some(answer) => {
                    steps.push(Step::Receive(place));
                    if faults > 0 {
                        steps.push(Step::Lose(place));
                    }
                    if let (Answer::Created(id), true) = (answer, lies > 0) {
                        let others = state.server.iter().filter(|(other, _)| *other != id);
                        steps.extend(others.map(|(other, _)| Step::Lie(place, other)));
                    }
                }
            }
        }
        if others > 0 {
            self.foreign(state, &mut steps);
        }
        for process in 0..self.folders.len() {
            let folder = self.folders[process];
            if state.runs[process].is_some() && crashes > 0 {
                let waiting = state.journals[folder].waiting.len();
                steps.extend((0..=waiting).map(|kept| Step::Crash(process, kept)));
            }
            let is_used =
                (0..self.folders.len()).any(|other| self.folders[other] == folder && state.runs[other].is_some());
            if forgeries > 0 && !is_used && state.journals[folder].is_begun {
                steps.extend(state.server.iter().map(|(id, _)| Step::Forge(process, id)));
            }
        }
        steps
    }

    fn foreign(&self, state: &State, steps: &mut Vec<Step>) {
        for (id, user) in state.server.iter() {
            let writes = [Foreign::Promote(id), Foreign::Rename(id), Foreign::Renumber(id), Foreign::Remove(id)];
            steps.extend(writes[usize::from(user.is_admin)..].iter().map(|write| Step::Other(*write)));
            // Two machines that do not know of each other cannot tell whose request moved a user.
            if self.is_to_be_moved(id) && self.folders.windows(2).all(|pair| pair[0] == pair[1]) {
                steps.push(Step::Other(Foreign::Fill(id)));
            }
        }
        if usize::from(state.server.given) + 3 < state.server.users.len() {
            for operation in 0..self.operations() {
                let Some(twin) = self.twin(state, operation) else { continue };
                if !(self.is_unique && state.server.is_taken(&twin, None)) {
                    let made = [Foreign::Twin(operation), Foreign::Rival(operation)];
                    steps.extend(made.map(Step::Other));
                }
            }
            steps.push(Step::Other(Foreign::Stranger));
        }
    }

    fn is_to_be_moved(&self, id: Id) -> bool {
        let moves =
            |action: &Action| matches!(action, Action::Update { user, edit: Edit::Branch(_), .. } if *user == id);
        (0..self.operations()).any(|operation| moves(&self.operation(operation).action))
    }

    /// The person that an operation creates, if it is a create and the manager exists.
    pub(crate) fn twin(&self, state: &State, operation: usize) -> Option<Fields> {
        let Action::Create { after } = &self.operation(operation).action else { return None };
        created(after, &laws::made(&state.server)).ok()
    }
}
