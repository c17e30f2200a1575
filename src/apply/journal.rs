//! The journal of an apply: what was about to be sent, and what came of it, as JSON lines beside the plan.
//!
//! The first line binds it to one plan. An [`Record::Intent`] is on disk before its request leaves, with the whole user
//! as it was; an outcome is written after its answer. So an intent without an outcome is exactly a request that may or
//! may not have been carried out, and [`Replay`] names it. A last line that was torn by a crash is cut off; nothing that
//! it could have said was acted upon.

mod writer;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::employee::UserId;
use crate::plan::{Digest, OperationId};
use crate::target::wire::UserResource;

pub use writer::Journal;

/// What a journal says that it is.
pub const FORMAT: &str = "skovik-sync/journal";
/// The version that this program writes, and the only one that it reads.
pub const FORMAT_VERSION: u64 = 1;

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
    },
    /// An apply begins or goes on.
    Run {
        /// When.
        at: Timestamp,
        /// By whose approval; empty where only the hash was given.
        approvers: Vec<String>,
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
        before: Option<UserResource>,
    },
    /// The operation is done.
    Done {
        /// When.
        at: Timestamp,
        /// The operation.
        operation: OperationId,
        /// The user whom it made or changed; none for a delete.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_id: Option<UserId>,
        /// The whole user afterwards, as far as the server told; none for a delete.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<UserResource>,
        /// What Skovik holds otherwise than it was asked to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        differs: Vec<String>,
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
    /// Every operation is done.
    Finished {
        /// When.
        at: Timestamp,
    },
}

/// What an intent is about to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A POST.
    Create,
    /// A PUT.
    Update,
    /// A PUT that gives back the custom fields which a change of branch emptied.
    Refill,
    /// A DELETE.
    Delete,
}

/// Why a journal cannot be gone on with.
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
    /// It belongs to another plan.
    #[error(
        "{path} is the journal of another plan, {found}; finish or undo that plan first, or move its journal away together with it"
    )]
    OtherPlan {
        /// The file.
        path: PathBuf,
        /// That plan's hash.
        found: Digest,
    },
    /// A line that is not the last one cannot be read.
    #[error("{path} line {line} is damaged: {problem}; restore the file, or ask for a new plan")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
}

/// What a journal says about one operation.
#[derive(Debug)]
pub enum Progress {
    /// It is done.
    Done {
        /// The user whom it made or changed.
        user_id: Option<UserId>,
        /// What Skovik held otherwise than it was asked to.
        differs: Vec<String>,
    },
    /// A request may or may not have been carried out.
    InDoubt(Doubt),
}

/// A request of which it is not known whether it was carried out.
#[derive(Debug, Clone)]
pub struct Doubt {
    /// The whole user as it was before the first of them.
    pub before: Option<UserResource>,
}

/// What a journal says as a whole.
#[derive(Debug, Default)]
pub struct Replay {
    /// What is known of each operation that was begun.
    pub operations: HashMap<OperationId, Progress>,
    /// Those that were tried and surely changed nothing.
    pub failed: HashSet<OperationId>,
    /// Whether any request was announced.
    pub announced: bool,
    /// When the last operation was done, if all are.
    pub finished: Option<Timestamp>,
    /// Where the whole lines end, in bytes; 0: there is no journal.
    length: u64,
}

impl Replay {
    /// Reads a plan's journal, if there is one.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn read(path: &Path, plan_hash: Digest) -> Result<Self, JournalError> {
        let mut replay = Self::default();
        read_lines(path, |line, record| {
            match (line, record) {
                (1, Record::Journal { format, format_version, plan_hash: found }) => {
                    if format != FORMAT || format_version != FORMAT_VERSION {
                        return Err(damaged(path, line, format!("not a {FORMAT:?} file of version {FORMAT_VERSION}")));
                    }
                    if found != plan_hash {
                        return Err(JournalError::OtherPlan { path: path.to_owned(), found });
                    }
                }
                (1, _) => return Err(damaged(path, line, "it names no plan".to_owned())),
                (_, record) => replay.take(record).map_err(|problem| damaged(path, line, problem))?,
            }
            Ok(())
        })
        .map(|length| replay.length = length)?;
        Ok(replay)
    }

    /// Whether there is anything to go on with.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.length > 0
    }

    /// How many operations are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.operations.values().filter(|progress| matches!(progress, Progress::Done { .. })).count()
    }

    fn take(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::Journal { .. } => return Err("a second header".to_owned()),
            Record::Run { .. } => {}
            Record::Intent { at: _, operation, step: _, before } => {
                self.announced = true;
                match self.operations.get(&operation) {
                    Some(Progress::Done { .. }) => {
                        return Err(format!("operation {operation} is begun after it was done"));
                    }
                    Some(Progress::InDoubt(_)) => {}
                    None => drop(self.operations.insert(operation, Progress::InDoubt(Doubt { before }))),
                }
            }
            Record::Done { at: _, operation, user_id, after: _, differs } => {
                self.operations.insert(operation, Progress::Done { user_id, differs });
                self.failed.remove(&operation);
            }
            Record::NotDone { at: _, operation, problem: _ } => {
                self.operations.remove(&operation);
                self.failed.insert(operation);
            }
            Record::Finished { at } => self.finished = Some(at),
        }
        Ok(())
    }
}

/// Reads a journal's whole lines, and tells where they end. A file that is not there has none.
///
/// # Errors
/// Where the file cannot be read, or a line that is not the last one is damaged.
pub fn read_lines(
    path: &Path,
    mut each: impl FnMut(u64, Record) -> Result<(), JournalError>,
) -> Result<u64, JournalError> {
    let io = |error: io::Error| JournalError::Io { path: path.to_owned(), error };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(io(error)),
    };
    if !file.metadata().map_err(io)?.is_file() {
        return Err(io(io::Error::other("is no regular file")));
    }
    let mut reader = BufReader::new(file);
    let (mut line, mut length) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(io)?;
        if line.last() != Some(&b'\n') {
            break; // the end, or a line that was torn before it was acted upon
        }
        match serde_json::from_slice(&line) {
            Ok(record) => each(number, record)?,
            // A disk may tear a line in its middle, too; it is the last one all the same.
            Err(_) if number > 1 && reader.fill_buf().map_err(io)?.is_empty() => break,
            Err(error) => return Err(damaged(path, number, error.to_string())),
        }
        length += read as u64;
    }
    Ok(length)
}

/// Opens the file to append behind its whole lines.
fn open(path: &Path, replay: &Replay) -> io::Result<File> {
    let mut options = File::options();
    options.write(true);
    if replay.is_begun() {
        let mut file = options.open(path)?;
        file.set_len(replay.length)?;
        file.seek(SeekFrom::End(0))?;
        return Ok(file);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // What stands there can only be a torn first line.
    let file = options.create(true).truncate(true).open(path)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

fn damaged(path: &Path, line: u64, problem: String) -> JournalError {
    JournalError::Damaged { path: path.to_owned(), line, problem }
}
