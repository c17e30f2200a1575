//! What becomes of operations, as `engine`, `engine::unclear` and `settle` say it.

use super::{Attempts, End, Entry, MAX_ATTEMPTS, Outcome, Phase, Run};
use crate::journal::{Doubt, Record};
use crate::laws;
use crate::plan::{Action, Made, created};
use crate::server::{Fields, Id, Server, User};
use crate::world::{Mutation, State, World};

/// What the list says about an operation whose outcome was unclear.
enum Verdict {
    Made(Id),
    Absent,
    SomebodyElse,
    Gone,
    ReadAgain,
}

impl World {
    pub(super) fn take_in(&self, state: &mut State, process: usize, operation: usize, end: End, before: Option<User>) {
        let Some(run) = &mut state.runs[process] else { return };
        let is_create = matches!(self.operation(operation).action, Action::Create { .. });
        let is_known = |id: Id| run.known & 1 << id != 0 || run.made().contains(&Some(id));
        let parked = |sent, taken| Phase::Parked { sent, taken };
        match end {
            End::Done(Some(id)) if is_create && is_known(id) && !self.has(Mutation::BelievesIds) => {
                self.park(state, process, operation, parked(true, false), before);
            }
            End::Done(user) => self.done(state, process, operation, user, false),
            End::DoneOtherwise(user) => self.done(state, process, operation, user, true),
            End::NotDone => self.not_done(state, process, operation),
            End::HalfDone => self.end(state, process, operation, Outcome::Failed),
            End::Conflict => {
                let entry = &run.entries[operation];
                let remembers = !self.has(Mutation::ForgetsAttempts) && entry.attempts.unclear;
                if entry.doubt.is_some() || remembers {
                    self.end(state, process, operation, Outcome::Failed);
                } else {
                    self.not_done(state, process, operation);
                }
            }
            End::Unclear => self.park(state, process, operation, parked(true, false), before),
            End::Taken => self.park(state, process, operation, parked(true, true), before),
            End::SaidGone if self.has(Mutation::BelievesGone) => self.done(state, process, operation, None, false),
            End::SaidGone => self.park(state, process, operation, parked(false, false), before),
        }
    }

    fn park(&self, state: &mut State, process: usize, operation: usize, phase: Phase, before: Option<User>) {
        let Some(run) = &mut state.runs[process] else { return };
        let entry = &mut run.entries[operation];
        entry.phase = phase;
        entry.doubt.get_or_insert(Doubt { before });
        entry.attempts = Attempts::default();
    }

    fn done(&self, state: &mut State, process: usize, operation: usize, user: Option<Id>, differs: bool) {
        self.note(state, process, Record::Done { operation, user, differs });
        let is_create = matches!(self.operation(operation).action, Action::Create { .. });
        if let (Some(run), true) = (&mut state.runs[process], is_create) {
            run.entries[operation].made = user;
        }
        self.end(state, process, operation, if differs { Outcome::DoneOtherwise } else { Outcome::Done });
    }

    fn not_done(&self, state: &mut State, process: usize, operation: usize) {
        self.note(state, process, Record::NotDone { operation });
        self.end(state, process, operation, Outcome::Failed);
    }

    pub(super) fn note(&self, state: &mut State, process: usize, record: Record) {
        let folder = self.folders[process];
        laws::judge_record(self, state, folder, record);
        state.journals[folder].note(record);
    }

    /// An operation ends.
    pub(super) fn end(&self, state: &mut State, process: usize, operation: usize, outcome: Outcome) {
        let Some(run) = &mut state.runs[process] else { return };
        let ended = &mut run.entries[operation];
        *ended = Entry {
            phase: Phase::Ended(outcome),
            made: ended.made,
            begun: 0,
            doubt: None,
            attempts: Attempts::default(),
        };
        self.give_up_dependents(run);
    }

    /// What waits for an operation that is not done is not begun.
    pub(super) fn give_up_dependents(&self, run: &mut Run) {
        // Operations stand behind what they depend on.
        for other in 0..self.operations() {
            let is_waiting = run.entries[other].phase == Phase::Waiting;
            let is_given_up = self.operation(other).depends_on.iter().any(|&needed| {
                matches!(
                    run.entries[needed].phase,
                    Phase::Ended(Outcome::Failed | Outcome::InDoubt | Outcome::NotAttempted | Outcome::DoneOtherwise)
                )
            });
            if is_waiting && is_given_up {
                run.entries[other].phase = Phase::Ended(Outcome::NotAttempted);
            }
        }
    }

    pub(crate) fn settle(&self, state: &mut State, process: usize) {
        let list = state.server;
        for operation in 0..self.operations() {
            let Some(run) = state.runs[process] else { return };
            let entry = run.entries[operation];
            let Phase::Parked { taken, .. } = entry.phase else { continue };
            let tried = entry.begun;
            match self.verdict(operation, &list, &run.made()) {
                Verdict::Made(id) => self.done(state, process, operation, Some(id), false),
                Verdict::Gone => self.done(state, process, operation, None, false),
                Verdict::SomebodyElse => self.end(state, process, operation, Outcome::InDoubt),
                Verdict::Absent if taken => self.not_done(state, process, operation),
                Verdict::Absent | Verdict::ReadAgain if tried < MAX_ATTEMPTS => {
                    if let Some(run) = &mut state.runs[process] {
                        run.entries[operation].phase = Phase::Waiting;
                    }
                }
                Verdict::Absent | Verdict::ReadAgain => self.end(state, process, operation, Outcome::InDoubt),
            }
        }
    }

    fn verdict(&self, operation: usize, list: &Server, made: &Made) -> Verdict {
        let after = match &self.operation(operation).action {
            Action::Create { after } => after,
            Action::Delete { user, .. } if list.user(*user).is_none() => return Verdict::Gone,
            Action::Delete { .. } | Action::Update { .. } | Action::Link { .. } => return Verdict::ReadAgain,
        };
        let find = |is_it: &dyn Fn(&Fields) -> bool| list.iter().filter(|(_, user)| is_it(&user.fields)).last();
        let found = find(&|fields| fields.identifier == after.identifier)
            .or_else(|| find(&|fields| fields.email == after.email));
        match found {
            None => Verdict::Absent,
            Some((id, user)) if created(after, made) == Ok(user.fields) => Verdict::Made(id),
            Some(_) => Verdict::SomebodyElse,
        }
    }

    /// What is reported of an operation when its run ends now.
    pub(crate) fn outcome(run: &Run, operation: usize) -> Outcome {
        match run.entries[operation].phase {
            Phase::Ended(outcome) => outcome,
            Phase::Waiting => Outcome::NotAttempted,
            Phase::Sent | Phase::Pausing | Phase::Refilling | Phase::Parked { .. } => Outcome::InDoubt,
        }
    }

    pub(crate) fn finish(&self, state: &mut State, process: usize) {
        let Some(run) = state.runs[process].take() else { return };
        let journal = &mut state.journals[self.folders[process]];
        journal.flush();
        journal.is_finished = (0..self.operations())
            .all(|operation| matches!(Self::outcome(&run, operation), Outcome::Done | Outcome::DoneBefore));
    }
}
