//! How an attempt at an operation ended, and whether another one may follow it.

use std::time::Duration;

use crate::apply::Halt;
use crate::apply::journal::Doubt;
use crate::employee::UserId;
use crate::provider::{ApiError, LiveUser, Provider, StoredUser};

/// How one attempt ended.
#[derive(Debug)]
pub struct Attempt {
    /// How it ended.
    pub end: End,
    /// Why the whole run must stop, if it must.
    pub halt: Option<Halt>,
    /// Whether a write surely had an effect; if that is unknown, `end` says so.
    pub wrote: bool,
    /// Whether an attempt before it, in this run, may have had an effect.
    pub is_after_unclear: bool,
    /// The whole user as read before the write.
    pub before: Option<StoredUser>,
    /// How long to wait before another attempt, if one may help.
    pub(super) again: Option<Duration>,
    /// What the server said if it refused a change of branch, which it may have carried out all the same.
    refusal: Option<String>,
}

/// The end of an attempt.
#[derive(Debug)]
pub enum End {
    /// It is done.
    Done {
        /// The user that it created or changed.
        user_id: Option<UserId>,
        /// The whole user afterwards.
        after: Option<StoredUser>,
        /// Which values Skovik stored differently.
        differs: Vec<String>,
    },
    /// Surely nothing was changed.
    NotDone(String),
    /// The user is no longer as the plan shows, and was left alone.
    Conflict(String),
    /// As [`End::Conflict`], of an operation whose outcome was unknown. It does not matter any more: nothing that it may have
    /// changed is to be restored.
    Outdated(String),
    /// No earlier attempt changed the user, and it must not be sent again.
    NotAgain(String),
    /// Something was changed, but not all.
    HalfDone(String),
    /// It may or may not have been carried out.
    Unclear(String),
    /// A create was refused because the identifier or e-mail is in use, perhaps by the user that an earlier attempt
    /// created.
    Taken(String),
    /// Skovik says that the user to be deleted does not exist. Only the complete list can confirm that.
    SaidGone(String),
    /// The run was ended before anything was sent.
    Stopped,
}

impl Attempt {
    pub(super) fn new(end: End) -> Self {
        Self { end, halt: None, wrote: false, is_after_unclear: false, before: None, again: None, refusal: None }
    }

    pub(super) fn not_done(problem: impl Into<String>) -> Self {
        Self::new(End::NotDone(problem.into()))
    }

    pub(super) fn having_written(self) -> Self {
        Self { wrote: true, ..self }
    }

    pub(super) fn halting(mut self, halt: Halt) -> Self {
        self.halt = Some(halt);
        self
    }

    pub(super) fn trying_again(self, again: Option<Duration>) -> Self {
        Self { again, ..self }
    }

    /// A conflict about an operation whose outcome was unknown, and nothing of which is under way any more.
    pub(super) fn outdated(mut self) -> Self {
        if let End::Conflict(problem) = self.end {
            self.end = End::Outdated(problem);
        }
        self
    }

    /// The outcome of a refused attempt is unknown.
    pub(super) fn not_believing_a_refusal(mut self) -> Self {
        if let End::NotDone(refusal) | End::Conflict(refusal) = self.end {
            self.end = End::Unclear(refusal.clone());
            self.refusal = Some(refusal);
        }
        self
    }

    /// The end of this attempt if an earlier one may have succeeded: a refusal now does not mean that nothing was
    /// changed.
    pub(super) fn after_unclear(mut self) -> Self {
        if let End::NotAgain(_) = self.end {
            return self;
        }
        self.is_after_unclear = true;
        self.end = match self.end {
            End::NotDone(problem) => End::Unclear(format!(
                "{problem}, after an attempt that may have been carried \
            out"
            )),
            End::Stopped => End::Unclear(
                "the run was stopped after an attempt that may have been carried \
            out"
                .to_owned(),
            ),
            End::Conflict(problem) | End::Outdated(problem) => End::HalfDone(format!(
                "{problem}; an earlier attempt may have been carried out: run the same apply \
                again"
            )),
            end => end,
        };
        self
    }
}

/// The attempts of one update or delete within one run.
pub(super) struct Attempts {
    left: u32,
    /// Set if an attempt, of this run or an earlier one, has an unknown outcome.
    pub(super) doubt: Option<Doubt>,
    /// Whether an attempt of this run has an unknown outcome.
    unclear: bool,
    /// Whether a request of this run was not answered, so that the server may carry it out later.
    is_under_way: bool,
}

impl Attempts {
    pub(super) fn new(left: u32, doubt: Option<&Doubt>) -> Self {
        Self { left, doubt: doubt.cloned(), unclear: false, is_under_way: false }
    }

    /// Decides after an attempt whether to try again (`Ok`). If not, the error is the final attempt.
    pub(super) async fn go_on(&mut self, attempt: Attempt, provider: &dyn Provider) -> Result<(), Attempt> {
        let mut attempt = if self.unclear { attempt.after_unclear() } else { attempt };
        // One that could not read the user knows them from the attempt before it.
        attempt.before = attempt.before.or_else(|| self.doubt.as_ref()?.before.clone());
        let Some(delay) = attempt.again.filter(|_| self.left > 0) else { return Err(attempt) };
        if let End::Unclear(_) = attempt.end {
            self.unclear = true;
            self.is_under_way |= attempt.refusal.is_none();
            self.renew_doubt(&attempt);
        }
        self.left -= 1;
        match provider.wait(delay).await {
            Ok(()) => Ok(()),
            Err(_) if self.doubt.is_some() => Err(attempt.after_unclear()),
            Err(_) => Err(Attempt::new(End::Stopped)),
        }
    }

    /// The refusal of the last attempt, if a look at the user now shows whether it is true. If a request may still be
    /// carried out, only a later look does.
    pub(super) fn refusal_to_check(&mut self, last: &Attempt) -> Option<String> {
        let refusal = last.refusal.clone().filter(|_| !self.is_under_way && last.halt.is_none())?;
        self.renew_doubt(last);
        Some(refusal)
    }

    fn renew_doubt(&mut self, sent: &Attempt) {
        let doubt = self.doubt.get_or_insert_default();
        doubt.renew(sent.before.clone());
        doubt.is_recent = true;
    }

    /// The end of all attempts, by a look at the user.
    pub(super) fn after_look(self, looked: Attempt) -> Attempt {
        let mut attempt = looked.after_unclear();
        attempt.before = attempt.before.or_else(|| self.doubt?.before);
        attempt
    }
}

pub(super) fn done(after: LiveUser, differs: Vec<String>) -> Attempt {
    let user_id = Some(after.id().clone());
    Attempt::new(End::Done { user_id, after: Some(after.stored), differs })
}

pub(super) fn gone(differs: Vec<String>) -> Attempt {
    Attempt::new(End::Done { user_id: None, after: None, differs })
}

pub(super) fn end_of_write(error: &ApiError) -> Attempt {
    let problem = error.to_string();
    match error {
        ApiError::Refused(_) => Attempt::not_done(problem),
        ApiError::Overtaken { .. } => {
            Attempt::new(End::Conflict(format!("conflict: {problem}; it was left alone: plan again")))
        }
        ApiError::NotSent { again, .. } | ApiError::Late { again, .. } => {
            Attempt::not_done(problem).trying_again(*again)
        }
        ApiError::Unclear { again, .. } => Attempt::new(End::Unclear(problem)).trying_again(*again),
        ApiError::Unseen(cause) if cause.refuses_the_key() => {
            Attempt::new(End::Unclear(problem.clone())).halting(Halt::Credentials(problem))
        }
        ApiError::Unseen(_) => Attempt::new(End::Unclear(problem)),
        ApiError::Credentials { .. } => Attempt::not_done(problem.clone()).halting(Halt::Credentials(problem)),
        ApiError::Stopped { unclear: true } => Attempt::new(End::Unclear(problem)),
        ApiError::Stopped { unclear: false } => Attempt::new(End::Stopped),
    }
}
