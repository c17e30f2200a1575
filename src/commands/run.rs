//! `run`: the scheduled job. It plans, has the plan approved by policy, and applies it, under one lock. If the policy
//! does not approve, it leaves the plan for a person and says what to do next; it never asks.

mod peoples;

use std::panic::AssertUnwindSafe;
use std::path::Path;

use futures_util::FutureExt as _;
use jiff::Timestamp;

use super::apply::{Approved, Carried, Extent, carry_out, not_locked, report_without_apply, take_lock};
use super::approve::ceiling_flags;
use super::common::{
    approval_path, automatic_policy, counted_approvals, kept_apply, list_guards, now, read_plan, replay, replay_again,
    rules, same_settings, shown, without_secrets, write_approval,
};
use super::places::Places;
use super::plan::{holds_up, show_or_warn, write_plan};
use super::retention::tidy;
use super::signals::end_until_heard;
use super::state_place::{open_state, unusable_state};
use crate::apply::journal::BegunBy;
use crate::apply::lock::{self, Lock, LockError};
use crate::approval::{Found, Granted, Group, automatic, examine, grouped, judge, not_lifted};
use crate::cli::{self, Global};
use crate::config::Settings;
use crate::exit::{ExitStatus, refused, status_of};
use crate::guard::Ceiling;
use crate::plan::{Digest, GuardResult, Plan};
use crate::runs::Figures;
use crate::state::State;
use crate::text::shell_path;
use crate::ui::Ui;

/// Runs `run`. `made` becomes what the plan amounts to that it made, if it made one.
///
/// # Errors
/// Those of `plan` and `apply`; exit code 10 if another run or apply is under way, 5 and 6 if a person is needed.
pub(super) async fn run(
    args: &cli::Run,
    settings: &Settings,
    made: &mut Option<Figures>,
    global: &Global,
    ui: &Ui,
) -> anyhow::Result<ExitStatus> {
    let approval = approval_path(&args.out, automatic::APPROVER);
    Places::new(global)
        .settings(settings)
        .writes_plan(&args.out)
        .writes_approval(&approval)
        .writes("--report", args.report.as_deref())
        .writes_in_place("--events", args.events.as_deref())
        .check()?;
    let mut ending = Ending::default();
    let ran = AssertUnwindSafe(plan_and_apply(args, settings, &mut ending, global, ui)).catch_unwind().await;
    let ended = without_secrets(settings, ran.unwrap_or_else(|_| Err(defect())));
    *made = ending.made.take();
    if let Some(path) = args.report.as_deref().filter(|_| !ending.is_reported) {
        let (status, problem) = match &ended {
            Ok(status) => (*status, None),
            Err(error) => (status_of(error), Some(format!("{error:#}"))),
        };
        if let Err(error) = report_without_apply(path, ending.plan, ending.waiting, status, problem.as_deref()) {
            ui.warn(format!("--report {}: {error}", shown(path)));
        }
    }
    ended
}

/// What a defect of the program did to a run. It is told and recorded as every other error.
pub(super) fn defect() -> anyhow::Error {
    anyhow::anyhow!("a defect of skovik-sync ended the run; its log says where")
}

/// What the report needs to know of a run besides its outcome.
#[derive(Default)]
struct Ending {
    /// The plan that was made or resumed.
    plan: Option<Digest>,
    /// What the plan amounts to, if it was made. From memory: another file may be in its place by now.
    made: Option<Figures>,
    /// How many people it does not remove yet.
    waiting: u64,
    /// Whether an apply has written the report.
    is_reported: bool,
}

async fn plan_and_apply(
    args: &cli::Run,
    settings: &Settings,
    ending: &mut Ending,
    global: &Global,
    ui: &Ui,
) -> anyhow::Result<ExitStatus> {
    let state = open_state(global, Some(settings))?;
    let signals = end_until_heard()?;
    let _lock = take_lock(settings, &state, None, ui)?;
    tidy(settings, &state, &args.out, None, ui);
    let cli::Run { out, report, events, only } = args;
    let execute = cli::Apply { plan: out.clone(), approved_hash: None, report: report.clone(), events: events.clone() };
    let unfinished = unfinished(settings, &state)?;
    drop(signals);
    if let Some(begun) = unfinished {
        let then = format!(
            "The next run then settles what is in doubt of the plan {}, which an earlier run left unfinished. {}",
            begun.plan.hash(),
            peoples::otherwise(ui)
        );
        peoples::refuse_while_open(&then, settings, &state)?;
        ui.note(format!(
            "settling what is in doubt of the plan {}, which an earlier run left unfinished; the rest is planned again",
            begun.plan.hash()
        ));
        let resumed = resume(&begun, &execute, settings, &state, ending, global, ui).await;
        let is_in_vain = matches!(
            resumed.as_ref().map_or_else(status_of, |status| *status),
            ExitStatus::Stale | ExitStatus::NotApproved | ExitStatus::Partial
        );
        // Otherwise the next run plans anew.
        if is_in_vain && holds_up(&replay(&state, &begun.plan)?, &begun.plan) {
            let (note, copy) = (state.begun_run_place(&settings.target.account()), state.plan(begun.plan.hash()));
            let file = match holds(out, &begun.plan) {
                true => shell_path(out),
                false => "the file that the run which began it wrote (--out), if it is still there".to_owned(),
            };
            ui.note(format!(
                "the next run tries again to settle this plan; if it must not be finished, look in Skovik at what is in doubt, then \
                remove {note} and {file}: the next run plans anew. A copy of the plan is {}",
                shell_path(&copy)
            ));
        }
        let status = resumed?;
        if status != ExitStatus::Done {
            return Ok(status);
        }
        *ending = Ending::default();
    }
    peoples::refuse_to_replace(out, settings, &state, ui)?;
    // Held so that nobody with another state folder applies the old plan while it is replaced.
    let before = lock_plan_file(out, &settings.target.account())?;
    let (plan, signals) = write_plan(settings, &plan_arguments(out, only), BegunBy::Run, global, ui).await?;
    drop(before);
    (ending.plan, ending.waiting) = (Some(plan.hash()), plan.content().waiting_people());
    ending.made = Some(Figures::of(&plan));
    // The diff would disturb a reader of the events.
    if events.as_deref() != Some(Path::new("-")) {
        show_or_warn(&plan, out, ui);
    }
    peoples::refuse_while_open(&peoples::by_a_later_plan(&plan, out, ui), settings, &state)?;
    if plan.content().operations.is_empty() && plan.blocking_guards().next().is_none() {
        return Ok(ExitStatus::Done);
    }
    let granted = match said_by_people(&plan, out, settings)? {
        Said { granted: Some(granted), .. } => granted,
        Said { granted: None, not_counted } => approve_by_policy(&plan, out, settings, &not_counted, ui)?,
    };
    // From here on, a signal ends an apply.
    drop(signals);
    apply(&plan, &granted, Extent::All, &execute, settings, &state, ending, ui).await
}

/// Settles what is in doubt of the plan that an earlier run began, and begins nothing else of it: the lists may say something
/// else today, or people may have applied a later plan.
async fn resume(
    begun: &Begun,
    args: &cli::Apply,
    settings: &Settings,
    state: &State,
    ending: &mut Ending,
    global: &Global,
    ui: &Ui,
) -> anyhow::Result<ExitStatus> {
    same_settings(&begun.plan, settings, &global.config)?;
    let granted = may_go_on(begun, &args.plan, settings, state, ui)?;
    ending.plan = Some(begun.plan.hash());
    apply(&begun.plan, &granted, Extent::InDoubt, args, settings, state, ending, ui).await
}

/// Applies the plan that this run made, or that an earlier run began, from memory. It does not read the file again.
#[expect(clippy::too_many_arguments, reason = "each is another thing")]
async fn apply(
    plan: &Plan,
    granted: &Granted,
    extent: Extent,
    args: &cli::Apply,
    settings: &Settings,
    state: &State,
    ending: &mut Ending,
    ui: &Ui,
) -> anyhow::Result<ExitStatus> {
    let account = settings.target.account();
    // Keeps somebody with another state folder from applying the same plan. The file's content does not matter.
    let _plan_lock = lock_plan_file(&args.plan, &account)?;
    state.set_begun_run(&account, Some(plan.hash())).map_err(unusable_state)?;
    let replay = replay_again(state, plan, None)?;
    if replay.has_written() && replay.finished.is_none() && !replay.is_in_doubt() {
        // The same plan again: Skovik is back in its earlier state, and nothing of that journal is open.
        state.put_away(plan.hash()).map_err(unusable_state)?;
    }
    let approved = Approved { plan, granted, begun_by: BegunBy::Run, extent };
    let Carried { status, is_reported } = carry_out(approved, args, settings, state, None, None, ui).await?;
    ending.is_reported = is_reported;
    if status == ExitStatus::Done
        && let Err(error) = state.set_begun_run(&account, None)
    {
        // The plan is applied. The next run sees by the journal that this one is finished.
        ui.warn(format!("the note of this run could not be removed, and holds nothing up: {error}"));
    }
    Ok(status)
}

fn lock_plan_file(out: &Path, account: &str) -> anyhow::Result<Option<Lock>> {
    match lock::take_plan(out, account) {
        Ok(lock) => Ok(Some(lock)),
        Err(LockError::Io { .. }) => Ok(None), // The file is gone, or something else is there.
        Err(held @ LockError::Held { .. }) => Err(not_locked(held)),
    }
}

fn plan_arguments(out: &Path, only: &[String]) -> cli::Plan {
    cli::Plan {
        out: out.to_owned(),
        users: None,
        as_of: None,
        only: only.to_vec(),
        same_person: Vec::new(),
        detailed_exitcode: false,
        all: false,
        ids: false,
        explain: None,
    }
}

/// A plan that an earlier run began and did not finish.
struct Begun {
    plan: Plan,
    /// When its apply began, by its journal.
    at: Option<Timestamp>,
}

/// The plan that an earlier run began and did not finish, by the state folder. The files next to the plan do not
/// matter.
fn unfinished(settings: &Settings, state: &State) -> anyhow::Result<Option<Begun>> {
    let Some(hash) = state.begun_run(&settings.target.account()).map_err(unusable_state)? else { return Ok(None) };
    // Without a copy, that run ended before its first write.
    let Some((plan, replay)) = kept_apply(state, hash)? else { return Ok(None) };
    // A person may have begun to apply the plan that a run left: that is found by its journal.
    let is_runs = replay.begun_by == Some(BegunBy::Run);
    Ok((is_runs && holds_up(&replay, &plan)).then_some(Begun { plan, at: replay.begun_at }))
}

/// Whether a file holds this plan. Another one may be there, or none.
fn holds(file: &Path, plan: &Plan) -> bool {
    read_plan(file).is_ok_and(|there| there.hash() == plan.hash())
}

/// Resumes a plan only if the policy or people still approve it. The policy does not approve a plan whose apply began
/// too long ago: the state may be an old one that somebody put back.
fn may_go_on(
    Begun { plan, at }: &Begun,
    out: &Path,
    settings: &Settings,
    state: &State,
    ui: &Ui,
) -> anyhow::Result<Granted> {
    let mut objections = automatic::objections(plan, &automatic_policy(plan, settings)?);
    let max_age = rules(plan, settings)?.max_age;
    if let Some(at) = at.filter(|at| now().duration_since(*at) > max_age) {
        objections.push(format!("it began at {at:.0}, longer ago than [approval] max_age ({max_age:#})"));
    }
    if objections.is_empty() {
        return by_policy(plan, settings);
    }
    match said_by_people(plan, out, settings)? {
        Said { granted: Some(granted), .. } => Ok(granted),
        Said { granted: None, not_counted } => {
            let (file, typed) = (shown(out), ui.typed(out));
            objections.extend(not_counted);
            let copy = match holds(out, plan) {
                true => String::new(),
                false => format!("cp {} {} && ", shell_path(&state.plan(plan.hash())), shell_path(out)),
            };
            let problem = format!(
                "the apply of {file} is not finished, and is not approved any more: {}; read it again, then: {copy}\
                skovik-sync approve {typed} && skovik-sync apply {typed}",
                objections.join("; ")
            );
            Err(refused(ExitStatus::NotApproved, problem))
        }
    }
}

/// The policy's approval, from memory: no file can replace it.
fn by_policy(plan: &Plan, settings: &Settings) -> anyhow::Result<Granted> {
    let found = Found { name: automatic::APPROVER.to_owned(), approval: Ok(automatic::approval(plan, now())) };
    judge(plan, &[found], None, &rules(plan, settings)?, now())
        .map_err(|error| refused(ExitStatus::NotApproved, format!("not approved by policy: {error}")))
}

/// The approvals by people since an earlier run left them the plan.
struct Said {
    /// Their approval of exactly this plan, if it counts and allows everything that blocks.
    granted: Option<Granted>,
    /// Approvals of this plan that do not count or do not suffice, and files that cannot be read as approvals; with the
    /// reasons. Approvals of other plans are left out: earlier runs applied those plans.
    not_counted: Vec<String>,
}

fn said_by_people(plan: &Plan, out: &Path, settings: &Settings) -> anyhow::Result<Said> {
    let own = approval_path(out, automatic::APPROVER);
    let own = own.file_name().unwrap_or_default().to_string_lossy();
    let mut found = counted_approvals(out, plan, settings)?;
    found.retain(|found| match &found.approval {
        Ok(approval) => !automatic::is_by_policy(approval),
        // Any file with this name is replaced by this run's approval.
        Err(_) => found.name != own,
    });
    let (rules, now) = (rules(plan, settings)?, now());
    let is_of_this =
        |found: &&Found| found.approval.as_ref().map_or(true, |approval| approval.plan_hash == plan.hash());
    let refused = found
        .iter()
        .filter(is_of_this)
        .filter_map(|found| Some((found.name.clone(), examine(plan, found, &rules, now).err()?)));
    let mut not_counted: Vec<String> =
        grouped(refused).into_iter().map(|Group { names, said }| format!("the approval {names} {said}")).collect();
    let granted = match judge(plan, &found, None, &rules, now) {
        Ok(granted) => {
            let left = not_lifted(&plan.content().guards, &granted.allow);
            if !left.is_empty() {
                let approvers = granted.approvers.join(" and ");
                not_counted.push(format!("the approval by {approvers} does not allow {}", list_guards(&left, plan)));
            }
            left.is_empty().then_some(granted)
        }
        Err(_) => None,
    };
    Ok(Said { granted, not_counted })
}

fn approve_by_policy(
    plan: &Plan,
    out: &Path,
    settings: &Settings,
    not_counted: &[String],
    ui: &Ui,
) -> anyhow::Result<Granted> {
    let mut objections = automatic::objections(plan, &automatic_policy(plan, settings)?);
    objections.extend(not_counted.iter().cloned());
    let blocking: Vec<&GuardResult> = plan.blocking_guards().collect();
    if !blocking.is_empty() {
        return Err(refused(ExitStatus::Blocked, blocked(&blocking, not_counted, plan, out, ui)));
    }
    if !objections.is_empty() {
        let (file, typed) = (shown(out), ui.typed(out));
        let problem = format!(
            "not approved by policy: {}; nothing was written. The plan is {file}: read it, then: skovik-sync approve \
            {typed} && skovik-sync apply {typed}",
            objections.join("; ")
        );
        return Err(refused(ExitStatus::NotApproved, problem));
    }
    let granted = by_policy(plan, settings)?;
    let path = write_approval(out, &automatic::approval(plan, now()))?;
    ui.note(format!("approved by policy: {}", shown(&path)));
    Ok(granted)
}

fn blocked(blocking: &[&GuardResult], not_counted: &[String], plan: &Plan, out: &Path, ui: &Ui) -> String {
    let (file, typed) = (shown(out), ui.typed(out));
    let guards = [&[list_guards(blocking, plan)], not_counted].concat().join("; ");
    if blocking.iter().any(|guard| Ceiling::lifting(&guard.id).is_none()) {
        return format!(
            "blocked by {guards}; nothing was written. No approval can allow this: look at {file} with skovik-sync \
            show {typed}, correct the source, or change [guard]; the next run plans anew"
        );
    }
    format!(
        "blocked by {guards}; nothing was written. The plan is {file}: read it, and if all of it is meant: skovik-sync \
        approve {typed} {} && skovik-sync apply {typed}",
        ceiling_flags(plan)
    )
}
