//! Carrying out an approved plan: the only part of the program that writes to Skovik.
//!
//! [`precheck`] checks the plan against the live account, purely; [`engine`] runs the operations, several at a time,
//! each by the rules of [`operation`]; [`journal`] makes the same apply resumable after any crash. What happened
//! ([`Outcome`]) is another type than what was planned. [`undo`] makes the plan that takes it back. Nothing in here
//! decides what should be done: the plan says it.

mod admins;
mod confirm;
pub mod emptied;
pub mod engine;
pub mod expected_state;
mod given;
mod headcount;
pub mod journal;
pub mod known;
mod labels;
pub mod ledger;
mod list;
pub mod lock;
mod newcomers;
pub mod old_list;
pub mod operation;
pub mod precheck;
mod settle;
pub mod trial;
pub mod undo;

use std::io;
use std::time::Duration;

use self::journal::JournalError;
use crate::employee::UserId;
use crate::plan::{Operation, OperationId};
use crate::provider::StoredUser;

/// The outcome of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done {
        /// The user that it created or changed; none for a delete.
        user_id: Option<UserId>,
        /// Which values Skovik stored differently.
        differs: Vec<String>,
    },
    /// An earlier run of the same apply did it.
    DoneBefore {
        /// Which values Skovik had stored differently even then.
        differs: Vec<String>,
    },
    /// It changed nothing, or not everything; `problem` says which.
    Failed {
        /// Why, in the server's words if it gave any.
        problem: String,
    },
    /// It may or may not have been carried out; the same apply settles it.
    InDoubt {
        /// What happened.
        problem: String,
    },
    /// It was not begun.
    NotAttempted {
        /// What it waited for.
        because: String,
    },
}

impl Outcome {
    /// Its name, for reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::DoneBefore { .. } => "done_before",
            Self::Failed { .. } => "failed",
            Self::InDoubt { .. } => "in_doubt",
            Self::NotAttempted { .. } => "not_attempted",
        }
    }

    /// Whether the operation is done, in this run or an earlier one.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::DoneBefore { .. })
    }
}

/// An operation that has ended in this run.
#[derive(Debug)]
pub struct Ended<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// Its outcome.
    pub outcome: &'a Outcome,
    /// How often it was begun in this run.
    pub attempts: u32,
    /// How long all attempts took together.
    pub took: Duration,
    /// The whole user as read before the write.
    pub before: Option<&'a StoredUser>,
    /// The whole user afterwards, if the server told it.
    pub after: Option<&'a StoredUser>,
}

/// Watches an apply while it runs.
pub trait Observer {
    /// An operation is begun, for the n-th time in this run.
    fn started(&mut self, operation: &Operation, attempt: u32);
    /// An operation has ended. Operations of an earlier run are not reported. An operation is reported again if a later
    /// list contradicts it; the last report counts.
    fn ended(&mut self, ended: Ended<'_>);
    /// One complete list, read after the given wait, will settle this many unknown outcomes.
    fn settling(&mut self, unclear: usize, wait: Duration);
    /// One complete list will now confirm this many finished operations.
    fn confirming(&mut self, done: usize);
    /// Why the run should end in order, if the observer can no longer report it.
    fn halt(&self) -> Option<Halt> {
        None
    }
}

/// Why a run ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The user asked for it.
    Interrupted,
    /// Skovik refuses the key.
    Credentials(String),
    /// Too many operations failed one after another.
    Failures(u32),
    /// A user's roles changed in a write that should not change roles.
    RolesChanged(String),
    /// The journal cannot be written.
    Journal(String),
    /// Another process or machine has continued the journal.
    Overtaken(String),
    /// Nobody reads the events.
    Events(String),
    /// Skovik's list could not be read, so unknown outcomes were not settled.
    Unreadable(String),
    /// Skovik's list could not be read, so finished operations were not confirmed.
    Unconfirmed(String),
}

impl Halt {
    /// Why a run ends whose journal cannot be written.
    pub(crate) fn of_journal(error: &JournalError) -> Self {
        match error {
            JournalError::Io { error: cause, .. } if cause.kind() == io::ErrorKind::AlreadyExists => {
                Self::Overtaken(error.to_string())
            }
            error => Self::Journal(error.to_string()),
        }
    }
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::Credentials(problem) | Self::RolesChanged(problem) | Self::Events(problem) => f.write_str(problem),
            Self::Failures(count) => write!(f, "{count} operations failed one after another"),
            Self::Journal(problem) | Self::Overtaken(problem) => write!(f, "the journal cannot be written: {problem}"),
            Self::Unreadable(problem) => write!(f, "unknown outcomes could not be settled: {problem}"),
            Self::Unconfirmed(problem) => write!(f, "finished operations could not be confirmed: {problem}"),
        }
    }
}

/// What happened.
#[derive(Debug)]
pub struct Report {
    /// The outcome of each operation, in the plan's order.
    pub outcomes: Vec<Outcome>,
    /// Why the run ended early, if it did.
    pub halt: Option<Halt>,
    /// Whether anything was changed in this run, or may have been.
    pub wrote: bool,
}

impl Report {
    /// Whether every operation is done, exactly as planned.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.outcomes.iter().all(|outcome| match outcome {
            Outcome::Done { differs, .. } | Outcome::DoneBefore { differs } => differs.is_empty(),
            Outcome::Failed { .. } | Outcome::InDoubt { .. } | Outcome::NotAttempted { .. } => false,
        })
    }

    /// Whether nothing is in doubt and nothing failed, for an apply that only settles what was in doubt.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.halt.is_none()
            && self.outcomes.iter().all(|outcome| match outcome {
                Outcome::Done { differs, .. } | Outcome::DoneBefore { differs } => differs.is_empty(),
                Outcome::NotAttempted { .. } => true,
                Outcome::Failed { .. } | Outcome::InDoubt { .. } => false,
            })
    }

    /// The outcome of an operation.
    #[must_use]
    pub fn outcome(&self, id: OperationId) -> Option<&Outcome> {
        self.outcomes.get((id.0 as usize).checked_sub(1)?)
    }
}
