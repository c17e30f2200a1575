//! The inverse of a plan by the state folder's journal. `undo` writes it, and `apply` compares an undo with it.

use super::common::{dialect, read_plan, unusable_journal};
use super::state_place::unusable_state;
use crate::apply::undo::{self, History, Input, UndoError};
use crate::config::Settings;
use crate::diff::Protect;
use crate::employee::Managed;
use crate::plan::{Digest, Plan};
use crate::state::State;

/// Whether a plan is exactly the undo that this state folder makes of the plan that it claims to undo.
///
/// # Errors
/// If what the state holds of that plan cannot be read, or is damaged (exit code 8).
pub(super) fn is_own_undo(plan: &Plan, settings: &Settings, state: &State) -> anyhow::Result<bool> {
    let Some(hash) = plan.content().undone() else { return Ok(false) };
    state.bring(hash).map_err(unusable_state)?;
    let copy = state.plan(hash);
    if !copy.exists() {
        return Ok(false);
    }
    let undone = read_plan(&copy)?;
    let Some(history) = History::read(state, &undone).map_err(unusable_journal)? else { return Ok(false) };
    Ok(undone.hash() == hash && inverse(&undone, &history, settings).is_ok_and(|made| made.hash() == plan.hash()))
}

/// What is wrong with an undo that the state folder does not make.
pub(super) fn another_undo(undone: Digest) -> String {
    format!(
        "it says that it takes back the plan {undone}, but this state folder makes another undo of that plan, or none"
    )
}

/// The plan that takes back what a plan did.
pub(super) fn inverse(plan: &Plan, history: &History, settings: &Settings) -> Result<Plan, UndoError> {
    let managed = Managed {
        branch: settings.employee.branch.is_some(),
        manager: settings.employee.manager.is_some(),
        custom_fields: plan.content().target.custom_fields.keys().cloned().collect(),
    };
    undo::make(&Input {
        plan,
        history,
        managed: &managed,
        protect: &Protect::of_setting(settings.scope.protect.as_deref()),
        limits: &settings.guard,
        dialect: &*dialect(settings),
    })
}
