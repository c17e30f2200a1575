//! `apply`: executes an approved, unchanged plan, or refuses before the first write.
//!
//! The checks run in a fixed order, and the first that fails gives the exit code: file, configuration, approvals,
//! guards, lock, live state.

mod report;
mod watch;

use std::path::Path;

use anyhow::Context as _;

use super::common::{
    client, counted_approvals, journal_path, list_guards, load_settings, now, read_plan, rules, same_settings, shown,
    state_folder,
};
use super::verify::stated_hash;
use crate::apply::engine::{self, Options, Stop};
use crate::apply::journal::{Journal, JournalError, Record, Replay};
use crate::apply::lock::{self, Holder, Lock, LockError};
use crate::apply::operation::Worker;
use crate::apply::precheck::{self, Live, Standing};
use crate::apply::{Halt, Report};
use crate::approval::{Granted, judge, not_lifted};
use crate::cli::{self, Global};
use crate::config::Settings;
use crate::diff::Policy;
use crate::employee::Directory;
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::mapping::Mapper;
use crate::plan::{Digest, GuardResult, Plan};
use crate::target::Account;
use crate::target::client::Client;
use crate::ui::Ui;
use watch::Watch;

/// How many reasons a refusal lists.
const REASONS_SHOWN: usize = 10;

/// Runs `apply`.
///
/// # Errors
/// Each refusal before the first write; what happened afterwards is the status.
pub async fn run(args: &cli::Apply, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    apply(args, global, None, ui).await
}

/// The same, under the target's lock if that is held already.
pub(super) async fn apply(
    args: &cli::Apply,
    global: &Global,
    held: Option<&Lock>,
    ui: &Ui,
) -> anyhow::Result<ExitStatus> {
    let plan = read_plan(&args.plan)?;
    let journal_path = journal_path(&args.plan);
    let read_journal = || Replay::read(&journal_path, plan.hash()).map_err(journal_refusal);
    if let Some(finished) = read_journal()?.finished {
        say(args, ui, &format!("nothing to do: this plan was applied completely at {finished:.0}"))?;
        return Ok(ExitStatus::Done);
    }
    let settings = load_settings(&global.config)?;
    same_settings(&plan, &settings, &global.config)?;
    if plan.content().operations.is_empty() {
        say(args, ui, "nothing to do: the plan has no operations")?;
        return Ok(ExitStatus::Done);
    }
    let granted = approval(&plan, args, &settings, ui)?;
    lifted(&plan, &plan.content().guards, &granted)?;
    let _lock = if held.is_none() { Some(take_lock(&settings, Some(plan.hash()))?) } else { None };
    // Only now nobody else writes to it.
    let replay = read_journal()?;
    let client = client(&settings).await?;
    let mut stop = watch::listen_for_signals()?;
    let (account, policy, directory) = tokio::select! {
        live = read_live(client, &settings, ui) => live?,
        () = engine::wants(&mut stop, Stop::Gently) => {
            return Err(refused(ExitStatus::Interrupted, "interrupted before anything was written"));
        }
    };
    let Account::Live(client) = account else { return Err(anyhow::anyhow!("a snapshot cannot be written to")) };
    let live = Live {
        directory: &directory,
        managed: &policy.managed,
        protect: &policy.protect,
        branches: policy.branches.as_ref(),
    };
    let Some(standing) = standing(&plan, &replay, live)? else {
        say(args, ui, "nothing to do: everything that this plan should bring about is so already")?;
        return Ok(ExitStatus::Done);
    };
    lifted(&plan, &precheck::guards(&plan, &replay, live), &granted)?;
    drop(directory);
    let target = &settings.target;
    let options = Options { max_in_flight: target.max_in_flight, settle_after: target.timeout, stop };
    let begun = Begun { plan: &plan, replay: &replay, standing: &standing };
    execute(args, begun, options, &granted, &client, &policy, ui).await
}

/// Prints a result; to standard error where standard output is the event stream.
fn say(args: &cli::Apply, ui: &Ui, text: &str) -> anyhow::Result<()> {
    if args.events.as_deref() == Some(Path::new("-")) {
        ui.note(text);
        return Ok(());
    }
    ui.line(text)
}

/// Who approved the plan; on a terminal, where the policy allows it, the person is asked.
fn approval(plan: &Plan, args: &cli::Apply, settings: &Settings, ui: &Ui) -> anyhow::Result<Granted> {
    let rules = rules(plan, settings)?;
    let stated = args.approved_hash.as_deref().map(stated_hash).transpose()?;
    let found = counted_approvals(&args.plan, plan, settings)?;
    let refusal = match judge(plan, &found, stated, &rules, now()) {
        Ok(granted) => return Ok(granted),
        Err(refusal) => refused(ExitStatus::NotApproved, format!("not approved: {refusal}")),
    };
    let may_ask = stated.is_none() && rules.hash_suffices() && plan.blocking_guards().next().is_none() && ui.can_ask();
    if !may_ask {
        return Err(refusal);
    }
    super::plan::show(plan, &args.plan, false, ui)?;
    if ui.confirm("Apply this plan?", "yes", "give --approved-hash")? {
        Ok(Granted { approvers: Vec::new(), allow: std::collections::BTreeMap::new() })
    } else {
        Err(refused(ExitStatus::NotApproved, "not approved: the answer was not yes; nothing was written"))
    }
}

fn lifted(plan: &Plan, guards: &[GuardResult], granted: &Granted) -> anyhow::Result<()> {
    let left = not_lifted(guards, &granted.allow);
    if left.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "blocked by {}: nothing was written; only an approval that names a sufficient ceiling lifts a guard, see \
         `skovik-sync approve --help`",
        list_guards(&left, plan)
    );
    Err(refused(ExitStatus::Blocked, problem))
}

/// Takes the target's lock, for a plan or for one that is still to be made.
pub(super) fn take_lock(settings: &Settings, plan_hash: Option<Digest>) -> anyhow::Result<Lock> {
    let holder = Holder { pid: std::process::id(), since: now(), plan_hash };
    lock::take(&state_folder()?, &settings.target.url, &holder).map_err(|error| match error {
        LockError::Held { .. } => refused(ExitStatus::Locked, format!("{error}; wait for it, then try again")),
        LockError::Io { .. } => error.into(),
    })
}

async fn read_live(client: Client, settings: &Settings, ui: &Ui) -> anyhow::Result<(Account, Policy, Directory)> {
    let account = Account::Live(Box::new(client));
    let shape = account.shape().await?;
    let resolved = Mapper::new(settings).resolve(&shape.branches, &shape.custom_fields).or_refuse(ExitStatus::Stale)?;
    let progress = ui.progress("reading Skovik's users");
    let told = |read: u64, total: Option<u64>| {
        if let Some(total) = total {
            progress.set_total(total);
        }
        progress.set(read);
    };
    let users = account.users(resolved.managed(), &told).await?;
    progress.finish();
    let policy = super::common::policy(settings, &resolved, std::collections::BTreeSet::new());
    Ok((account, policy, shape.with_users(users)))
}

/// How the operations stand; `None` where nothing is left to do. Until the first write, Skovik must still be as the plan
/// needs it throughout.
fn standing(plan: &Plan, replay: &Replay, live: Live<'_>) -> anyhow::Result<Option<Standing>> {
    let standing = precheck::standing(plan, replay, live).or_refuse(ExitStatus::Untrusted)?;
    if standing.conflicts.is_empty() || replay.announced {
        return Ok(Some(standing));
    }
    if !replay.is_begun() && precheck::is_all_done(plan, live) {
        return Ok(None);
    }
    let mut problems: Vec<String> = standing.problems(plan).collect();
    let more = problems.len().saturating_sub(REASONS_SHOWN);
    problems.truncate(REASONS_SHOWN);
    let more = if more > 0 { format!("\n  … and {more} more") } else { String::new() };
    let problem = format!(
        "the plan is stale, nothing was written; plan again and have that approved:\n  {}{more}",
        problems.join("\n  ")
    );
    Err(refused(ExitStatus::Stale, problem))
}

/// A plan, and how far it got.
#[derive(Clone, Copy)]
struct Begun<'a> {
    plan: &'a Plan,
    replay: &'a Replay,
    standing: &'a Standing,
}

async fn execute(
    args: &cli::Apply,
    begun: Begun<'_>,
    options: Options,
    granted: &Granted,
    client: &Client,
    policy: &Policy,
    ui: &Ui,
) -> anyhow::Result<ExitStatus> {
    let Begun { plan, replay, standing } = begun;
    let mut watch = Watch::new(args, plan, replay, ui)?;
    let journal = Journal::open(&journal_path(&args.plan), replay, plan.hash()).await.context("nothing was written")?;
    let run = Record::Run { at: now(), approvers: granted.approvers.clone() };
    journal.write(&run).done().await.context("nothing was written")?;
    let worker = Worker { client, managed: &policy.managed, protect: &policy.protect, journal: &journal, now: &now };
    let report = engine::run(plan, replay, standing, &worker, options, &mut watch).await;
    drop(journal);
    watch.finish(plan, &report)?;
    report::print(plan, &report, &shown(&args.plan), &|text| say(args, ui, text), ui)?;
    Ok(status(&report, report.wrote || !replay.operations.is_empty()))
}

/// `wrote` says whether anything was changed by this plan so far.
fn status(report: &Report, wrote: bool) -> ExitStatus {
    match &report.halt {
        Some(Halt::Interrupted) => ExitStatus::Interrupted,
        Some(Halt::Credentials(_)) if !wrote => ExitStatus::Untrusted,
        Some(Halt::Journal(_)) if !wrote => ExitStatus::Unexpected,
        None if report.is_complete() => ExitStatus::Done,
        _ => ExitStatus::Partial,
    }
}

/// The exit code of a journal that cannot be gone on with.
pub(super) fn journal_refusal(error: JournalError) -> anyhow::Error {
    match error {
        JournalError::Io { .. } => error.into(),
        JournalError::OtherPlan { .. } => refused(ExitStatus::Stale, error),
        JournalError::Damaged { .. } => refused(ExitStatus::Damaged, error),
    }
}

/// A file that an option names, for messages.
fn named(option: &str, path: &Path) -> String {
    format!("{option} {}", path.display())
}
