//! The file of the events, and the thread that writes it.

use std::collections::HashSet;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::state::{Line, State};
use super::{Accepted, Event, Order, Shared};
use crate::files::write_private;
use crate::state::open_private;
use crate::text::said;

/// How many events are written with one sync.
const MOST_AT_ONCE: usize = 512;
/// By how much the file grows at least until it is written anew, in bytes.
const GROWTH: u64 = 8 * 1024 * 1024;
/// The largest file that is read, in bytes: far more than a full queue needs.
const LONGEST: u64 = 512 * 1024 * 1024;
/// The longest line, in bytes: more than the people of the largest event need.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

pub(super) struct Writer {
    path: PathBuf,
    /// `None` after an error, or before the first event: the file is written anew.
    file: Option<File>,
    /// How long it is, in bytes.
    length: u64,
    /// Beyond this length it is written anew: after runs that failed, it has more than what is pending.
    most: u64,
    /// The lock of the file.
    _lock: Box<dyn Send>,
}

impl Writer {
    pub(super) fn new(path: &Path, lock: impl Send + 'static) -> Self {
        Self { path: path.to_owned(), file: None, length: 0, most: 0, _lock: Box::new(lock) }
    }

    pub(super) fn work(mut self, shared: &Shared, mut to_do: mpsc::Receiver<Order>) {
        while let Some(order) = to_do.blocking_recv() {
            let mut orders = vec![order];
            while orders.len() < MOST_AT_ONCE
                && let Ok(order) = to_do.try_recv()
            {
                orders.push(order);
            }
            let mut events = Vec::new();
            for order in orders {
                match order {
                    Order::Add(event, answer) => events.push((event, answer)),
                    Order::Done(answer) => {
                        self.add(shared, std::mem::take(&mut events));
                        let _ = answer.send(self.done(shared));
                    }
                }
            }
            self.add(shared, events);
        }
    }

    /// Writes these events with one sync, and answers each.
    fn add(&mut self, shared: &Shared, events: Vec<(Event, oneshot::Sender<io::Result<Accepted>>)>) {
        if events.is_empty() {
            return;
        }
        let mut lines = Vec::new();
        let mut answers = Vec::new();
        // Finds events that are repeated within this batch.
        let mut batch = HashSet::new();
        {
            let state = shared.lock();
            for (event, answer) in events {
                let line = state.line(event).filter(|line| batch.insert(line.key.clone()));
                answers.push((answer, if line.is_some() { Accepted::New } else { Accepted::Repeated }));
                lines.extend(line);
            }
        }
        let written = if lines.is_empty() { Ok(()) } else { self.append(shared, &lines) };
        let mut state = shared.lock();
        state.is_writable = written.is_ok();
        if written.is_ok() {
            for line in lines {
                state.remember(&line);
                state.push(line);
            }
            shared.changes.send_modify(|count| *count += 1);
        }
        drop(state);
        for (answer, accepted) in answers {
            let _ = answer.send(match &written {
                Ok(()) => Ok(accepted),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            });
        }
    }

    fn append(&mut self, shared: &Shared, lines: &[Line]) -> io::Result<()> {
        if self.file.is_none() || self.length > self.most {
            let state = shared.lock().copied();
            self.rewrite(&state)?;
        }
        let Some(file) = &mut self.file else { return Err(io::Error::other("the file is not open")) };
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        self.length += text.len() as u64;
        let written = file.write_all(&text).and_then(|()| file.sync_data());
        if written.is_err() {
            // How much of these lines is in the file is unknown; the next write replaces the file.
            self.file = None;
        }
        written
    }

    fn done(&mut self, shared: &Shared) -> io::Result<()> {
        let state = {
            let mut state = shared.lock();
            state.in_flight.clear();
            state.forget(Timestamp::now());
            state.copied()
        };
        let written = self.rewrite(&state);
        shared.lock().is_writable = written.is_ok();
        written
    }

    /// Writes the whole file: waiting and remembered events.
    pub(super) fn rewrite(&mut self, state: &State) -> io::Result<()> {
        self.file = None;
        let waits: HashSet<&str> = state.in_flight.iter().chain(&state.pending).map(|line| &*line.key).collect();
        let remembered = state.order.iter().filter(|key| !waits.contains(&***key)).filter_map(|key| {
            let at = *state.seen.get(key)?;
            Some(Line { at, webhook: String::new(), key: key.clone(), once: true, ids: None, done: true })
        });
        write_private(&self.path, |file| {
            for line in remembered.chain(state.in_flight.iter().chain(&state.pending).cloned()) {
                serde_json::to_writer(&mut *file, &line)?;
                file.write_all(b"\n")?;
            }
            io::Result::Ok(())
        })?;
        let mut file = open_private(&self.path, true)?;
        self.length = file.seek(SeekFrom::End(0))?;
        self.most = 2 * self.length + GROWTH;
        self.file = Some(file);
        Ok(())
    }
}

/// Reads the lines of the file, one after the other. What follows the last line break was not written completely.
pub(super) fn read(path: &Path, mut each: impl FnMut(Line)) -> io::Result<()> {
    let file = match open_private(path, false) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    if length > LONGEST {
        let problem = format!("it has {} MiB, and at most {} MiB are read", length >> 20, LONGEST >> 20);
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    for number in 1_u64.. {
        text.clear();
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text)?;
        let damaged = |problem: &dyn Display| {
            io::Error::new(io::ErrorKind::InvalidData, format!("line {number} is damaged: {problem}"))
        };
        match text.strip_suffix(b"\n") {
            None if read as u64 == LONGEST_LINE => return Err(damaged(&"it is too long")),
            None => break,
            Some([]) => {}
            Some(line) => each(serde_json::from_slice(line).map_err(|error| damaged(&said(&error)))?),
        }
    }
    Ok(())
}
