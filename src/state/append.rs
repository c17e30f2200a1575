//! A journal being appended to: a file of the state folder, or objects of a store.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::lease::Hold;
use super::open_private;
use super::store::{ObjectKind, Store, Written};
use crate::files::{no_links, open_own};

/// Where whole lines are appended.
pub trait Append: Send {
    /// Appends lines, all of them or, after an error, perhaps a part. They are durable when this returns.
    ///
    /// # Errors
    /// If they are not; of the kind `AlreadyExists` if another machine has continued the journal.
    fn append(&mut self, lines: &[u8]) -> io::Result<()>;
}

/// A file.
pub(super) struct Lines(File);

impl Lines {
    /// Opens a file to append behind its whole lines, which end after so many bytes.
    pub(super) fn open(path: &Path, whole: u64) -> io::Result<Self> {
        if whole > 0 {
            let mut file = open_private(path, true)?;
            file.set_len(whole)?;
            file.seek(SeekFrom::End(0))?;
            return Ok(Self(file));
        }
        // What stands there can only be a torn first line.
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        no_links(&mut options);
        let file = open_own(path, &options)?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(Self(file))
    }
}

impl Append for Lines {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.write_all(lines)?;
        self.0.sync_data()
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
        self.copy.0.write_all(lines)?;
        // The time to write may have been longer than the lease.
        self.hold.check()
    }
}
