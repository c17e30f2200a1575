//! The event stream. A separate thread writes the lines, so that a slow or absent reader delays neither a write to
//! Skovik nor a signal.
//!
//! Lines wait in memory up to a limit. If the limit is reached and the reader takes nothing any more, the run ends in
//! order, because nobody can follow it.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::io::Errno;
use tokio::sync::watch;

use crate::apply::Halt;
use crate::apply::engine::{Stop, wants};
use crate::exit::{ExitStatus, refused};
use crate::files::{create_in_place, open_special};
use crate::threads::none_left;
use crate::ui::Waiting;

/// How many lines may wait, and for how long.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// The limit in bytes; more is kept only while `patience` lasts.
    waiting: usize,
    /// The hard limit in bytes; lines beyond it are lost. It leaves room for a burst: one failure gives up all
    /// dependents.
    most: usize,
    /// How long the reader may take nothing.
    patience: Duration,
}

/// About 16,000 events, those of 8,000 operations.
const BOUNDS: Bounds = Bounds { waiting: 4 * 1024 * 1024, most: 64 * 1024 * 1024, patience: Duration::from_secs(5) };
/// How often it checks whether somebody reads the pipe.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The stream.
pub(super) struct Events {
    shared: Arc<Shared>,
    bounds: Bounds,
    /// The option, as messages name it.
    name: String,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    /// The bytes of the waiting lines and of the line that is being written.
    bytes: usize,
    /// When the writer last wrote something or had nothing to do.
    moved: Option<Instant>,
    is_closed: bool,
    failed: Option<io::Error>,
    /// How many lines were lost.
    lost: u64,
}

impl Events {
    /// Opens what `--events` names, and starts its writer.
    ///
    /// # Errors
    /// If it cannot be opened, or is a pipe that nobody reads. Nothing was written to Skovik then.
    pub(super) async fn open(path: &Path, stop: &watch::Receiver<Stop>) -> anyhow::Result<Self> {
        let name = super::named("--events", path);
        let out = if path == Path::new("-") {
            File::from(io::stdout().as_fd().try_clone_to_owned().with_context(|| name.clone())?)
        } else {
            match fs::metadata(path) {
                Ok(there) if there.file_type().is_fifo() => open_pipe(path, &name, stop).await?,
                Ok(there) if !there.is_file() => open_special(path).with_context(|| name.clone())?,
                _ => create_in_place(path).with_context(|| name.clone())?,
            }
        };
        Self::to(Waiting(out), BOUNDS, name)
    }

    fn to(out: impl Write + Send + 'static, bounds: Bounds, name: String) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let writer = Arc::clone(&shared);
        let started = std::thread::Builder::new().spawn(move || writer.write_to(out));
        started.map_err(|error| none_left(&error)).with_context(|| name.clone())?;
        Ok(Self { shared, bounds, name })
    }

    /// Puts a line in the queue. Never waits.
    pub(super) fn push(&self, line: Vec<u8>) {
        let mut state = self.shared.lock();
        if state.failed.is_some() || state.bytes > self.bounds.most {
            state.lost += 1;
            return;
        }
        if state.bytes == 0 {
            state.moved = Some(Instant::now());
        }
        state.bytes += line.len();
        state.lines.push_back(line);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Why the run should end: too many lines wait.
    pub(super) fn halt(&self) -> Option<Halt> {
        let state = self.shared.lock();
        let is_stuck = state.moved.is_some_and(|moved| moved.elapsed() >= self.bounds.patience);
        let is_full = state.bytes > self.bounds.waiting && (is_stuck || state.lost > 0);
        (is_full && state.failed.is_none()).then(|| {
            Halt::Events(format!("{}: nobody reads it, and {} bytes wait to be written", self.name, state.bytes))
        })
    }

    /// Waits until everything is written, as long as the reader takes something.
    ///
    /// # Errors
    /// If not everything was written.
    pub(super) fn finish(self) -> io::Result<()> {
        let mut state = self.shared.lock();
        state.is_closed = true;
        self.shared.changed.notify_all();
        while state.bytes > 0 && state.failed.is_none() {
            let waited = state.moved.map_or(Duration::ZERO, |moved| moved.elapsed());
            let Some(left) = self.bounds.patience.checked_sub(waited).filter(|left| !left.is_zero()) else { break };
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let left = state.lines.len() as u64 + state.lost;
        match state.failed.take() {
            Some(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", self.name))),
            None if state.bytes > 0 || left > 0 => {
                Err(io::Error::other(format!("{}: nobody reads it; at least {left} events are lost", self.name)))
            }
            None => Ok(()),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes line by line until the queue is closed and empty, or a line cannot be written.
    fn write_to(&self, mut out: impl Write) {
        loop {
            let mut state = self.lock();
            let line = loop {
                match state.lines.pop_front() {
                    Some(line) => break line,
                    None if state.is_closed => return,
                    None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            };
            drop(state);
            let written = out.write_all(&line).and_then(|()| out.flush());
            let mut state = self.lock();
            state.bytes -= line.len();
            state.moved = Some(Instant::now());
            if let Err(error) = written {
                state.lost += state.lines.len() as u64;
                state.lines.clear();
                state.bytes = 0;
                state.failed = Some(error);
                self.changed.notify_all();
                return;
            }
            drop(state);
            self.changed.notify_all();
        }
    }
}

/// Opens a pipe when somebody reads it, and does not wait long for that.
async fn open_pipe(path: &Path, name: &str, stop: &watch::Receiver<Stop>) -> anyhow::Result<File> {
    let mut stop = stop.clone();
    let began = Instant::now();
    loop {
        let error = match open_special(path) {
            Ok(file) => return Ok(file),
            Err(error) => error,
        };
        if error.raw_os_error() != Some(Errno::NXIO.raw_os_error()) {
            return Err(error).with_context(|| name.to_owned());
        }
        if began.elapsed() >= BOUNDS.patience {
            return Err(refused(ExitStatus::Usage, format!("{name}: nobody reads this pipe; nothing was written")));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = wants(&mut stop, Stop::Gently) => {
                return Err(refused(ExitStatus::Interrupted, "interrupted before anything was written"));
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    const SMALL: Bounds = Bounds { waiting: 100, most: 1000, patience: Duration::from_millis(200) };

    /// Takes a line for every permission.
    struct Gate(Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            self.1.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_nobody_takes_ends_the_run_once_the_bound_is_reached_and_never_waits() {
        let (_permit, gate) = channel();
        let events =
            Events::to(Gate(gate, Arc::default()), SMALL, "--events -".to_owned()).expect("a thread is started");
        let began = Instant::now();
        (0..10).for_each(|_| events.push(vec![b'x'; 10]));
        std::thread::sleep(2 * SMALL.patience);
        assert_eq!(events.halt(), None, "it all has its place");
        events.push(vec![b'x'; 10]);
        assert!(matches!(events.halt(), Some(Halt::Events(problem)) if problem.contains("--events -")));
        (0..1000).for_each(|_| events.push(vec![b'x'; 10]));
        assert!(events.shared.lock().bytes <= SMALL.most + 10, "memory has a bound");
        assert!(events.finish().unwrap_err().to_string().contains("lost"));
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_burst_that_is_taken_in_time_ends_nothing() {
        let (permit, gate) = channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let bounds = Bounds { patience: Duration::from_secs(60), ..SMALL };
        let events =
            Events::to(Gate(gate, Arc::clone(&taken)), bounds, "--events f".to_owned()).expect("a thread is started");
        (0..15_u8).for_each(|n| events.push(vec![n; 10]));
        assert_eq!(events.halt(), None, "not for long enough");
        (0..15).for_each(|_| permit.send(()).unwrap());
        events.finish().unwrap();
        assert_eq!(*taken.lock().unwrap(), (0..15_u8).flat_map(|n| [n; 10]).collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_who_has_gone_ends_no_run() {
        let (permit, gate) = channel();
        drop(permit);
        let bounds = Bounds { patience: Duration::from_secs(60), ..SMALL };
        let events =
            Events::to(Gate(gate, Arc::default()), bounds, "--events f".to_owned()).expect("a thread is started");
        (0..50).for_each(|_| events.push(vec![b'x'; 10]));
        assert_eq!(events.halt(), None);
        assert_eq!(events.finish().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
