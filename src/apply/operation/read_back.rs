//! What the service holds after a write. The answer is compared with what was sent. If other operations depend on the
//! write, the user is read back too: they need the stored state, not an answer.

use super::{Attempt, End, Task, Worker, changed_roles};
use crate::apply::Halt;
use crate::apply::expected_state::{
    INACTIVE, differences, differences_when_kept, is_person, roles_told_otherwise, updated,
};
use crate::employee::{User, UserId};
use crate::plan::Change;
use crate::provider::{ApiError, LiveUser, Request, Rest, StoredUser, unshown};

impl Worker<'_> {
    /// Reads the user of a successful write, and compares it with what was sent.
    pub(super) async fn read_back(&self, task: &Task<'_>, mut attempt: Attempt) -> Attempt {
        let End::Done { user_id, after, differs } = &mut attempt.end else { return attempt };
        let id: &UserId = match (task, &*user_id) {
            (Task::Delete { user_id, .. }, _) => user_id,
            (Task::Create { .. } | Task::Update { .. }, Some(user_id)) => user_id,
            (Task::Create { .. } | Task::Update { .. }, None) => return attempt,
        };
        let end = match (task, self.provider.user(id, self.managed).await) {
            (Task::Delete { .. }, Ok(None)) => return attempt,
            (Task::Delete { .. }, Ok(Some(_))) => {
                End::SaidGone(format!("Skovik answers that the user {id} is deleted, but still has them"))
            }
            (Task::Create { .. } | Task::Update { .. }, Ok(None)) => {
                End::Unclear(format!("Skovik answers that the write is done, but does not have the user {id}"))
            }
            (Task::Create { expected, .. }, Ok(Some(read))) if !is_person(expected, &read.user) => {
                End::Unclear(another_person(&read))
            }
            (Task::Create { .. } | Task::Update { .. }, Ok(Some(read))) => {
                let found = match task {
                    Task::Create { expected, .. } => differences(expected, &read.user, self.managed),
                    Task::Update { changes, .. } => {
                        differences(&updated(&read.user, changes, self.managed), &read.user, self.managed)
                    }
                    Task::Delete { .. } => Vec::new(),
                };
                let was = attempt.before.as_ref().and_then(|before| self.parse(before));
                differs.extend(was.as_ref().and_then(|was| roles_told_otherwise(was, &read.user)));
                // Other losses that the answer showed remain.
                differs.extend(found);
                differs.sort_unstable();
                differs.dedup();
                *after = Some(read.stored);
                return match was {
                    Some(was) => self.unless_roles_changed(&was, attempt),
                    None => attempt,
                };
            }
            (_, Err(error)) => {
                if let ApiError::Credentials { .. } = error {
                    attempt.halt.get_or_insert(Halt::Credentials(error.to_string()));
                }
                End::Unclear(format!("the user {id} could not be read back after the write: {error}"))
            }
        };
        attempt.end = end;
        attempt
    }

    /// An attempt that is done, unless the user as read after it has other roles than before: an answer may hide them.
    pub(super) fn unless_roles_changed(&self, before: &User, mut attempt: Attempt) -> Attempt {
        let End::Done { after: Some(after), .. } = &attempt.end else { return attempt };
        if let Some(halt) = self.parse(after).and_then(|after| changed_roles(before, &after)) {
            attempt.end = End::HalfDone(halt.to_string());
            attempt.halt.get_or_insert(halt);
        }
        attempt
    }

    /// Says so if a single read shows less of a user than the complete list did. A PUT based on it would empty the
    /// rest. `request` makes the request from the stored user; `body` is the one made from the read.
    pub(super) fn shows_less(
        &self,
        user_id: &UserId,
        body: &Request,
        request: impl FnOnce(&StoredUser) -> Result<Request, String>,
    ) -> Option<String> {
        // A user whom this plan created may be in no list yet.
        let listed = match request(self.listed.get(user_id)?) {
            Ok(listed) => listed,
            Err(problem) => {
                return Some(format!(
                    "conflict: the user {user_id} cannot be compared with what the list of users showed: {problem}; they \
                    were left alone; plan again"
                ));
            }
        };
        let unshown = unshown(&listed, body);
        (!unshown.is_empty()).then(|| {
            format!(
                "conflict: the list of users showed {} of the user {}, and the read before the write does not: the \
                write would empty what is not shown, so the user was left alone; plan again",
                unshown.join(", "),
                user_id
            )
        })
    }

    /// Says so if the read before a change of branch lacks custom fields that the complete list showed. The change may empty
    /// them, whatever it sends, and only what the read showed is restored.
    pub(super) fn unshown_before(&self, changes: &[Change], read: &LiveUser) -> Option<String> {
        let listed = self.listed.get(read.id()).filter(|_| self.dialect().may_empty_others(changes))?;
        match self.dialect().restore_request(listed, &read.stored, &[], Rest::AsHeld) {
            Ok(None) => None,
            Ok(Some(_)) => Some(format!(
                "conflict: the list of users showed custom fields of the user {} that the read before the write does not: a \
                change of branch may empty them, so the user was left alone; plan again",
                read.id()
            )),
            Err(problem) => Some(format!("conflict: the user {} cannot be compared: {problem}; plan again", read.id())),
        }
    }

    /// How the stored user differs from what was sent, unmanaged data included. If the answer seems to have lost
    /// something, the user is read once more.
    pub(super) async fn as_stored(&self, expected: &User, sent: &Request, answer: LiveUser) -> (LiveUser, Vec<String>) {
        let differs = |held: &LiveUser| {
            let mut differs = differences(expected, &held.user, self.managed);
            differs.extend(self.inactive(&held.stored));
            differs.extend(self.dialect().losses(sent, &held.stored, self.managed));
            differs.extend(roles_told_otherwise(expected, &held.user));
            differs
        };
        let found = differs(&answer);
        if found.is_empty() {
            return (answer, found);
        }
        match self.provider.any_user(answer.id(), self.managed).await {
            Ok(Some(read)) => {
                let found = differs(&read);
                (read, found)
            }
            _ => (answer, found),
        }
    }

    /// Says so if a user is inactive after a change.
    pub(super) fn inactive(&self, held: &StoredUser) -> Option<String> {
        match self.dialect().is_inactive(held.raw().get()) {
            Ok(false) => None,
            Ok(true) => Some(INACTIVE.to_owned()),
            Err(problem) => Some(problem),
        }
    }

    /// Which unmanaged data of `before` a user lost.
    pub(super) fn losses(&self, before: &StoredUser, changes: &[Change], held: &StoredUser) -> Vec<String> {
        let sent = self.dialect().update_request(before, changes);
        sent.map_or_else(|problem| vec![problem], |sent| self.dialect().losses(&sent.over(before), held, self.managed))
    }

    /// How a removed user whom the service keeps differs from before, besides being inactive.
    pub(super) fn kept_as(&self, before: &User, sent: &Request, kept: &StoredUser) -> Vec<String> {
        let mut differs = self.dialect().losses(sent, kept, self.managed);
        match self.dialect().user(kept.raw().get(), self.managed) {
            Ok(user) => differs.extend(differences_when_kept(before, &user, self.managed)),
            Err(problem) => differs.push(problem),
        }
        differs
    }
}

/// Why the answer to a create is rejected.
pub(super) fn another_person(answer: &LiveUser) -> String {
    let identifier = answer.user.identifier.as_ref().map_or("(none)", |identifier| identifier.as_str());
    format!("Skovik answers with another person, the user {} with the identifier {identifier:?}", answer.id())
}
