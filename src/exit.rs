//! The exit codes, and errors that carry one.

use std::fmt;
use std::process::ExitCode;

/// How the program ends. The numbers are a contract with scripts; see `docs/guide.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// Done; nothing (more) to do.
    Done = 0,
    /// An unexpected error.
    Unexpected = 1,
    /// `plan --detailed-exitcode`: there are changes.
    Changes = 2,
    /// Wrong usage or configuration.
    Usage = 3,
    /// A source or Skovik could not be read completely, contradicts itself, or refused the credentials.
    Untrusted = 4,
    /// Blocked by a guard.
    Blocked = 5,
    /// Not approved.
    NotApproved = 6,
    /// The configuration, or something in Skovik that the plan would touch, has changed.
    Stale = 7,
    /// The plan file is damaged, was altered, or has an unknown format version.
    Damaged = 8,
    /// Applied in part.
    Partial = 9,
    /// Another apply holds the lock.
    Locked = 10,
    /// Interrupted.
    Interrupted = 130,
}

impl ExitStatus {
    /// Its name in logs and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unexpected => "unexpected",
            Self::Changes => "changes",
            Self::Usage => "usage",
            Self::Untrusted => "untrusted",
            Self::Blocked => "blocked",
            Self::NotApproved => "not_approved",
            Self::Stale => "stale",
            Self::Damaged => "damaged",
            Self::Partial => "partial",
            Self::Locked => "locked",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}

/// An error that leads to a certain exit code. [`status_of`] finds it in a chain.
#[derive(Debug)]
pub struct Refused {
    status: ExitStatus,
    message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

/// An error with an exit code of its own.
#[must_use]
pub fn refused(status: ExitStatus, message: impl fmt::Display) -> anyhow::Error {
    anyhow::Error::new(Refused { status, message: message.to_string() })
}

/// Gives the error of a result an exit code.
pub trait OrRefuse<T> {
    /// The same result, its error (with its whole chain as text) leading to `status`. An error that already carries a
    /// status keeps it.
    fn or_refuse(self, status: ExitStatus) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> OrRefuse<T> for Result<T, E> {
    fn or_refuse(self, status: ExitStatus) -> anyhow::Result<T> {
        self.map_err(|error| {
            let error: anyhow::Error = error.into();
            if error.chain().any(|cause| cause.is::<Refused>()) { error } else { refused(status, format!("{error:#}")) }
        })
    }
}

/// The exit code that an error leads to.
#[must_use]
pub fn status_of(error: &anyhow::Error) -> ExitStatus {
    error.chain().find_map(|cause| cause.downcast_ref::<Refused>()).map_or(ExitStatus::Unexpected, |found| found.status)
}
