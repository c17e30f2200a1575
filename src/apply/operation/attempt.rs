//! How an attempt at an operation ended, and whether another one may follow it.

use std::time::Duration;

use crate::apply::Halt;
use crate::apply::journal::Doubt;
use crate::employee::UserId;
use crate::provider::{ApiError, LiveUser, Provider, StoredUser};

/// How one attempt ended.
#[derive(Debug)]
pub struct Attempt {
    /// What became of it.
    pub end: End,
    /// Why the whole run must stop, if it must.
    pub halt: Option<Halt>,
    /// Whether a request that writes surely had an effect; where that is unclear, `end` says so.
    pub wrote: bool,
    /// The whole user as read before the write.
    pub before: Option<StoredUser>,
    /// How long to wait before another attempt, if that may help.
    pub(super) again: Option<Duration>,
}

/// What became of an attempt.
#[derive(Debug)]
pub enum End {
    /// It is done.
    Done {
        /// The user whom it made or changed.
        user_id: Option<UserId>,
        /// The whole user afterwards.
        after: Option<StoredUser>,
        /// What Skovik holds otherwise than it was asked to.
        differs: Vec<String>,
    },
    /// Surely nothing was changed.
    NotDone(String),
    /// The user is not the one of the plan any more, and was left alone.
    Conflict(String),
    /// Something was changed, but not all.
    HalfDone(String),
    /// It may or may not have been carried out.
    Unclear(String),
    /// A create was refused because the identifier or e-mail is in use: perhaps by the very user whom it made before.
    Taken(String),
    /// Skovik says that the user who is to be removed is not there. Only the complete list can confirm that.
    SaidGone(String),
    /// The run was ended before anything was sent.
    Stopped,
}

impl Attempt {
    pub(super) fn new(end: End) -> Self {
        Self { end, halt: None, wrote: false, before: None, again: None }
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

    /// What an attempt comes to where one before it may have got through: being refused now does not undo that.
    pub(super) fn after_unclear(mut self) -> Self {
        self.end = match self.end {
            End::NotDone(problem) => End::Unclear(format!("{problem}, after an attempt that may have got through")),
            End::Stopped => End::Unclear("the run was stopped after an attempt that may have got through".to_owned()),
            End::Conflict(problem) => {
                End::HalfDone(format!("{problem}; an attempt before it may have got through: run the same apply again"))
            }
            end => end,
        };
        self
    }
}

/// The attempts of one update or delete within one run.
pub(super) struct Attempts {
    left: u32,
    /// What is known of an attempt whose outcome is not, of this run or an earlier one.
    pub(super) doubt: Option<Doubt>,
    /// Whether that attempt was one of these.
    unclear: bool,
}

impl Attempts {
    pub(super) fn new(left: u32, doubt: Option<&Doubt>) -> Self {
        Self { left, doubt: doubt.cloned(), unclear: false }
    }

    /// Whether to look at the user again after the given attempt; it is what all of them come to otherwise.
    pub(super) async fn go_on(&mut self, attempt: Attempt, provider: &dyn Provider) -> Result<(), Attempt> {
        let attempt = if self.unclear { attempt.after_unclear() } else { attempt };
        let Some(delay) = attempt.again.filter(|_| self.left > 0) else { return Err(attempt) };
        if let End::Unclear(_) = attempt.end {
            self.unclear = true;
            self.doubt.get_or_insert_with(|| Doubt { before: attempt.before.clone() });
        }
        self.left -= 1;
        match provider.wait(delay).await {
            Ok(()) => Ok(()),
            Err(_) if self.doubt.is_some() => Err(attempt.after_unclear()),
            Err(_) => Err(Attempt::new(End::Stopped)),
        }
    }
}

pub(super) fn done(after: LiveUser, differs: Vec<String>) -> Attempt {
    let user_id = Some(after.id().clone());
    Attempt::new(End::Done { user_id, after: Some(after.stored), differs })
}

pub(super) fn gone() -> Attempt {
    Attempt::new(End::Done { user_id: None, after: None, differs: Vec::new() })
}

pub(super) fn end_of_write(error: &ApiError) -> Attempt {
    let problem = error.to_string();
    match error {
        ApiError::Refused(_) => Attempt::not_done(problem),
        ApiError::Overtaken { .. } => {
            Attempt::new(End::Conflict(format!("conflict: {problem}; it was left alone: plan again")))
        }
        ApiError::NotSent { again, .. } => Attempt::not_done(problem).trying_again(*again),
        ApiError::Unclear { again, .. } => Attempt::new(End::Unclear(problem)).trying_again(*again),
        ApiError::Credentials { .. } => Attempt::not_done(problem.clone()).halting(Halt::Credentials(problem)),
        ApiError::Stopped { unclear: true } => Attempt::new(End::Unclear(problem)),
        ApiError::Stopped { unclear: false } => Attempt::new(End::Stopped),
    }
}
