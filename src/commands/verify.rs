//! `verify`: says, without network, whether a plan is intact, who has approved it, and whether `apply` would accept it.

use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;

use super::common::{
    counted_approvals, kept, list_guards, load_settings, now, read_plan, replay, rules, same_settings, shown,
};
use super::inverse::{another_undo, is_own_undo};
use super::places::Places;
use super::recent::Known;
use super::signals::end_with;
use super::state_place::existing_state;
use crate::approval::{Accepted, Found, Group, Rules, examine, grouped, judge, not_lifted};
use crate::cli::{self, Global};
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::files::read_bounded_text;
use crate::guard::evaluate_since;
use crate::plan::{Digest, Plan, Summary};
use crate::render::markdown;
use crate::text::printable;
use crate::ui::Ui;

/// The largest rendering, in bytes: no server accepts a longer comment.
const MOST_RENDERED: u64 = 64 * 1024 * 1024;

/// Runs `verify`.
///
/// # Errors
/// In the order of `apply`: exit codes 8, 3, 7, 6, 5.
pub fn run(args: &cli::Verify, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    Places::new(global).plan(&args.plan).may_read("--rendered", args.rendered.as_deref()).check()?;
    let _ends_at_signals = end_with(ExitStatus::Interrupted)?;
    let plan = kept(read_plan(&args.plan)?);
    let Summary { create, update, reactivate, delete, unchanged, set_aside } = plan.content().summary;
    let back = if reactivate > 0 { format!("{reactivate} to reactivate, ") } else { String::new() };
    ui.line(format!("plan      {}", plan.hash()))?;
    ui.line(format!("target    {}", printable(&plan.content().target.url)))?;
    ui.line(format!(
        "changes   {create} to create, {back}{update} to update, {delete} to delete, {unchanged} unchanged, {set_aside} set \
        aside"
    ))?;
    if let Some(path) = &args.rendered {
        rendered(plan, path, ui)?;
    }
    let settings = load_settings(&global.config);
    let state = existing_state(global, settings.as_ref().ok())?;
    let mut begun = None;
    if let Some(state) = &state {
        let replay = replay(state, plan)?;
        if let Some(finished) = replay.finished {
            ui.line(format!("journal   finished at {finished:.0}"))?;
        } else if replay.is_begun() {
            let operations = plan.content().operations.len();
            ui.line(format!("journal   begun: {} of {operations} operations done", replay.done()))?;
        }
        begun = Some((state, replay));
    }
    let settings = settings?;
    same_settings(plan, &settings, &global.config)?;
    if let Some(undone) = plan.content().undone() {
        match &state {
            Some(state) if is_own_undo(plan, &settings, state)? => {}
            Some(_) => return Err(refused(ExitStatus::Stale, another_undo(undone))),
            None => ui.line("undo      not compared: that needs the state folder that it was made with")?,
        }
    }
    let rules = rules(plan, &settings)?;
    let found = counted_approvals(&args.plan, plan, &settings)?;
    let now = now();
    for Group { names, said } in grouped(found.iter().map(|one| (one.name.clone(), described(plan, one, &rules, now))))
    {
        ui.line(format!("approval  {names}: {said}"))?;
    }
    let stated = args.approved_hash.as_deref().map(stated_hash).transpose()?;
    let granted = judge(plan, &found, stated, &rules, now)
        .map_err(|error| refused(ExitStatus::NotApproved, format!("not approved: {error}")))?;
    let mut guards = plan.content().guards.clone();
    let mut but = "";
    if let (Some((state, replay)), None) = (&begun, plan.content().undone()) {
        let memory = Known::read(plan, replay, &settings, state, ui)?.memory(plan, replay, &settings);
        if memory.past.is_empty() || settings.scope.branches.is_none() {
            guards = evaluate_since(&guards, &memory);
        } else {
            // Which ids these are, only Skovik could tell.
            ui.line(
                "window    not counted: what was done counts by [scope] branches, and only apply can look them up",
            )?;
            but = ", and the window allows it";
        }
    }
    let left = not_lifted(&guards, &granted.allow);
    if !left.is_empty() {
        let problem = format!("blocked by {}: no approval allows enough", list_guards(&left, plan));
        return Err(refused(ExitStatus::Blocked, problem));
    }
    ui.line(format!("apply would accept this plan, if nothing that it touches has changed in Skovik{but}"))?;
    Ok(ExitStatus::Done)
}

/// Checks that a rendering shows exactly this plan.
fn rendered(plan: &Plan, path: &Path, ui: &Ui) -> anyhow::Result<()> {
    let text = read_bounded_text(path, MOST_RENDERED)
        .with_context(|| format!("cannot read {}", shown(path)))
        .or_refuse(ExitStatus::Usage)?;
    markdown::proves(plan, &text)
        .map_err(|problem| refused(ExitStatus::Damaged, format!("{} is not this plan: {problem}", shown(path))))?;
    ui.line(format!("rendered  {} shows exactly this plan", shown(path)))
}

/// What to say about an approval, after its name.
fn described(plan: &Plan, found: &Found, rules: &Rules, now: Timestamp) -> String {
    let Accepted { approval, key, .. } = match examine(plan, found, rules, now) {
        Ok(accepted) => accepted,
        Err(_) if found.approval.as_ref().is_ok_and(|approval| approval.plan_hash != plan.hash()) => {
            return "of another plan".to_owned();
        }
        Err(objection) => return format!("does not count: {}", printable(&objection)),
    };
    let by = printable(&approval.approver);
    let signed = match key {
        Some(key) => format!(", signed with {}", key.fingerprint()),
        None if approval.signature.is_some() => ", with a signature that [approval] does not require".to_owned(),
        None => String::new(),
    };
    format!("by {by}{signed}, valid until {:.0}", approval.holds_until(rules.max_age))
}

/// Reads a hash from the command line.
pub(super) fn stated_hash(text: &str) -> anyhow::Result<Digest> {
    let problem =
        || "--approved-hash: expected sha256: and 64 lower-case hexadecimal digits, as the plan's last line shows";
    Digest::parse(text.trim()).ok_or_else(|| refused(ExitStatus::Usage, problem()))
}
