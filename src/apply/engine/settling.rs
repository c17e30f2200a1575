//! What is unclear: parked until nothing else can run, and then settled together.

use std::time::{Duration, Instant};

use super::{FAILURES_IN_A_ROW, MAX_ATTEMPTS, Run, State, Stop, wants};
use crate::apply::journal::{Doubt, Record};
use crate::apply::settle::{List, Verdict};
use crate::apply::{Halt, Outcome};
use crate::target::wire::UserResource;

impl Run<'_> {
    pub(super) fn park(&mut self, index: usize, problem: String, taken: bool, before: Option<UserResource>) {
        self.states[index] = State::Parked { sent_at: Instant::now(), problem, taken };
        self.doubts.entry(index).or_insert(Doubt { before });
        self.count_failure();
    }

    /// Stops the run instead of hammering a server that answers nothing well.
    pub(super) fn count_failure(&mut self) {
        self.failures_in_a_row += 1;
        if self.failures_in_a_row >= FAILURES_IN_A_ROW {
            self.halt.get_or_insert(Halt::Failures(self.failures_in_a_row));
        }
    }

    /// Settles what is parked by one complete list, read late enough after the last of it was sent. Says whether
    /// anything came of it that the run can go on with.
    pub(super) async fn settle(&mut self) -> bool {
        let parked: Vec<usize> =
            (0..self.states.len()).filter(|&index| matches!(self.states[index], State::Parked { .. })).collect();
        if parked.is_empty() {
            return false;
        }
        let sent = |index: &usize| match self.states[*index] {
            State::Parked { sent_at, .. } => Some(sent_at),
            _ => None,
        };
        let last = parked.iter().filter_map(sent).max();
        let wait = last.map_or(Duration::ZERO, |last| self.options.settle_after.saturating_sub(last.elapsed()));
        self.observer.settling(parked.len(), wait);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = wants(&mut self.options.stop, Stop::Gently) => {
                self.halt = Some(Halt::Interrupted);
                return false;
            }
        }
        let read = tokio::select! {
            read = self.worker.client.users(self.worker.managed, &|_, _| {}) => read,
            () = wants(&mut self.options.stop, Stop::Gently) => {
                self.halt = Some(Halt::Interrupted);
                return false;
            }
        };
        let users = match read {
            Ok(users) => users,
            Err(error) => {
                self.halt = Some(Halt::Unreadable(error.to_string()));
                return false;
            }
        };
        let list = List::new(&users);
        for index in parked {
            self.settle_one(index, &list);
        }
        true
    }

    pub(super) fn settle_one(&mut self, index: usize, list: &List<'_>) {
        let operation = &self.operations[index];
        let State::Parked { sent_at: _, problem, taken } = &self.states[index] else { return };
        let (problem, taken) = (problem.clone(), *taken);
        let tried = self.begun.get(&index).map_or(0, |(attempts, _)| *attempts);
        let (at, id) = ((self.worker.now)(), operation.id);
        match list.judge(operation, self.worker.managed, &self.made) {
            Verdict::Made(user_id) => {
                let user_id = Some(user_id);
                self.note(&Record::Done {
                    at,
                    operation: id,
                    user_id: user_id.clone(),
                    after: None,
                    differs: Vec::new(),
                });
                self.end(index, Outcome::Done { user_id, differs: Vec::new() }, None, None);
            }
            Verdict::SomebodyElse(found) => {
                self.end(index, Outcome::InDoubt { problem: format!("{problem}; {found}") }, None, None)
            }
            Verdict::Absent if taken => {
                self.note(&Record::NotDone { at, operation: id, problem: problem.clone() });
                self.end(index, Outcome::Failed { problem }, None, None);
            }
            Verdict::Absent | Verdict::ReadAgain if tried < MAX_ATTEMPTS => {
                self.states[index] = State::Waiting(0);
                self.make_ready(index);
            }
            Verdict::Absent | Verdict::ReadAgain => self.end(index, Outcome::InDoubt { problem }, None, None),
        }
    }
}
