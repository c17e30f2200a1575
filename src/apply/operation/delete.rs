//! Removing a user. An admin is removed only while somebody else is one.

use std::time::Instant;

use super::attempt::{Attempts, end_of_write, gone};
use super::fresh::Fresh;
use super::{Attempt, End, Planned, Worker, changed_meanwhile, hash_of};
use crate::apply::journal::{Doubt, Step};
use crate::employee::UserId;
use crate::plan::OperationId;
use crate::provider::{ApiError, Deleted, LiveUser};

impl Worker<'_> {
    pub(super) async fn delete(
        &self,
        id: OperationId,
        user_id: &UserId,
        before: Planned<'_>,
        doubt: Option<&Doubt>,
    ) -> Attempt {
        let mut admins = self.admins.for_removal(user_id).await;
        let mut attempts = Attempts::new(self.provider.retries(), doubt);
        loop {
            let admins = admins.as_deref_mut();
            let attempt = self.delete_once(id, user_id, before, admins, attempts.doubt.as_ref()).await;
            if let Err(last) = attempts.go_on(attempt, self.provider).await {
                return if doubt.is_some() { last.outdated() } else { last };
            }
        }
    }

    async fn delete_once(
        &self,
        id: OperationId,
        user_id: &UserId,
        before: Planned<'_>,
        mut admins: Option<&mut Vec<UserId>>,
        doubt: Option<&Doubt>,
    ) -> Attempt {
        let said_gone = || End::SaidGone(format!("Skovik says that the user {user_id} is not there (404)"));
        let LiveUser { user, stored: read } = match self.look(user_id, doubt, false).await {
            Ok(Some(read)) => read,
            Ok(None) => return Attempt::new(said_gone()),
            Err(attempt) => return attempt,
        };
        let read_at = Instant::now();
        if let Some(problem) = self.off_limits(&user, before.roles) {
            return Attempt::new(End::Conflict(problem));
        }
        if hash_of(&user, self.managed) != before.hash {
            return Attempt::new(End::Conflict(changed_meanwhile(user_id)));
        }
        let needs_another_admin = admins.is_some() || user.is_admin();
        if needs_another_admin && let Err(attempt) = self.another_admin(user_id, admins.as_deref_mut(), doubt).await {
            return attempt;
        }
        let request = match self.dialect().delete_request(&read) {
            Ok(request) => request,
            Err(problem) => return Attempt::not_done(format!("the user cannot be removed: {problem}")),
        };
        if let Some(problem) = self.shows_less(user_id, &request, |listed| self.dialect().delete_request(listed)) {
            return Attempt::new(End::Conflict(problem));
        }
        if let Err(attempt) = self.announce(id, Step::Delete, Some(&read)).await {
            return attempt;
        }
        let mut write = Fresh::new(request, read_at);
        let answer = loop {
            match self.provider.delete(user_id, &write.request).await {
                Err(ApiError::Late { .. }) => {
                    if let Err(error) = self.read_again(&read, &mut write).await {
                        break Err(error);
                    }
                    // After the user: this look may not be older than that one.
                    if needs_another_admin
                        && let Err(attempt) = self.another_admin(user_id, admins.as_deref_mut(), doubt).await
                    {
                        return attempt;
                    }
                }
                answer => break answer,
            }
        };
        let request = write.request;
        let mut attempt = match answer {
            Ok(Deleted::Now { kept }) => {
                gone(kept.map_or_else(Vec::new, |kept| self.kept_as(&user, &request.over(&read), &kept)))
                    .having_written()
            }
            Ok(Deleted::AlreadyGone) => Attempt::new(said_gone()).having_written(),
            Err(error) => end_of_write(&error),
        };
        attempt.before = Some(read);
        attempt
    }

    /// Looks whether one of the `admins` who stay is one now. Without them the user was no admin in the list, and it is not
    /// known who else is.
    async fn another_admin(
        &self,
        user_id: &UserId,
        admins: Option<&mut Vec<UserId>>,
        doubt: Option<&Doubt>,
    ) -> Result<(), Attempt> {
        if let Some(admins) = admins {
            while let Some(other) = admins.last() {
                if self.look(other, doubt, false).await?.is_some_and(|read| read.user.is_admin()) {
                    return Ok(());
                }
                admins.pop();
            }
        }
        let problem = format!(
            "conflict: the user {user_id} is an admin, and nobody else is known to be one now; they were left alone; plan \
            again"
        );
        Err(Attempt::new(End::Conflict(problem)))
    }
}
