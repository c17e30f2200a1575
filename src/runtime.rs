//! The threads that requests run on. A server that sends without a pause holds up no time limit, no signal and no other
//! request.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use std::{io, thread};

use signal_hook::consts::SIGCHLD;
use tokio::runtime::{Builder, Runtime};

use crate::threads::none_left;

/// How many files a runtime opens at most.
const OPENED: usize = 8;
/// How many threads a runtime keeps for work that blocks, such as the names of servers.
const READY: usize = 4;
/// How many more a run starts at once: for signals, messages, events, the journal, a template, a source and a lease.
const STARTED: usize = 7;
/// How long a thread is waited for that was started.
const PATIENCE: Duration = Duration::from_secs(60);
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);
/// One that such a server keeps busy, and one for all others.
pub const LEAST_THREADS: usize = 2;

/// A runtime with `threads` threads of this name, of which there should be at least [`LEAST_THREADS`].
///
/// Where servers keep all threads busy, a thread looks at time limits and the network at every second step, and then runs
/// the task first that has used its turn up. At every third step it takes a task from outside. The steps between are for
/// tasks that the time or the network has woken: with an interval of one they would wait as long as the server sends.
///
/// # Errors
/// Not so many threads can be started, or files opened.
pub fn build(name: &str, threads: usize) -> io::Result<Runtime> {
    has_room()?;
    has_threads(threads + READY + STARTED)?;
    let mut runtime = Builder::new_multi_thread();
    runtime.worker_threads(threads).thread_name(name).enable_all().thread_keep_alive(FOR_EVER);
    let runtime = runtime.event_interval(2).global_queue_interval(3).build()?;
    start_waiting(&runtime)?;
    // Where the parent ignores SIGCHLD, a program that is started leaves no exit status. This handler stays.
    signal_hook::flag::register(SIGCHLD, Arc::default())?;
    Ok(runtime)
}

/// Whether there is room for the files that a runtime opens. The library panics if there is none for the last of them.
fn has_room() -> io::Result<()> {
    let opened = (0..OPENED).map(|_| File::open("/dev/null")).collect::<io::Result<Vec<File>>>();
    opened.map(drop).map_err(|error| io::Error::new(error.kind(), format!("{error}; allow more (`ulimit -n`)")))
}

/// Whether the system starts so many threads. The library panics if it does not.
fn has_threads(wanted: usize) -> io::Result<()> {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, || until_dropped(&wait));
        let started = (0..wanted).map(start).collect::<io::Result<Vec<_>>>();
        drop(go);
        started.map(drop).map_err(|error| none_left(&error))
    })
}

/// Starts the threads for work that blocks. If the system starts none later, such work waits for one of these; the library would
/// wait for a thread that never comes.
fn start_waiting(runtime: &Runtime) -> io::Result<()> {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let (here, started) = mpsc::channel();
    for _ in 0..READY {
        let (here, wait) = (here.clone(), Arc::clone(&wait));
        runtime.spawn_blocking(move || {
            let _ = here.send(());
            until_dropped(&wait);
        });
    }
    let each = (0..READY).try_for_each(|_| started.recv_timeout(PATIENCE));
    drop(go);
    each.map_err(|error| none_left(&io::Error::other(error)))
}

fn until_dropped(wait: &Mutex<mpsc::Receiver<()>>) {
    // Nothing is ever sent.
    let _ = wait.lock().unwrap_or_else(PoisonError::into_inner).recv();
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::time::Instant;

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
