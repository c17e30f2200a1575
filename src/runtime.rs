//! The threads that requests run on. A server that sends without a pause holds up no time limit, no signal and no other
//! request.

use std::fs::File;
use std::io;

use tokio::runtime::{Builder, Runtime};

/// How many files a runtime opens at most.
const OPENED: usize = 8;
/// One that such a server keeps busy, and one for all others.
pub const LEAST_THREADS: usize = 2;

/// A runtime with `threads` threads of this name, of which there should be at least [`LEAST_THREADS`].
///
/// Where servers keep all threads busy, a thread looks at time limits and the network at every second step, and then runs
/// the task first that has used its turn up. At every third step it takes a task from outside. The steps between are for
/// tasks that the time or the network has woken: with an interval of one they would wait as long as the server sends.
///
/// # Errors
/// No thread can be started.
pub fn build(name: &str, threads: usize) -> io::Result<Runtime> {
    has_room()?;
    let mut runtime = Builder::new_multi_thread();
    runtime.worker_threads(threads).thread_name(name).enable_all();
    runtime.event_interval(2).global_queue_interval(3).build()
}

/// Whether there is room for the files that a runtime opens. The library panics if there is none for the last of them.
fn has_room() -> io::Result<()> {
    (0..OPENED).map(|_| File::open("/dev/null")).collect::<io::Result<Vec<File>>>().map(drop)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);

    /// As many tasks as threads, each ready again after each turn, as a connection is that always has something to read.
    #[test]
    fn time_and_new_tasks_are_looked_at_while_all_threads_are_busy() {
        let runtime = build("busy", LEAST_THREADS).unwrap();
        for _ in 0..LEAST_THREADS {
            runtime.spawn(async {
                loop {
                    thread::sleep(SHORT);
                    tokio::task::yield_now().await;
                }
            });
        }
        let began = Instant::now();
        for _ in 0..3 {
            let waits = runtime.spawn(async { tokio::time::sleep(SHORT).await });
            runtime.block_on(waits).unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        runtime.shutdown_background();
    }
}
