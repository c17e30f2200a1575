//! The signals that ask the program to end: Ctrl-C, SIGTERM and SIGHUP, which a lost terminal sends. Once a program has
//! caught them, their default action cannot be restored. So each function here says what the signals do from then on.

use std::fs;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Once};

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::exit::{ExitStatus, refused, status_of};
use crate::files::remove_under_way;
use crate::state::{give_back_all, hasten, is_ending};

/// Whether signals are remembered.
static REMEMBERED: AtomicBool = AtomicBool::new(false);
/// Whether a command in which one run follows another was asked to end.
static ASKED: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// Whether SIGHUP ends the program. `nohup` has it ignored, and then it stays ignored. Where the system does not tell,
/// its default action stays.
static HANGS_UP: LazyLock<bool> = LazyLock::new(|| {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored & 1 == 0)
});

/// The exit code that an error leads to. One that has none of its own is an interrupt if the program was asked to end: it may
/// be that a store did not answer any more.
#[must_use]
pub fn status_at_end(error: &anyhow::Error) -> ExitStatus {
    match status_of(error) {
        ExitStatus::Unexpected if is_ending() => ExitStatus::Interrupted,
        status => status,
    }
}

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
    done_unless_interrupted(work, ExitStatus::Interrupted).await
}

/// The same for work that writes something at its very end: from then on, a signal ends the program with this status.
pub(super) async fn done_unless_interrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    then: ExitStatus,
) -> anyhow::Result<(T, EndedBySignals)> {
    let mut signals = pin!(ended()?);
    let done = tokio::select! {
        biased;
        () = &mut signals => return Err(refused(ExitStatus::Interrupted, "interrupted; nothing was written")),
        done = work => done?,
    };
    Ok((done, end_with(then)?))
}

/// From now on a signal ends the program at once, with this status, and neither a temporary file nor a lease stays. One that
/// came before does not: what it had to end may have ended.
pub(super) fn end_with(status: ExitStatus) -> anyhow::Result<EndedBySignals> {
    let signals = caught()?;
    let task = tokio::spawn(async move {
        signals.await;
        // Without a pause, in which this task could be ended while the lease is given back.
        give_back_all();
        let _held = remove_under_way();
        std::process::exit(i32::from(status as u8));
    });
    Ok(EndedBySignals(task.abort_handle()))
}

/// From now on, a signal is heard by whoever begins to listen after it too. For commands in which one run follows another:
/// a signal that comes when none listens must not be lost.
pub(super) fn remember() -> anyhow::Result<()> {
    let signals = caught()?;
    REMEMBERED.store(true, Ordering::Release);
    tokio::spawn(async move {
        signals.await;
        ASKED.send_replace(true);
    });
    Ok(())
}

/// For a run that is about to take a lease, which must not stay. While the result is held, a signal ends the program at once;
/// one that comes later is heard by whoever listens then. A command in which one run follows another ends in order instead.
pub(super) fn end_until_heard() -> anyhow::Result<Option<EndedBySignals>> {
    if REMEMBERED.load(Ordering::Acquire) {
        return Ok(None);
    }
    let ends = end_with(ExitStatus::Interrupted)?;
    remember()?;
    Ok(Some(ends))
}

/// Resolves when the program was asked to end, if that is remembered.
pub(super) fn asked() -> impl Future<Output = ()> {
    let mut asked = ASKED.subscribe();
    async move {
        // The sender is there for as long as the program.
        let _ = asked.wait_for(|asked| *asked).await;
    }
}

/// Resolves when the program is asked to end. The signals are caught from the call on, not from the first poll.
pub(super) fn ended() -> anyhow::Result<impl Future<Output = ()>> {
    let (caught, asked) = (caught()?, asked());
    Ok(async move {
        tokio::select! {
            () = caught => {}
            () = asked => {}
        }
    })
}

/// From now on, nobody waits long for a store after a signal. Whoever waits for one cannot listen to signals meanwhile.
pub(super) fn hasten_at_signals() -> anyhow::Result<()> {
    static BEGUN: Once = Once::new();
    let signals = next()?;
    BEGUN.call_once(|| {
        tokio::spawn(async move {
            signals.await;
            hasten();
        });
    });
    Ok(())
}

/// Resolves when a signal comes.
fn caught() -> anyhow::Result<impl Future<Output = ()>> {
    hasten_at_signals()?;
    next()
}

fn next() -> anyhow::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let (mut interrupt, mut terminate) = {
        use tokio::signal::unix::{SignalKind, signal};
        let context = "the signals that end the program cannot be caught";
        (signal(SignalKind::interrupt()).context(context)?, signal(SignalKind::terminate()).context(context)?)
    };
    let hung_up = hung_up()?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = hung_up => {}
        }
        #[cfg(not(unix))]
        // If Ctrl-C cannot be caught, it ends the program at once.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Resolves when the terminal is lost.
pub(super) fn hung_up() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let hangup = HANGS_UP.then(|| signal(SignalKind::hangup())).transpose();
    let hangup = hangup.context("the signals that end the program cannot be caught")?;
    Ok(async move {
        match hangup {
            Some(mut hangup) => drop(hangup.recv().await),
            None => std::future::pending().await,
        }
    })
}
