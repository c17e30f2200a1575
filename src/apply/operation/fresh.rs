//! A write leaves soon after the read that it is based on. Another request's pause, the own limits or a slow journal may be in
//! between: then the user is read again first.

use std::time::{Duration, Instant};

use super::Worker;
use crate::provider::{ApiError, LiveUser, Request, StoredUser};

/// How often a user is read again for one write.
const MOST_READS: u32 = 20;

/// A write, based on a user who was read.
pub(super) struct Fresh {
    pub(super) request: Request,
    left: u32,
}

impl Fresh {
    /// A write of a user who was read then.
    pub(super) fn new(request: Request, read_at: Instant) -> Self {
        Self { request: request.based_on(read_at), left: MOST_READS }
    }
}

impl Worker<'_> {
    /// Changes a user who was read then. Returns the request that was sent with the answer.
    pub(super) async fn update_soon(
        &self,
        (read, read_at): (&StoredUser, Instant),
        request: Request,
    ) -> (Request, Result<Option<LiveUser>, ApiError>) {
        let mut write = Fresh::new(request, read_at);
        let answer = loop {
            match self.provider.update(read.id(), &write.request, self.managed).await {
                Err(ApiError::Late { .. }) => {
                    if let Err(error) = self.read_again(read, &mut write).await {
                        break Err(error);
                    }
                }
                answer => break answer,
            }
        };
        (write.request, answer)
    }

    /// Reads the user again for a write that came too late. `read` is what it is based on.
    ///
    /// # Errors
    /// If the user is not exactly as before. Nothing was sent then; a new attempt judges them anew.
    pub(super) async fn read_again(&self, read: &StoredUser, write: &mut Fresh) -> Result<(), ApiError> {
        let late = |problem: String, again| Err(ApiError::Late { problem, again });
        if write.left == 0 {
            let problem =
                format!("it had to wait {MOST_READS} times after the user was read; run the same apply again");
            return late(problem, None);
        }
        write.left -= 1;
        match self.provider.any_user(read.id(), self.managed).await {
            Ok(Some(now)) if now.stored.raw().get() == read.raw().get() => {
                write.request = write.request.clone().based_on(Instant::now());
                Ok(())
            }
            Ok(_) => {
                late("the user has changed while it waited; run the same apply again".to_owned(), Some(Duration::ZERO))
            }
            Err(error @ (ApiError::Credentials { .. } | ApiError::Stopped { .. })) => Err(error),
            Err(error) => late(format!("the user could not be read again after it waited: {error}"), None),
        }
    }
}
