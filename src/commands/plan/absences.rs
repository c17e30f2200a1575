//! Second thoughts (`[scope] remove_after`): what `plan` and `run` remember of who was missing, and what they note.
//!
//! A reading is noted only once a plan of it is written, of both sides as they are today. Everything else says nothing: a
//! reading that failed, a plan that could not be written, `--users`, `--as-of` and `--explain`. With `--only`, and if a guard on the lists themselves blocks, nobody
//! begins to wait; but whoever is back is forgotten.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::state_place::{existing_state, open_state, unusable_state};
use crate::cli::{self, Global};
use crate::config::Settings;
use crate::diff::{Absences, Memory, Moment, Note, Reading};
use crate::exit::{ExitStatus, refused};
use crate::guard::Ceiling;
use crate::plan::Plan;
use crate::state::{Noted, State};
use crate::ui::Ui;

/// How often a plan is made anew because another reading was noted meanwhile.
const ATTEMPTS: usize = 5;

/// What a command does about who is missing.
pub(in crate::commands) struct SecondThoughts<'a> {
    settings: &'a Settings,
    /// The state, if there is any.
    state: Option<State>,
    /// When the reading began.
    began: Timestamp,
    /// What is noted of it; none if nothing is.
    note: Option<Note>,
}

impl<'a> SecondThoughts<'a> {
    /// Opens the state to note a reading that began at this time; none if the settings ask for no second thoughts.
    pub(super) fn of_plan(
        settings: &'a Settings,
        args: &cli::Plan,
        began: Timestamp,
        global: &Global,
    ) -> anyhow::Result<Option<Self>> {
        if args.users.is_some() || args.as_of.is_some() {
            return Self::to_look(settings, began, global);
        }
        if settings.scope.remove_after == 0 {
            return Ok(None);
        }
        let state = Some(open_state(global, Some(settings))?);
        let note = if args.only.is_empty() { Note::All } else { Note::Returns };
        Ok(Some(Self { settings, state, began, note: Some(note) }))
    }

    /// Opens the state, if there is any, only to look at it.
    pub(super) fn to_look(settings: &'a Settings, began: Timestamp, global: &Global) -> anyhow::Result<Option<Self>> {
        if settings.scope.remove_after == 0 {
            return Ok(None);
        }
        let state = existing_state(global, Some(settings))?;
        Ok(Some(Self { settings, state, began, note: None }))
    }

    /// Makes a plan from what is remembered, writes it, and then notes its reading. If another reading was noted meanwhile,
    /// the plan is made and written anew.
    ///
    /// # Errors
    /// Those of `make` and `write`, and if the state cannot be used.
    pub(super) fn plan(
        mut self,
        ui: &Ui,
        mut make: impl FnMut(Absences) -> anyhow::Result<(Plan, Reading)>,
        write: impl Fn(&Plan) -> anyhow::Result<()>,
    ) -> anyhow::Result<Plan> {
        for _ in 0..ATTEMPTS {
            let noted = self.noted(ui)?;
            let (plan, reading) = make(self.absences(noted.as_ref()))?;
            if self.note == Some(Note::All) && is_doubtful(&plan) {
                self.note = Some(Note::Returns);
                continue;
            }
            write(&plan)?;
            if self.keep(noted.as_ref(), &reading)? {
                return Ok(plan);
            }
        }
        let problem = "other readings of this account were noted at the same time, again and again, so the plan that was \
                       written may count waits that are over: approve none of it, and plan again when no other plan or run \
                       is under way";
        Err(refused(ExitStatus::Locked, problem))
    }

    /// What is remembered, to look at it.
    pub(super) fn remembered(&self, ui: &Ui) -> anyhow::Result<Absences> {
        Ok(self.absences(self.noted(ui)?.as_ref()))
    }

    fn noted(&self, ui: &Ui) -> anyhow::Result<Option<Noted>> {
        let account = self.settings.target.account();
        let noted = self.state.as_ref().map(|state| state.absences(&account)).transpose().map_err(unusable_state)?;
        if let Some(Noted { problem: Some(problem), place, .. }) = &noted {
            ui.warn(format!("{place} {problem}: nothing is remembered, and whoever is missing begins to wait anew"));
        }
        if let Some(Noted { memory: Memory { read_at: Some(read_at), .. }, place, .. }) = &noted
            && *read_at > self.began.as_second()
        {
            let (then, now) = (self.at(*read_at), self.at(self.began.as_second()));
            ui.warn(format!(
                "the last reading was noted at {then}, and now it is {now} by this machine's clock: who begins to wait now \
                 begins at {then}. If that time is wrong, remove {place}; then everybody begins to wait anew"
            ));
        }
        Ok(noted)
    }

    fn absences(&self, noted: Option<&Noted>) -> Absences {
        let nothing = Memory::default();
        let memory = noted.map_or(&nothing, |noted| &noted.memory);
        let (remove_after, now) = (self.settings.scope.remove_after, self.began.as_second());
        Absences::of(memory, remove_after, now, self.note == Some(Note::All), |seconds| self.at(seconds))
    }

    /// Notes a reading; `false` if another one was noted since.
    fn keep(&self, noted: Option<&Noted>, reading: &Reading) -> anyhow::Result<bool> {
        let (Some(note), Some(state), Some(noted)) = (self.note, &self.state, noted) else { return Ok(true) };
        let memory = noted.memory.after(reading, self.began.as_second(), note);
        if memory == noted.memory && noted.problem.is_none() {
            return Ok(true);
        }
        state.note_absences(&self.settings.target.account(), noted, &memory).map_err(unusable_state)
    }

    fn at(&self, seconds: i64) -> Moment {
        moment(seconds, &self.settings.scope.time_zone)
    }
}

/// A time with the offset that it has in a time zone.
fn moment(seconds: i64, zone: &TimeZone) -> Moment {
    let offset = Timestamp::from_second(seconds).map_or(0, |time| zone.to_offset(time).seconds() / 60);
    Moment::new(seconds, offset)
}

/// Whether a guard blocks that no approval can lift: then it is the lists that are in doubt, not what they say.
fn is_doubtful(plan: &Plan) -> bool {
    plan.blocking_guards().any(|guard| Ceiling::lifting(&guard.id).is_none())
}
