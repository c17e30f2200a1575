//! Operations with an unknown outcome wait until nothing else can run, and are then settled together.

use std::time::Duration;

use super::{MAX_ATTEMPTS, Parked, Run, State, Stop, Taken, left_alone, wants};
use crate::apply::confirm::{other_manager, other_new_manager};
use crate::apply::journal::{Progress, Record};
use crate::apply::labels::{Renamed, renamed};
use crate::apply::list::List;
use crate::apply::newcomers::Newcomers;
use crate::apply::settle::{Verdict, judge, taken};
use crate::apply::{Halt, Outcome};
use crate::employee::User;
use crate::plan::Action;
use crate::provider::StoredUser;

impl Run<'_> {
    /// Sets an operation aside until its outcome is settled. A request that was `sent` may still be carried out for a
    /// while.
    pub(super) fn park(&mut self, index: usize, parked: Parked, before: Option<StoredUser>) {
        if parked.sent_at.is_some() {
            self.count_failure();
        }
        self.states[index] = State::Parked(parked);
        self.doubts.entry(index).or_default().renew(before);
    }

    /// Settles all parked operations by one complete list, read late enough after the last request. Returns whether the
    /// run has anything left to do.
    pub(super) async fn settle(&mut self) -> bool {
        let parked: Vec<usize> =
            (0..self.states.len()).filter(|&index| matches!(self.states[index], State::Parked(_))).collect();
        if parked.is_empty() {
            return false;
        }
        let sent = |index: &usize| match &self.states[*index] {
            State::Parked(parked) => parked.sent_at,
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
        let listed = match self.read_settling_list(&parked).await {
            Ok(listed) => listed,
            Err(problem) => {
                self.halt = Some(problem.map_or(Halt::Interrupted, Halt::Unreadable));
                return false;
            }
        };
        let list = match List::new(&listed.users) {
            Ok(list) => list,
            Err(error) => {
                self.halt = Some(Halt::Unreadable(error.to_string()));
                return false;
            }
        };
        if let Err(problem) = self.refuse_if_old(&listed, &list).await {
            self.halt = Some(problem.map_or(Halt::Interrupted, Halt::Unreadable));
            return false;
        }
        let everybody = || listed.users.iter().chain(&listed.inactive);
        let newcomers = Newcomers::new(self.operations, everybody(), |user| {
            self.was_there(&user.id) || self.standing.users.contains_key(&user.id)
        });
        // Whoever came between two runs may have been made by a create of the earlier run.
        let of_earlier_runs = Newcomers::new(self.operations, everybody(), |user| self.was_there(&user.id));
        let renamed = renamed(self.operations.iter());
        for index in parked {
            let newcomers =
                if self.replay.has_tried(self.operations[index].id) { &of_earlier_runs } else { &newcomers };
            let bar = self.mislabelled(index, &list, &renamed);
            let bar = bar.or_else(|| taken(&self.operations[index], &list, &listed.inactive));
            let bar = bar.or_else(|| self.standing.bar.clone());
            self.settle_one(index, &list, &listed.inactive, newcomers, bar);
        }
        true
    }

    /// How the people and branches that an operation in doubt shows differ from the account, if they do: then it must not be
    /// sent again. The list at the start of the run shows all of them, this newer one the manager.
    fn mislabelled(&self, index: usize, list: &List<'_>, renamed: &Renamed<'_>) -> Option<String> {
        let operation = &self.operations[index];
        let at_the_start = self.standing.mislabelled.get(&operation.id).map(|problems| problems.join(", "));
        at_the_start
            .or_else(|| other_manager(operation, list, renamed))
            .or_else(|| other_new_manager(operation, list, &self.made))
    }

    /// Whether the outcome of an earlier request for an operation was unknown, in this run or before it.
    pub(super) fn is_tried(&self, index: usize) -> bool {
        let before = self.replay.operations.get(&self.operations[index].id);
        self.doubts.contains_key(&index) || matches!(before, Some(Progress::InDoubt(_)))
    }

    fn settle_one(
        &mut self,
        index: usize,
        list: &List<'_>,
        inactive: &[User],
        newcomers: &Newcomers<'_>,
        bar: Option<String>,
    ) {
        let operation = &self.operations[index];
        let State::Parked(Parked { sent_at: _, problem, taken }) = &self.states[index] else { return };
        let (mut problem, taken) = (problem.clone(), *taken);
        let tried = self.begun.get(&index).map_or(0, |(attempts, _)| *attempts);
        let (at, id) = ((self.worker.now)(), operation.id);
        let is_update = matches!(operation.action, Action::Update { .. } | Action::Link { .. });
        let is_new = |user: &User| self.not_new(index, &user.id).is_none();
        match judge(operation, list, inactive, newcomers, self.worker.managed, &self.made, is_new) {
            Verdict::Made(user_id) if taken == Taken::ByOthers => {
                let problem = format!(
                    "{problem}; somebody else seems to have created this person, as the user {user_id}; plan again"
                );
                self.note(&Record::NotDone { at, operation: id, problem: problem.clone() });
                self.end(index, Outcome::Failed { problem }, None, None);
            }
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
            Verdict::Gone => {
                let done = Record::Done { at, operation: id, user_id: None, after: None, differs: Vec::new() };
                self.note(&done);
                self.end(index, Outcome::Done { user_id: None, differs: Vec::new() }, None, None);
            }
            Verdict::SomebodyElse(found) => {
                self.end(index, Outcome::InDoubt { problem: format!("{problem}; {found}") }, None, None)
            }
            Verdict::NotNew(user_id) => {
                let why = self.not_new(index, &user_id).unwrap_or_default();
                let found = format!("Skovik has the user {user_id} with this identifier or e-mail, {why}");
                // The next list shows which of the two creates made which user.
                if !self.doubt_maker(&user_id, &found) {
                    let problem = format!("{problem}; {found}; check both in Skovik, then plan again");
                    self.end(index, Outcome::InDoubt { problem }, None, None);
                }
            }
            Verdict::Outdated(found) => self.outdate(index, found, None, None),
            Verdict::Edited(user_id, found) => self.outdate(index, format!("{problem}; {found}"), Some(user_id), None),
            Verdict::Absent if taken != Taken::No => {
                self.note(&Record::NotDone { at, operation: id, problem: problem.clone() });
                self.end(index, Outcome::Failed { problem }, None, None);
            }
            // A repetition is checked like the first attempt, and against this newer list.
            Verdict::ReadAgain if let Some(why) = in_the_way(&operation.action, list) => {
                let problem = format!("conflict: {why}; it was left alone; plan again ({problem})");
                self.note(&Record::NotDone { at, operation: id, problem: problem.clone() });
                self.end(index, Outcome::Failed { problem }, None, None);
            }
            Verdict::Absent | Verdict::ReadAgain if let Some(why) = bar.as_ref().filter(|_| !is_update) => {
                let problem = left_alone(why);
                self.note(&Record::NotDone { at, operation: id, problem: problem.clone() });
                self.end(index, self.not_again(problem), None, None);
            }
            // An update is not sent again either. But only its user can show whether it was carried out.
            Verdict::Absent | Verdict::ReadAgain if tried < MAX_ATTEMPTS => {
                self.bars.extend(bar.map(|why| (index, why)));
                self.begin_again(index);
            }
            Verdict::Absent | Verdict::ReadAgain => {
                if let Action::Delete { .. } = &operation.action {
                    problem.push_str("; the complete list still has the user");
                }
                self.end(index, Outcome::InDoubt { problem }, None, None);
            }
        }
    }
}

/// Why a delete must not be repeated: by now, all that the plan moves away from the user has been moved.
fn in_the_way(action: &Action, list: &List<'_>) -> Option<String> {
    let Action::Delete { user_id, .. } = action else { return None };
    if let Some(report) = list.report_of(user_id) {
        return Some(format!("the user {} ({}) reports to them now", report.id, report.full_name()));
    }
    list.is_last_admin(user_id).then(|| format!("the user {user_id} is an admin now, and nobody else is"))
}
