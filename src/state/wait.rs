//! How the code that keeps a state, which waits for each answer, is served by a client that does not.

use std::future::Future;
use std::io;
use std::sync::OnceLock;
use std::sync::mpsc;

use tokio::runtime::Runtime;

use crate::runtime;

/// Runs a request, and waits for it. It has time limits of its own.
pub(super) fn wait<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| runtime::build("state", runtime::LEAST_THREADS).ok()).as_ref();
    let runtime = runtime.ok_or_else(|| io::Error::other("no thread can be started for the store"))?;
    let (answer, answered) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let answered = request.await;
        drop(answer.send(answered));
    });
    answered.recv().map_err(|_| io::Error::other("the request to the store has ended"))
}
