//! The outcomes of operations, as in `engine`, `engine::unclear` and `settle`.

use std::collections::BTreeSet;

use super::precheck::Contradiction;
use super::{Attempts, End, Entry, MAX_ATTEMPTS, Outcome, Phase, Run};
use crate::journal::{Progress, Record};
use crate::laws;
use crate::plan::{Action, Made, created};
use crate::server::{Fields, Id, Server, User};
use crate::world::{Mutation, State, World};

/// What the list shows about an operation with unknown outcome.
enum Verdict {
    Made(Id),
    Absent,
    SomebodyElse(Id),
    Gone,
    /// Whom an update changes is gone.
    Outdated,
    ReadAgain,
}

impl World {
    pub(super) fn take_in(&self, state: &mut State, process: usize, operation: usize, end: End, before: Option<User>) {
        let Some(run) = &mut state.runs[process] else { return };
        let after_unclear = run.entries[operation].attempts.unclear;
        run.has_written |= (after_unclear && end != End::NotAgain) || matches!(end, End::Unclear | End::HalfDone);
        let run = *run;
        let is_others = !run.entries[operation].is_tried;
        let parked = |sent, taken| Phase::Parked { sent, taken, is_others: taken && is_others };
        match end {
            End::Done(Some(id)) | End::DoneOtherwise(Some(id))
                if self.is_not_new(state, process, operation, id) && !self.has(Mutation::BelievesIds) =>
            {
                self.doubt_maker(state, process, id);
                self.park(state, process, operation, parked(true, false), before);
            }
            End::Done(user) | End::DoneOtherwise(user) => {
                self.remember(state, process, operation, before);
                self.done(state, process, operation, user, matches!(end, End::DoneOtherwise(_)));
            }
            End::NotDone | End::Refused | End::NotAgain => self.not_done(state, process, operation),
            End::HalfDone => self.end(state, process, operation, Outcome::Failed),
            End::Outdated if !after_unclear => self.outdate(state, process, operation),
            End::Conflict | End::Outdated => {
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

    /// Whether it is impossible that a create made this user.
    fn is_not_new(&self, state: &State, process: usize, operation: usize, id: Id) -> bool {
        let (Some(run), Action::Create { .. }) = (&state.runs[process], &self.operation(operation).action) else {
            return false;
        };
        let is_others = (0..self.operations()).any(|other| other != operation && run.entries[other].made == Some(id));
        let was_there = !run.entries[operation].is_resumed && run.known & 1 << id != 0;
        is_others || was_there || state.journals[self.folders[process]].known & 1 << id != 0
    }

    /// Sets the outcome of an earlier create to unknown if its answer had the same user, unless that user was read back.
    fn doubt_maker(&self, state: &mut State, process: usize, id: Id) -> bool {
        let Some(run) = state.runs[process] else { return false };
        for maker in 0..self.operations() {
            let entry = run.entries[maker];
            // A create that an earlier run did, and that failed now, is one whose user is another person.
            let is_done = matches!(entry.phase, Phase::Ended(Outcome::Done | Outcome::DoneOtherwise | Outcome::Failed));
            if entry.made != Some(id) || !is_done || self.is_needed(maker) {
                continue;
            }
            self.note(state, process, Record::Doubted { operation: maker });
            if let Some(run) = &mut state.runs[process] {
                run.entries[maker].made = None;
            }
            self.park(state, process, maker, Phase::Parked { sent: true, taken: false, is_others: false }, None);
            return true;
        }
        false
    }

    fn park(&self, state: &mut State, process: usize, operation: usize, phase: Phase, before: Option<User>) {
        let Some(run) = &mut state.runs[process] else { return };
        let entry = &mut run.entries[operation];
        entry.phase = phase;
        entry.doubt.get_or_insert_default().renew(before);
        entry.attempts = Attempts::default();
        entry.is_tried = true;
    }

    fn done(&self, state: &mut State, process: usize, operation: usize, user: Option<Id>, differs: bool) {
        self.note(state, process, Record::Done { operation, user, differs });
        let is_create = matches!(self.operation(operation).action, Action::Create { .. });
        if let (Some(run), true) = (&mut state.runs[process], is_create) {
            run.entries[operation].made = user;
        }
        self.end(state, process, operation, if differs { Outcome::DoneOtherwise } else { Outcome::Done });
    }

    /// Remembers the values that a finished update or link has sent, on top of the user as it was read.
    fn remember(&self, state: &mut State, process: usize, operation: usize, before: Option<User>) {
        let Some(run) = &mut state.runs[process] else { return };
        let before = before.or(run.entries[operation].doubt.and_then(|doubt| doubt.before));
        run.entries[operation].sent = before.and_then(|before| self.sent(operation, before, &run.made()));
    }

    fn not_done(&self, state: &mut State, process: usize, operation: usize) {
        self.note(state, process, Record::NotDone { operation });
        self.end(state, process, operation, Outcome::Failed);
    }

    fn outdate(&self, state: &mut State, process: usize, operation: usize) {
        self.note(state, process, Record::Outdated { operation });
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
            sent: ended.sent,
            begun: 0,
            doubt: None,
            attempts: Attempts::default(),
            is_resumed: ended.is_resumed,
            is_tried: false,
            is_mislabelled: false,
        };
        self.give_up_dependents(run);
    }

    /// Gives up the operations that depend on one that is not done.
    pub(super) fn give_up_dependents(&self, run: &mut Run) {
        // Operations come after those that they depend on.
        for other in 0..self.operations() {
            let is_waiting = run.entries[other].phase == Phase::Waiting;
            let is_given_up = self
                .operation(other)
                .depends_on
                .iter()
                .any(|&needed| matches!(run.entries[needed].phase, Phase::Ended(_)) && !self.is_done(run, needed));
            if is_waiting && is_given_up {
                run.entries[other].phase = Phase::Ended(Outcome::NotAttempted);
            }
        }
    }

    pub(crate) fn settle(&self, state: &mut State, process: usize) {
        let list = state.server;
        if list.contradicts_itself() {
            return self.halt(state, process);
        }
        // An outcome that becomes unknown meanwhile waits for the next list.
        let Some(run) = state.runs[process] else { return };
        let is_parked = |operation: &usize| matches!(run.entries[*operation].phase, Phase::Parked { .. });
        for operation in (0..self.operations()).filter(is_parked) {
            let Some(run) = state.runs[process] else { return };
            let entry = run.entries[operation];
            let Phase::Parked { taken, is_others, .. } = entry.phase else { continue };
            let tried = entry.begun;
            let is_create = matches!(self.operation(operation).action, Action::Create { .. });
            let is_delete = matches!(self.operation(operation).action, Action::Delete { .. });
            let is_under_another =
                self.has_other_manager(operation, &list) || self.has_other_new_manager(operation, &list, &run.made());
            let is_barred = entry.is_mislabelled || is_under_another;
            let is_barred = is_barred && !(is_create && self.has(Mutation::RepeatsUnderAnybody));
            match self.verdict(operation, &list, &run.made()) {
                Verdict::Made(id) | Verdict::SomebodyElse(id) if self.is_not_new(state, process, operation, id) => {
                    if !self.doubt_maker(state, process, id) {
                        self.end(state, process, operation, Outcome::InDoubt);
                    }
                }
                Verdict::Made(_) if is_others => self.not_done(state, process, operation),
                Verdict::Made(id) => self.done(state, process, operation, Some(id), false),
                Verdict::Gone => self.done(state, process, operation, None, false),
                Verdict::Outdated => self.outdate(state, process, operation),
                Verdict::SomebodyElse(id)
                    if self.has_identifier_of(operation, &list, id) || self.has(Mutation::OutdatesByEmails) =>
                {
                    self.outdate(state, process, operation);
                }
                Verdict::SomebodyElse(_) => self.end(state, process, operation, Outcome::InDoubt),
                Verdict::Absent if taken => self.not_done(state, process, operation),
                Verdict::ReadAgain if self.is_in_the_way(operation, &list) => self.not_done(state, process, operation),
                Verdict::Absent | Verdict::ReadAgain if is_barred && (is_create || is_delete) => {
                    self.not_done(state, process, operation);
                }
                Verdict::ReadAgain if is_delete && tried < MAX_ATTEMPTS && self.is_unmet(&run, operation) => {
                    self.not_done(state, process, operation);
                }
                Verdict::Absent | Verdict::ReadAgain if tried < MAX_ATTEMPTS => {
                    laws::judge_repetition(self, state, process, operation);
                    if let Some(run) = &mut state.runs[process] {
                        run.entries[operation].phase = Phase::Waiting;
                        run.entries[operation].attempts.is_barred = is_barred;
                    }
                }
                Verdict::Absent | Verdict::ReadAgain => self.end(state, process, operation, Outcome::InDoubt),
            }
        }
    }

    /// The users in whom the list contradicts what is done, in this run or before it. The program reads them singly before the
    /// list settles anything. For the model, which knows no lies of a list, the list and these reads are one step.
    pub(crate) fn contradicted(&self, state: &State, process: usize) -> BTreeSet<Id> {
        let (list, Some(run)) = (state.server, &state.runs[process]) else { return BTreeSet::new() };
        if list.contradicts_itself() {
            return BTreeSet::new();
        }
        let (made, journal) = (run.made(), &state.journals[self.folders[process]]);
        let is_done = |operation: &usize| {
            let phase = run.entries[*operation].phase;
            matches!(phase, Phase::Ended(Outcome::Done | Outcome::DoneBefore | Outcome::DoneOtherwise))
                || matches!(journal.operations[*operation], Some(Progress::Done { .. }))
        };
        let is_contradicted = |operation: &usize| match &run.entries[*operation].sent {
            Some(sent) => self.contradicts_sent(*operation, &list, &made, sent),
            None => self.contradiction(*operation, &list, &made).is_some(),
        };
        let contradicted = (0..self.operations()).filter(is_done).filter(is_contradicted);
        let user = |operation: usize| match self.operation(operation).action {
            Action::Create { .. } => made[operation],
            Action::Link { create, .. } => made[create],
            Action::Update { user, .. } | Action::Delete { user, .. } => Some(user),
        };
        contradicted.filter_map(user).collect()
    }

    /// Whether a user has the identifier of the person whom a create sends.
    fn has_identifier_of(&self, operation: usize, list: &Server, id: Id) -> bool {
        let Action::Create { after } = &self.operation(operation).action else { return false };
        list.user(id).is_some_and(|user| user.fields.identifier == after.identifier)
    }

    /// Whether an operation that this one depends on has ended without being done.
    fn is_unmet(&self, run: &Run, operation: usize) -> bool {
        let is_over = |needed: &usize| matches!(run.entries[*needed].phase, Phase::Ended(_));
        self.operation(operation)
            .depends_on
            .iter()
            .filter(|needed| is_over(needed))
            .any(|needed| !self.is_done(run, *needed))
    }

    /// Whether a delete must not be repeated: somebody reports to the user, or nobody else is an admin.
    fn is_in_the_way(&self, operation: usize, list: &Server) -> bool {
        let Action::Delete { user, .. } = self.operation(operation).action else { return false };
        let is_admin = |id: Id| list.user(id).is_some_and(|user| user.is_admin);
        list.iter().any(|(_, report)| report.fields.manager == Some(user))
            || (is_admin(user) && !list.iter().any(|(id, _)| id != user && is_admin(id)))
    }

    fn verdict(&self, operation: usize, list: &Server, made: &Made) -> Verdict {
        let is_gone = |id: Id| list.user(id).is_none();
        let left = |user: Option<Id>| if user.is_some_and(is_gone) { Verdict::Outdated } else { Verdict::ReadAgain };
        let after = match &self.operation(operation).action {
            Action::Create { after } => after,
            Action::Delete { user, .. } if list.user(*user).is_none() => return Verdict::Gone,
            Action::Delete { .. } => return Verdict::ReadAgain,
            Action::Update { user, .. } => return left(Some(*user)),
            Action::Link { create, .. } => return left(made[*create]),
        };
        let find = |is_it: &dyn Fn(&Fields) -> bool| list.iter().filter(|(_, user)| is_it(&user.fields)).last();
        let found = find(&|fields| fields.identifier == after.identifier)
            .or_else(|| find(&|fields| fields.email == after.email && !self.has(Mutation::RepeatsOverEmails)));
        match found {
            None => Verdict::Absent,
            Some((id, user)) if created(after, made) == Ok(user.fields) && !user.is_admin => Verdict::Made(id),
            Some((id, _)) => Verdict::SomebodyElse(id),
        }
    }

    pub(crate) fn halt(&self, state: &mut State, process: usize) {
        if let Some(run) = &mut state.runs[process] {
            run.is_halted = true;
        }
    }

    /// Compares the finished operations with the last list.
    pub(crate) fn confirm(&self, state: &mut State, process: usize) {
        let list = state.server;
        if list.contradicts_itself() {
            return self.halt(state, process);
        }
        let Some(run) = &mut state.runs[process] else { return };
        run.is_confirmed = true;
        let run = *run;
        for operation in 0..self.operations() {
            let Phase::Ended(outcome) = run.entries[operation].phase else { continue };
            if !matches!(outcome, Outcome::Done | Outcome::DoneBefore | Outcome::DoneOtherwise) {
                continue;
            }
            let made = run.made();
            let sent = run.entries[operation].sent;
            let contradiction = match &sent {
                Some(sent) => self.contradicts_sent(operation, &list, &made, sent).then_some(Contradiction::Differs),
                None => self.contradiction(operation, &list, &made),
            };
            let is_less = sent.is_some_and(|sent| self.has_lost(operation, &list, &made, &sent).is_some());
            let outcome = match contradiction {
                Some(Contradiction::Undone) => Outcome::Failed,
                Some(Contradiction::Differs) => Outcome::DoneOtherwise,
                None if is_less || self.has_other_manager(operation, &list) => Outcome::DoneOtherwise,
                None => outcome,
            };
            if let Some(run) = &mut state.runs[process] {
                run.entries[operation].phase = Phase::Ended(outcome);
            }
            if contradiction.is_some() && state.journals[self.folders[process]].contradicted & 1 << operation == 0 {
                self.note(state, process, Record::Contradicted { operation });
            }
        }
        laws::judge_confirmed(self, state, process);
    }

    /// The reported outcome of an operation if its run ends now.
    pub(crate) fn outcome(run: &Run, operation: usize) -> Outcome {
        match run.entries[operation].phase {
            Phase::Ended(outcome) => outcome,
            Phase::Waiting => Outcome::NotAttempted,
            Phase::Sent | Phase::Pausing | Phase::Refilling | Phase::ReadingBack(_) | Phase::Parked { .. } => {
                Outcome::InDoubt
            }
        }
    }

    pub(crate) fn finish(&self, state: &mut State, process: usize) {
        let Some(run) = state.runs[process].take() else { return };
        let journal = &mut state.journals[self.folders[process]];
        journal.flush();
        journal.is_finished = !run.is_halted
            && (0..self.operations())
                .all(|operation| matches!(Self::outcome(&run, operation), Outcome::Done | Outcome::DoneBefore));
        if journal.is_finished {
            laws::judge_finished(self, state, &run);
        }
    }
}
