//! A journal being appended to: a file of the state folder, or objects of a store.

use std::fs::{File, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::lease::Hold;
use super::private::make_owners;
use super::store::{ObjectKind, Store, Written};
use crate::files::{InPlace, no_links, open_own, sync_folder};

/// How often a lock is tried, and how long after each time the next one comes.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(20);

/// Where whole lines are appended.
pub trait Append: Send {
    /// Appends lines, all of them or, after an error, perhaps a part. They are durable when this returns.
    ///
    /// # Errors
    /// If they are not; of the kind `AlreadyExists` if another machine has continued the journal.
    fn append(&mut self, lines: &[u8]) -> io::Result<()>;
}

/// A file, which nobody else appends to while it is open.
pub(super) struct Lines {
    file: File,
    /// Where the file, and the lock of the account, must be.
    in_place: Vec<InPlace>,
}

impl Lines {
    /// Opens a file to append behind its whole lines, which end after so many bytes. Whoever has removed the `lock` of the
    /// account can begin another apply. Then the file has a lock of its own, and both end before they write over each
    /// other's lines.
    ///
    /// # Errors
    /// See [`super::State::append`].
    pub(super) fn open(
        path: &Path,
        whole: u64,
        is_as_read: &dyn Fn() -> bool,
        lock: Option<InPlace>,
    ) -> io::Result<Self> {
        let mut options = File::options();
        options.write(true).create(whole == 0).truncate(false);
        no_links(&mut options);
        let file = open_own(path, &options)?;
        let another =
            |problem: &str| io::Error::new(io::ErrorKind::AlreadyExists, format!("{} {problem}", path.display()));
        if !is_locked(&file)? {
            return Err(another("is being written by another process"));
        }
        let in_place = lock.into_iter().chain([InPlace::of(&file, path)?]).collect();
        let lines = Self { file, in_place };
        lines.check()?;
        if !is_as_read() {
            return Err(another("has changed since it was read"));
        }
        let Self { mut file, in_place } = lines;
        make_owners(&file)?;
        // What stands behind the whole lines can only be a torn one.
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        if let (0, Some(folder)) = (whole, path.parent()) {
            sync_folder(folder)?;
        }
        Ok(Self { file, in_place })
    }

    pub(super) fn in_place(&self) -> &[InPlace] {
        &self.in_place
    }

    fn check(&self) -> io::Result<()> {
        self.in_place.iter().try_for_each(InPlace::check)
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.check()?;
        self.file.write_all(lines)
    }
}

/// Locks a file, and says whether nobody else had it. A program that is just being started by somebody who had the lock
/// keeps it for a moment.
fn is_locked(file: &File) -> io::Result<bool> {
    for _ in 0..ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}

impl Append for Lines {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.write(lines)?;
        self.file.sync_data()
    }
}

/// Numbered objects, each of which holds some lines. The first one that is written here follows those that were read, and no
/// object takes the place of another one: if two machines continue one journal, only one of them can write the next object.
pub(super) struct Parts {
    pub(super) store: Store,
    /// The folder of the objects.
    pub(super) folder: String,
    pub(super) next: usize,
    pub(super) hold: Arc<Hold>,
    /// This machine's copy.
    pub(super) copy: Lines,
}

/// The name of a part. Names sort as the numbers do.
pub(super) fn part(folder: &str, number: usize) -> String {
    format!("{folder}/{number:08}")
}

/// Writes an object that no other machine has written.
///
/// # Errors
/// If it is not written; of the kind `AlreadyExists` if another machine has written it.
pub(super) fn create(store: &Store, name: &str, bytes: Vec<u8>) -> io::Result<()> {
    if bytes.len() as u64 > ObjectKind::Part.largest() {
        let problem = format!("{} would have more than {} bytes", store.url(name), ObjectKind::Part.largest());
        return Err(io::Error::other(problem));
    }
    if let Written::Refused = store.create(name, bytes.clone())? {
        // The answer to an earlier try may have been lost: then it holds these very lines. Those of another machine were
        // written at another time, which is in them.
        let there = store.get(name, ObjectKind::Part)?.is_some_and(|(there, _)| there == bytes);
        if !there {
            let problem = format!("another machine has written {} meanwhile", store.url(name));
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, problem));
        }
    }
    Ok(())
}

impl Append for Parts {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.hold.check()?;
        if lines.is_empty() {
            return Ok(());
        }
        create(&self.store, &part(&self.folder, self.next), lines.to_vec())?;
        self.next += 1;
        self.copy.write(lines)?;
        // The time to write may have been longer than the lease.
        self.hold.check()
    }
}
