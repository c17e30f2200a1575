//! One apply or `run` at a time: an operating-system lock for each target, in the user's state folder. The lock ends with the
//! process that holds it, however that ends.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::Digest;

/// Held as long as it lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Who holds a lock, as they wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
    /// The plan that is applied, if it was made already.
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

/// Why a lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("another apply to {url} is under way{}", .holder.as_ref().map(|holder| format!(": {holder}")).unwrap_or_default())]
    Held {
        /// The target.
        url: String,
        /// Who, if they could write it down.
        holder: Option<Holder>,
    },
    /// The file could not be opened or locked.
    #[error("cannot lock {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
}

/// Takes the lock of a target, without waiting.
///
/// # Errors
/// Where somebody has it (exit code 10), or the state folder cannot be used.
pub fn take(folder: &Path, url: &str, holder: &Holder) -> Result<Lock, LockError> {
    let name = Digest::of(url.trim_end_matches('/').as_bytes()).to_string();
    let path = folder.join(format!("{}.lock", name.trim_start_matches("sha256:")));
    let io = |error| LockError::Io { path: path.clone(), error };
    std::fs::create_dir_all(folder).map_err(io)?;
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = Vec::new();
            let holder = file.read_to_end(&mut text).ok().and_then(|_| serde_json::from_slice(&text).ok());
            return Err(LockError::Held { url: url.to_owned(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(io(error)),
    }
    // What a dead holder wrote is replaced.
    file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
    serde_json::to_writer(&file, holder).map_err(|error| io(error.into()))?;
    file.flush().map_err(io)?;
    Ok(Lock { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_had_once_until_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let holder = Holder { pid: 7, since: Timestamp::UNIX_EPOCH, plan_hash: Some(Digest::of(b"plan")) };
        let lock = take(folder.path(), "https://a.example.com", &holder).expect("the first");
        match take(folder.path(), "https://a.example.com/", &holder) {
            Err(LockError::Held { holder: Some(found), .. }) => assert_eq!(found, holder),
            other => panic!("{other:?}"),
        }
        assert!(take(folder.path(), "https://b.example.com", &holder).is_ok(), "another target is another lock");
        drop(lock);
        assert!(take(folder.path(), "https://a.example.com", &holder).is_ok());
    }
}
