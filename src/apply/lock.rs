//! One apply or `run` at a time. There is an operating-system lock for each target in the state folder, and one on the
//! plan file for users who do not share a state folder. The system releases a lock when its process ends for any
//! reason.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::files::{InPlace, no_links, open_own};
use crate::plan::Digest;
use crate::state::{Lease, LeaseError, State, account_file, make_owners};

/// How often a lock is tried again because its file was replaced meanwhile.
const ATTEMPTS: usize = 10;
/// How much of a lock file is read, in bytes.
const LONGEST_HOLDER: u64 = 4096;

/// A lock; dropping it releases it.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    in_place: InPlace,
    _lease: Option<Lease>,
}

/// Who holds a lock, as the holder wrote it into the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
    /// The plan that is applied, if there is one yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<Digest>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, since, plan_hash } = self;
        write!(f, "process {pid}, since {since:.0}")?;
        plan_hash.map_or(Ok(()), |hash| write!(f, ", of the plan {hash}"))
    }
}

/// Why a lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("another apply to {url} is under way{}", .holder.as_ref().map(|holder| format!(": {holder}")).unwrap_or_default())]
    Held {
        /// The target.
        url: String,
        /// Who, if the holder wrote it into the file.
        holder: Option<Holder>,
    },
    /// The file could not be opened or locked, or the lease of a store not be taken.
    #[error("cannot lock {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
}

/// Takes the lock of a target, without waiting; but where the state is in a store and another machine holds the lease, for
/// as long as it takes to see whether that machine lives, which `waiting` is told.
///
/// # Errors
/// Where somebody has it (exit code 10), or the state folder cannot be used.
pub fn take(state: &State, url: &str, holder: &Holder, waiting: &dyn Fn(Option<Holder>)) -> Result<Lock, LockError> {
    let mut lock = take_here(state.folder(), url, holder)?;
    let io = |error| LockError::Io { path: state.folder().to_owned(), error };
    state.while_in_place(lock.in_place.clone());
    let text = to_raw_value(holder).map_err(|error| io(error.into()))?;
    let read = |holder: Option<&RawValue>| holder.and_then(|holder| serde_json::from_str(holder.get()).ok());
    lock._lease = state.lease(url, &text, &|holder| waiting(read(holder))).map_err(|error| match error {
        LeaseError::Held(holder) => LockError::Held { url: url.to_owned(), holder: read(holder.as_deref()) },
        LeaseError::Store(error) => io(error),
    })?;
    Ok(lock)
}

/// The same without the lease of a store: for what only this machine has.
///
/// # Errors
/// As [`take`].
pub fn take_here(folder: &Path, url: &str, holder: &Holder) -> Result<Lock, LockError> {
    let path = folder.join(format!("{}.lock", account_file(url)));
    let io = |error| LockError::Io { path: path.clone(), error };
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    no_links(&mut options);
    let (mut file, in_place) = lock_as(&path, url, || open_own(&path, &options))?;
    // Replaces what an earlier holder wrote.
    make_owners(&file).and_then(|()| file.set_len(0)).and_then(|()| file.rewind()).map_err(io)?;
    serde_json::to_writer(&file, holder).map_err(|error| io(error.into()))?;
    file.flush().map_err(io)?;
    Ok(Lock { _file: file, in_place, _lease: None })
}

/// Takes the lock of a plan file, which several users or state folders may share.
///
/// # Errors
/// If somebody has it (exit code 10), or the file cannot be locked.
pub fn take_plan(path: &Path, url: &str) -> Result<Lock, LockError> {
    let mut options = File::options();
    options.read(true);
    no_links(&mut options);
    let (file, in_place) = lock_as(path, url, || open_own(path, &options))?;
    Ok(Lock { _file: file, in_place, _lease: None })
}

/// Locks the file at a path. If the file was replaced or removed between opening and locking, it tries again: the next
/// process would lock the new file.
fn lock_as(path: &Path, url: &str, open: impl Fn() -> io::Result<File>) -> Result<(File, InPlace), LockError> {
    let io = |error| LockError::Io { path: path.to_owned(), error };
    for _ in 0..ATTEMPTS {
        let mut file = open().map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = Vec::new();
                let read = (&mut file).take(LONGEST_HOLDER).read_to_end(&mut text).ok();
                let holder = read.and_then(|_| serde_json::from_slice(&text).ok());
                return Err(LockError::Held { url: url.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let in_place = InPlace::of(&file, path).map_err(io)?;
        if in_place.is_there() {
            return Ok((file, in_place));
        }
    }
    Err(io(io::Error::other("is replaced again and again while it is locked")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_had_once_until_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let holder = Holder { pid: 7, since: Timestamp::UNIX_EPOCH, plan_hash: Some(Digest::of(b"plan")) };
        let lock = take_here(folder.path(), "https://a.example.com", &holder).expect("the first");
        match take_here(folder.path(), "https://a.example.com/", &holder) {
            Err(LockError::Held { holder: Some(found), .. }) => assert_eq!(found, holder),
            other => panic!("{other:?}"),
        }
        assert!(take_here(folder.path(), "https://b.example.com", &holder).is_ok(), "another target is another lock");
        drop(lock);
        assert!(take_here(folder.path(), "https://a.example.com", &holder).is_ok());
    }

    #[test]
    fn a_lock_file_that_is_removed_does_not_give_a_second_lock_to_who_waits_for_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "").expect("written");
        let open = || {
            let file = File::options().read(true).open(&path);
            // Another process replaces the file before it is locked.
            std::fs::remove_file(&path).and_then(|()| std::fs::write(&path, "")).expect("replaced");
            file
        };
        let error = lock_as(&path, "url", open).map(drop).expect_err("never the right one");
        assert!(error.to_string().contains("replaced again and again"), "{error}");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        assert!(take_plan(&link, "url").is_err(), "a link is not followed");
        let held = take_plan(&path, "url").expect("locked");
        assert!(matches!(take_plan(&path, "url"), Err(LockError::Held { .. })));
        drop(held);
    }
}
