//! Writing the journal. A thread collects the waiting records, writes them and syncs once. So many requests share one
//! sync, and none is sent before its intent is durable.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::oneshot;

use super::{FORMAT, FORMAT_VERSION, Head, JournalError, Record, Replay};
use crate::plan::Digest;
use crate::state::{Append, Coded, Key, State};

/// How many bytes one sync covers at most.
const BATCH: usize = 4 << 20;

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// The code of the last line that was handed over. Lines are handed over in the order of their codes.
    chain: Mutex<Chain>,
    lines: Option<Sender<Waiting>>,
    thread: Option<JoinHandle<()>>,
}

/// What the next line follows.
#[derive(Debug)]
struct Chain {
    key: Arc<Key>,
    code: [u8; 32],
}

struct Waiting {
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
    /// Begins a plan's journal with this head, or continues it. The header is on disk when this returns.
    ///
    /// # Errors
    /// If the file cannot be opened or written; then nothing may be sent.
    pub async fn open(state: &State, replay: &Replay, plan_hash: Digest, head: Head) -> Result<Self, JournalError> {
        let path = state.journal(plan_hash);
        let io = |error| JournalError::Io { path: path.clone(), error };
        let is_as_read = || replay.is_as_read(&path);
        let file = state.append(plan_hash, replay.end.length, &is_as_read).map_err(io)?;
        let (lines, waiting) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_all(file, &waiting))
            .map_err(io)?;
        let code = if replay.is_begun() { replay.end.code } else { super::seed(plan_hash) };
        let chain = Mutex::new(Chain { key: Arc::clone(state.key()), code });
        let journal = Self { path, chain, lines: Some(lines), thread: Some(thread) };
        if !replay.is_begun() {
            let Head { begun_by, account, at } = head;
            let format = FORMAT.to_owned();
            let format_version = FORMAT_VERSION;
            let header = Record::Journal { format, format_version, plan_hash, begun_by, account, at };
            journal.write(&header).done().await?;
        }
        Ok(journal)
    }

    /// Hands a record over. Records reach the disk in the order in which they were handed over.
    pub fn write(&self, record: &Record) -> Pending {
        let (written, receiver) = oneshot::channel();
        let pending = Pending { path: self.path.clone(), written: receiver };
        match to_raw_value(record) {
            Ok(record) => self.hand_over(&record, written),
            Err(error) => drop(written.send(Err(Arc::new(error.into())))),
        }
        pending
    }

    fn hand_over(&self, record: &RawValue, written: oneshot::Sender<Result<(), Arc<io::Error>>>) {
        // Locked until the line is handed over, so that lines stay in the order of their codes.
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let (text, code) = Coded::line(&chain.key, &chain.code, record);
        chain.code = code;
        self.send(Waiting { text, written });
    }

    fn send(&self, waiting: Waiting) {
        if let Some(lines) = &self.lines {
            // A thread that is gone drops `written`, which `Pending::done` reports.
            drop(lines.send(waiting));
        }
    }
}

impl Drop for Journal {
    /// Waits until every record that was handed over is on disk.
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
    /// If it could not be written; then the request that it announces must not be sent.
    pub async fn done(self) -> Result<(), JournalError> {
        let Self { path, written } = self;
        let outcome = written.await.unwrap_or_else(|_| Err(Arc::new(io::Error::other("the journal has ended"))));
        outcome.map_err(|error| JournalError::Io { path, error: io::Error::new(error.kind(), error.to_string()) })
    }
}

/// After the first failure nothing more is written: a journal with a hole would be worse than one that ends.
fn write_all(mut file: Box<dyn Append>, waiting: &Receiver<Waiting>) {
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
            failed = file.append(&text).err().map(Arc::new);
        }
        let outcome = failed.clone().map_or(Ok(()), Err);
        for waiter in waiters {
            // The receiver may be gone: not every caller waits.
            drop(waiter.send(outcome.clone()));
        }
    }
}
