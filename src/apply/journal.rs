//! The journal of an apply, as JSON lines in the state folder: each request before it is sent, and its outcome.
//!
//! A [`Record::Intent`] is on disk before its request is sent, with the whole user as it was. The outcome is written
//! after the answer. So an intent without an outcome is a request that may or may not have been carried out; [`Replay`]
//! reports it. A last line that a crash cut short is removed: no request was sent on the strength of it.
//!
//! A journal is not trusted. Each line carries a MAC that covers the line before it, made with the key of the state
//! folder. A line may name only operations, steps and users that its plan names. What it says about Skovik is checked
//! against Skovik before it is used.

mod replay;
mod writer;

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::known::Known;
use crate::employee::{ExternalIdentifier, Text, UserId};
use crate::plan::{Digest, OperationId};
use crate::provider::StoredUser;
use crate::state::{ChainEnd, Flaw, KEY_VARIABLE, Key, account_file, open_private, read_chain};
use crate::text::printable;

pub use replay::{Doubt, Progress, Replay};
pub use writer::Journal;

/// The name of the format, in the first line.
pub const FORMAT: &str = "skovik-sync/journal";
/// The version that this program writes, and the only one that it reads.
pub const FORMAT_VERSION: u64 = 6;

/// How long a first line may be, in bytes.
const LONGEST_HEAD: u64 = 4096;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// Binds the journal to its plan; the first line.
    Journal {
        /// Always [`FORMAT`].
        format: String,
        /// Always [`FORMAT_VERSION`].
        format_version: u64,
        /// The plan.
        plan_hash: Digest,
        /// Which command began the apply.
        begun_by: BegunBy,
        /// The account, as its files are called.
        account: String,
        /// When the apply began. It tells one apply of a plan from another.
        at: Timestamp,
    },
    /// An apply begins or resumes.
    Run {
        /// When.
        at: Timestamp,
        /// Who approved; empty if only the hash was given.
        approvers: Vec<String>,
    },
    /// Who was in Skovik before anything was written; only if the plan creates somebody.
    Known {
        /// When.
        at: Timestamp,
        /// All users.
        users: Known,
    },
    /// A request is about to be sent.
    Intent {
        /// When.
        at: Timestamp,
        /// The operation.
        operation: OperationId,
        /// What is sent.
        step: Step,
        /// The whole user as read just before; none for a create.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<StoredUser>,
    },
    /// The operation is done.
    Done {
        /// When.
        at: Timestamp,
        /// The operation.
        operation: OperationId,
        /// The user that it created or changed; none for a delete.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_id: Option<UserId>,
        /// The whole user afterwards, as far as the server told; none for a delete.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<StoredUser>,
        /// Which values Skovik stored differently.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        differs: Vec<String>,
    },
    /// A create that was called done but may not be: its answer names a user that another create made.
    Doubted {
        /// When.
        at: Timestamp,
        /// The operation.
        operation: OperationId,
        /// Why.
        problem: String,
    },
    /// An operation that was called done, but the complete list shows its user differently.
    Contradicted {
        /// When.
        at: Timestamp,
        /// The operation.
        operation: OperationId,
        /// How.
        problem: String,
        /// What the list at the end of a run calls the user, if it has them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listed: Option<Label>,
    },
    /// The operation surely changed nothing.
    NotDone {
        /// When.
        at: Timestamp,
        /// The operation.
        operation: OperationId,
        /// Why.
        problem: String,
    },
    /// Of an operation whose outcome is unknown: no request for it is under way any more, and another client has changed or
    /// deleted its user since; or a new user has the identifier of the person whom a create sent, and differs otherwise. Nobody
    /// can tell whether it was carried out, and a new plan need not wait for it.
    Outdated {
        /// When.
        at: Timestamp,
        /// The operation.
        operation: OperationId,
        /// How the user has changed.
        problem: String,
        /// The new user who has the identifier of the person whom a create sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_id: Option<UserId>,
    },
    /// Every operation is done, and the run ends.
    Finished {
        /// When.
        at: Timestamp,
    },
    /// A run ends, and something is left. A run that was killed has no such line.
    Ended {
        /// When.
        at: Timestamp,
    },
}

/// What a user is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The external identifier, if they have one.
    pub employee: Option<ExternalIdentifier>,
    /// The name, or the e-mail of somebody without one.
    pub name: Text,
}

/// Which command began an apply. Only that command may resume it unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BegunBy {
    /// `apply`: a person, or a pipeline.
    Apply,
    /// `run`: the scheduled job.
    Run,
}

/// How an apply begins: the first line of its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Which command began it.
    pub begun_by: BegunBy,
    /// The account, as its files are called.
    pub account: String,
    /// When.
    pub at: Timestamp,
}

impl Head {
    /// The beginning of an apply to the account at a URL.
    #[must_use]
    pub fn new(begun_by: BegunBy, url: &str, at: Timestamp) -> Self {
        Self { begun_by, account: account_file(url), at }
    }
}

/// What an intent is about to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A POST.
    Create,
    /// A PUT.
    Update,
    /// A PUT that restores the custom fields that a change of branch emptied.
    Refill,
    /// A DELETE.
    Delete,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It could not be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// A line whose MAC was not made with the key of this state folder.
    #[error(
        "{path} line {line} is not authentic: it was altered, or written with another key (the file `key` in the state \
         folder, or ${KEY_VARIABLE}). Restore the file, or move it away and plan again"
    )]
    Forged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
    },
    /// A whole line cannot be read, and no crash can have left it so.
    #[error(
        "{path} line {line} is damaged: {problem}; restore the file (if a store holds the state: restore the objects), or ask \
         for a new plan"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
}

/// The end of a journal's complete lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct End {
    /// The length of the complete lines in bytes; 0 if there is no journal.
    length: u64,
    /// The code of the last line.
    code: [u8; 32],
}

impl End {
    /// A digest of all the lines: the code of the last one covers the ones before it.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.code)
    }
}

/// What the code of the first line covers besides the line. It binds the journal to its plan.
fn seed(plan_hash: Digest) -> [u8; 32] {
    *plan_hash.as_bytes()
}

/// Reads a journal's complete lines, and returns where they end. A missing file has none.
///
/// # Errors
/// If the file cannot be read, or a line is not authentic or damaged. A last line that a crash cut or left a gap in is left
/// out.
pub fn read_lines(
    path: &Path,
    key: &Key,
    plan_hash: Digest,
    each: impl FnMut(u64, Record) -> Result<(), JournalError>,
) -> Result<End, JournalError> {
    match open_private(path, false) {
        Ok(file) => read_lines_of(file, path, key, plan_hash, each),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(End::default()),
        Err(error) => Err(JournalError::Io { path: path.to_owned(), error }),
    }
}

/// Reads the first line of a journal; `None` if there is no complete one, so that nothing was sent.
///
/// # Errors
/// As [`read_lines`].
pub fn read_head(
    reader: impl BufRead,
    path: &Path,
    key: &Key,
    plan_hash: Digest,
) -> Result<Option<Head>, JournalError> {
    let mut first = Vec::new();
    let read = reader.take(LONGEST_HEAD).read_until(b'\n', &mut first);
    read.map_err(|error| JournalError::Io { path: path.to_owned(), error })?;
    let mut head = None;
    read_lines_of(&first[..], path, key, plan_hash, |line, record| match record {
        Record::Journal { begun_by, account, at, .. } => {
            head = Some(Head { begun_by, account, at });
            Ok(())
        }
        _ => Err(damaged(path, line, "it names no plan".to_owned())),
    })?;
    Ok(head)
}

/// Reads a journal's complete lines, as [`read_lines`]; messages call it by `path`.
///
/// # Errors
/// As [`read_lines`].
pub fn read_lines_of(
    reader: impl Read,
    path: &Path,
    key: &Key,
    plan_hash: Digest,
    mut each: impl FnMut(u64, Record) -> Result<(), JournalError>,
) -> Result<End, JournalError> {
    // A crash may leave a gap in the last line, also if its line break is there. It is an error only if something follows it.
    let mut gap = None;
    let parse = |_, record: &str| serde_json::from_str(record);
    let ChainEnd { length, code, is_torn } = read_chain(reader, key, seed(plan_hash), parse, |number, record| {
        if let Some(gap) = gap.take() {
            return Err(gap);
        }
        match record {
            Ok(record) => each(number, record),
            Err(Flaw::Io(error)) => Err(JournalError::Io { path: path.to_owned(), error }),
            Err(Flaw::Gap(error)) if number > 1 => {
                gap = Some(damaged(path, number, error.to_string()));
                Ok(())
            }
            Err(Flaw::Unreadable(error) | Flaw::Gap(error) | Flaw::Unknown(error)) => {
                Err(damaged(path, number, error.to_string()))
            }
            Err(Flaw::Forged) => Err(JournalError::Forged { path: path.to_owned(), line: number }),
        }
    })?;
    match gap.filter(|_| is_torn) {
        Some(gap) => Err(gap),
        None => Ok(End { length, code }),
    }
}

/// The problem may repeat what somebody wrote there who has no key.
fn damaged(path: &Path, line: u64, problem: String) -> JournalError {
    JournalError::Damaged { path: path.to_owned(), line, problem: printable(&problem).into_owned() }
}
