//! `approve`: shows a plan, asks, and writes an approval of exactly that plan.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};

use super::common::{list_guards, load_settings, now, read_plan, rules, same_settings, shown, write_approval};
use crate::approval::{Approval, FORMAT, FORMAT_VERSION, automatic, not_lifted};
use crate::cli::{self, Global};
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::guard::{Ceiling, needed_ceilings};
use crate::plan::{GuardResult, Plan};
use crate::ui::Ui;

/// Runs `approve`.
///
/// # Errors
/// Exit code 5 where a guard blocks and no sufficient ceiling is given, 6 where the answer is no.
pub fn run(args: &cli::Approve, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let plan = read_plan(&args.plan)?;
    super::plan::show(&plan, &args.plan, false, ui)?;
    approve(&plan, args, global, ui)?;
    Ok(ExitStatus::Done)
}

/// Approves a plan that was shown.
pub(super) fn approve(plan: &Plan, args: &cli::Approve, global: &Global, ui: &Ui) -> anyhow::Result<()> {
    let settings = load_settings(&global.config)?;
    same_settings(plan, &settings, &global.config)?;
    let rules = rules(&settings)?;
    let allow = ceilings(&args.allow)?;
    let approver = approver(args.approver.as_deref())?;
    let approved_at = now();
    let expires_at = args.expires.as_deref().map(|text| expiry(approved_at, text)).transpose()?;
    ceilings_suffice(plan, &allow, &args.plan)?;
    if !args.yes
        && !ui.confirm(
            &format!("Approve this plan as {approver}?"),
            "yes",
            "give --yes to approve without being asked",
        )?
    {
        return Err(refused(ExitStatus::NotApproved, "not approved: the answer was not yes"));
    }
    let approval = Approval {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        plan_hash: plan.hash(),
        approver: approver.clone(),
        approved_at,
        expires_at,
        comment: args.comment.clone(),
        allow,
        blocked: plan.blocking_guards().cloned().collect(),
    };
    let path = write_approval(&args.plan, &approval)?;
    let until = approval.holds_until(&rules);
    ui.line(format!("approved by {approver} until {until:.0}: {}", shown(&path)))
}

/// Refuses an approval that would lift nothing, and says which flags would.
fn ceilings_suffice(plan: &Plan, allow: &BTreeMap<Ceiling, u64>, path: &Path) -> anyhow::Result<()> {
    let left = not_lifted(&plan.content().guards, allow);
    if left.is_empty() {
        return Ok(());
    }
    let hopeless: Vec<&GuardResult> =
        left.iter().copied().filter(|guard| Ceiling::lifting(&guard.id).is_none()).collect();
    if !hopeless.is_empty() {
        let problem = format!(
            "blocked by {}, which no approval lifts: mend the data, or change [guard] and plan again",
            list_guards(&hopeless, plan)
        );
        return Err(refused(ExitStatus::Blocked, problem));
    }
    let flags = ceiling_flags(plan);
    let problem = format!(
        "blocked by {}; if you have read every one of these changes and want them all: skovik-sync approve {} {}",
        list_guards(&left, plan),
        shown(path),
        flags
    );
    Err(refused(ExitStatus::Blocked, problem))
}

/// The flags that lift every guard of a plan that anything lifts.
pub(super) fn ceiling_flags(plan: &Plan) -> String {
    let needed = needed_ceilings(&plan.content().guards);
    let flags: Vec<String> = needed.iter().map(|(kind, count)| format!("--allow {}={count}", kind.name())).collect();
    flags.join(" ")
}

fn ceilings(given: &[String]) -> anyhow::Result<BTreeMap<Ceiling, u64>> {
    let mut ceilings = BTreeMap::new();
    for text in given {
        let parsed = text.split_once('=').and_then(|(name, count)| {
            let kind = Ceiling::ALL.into_iter().find(|kind| kind.name() == name)?;
            Some((kind, count.parse::<u64>().ok()?))
        });
        let Some((kind, count)) = parsed else {
            let problem = format!("--allow {text}: expected deletes=N, changes=N or creates=N, with a whole number");
            return Err(refused(ExitStatus::Usage, problem));
        };
        if ceilings.insert(kind, count).is_some() {
            return Err(refused(ExitStatus::Usage, format!("--allow {}: given twice", kind.name())));
        }
    }
    Ok(ceilings)
}

fn approver(given: Option<&str>) -> anyhow::Result<String> {
    let from_environment = || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let name = given.map(str::to_owned).or_else(from_environment).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(refused(ExitStatus::Usage, "cannot tell who approves: give --approver NAME"));
    }
    if name == automatic::APPROVER {
        return Err(refused(
            ExitStatus::Usage,
            format!("--approver {name}: that is what `run` signs with; give a person's name"),
        ));
    }
    Ok(name.to_owned())
}

fn expiry(now: Timestamp, text: &str) -> anyhow::Result<Timestamp> {
    let until = text
        .parse::<SignedDuration>()
        .ok()
        .filter(|duration| duration.is_positive())
        .and_then(|duration| now.checked_add(duration).ok());
    until
        .with_context(|| format!("--expires {text}: expected a duration such as 24h or 30m"))
        .or_refuse(ExitStatus::Usage)
}
