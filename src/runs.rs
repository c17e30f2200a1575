//! How the runs of an account have ended so far, in a file of the state folder: for the page and the metrics of
//! `serve`, and for [`crate::notify`], which tells what is new. It decides nothing: a file that is lost or altered
//! changes what people are told, and never what is written to Skovik.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::exit::ExitStatus;
use crate::files::write_private;
use crate::guard::{found, title};
use crate::plan::{Content, GuardOutcome, Plan, Summary};
use crate::state::open_private;
use crate::text::said;

/// How many runs are kept.
const KEPT: usize = 50;
/// How many guards of a plan are kept: an account with many branches has more.
const MOST_GUARDS: usize = 200;
/// How long the file may be, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;
/// How many notes of what was told are kept.
const MOST_TOLD: usize = 500;

/// The runs of an account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// When the first one that is known began.
    pub since: Option<Timestamp>,
    /// When the last one that succeeded ended.
    pub last_success: Option<Timestamp>,
    /// The last ones, the newest last.
    pub recent: Vec<Ran>,
    /// What receivers were told since the last success, and when.
    pub told: BTreeMap<String, Timestamp>,
    /// While somebody has yet to be told that a run has succeeded again: the receivers, and whether each knows it. A
    /// receiver that is not among them has yet to be told, too.
    #[serde(default, alias = "owed", deserialize_with = "recovered", skip_serializing_if = "BTreeMap::is_empty")]
    pub recovered: BTreeMap<String, bool>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ran {
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Why it ran.
    pub reason: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Its exit code.
    pub exit_code: u8,
    /// What it said unless it succeeded; this may name people.
    pub said: Option<String>,
    /// The plan that it made, if it made one.
    pub plan: Option<Figures>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything is done, or there was nothing to do.
    Succeeded,
    /// A guard blocks the plan.
    Blocked,
    /// The plan waits for an approval.
    Waiting,
    /// The plan was applied in part.
    Partial,
    /// Anything else went wrong.
    Failed,
    /// Another run or apply was under way.
    Skipped,
    /// It was asked to end.
    Interrupted,
}

/// What a plan amounts to, without names of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Its hash.
    pub hash: String,
    /// How many people are in each group.
    pub summary: Summary,
    /// How many people wait to be removed.
    #[serde(default)]
    pub waiting: u64,
    /// How many operations it has.
    pub operations: u64,
    /// Its guards.
    pub guards: Vec<GuardFigures>,
}

/// What a guard found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardFigures {
    /// Its id, such as `max_delete_percent`.
    pub id: String,
    /// What it looks at, such as a branch; empty for the whole account.
    pub subject: String,
    /// Both, as messages call it.
    pub title: String,
    /// What was counted.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// Both in words: they also say what was done before the plan.
    pub found: String,
    /// The limit.
    pub limit: u64,
    /// Whether it blocks.
    pub blocks: bool,
}

/// Files of earlier versions list the places in the settings of those who have yet to be told. Who that was is not known.
fn recovered<'de, D: Deserializer<'de>>(file: D) -> Result<BTreeMap<String, bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Receivers(BTreeMap<String, bool>),
        Places(BTreeSet<usize>),
    }
    Ok(match Form::deserialize(file)? {
        Form::Receivers(receivers) => receivers,
        Form::Places(places) => places.into_iter().map(|place| (place.to_string(), false)).collect(),
    })
}

impl Outcome {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Succeeded, Self::Blocked, Self::Waiting, Self::Partial, Self::Failed, Self::Skipped, Self::Interrupted];

    /// How a run ended that ended with this status.
    #[must_use]
    pub fn of(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Done | ExitStatus::Changes => Self::Succeeded,
            ExitStatus::Blocked => Self::Blocked,
            ExitStatus::NotApproved => Self::Waiting,
            ExitStatus::Partial => Self::Partial,
            ExitStatus::Locked => Self::Skipped,
            ExitStatus::Interrupted => Self::Interrupted,
            ExitStatus::Unexpected
            | ExitStatus::Usage
            | ExitStatus::Untrusted
            | ExitStatus::Stale
            | ExitStatus::Damaged => Self::Failed,
        }
    }

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Blocked => "blocked",
            Self::Waiting => "waiting",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether it tells how the account fares: a run that was skipped or interrupted does not.
    #[must_use]
    pub fn counts(self) -> bool {
        !matches!(self, Self::Skipped | Self::Interrupted)
    }
}

impl Figures {
    /// The figures of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let Content { target, summary, guards, operations, .. } = plan.content();
        // Those that block first, so that none of them is left out.
        let mut guards: Vec<_> = guards.iter().collect();
        guards.sort_by_key(|guard| guard.outcome != GuardOutcome::Block);
        let figures = guards.into_iter().take(MOST_GUARDS).map(|guard| GuardFigures {
            id: guard.id.clone(),
            subject: guard.subject.as_ref().map(|subject| subject.label(&target.custom_fields)).unwrap_or_default(),
            title: title(guard, &target.custom_fields),
            count: guard.count,
            found: found(guard),
            of: guard.of,
            limit: guard.limit,
            blocks: guard.outcome == GuardOutcome::Block,
        });
        Self {
            hash: plan.hash().to_string(),
            summary: *summary,
            waiting: plan.content().waiting_people(),
            operations: operations.len() as u64,
            guards: figures.collect(),
        }
    }
}

impl Runs {
    /// Where the runs of an account are kept.
    #[must_use]
    pub fn path(folder: &Path, account: &str) -> PathBuf {
        folder.join(format!("{account}.runs.json"))
    }

    /// Reads the file; nothing if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut text = Vec::new();
        match open_private(path, false) {
            Ok(file) => file.take(LONGEST).read_to_end(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&text).map_err(|error| io::Error::other(said(&error)))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        write_private(path, |file| serde_json::to_writer(file, self).map_err(io::Error::from))
    }

    /// Adds a run.
    pub fn add(&mut self, ran: Ran) {
        self.since.get_or_insert(ran.began);
        if ran.outcome == Outcome::Succeeded {
            self.last_success = Some(ran.ended);
            self.told.clear();
        }
        self.recent.push(ran);
        let too_many = self.recent.len().saturating_sub(KEPT);
        self.recent.drain(..too_many);
        while self.told.len() > MOST_TOLD {
            let oldest = self.told.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            oldest.map(|key| self.told.remove(&key));
        }
    }

    /// Dates nothing later than now from which a time is counted: a clock that was ahead must not silence the notifications, nor
    /// keep what a run said, until it gets there.
    pub fn none_after(&mut self, now: Timestamp) {
        let ended = self.recent.iter_mut().map(|ran| &mut ran.ended);
        let times = self.since.iter_mut().chain(&mut self.last_success).chain(self.told.values_mut()).chain(ended);
        times.for_each(|time| *time = now.min(*time));
    }

    /// Forgets what the runs said that ended before this: it may name people.
    pub fn forget(&mut self, before: Timestamp) {
        for ran in self.recent.iter_mut().filter(|ran| ran.ended < before) {
            ran.said = None;
        }
    }

    /// The last one.
    #[must_use]
    pub fn last(&self) -> Option<&Ran> {
        self.recent.last()
    }

    /// The last one that tells how the account fares.
    #[must_use]
    pub fn last_counted(&self) -> Option<&Ran> {
        self.recent.iter().rev().find(|ran| ran.outcome.counts())
    }

    /// The figures of the last plan.
    #[must_use]
    pub fn last_plan(&self) -> Option<&Figures> {
        self.recent.iter().rev().find_map(|ran| ran.plan.as_ref())
    }

    /// The plan that waits for people, if one does.
    #[must_use]
    pub fn waiting(&self) -> Option<&Figures> {
        let last = self.last_counted()?;
        matches!(last.outcome, Outcome::Blocked | Outcome::Waiting).then_some(last.plan.as_ref()).flatten()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
pub(crate) mod tests {
    use super::*;

    /// A run that ended so at this second.
    pub(crate) fn ran(outcome: Outcome, second: i64) -> Ran {
        let at = Timestamp::from_second(second).unwrap();
        Ran { began: at, ended: at, reason: "schedule".to_owned(), outcome, exit_code: 0, said: None, plan: None }
    }

    #[test]
    fn the_last_ones_are_kept_and_a_success_ends_what_was_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = Runs::path(folder.path(), "account");
        let mut runs = Runs::read(&path).unwrap();
        runs.told.insert("0:failed".to_owned(), Timestamp::UNIX_EPOCH);
        for second in 0..60 {
            runs.add(ran(Outcome::Failed, second));
        }
        assert_eq!((runs.recent.len(), runs.told.len(), runs.last_success), (KEPT, 1, None));
        runs.add(ran(Outcome::Succeeded, 60));
        runs.add(ran(Outcome::Interrupted, 61));
        assert_eq!(runs.last_counted().unwrap().outcome, Outcome::Succeeded);
        runs.recent[KEPT - 3].said = Some("Anna".to_owned());
        runs.recent[KEPT - 1].said = Some("Ben".to_owned());
        runs.forget(Timestamp::from_second(61).unwrap());
        assert_eq!((&runs.recent[KEPT - 3].said, runs.recent[KEPT - 1].said.as_deref()), (&None, Some("Ben")));
        runs.write(&path).unwrap();
        let read = Runs::read(&path).unwrap();
        assert_eq!((read.recent, read.told.len(), read.since), (runs.recent, 0, Some(Timestamp::UNIX_EPOCH)));
        std::fs::write(&path, "{}x").unwrap();
        Runs::read(&path).unwrap_err();
    }

    #[test]
    fn what_a_run_said_under_a_clock_that_was_ahead_is_forgotten_in_time() {
        let mut runs = Runs::default();
        runs.add(Ran { said: Some("Anna".to_owned()), ..ran(Outcome::Failed, 1_000_000) });
        runs.none_after(Timestamp::from_second(50).unwrap());
        runs.forget(Timestamp::from_second(50).unwrap());
        assert_eq!(runs.recent[0].said.as_deref(), Some("Anna"));
        runs.forget(Timestamp::from_second(51).unwrap());
        assert_eq!(runs.recent[0].said, None);
    }
}
