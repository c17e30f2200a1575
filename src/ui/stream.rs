//! Writes to standard output and standard error. A slow reader cannot block the program for ever.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::state::is_ending;
use crate::threads::none_left;

/// How long a message waits for its reader before the program goes on without.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How many messages wait for a reader who does not read; later ones are lost.
const WAITING: usize = 1000;
/// How long to wait before a full output is tried again.
const PAUSE: Duration = Duration::from_millis(10);
/// How often whoever waits for a reader looks whether the program is to end.
const LOOK: Duration = Duration::from_millis(100);
/// How many bytes of standard output are written at a time, which is as much as a pipe takes.
const PART: usize = 1 << 16;

type Direct = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

/// Standard error.
struct Messages {
    queue: SyncSender<Vec<u8>>,
    /// One for each message that was written, or could not be.
    written: Receiver<()>,
    /// How many were put in the queue and are not written yet.
    open: usize,
    is_stuck: bool,
    /// Writes at once, however long that takes, where the system starts no thread.
    direct: Option<Direct>,
}

/// Writes to standard error. If nobody reads it, the message waits in a queue, and is lost in the end: nobody can be
/// told.
pub(super) fn write_stderr(text: &[u8]) {
    messages().write(text, PATIENCE);
}

/// Draws on standard error, in order with the messages. Returns whether it was written.
pub(super) fn draw(frame: &[u8]) -> bool {
    messages().write(frame, PATIENCE)
}

fn messages() -> MutexGuard<'static, Messages> {
    static MESSAGES: OnceLock<Mutex<Messages>> = OnceLock::new();
    let messages =
        MESSAGES.get_or_init(|| Mutex::new(Messages::start(|text| Waiting(io::stderr().lock()).write_all(text))));
    messages.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Messages {
    fn start(write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static) -> Self {
        let (queue, messages) = sync_channel::<Vec<u8>>(WAITING);
        let (done, written) = channel();
        let ours = Arc::new(Mutex::new(write));
        let theirs = Arc::clone(&ours);
        let started = Builder::new().spawn(move || {
            for message in messages {
                let _ = theirs.lock().unwrap_or_else(PoisonError::into_inner)(&message);
                if done.send(()).is_err() {
                    return;
                }
            }
        });
        let mut direct: Option<Direct> = None;
        if started.is_err() {
            direct = Some(Box::new(move |text| ours.lock().unwrap_or_else(PoisonError::into_inner)(text)));
        }
        Self { queue, written, open: 0, is_stuck: false, direct }
    }

    /// Writes a message, in order. Waits for it unless an earlier one is already stuck. Returns whether it was written.
    fn write(&mut self, text: &[u8], patience: Duration) -> bool {
        if let Some(direct) = &mut self.direct {
            return direct(text).is_ok();
        }
        while self.written.try_recv().is_ok() {
            self.open -= 1;
        }
        self.is_stuck &= self.open > 0;
        match self.queue.try_send(text.to_vec()) {
            Ok(()) => self.open += 1,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return false,
        }
        while !self.is_stuck && self.open > 0 {
            match self.written.recv_timeout(patience) {
                Ok(()) => self.open -= 1,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => self.is_stuck = true,
            }
        }
        !self.is_stuck
    }
}

/// An output that waits until it can be written to. Some parents set a pipe or socket to non-blocking, and a full one is then
/// an error at once.
pub(crate) struct Waiting<W>(pub(crate) W);

impl<W> Waiting<W> {
    fn until_done<T>(&mut self, mut act: impl FnMut(&mut W) -> io::Result<T>) -> io::Result<T> {
        loop {
            match act(&mut self.0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
                done => return done,
            }
        }
    }
}

impl<W: Write> Write for Waiting<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.until_done(|out| out.write(text))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.until_done(W::flush)
    }
}

/// A reader that has read enough is no error.
pub(super) fn forgive_broken_pipe(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes to standard output, but gives up once none of it was read for so long, or for [`PATIENCE`] if the program is asked to
/// end. A thread writes, so that a signal always finds somebody who listens.
///
/// # Errors
/// If not all of it was written; a reader who has gone is an error too.
pub(super) fn write_stdout_within(text: impl Display, patience: Duration) -> io::Result<()> {
    write_within(text, patience, |part| {
        let mut out = Waiting(io::stdout().lock());
        out.write_all(part)?;
        out.flush()
    })
}

fn write_within(
    text: impl Display,
    patience: Duration,
    write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(PART, Parts::start(patience, write)?);
    let written = write!(out, "{text}").and_then(|()| out.flush());
    // What is left of it is not written once more.
    drop(out.into_parts());
    written
}

/// An output that another thread writes to, part by part.
struct Parts {
    patience: Duration,
    parts: Sender<Vec<u8>>,
    written: Receiver<io::Result<()>>,
}

impl Parts {
    fn start(patience: Duration, mut write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (parts, taken) = channel::<Vec<u8>>();
        let (done, written) = channel();
        let started = Builder::new().spawn(move || {
            for part in taken {
                if done.send(write(&part)).is_err() {
                    return;
                }
            }
        });
        started.map_err(|error| none_left(&error))?;
        Ok(Self { patience, parts, written })
    }
}

impl Parts {
    /// Waits until a part is written.
    fn wait(&self) -> io::Result<()> {
        let began = Instant::now();
        let mut ending: Option<Instant> = None;
        loop {
            match self.written.recv_timeout(LOOK.min(self.patience)) {
                Ok(written) => return written,
                Err(RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let is_over = is_ending() && ending.get_or_insert_with(Instant::now).elapsed() >= PATIENCE;
            if is_over || began.elapsed() >= self.patience {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads it"));
            }
        }
    }
}

impl Write for Parts {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let part = &text[..text.len().min(PART)];
        self.parts.send(part.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.wait()?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn messages_keep_their_order_and_are_there_when_the_call_returns() {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&taken);
        let mut messages = Messages::start(move |text| {
            sink.lock().unwrap().extend_from_slice(text);
            Ok(())
        });
        for (text, all) in [("a", "a"), ("b", "ab"), ("c", "abc")] {
            assert!(messages.write(text.as_bytes(), PATIENCE));
            assert_eq!(*taken.lock().unwrap(), all.as_bytes());
        }
    }

    #[test]
    fn a_reader_who_does_not_read_holds_up_the_first_message_only_and_gets_the_others_later() {
        let (permit, gate) = channel::<()>();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&taken);
        let mut messages = Messages::start(move |text| {
            gate.recv().map_err(io::Error::other)?;
            sink.lock().unwrap().extend_from_slice(text);
            Ok(())
        });
        let began = Instant::now();
        (0..3 * WAITING).for_each(|_| assert!(!messages.write(b"x", Duration::from_millis(300))));
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        (0..3 * WAITING).for_each(|_| permit.send(()).unwrap());
        // Now somebody reads again, and is waited for again.
        while !taken.lock().unwrap().ends_with(b"y") && began.elapsed() < Duration::from_secs(40) {
            messages.write(b"y", Duration::from_millis(300));
        }
        let taken = taken.lock().unwrap();
        let first = taken.iter().filter(|byte| **byte == b'x').count();
        assert!((WAITING..=WAITING + 2).contains(&first) && taken.ends_with(b"y"), "{first} of {}", taken.len());
    }

    #[test]
    fn an_output_that_takes_nothing_is_an_error_in_the_end() {
        let (_permit, gate) = channel::<()>();
        let nobody = move |_: &[u8]| gate.recv().map_err(io::Error::other);
        let began = Instant::now();
        let error = write_within("x".repeat(3 * PART), Duration::from_millis(50), nobody).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() < PATIENCE, "it waits for the first part only");
    }

    #[test]
    fn an_output_that_is_full_for_a_while_is_waited_for() {
        /// Takes three bytes at a time, and each time only at the second try.
        #[derive(Default)]
        struct Full(Vec<u8>, bool);
        impl Write for Full {
            fn write(&mut self, text: &[u8]) -> io::Result<usize> {
                self.1 = !self.1;
                if self.1 {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                let part = &text[..text.len().min(3)];
                self.0.extend_from_slice(part);
                Ok(part.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                self.1 = !self.1;
                if self.1 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            }
        }
        let mut out = Waiting(Full::default());
        out.write_all(b"abcdefgh").unwrap();
        out.flush().unwrap();
        assert_eq!(out.0.0, b"abcdefgh");
    }

    #[test]
    fn a_reader_who_is_slow_but_reads_gets_all_of_it() {
        let text = "abcdefg".repeat(PART);
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&taken);
        let slow = move |part: &[u8]| {
            std::thread::sleep(Duration::from_millis(100));
            sink.lock().unwrap().extend_from_slice(part);
            Ok(())
        };
        // In all it takes longer than any part may.
        let (began, patience) = (Instant::now(), Duration::from_millis(600));
        write_within(&text, patience, slow).unwrap();
        assert!(began.elapsed() > patience, "it was written at once");
        assert_eq!(*taken.lock().unwrap(), text.as_bytes());
    }
}
