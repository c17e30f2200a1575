//! Which user a create made. The id must be new: neither of a user who was there before, nor of another create.

use super::{Parked, Run, State};
use crate::apply::Outcome;
use crate::apply::journal::{Progress, Record};
use crate::employee::UserId;
use crate::plan::Action;

impl Run<'_> {
    pub(super) fn note_made(&mut self, index: usize, user_id: Option<&UserId>) {
        let operation = &self.operations[index];
        if let (Action::Create { .. }, Some(user_id)) = (&operation.action, user_id) {
            self.made.insert(operation.id, user_id.clone());
            self.made_users.insert(user_id.clone(), index);
        }
    }

    /// Why a create cannot have made this user, if it cannot; in words that follow the user.
    pub(super) fn not_new(&self, index: usize, user_id: &UserId) -> Option<String> {
        let operation = &self.operations[index];
        let Action::Create { .. } = operation.action else { return None };
        if let Some(maker) = self.made_users.get(user_id).filter(|maker| **maker != index) {
            let maker = &self.operations[*maker];
            return Some(format!("whom operation {}, {} {}, made", maker.id, maker.action.name(), maker.name));
        }
        // A user that an earlier run created without getting an answer is in this run's first list.
        let is_in_doubt = matches!(self.replay.operations.get(&operation.id), Some(Progress::InDoubt(_)));
        let is_resumed = is_in_doubt && !self.begun.contains_key(&index);
        let was = self.standing.users.get(user_id).filter(|_| !is_resumed);
        let was_there = was.is_some() || self.replay.was_there(user_id);
        was_there.then(|| match was.and_then(Option::as_ref) {
            Some(identifier) => format!("who was there before as the employee {identifier}"),
            None => "who was there before".to_owned(),
        })
    }

    /// Whether a user was in Skovik before the first run of this apply, or was made by it.
    pub(super) fn was_there(&self, user_id: &UserId) -> bool {
        let known = self.replay.known.as_ref();
        let was = known.map_or_else(|| self.standing.users.contains_key(user_id), |known| known.has(user_id));
        was || self.made_users.contains_key(user_id)
    }

    /// Marks the earlier create that was answered with the same user as doubtful, unless a later check showed that the
    /// user is its person. Returns whether it did.
    pub(super) fn doubt_maker(&mut self, user_id: &UserId, problem: &str) -> bool {
        let Some(&maker) = self.made_users.get(user_id) else { return false };
        // `Failed` here: an earlier run made the user, who is another person by now.
        let is_doubtful = matches!(self.states[maker], State::Ended(Outcome::Done { .. } | Outcome::Failed { .. }));
        if !is_doubtful || self.is_needed(maker) {
            return false;
        }
        let (at, operation) = ((self.worker.now)(), self.operations[maker].id);
        self.note(&Record::Doubted { at, operation, problem: problem.to_owned() });
        self.made.remove(&operation);
        self.made_users.remove(user_id);
        self.sent.remove(user_id);
        if let Some((attempts, _)) = self.begun.get_mut(&maker) {
            *attempts = 0;
        }
        self.park(maker, Parked::sent_now(problem.to_owned()), None);
        true
    }
}
