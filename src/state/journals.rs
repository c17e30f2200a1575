//! The journals that a state holds, of every plan and account, as the ledger looks for them. Nothing is written or brought
//! here: another process may be writing to a journal.

use std::fs;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::parts::JournalText;
use super::store::Object;
use super::{JOURNALS, State, StateError, open_private};
use crate::plan::{Digest, bytes_of};

/// The largest kept plan that is read, in bytes.
const MOST_PLAN: u64 = 2 << 30;

/// A journal, as a list names it.
#[derive(Debug)]
pub struct JournalFile {
    /// Of which plan.
    pub plan: Digest,
    /// How long it is, in bytes.
    pub length: u64,
    /// When it was last written to.
    pub modified: SystemTime,
    text: Text,
}

/// A file of a plan in the folder of journals.
#[derive(Debug)]
pub(super) struct PlanFile {
    pub(super) plan: Digest,
    is_journal: bool,
    /// Whether it is a regular file; a link is never followed.
    pub(super) is_file: bool,
    length: u64,
    pub(super) modified: SystemTime,
    pub(super) path: PathBuf,
}

/// Where the text of a journal is.
#[derive(Debug)]
enum Text {
    File(PathBuf),
    /// Its parts, in order.
    Objects(Vec<Object>),
}

impl JournalFile {
    /// Its path or URL, for messages.
    #[must_use]
    pub fn path(&self, state: &State) -> PathBuf {
        match (&self.text, &state.remote) {
            (Text::File(path), _) => path.clone(),
            (Text::Objects(parts), Some(remote)) => {
                PathBuf::from(remote.store().url(parts.first().map_or(JOURNALS, |part| &part.name)))
            }
            (Text::Objects(_), None) => PathBuf::from(JOURNALS),
        }
    }
}

impl State {
    /// All journals, in no order.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub fn journals(&self) -> Result<Vec<JournalFile>, StateError> {
        if let Some(remote) = &self.remote {
            let journals = remote.journals().map_err(StateError::Store)?.into_iter();
            return Ok(journals
                .map(|(plan, parts)| JournalFile {
                    plan,
                    length: length(&parts),
                    modified: parts.iter().map(|part| part.modified).max().unwrap_or(SystemTime::UNIX_EPOCH),
                    text: Text::Objects(parts),
                })
                .collect());
        }
        let files = self.plan_files()?.into_iter().filter(|file| file.is_journal);
        Ok(files
            .map(|PlanFile { plan, length, modified, path, .. }| JournalFile {
                plan,
                length,
                modified,
                text: Text::File(path),
            })
            .collect())
    }

    /// The journals and the copies of plans in the folder, in no order.
    pub(super) fn plan_files(&self) -> Result<Vec<PlanFile>, StateError> {
        let folder = self.folder.join(JOURNALS);
        let io = |error| StateError::Io { path: folder.clone(), error };
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let Some((plan, is_journal)) = plan_of(&entry.file_name().to_string_lossy()) else { continue };
            match entry.metadata() {
                Ok(metadata) => files.push(PlanFile {
                    plan,
                    is_journal,
                    is_file: metadata.is_file(),
                    length: metadata.len(),
                    modified: metadata.modified().map_err(io)?,
                    path: entry.path(),
                }),
                // Another command has renamed or removed it: it is listed under its new name, or judged again by the next
                // command.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StateError::Io { path: entry.path(), error }),
            }
        }
        Ok(files)
    }

    /// The text of a journal; of one in a store perhaps only the first of its parts, which holds the first line.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn journal_text(&self, journal: &JournalFile, first_only: bool) -> Result<Box<dyn BufRead>, StateError> {
        match (&journal.text, &self.remote) {
            (Text::Objects(parts), Some(remote)) => {
                let parts = if first_only { &parts[..parts.len().min(1)] } else { parts };
                Ok(Box::new(BufReader::new(JournalText::new(remote.store().clone(), parts))))
            }
            (Text::Objects(_), None) => Ok(Box::new(io::empty())),
            (Text::File(path), _) => {
                let file = open_private(path, false).map_err(|error| StateError::of_file(path.clone(), error))?;
                Ok(Box::new(BufReader::new(file)))
            }
        }
    }

    /// The text of the copy that was kept of a plan, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn kept_plan(&self, plan: Digest) -> Result<Option<Vec<u8>>, StateError> {
        if let Some(remote) = &self.remote {
            return remote.plan(plan).map_err(StateError::Store);
        }
        read_private(&self.plan(plan), MOST_PLAN)
    }
}

/// How long parts are together, by what the store says of each: a sum that cannot be true is the largest number.
fn length(parts: &[Object]) -> u64 {
    parts.iter().fold(0, |length: u64, part| length.saturating_add(part.size))
}

/// A file of the state, if it is there.
pub(super) fn read_private(path: &Path, most: u64) -> Result<Option<Vec<u8>>, StateError> {
    let mut text = Vec::new();
    let read = open_private(path, false).and_then(|file| file.take(most).read_to_end(&mut text));
    match read {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::of_file(path.to_owned(), error)),
    }
}

/// The plan of a file's name, and whether it is a journal: `HASH.journal`, `HASH.N.journal` for an earlier apply, or
/// `HASH.plan.json`. A copy of a journal that is only read is `HASH.seen` or `HASH.N.seen`, see [`State::journal`].
fn plan_of(name: &str) -> Option<(Digest, bool)> {
    let (hash, rest) = name.split_once('.')?;
    let is_number = |number: &str| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    let is_of = |ending: &str| {
        rest.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.strip_suffix('.').is_some_and(is_number))
    };
    let is_journal = is_of("journal");
    (is_journal || is_of("seen") || rest == "plan.json")
        .then(|| Some((Digest::from_bytes(bytes_of(hash)?), is_journal)))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_cannot_be_true_do_not_overflow() {
        let part = |size| Object { name: String::new(), size, modified: SystemTime::UNIX_EPOCH };
        assert_eq!(length(&[part(1), part(2)]), 3);
        assert_eq!(length(&[part(1 << 62), part(1 << 62), part(1 << 62), part(1 << 62), part(7)]), u64::MAX);
        assert_eq!(length(&[part(u64::MAX), part(u64::MAX)]), u64::MAX);
    }
}
