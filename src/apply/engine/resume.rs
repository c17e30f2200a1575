//! Where an earlier run of the same apply ended, this one begins.

use std::collections::HashMap;
use std::time::Instant;

use super::{Parked, Run, State, place};
use crate::apply::Outcome;
use crate::apply::journal::{Progress, Record, Replay};
use crate::apply::precheck::{Conflict, Standing};
use crate::plan::{Action, OperationId};

impl<'a> Run<'a> {
    /// Goes on where an earlier run of the same apply ended.
    pub(super) fn take_up(&mut self, replay: &'a Replay, standing: &Standing) {
        let operations = self.operations;
        let conflicts: HashMap<OperationId, &Conflict> =
            standing.conflicts.iter().map(|conflict| (conflict.operation, conflict)).collect();
        for (index, operation) in operations.iter().enumerate() {
            let conflict = conflicts.get(&operation.id);
            match replay.operations.get(&operation.id) {
                Some(Progress::Done { .. }) if let Some(conflict) = conflict => {
                    let problem = format!("conflict: {}; plan again", conflict.problems.join(", "));
                    self.end(index, Outcome::Failed { problem }, None, None);
                }
                Some(Progress::Done { user_id, differs }) => {
                    self.note_made(index, user_id.as_ref());
                    self.conclude(index, Outcome::DoneBefore { differs: differs.clone() });
                }
                Some(Progress::InDoubt(doubt)) => {
                    if !matches!(operation.action, Action::Create { .. }) {
                        self.doubts.insert(index, doubt.clone());
                    }
                    let problem = "an earlier run ended before the answer came".to_owned();
                    // The request may have left long after its intent, and be under way still.
                    let sent_at = Some(Instant::now());
                    self.states[index] = State::Parked(Parked { sent_at, problem, taken: false });
                }
                None => {
                    if let Some(user_id) = standing.already.get(&operation.id) {
                        let (at, user_id) = ((self.worker.now)(), user_id.clone());
                        self.note_made(index, user_id.as_ref());
                        let id = operation.id;
                        self.note(&Record::Done { at, operation: id, user_id, after: None, differs: Vec::new() });
                        self.conclude(index, Outcome::DoneBefore { differs: Vec::new() });
                    }
                }
            }
        }
        for Conflict { operation, problems } in &standing.conflicts {
            // Unless something that it needs is in the way, too.
            if let State::Waiting(_) = self.states[place(*operation)] {
                let problem = format!("conflict: {}; it was left alone; plan again", problems.join(", "));
                self.end(place(*operation), Outcome::Failed { problem }, None, None);
            }
        }
        // Counting down has made some ready already; each is to be begun once.
        let is_ready = |index: &usize| matches!(self.states[*index], State::Waiting(0));
        let ready: Vec<usize> = (0..self.states.len()).filter(is_ready).collect();
        self.ready.clear();
        ready.into_iter().for_each(|index| self.make_ready(index));
    }
}
