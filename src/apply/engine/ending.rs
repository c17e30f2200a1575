//! What follows from the end of an operation, and of the run.

use std::time::Duration;

use super::{Run, State};
use crate::apply::journal::{JournalError, Record};
use crate::apply::{Ended, Halt, Outcome, Report};
use crate::employee::UserId;
use crate::plan::{Action, Operation};
use crate::target::wire::UserResource;

impl Run<'_> {
    pub(super) fn end(
        &mut self,
        index: usize,
        outcome: Outcome,
        before: Option<&UserResource>,
        after: Option<&UserResource>,
    ) {
        if let Outcome::Done { user_id, .. } = &outcome {
            let user_id = user_id.clone();
            self.note_made(index, user_id.as_ref());
            self.failures_in_a_row = 0;
        }
        let (attempts, took) = self.begun.get(&index).map_or((0, Duration::ZERO), |(n, since)| (*n, since.elapsed()));
        let operation = &self.operations[index];
        self.observer.ended(Ended { operation, outcome: &outcome, attempts, took, before, after });
        self.conclude(index, outcome);
    }

    pub(super) fn conclude(&mut self, index: usize, outcome: Outcome) {
        let because = self.holds_up(index, &outcome);
        self.states[index] = State::Ended(outcome);
        match because {
            None => self.release(index),
            Some(because) => self.give_up_dependents(index, &because),
        }
    }

    /// Why what depends on an operation must not be begun. An update that Skovik took but did not store as asked has
    /// perhaps not moved the report whose manager is to be deleted; a create has at least made the person.
    pub(super) fn holds_up(&self, index: usize, outcome: &Outcome) -> Option<String> {
        let operation = &self.operations[index];
        let Operation { id, name, action, .. } = operation;
        let it = format!("it comes after operation {id}, {} {name}", action.name());
        match outcome {
            Outcome::Done { differs, .. } | Outcome::DoneBefore { differs } => {
                let is_enough = differs.is_empty() || matches!(action, Action::Create { .. });
                (!is_enough).then(|| format!("{it}, which Skovik did not store as it was asked to"))
            }
            Outcome::Failed { .. } | Outcome::InDoubt { .. } | Outcome::NotAttempted { .. } => {
                Some(format!("{it}, which is not done"))
            }
        }
    }

    /// Counts an operation as done for those that wait for it.
    pub(super) fn release(&mut self, index: usize) {
        // An operation ends once, so that nobody asks again who waits for it.
        for next in std::mem::take(&mut self.needed_by[index]) {
            let next = next as usize;
            if let State::Waiting(left) = &mut self.states[next] {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.make_ready(next);
                }
            }
        }
    }

    /// Nothing that depends on a failed operation is begun, however indirectly.
    pub(super) fn give_up_dependents(&mut self, index: usize, because: &str) {
        let mut next: Vec<u32> = self.needed_by[index].clone();
        while let Some(dependent) = next.pop() {
            let dependent = dependent as usize;
            if !matches!(self.states[dependent], State::Waiting(_)) {
                continue;
            }
            let outcome = Outcome::NotAttempted { because: because.to_owned() };
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

    pub(super) fn note_made(&mut self, index: usize, user_id: Option<&UserId>) {
        let operation = &self.operations[index];
        if let (Action::Create { .. }, Some(user_id)) = (&operation.action, user_id) {
            self.made.insert(operation.id, user_id.clone());
        }
    }

    /// Outcomes are not waited for: whatever is sent next is announced behind them, in the same file.
    pub(super) fn note(&self, record: &Record) {
        drop(self.worker.journal.write(record));
    }

    pub(super) async fn finish(self) -> Report {
        let Self { states, halt, wrote, operations, observer, worker, running, .. } = self;
        drop(running);
        let mut report = Report { outcomes: Vec::with_capacity(states.len()), halt, wrote };
        for (state, operation) in states.into_iter().zip(operations) {
            let outcome = match state {
                State::Ended(outcome) => outcome,
                open => {
                    let outcome = open.left_open(report.halt.as_ref());
                    observer.ended(Ended {
                        operation,
                        outcome: &outcome,
                        attempts: 0,
                        took: Duration::ZERO,
                        before: None,
                        after: None,
                    });
                    outcome
                }
            };
            report.outcomes.push(outcome);
        }
        let last = if report.is_complete() {
            worker.journal.write(&Record::Finished { at: (worker.now)() })
        } else {
            worker.journal.flush()
        };
        if let Err(error) = last.done().await {
            report.halt.get_or_insert(journal_halt(&error));
        }
        report
    }
}

impl State {
    /// What is said of an operation that the run ended without.
    fn left_open(self, halt: Option<&Halt>) -> Outcome {
        let because = halt.map_or_else(|| "the run ended".to_owned(), ToString::to_string);
        match self {
            Self::Ended(outcome) => outcome,
            Self::Waiting(_) => Outcome::NotAttempted { because: format!("the run was stopped: {because}") },
            Self::Running => Outcome::InDoubt { problem: "the run was stopped before the answer came".to_owned() },
            Self::Parked { problem, .. } => Outcome::InDoubt { problem },
        }
    }
}

fn journal_halt(error: &JournalError) -> Halt {
    Halt::Journal(error.to_string())
}
