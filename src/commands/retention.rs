//! Removes what `[state] keep` keeps no longer: the journals of finished applies with the copies of their plans, and the
//! plans that were kept beside a new one. What is unfinished or in doubt stays, however old it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};

use super::common::{kept_apply, now, plan_bytes, replay, shown};
use super::kept_plan::{HASH_DIGITS, may_be_kept_as};
use super::state_place::unusable_state;
use crate::apply::journal::Replay;
use crate::config::Settings;
use crate::plan::{Digest, Plan};
use crate::state::{State, account_file};
use crate::ui::Ui;

/// What is older than this is not kept.
pub(super) fn kept_since(settings: &Settings) -> Timestamp {
    let keep = SignedDuration::try_from(settings.state.keep).unwrap_or(SignedDuration::MAX);
    now().checked_sub(keep).unwrap_or(Timestamp::MIN)
}

/// Removes what is too old, under the lock of the account. `current` is the plan that is about to be applied, `beside` its
/// file. A failure is said, and holds nothing up.
pub(super) fn tidy(settings: &Settings, state: &State, beside: &Path, current: Option<&Plan>, ui: &Ui) {
    let before = SystemTime::from(kept_since(settings));
    let account = account_file(&settings.target.account());
    let tidy =
        Tidy { state, account, before, begun: state.begun_run(&settings.target.account()).ok().flatten(), current };
    for (what, removed) in [("journals", tidy.journals()), ("kept plans", tidy.kept_plans(beside))] {
        match removed {
            Ok(0) => {}
            Ok(count) => tracing::info!("{what} older than [state] keep were removed: {count}"),
            Err(error) => ui.warn(format!("{what} that are older than [state] keep were not all removed: {error:#}")),
        }
    }
}

struct Tidy<'a> {
    state: &'a State,
    /// The name of the account's files.
    account: String,
    before: SystemTime,
    /// The plan that `run` has in progress.
    begun: Option<Digest>,
    current: Option<&'a Plan>,
}

impl Tidy<'_> {
    /// The journals with the copies of their plans; how many plans were forgotten.
    fn journals(&self) -> anyhow::Result<usize> {
        let Self { state, before, begun, current, .. } = self;
        let held = state.held().map_err(unusable_state)?;
        for half in held.iter().filter(|held| held.is_half_removed) {
            state.remove_plan(half.plan).map_err(unusable_state)?;
        }
        state.remove_old_copies(&held, *before).map_err(unusable_state)?;
        let is_needed = |plan| Some(plan) == *begun || Some(plan) == current.map(Plan::hash);
        // The apply of an undo needs the journal of the plan that it takes back. That was written for the last time when this
        // apply began, after the copy of the undo: an undo all of which is younger needs nothing that is old.
        let old = held.iter().filter(|held| !held.is_half_removed && held.oldest < *before);
        let mut needed: BTreeSet<Digest> = current.iter().filter_map(|plan| plan.content().undone()).collect();
        let mut over = Vec::new();
        for held in old {
            let (hash, is_old) = (held.plan, held.written < *before);
            // What cannot be read is not known to be over.
            let Ok(Some((plan, replay))) = kept_apply(state, hash) else { continue };
            if account_file(&plan.content().target.url) != self.account {
                continue;
            }
            if is_needed(hash) || is_open(&replay, &plan) {
                needed.extend(plan.content().undone());
            } else if is_old {
                over.push(hash);
            }
        }
        over.retain(|plan| !needed.contains(plan));
        for plan in &over {
            state.remove_plan(*plan).map_err(unusable_state)?;
        }
        Ok(over.len())
    }

    /// The plans that were kept beside this one when another took their place; how many were removed.
    fn kept_plans(&self, beside: &Path) -> anyhow::Result<usize> {
        let mut removed = 0;
        for path in kept_beside(beside) {
            let is_old = fs::symlink_metadata(&path)
                .and_then(|file| Ok(file.is_file() && file.modified()? < self.before))
                .unwrap_or(false);
            let plan = is_old.then(|| plan_bytes(&path).ok().and_then(|text| Plan::read(&text).ok())).flatten();
            let is_it = |plan: &Plan| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                name.contains(&plan.hash().hex()[..HASH_DIGITS])
                    && account_file(&plan.content().target.url) == self.account
            };
            let Some(plan) = plan.filter(is_it) else { continue };
            if is_open(&replay(self.state, &plan)?, &plan) {
                continue;
            }
            fs::remove_file(&path).map_err(|error| anyhow::anyhow!("{}: {error}", shown(&path)))?;
            removed += 1;
        }
        Ok(removed)
    }
}

/// Whether an apply is unfinished: something is in doubt, or it ended in the middle.
fn is_open(replay: &Replay, plan: &Plan) -> bool {
    replay.finished.is_none() && replay.has_written() && (replay.is_in_doubt() || replay.is_cut_short(plan))
}

/// The files whose names are those of kept plans: `STEM.HASH.json`, and with a number `STEM.HASH-2.json`.
fn kept_beside(beside: &Path) -> Vec<PathBuf> {
    let folder = beside.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut kept: Vec<PathBuf> = entries
        .filter(|entry| may_be_kept_as(beside, &entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    kept.sort_unstable();
    kept
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn kept_plans_are_known_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "plan.json",
            "plan.0123456789ab.json",
            "plan.0123456789ab-2.json",
            "plan.0123456789ab-x.json",
            "plan.0123456789AB.json",
            "plan.2026.json",
            "plan.0123456789ab.json.anna.approval",
            "other.0123456789ab.json",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let kept = kept_beside(&folder.path().join("plan.json"));
        let names: Vec<_> = kept.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["plan.0123456789ab-2.json", "plan.0123456789ab.json"]);
    }
}
