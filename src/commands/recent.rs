//! What was applied to the account lately, as `plan`, `run`, `apply` and `verify` need it.

use std::io::ErrorKind;

use jiff::{SignedDuration, Timestamp};

use super::common::now;
use super::state_place::unusable_state;
use crate::apply::journal::{JournalError, Replay};
use crate::apply::ledger::{LedgerError, Recent};
use crate::apply::old_list::is_older;
use crate::config::Settings;
use crate::employee::{Directory, Managed};
use crate::exit::{ExitStatus, refused};
use crate::guard::RecentPast;
use crate::plan::{LEDGER_UNREADABLE, Plan};
use crate::provider::Provider;
use crate::state::ledger::ApplyId;
use crate::state::{State, StateError};
use crate::ui::Ui;

/// What is known of the account's recent past.
pub(super) enum Known {
    /// What the ledger and the journals say.
    Recent(Recent),
    /// They cannot be read, and the plan says so; or nothing is to be counted.
    Nothing,
}

impl Known {
    /// Reads it for a plan, and what the plan is made with. If it cannot be read, the plan says so, and so does a warning.
    ///
    /// # Errors
    /// If something other than the program's own file or folder is in the place of one (exit code 3).
    pub(super) fn of_account(
        settings: &Settings,
        state: Option<&State>,
        ui: &Ui,
    ) -> anyhow::Result<(Self, RecentPast)> {
        let window = settings.guard.window();
        let Some(state) = state.filter(|_| window > 0) else { return Ok((Self::Nothing, RecentPast::none())) };
        match read(settings, state, None) {
            Ok(recent) => {
                tell(&recent, ui);
                let memory = recent.memory(window, None);
                Ok((Self::Recent(recent), memory))
            }
            Err(LedgerError::State(error @ StateError::Misplaced { .. })) => Err(unusable_state(error)),
            Err(error) => {
                ui.warn(format!(
                    "{error}. Until then the guards count each plan alone, and `run` approves none by itself"
                ));
                Ok((Self::Nothing, RecentPast { window, past: Vec::new(), is_unknown: true }))
            }
        }
    }

    /// Refuses a list of the account that is older than what was applied to it, such as one of a cache. What the apply `but` itself
    /// has done is not asked for.
    ///
    /// # Errors
    /// If it is one, or Skovik cannot be asked (exit code 4).
    pub(super) async fn refuse_old_list(
        &self,
        provider: &dyn Provider,
        directory: &Directory,
        managed: &Managed,
        reactivates: bool,
        but: Option<ApplyId>,
    ) -> anyhow::Result<()> {
        let Self::Recent(recent) = self else { return Ok(()) };
        let problem = match is_older(directory, &recent.witnesses(but), provider, managed, reactivates).await {
            Ok(None) => return Ok(()),
            Ok(Some(why)) => format!(
                "the list of users {why} when asked for them alone: it is an old list, such as one of a cache, or another apply has \
                 gone on since. Whoever it lacks would be created again, so nothing was written. Try again later; if somebody has \
                 removed that user in Skovik, this ends after the `window` of [guard]; if it stays so, tell whoever runs Skovik"
            ),
            Err(problem) => format!("nothing was written: {problem}"),
        };
        Err(refused(ExitStatus::Untrusted, problem))
    }

    /// Reads it for an apply, before its first write.
    ///
    /// # Errors
    /// If it cannot be read and the plan does not say so: its approvers thought that it counts. Exit code 8, or 1 if the
    /// disk or the store fails; 3 if something else is in the place of a file.
    pub(super) fn read(
        plan: &Plan,
        replay: &Replay,
        settings: &Settings,
        state: &State,
        ui: &Ui,
    ) -> anyhow::Result<Self> {
        let error = match read(settings, state, replay.begun_at) {
            Ok(recent) => {
                tell(&recent, ui);
                return Ok(Self::Recent(recent));
            }
            Err(LedgerError::State(error @ StateError::Misplaced { .. })) => return Err(unusable_state(error)),
            Err(error) => error,
        };
        let is_said = plan.content().diagnostics.iter().any(|found| found.code == LEDGER_UNREADABLE);
        if is_said || settings.guard.window() == 0 || plan.content().undone().is_some() {
            ui.warn(format!("{error}. What this apply does is in its journal, and not in the ledger"));
            return Ok(Self::Nothing);
        }
        let is_out_of_reach = match &error {
            LedgerError::State(StateError::Io { .. } | StateError::Store(_)) => true,
            // In a store, a part that is cut.
            LedgerError::Journal(JournalError::Io { error, .. }) => error.kind() != ErrorKind::InvalidData,
            LedgerError::State(_) | LedgerError::Journal(_) | LedgerError::Plan { .. } | LedgerError::Missing(_) => {
                false
            }
        };
        if is_out_of_reach {
            return Err(anyhow::Error::new(error).context("nothing was written"));
        }
        let problem = format!(
            "{error}. Nothing was written. Or plan again: the plan then says that the ledger cannot be read, and a \
             person can approve that"
        );
        Err(refused(ExitStatus::Damaged, problem))
    }

    /// Writes that an apply begins or resumes, before its first write.
    ///
    /// # Errors
    /// If that cannot be written.
    pub(super) fn begin(&mut self, state: &State, apply: ApplyId, at: Timestamp) -> Result<(), StateError> {
        match self {
            Self::Recent(recent) => recent.begin(state, apply, at),
            Self::Nothing => Ok(()),
        }
    }

    /// Writes what an apply has done. If that fails, its journal still counts.
    pub(super) fn close(&mut self, state: &State, plan: &Plan, apply: ApplyId, ui: &Ui) {
        if let Self::Recent(recent) = self
            && let Err(error) = recent.close(state, plan, apply, now())
        {
            ui.warn(format!("the ledger was not written, so the journal counts: {error}"));
        }
    }

    /// What counts with a plan whose apply may have begun already. An undo is judged by itself.
    pub(super) fn memory(&self, plan: &Plan, replay: &Replay, settings: &Settings) -> RecentPast {
        match self {
            Self::Recent(recent) if settings.guard.window() > 0 && plan.content().undone().is_none() => {
                let own = replay.begun_at.map(|begun| ApplyId { plan: plan.hash(), begun });
                recent.memory(settings.guard.window(), own)
            }
            Self::Recent(_) | Self::Nothing => RecentPast::none(),
        }
    }
}

/// Reads what was applied within the window; to go on with an apply, also what it has done since it began.
fn read(settings: &Settings, state: &State, begun: Option<Timestamp>) -> Result<Recent, LedgerError> {
    let window = i64::try_from(settings.guard.window()).unwrap_or(i64::MAX);
    let now = now();
    let since = now.checked_sub(SignedDuration::from_secs(window)).unwrap_or(Timestamp::MIN);
    Recent::read(state, &settings.target.account(), since, now, begun)
}

/// Says what is unusual about it.
fn tell(recent: &Recent, ui: &Ui) {
    let from_journals = recent.from_journals();
    if from_journals > 0 {
        let what = match from_journals {
            1 => "1 operation is not in the account's ledger yet; it counts by what its journal says".to_owned(),
            many => {
                format!("{many} operations are not in the account's ledger yet; they count by what their journals say")
            }
        };
        ui.note(what);
    }
    let later = recent.after(now());
    if later > 0 {
        ui.warn(format!(
            "{later} operations in the account's ledger are dated in the future: is this machine's clock right? They count"
        ));
    }
}
