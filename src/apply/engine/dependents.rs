//! What follows for other operations when one ends, and whether one may be begun again.

use std::time::Duration;

use super::{Run, State, place};
use crate::apply::journal::Record;
use crate::apply::{Ended, Outcome};
use crate::plan::{Action, Operation, OperationId};

impl Run<'_> {
    /// Why operations that depend on this one must not be begun. If Skovik stored an update differently, it may not
    /// have moved the report of a manager who is to be deleted. A create has at least made the person.
    pub(super) fn holds_up(&self, index: usize, outcome: &Outcome) -> Option<String> {
        let operation = &self.operations[index];
        let Operation { id, name, action, .. } = operation;
        let it = format!("it depends on operation {id}, {} {name}", action.name());
        match outcome {
            Outcome::Done { differs, .. } | Outcome::DoneBefore { differs } => {
                let is_enough = differs.is_empty() || matches!(action, Action::Create { .. });
                (!is_enough).then(|| format!("{it}, which Skovik stored with other values"))
            }
            Outcome::Failed { .. } | Outcome::InDoubt { .. } | Outcome::NotAttempted { .. } => {
                Some(format!("{it}, which is not done"))
            }
        }
    }

    /// Tells the operations that wait for this one that it is done.
    pub(super) fn release(&mut self, index: usize) {
        for place in 0..self.needed_by[index].len() {
            let next = self.needed_by[index][place] as usize;
            if let State::Waiting(left) = &mut self.states[next] {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.make_ready(next);
                }
            }
        }
    }

    /// Gives up every operation that depends on a failed one, directly or indirectly.
    pub(super) fn give_up_dependents(&mut self, index: usize, because: &str) {
        let mut next: Vec<u32> = self.needed_by[index].clone();
        while let Some(dependent) = next.pop() {
            let dependent = dependent as usize;
            if !matches!(self.states[dependent], State::Waiting(_)) {
                continue;
            }
            let outcome = self.not_begun(dependent, because);
            let operation = &self.operations[dependent];
            self.observer.ended(Ended {
                operation,
                outcome: &outcome,
                attempts: 0,
                took: Duration::ZERO,
                before: None,
                after: None,
            });
            self.states[dependent] = State::Ended(outcome);
            next.extend(&self.needed_by[dependent]);
        }
    }

    /// How an operation ends that is not begun (again).
    fn not_begun(&self, index: usize, because: &str) -> Outcome {
        let is_create = matches!(self.operations[index].action, Action::Create { .. });
        if self.doubts.contains_key(&index) && !is_create {
            return Outcome::InDoubt { problem: format!("it was not sent again: {because}") };
        }
        Outcome::NotAttempted { because: because.to_owned() }
    }

    /// Why an operation must not be carried out: an operation that it depends on has ended without being done.
    pub(super) fn unmet(&self, index: usize) -> Option<String> {
        self.operations[index].depends_on.iter().find_map(|needed| match &self.states[place(*needed)] {
            State::Ended(outcome) => self.holds_up(place(*needed), outcome),
            _ => None,
        })
    }

    /// Begins an operation again whose request had no effect, once what it depends on is done, which may have turned out
    /// not to be since the request. Then only an update is begun, which looks at its user and sends nothing. A delete has failed:
    /// the list still has the user.
    pub(super) fn begin_again(&mut self, index: usize) {
        let operation = &self.operations[index];
        let is_update = matches!(operation.action, Action::Update { .. } | Action::Link { .. });
        if let Some(because) = self.unmet(index).filter(|_| !is_update) {
            let outcome = match operation.action {
                Action::Delete { .. } => {
                    let (at, problem) = ((self.worker.now)(), format!("it was not sent again: {because}"));
                    self.note(&Record::NotDone { at, operation: operation.id, problem: problem.clone() });
                    Outcome::Failed { problem }
                }
                _ => self.not_begun(index, &because),
            };
            return self.end(index, outcome, None, None);
        }
        let is_open = |needed: &&OperationId| !matches!(self.states[place(**needed)], State::Ended(_));
        let left = operation.depends_on.iter().filter(is_open).count();
        self.states[index] = State::Waiting(left);
        if left == 0 {
            self.make_ready(index);
        }
    }
}
