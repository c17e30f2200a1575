//! Writing the journal: a thread of its own gathers what waits, writes it and syncs it once, so that many requests
//! share one sync and none leaves before its intent is durable.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::{FORMAT, FORMAT_VERSION, JournalError, Record, Replay};
use crate::plan::Digest;

/// How many bytes are gathered for one sync at most.
const BATCH: usize = 4 << 20;

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    lines: Option<Sender<Line>>,
    thread: Option<JoinHandle<()>>,
}

struct Line {
    text: Vec<u8>,
    written: oneshot::Sender<Result<(), Arc<io::Error>>>,
}

/// Resolves when a record is on disk.
#[must_use = "a record is not on disk before this resolves"]
pub struct Pending {
    path: PathBuf,
    written: oneshot::Receiver<Result<(), Arc<io::Error>>>,
}

impl Journal {
    /// Begins a plan's journal, or goes on with it. The header is on disk when this returns.
    ///
    /// # Errors
    /// Where the file cannot be opened or written; then nothing may be sent.
    pub async fn open(path: &Path, replay: &Replay, plan_hash: Digest) -> Result<Self, JournalError> {
        let io = |error| JournalError::Io { path: path.to_owned(), error };
        let file = super::open(path, replay).map_err(io)?;
        let (lines, waiting) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_all(file, &waiting))
            .map_err(io)?;
        let journal = Self { path: path.to_owned(), lines: Some(lines), thread: Some(thread) };
        if !replay.is_begun() {
            let header = Record::Journal { format: FORMAT.to_owned(), format_version: FORMAT_VERSION, plan_hash };
            journal.write(&header).done().await?;
        }
        Ok(journal)
    }

    /// Hands a record over; what was handed over before is on disk no later than it.
    pub fn write(&self, record: &Record) -> Pending {
        match serde_json::to_vec(record) {
            Ok(mut text) => {
                text.push(b'\n');
                self.hand_over(text)
            }
            Err(error) => {
                let (written, receiver) = oneshot::channel();
                drop(written.send(Err(Arc::new(error.into()))));
                Pending { path: self.path.clone(), written: receiver }
            }
        }
    }

    /// Resolves when all that was handed over is on disk.
    pub fn flush(&self) -> Pending {
        self.hand_over(Vec::new())
    }

    fn hand_over(&self, text: Vec<u8>) -> Pending {
        let (written, receiver) = oneshot::channel();
        if let Some(lines) = &self.lines {
            // A thread that is gone drops `written`, which `Pending::done` reports.
            drop(lines.send(Line { text, written }));
        }
        Pending { path: self.path.clone(), written: receiver }
    }
}

impl Drop for Journal {
    /// Waits until all that was handed over is on disk.
    fn drop(&mut self) {
        self.lines = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Pending {
    /// Waits until the record is on disk.
    ///
    /// # Errors
    /// Where it could not be written; then what it announces must not be sent.
    pub async fn done(self) -> Result<(), JournalError> {
        let Self { path, written } = self;
        let outcome = written.await.unwrap_or_else(|_| Err(Arc::new(io::Error::other("the journal has ended"))));
        outcome.map_err(|error| JournalError::Io { path, error: io::Error::new(error.kind(), error.to_string()) })
    }
}

/// After the first failure nothing more is written: a journal with a hole would be worse than one that ends.
fn write_all(mut file: std::fs::File, waiting: &Receiver<Line>) {
    let mut failed: Option<Arc<io::Error>> = None;
    while let Ok(first) = waiting.recv() {
        let mut text = first.text;
        let mut waiters = vec![first.written];
        while text.len() < BATCH
            && let Ok(line) = waiting.try_recv()
        {
            text.extend_from_slice(&line.text);
            waiters.push(line.written);
        }
        if failed.is_none() {
            failed = file.write_all(&text).and_then(|()| file.sync_data()).err().map(Arc::new);
        }
        let outcome = failed.clone().map_or(Ok(()), Err);
        for waiter in waiters {
            // Whoever does not wait does not need to know.
            drop(waiter.send(outcome.clone()));
        }
    }
}
