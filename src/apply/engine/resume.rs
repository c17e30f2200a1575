//! Resumes an apply where an earlier run of it ended.

use std::collections::HashMap;
use std::time::Instant;

use super::{Parked, Run, State, Taken, left_alone, place};
use crate::apply::Outcome;
use crate::apply::journal::{Progress, Record, Replay};
use crate::apply::precheck::{Conflict, Standing};
use crate::plan::{Action, OperationId};

impl<'a> Run<'a> {
    /// Takes over the outcomes that the journal and the account show.
    pub(super) fn take_up(&mut self, replay: &'a Replay, standing: &Standing) {
        let operations = self.operations;
        let conflicts: HashMap<OperationId, &Conflict> =
            standing.conflicts.iter().map(|conflict| (conflict.operation, conflict)).collect();
        for (index, operation) in operations.iter().enumerate() {
            // No other create can have made this user, even if it turned out to be another person than the plan's.
            if let Some(Progress::Done { user_id, .. }) = replay.operations.get(&operation.id) {
                self.note_made(index, user_id.as_ref());
            }
        }
        let mut ended = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            match replay.operations.get(&operation.id) {
                Some(Progress::Done { .. }) if let Some(conflict) = conflicts.get(&operation.id) => {
                    self.contradict(index, conflict.problems.join(", "), None);
                    let problem = format!("conflict: {}; plan again", conflict.problems.join(", "));
                    ended.push((index, Outcome::Failed { problem }));
                }
                Some(Progress::Done { differs, .. }) => {
                    self.remember(index, replay.before.get(&operation.id));
                    let differs =
                        standing.differing.get(&operation.id).filter(|_| differs.is_empty()).unwrap_or(differs);
                    ended.push((index, Outcome::DoneBefore { differs: differs.clone() }));
                }
                Some(Progress::InDoubt(doubt)) => {
                    if !matches!(operation.action, Action::Create { .. }) {
                        self.doubts.insert(index, doubt.clone());
                    }
                    let problem = "an earlier run ended before the answer came".to_owned();
                    // The request may have been sent long after its intent, and still be under way.
                    let sent_at = Some(Instant::now());
                    self.states[index] = State::Parked(Parked { sent_at, problem, taken: Taken::No });
                }
                None => {
                    if let Some(user_id) = standing.already.get(&operation.id) {
                        let (at, user_id) = ((self.worker.now)(), user_id.clone());
                        self.note_made(index, user_id.as_ref());
                        self.remember(index, None);
                        let id = operation.id;
                        self.note(&Record::Done { at, operation: id, user_id, after: None, differs: Vec::new() });
                        ended.push((index, Outcome::DoneBefore { differs: Vec::new() }));
                    }
                }
            }
        }
        // First all outcomes, then what follows from them: an operation that is done is never given up for its
        // dependencies.
        for (index, outcome) in &ended {
            self.states[*index] = State::Ended(outcome.clone());
        }
        for (index, outcome) in ended {
            match outcome {
                Outcome::Failed { .. } => self.end(index, outcome, None, None),
                outcome => self.conclude(index, outcome),
            }
        }
        if let Some(bar) = &standing.bar {
            for index in 0..self.states.len() {
                if let State::Waiting(_) = self.states[index] {
                    self.end(index, Outcome::NotAttempted { because: bar.clone() }, None, None);
                }
            }
        }
        for Conflict { operation, problems, is_apart: _ } in &standing.conflicts {
            // Unless an operation that it needs has failed, too.
            if let State::Waiting(_) = self.states[place(*operation)] {
                let problem = left_alone(&problems.join(", "));
                self.end(place(*operation), Outcome::Failed { problem }, None, None);
            }
        }
        // The loops above made some operations ready already; each must be begun only once.
        let is_ready = |index: &usize| matches!(self.states[*index], State::Waiting(0));
        let ready: Vec<usize> = (0..self.states.len()).filter(is_ready).collect();
        self.ready.clear();
        ready.into_iter().for_each(|index| self.make_ready(index));
    }
}
