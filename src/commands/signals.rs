//! The signals that ask the program to end: Ctrl-C, SIGTERM and SIGHUP, which a lost terminal sends. Once a program has
//! caught them, their default action cannot be restored. So each function here says what the signals do from then on.
//!
//! One thread hears them all and counts them, from the first time that anybody asks. So nothing that waits can hold them up, and
//! none is lost between two who listen: whoever asks how many there were since some moment is told.

use std::fs;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::apply::engine::Stop;
use crate::exit::{ExitStatus, refused, status_of};
use crate::files::remove_under_way;
use crate::state::{give_back_all, hasten, is_ending};

/// How many signals there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Ctrl-C and SIGTERM.
    asked: u32,
    /// SIGHUP.
    hung_up: u32,
}

static HEARD: LazyLock<watch::Sender<Heard>> = LazyLock::new(|| watch::Sender::new(Heard::default()));
/// What was heard before the moment from which signals are remembered.
static REMEMBERED_SINCE: OnceLock<Heard> = OnceLock::new();
/// What was heard before somebody began to listen who listens no more and heard none since. One that came after that is heard by
/// whoever listens next: nobody listens while a program goes from one step to the next.
static UNHEARD_SINCE: Mutex<Option<Heard>> = Mutex::new(None);

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
pub(super) struct EndedBySignals {
    since: Heard,
    status: ExitStatus,
    task: AbortHandle,
}

impl Drop for EndedBySignals {
    fn drop(&mut self) {
        self.task.abort();
        // One that came while this was held, but that the task has not seen yet.
        if *HEARD.borrow() != self.since {
            end(self.status);
        }
        *unheard() = Some(self.since);
    }
}

/// From now on, a file beyond the size limit (`ulimit -f`) is an error of the write, which stops a run in order. By
/// default the signal would kill the program.
pub(super) fn survive_limits_of_size() {
    // It stays caught. If that fails, the default action stays.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
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
    let since = since()?;
    let mut signals = pin!(more_than(*REMEMBERED_SINCE.get().unwrap_or(&since)));
    let done = tokio::select! {
        biased;
        () = &mut signals => return Err(refused(ExitStatus::Interrupted, "interrupted; nothing was written")),
        done = work => done?,
    };
    Ok((done, end_after(since, then)))
}

/// From now on a signal ends the program at once, with this status, and neither a temporary file nor a lease stays. One that
/// somebody heard before does not: what it had to end may have ended.
pub(super) fn end_with(status: ExitStatus) -> anyhow::Result<EndedBySignals> {
    Ok(end_after(since()?, status))
}

fn end_after(since: Heard, status: ExitStatus) -> EndedBySignals {
    let task = tokio::spawn(async move {
        more_than(since).await;
        end(status);
    });
    EndedBySignals { since, status, task: task.abort_handle() }
}

/// Without a pause, in which a task could be ended while a lease is given back.
fn end(status: ExitStatus) -> ! {
    give_back_all();
    let _held = remove_under_way();
    std::process::exit(i32::from(status as u8));
}

/// From now on, a signal is heard by whoever begins to listen after it too. For commands in which one run follows another:
/// a signal that comes when none listens must not be lost.
pub(super) fn remember() -> anyhow::Result<()> {
    let since = so_far()?;
    REMEMBERED_SINCE.get_or_init(|| since);
    Ok(())
}

/// For a run that is about to take a lease, which must not stay. While the result is held, a signal ends the program at once;
/// one that comes later is heard by whoever listens then. A command in which one run follows another ends in order instead.
pub(super) fn end_until_heard() -> anyhow::Result<Option<EndedBySignals>> {
    if REMEMBERED_SINCE.get().is_some() {
        return Ok(None);
    }
    let ends = end_with(ExitStatus::Interrupted)?;
    remember()?;
    Ok(Some(ends))
}

/// Resolves when the program was asked to end, if that is remembered.
pub(super) async fn asked() {
    match REMEMBERED_SINCE.get() {
        Some(since) => more_than(*since).await,
        None => std::future::pending().await,
    }
}

/// Resolves when the program is asked to end, or was, if that is remembered. The signals are caught from the call on, not from the
/// first poll.
pub(super) fn ended() -> anyhow::Result<impl Future<Output = ()>> {
    let since = since()?;
    Ok(more_than(*REMEMBERED_SINCE.get().unwrap_or(&since)))
}

/// Resolves when the program is asked to end from now on. What somebody heard before does not count.
pub(super) fn ended_from_now() -> anyhow::Result<impl Future<Output = ()>> {
    Ok(more_than(since()?))
}

/// How urgently a run that writes is to end: gently after any signal, at once after the second Ctrl-C or SIGTERM. A lost terminal
/// asks gently, however often it is told. Signals that are remembered count, too.
pub(super) fn listen_for_signals() -> anyhow::Result<watch::Receiver<Stop>> {
    let since = since()?;
    let since = *REMEMBERED_SINCE.get().unwrap_or(&since);
    let (sender, receiver) = watch::channel(Stop::No);
    tokio::spawn(async move {
        let mut heard = HEARD.subscribe();
        loop {
            let at = *heard.borrow_and_update();
            sender.send_replace(match at.asked.saturating_sub(since.asked) {
                0 if at.hung_up == since.hung_up => Stop::No,
                0 | 1 => Stop::Gently,
                _ => Stop::Now,
            });
            // The sender is there for as long as the program.
            if heard.changed().await.is_err() {
                break;
            }
        }
    });
    Ok(receiver)
}

async fn more_than(since: Heard) {
    // The sender is there for as long as the program.
    let _ = HEARD.subscribe().wait_for(|heard| *heard != since).await;
}

/// What was heard before whoever begins to listen: all that nobody has heard yet is theirs.
fn since() -> anyhow::Result<Heard> {
    let so_far = so_far()?;
    Ok(unheard().take().unwrap_or(so_far))
}

fn unheard() -> MutexGuard<'static, Option<Heard>> {
    UNHEARD_SINCE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was heard up to now. From now on the signals are caught, and nobody waits long for a store after one: whoever waits for a
/// store cannot listen meanwhile.
fn so_far() -> anyhow::Result<Heard> {
    static LISTENS: Mutex<bool> = Mutex::new(false);
    let mut listens = LISTENS.lock().unwrap_or_else(PoisonError::into_inner);
    // Before they are caught: the first one may come at once.
    let heard = *HEARD.borrow();
    if !*listens {
        listen().context("the signals that end the program cannot be caught")?;
        *listens = true;
    }
    Ok(heard)
}

fn listen() -> std::io::Result<()> {
    let hangup = HANGS_UP.then_some(SIGHUP);
    // What comes from here on waits for the thread.
    let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup))?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            hasten();
            HEARD.send_modify(|heard| {
                let count = if signal == SIGHUP { &mut heard.hung_up } else { &mut heard.asked };
                *count = count.saturating_add(1);
            });
        }
    })?;
    Ok(())
}
