//! Who has been missing since when, of an account: one file of the state, by the users' ids, without a name or an e-mail.
//!
//! The file has a code of the state's key over the account and all of its content. It errs on the safe side: a file that
//! is lost, or has another code, is no memory at all, so that everybody begins to wait anew. It is replaced only if it is
//! still the one that was read, so that two readings at the same time do not lose what the other one saw.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use object_store::UpdateVersion;
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use super::private::{make_owners, open_private};
use super::store::{ObjectKind, Written};
use super::{Coded, State, StateError, account_file};
use crate::diff::Memory;
use crate::employee::UserId;
use crate::files::{no_links, open_own, write_private};
use crate::plan::Digest;
use crate::text::said;

const FORMAT: &str = "skovik-sync/absences";
const FORMAT_VERSION: u64 = 1;
/// How long the file may be, in bytes: ten million people who are missing.
const LONGEST: u64 = 1 << 30;

/// How long another process may write the file.
const PATIENCE: Duration = if cfg!(test) { Duration::from_millis(300) } else { Duration::from_secs(10) };
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// What was read.
#[derive(Debug)]
pub struct Noted {
    /// What earlier readings left.
    pub memory: Memory,
    /// Why nothing is remembered although there is a file.
    pub problem: Option<String>,
    /// The path or URL of the file.
    pub place: String,
    version: Version,
}

/// Which file was read.
#[derive(Debug)]
enum Version {
    /// There was none.
    None,
    /// A file with this content.
    File(Digest),
    /// An object of a store.
    Object(UpdateVersion),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<'a> {
    format: Cow<'a, str>,
    format_version: u64,
    read_at: Option<Timestamp>,
    missing: BTreeMap<UserId, Timestamp>,
}

impl State {
    /// Who has been missing in an account, by its earlier readings.
    ///
    /// # Errors
    /// If the file or the store cannot be read. A file that is not authentic is no error; see [`Noted::problem`].
    pub fn absences(&self, url: &str) -> Result<Noted, StateError> {
        let (text, version, place) = match &self.remote {
            Some(remote) => {
                let found = remote.store().get(&name(url), ObjectKind::Absences).map_err(StateError::Store)?;
                let (text, version) =
                    found.map_or((None, Version::None), |(text, version)| (Some(text), Version::Object(version)));
                (text, version, remote.store().url(&name(url)))
            }
            None => {
                let path = self.absences_file(url);
                let text = read(&path)?;
                let version = text.as_deref().map_or(Version::None, |text| Version::File(Digest::of(text)));
                (text, version, path.display().to_string())
            }
        };
        let (memory, problem) = match text.as_deref().map(|text| self.opened(url, text)) {
            None => (Memory::default(), None),
            Some(Ok(memory)) => (memory, None),
            Some(Err(problem)) => (Memory::default(), Some(problem)),
        };
        Ok(Noted { memory, problem, place, version })
    }

    /// Replaces what was noted; `false` if somebody else has done so since it was read.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn note_absences(&self, url: &str, before: &Noted, memory: &Memory) -> Result<bool, StateError> {
        let text = self.sealed(url, memory).map_err(|error| self.unwritable(url, error))?;
        let Some(remote) = &self.remote else { return self.replace_absences(url, &before.version, &text) };
        let written = match &before.version {
            Version::Object(version) => remote.store().replace(&name(url), text, version.clone()),
            Version::None | Version::File(_) => remote.store().create(&name(url), text),
        };
        match written.map_err(StateError::Store)? {
            Written::Done(_) => Ok(true),
            Written::Refused => Ok(false),
        }
    }

    /// The same in a folder, under a lock.
    fn replace_absences(&self, url: &str, before: &Version, text: &[u8]) -> Result<bool, StateError> {
        let path = self.absences_file(url);
        let io = |error| self.unwritable(url, error);
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        no_links(&mut options);
        // Never removed, so that everybody locks the same file.
        let place = path.with_extension("absences.lock");
        let of_lock = |error| StateError::of_file(place.clone(), error);
        let lock = open_own(&place, &options).and_then(|lock| make_owners(&lock).map(|()| lock)).map_err(of_lock)?;
        let begun = Instant::now();
        while let Err(error) = lock.try_lock() {
            match error {
                TryLockError::WouldBlock if begun.elapsed() < PATIENCE => thread::sleep(BETWEEN_TRIES),
                TryLockError::WouldBlock => return Err(StateError::Locked { path: place }),
                TryLockError::Error(error) => return Err(of_lock(error)),
            }
        }
        let now = read(&path)?.as_deref().map(Digest::of);
        let is_same = match before {
            Version::None | Version::Object(_) => now.is_none(),
            Version::File(before) => now == Some(*before),
        };
        if is_same {
            write_private(&path, |file| file.write_all(text)).map_err(io)?;
        }
        Ok(is_same)
    }

    fn sealed(&self, url: &str, memory: &Memory) -> io::Result<Vec<u8>> {
        let time = |seconds: i64| Timestamp::from_second(seconds).map_err(io::Error::other);
        let missing = memory.missing.iter().map(|(user, &since)| Ok((user.clone(), time(since)?)));
        let record = Record {
            format: FORMAT.into(),
            format_version: FORMAT_VERSION,
            read_at: memory.read_at.map(time).transpose()?,
            missing: missing.collect::<io::Result<_>>()?,
        };
        let (text, _) = Coded::line(self.key(), &seed(url), &to_raw_value(&record)?);
        Ok(text)
    }

    /// # Errors
    /// Says why the text is no memory.
    fn opened(&self, url: &str, text: &[u8]) -> Result<Memory, String> {
        let damaged = |error: serde_json::Error| format!("is damaged: {}", said(&error));
        let coded = Coded::read(text).map_err(damaged)?;
        let (record, _) = coded.authentic(self.key(), &seed(url)).ok_or_else(|| {
            "is not authentic: it was altered, is of another account, or was written with another key".to_owned()
        })?;
        let Record { format, format_version, read_at, missing } = serde_json::from_str(record).map_err(damaged)?;
        if format != FORMAT || format_version != FORMAT_VERSION {
            return Err(format!("has the format version {format_version}, which this program does not read"));
        }
        let missing = missing.into_iter().map(|(user, since)| (user, since.as_second())).collect();
        Ok(Memory { read_at: read_at.map(Timestamp::as_second), missing })
    }

    fn unwritable(&self, url: &str, error: io::Error) -> StateError {
        StateError::Io { path: self.absences_file(url), error }
    }

    fn absences_file(&self, url: &str) -> PathBuf {
        self.folder().join(name(url))
    }
}

/// What the file of an account is called.
fn name(url: &str) -> String {
    format!("{}.absences", account_file(url))
}

/// What the code covers besides the record. It binds the file to its account, and to its purpose.
fn seed(url: &str) -> [u8; 32] {
    *Digest::of(format!("{FORMAT}\n{}", account_file(url)).as_bytes()).as_bytes()
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    let io = |error| StateError::of_file(path.to_owned(), error);
    let file = match open_private(path, false) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).map_err(io)?;
    Ok(Some(text))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const ACCOUNT: &str = "https://api.example.com/v1";

    fn memory(read_at: i64, missing: &[(&str, i64)]) -> Memory {
        let missing = missing.iter().map(|&(user, since)| (UserId::from(user), since)).collect();
        Memory { read_at: Some(read_at), missing }
    }

    #[test]
    fn what_was_noted_is_remembered_for_its_account_alone() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state"), None).unwrap();
        let nothing = state.absences(ACCOUNT).unwrap();
        assert_eq!((&nothing.memory, &nothing.problem), (&Memory::default(), &None));
        let noted = memory(1_795_856_400, &[("u1", 1_795_856_400), ("u2", 1_795_000_000)]);
        assert!(state.note_absences(ACCOUNT, &nothing, &noted).unwrap());
        assert_eq!(state.absences("https://API.example.com/v1/").unwrap().memory, noted, "the same account");
        let path = state.absences_file(ACCOUNT);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // Another account does not have it, even if somebody gives it the file.
        let other = "https://api.example.com/v2";
        assert_eq!(state.absences(other).unwrap().memory, Memory::default());
        fs::copy(&path, state.absences_file(other)).unwrap();
        let moved = state.absences(other).unwrap();
        assert_eq!(moved.memory, Memory::default());
        assert!(moved.problem.unwrap().contains("another account"));
    }

    #[test]
    fn a_lock_that_somebody_keeps_is_not_waited_for_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state"), None).unwrap();
        let nothing = state.absences(ACCOUNT).unwrap();
        let lock = File::create(state.absences_file(ACCOUNT).with_extension("absences.lock")).unwrap();
        lock.lock().unwrap();
        let error = state.note_absences(ACCOUNT, &nothing, &memory(10, &[])).unwrap_err();
        assert!(matches!(error, StateError::Locked { .. }), "{error}");
        lock.unlock().unwrap();
        let place = state.absences_file(ACCOUNT).with_extension("absences.lock");
        fs::rename(&place, folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &place).unwrap();
        let error = state.note_absences(ACCOUNT, &nothing, &memory(10, &[])).unwrap_err();
        assert!(matches!(&error, StateError::Misplaced { path, .. } if *path == place), "{error}");
        fs::remove_file(&place).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(&place).unwrap();
        let error = state.note_absences(ACCOUNT, &nothing, &memory(10, &[])).unwrap_err();
        assert!(matches!(&error, StateError::Misplaced { path, .. } if *path == place), "{error}");
        drop(socket);
        fs::remove_file(&place).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&place).status().unwrap().success());
        let error = state.note_absences(ACCOUNT, &nothing, &memory(10, &[])).unwrap_err();
        assert!(matches!(&error, StateError::Misplaced { path, .. } if *path == place), "{error}");
        fs::remove_file(&place).unwrap();
        assert!(state.note_absences(ACCOUNT, &nothing, &memory(10, &[])).unwrap());
    }

    #[test]
    fn a_file_that_was_altered_is_no_memory_and_can_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state"), None).unwrap();
        let nothing = state.absences(ACCOUNT).unwrap();
        let noted = memory(1_795_856_400, &[("u1", 1_795_856_400)]);
        assert!(state.note_absences(ACCOUNT, &nothing, &noted).unwrap());
        let path = state.absences_file(ACCOUNT);
        let text = fs::read_to_string(&path).unwrap();
        for (altered, word) in [
            (text.replace("2026-11-28", "2020-11-28"), "not authentic"),
            (text.replace("u1", "u7"), "not authentic"),
            (text.replace("\"mac\":\"", "\"mac\":\"0"), "not authentic"),
            (text[..text.len() / 2].to_owned(), "damaged"),
            (String::new(), "damaged"),
        ] {
            assert_ne!(altered, text);
            fs::write(&path, altered).unwrap();
            let found = state.absences(ACCOUNT).unwrap();
            assert_eq!(found.memory, Memory::default());
            assert!(found.problem.as_ref().unwrap().contains(word), "{:?}", found.problem);
            assert!(state.note_absences(ACCOUNT, &found, &noted).unwrap());
            assert_eq!(state.absences(ACCOUNT).unwrap().memory, noted);
        }
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert!(state.absences(ACCOUNT).unwrap_err().to_string().contains("link"));
    }

    #[test]
    fn a_second_reading_does_not_overwrite_what_it_has_not_seen() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state"), None).unwrap();
        let (one, other) = (state.absences(ACCOUNT).unwrap(), state.absences(ACCOUNT).unwrap());
        assert!(state.note_absences(ACCOUNT, &one, &memory(10, &[("u1", 10)])).unwrap());
        assert!(!state.note_absences(ACCOUNT, &other, &memory(11, &[("u1", 3)])).unwrap());
        let (one, other) = (state.absences(ACCOUNT).unwrap(), state.absences(ACCOUNT).unwrap());
        assert!(state.note_absences(ACCOUNT, &one, &memory(20, &[])).unwrap());
        assert!(!state.note_absences(ACCOUNT, &other, &memory(21, &[("u1", 10)])).unwrap());
        assert_eq!(state.absences(ACCOUNT).unwrap().memory, memory(20, &[]));
    }
}
