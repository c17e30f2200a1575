//! Tells a list that is older than what this apply has done, such as one of a cache, from changes that others made meanwhile.
//! An old list does not prove that a create in doubt was not carried out.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Run, State, Stop, wants};
use crate::apply::Outcome;
use crate::apply::confirm::contradiction;
use crate::apply::expected_state::user_of;
use crate::apply::journal::Progress;
use crate::apply::list::List;
use crate::apply::old_list::{READ_SINGLY, shows_otherwise};
use crate::employee::{User, UserId};
use crate::provider::Listed;

impl Run<'_> {
    /// Refuses a list that is an old one. The error is `None` if the user stopped the run.
    ///
    /// It is one if several of those whom this run has made are not in it: that so many were removed meanwhile is less likely than
    /// that single reads are as old. Users in whom the list contradicts otherwise what is done, in this run or before it, are read
    /// singly: if somebody else has changed or removed them, both show the same.
    pub(super) async fn refuse_if_old(&mut self, listed: &Listed, list: &List<'_>) -> Result<(), Option<String>> {
        let there: HashSet<&UserId> = listed.users.iter().chain(&listed.inactive).map(|user| &user.id).collect();
        let is_made_now = |index: usize| matches!(self.states[index], State::Ended(Outcome::Done { .. }));
        let made_now = self.made_users.iter().filter(|(_, index)| is_made_now(**index)).map(|(id, _)| id);
        let lacking = made_now.filter(|id| !there.contains(id)).count();
        if lacking > 1 {
            return Err(Some(format!("the list lacks {lacking} users whom this run has created; is it an old one?")));
        }
        for user_id in self.contradicted(list).iter().take(READ_SINGLY) {
            let (provider, managed) = (self.worker.provider, self.worker.managed);
            let is_otherwise = tokio::select! {
                judged = shows_otherwise(list.user(user_id), user_id, &listed.users, provider, managed) => judged.map_err(Some)?,
                () = wants(&mut self.options.stop, Stop::Gently) => return Err(None),
            };
            if is_otherwise {
                let problem = format!(
                    "the list shows the user {user_id} otherwise than Skovik does when asked for that user; is it an old one?"
                );
                return Err(Some(problem));
            }
        }
        Ok(())
    }

    /// The users in whom the list contradicts what is done.
    fn contradicted(&self, list: &List<'_>) -> BTreeSet<UserId> {
        let is_done = |index: usize| {
            let before = self.replay.operations.get(&self.operations[index].id);
            matches!(&self.states[index], State::Ended(outcome) if outcome.is_done())
                || matches!(before, Some(Progress::Done { .. }))
        };
        let sent: HashMap<usize, &User> =
            self.sent.values().flatten().map(|sent| (sent.index, &sent.expected)).collect();
        let done = self.operations.iter().enumerate().filter(|(index, _)| is_done(*index));
        let contradicted = done.filter(|(index, operation)| {
            contradiction(operation, list, self.worker.managed, &self.made, sent.get(index).copied()).is_some()
        });
        contradicted.filter_map(|(_, operation)| user_of(operation, &self.made).cloned()).collect()
    }
}
