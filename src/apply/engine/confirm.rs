//! At the end of a run that wrote, one complete list confirms what is called done.

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use super::sent::Sent;
use super::{Run, State, Stop, wants};
use crate::apply::confirm::{Contradiction, came_back, contradiction, other_manager};
use crate::apply::expected_state::{differences_when_kept, user_of};
use crate::apply::labels::renamed;
use crate::apply::list::List;
use crate::apply::{Halt, Outcome};
use crate::employee::{Managed, User, UserId};
use crate::plan::{Action, Operation};
use crate::provider::{Listed, StoredUser};

/// The unmanaged data that operations sent, and that their users lost.
type Losses = HashMap<usize, Vec<String>>;

impl Run<'_> {
    /// Reads the list, and marks operations that it contradicts as not done. Without the list the run is not finished.
    pub(super) async fn confirm(&mut self) {
        if self.halt.is_some() || !(self.wrote || self.replay.has_written()) {
            return;
        }
        let is_done = |state: &State| matches!(state, State::Ended(outcome) if outcome.is_done());
        self.observer.confirming(self.states.iter().filter(|state| is_done(state)).count());
        let (listed, losses) = match self.read_last_list().await {
            Ok(read) => read,
            Err(problem) => {
                self.halt = Some(problem.map_or(Halt::Interrupted, Halt::Unconfirmed));
                return;
            }
        };
        match List::new(&listed.users) {
            Ok(list) => self.compare(&list, &listed.inactive, &losses),
            Err(error) => self.halt = Some(Halt::Unconfirmed(error.to_string())),
        }
    }

    fn compare(&mut self, list: &List<'_>, inactive: &[User], losses: &Losses) {
        let sent: HashMap<usize, &Sent> = self.sent.values().flatten().map(|sent| (sent.index, sent)).collect();
        let mut found = Vec::new();
        let renamed = renamed(self.operations.iter());
        for index in 0..self.states.len() {
            let State::Ended(outcome) = &self.states[index] else { continue };
            let (user_id, known, is_new) = match outcome {
                Outcome::Done { user_id, differs } => (user_id.clone(), differs, true),
                Outcome::DoneBefore { differs } => (None, differs, false),
                _ => continue,
            };
            let expected = sent.get(&index).map(|sent| &sent.expected);
            let operation = &self.operations[index];
            let contradiction = contradiction(operation, list, self.worker.managed, &self.made, expected);
            let lost = losses.get(&index).into_iter().flatten();
            let (mut differs, problem) = match contradiction {
                None => (Vec::new(), None),
                Some(Contradiction::Undone(problem)) => {
                    let said = format!("Skovik answered that it is done, but by its list {problem}; plan again");
                    found.push((index, Outcome::Failed { problem: said }, Some(problem)));
                    continue;
                }
                Some(Contradiction::Differs(differs)) => (differs.clone(), Some(differs.join(", "))),
            };
            differs.extend(lost.cloned());
            differs.extend(other_manager(operation, list, &renamed));
            differs.extend(came_back(operation, list));
            differs.extend(self.kept(operation, inactive));
            // Differences that an answer showed already are not reported again.
            differs.retain(|differs| !known.contains(differs));
            if differs.is_empty() && problem.is_none() {
                continue;
            }
            differs.extend(known.iter().cloned());
            let outcome = if is_new { Outcome::Done { user_id, differs } } else { Outcome::DoneBefore { differs } };
            found.push((index, outcome, problem));
        }
        for (index, outcome, problem) in found {
            if let Some(problem) = problem {
                let user = user_of(&self.operations[index], &self.made).and_then(|id| list.user(id));
                self.contradict(index, problem, user);
            }
            // Operations of an earlier run are reported only at the end.
            if !matches!(outcome, Outcome::DoneBefore { .. }) {
                self.tell(index, &outcome, None, None);
            }
            self.states[index] = State::Ended(outcome);
        }
    }

    /// How a deleted user whom the list shows as inactive differs from before; that the user is there at all, if the
    /// service was to keep nobody.
    fn kept(&self, operation: &Operation, inactive: &[User]) -> Vec<String> {
        let Action::Delete { user_id, .. } = &operation.action else { return Vec::new() };
        let Ok(place) = inactive.binary_search_by(|user| user.id.cmp(user_id)) else { return Vec::new() };
        if !self.worker.provider.dialect().keeps_removed() {
            return vec![format!("the user {user_id} is not deleted, but inactive")];
        }
        let Some(sent) = self.sent.get(user_id).and_then(|sent| sent.last()) else { return Vec::new() };
        let managed = self.worker.managed;
        let managed = Managed { manager: managed.manager && !sent.loses_manager, ..managed.clone() };
        differences_when_kept(&sent.expected, &inactive[place], &managed)
    }

    /// Reads the complete list and compares each row with what was sent as it arrives. A user who seems to have lost
    /// data is read singly, as a list may show less of a user.
    async fn read_last_list(&mut self) -> Result<(Listed, Losses), Option<String>> {
        let (provider, managed, sent) = (self.worker.provider, self.worker.managed, &self.sent);
        let dialect = provider.dialect();
        let mut losses = Losses::new();
        let mut each = |user: &User, row: &RawValue| {
            for sent in sent.get(&user.id).into_iter().flatten() {
                let lost = sent.losses(&StoredUser::new(row)?, dialect, managed);
                if !lost.is_empty() {
                    losses.insert(sent.index, lost);
                }
            }
            Ok(())
        };
        let listed = tokio::select! {
            read = provider.users(managed, &mut each, &|_, _| {}) => read.map_err(|error| Some(error.to_string()))?,
            () = wants(&mut self.options.stop, Stop::Gently) => return Err(None),
        };
        let each = sent.iter().flat_map(|(user_id, sent)| sent.iter().map(move |sent| (user_id, sent)));
        for (user_id, sent) in each {
            let Some(lost) = losses.get_mut(&sent.index) else { continue };
            tokio::select! {
                read = provider.user(user_id, managed) => if let Ok(Some(read)) = read {
                    *lost = sent.losses(&read.stored, dialect, managed);
                },
                () = wants(&mut self.options.stop, Stop::Gently) => return Err(None),
            }
        }
        self.recognise(&listed).map_err(Some)?;
        Ok((listed, losses))
    }

    /// The complete list. The error is `None` if the user stopped the run.
    pub(super) async fn read_list(&mut self) -> Result<Listed, Option<String>> {
        let mut ignore = |_: &User, _: &RawValue| Ok(());
        let listed = tokio::select! {
            read = self.worker.provider.users(self.worker.managed, &mut ignore, &|_, _| {}) => {
                read.map_err(|error| Some(error.to_string()))?
            }
            () = wants(&mut self.options.stop, Stop::Gently) => return Err(None),
        };
        self.recognise(&listed).map_err(Some)?;
        Ok(listed)
    }

    /// A list proves something about this account only if at least half of the users with whom the run began, and whom it does
    /// not remove, are still in it. The address may lead to another account by now, or the list be empty.
    fn recognise(&self, listed: &Listed) -> Result<(), String> {
        let there = &self.standing.there;
        let is_delete = |operation: &&Operation| matches!(operation.action, Action::Delete { .. });
        let removed = self.operations.iter().filter(is_delete).filter_map(Operation::user_id);
        let removed: HashSet<&UserId> = removed.filter(|id| there.has(id)).collect();
        let staying = there.len() - removed.len();
        let listed = listed.users.iter().chain(&listed.inactive).map(|user| &user.id);
        let found = listed.filter(|id| there.has(id) && !removed.contains(id)).count();
        // One of them may have been removed by somebody else.
        if found * 2 >= staying || staying == 1 {
            return Ok(());
        }
        Err(format!(
            "of {staying} users with whom this run began, and whom it does not remove, the list has only {found}; is it the list of \
             this account?"
        ))
    }
}
