//! The events that still need a run, in a file. An event is on disk before its sender gets an answer, and is removed
//! only after a run has read every list since the event came, and was not interrupted.
//!
//! An event is only a reason to run: nothing that it says is believed. So an event that comes twice does no harm, and a
//! full queue merges further events into one that concerns everybody.

mod state;
mod writer;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};

use self::state::{Line, State};
use self::writer::{Writer, read};
use super::verify::Identity;

/// How many events wait to be written.
const MOST_UNWRITTEN: usize = 4096;

/// An event that was verified.
#[derive(Debug, Clone)]
pub struct Event {
    /// Which webhook it came from.
    pub webhook: String,
    /// What identifies it.
    pub identity: Identity,
    /// Whom it concerns; `None` for everybody.
    pub ids: Option<BTreeSet<String>>,
    /// When it came.
    pub at: Timestamp,
}

/// The result of adding an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk.
    New,
    /// It, or an event that covers it, is on disk already.
    Repeated,
}

/// The events that a run handles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// How many.
    pub events: usize,
    /// Whom they concern; `None` for everybody.
    pub ids: Option<BTreeSet<String>>,
    lines: Vec<Line>,
}

/// The queue. Its file is written by one thread.
#[derive(Debug)]
pub struct Queue {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    changed: watch::Receiver<u64>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

enum Order {
    Add(Event, oneshot::Sender<io::Result<Accepted>>),
    /// The events of the current run were handled.
    Done(oneshot::Sender<io::Result<()>>),
}

impl Queue {
    /// Opens the file, which is made if it is not there. Whom an event concerned that came before `kept_since` is
    /// forgotten: it concerns everybody. A handled event is remembered for `remembered`, so that it does not count again.
    /// What writes the file keeps `lock` until it has ended.
    ///
    /// # Errors
    /// If it cannot be read or written, or is too large. A last line that was not written completely is left out: its sender got no
    /// answer.
    pub fn open(
        path: &Path,
        now: Timestamp,
        kept_since: Timestamp,
        remembered: SignedDuration,
        lock: impl Send + 'static,
    ) -> io::Result<Self> {
        let mut file = Writer::new(path, lock);
        let mut state = State { is_writable: true, remembered, ..State::default() };
        read(path, |mut line| {
            if line.at < kept_since {
                line.ids = None;
            }
            state.remember(&line);
            if !line.done {
                state.push(line);
            }
        })?;
        state.forget(now);
        file.rewrite(&state)?;
        let (changes, changed) = watch::channel(0);
        let shared = Arc::new(Shared { state: Mutex::new(state), changes });
        let (orders, to_do) = mpsc::channel(MOST_UNWRITTEN);
        let writer = Arc::clone(&shared);
        std::thread::Builder::new().name("events".to_owned()).spawn(move || file.work(&writer, to_do))?;
        Ok(Self { shared, orders, changed })
    }

    /// Adds an event. It is on disk when this returns.
    ///
    /// # Errors
    /// If it cannot be written, or too many wait to be.
    pub async fn add(&self, event: Event) -> io::Result<Accepted> {
        let (answer, answered) = oneshot::channel();
        let full = |_| io::Error::other("too many events wait to be written");
        self.orders.try_send(Order::Add(event, answer)).map_err(full)?;
        answered.await.map_err(io::Error::other)?
    }

    /// How many events wait, including those that a run is handling.
    #[must_use]
    pub fn len(&self) -> usize {
        let state = self.shared.lock();
        state.pending.len() + state.in_flight.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the oldest event came that no run is handling.
    #[must_use]
    pub fn oldest(&self) -> Option<Timestamp> {
        self.shared.lock().pending.iter().map(|line| line.at).min()
    }

    /// Lets events that are dated later than `now` count as having come now, because the clock was ahead when they came: they must
    /// not wait until it gets there, and hold up the others. Returns how far ahead the furthest one was.
    #[must_use]
    pub fn none_after(&self, now: Timestamp) -> Option<SignedDuration> {
        self.shared.lock().none_after(now)
    }

    /// Whether the last event could be written.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.shared.lock().is_writable
    }

    /// Hands all waiting events to a run, which must end with [`Queue::done`] or [`Queue::put_back`].
    #[must_use]
    pub fn take(&self) -> Taken {
        let mut state = self.shared.lock();
        let lines = state.take_pending();
        state.contents.clear();
        state.in_flight.clone_from(&lines);
        let ids = lines.iter().map(|line| line.ids.clone()).try_fold(BTreeSet::new(), |mut all, ids| {
            all.extend(ids?);
            Some(all)
        });
        Taken { events: lines.len(), ids, lines }
    }

    /// These events were handled.
    ///
    /// # Errors
    /// If the file cannot be written; they count as done all the same until the program ends.
    pub async fn done(&self, taken: Taken) -> io::Result<()> {
        drop(taken);
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order::Done(answer)).await.map_err(|_| io::Error::other("the thread of the queue is gone"))?;
        answered.await.map_err(io::Error::other)?
    }

    /// These events were not handled, and wait again.
    pub fn put_back(&self, taken: Taken) {
        let mut state = self.shared.lock();
        state.in_flight.clear();
        let later = state.take_pending();
        taken.lines.into_iter().chain(later).for_each(|line| state.push(line));
    }

    /// Completes when an event has come since the last call.
    pub async fn changed(&mut self) {
        if self.changed.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The part that is shared with the answers to requests.
    #[must_use]
    pub fn handle(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), orders: self.orders.clone(), changed: self.changed.clone() }
    }
}

impl Taken {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
