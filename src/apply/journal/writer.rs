//! Writing the journal: a thread of its own gathers what waits, writes it and syncs it once, so that many requests
//! share one sync and none leaves before its intent is durable.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::oneshot;

use super::{BegunBy, FORMAT, FORMAT_VERSION, JournalError, Record, Replay};
use crate::plan::{Digest, hex};
use crate::state::{Append, Key, State};

/// How many bytes are gathered for one sync at most.
const BATCH: usize = 4 << 20;

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Of the last line that was handed over; lines are handed over in the order of their codes.
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
    /// Begins a plan's journal, or goes on with it. The header is on disk when this returns.
    ///
    /// # Errors
    /// Where the file cannot be opened or written; then nothing may be sent.
    pub async fn open(
        state: &State,
        replay: &Replay,
        plan_hash: Digest,
        begun_by: BegunBy,
    ) -> Result<Self, JournalError> {
        let path = state.journal(plan_hash);
        let io = |error| JournalError::Io { path: path.clone(), error };
        let file = state.append(plan_hash, replay.end.length).map_err(io)?;
        let (lines, waiting) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_all(file, &waiting))
            .map_err(io)?;
        let code = if replay.is_begun() { replay.end.code } else { super::seed(plan_hash) };
        let chain = Mutex::new(Chain { key: Arc::clone(state.key()), code });
        let journal = Self { path, chain, lines: Some(lines), thread: Some(thread) };
        if !replay.is_begun() {
            let header =
                Record::Journal { format: FORMAT.to_owned(), format_version: FORMAT_VERSION, plan_hash, begun_by };
            journal.write(&header).done().await?;
        }
        Ok(journal)
    }

    /// Hands a record over; what was handed over before is on disk no later than it.
    pub fn write(&self, record: &Record) -> Pending {
        let (written, receiver) = oneshot::channel();
        let pending = Pending { path: self.path.clone(), written: receiver };
        match to_raw_value(record) {
            Ok(record) => self.hand_over(&record, written),
            Err(error) => drop(written.send(Err(Arc::new(error.into())))),
        }
        pending
    }

    /// Resolves when all that was handed over is on disk.
    pub fn flush(&self) -> Pending {
        let (written, receiver) = oneshot::channel();
        self.send(Waiting { text: Vec::new(), written });
        Pending { path: self.path.clone(), written: receiver }
    }

    fn hand_over(&self, record: &RawValue, written: oneshot::Sender<Result<(), Arc<io::Error>>>) {
        // Until it is handed over, so that no line overtakes the one whose code it follows.
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        chain.code = chain.key.code(&chain.code, record.get().as_bytes());
        let text = format!("{{\"mac\":\"{}\",\"record\":{}}}\n", hex(&chain.code), record.get()).into_bytes();
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
            // Whoever does not wait does not need to know.
            drop(waiter.send(outcome.clone()));
        }
    }
}
