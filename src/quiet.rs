//! Panics of a library that are an error of a file, a server or a template, and not of this program.

use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;
use std::thread;

/// How the threads are called on which the library reads SQLite.
const SQLITE: &str = "sqlx-sqlite-worker";

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs this, and catches a panic, of which nothing is printed.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> thread::Result<T> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let is_quiet = IS_QUIET.get() || thread::current().name().is_some_and(|name| name.starts_with(SQLITE));
            match panic.location() {
                // What it says may be data.
                Some(place) if is_quiet => tracing::debug!("a library gave up at {place}"),
                None if is_quiet => {}
                _ => print(panic),
            }
        }));
    });
    let was_quiet = IS_QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    IS_QUIET.set(was_quiet);
    result
}

/// The same for a future.
pub(crate) async fn caught_in<F: Future>(future: F) -> thread::Result<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match caught(|| future.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}
