//! How the code that keeps a state, which waits for each answer, is served by a client that does not.

use std::future::Future;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::{quiet, runtime};

/// How long a store may take over a request of a program that is to end, such as the one that gives a lease back.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// How often the waiting thread looks whether the program is to end.
const LOOK: Duration = Duration::from_millis(100);
/// After how many looks a wait is told of.
const LOOKS_IN_SILENCE: u32 = 30;
/// Whether the program was asked to end.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// From now on, a request to a store has five seconds: the program was asked to end.
pub(crate) fn hasten() {
    IS_ENDING.store(true, Ordering::Relaxed);
}

/// Whether the program was asked to end.
pub(crate) fn is_ending() -> bool {
    IS_ENDING.load(Ordering::Relaxed)
}

/// Runs a request, and waits for it. It has time limits of its own, which are too long for somebody who wants the program to end.
pub(super) fn wait<T: Send + 'static>(store: &str, request: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| runtime::build("state", runtime::LEAST_THREADS).ok()).as_ref();
    let runtime = runtime.ok_or_else(|| io::Error::other("no thread can be started for the store"))?;
    let (answer, answered) = mpsc::sync_channel(1);
    let task = runtime.spawn(async move {
        // The library gives up where it is given a line break for a header.
        drop(answer.send(quiet::caught_in(request).await));
    });
    let mut hurried: Option<Instant> = None;
    for looks in 1_u32.. {
        match answered.recv_timeout(LOOK) {
            Ok(answered) => {
                let problem = "the library for stores gave up; is there a line break in a name or a credential of the environment?";
                return answered.map_err(|_| io::Error::other(problem));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the request to the store has ended")),
            Err(RecvTimeoutError::Timeout) if looks == LOOKS_IN_SILENCE => {
                tracing::warn!("a request to {store} has taken 3 s so far; waiting for it");
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if is_ending() && hurried.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            task.abort();
            break;
        }
    }
    Err(io::Error::other("the store does not answer, and the program was asked to end"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_gives_up_is_an_error() {
        assert_eq!(wait("s3://bucket", async { 7 }).unwrap(), 7);
        let given_up = wait("s3://bucket", async { "\n".parse::<u8>().expect("a number") });
        assert!(given_up.unwrap_err().to_string().contains("line break"));
    }
}
