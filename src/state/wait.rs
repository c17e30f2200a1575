//! How a thread waits for a request to an object store, which runs in a runtime of its own.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// How often the waiting thread has a look at the runtime.
const LOOK: Duration = Duration::from_secs(1);
/// How many looks in a row may find the runtime at the same task. A large object takes seconds to sign.
const MOST_LOOKS: u32 = 20;

/// Runs a request, and waits for it. The request has time limits of its own, which the runtime looks at between two
/// tasks. A store that sends without a pause can keep it at one task for long: this thread does not wait for that.
pub(super) fn wait<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| runtime().ok()).as_ref();
    let runtime = runtime.ok_or_else(|| io::Error::other("no thread can be started for the store"))?;
    wait_in(runtime, LOOK, request)
}

fn runtime() -> io::Result<Runtime> {
    let mut runtime = Builder::new_multi_thread();
    // A store that sends without a pause must not keep the time and other requests from being looked at. With an interval
    // of one, the task that has used its turn up would be woken first, each time before all others.
    runtime.worker_threads(1).thread_name("state").enable_all().event_interval(2).global_queue_interval(1).build()
}

fn wait_in<T: Send + 'static>(
    runtime: &Runtime,
    look: Duration,
    request: impl Future<Output = T> + Send + 'static,
) -> io::Result<T> {
    let (answer, answered) = mpsc::sync_channel(1);
    let task = runtime.spawn(async move {
        let answered = request.await;
        drop(answer.send(answered));
    });
    let beats = Arc::new(AtomicU64::new(0));
    let (mut seen, mut looks) = (0, 0);
    // Looks are counted, not time: a machine that was asleep is not a store that sends without a pause.
    loop {
        match answered.recv_timeout(look) {
            Ok(answered) => return Ok(answered),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("the request to the store has ended"));
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = beats.load(Ordering::Relaxed);
                looks = if now == seen { looks + 1 } else { 0 };
                seen = now;
            }
        }
        if looks > MOST_LOOKS {
            task.abort();
            return Err(io::Error::other(
                "the store sends without a pause and without an answer; check what is at its address",
            ));
        }
        let beats = Arc::clone(&beats);
        runtime.spawn(async move { beats.fetch_add(1, Ordering::Relaxed) });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::thread;
    use std::time::Instant;

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);

    #[test]
    fn a_request_that_the_runtime_cannot_leave_is_given_up() {
        let runtime = runtime().unwrap();
        let (end, ended) = mpsc::channel::<()>();
        let began = Instant::now();
        let given_up = wait_in(&runtime, SHORT, async move { ended.recv_timeout(Duration::from_secs(60)).is_ok() });
        assert!(given_up.unwrap_err().to_string().contains("sends without a pause"));
        assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
        drop(end);
        assert_eq!(wait_in(&runtime, LOOK, async { 1 }).unwrap(), 1, "the next one has an answer");
    }

    #[test]
    fn a_request_that_only_waits_is_not_given_up() {
        let runtime = runtime().unwrap();
        let pause = 2 * MOST_LOOKS * SHORT;
        let waits = async move {
            tokio::time::sleep(pause).await;
            1
        };
        assert_eq!(wait_in(&runtime, SHORT, waits).unwrap(), 1);
    }

    /// A task that is ready again after each turn, as a connection is that always has something to read.
    #[test]
    fn the_time_and_new_requests_are_looked_at_between_two_turns() {
        let runtime = runtime().unwrap();
        runtime.spawn(async {
            loop {
                thread::sleep(Duration::from_millis(100));
                tokio::task::yield_now().await;
            }
        });
        let began = Instant::now();
        for _ in 0..5 {
            wait_in(&runtime, LOOK, async { tokio::time::sleep(SHORT).await }).unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    }
}
