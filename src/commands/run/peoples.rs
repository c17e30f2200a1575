//! Applies that people began and have not finished. `run` writes nothing while one is open: its requests may still be
//! carried out, and what it has done so far is half of what its approvers meant.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::apply::journal::{BegunBy, Head};
use crate::approval::{Granted, judge};
use crate::commands::begun::begun_since;
use crate::commands::common::{counted_approvals, kept_apply, now, read_plan, replay, rules, shown};
use crate::commands::plan::holds_up;
use crate::config::Settings;
use crate::exit::{ExitStatus, refused};
use crate::plan::Plan;
use crate::state::State;
use crate::text::shell_path;
use crate::ui::Ui;

/// How far the clock of a file system or a store may be behind.
const SLACK: Duration = Duration::from_secs(60 * 60);

/// The way past an apply that must not be finished: people apply a later plan. It is in the file `out`, if anything is to do.
pub(super) fn by_a_later_plan(plan: &Plan, out: &Path, ui: &Ui) -> String {
    if plan.content().operations.is_empty() {
        return "If it must not be finished, look in Skovik at what is in doubt. The list has no changes now: runs end like \
                this until [approval] max_age and an hour after that apply last wrote to its journal, or until people have \
                applied a later plan"
            .to_owned();
    }
    let (new, file, typed) = (plan.hash(), shown(out), ui.typed(out));
    format!(
        "If it must not be finished, look in Skovik at what is in doubt, and let people approve and apply the plan {new} in \
         {file}: skovik-sync approve {typed} && skovik-sync apply {typed}"
    )
}

/// Refuses to put another plan in the place of one whose apply a person began: a person must finish it.
pub(super) fn refuse_to_replace(out: &Path, settings: &Settings, state: &State, ui: &Ui) -> anyhow::Result<()> {
    if !out.exists() {
        return Ok(());
    }
    // Any other file there has no journal.
    let Ok(plan) = read_plan(out) else { return Ok(()) };
    let replay = replay(state, &plan)?;
    if !holds_up(&replay, &plan) {
        return Ok(());
    }
    let rules = rules(&plan, settings)?;
    match judge(&plan, &counted_approvals(out, &plan, settings)?, None, &rules, now()) {
        Ok(Granted { approvers, .. }) => Err(refused(
            ExitStatus::Partial,
            format!(
                "the apply of {}, approved by {}, is not finished: skovik-sync apply {}",
                shown(out),
                approvers.join(" and "),
                ui.typed(out)
            ),
        )),
        Err(_) => Err(to_finish(out, ui)),
    }
}

/// The refusal of a run whose own plan file holds a plan that a person began to apply.
pub(super) fn to_finish(out: &Path, ui: &Ui) -> anyhow::Error {
    let (file, typed) = (shown(out), ui.typed(out));
    refused(
        ExitStatus::Partial,
        format!(
            "the apply of {file} is not finished, and a person began it; read it again, then: skovik-sync apply {typed}"
        ),
    )
}

/// Refuses to go on while an apply that people began is open, whatever file its plan is in: the state knows. `then` says what
/// is possible besides finishing it. One that was last written to longer ago than an approval lasts does not count: nothing of it is
/// under way any more, and it needs a new approval to go on.
///
/// A person who has applied a later plan as far as it goes has decided about the earlier one.
pub(super) fn refuse_while_open(then: &str, settings: &Settings, state: &State) -> anyhow::Result<()> {
    let lasts = settings.approval.max_age.saturating_add(SLACK);
    let oldest = SystemTime::now().checked_sub(lasts).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut begun = begun_since(oldest, settings, state)?;
    begun.retain(|(_, head, _)| head.begun_by == BegunBy::Apply);
    // The last one first: one that is not open ends the search.
    begun.sort_by_key(|(hash, head, written)| std::cmp::Reverse((*written, head.at, *hash)));
    for (hash, Head { at, .. }, _) in begun {
        let Some((theirs, replay)) = kept_apply(state, hash)? else {
            let problem = format!(
                "the copy of the plan {hash} in the state is missing, and people began to apply it at {at:.0}: restore {} from \
                 a copy; nothing was written",
                shell_path(&state.plan(hash))
            );
            return Err(refused(ExitStatus::Damaged, problem));
        };
        // A journal that was put away is one of a complete apply.
        let is_put_away = replay.begun_at != Some(at);
        if is_put_away || replay.has_written() && !holds_up(&replay, &theirs) {
            return Ok(());
        }
        if !replay.has_written() {
            continue;
        }
        let copy = shell_path(&state.plan(hash));
        return Err(refused(
            ExitStatus::Partial,
            format!(
                "the apply of the plan {hash}, which people began at {at:.0}, is not finished; nothing was written. Find \
                 that plan (a copy is {copy}), read it again, then: skovik-sync apply PLAN. {then}"
            ),
        ));
    }
    Ok(())
}
