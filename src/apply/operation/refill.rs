//! A change of branch may empty custom fields. They are sent again.

use super::attempt::done;
use super::{Attempt, End, Worker, changed_roles};
use crate::apply::expected_state::{differences, roles_changed, roles_told_otherwise};
use crate::apply::journal::{Doubt, Step};
use crate::employee::User;
use crate::plan::{Change, OperationId};
use crate::provider::{ApiError, LiveUser, StoredUser};

impl Worker<'_> {
    /// Says so if a user who is to be moved, and is not moved yet, has lost custom fields since an attempt whose outcome is
    /// unknown. Then nobody can tell whether that attempt emptied them, or another client wanted them empty.
    pub(super) fn emptied_since(&self, doubt: Option<&Doubt>, read: &LiveUser) -> Option<String> {
        let then = doubt?.before.as_ref()?;
        match self.dialect().restore_request(then, &read.stored, &[]) {
            Ok(None) => None,
            Ok(Some(_)) => Some(format!(
                "conflict: the user {} has lost custom fields since a request to move them that may have been carried \
                out, and was left alone; look at them in Skovik, then plan again",
                read.id()
            )),
            Err(problem) => Some(format!("conflict: the user {} cannot be judged: {problem}", read.id())),
        }
    }

    /// After a change of branch: reads the user back, and sends missing custom fields again.
    pub(super) async fn refill(
        &self,
        id: OperationId,
        before: StoredUser,
        expected: &User,
        changes: &[Change],
    ) -> Attempt {
        let half = |problem: &dyn std::fmt::Display| {
            End::HalfDone(format!(
                "the user was moved to another branch, but it is not certain that their custom fields are still \
                there: {problem}; run the same apply again"
            ))
        };
        let mut left = self.provider.retries();
        let mut wrote = false;
        let mut untold;
        let read = loop {
            let read = match self.provider.any_user(before.id(), self.managed).await {
                Ok(Some(read)) => read,
                Ok(None) => return Attempt::new(half(&"the user is not in Skovik any more")),
                Err(error) => return self.ended_by(half(&error), &error),
            };
            untold = roles_told_otherwise(expected, &read.user);
            let body = match self.dialect().restore_request(&before, &read.stored, changes) {
                Ok(Some(body)) => body,
                Ok(None) => break read,
                Err(problem) => return Attempt::new(half(&problem)),
            };
            if let Some(why) = self.not_to_refill(expected, &read) {
                return Attempt::new(half(&format!("the user {why} now, and was left alone")));
            }
            if let Err(mut attempt) = self.announce(id, Step::Refill, Some(&before)).await {
                attempt.end = half(&"the journal cannot be written");
                return attempt;
            }
            wrote = true;
            match self.provider.update(read.id(), &body.as_rest(), self.managed).await {
                Ok(Some(after)) => {
                    if let Some(halt) = changed_roles(&read.user, &after.user) {
                        return Attempt::new(half(&halt)).halting(halt).having_written();
                    }
                    break after;
                }
                Ok(None) => return Attempt::new(half(&"the user vanished")),
                Err(ApiError::NotSent { again: Some(delay), .. } | ApiError::Unclear { again: Some(delay), .. })
                    if left > 0 =>
                {
                    left -= 1;
                    if let Err(error) = self.provider.wait(delay).await {
                        return Attempt::new(half(&error));
                    }
                }
                Err(error) => return self.ended_by(half(&error), &error),
            }
        };
        let mut differs = differences(expected, &read.user, self.managed);
        differs.extend(self.inactive(&read.stored));
        differs.extend(self.losses(&before, changes, &read.stored));
        differs.extend(untold);
        let mut attempt = done(read, differs);
        attempt.wrote = wrote;
        attempt.before = Some(before);
        attempt
    }

    /// Why a user must not be given back what a move emptied: by now they may be another person, or not to be touched.
    fn not_to_refill(&self, expected: &User, LiveUser { user, stored }: &LiveUser) -> Option<&'static str> {
        let is_person = match &expected.identifier {
            Some(_) => user.identifier == expected.identifier,
            None => user.email.is(&expected.email),
        };
        match () {
            () if self.protect.covers(user) => Some("is protected"),
            () if self.inactive(stored).is_some() => Some("is inactive"),
            () if !is_person => Some("is another person"),
            () if roles_changed(expected, user).is_some() => Some("has other roles"),
            () if roles_told_otherwise(expected, user).is_some() => {
                Some("is read with other roles than before, or without them")
            }
            () if user.branch != expected.branch => Some("is in another branch"),
            () => None,
        }
    }
}
