//! The ledger of an account: a line for each operation that was applied, with ids and without names. From it the guards
//! know what was done before a plan.
//!
//! It is kept in numbered parts, files of a folder or objects of a store, which are only created, never changed. Each line
//! carries a code over the line before it, as in a journal. The first line of a part names the last code of the part before
//! it, and the latest time in all parts before it, so that only the parts of a window have to be read. What the end of a
//! ledger lacks is found in the journals (`apply::ledger`).

#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::append::part;
use super::journals::read_private;
use super::private::{found_folder, make_own, make_private};
use super::store::ObjectKind;
use super::{Coded, Flaw, State, StateError, account_file, read_chain};
use crate::employee::{BranchId, UserId};
use crate::field::Field;
use crate::files::{sync_folder, temporary_in};
use crate::guard::Kind;
use crate::plan::{Digest, OperationId, bytes_of, hex};
use crate::strict_json;

/// The name of the format, in the first line of each part.
const FORMAT: &str = "skovik-sync/ledger";
/// The version that this program writes, and the only one that it reads.
const FORMAT_VERSION: u64 = 1;
/// The folder of the ledgers.
const LEDGERS: &str = "ledgers";
/// How many bytes of lines a part holds before the next one begins.
const PART: usize = 4 << 20;
/// The largest part that is read, in bytes.
const MOST: u64 = 64 << 20;
/// How many parts are read at once.
const AT_ONCE: usize = 32;
/// What to do about a ledger that cannot be used.
const ADVICE: &str = "restore it from a copy. Or look in Skovik what was changed lately, and move the ledger of this \
                      account away: the next command makes it again from the journals that are there";

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// An apply begins or resumes: its journal is there, and nothing of this run has been sent yet.
    Begun {
        /// When.
        at: Timestamp,
        /// Which apply.
        apply: ApplyId,
    },
    /// An operation was applied.
    Applied(Applied),
    /// The ledger has all of a journal of this length, and nothing in it is in doubt.
    Closed {
        /// When.
        at: Timestamp,
        /// Which apply.
        apply: ApplyId,
        /// The length of its journal, in bytes.
        length: u64,
    },
}

/// One apply of a plan: a plan can be applied again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyId {
    /// The plan.
    pub plan: Digest,
    /// When it was begun, as its journal says.
    pub begun: Timestamp,
}

/// An operation that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// When, as the journal says.
    pub at: Timestamp,
    /// In which apply.
    pub apply: ApplyId,
    /// Its number in the plan.
    pub operation: OperationId,
    /// What happened to the user.
    pub kind: Kind,
    /// The user; none for a create of which it is not known whom it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The branch that the user was in before. The outer `None`: there was no user, or branches are not managed.
    #[serde(default, deserialize_with = "strict_json::managed", skip_serializing_if = "Option::is_none")]
    pub branch: Option<Option<BranchId>>,
    /// The fields that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Field>,
    /// Those of them that lost their value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emptied: Vec<Field>,
    /// Whether the plan was made for an account without users.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_new_account: bool,
    /// Whether no list at the end of its apply has shown it done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
    /// The operation of another plan that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<Reversed>,
}

/// An operation that is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversed {
    /// Its plan.
    pub plan: Digest,
    /// Its number there.
    pub operation: OperationId,
}

/// The end of an account's ledger, from some time on.
#[derive(Debug)]
pub struct Ledger {
    account: String,
    /// The number of the next part.
    next: usize,
    /// The code of the last line.
    code: [u8; 32],
    /// The latest time in it.
    latest: Timestamp,
    entries: Vec<Entry>,
}

impl Ledger {
    /// Takes what it says since that time, the oldest first. Some of it may be older.
    #[must_use]
    pub fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// What the account's files are called.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }
}

impl Entry {
    /// When it was written, by the clock of that time.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Begun { at, .. } | Self::Closed { at, .. } => *at,
            Self::Applied(applied) => applied.at,
        }
    }
}

/// The first line of a part.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: String,
    format_version: u64,
    account: String,
    part: usize,
    /// The code of the last line of the part before; zeros in the first part.
    before: String,
    /// The latest time in all parts before.
    latest: Timestamp,
}

/// What a line of a part is.
enum Said {
    Head(Head),
    Entry(Entry),
}

/// A part that was read.
struct Part {
    head: Head,
    entries: Vec<Entry>,
    /// The code of its last line.
    code: [u8; 32],
}

impl State {
    /// Reads the ledger of an account as far as it tells of something since that time.
    ///
    /// # Errors
    /// If it cannot be read; [`StateError::Damaged`] if a part is missing, was altered or belongs to another account.
    pub fn ledger(&self, url: &str, since: Timestamp) -> Result<Ledger, StateError> {
        let account = account_file(url);
        let folder = folder(&account);
        let numbers = self.part_numbers(&folder)?;
        let mut parts: Vec<Part> = Vec::new();
        let mut left = &numbers[..];
        let is_enough =
            |parts: &[Part]| parts.last().is_some_and(|part| part.head.latest < since || part.head.part == 0);
        while !is_enough(&parts)
            && let Some(last) = left.len().checked_sub(1)
        {
            let first = last.saturating_sub(AT_ONCE - 1);
            let texts = self.part_texts(&folder, &left[first..])?;
            for (number, text) in left[first..].iter().zip(texts).rev() {
                let part = self.read_part(&account, *number, &text)?;
                let is_next = parts.last().is_none_or(|after: &Part| {
                    after.head.part == number + 1 && bytes_of(&after.head.before) == Some(part.code)
                });
                if !is_next {
                    return Err(self.damaged(&folder, *number, "the next part does not continue it"));
                }
                parts.push(part);
                if is_enough(&parts) {
                    break;
                }
            }
            left = &left[..first];
        }
        if !parts.is_empty() && !is_enough(&parts) {
            let missing = parts.last().map_or(0, |part| part.head.part.saturating_sub(1));
            return Err(self.damaged(&folder, missing, "it is missing"));
        }
        let (next, code) = parts.first().map_or((0, [0; 32]), |last| (last.head.part + 1, last.code));
        let latest = parts.first().map_or(Timestamp::MIN, latest);
        let entries = parts.into_iter().rev().flat_map(|part| part.entries).collect();
        Ok(Ledger { account, next, code, latest, entries })
    }

    /// Adds lines to a ledger. They are durable when this returns.
    ///
    /// # Errors
    /// If they are not, or another process has written to it since it was read.
    pub fn add_to_ledger(&self, ledger: &mut Ledger, entries: Vec<Entry>) -> Result<(), StateError> {
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            let head = Head {
                format: FORMAT.to_owned(),
                format_version: FORMAT_VERSION,
                account: ledger.account.clone(),
                part: ledger.next,
                before: hex(&ledger.code),
                latest: ledger.latest,
            };
            let mut code = seed(&ledger.account, ledger.next);
            let mut text = Vec::new();
            let mut latest = ledger.latest;
            self.add_line(&mut text, &mut code, &to_raw_value(&head))?;
            while text.len() < PART
                && let Some(entry) = entries.next()
            {
                self.add_line(&mut text, &mut code, &to_raw_value(&entry))?;
                latest = latest.max(entry.at());
            }
            self.create_part(&folder(&ledger.account), ledger.next, text)?;
            (ledger.next, ledger.code, ledger.latest) = (ledger.next + 1, code, latest);
        }
        Ok(())
    }

    fn add_line(
        &self,
        text: &mut Vec<u8>,
        code: &mut [u8; 32],
        record: &serde_json::Result<Box<RawValue>>,
    ) -> Result<(), StateError> {
        let record = record.as_ref().map_err(|error| StateError::Store(io::Error::other(error.to_string())))?;
        let (line, next) = Coded::line(&self.key, code, record);
        *code = next;
        text.extend_from_slice(&line);
        Ok(())
    }

    fn read_part(&self, account: &str, number: usize, text: &[u8]) -> Result<Part, StateError> {
        let folder = folder(account);
        let damaged = |problem: &str| self.damaged(&folder, number, problem);
        let mut head = None;
        let mut entries = Vec::new();
        let parse = |is_first, record: &str| {
            if is_first {
                serde_json::from_str(record).map(Said::Head)
            } else {
                serde_json::from_str(record).map(Said::Entry)
            }
        };
        let end = read_chain(text, &self.key, seed(account, number), parse, |line, said| {
            let problem = match said {
                Ok(Said::Head(first)) => {
                    head = Some(first);
                    return Ok(());
                }
                Ok(Said::Entry(entry)) => {
                    entries.push(entry);
                    return Ok(());
                }
                Err(Flaw::Io(error)) => error.to_string(),
                Err(Flaw::Unreadable(_) | Flaw::Gap(_)) => "cannot be read; it was altered or cut".to_owned(),
                Err(Flaw::Forged) => {
                    "is not authentic: it was altered, is of another account, or was written with another key"
                        .to_owned()
                }
                Err(Flaw::Unknown(error)) => format!("cannot be understood: {error}"),
            };
            Err(damaged(&format!("line {line} {problem}")))
        })?;
        if end.is_torn {
            return Err(damaged("its last line was cut"));
        }
        let head = head.ok_or_else(|| damaged("it is empty"))?;
        if head.format != FORMAT || head.format_version != FORMAT_VERSION {
            return Err(damaged("it is of a version that this program does not know"));
        }
        Ok(Part { head, entries, code: end.code })
    }

    /// The numbers of the parts that are there, ascending.
    fn part_numbers(&self, folder: &str) -> Result<Vec<usize>, StateError> {
        let number = |name: &str| name.parse::<usize>().ok().filter(|number| part_name(*number) == name);
        let mut numbers: Vec<usize> = match &self.remote {
            Some(remote) => {
                let names = remote.store().list(folder).map_err(StateError::Store)?;
                names.iter().filter_map(|name| number(name.rsplit('/').next()?)).collect()
            }
            None => {
                let path = self.folder.join(folder);
                let io = |error| StateError::Io { path: path.clone(), error };
                for folder in [&self.folder.join(LEDGERS), &path] {
                    if found_folder(folder)?.is_none() {
                        return Ok(Vec::new());
                    }
                }
                let names = fs::read_dir(&path)
                    .map_err(io)?
                    .map(|entry| Ok(entry.map_err(io)?.file_name().to_string_lossy().into_owned()));
                names.collect::<Result<Vec<_>, StateError>>()?.iter().filter_map(|name| number(name)).collect()
            }
        };
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn part_texts(&self, folder: &str, numbers: &[usize]) -> Result<Vec<Vec<u8>>, StateError> {
        let names = numbers.iter().map(|number| part(folder, *number));
        if let Some(remote) = &self.remote {
            let objects: Vec<_> = names.map(|name| (name, ObjectKind::LedgerPart.largest())).collect();
            return remote.store().get_all(&objects).map_err(StateError::Store);
        }
        let read = |name: String| {
            let path = self.folder.join(name);
            read_private(&path, MOST)?.ok_or_else(|| self.damaged(folder, 0, "a part has gone while it was read"))
        };
        names.map(read).collect()
    }

    fn create_part(&self, folder: &str, number: usize, text: Vec<u8>) -> Result<(), StateError> {
        let name = part(folder, number);
        if let Some(remote) = &self.remote {
            return remote.create(&name, text).map_err(StateError::Store);
        }
        make_own(&self.folder.join(LEDGERS))?;
        make_private(&self.folder.join(folder))?;
        let path = self.folder.join(&name);
        let io = |error| StateError::Io { path: path.clone(), error };
        let (_under_way, mut file) = temporary_in(&self.folder.join(folder)).map_err(io)?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(io)?;
        file.persist_noclobber(&path).map_err(|error| io(error.error))?;
        let above = [self.folder.clone(), self.folder.join(LEDGERS), self.folder.join(folder)];
        above.iter().try_for_each(|folder| sync_folder(folder)).map_err(io)
    }

    fn damaged(&self, folder: &str, number: usize, problem: &str) -> StateError {
        let name = part(folder, number);
        let path = match &self.remote {
            Some(remote) => PathBuf::from(remote.store().url(&name)),
            None => self.folder.join(name),
        };
        StateError::Damaged { path, problem: problem.to_owned(), advice: ADVICE }
    }
}

/// If a state has ledgers, their folder is the program's own.
pub(super) fn make_own_folder(state: &Path) -> Result<(), StateError> {
    let ledgers = state.join(LEDGERS);
    found_folder(&ledgers)?.map_or(Ok(()), |_| make_own(&ledgers))
}

fn folder(account: &str) -> String {
    format!("{LEDGERS}/{account}")
}

fn part_name(number: usize) -> String {
    part("", number).trim_start_matches('/').to_owned()
}

fn latest(part: &Part) -> Timestamp {
    part.entries.iter().map(Entry::at).fold(part.head.latest, Ord::max)
}

/// What the code of a part's first line covers besides the line. It binds the part to its account and place.
fn seed(account: &str, number: usize) -> [u8; 32] {
    *Digest::of(format!("{FORMAT}\n{account}\n{number}").as_bytes()).as_bytes()
}
