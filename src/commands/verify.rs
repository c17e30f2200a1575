//! `verify`: says, without network, whether a plan is whole, who has approved it, and whether `apply` would accept it.

use std::path::Path;

use anyhow::Context as _;

use super::common::{
    counted_approvals, journal_path, list_guards, load_settings, now, read_plan, rules, same_settings,
};
use crate::apply::journal::Replay;
use crate::approval::{Found, judge, not_lifted};
use crate::cli::{self, Global};
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::plan::{Digest, Plan, Summary};
use crate::render::markdown;
use crate::ui::Ui;

/// Runs `verify`.
///
/// # Errors
/// In the order of `apply`: exit codes 8, 3, 7, 6, 5.
pub fn run(args: &cli::Verify, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let plan = read_plan(&args.plan)?;
    let Summary { create, update, delete, unchanged, set_aside } = plan.content().summary;
    ui.line(format!("plan      {}", plan.hash()))?;
    ui.line(format!("target    {}", plan.content().target.url))?;
    ui.line(format!(
        "changes   {create} to create, {update} to update, {delete} to delete, {unchanged} unchanged, {set_aside} set aside"
    ))?;
    if let Some(path) = &args.rendered {
        return rendered(&plan, path, ui);
    }
    let replay = Replay::read(&journal_path(&args.plan), plan.hash()).map_err(super::apply::journal_refusal)?;
    if let Some(finished) = replay.finished {
        ui.line(format!("journal   finished at {finished:.0}"))?;
    } else if replay.is_begun() {
        ui.line(format!("journal   begun: {} of {} operations done", replay.done(), plan.content().operations.len()))?;
    }
    let settings = load_settings(&global.config)?;
    same_settings(&plan, &settings, &global.config)?;
    let rules = rules(&settings)?;
    let found = counted_approvals(&args.plan, &plan, &settings)?;
    for Found { name, approval } in &found {
        match approval {
            Ok(approval) if approval.plan_hash == plan.hash() => {
                let until = approval.holds_until(&rules);
                ui.line(format!("approval  {name}: by {}, holds until {until:.0}", approval.approver))?;
            }
            Ok(_) => ui.line(format!("approval  {name}: of another plan"))?,
            Err(problem) => ui.line(format!("approval  {name}: {problem}"))?,
        }
    }
    let stated = args.approved_hash.as_deref().map(stated_hash).transpose()?;
    let granted = judge(&plan, &found, stated, &rules, now())
        .map_err(|error| refused(ExitStatus::NotApproved, format!("not approved: {error}")))?;
    let left = not_lifted(&plan.content().guards, &granted.allow);
    if !left.is_empty() {
        let problem = format!("blocked by {}: no approval lifts it far enough", list_guards(&left, &plan));
        return Err(refused(ExitStatus::Blocked, problem));
    }
    ui.line("apply would accept this plan, if Skovik still holds what it was made for")?;
    Ok(ExitStatus::Done)
}

/// Proves that a rendering shows exactly this plan.
fn rendered(plan: &Plan, path: &Path, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read {}", path.display()))
        .or_refuse(ExitStatus::Usage)?;
    markdown::proves(plan, &text)
        .map_err(|problem| refused(ExitStatus::Damaged, format!("{} is not this plan: {problem}", path.display())))?;
    ui.line(format!("{} shows exactly this plan", path.display()))?;
    Ok(ExitStatus::Done)
}

/// Reads a hash from the command line.
pub(super) fn stated_hash(text: &str) -> anyhow::Result<Digest> {
    let problem =
        || "--approved-hash: expected sha256: and 64 lower-case hexadecimal digits, as the plan's last line shows";
    Digest::parse(text.trim()).ok_or_else(|| refused(ExitStatus::Usage, problem()))
}
