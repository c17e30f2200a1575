//! One run and what follows it: its outcome is recorded, and people are notified ([`crate::notify`]). Neither changes
//! the outcome.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::common::{load_settings, now};
use super::retention::kept_since;
use super::run;
use super::signals::{ended_from_now, status_at_end};
use super::state_place::state_folder;
use crate::cli::{self, Global};
use crate::config::Settings;
use crate::exit::{ExitStatus, refused, status_of};
use crate::notify::{self, Due, Message};
use crate::runs::{Figures, Outcome, Ran, Runs};
use crate::state::account_file;
use crate::text::{shell_path, shortened};
use crate::ui::Ui;

/// How much of a run's output is recorded, in characters.
const LONGEST_SAID: usize = 8000;

/// How a run ended.
pub(super) struct Ended {
    pub(super) result: anyhow::Result<ExitStatus>,
    /// With a plan only if this run made one, and so has read every list since it began.
    pub(super) ran: Ran,
    /// The settings that it ran with, if they could be read. They know the secrets that it used.
    pub(super) settings: Option<Settings>,
}

impl Ended {
    fn now(began: Timestamp, reason: &str, result: anyhow::Result<ExitStatus>, plan: Option<Figures>) -> Self {
        let status = result.as_ref().map_or_else(status_of, |status| *status);
        let said = result.as_ref().err().map(|error| shortened(&format!("{error:#}"), LONGEST_SAID).into_owned());
        let (outcome, exit_code) = (Outcome::of(status), status as u8);
        let ran = Ran { began, ended: now(), reason: reason.to_owned(), outcome, exit_code, said, plan };
        Self { result, ran, settings: None }
    }

    /// A run that is refused before it begins.
    pub(super) fn refused(began: Timestamp, reason: &str, problem: anyhow::Error) -> Self {
        Self::now(began, reason, Err(problem), None)
    }

    /// Its exit code.
    pub(super) fn status(&self) -> ExitStatus {
        self.result.as_ref().map_or_else(status_of, |status| *status)
    }
}

/// Runs `run`, as a command of its own.
///
/// # Errors
/// Those of `run`. If somebody is told of it, an error is printed here, and its status returned.
pub(super) async fn command(args: &cli::Run, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let Ended { result, ran, settings } = once(args, global, "command", None, ui).await;
    let Some(settings) = settings.filter(|settings| !settings.notify.is_empty()) else { return result };
    // Before anybody is told: a receiver may be slow, and a signal ends the wait.
    let status = result.unwrap_or_else(|error| {
        ui.error(&error);
        status_at_end(&error)
    });
    let signal = ended_from_now()?;
    let mut history = History::open(&settings, global, ui);
    // The outcome does not change by the signal.
    tokio::select! {
        biased;
        () = history.add(ran, &settings, &args.out, ui) => {}
        () = signal => {}
    }
    Ok(status)
}

/// Runs once. A defect ends this run, and no service or other run. `serve` uses nothing else of `run`. `before` are the
/// settings that the command began with, if it makes more than one run.
pub(super) async fn once(args: &cli::Run, global: &Global, reason: &str, before: Option<&Settings>, ui: &Ui) -> Ended {
    let began = now();
    let load = || {
        let settings = load_settings(&global.config)?;
        before.map_or(Ok(()), |before| same_target(before, &settings, &global.config))?;
        Ok(settings)
    };
    let settings = match catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| Err(run::defect())) {
        Ok(settings) => settings,
        Err(error) => return Ended::now(began, reason, Err(error), None),
    };
    let mut made = None;
    let result = run::run(args, &settings, &mut made, global, ui).await;
    Ended { settings: Some(settings), ..Ended::now(began, reason, result, made) }
}

/// Refuses settings that lead to another account than before: this one was not compared with those of other customers, and
/// the events, the history and the page are of the other one.
pub(super) fn same_target(before: &Settings, now: &Settings, config: &Path) -> anyhow::Result<()> {
    let [before, now] = [&before.target, &now.target];
    let is_same = before.url.as_str() == now.url.as_str()
        && before.account() == now.account()
        && before.token.place() == now.token.place();
    if is_same {
        return Ok(());
    }
    let problem = format!(
        "the address, the account or the place of the key in [target] of {} has changed since this command began; start it \
         again",
        super::common::shown(config)
    );
    Err(refused(ExitStatus::Usage, problem))
}

/// The runs of an account, and the notifications about them.
pub(super) struct History {
    path: Option<PathBuf>,
    pub(super) runs: Runs,
    /// How many notifications failed.
    pub(super) untold: u64,
}

impl History {
    /// Reads the earlier runs. If they cannot be read, it warns and starts with none.
    pub(super) fn open(settings: &Settings, global: &Global, ui: &Ui) -> Self {
        let path = state_folder(global, Some(settings))
            .ok()
            // A state that is a link is refused elsewhere. With a `/` at its end, it would be followed.
            .filter(|folder| !folder.components().collect::<PathBuf>().is_symlink())
            .map(|folder| Runs::path(&folder, &account_file(&settings.target.account())));
        let read = path.as_deref().map(Runs::read).transpose();
        let runs = read.unwrap_or_else(|error| {
            ui.warn(format!(
                "the outcomes of earlier runs are not known: the state file {} {error}",
                shown(path.as_deref())
            ));
            None
        });
        let mut runs = runs.unwrap_or_default();
        runs.none_after(now());
        runs.forget(kept_since(settings));
        Self { path, runs, untold: 0 }
    }

    /// Records a run and sends the notifications.
    pub(super) async fn add(&mut self, ran: Ran, settings: &Settings, plan: &Path, ui: &Ui) {
        self.runs.none_after(now());
        let due = notify::due(&settings.notify, &self.runs, Some(&ran), now());
        let last_success = self.runs.last_success;
        // Before the notifications, so that they can be interrupted.
        notify::owe(&settings.notify, &mut self.runs, &ran, &due);
        self.runs.add(ran);
        self.runs.forget(kept_since(settings));
        self.keep(ui);
        let ran = self.runs.last().cloned();
        self.tell(due, ran.as_ref(), last_success, settings, plan, ui).await;
    }

    /// Sends the notifications that no run has succeeded for a while.
    pub(super) async fn watch(&mut self, settings: &Settings, plan: &Path, ui: &Ui) {
        self.runs.none_after(now());
        let due = notify::due(&settings.notify, &self.runs, None, now());
        let last_success = self.runs.last_success;
        self.tell(due, None, last_success, settings, plan, ui).await;
    }

    async fn tell(
        &mut self,
        due: Vec<Due>,
        ran: Option<&Ran>,
        last_success: Option<Timestamp>,
        settings: &Settings,
        plan: &Path,
        ui: &Ui,
    ) {
        let look = format!("skovik-sync show {}", shell_path(plan));
        let (secrets, account) = (Arc::clone(settings.secrets()), settings.target.account());
        for due in due {
            let (place, occasion) = (due.place, due.occasion);
            let Some(receiver) = settings.notify.get(place) else { continue };
            let message = Message {
                occasion,
                account: &account,
                at: now(),
                last_success,
                ran,
                look: &look,
                personal: receiver.personal,
            };
            match notify::send(&receiver.channel, &message, &secrets).await {
                Ok(()) => {
                    notify::told(&mut self.runs, due, now());
                    // Before the next receiver is told: the program may be ended meanwhile.
                    self.keep(ui);
                }
                Err(problem) => {
                    self.untold += 1;
                    let place = place + 1;
                    ui.warn(format!("[[notify]] number {place} could not be told `{}`: {problem}", occasion.name()));
                }
            }
        }
    }

    fn keep(&self, ui: &Ui) {
        let written = self.path.as_deref().map(|path| self.runs.write(path)).transpose();
        if let Err(error) = written {
            ui.warn(format!("the outcome was not recorded in the state file {}: {error}", shown(self.path.as_deref())));
        }
    }
}

fn shown(path: Option<&Path>) -> String {
    path.map(super::common::shown).unwrap_or_default()
}
