//! `run`: the scheduled job. It plans, has the plan approved by policy, and applies it, under one lock. Where the policy
//! does not approve, it leaves the plan for a person and says how to go on; it never asks.

use std::path::Path;

use super::apply::{apply, journal_refusal, take_lock};
use super::approve::ceiling_flags;
use super::common::{
    automatic_policy, counted_approvals, journal_beside, journal_path, list_guards, load_settings, now, read_plan,
    rules, same_settings, shown, write_approval,
};
use super::plan::{show, write_plan};
use crate::approval::{Granted, automatic, judge, not_lifted};
use crate::cli::{self, Global};
use crate::config::Settings;
use crate::exit::{ExitStatus, refused};
use crate::guard::Ceiling;
use crate::plan::{GuardResult, Plan};
use crate::ui::Ui;

/// Runs `run`.
///
/// # Errors
/// Those of `plan` and `apply`; exit code 10 where another run or apply is under way, 5 and 6 where a person is needed.
pub async fn run(args: &cli::Run, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let settings = load_settings(&global.config)?;
    let lock = take_lock(&settings, None)?;
    let cli::Run { out, report, events } = args;
    let execute = cli::Apply { plan: out.clone(), approved_hash: None, report: report.clone(), events: events.clone() };
    if let Some(plan) = unfinished(out)? {
        same_settings(&plan, &settings, &global.config)?;
        may_go_on(&plan, out, &settings)?;
        ui.note(format!("going on with {}, which an earlier run left unfinished", shown(out)));
        return apply(&execute, global, Some(&lock), ui).await;
    }
    let (plan, signals) = write_plan(&settings, &plan_arguments(out), ui).await?;
    // The diff would stand in the way of whoever reads the events there.
    if events.as_deref() != Some(Path::new("-")) {
        show(&plan, out, false, ui)?;
    }
    if plan.content().operations.is_empty() && plan.blocking_guards().next().is_none() {
        return Ok(ExitStatus::Done);
    }
    if approval_of_people(&plan, out, &settings)?.is_none() {
        approve_by_policy(&plan, out, &settings, ui)?;
    }
    // From here on, a signal ends an apply.
    drop(signals);
    apply(&execute, global, Some(&lock), ui).await
}

fn plan_arguments(out: &Path) -> cli::Plan {
    cli::Plan {
        out: out.to_owned(),
        users: None,
        only: Vec::new(),
        same_person: Vec::new(),
        detailed_exitcode: false,
        all: false,
        explain: None,
    }
}

/// The plan that an earlier run or apply left in the middle.
fn unfinished(out: &Path) -> anyhow::Result<Option<Plan>> {
    let Some((hash, replay)) = journal_beside(out).map_err(journal_refusal)? else { return Ok(None) };
    if replay.finished.is_some() {
        return Ok(None);
    }
    let problem = || {
        format!(
            "{} belongs to an apply that is not finished, of the plan {hash}, and {} is not that plan: put it back and \
             apply it, or move the journal away once everything in it is settled",
            shown(&journal_path(out)),
            shown(out)
        )
    };
    let plan = if out.exists() { read_plan(out)? } else { return Err(refused(ExitStatus::Partial, problem())) };
    if plan.hash() == hash { Ok(Some(plan)) } else { Err(refused(ExitStatus::Partial, problem())) }
}

/// Only what the policy has approved, and still does, is gone on with. What people began is for people to finish.
fn may_go_on(plan: &Plan, out: &Path, settings: &Settings) -> anyhow::Result<()> {
    let rules = rules(plan, settings)?;
    let (by_policy, by_people): (Vec<_>, Vec<_>) = counted_approvals(out, plan, settings)?
        .into_iter()
        .partition(|found| found.approval.as_ref().is_ok_and(automatic::is_by_policy));
    let file = shown(out);
    let objection = match judge(plan, &by_policy, None, &rules, now()) {
        Ok(_) => return Ok(()),
        Err(objection) => objection,
    };
    match judge(plan, &by_people, None, &rules, now()) {
        Ok(Granted { approvers, .. }) => Err(refused(
            ExitStatus::Partial,
            format!(
                "the apply of {file}, approved by {}, is not finished: skovik-sync apply {file}",
                approvers.join(" and ")
            ),
        )),
        Err(refusal) => {
            let reason = if by_policy.is_empty() { refusal } else { objection };
            let problem = format!(
                "the apply of {file} is not finished, and is not approved any more: {reason}; read it again, then: \
                 skovik-sync approve {file} && skovik-sync apply {file}"
            );
            Err(refused(ExitStatus::NotApproved, problem))
        }
    }
}

/// The approval of exactly this plan that people have given since an earlier run left it to them.
fn approval_of_people(plan: &Plan, out: &Path, settings: &Settings) -> anyhow::Result<Option<Granted>> {
    let mut found = counted_approvals(out, plan, settings)?;
    found.retain(|found| !found.approval.as_ref().is_ok_and(automatic::is_by_policy));
    let granted = judge(plan, &found, None, &rules(plan, settings)?, now()).ok();
    Ok(granted.filter(|granted| not_lifted(&plan.content().guards, &granted.allow).is_empty()))
}

fn approve_by_policy(plan: &Plan, out: &Path, settings: &Settings, ui: &Ui) -> anyhow::Result<()> {
    let blocking: Vec<&GuardResult> = plan.blocking_guards().collect();
    if !blocking.is_empty() {
        return Err(refused(ExitStatus::Blocked, blocked(&blocking, plan, out)));
    }
    let objections = automatic::objections(plan, &automatic_policy(plan, settings)?);
    if !objections.is_empty() {
        let file = shown(out);
        let problem = format!(
            "not approved by policy: {}; nothing was written. The plan is {file}: read it, then: skovik-sync approve {file} \
             && skovik-sync apply {file}",
            objections.join("; ")
        );
        return Err(refused(ExitStatus::NotApproved, problem));
    }
    let path = write_approval(out, &automatic::approval(plan, now()))?;
    ui.note(format!("approved by policy: {}", shown(&path)));
    Ok(())
}

fn blocked(blocking: &[&GuardResult], plan: &Plan, out: &Path) -> String {
    let file = shown(out);
    let guards = list_guards(blocking, plan);
    if blocking.iter().any(|guard| Ceiling::lifting(&guard.id).is_none()) {
        return format!(
            "blocked by {guards}; nothing was written. No approval lifts this: look at {file} with skovik-sync show {file}, \
             correct the source, or change [guard]; the next run plans anew"
        );
    }
    format!(
        "blocked by {guards}; nothing was written. The plan is {file}: read it, and if all of it is meant: skovik-sync approve \
         {file} {} && skovik-sync apply {file}",
        ceiling_flags(plan)
    )
}
