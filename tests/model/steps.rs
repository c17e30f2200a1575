//! What can happen next. The steps of an apply have the names that they have in the code.

use crate::laws;
use crate::plan::{Action, created};
use crate::server::{Answer, Fields, Id, Request};
use crate::world::{Budget, Sent, State, World};

/// What another client writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// Makes somebody an admin, who is protected.
    Promote(Id),
    Rename(Id),
    Remove(Id),
    /// Makes just the person whom this operation creates.
    Twin(usize),
    /// Makes somebody else with the identifier and e-mail of the person whom this operation creates.
    Rival(usize),
    /// Makes somebody who has nothing to do with the plan, and no namesake in it.
    Stranger,
}

/// How the server turns a request away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// 429.
    Away,
    /// 422.
    Refused,
}

/// How a read goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// No usable answer.
    Failed,
    /// 404, though the user is there.
    SaidGone,
}

/// What can happen next. Numbers are those of a process, an operation, or the place of a request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A process takes the lock, replays its journal, reads the list, and begins unless the plan is stale.
    Start(usize),
    /// An operation is begun: a create is announced and sent, another one reads its user, judges, announces and sends.
    Begin(usize, usize),
    /// Another attempt of the same operation: it reads and judges anew.
    Again(usize, usize),
    /// As `Begin` or `Again`, but the read goes wrong.
    Unread(usize, usize, Unread),
    /// After a change of branch: the user is read back, and custom fields that went missing are sent again.
    Refill(usize, usize),
    /// As `Refill`, but the read gets no answer.
    RefillUnread(usize, usize),
    /// After a write that others wait for: the user is read back.
    ReadBack(usize, usize),
    /// As `ReadBack`, but the read gets no answer.
    ReadBackUnread(usize, usize),
    /// The server carries a request out, or refuses it by its own rules.
    CarryOut(usize),
    /// The server turns a request away without doing anything.
    TurnAway(usize, Turned),
    /// The answer of a request that was carried out is taken in.
    TakeIn(usize),
    /// The same, but the server answers with the id of this user, or 404 or 202 to a DELETE.
    Lie(usize, Id),
    /// A DELETE is answered by 404, and not carried out.
    LieGone(usize),
    /// A request is answered as if it had been carried out; a POST by the id of nobody.
    LieDone(usize),
    /// No answer comes; a request that was not carried out never will be.
    Lose(usize),
    /// No answer comes, but the request is still on its way.
    GiveUp(usize),
    /// A request that nobody waits for is lost.
    Vanish(usize),
    /// What is parked is settled by one complete list.
    Settle(usize),
    /// That list cannot be read, and the run is halted.
    SettleUnread(usize),
    /// What is called done is confirmed by one complete list.
    Confirm(usize),
    /// That list cannot be read, and the run is halted.
    ConfirmUnread(usize),
    /// A run ends with its report.
    Finish(usize),
    /// A process is killed; so many outcomes that were handed over reach the disk.
    Crash(usize, usize),
    /// Another client writes.
    Other(Foreign),
    /// Somebody without the key changes a journal: the first operation made this user, or found this user with another
    /// custom field.
    Forge(usize, Id),
}

impl World {
    /// All that can happen next.
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
                        let turned = [Turned::Away, Turned::Refused].map(|turned| Step::TurnAway(place, turned));
                        steps.extend(turned.into_iter().chain([Step::Lose(place), Step::GiveUp(place)]));
                    }
                    if let (Request::Delete(_), false, true) = (message.request, message.is_orphan, lies > 0) {
                        steps.push(Step::LieGone(place));
                    }
                    // A refill is sent once the move was seen: only the custom fields are at stake.
                    if lies > 0 && !message.is_orphan && message.step != Sent::Refill {
                        steps.push(Step::LieDone(place));
                    }
                }
                Some(answer) => {
                    steps.push(Step::TakeIn(place));
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
            let writes = [Foreign::Promote(id), Foreign::Rename(id), Foreign::Remove(id)];
            steps.extend(writes[usize::from(user.is_admin)..].iter().map(|write| Step::Other(*write)));
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

    /// The person whom an operation creates, if it creates somebody and their manager is there.
    pub(crate) fn twin(&self, state: &State, operation: usize) -> Option<Fields> {
        let Action::Create { after } = &self.operation(operation).action else { return None };
        created(after, &laws::made(&state.server)).ok()
    }
}
