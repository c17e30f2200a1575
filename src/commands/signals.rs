//! Ctrl-C and SIGTERM. Once a program has caught them, their default action cannot be restored. So each function here
//! says what the signals do from then on.

use std::pin::pin;

use anyhow::Context as _;
use tokio::task::AbortHandle;

use crate::exit::{ExitStatus, refused};
use crate::files::remove_under_way;

/// While this is held, a signal ends the program at once, as by default.
#[derive(Debug)]
pub(super) struct EndedBySignals(AbortHandle);

impl Drop for EndedBySignals {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// From now on, a file beyond the size limit (`ulimit -f`) is an error of the write, which stops a run in order. By
/// default the signal would kill the program.
pub(super) fn survive_limits_of_size() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // It stays caught. If that fails, the default action stays.
        let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    }
}

/// Does work that writes nothing, until it is done or a signal comes. On a signal the work is dropped, which ends
/// everything that it started. The caller keeps the returned guard while it goes on.
pub(super) async fn unless_interrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(T, EndedBySignals)> {
    let mut signals = pin!(ended()?);
    let done = tokio::select! {
        biased;
        () = &mut signals => return Err(refused(ExitStatus::Interrupted, "interrupted; nothing was written")),
        done = work => done?,
    };
    Ok((done, end_with(ExitStatus::Interrupted)?))
}

/// From now on a signal ends the program at once, with this status, and no temporary file stays.
pub(super) fn end_with(status: ExitStatus) -> anyhow::Result<EndedBySignals> {
    let signals = ended()?;
    let task = tokio::spawn(async move {
        signals.await;
        let _held = remove_under_way();
        std::process::exit(i32::from(status as u8));
    });
    Ok(EndedBySignals(task.abort_handle()))
}

/// Resolves when the program is asked to end. The signals are caught from the call on, not from the first poll.
pub(super) fn ended() -> anyhow::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let (mut interrupt, mut terminate) = {
        use tokio::signal::unix::{SignalKind, signal};
        let context = "the signals that end the program cannot be caught";
        (signal(SignalKind::interrupt()).context(context)?, signal(SignalKind::terminate()).context(context)?)
    };
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        // If Ctrl-C cannot be caught, it ends the program at once.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
