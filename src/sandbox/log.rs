//! The request log: one JSON line for each request, without the key and without bodies.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;

use super::api::lock;

#[derive(Debug)]
pub(super) struct RequestLog {
    file: File,
    /// The first error: a log that is not whole must not pass for one.
    failed: Mutex<Option<io::Error>>,
}

/// One request and what became of it.
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
    /// Begins a new log; one that stands there is lost.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::create(path)?, failed: Mutex::new(None) })
    }

    pub(super) fn write(&self, entry: &Entry<'_>) {
        let written = serde_json::to_vec(entry).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            let mut failed = lock(&self.failed);
            if failed.is_some() {
                return Ok(());
            }
            // One write for each line, under the lock, so that lines never mix.
            (&self.file).write_all(&line).inspect_err(|error| *failed = Some(error.kind().into()))
        });
        drop(written);
    }

    /// The first error, if there was one.
    pub(super) fn finish(&self) -> io::Result<()> {
        lock(&self.failed).take().map_or(Ok(()), Err)
    }
}
