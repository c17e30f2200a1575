//! The journal of an apply: what was about to be sent, and what came of it, as JSON lines in the state folder.
//!
//! A [`Record::Intent`] is on disk before its request leaves, with the whole user as it was; an outcome is written after
//! its answer. So an intent without an outcome is exactly a request that may or may not have been carried out, and
//! [`Replay`] names it. A last line that was torn by a crash is cut off; nothing that it could have said was acted upon.
//!
//! A journal is no authority. Each line carries a code over the one before it, which only the key of the state folder
//! makes, and says nothing that its plan does not know: no other operation, step or user. What it says about Skovik is
//! held against Skovik before it is acted upon.

mod writer;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::employee::UserId;
use crate::plan::{Action, Digest, Field, Operation, OperationId, Plan, bytes_of};
use crate::state::{KEY_VARIABLE, Key, no_links, open_private};
use crate::target::wire::UserResource;

pub use writer::Journal;

/// What a journal says that it is.
pub const FORMAT: &str = "skovik-sync/journal";
/// The version that this program writes, and the only one that it reads.
pub const FORMAT_VERSION: u64 = 2;

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

/// Which command began an apply, and may therefore go on with it by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BegunBy {
    /// `apply`: a person, or a pipeline.
    Apply,
    /// `run`: the scheduled job.
    Run,
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
    /// A line that the key of this state folder did not make.
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
    /// Which command began it, if any did.
    pub begun_by: Option<BegunBy>,
    /// The users whom its creates made.
    made: HashMap<UserId, OperationId>,
    /// The users whom the plan changes or removes.
    touched: HashSet<UserId>,
    end: End,
}

/// Where the whole lines of a journal end.
#[derive(Debug, Clone, Copy, Default)]
pub struct End {
    /// In bytes; 0: there is no journal.
    length: u64,
    /// The code of the last line.
    code: [u8; 32],
}

impl End {
    /// Covers all the lines: the last code is made over the ones before it.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.code)
    }
}

impl Replay {
    /// Reads a plan's journal, if there is one.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn read(path: &Path, key: &Key, plan: &Plan) -> Result<Self, JournalError> {
        let touched = plan.content().operations.iter().filter_map(Operation::user_id).cloned().collect();
        let mut replay = Self { touched, ..Self::default() };
        replay.end = read_lines(path, key, plan.hash(), |line, record| {
            replay.take(plan, line, record).map_err(|problem| damaged(path, line, problem))
        })?;
        Ok(replay)
    }

    /// Whether there is anything to go on with.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.end.length > 0
    }

    /// How many operations are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.operations.values().filter(|progress| matches!(progress, Progress::Done { .. })).count()
    }

    /// Takes one line in, if it is one that an apply of this plan writes.
    fn take(&mut self, plan: &Plan, line: u64, record: Record) -> Result<(), String> {
        match record {
            Record::Journal { format, format_version, plan_hash, begun_by } => {
                if line > 1 {
                    return Err("a second header".to_owned());
                }
                if format != FORMAT || format_version != FORMAT_VERSION {
                    return Err(format!("not a {FORMAT:?} file of version {FORMAT_VERSION}"));
                }
                if plan_hash != plan.hash() {
                    return Err(format!("it is the journal of another plan, {plan_hash}"));
                }
                self.begun_by = Some(begun_by);
            }
            _ if line == 1 => return Err("it names no plan".to_owned()),
            _ if self.finished.is_some() => return Err("it goes on after its end".to_owned()),
            Record::Run { .. } => {}
            Record::Intent { at: _, operation, step, before } => {
                self.check_intent(plan, operation, step, before.as_ref())?;
                self.announced = true;
                let doubt = || Progress::InDoubt(Doubt { before });
                self.operations.entry(operation).or_insert_with(doubt);
            }
            Record::Done { at: _, operation, user_id, after, differs } => {
                self.check_done(plan, operation, user_id.as_ref(), after.as_ref())?;
                if let (Action::Create { .. }, Some(user_id)) = (&known(plan, operation)?.action, &user_id) {
                    self.made.insert(user_id.clone(), operation);
                }
                self.operations.insert(operation, Progress::Done { user_id, differs });
                self.failed.remove(&operation);
            }
            Record::NotDone { at: _, operation, problem: _ } => {
                known(plan, operation)?;
                self.is_open(operation)?;
                self.operations.remove(&operation);
                self.failed.insert(operation);
            }
            Record::Finished { at } => {
                let done = self.done();
                let operations = plan.content().operations.len();
                if done != operations {
                    return Err(format!("it ends with {done} of {operations} operations done"));
                }
                self.finished = Some(at);
            }
        }
        Ok(())
    }

    fn check_intent(
        &self,
        plan: &Plan,
        id: OperationId,
        step: Step,
        before: Option<&UserResource>,
    ) -> Result<(), String> {
        let operation = known(plan, id)?;
        self.is_open(id)?;
        if let Some(needed) = operation.depends_on.iter().find(|needed| !self.is_done(**needed)) {
            return Err(format!("operation {id} is begun before operation {needed}"));
        }
        let (fits, user) = match &operation.action {
            Action::Create { .. } => (step == Step::Create, None),
            Action::Delete { user_id, .. } => (step == Step::Delete, Some(user_id)),
            Action::Update { user_id, changes, .. } => {
                let moves = changes.iter().any(|change| change.field == Field::Branch);
                (step == Step::Update || moves && step == Step::Refill, Some(user_id))
            }
            Action::Link { create, .. } => (step == Step::Update, self.made_by(*create)),
        };
        if !fits {
            return Err(format!("operation {id} has no such step"));
        }
        if before.map(UserResource::id) != user {
            return Err(format!("operation {id} is not about this user"));
        }
        Ok(())
    }

    fn check_done(
        &self,
        plan: &Plan,
        id: OperationId,
        user: Option<&UserId>,
        after: Option<&UserResource>,
    ) -> Result<(), String> {
        let operation = known(plan, id)?;
        self.is_open(id)?;
        let fits = match &operation.action {
            Action::Update { user_id, .. } => user == Some(user_id),
            Action::Link { create, .. } => user == self.made_by(*create),
            Action::Delete { .. } => user.is_none(),
            Action::Create { .. } => {
                let is_others = |user: &UserId| self.made.contains_key(user) || self.touched.contains(user);
                user.is_some_and(|user| !is_others(user))
            }
        };
        let is_same = after.is_none_or(|after| user == Some(after.id()));
        if fits && is_same { Ok(()) } else { Err(format!("operation {id} is not about this user")) }
    }

    fn is_open(&self, id: OperationId) -> Result<(), String> {
        if self.is_done(id) { Err(format!("operation {id} is begun after it was done")) } else { Ok(()) }
    }

    fn is_done(&self, id: OperationId) -> bool {
        matches!(self.operations.get(&id), Some(Progress::Done { .. }))
    }

    fn made_by(&self, create: OperationId) -> Option<&UserId> {
        match self.operations.get(&create) {
            Some(Progress::Done { user_id, .. }) => user_id.as_ref(),
            _ => None,
        }
    }
}

fn known(plan: &Plan, id: OperationId) -> Result<&Operation, String> {
    plan.operation(id).ok_or_else(|| format!("the plan has no operation {id}"))
}

/// A line as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    mac: Cow<'a, str>,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// What the code of the first line is over, besides the line: a journal fits no other plan.
fn seed(plan_hash: Digest) -> [u8; 32] {
    *plan_hash.as_bytes()
}

/// Reads a journal's whole lines, and tells where they end. A file that is not there has none.
///
/// # Errors
/// Where the file cannot be read, or a line is not authentic, or one that is not the last is damaged.
pub fn read_lines(
    path: &Path,
    key: &Key,
    plan_hash: Digest,
    mut each: impl FnMut(u64, Record) -> Result<(), JournalError>,
) -> Result<End, JournalError> {
    let io = |error: io::Error| JournalError::Io { path: path.to_owned(), error };
    let file = match open_private(path, false) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(End::default()),
        Err(error) => return Err(io(error)),
    };
    let mut reader = BufReader::new(file);
    let (mut line, mut end) = (Vec::new(), End { length: 0, code: seed(plan_hash) });
    for number in 1.. {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(io)?;
        if line.last() != Some(&b'\n') {
            break; // the end, or a line that was torn before it was acted upon
        }
        let Line { mac, record } = match serde_json::from_slice(&line) {
            Ok(line) => line,
            // A disk may tear a line in its middle, too; it is the last one all the same.
            Err(_) if number > 1 && reader.fill_buf().map_err(io)?.is_empty() => break,
            Err(error) => return Err(damaged(path, number, error.to_string())),
        };
        let code = bytes_of(&mac).filter(|code| key.is_right(code, &end.code, record.get().as_bytes()));
        let code = code.ok_or_else(|| JournalError::Forged { path: path.to_owned(), line: number })?;
        let record = serde_json::from_str(record.get()).map_err(|error| damaged(path, number, error.to_string()))?;
        each(number, record)?;
        end = End { length: end.length + read as u64, code };
    }
    Ok(end)
}

/// Opens the file to append behind its whole lines.
fn open(path: &Path, end: End) -> io::Result<File> {
    if end.length > 0 {
        let mut file = open_private(path, true)?;
        file.set_len(end.length)?;
        file.seek(SeekFrom::End(0))?;
        return Ok(file);
    }
    // What stands there can only be a torn first line.
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    no_links(&mut options);
    let file = options.open(path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

fn damaged(path: &Path, line: u64, problem: String) -> JournalError {
    JournalError::Damaged { path: path.to_owned(), line, problem }
}
