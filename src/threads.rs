//! Starting threads where the system may allow no more of them: that ends no run without a word, and loses no work.

use std::sync::mpsc::{self, RecvError};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::{io, panic};

/// Work that a thread does meanwhile, or that is done, because none could be started.
#[must_use]
pub(crate) enum Beside<'scope, T> {
    There(ScopedJoinHandle<'scope, Result<T, RecvError>>),
    Done(T),
}

impl<T> Beside<'_, T> {
    /// Waits for the work.
    ///
    /// # Panics
    /// If the work did.
    pub(crate) fn join(self) -> T {
        match self {
            Self::There(thread) => {
                let done = thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
                done.expect("the work was given to it")
            }
            Self::Done(result) => result,
        }
    }
}

/// Does some work on a thread of a scope; or here and now, if the system starts none. So the work must wait for nothing that
/// the caller does later.
pub(crate) fn beside<'scope, T: Send + 'scope, W: FnOnce() -> T + Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: W,
) -> Beside<'scope, T> {
    beside_on(Builder::new(), scope, work)
}

fn beside_on<'scope, T: Send + 'scope, W: FnOnce() -> T + Send + 'scope>(
    thread: Builder,
    scope: &'scope Scope<'scope, '_>,
    work: W,
) -> Beside<'scope, T> {
    let (give, given) = mpsc::channel();
    match thread.spawn_scoped(scope, move || given.recv().map(|work: W| work())) {
        Ok(thread) => {
            let _ = give.send(work);
            Beside::There(thread)
        }
        Err(_) => Beside::Done(work()),
    }
}

/// Says that no thread can be started, and what to do.
pub(crate) fn none_left(error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("no thread can be started: {error}; allow more processes (`ulimit -u`) or memory"),
    )
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn work_is_done_whether_or_not_a_thread_can_be_started() {
        // No system has room for such a stack.
        for (stack, is_here) in [(1 << 16, false), (1 << 60, true)] {
            let id = thread::scope(|scope| {
                beside_on(Builder::new().stack_size(stack), scope, || thread::current().id()).join()
            });
            assert_eq!(id == thread::current().id(), is_here, "{stack}");
        }
    }

    #[test]
    #[should_panic(expected = "as it goes")]
    fn a_panic_is_passed_on() {
        thread::scope(|scope| beside(scope, || panic!("as it goes")).join());
    }
}
