//! `serve`: the schedule and the events in one process. Each run is what `run` does; this only says when.

mod all;
mod start;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use super::common::now;
use super::job::{self, Ended, History};
use super::signals::{ended, remember};
use crate::cli::{self, Global};
use crate::config::Settings;
use crate::config::serve::ScheduleSettings;
use crate::exit::ExitStatus;
use crate::runs::{Outcome, Ran};
use crate::serve::{Queue, Server, SharedBoard, Taken, schedule};
use crate::ui::Ui;

/// How long events wait for another run if the first one could not read the lists; each further wait is twice as long.
const FIRST_RETRY: SignedDuration = SignedDuration::from_secs(30);
/// The longest such wait.
const LONGEST_RETRY: SignedDuration = SignedDuration::from_hours(1);
/// How often the clock is read: a changed clock, or a machine that slept, must not delay a run for long.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// By how much a clock may go back without a warning.
const SMALL_CORRECTION: SignedDuration = SignedDuration::from_secs(5);

/// Completes when the program is asked to end.
type Signal = Pin<Box<dyn Future<Output = ()>>>;

/// A service that was started.
struct Running<'a> {
    args: &'a cli::Serve,
    global: &'a Global,
    ui: &'a Ui,
    settings: Settings,
    queue: Queue,
    board: SharedBoard,
    history: History,
    /// Lets only one service of this process run at a time.
    turn: Arc<Semaphore>,
    /// The random delay of the next scheduled run.
    jitter: SignedDuration,
    /// From when on the first run of the schedule is waited for, if none is known.
    since: Timestamp,
    /// The time before which events are not handled again, and how long that wait is.
    retry: Option<(Timestamp, SignedDuration)>,
}

/// Runs `serve` until it is asked to end.
///
/// # Errors
/// Exit code 3 if the settings, a secret, the port or the certificate cannot be used, 10 if another `serve` takes the
/// events of this account. A failed run is not an error of the service.
pub async fn run(args: &cli::Serve, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    if let Some(folder) = &args.all {
        return all::run(folder, args.plans.as_deref(), global, ui).await;
    }
    remember()?;
    let mut signal: Signal = Box::pin(ended()?);
    let started = tokio::select! {
        biased;
        () = signal.as_mut() => None,
        started = start::start(args, global, None, Arc::new(Semaphore::new(1)), ui) => Some(started?),
    };
    let Some((mut running, server)) = started else {
        ui.note("asked to end before it had started");
        return Ok(ExitStatus::Done);
    };
    let status = running.until(&mut signal).await;
    Server::stop(server).await;
    ui.note("ended");
    Ok(status)
}

impl Running<'_> {
    async fn until(&mut self, signal: &mut Signal) -> ExitStatus {
        loop {
            let (due, events) = (self.due_by_schedule(), self.events_are_due());
            self.board.lock().next = due;
            let time = now();
            let (by_schedule, by_events) = (due.is_some_and(|due| due <= time), events.is_some_and(|due| due <= time));
            if by_schedule || by_events {
                let turn = Arc::clone(&self.turn);
                let _turn = tokio::select! {
                    biased;
                    () = signal.as_mut() => return ExitStatus::Done,
                    turn = turn.acquire_owned() => turn,
                };
                let ran = self.run_once(by_schedule).await;
                let outcome = ran.outcome;
                let asked = self.note(ran, signal).await;
                // A signal that ended the run ends the service.
                if asked || signal.as_mut().now_or_never().is_some() {
                    return if outcome == Outcome::Interrupted { ExitStatus::Interrupted } else { ExitStatus::Done };
                }
                continue;
            }
            let next = due.into_iter().chain(events).min();
            let sleep = next.and_then(|next| Duration::try_from(next.duration_since(time)).ok());
            tokio::select! {
                biased;
                () = signal.as_mut() => return ExitStatus::Done,
                () = self.queue.changed() => {}
                () = tokio::time::sleep(sleep.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP)) => {}
            }
            tokio::select! {
                biased;
                () = signal.as_mut() => return ExitStatus::Done,
                () = self.history.watch(&self.settings, &self.args.out, self.ui) => {}
            }
            self.show_history();
        }
    }

    fn due_by_schedule(&mut self) -> Option<Timestamp> {
        let time = now();
        self.since = self.since.min(time);
        let schedule = self.settings.schedule.as_ref()?;
        let last = self.history.runs.recent.iter().rev().find(|ran| ran.outcome != Outcome::Interrupted);
        let zone = &self.settings.scope.time_zone;
        Some(schedule::due(schedule, zone, last.map(|ran| ran.began), self.since, time, self.jitter))
    }

    /// Neither an event nor the end of a wait may be further away than if it began now: the clock may have been ahead.
    fn events_are_due(&mut self) -> Option<Timestamp> {
        let time = now();
        if let Some(ahead) = self.queue.none_after(time).filter(|ahead| *ahead > SMALL_CORRECTION) {
            let ahead = SignedDuration::from_secs(ahead.as_secs());
            self.ui.warn(format!(
                "an event that waits is dated {ahead:#} after now, so the clock was ahead when it came: it counts as having come \
                 now"
            ));
        }
        if let Some((until, wait)) = &mut self.retry {
            *until = time.checked_add(*wait).unwrap_or(Timestamp::MAX).min(*until);
        }
        let debounce = SignedDuration::try_from(self.settings.serve.debounce).unwrap_or_default();
        let due = self.queue.oldest()?.checked_add(debounce).ok()?;
        Some(self.retry.map_or(due, |(until, _)| due.max(until)))
    }

    /// One run for everything that waits.
    async fn run_once(&mut self, by_schedule: bool) -> Ran {
        let taken = self.queue.take();
        let reason = reason(by_schedule, &taken);
        self.ui.note(format!("run: {reason}"));
        self.board.lock().running = Some((now(), reason.clone()));
        let args = cli::Run::to(self.args.out.clone(), self.args.report.clone());
        let quiet = self.ui.unprinted();
        let Ended { result, ran, settings } =
            job::once(&args, self.global, &reason, Some(&self.settings), &quiet).await;
        if let Some(settings) = settings {
            // A receiver of notifications may repeat a secret that this run used.
            self.settings.secrets().learn(settings.secrets());
        }
        if let Err(error) = &result {
            self.ui.error(error);
        }
        self.ui.note(said(&ran));
        self.settle(taken, &ran).await;
        if let Some(schedule) = &self.settings.schedule {
            self.jitter = jitter(schedule);
        }
        let mut board = self.board.lock();
        board.count(&ran);
        drop(board);
        ran
    }

    /// Records a run and sends the notifications. Returns whether a signal came meanwhile.
    async fn note(&mut self, ran: Ran, signal: &mut Signal) -> bool {
        let asked = tokio::select! {
            biased;
            () = self.history.add(ran, &self.settings, &self.args.out, self.ui) => false,
            () = signal.as_mut() => true,
        };
        self.show_history();
        asked
    }

    /// Events are done if every list was read after they came; otherwise they wait again. They also wait if the run was
    /// interrupted: then they make the service resume it when it starts again.
    async fn settle(&mut self, taken: Taken, ran: &Ran) {
        if ran.plan.is_some() && ran.outcome != Outcome::Interrupted {
            self.retry = None;
            if let Err(error) = self.queue.done(taken).await {
                self.ui.warn(format!("the handled events could not be removed from the queue: {error}"));
            }
            return;
        }
        self.retry = match ran.outcome {
            // This run only finished an earlier one; the next run reads the lists.
            Outcome::Succeeded => None,
            _ => {
                let wait = self.retry.map_or(FIRST_RETRY, |(_, wait)| (wait * 2).min(LONGEST_RETRY));
                Some((now().checked_add(wait).unwrap_or(Timestamp::MAX), wait))
            }
        };
        self.queue.put_back(taken);
    }

    fn show_history(&self) {
        let mut board = self.board.lock();
        board.show(&self.history.runs);
        board.untold = self.history.untold;
    }
}

/// A random part of the setting `jitter`.
fn jitter(schedule: &ScheduleSettings) -> SignedDuration {
    SignedDuration::try_from(schedule.jitter.mul_f64(fastrand::f64())).unwrap_or_default()
}

/// The reason of a run, without names of people.
fn reason(by_schedule: bool, taken: &Taken) -> String {
    let events = match taken.events {
        0 => String::new(),
        1 => "1 event".to_owned(),
        events => format!("{events} events"),
    };
    let people = match taken.ids.as_ref().map(BTreeSet::len) {
        _ if taken.is_empty() => String::new(),
        None => " for everybody".to_owned(),
        Some(1) => " for 1 person".to_owned(),
        Some(people) => format!(" for {people} people"),
    };
    match (by_schedule, taken.is_empty()) {
        (true, true) => "schedule".to_owned(),
        (true, false) => format!("schedule and {events}{people}"),
        (false, _) => format!("{events}{people}"),
    }
}

/// The outcome of a run, as a line for the log.
fn said(ran: &Ran) -> String {
    let took = ran.ended.duration_since(ran.began).as_secs_f64().max(0.0);
    let counts = ran.plan.as_ref().map(|plan| plan.summary);
    let counts = counts.map_or_else(String::new, |counts| {
        let (create, update, delete) = (counts.create, counts.update, counts.delete);
        format!("; {create} to create, {update} to update, {delete} to delete, {} set aside", counts.set_aside)
    });
    format!("run ended after {took:.1} s: {} (exit code {}){counts}", ran.outcome.name(), ran.exit_code)
}
