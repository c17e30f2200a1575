//! The request log: one JSON line for each request, without the key and without bodies.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::io::Errno;
use serde::Serialize;

use super::call::lock;
use crate::files::{create_in_place, open_special};

#[derive(Debug)]
pub(super) struct RequestLog {
    path: PathBuf,
    /// `None` once it could not be written.
    file: Mutex<Option<File>>,
}

/// One request and its outcome.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a> {
    /// In order of arrival, from 1.
    pub(super) n: u64,
    pub(super) method: &'a str,
    /// With the query.
    pub(super) path: &'a str,
    /// What was answered, unless the connection was dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// The rule that struck it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<&'a str>,
}

impl RequestLog {
    /// Begins a new log. An older one is replaced, and no link is followed; a device is written to, and a pipe that somebody reads.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = match fs::metadata(path) {
            Ok(there) if !there.is_file() => open_special(path).map_err(|error| {
                let is_unread = error.raw_os_error() == Some(Errno::NXIO.raw_os_error());
                if is_unread { io::Error::other("nobody reads this pipe") } else { error }
            })?,
            _ => create_in_place(path)?,
        };
        Ok(Self { path: path.to_owned(), file: Mutex::new(Some(file)) })
    }

    /// Adds a line. If that fails, the log ends there with a warning: a log with a gap would be taken for a complete
    /// one.
    pub(super) fn write(&self, entry: &Entry<'_>) {
        // One write for each line, under the lock, so that lines never mix.
        let mut file = lock(&self.file);
        if let Some(open) = &mut *file
            && let Err(error) = line(open, entry)
        {
            tracing::warn!("the request log {} ends at request {}: {error}", self.path.display(), entry.n);
            *file = None;
        }
    }
}

fn line(file: &mut File, entry: &Entry<'_>) -> io::Result<()> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    file.write_all(&line)
}
