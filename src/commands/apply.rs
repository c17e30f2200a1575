//! `apply`: executes an approved, unchanged plan, or refuses before the first write.
//!
//! The checks run in a fixed order, and the first that fails gives the exit code: file, configuration, approvals,
//! guards, lock, live state.

mod events;
mod execute;
mod held;
mod live;
mod locks;
mod others;
mod report;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::common::{
    counted_approvals, list_guards, load_settings, needed, now, provider, read_plan, replay, replay_again, rules,
    same_settings, shown, tell_other_day, without_secrets,
};
use super::inverse::{another_undo, is_own_undo};
use super::places::Places;
use super::recent::Known;
use super::retention::tidy;
use super::signals::{EndedBySignals, end_until_heard, end_with, listen_for_signals};
use super::state_place::{open_state, unusable_state};
use super::verify::stated_hash;
use crate::apply::engine::{self, Options, Stop};
use crate::apply::journal::{BegunBy, Replay};
use crate::apply::precheck::{self, Live, Standing};
use crate::approval::{Granted, judge, not_lifted};
use crate::cli::{self, Global};
use crate::config::Settings;
use crate::config::escalation::Needed;
use crate::exit::{ExitStatus, OrRefuse as _, refused, status_of};
use crate::guard::Ceiling;
use crate::plan::{GuardResult, Plan};
use crate::render::Ids;
use crate::state::State;
use crate::state::ledger::ApplyId;
use crate::ui::Ui;
use execute::{Begun, execute};
use live::{Read, read_live};
use others::{emptied, wait_for_others};

pub(super) use locks::{not_locked, take_lock, take_plan_lock};
pub(super) use watch::report_without_apply;

/// How many operations are under way for each request, if a disk holds the journal.
const OPERATIONS_ON_DISK: usize = 2;
/// The same if an object store holds it: then a create waits for the journal about twice as long as for Skovik.
const OPERATIONS_IN_STORE: usize = 4;
/// How many reasons a refusal lists.
const REASONS_SHOWN: usize = 10;

/// Runs `apply`.
///
/// # Errors
/// A refusal before the first write. After the first write the returned status says what happened.
pub async fn run(args: &cli::Apply, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    places(args, global).check()?;
    let early_signals = end_with(ExitStatus::Interrupted)?;
    let plan = read_plan(&args.plan)?;
    let settings = load_settings(&global.config);
    // Checked before the state folder is created.
    if let Ok(settings) = &settings {
        places(args, global).settings(settings).check()?;
    }
    let state = open_state(global, settings.as_ref().ok())?;
    let before = replay(&state, &plan)?;
    let finished = before.finished;
    let settings = settings.and_then(|settings| {
        same_settings(&plan, &settings, &global.config)?;
        Ok(settings)
    });
    let settings = match settings {
        Ok(settings) => settings,
        // The settings may have changed since.
        Err(error) => {
            return finished
                .map_or(Err(error), |finished| finished_unseen(args, finished, "the settings have changed", ui));
        }
    };
    if plan.content().operations.is_empty() {
        say(args, ui, &["nothing to do: the plan has no operations"]);
        if let Some(warning) = others::warning_of_others(plan.hash(), &settings, &state)? {
            ui.warn(warning);
        }
        return Ok(ExitStatus::Done);
    }
    let granted = match approval(&plan, args, &settings, finished.is_none(), ui) {
        Ok(granted) => granted,
        Err(error) => {
            return finished.map_or(Err(error), |finished| finished_unseen(args, finished, "no approval holds", ui));
        }
    };
    lifted(&plan, &plan.content().guards, &granted.allow, NOTHING_WRITTEN)?;
    tell_other_day(&plan, &settings, ui);
    let signals = end_until_heard()?;
    drop(early_signals);
    let _lock = take_lock(&settings, &state, Some(plan.hash()), ui)?;
    let _plan_lock = take_plan_lock(&settings, &args.plan)?;
    tidy(&settings, &state, &args.plan, Some(&plan), ui);
    let approved = Approved { plan: &plan, granted: &granted, begun_by: BegunBy::Apply, extent: Extent::All };
    let carried = carry_out(approved, args, &settings, &state, Some(before), signals, ui).await;
    Ok(without_secrets(&settings, carried)?.status)
}

fn places(args: &cli::Apply, global: &Global) -> Places {
    let places = Places::new(global).plan(&args.plan);
    places.writes("--report", args.report.as_deref()).writes_in_place("--events", args.events.as_deref())
}

/// Why an apply that only settles what is in doubt begins nothing.
const PLANNED_AGAIN: &str = "it was not carried out, and is planned again if the lists still say so";
/// What a refusal before the first write means.
const NOTHING_WRITTEN: &str = "nothing was written";

/// A plan that may be applied.
#[derive(Clone, Copy)]
pub(super) struct Approved<'a> {
    pub(super) plan: &'a Plan,
    pub(super) granted: &'a Granted,
    pub(super) begun_by: BegunBy,
    pub(super) extent: Extent,
}

/// How much of a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All that is left of it.
    All,
    /// Only what an earlier run of the apply began and nobody knows the end of. Nothing else is begun.
    InDoubt,
}

/// How [`carry_out`] ended.
pub(super) struct Carried {
    pub(super) status: ExitStatus,
    /// Whether operations were begun, so that `--report` has what became of them.
    pub(super) is_reported: bool,
}

impl Carried {
    fn unreported(status: ExitStatus) -> Self {
        Self { status, is_reported: false }
    }
}

/// Carries an approved plan out, under the target's lock. It reads no file that `args` names. `before` is what its
/// journal said before the lock was taken, if it was read. `signals` ends once signals are heard here.
pub(super) async fn carry_out(
    approved: Approved<'_>,
    args: &cli::Apply,
    settings: &Settings,
    state: &State,
    before: Option<Replay>,
    signals: Option<EndedBySignals>,
    ui: &Ui,
) -> anyhow::Result<Carried> {
    let Approved { plan, granted, extent, .. } = approved;
    // Under the lock nobody else writes to it.
    let mut replay = replay_again(state, plan, before)?;
    drop(signals);
    let takes_back = is_own_undo(plan, settings, state)?;
    let provider = provider(settings).await?;
    let mut stop = listen_for_signals()?;
    let live = async {
        let moves = wait_for_others(plan.hash(), provider.dialect(), settings, state, ui).await?;
        let read = read_live(&*provider, plan, &replay, takes_back, &moves, settings, ui).await?;
        let emptied = emptied(&moves, plan, &read.listed, provider.dialect(), &read.policy.managed);
        anyhow::Ok((read, emptied))
    };
    let (Read { policy, directory, listed }, emptied) = tokio::select! {
        live = live => live?,
        () = engine::wants(&mut stop, Stop::Gently) => {
            return Err(interrupted());
        }
    };
    let live = Live {
        directory: &directory,
        managed: &policy.managed,
        protect: &policy.protect,
        branches: policy.branches.as_ref(),
        takes_back,
        reactivates: policy.reactivate,
    };
    let problems = precheck::policy(plan, &policy, live.takes_back);
    if !problems.is_empty() {
        return Err(of_other_settings(&problems));
    }
    if let Some(finished) = replay.finished {
        if !is_as_before(plan, live)? {
            return finished_before(args, finished, &taken_back(plan, &replay, live)?, ui).map(Carried::unreported);
        }
        ui.note(format!("Skovik is again as it was before this plan was applied at {finished:.0}: applying it again"));
        state.put_away(plan.hash()).map_err(unusable_state)?;
        replay = Replay::default();
    }
    // If it is not this state folder's undo, all of its operations may still be allowed.
    if let Some(undone) = plan.content().undone().filter(|_| !live.takes_back) {
        return Err(of_other_settings(&[another_undo(undone)]));
    }
    precheck::account(plan, &replay, live).map_err(|problems| stale(&problems))?;
    let Some(mut standing) = standing(plan, &replay, live)? else {
        say(args, ui, &["nothing to do: Skovik already matches this plan"]);
        return Ok(Carried::unreported(ExitStatus::Done));
    };
    let known = Known::read(plan, &replay, settings, state, ui)?;
    let own = replay.begun_at.map(|begun| ApplyId { plan: plan.hash(), begun });
    tokio::select! {
        judged = known.refuse_old_list(&*provider, &directory, &policy.managed, policy.reactivate, own) => judged?,
        () = engine::wants(&mut stop, Stop::Gently) => return Err(interrupted()),
    }
    let memory = known.memory(plan, &replay, settings).of_branches(policy.branches.as_ref());
    let so = if replay.has_written() { "nothing else is begun" } else { NOTHING_WRITTEN };
    let may_begin = || {
        let allow = allowed_now(plan, settings, precheck::managed_now(plan, &replay, live), granted, so)?;
        lifted(plan, &precheck::guards(plan, &replay, live, &memory), &allow, so)
    };
    let barred = match may_begin() {
        _ if extent == Extent::InDoubt => {
            standing.bar = Some(PLANNED_AGAIN.to_owned());
            None
        }
        Ok(()) => None,
        // A move that is half done has emptied custom fields: it is completed.
        Err(error) if replay.is_in_doubt() => {
            let said = settings.secrets().hide(&error.to_string());
            ui.warn(format!("{said}. What is in doubt is settled"));
            standing.bar = Some(said);
            Some(status_of(&error))
        }
        Err(error) => return Err(error),
    };
    drop((memory, directory));
    let target = &settings.target;
    let options = Options {
        max_in_flight: target.access.max_in_flight,
        operations_per_request: if state.is_in_store() { OPERATIONS_IN_STORE } else { OPERATIONS_ON_DISK },
        settle_after: target.access.timeout,
        stop,
    };
    let (replay, standing, listed) = (&replay, &standing, &listed);
    let begun = Begun { approved, replay, standing, listed, takes_back, known, barred, emptied: &emptied };
    let status = execute(args, begun, options, &*provider, &policy, state, ui).await?;
    Ok(Carried { status, is_reported: true })
}

fn interrupted() -> anyhow::Error {
    refused(ExitStatus::Interrupted, "interrupted before anything was written")
}

/// Handles a plan whose journal is finished. A journal proves nothing, so Skovik must show that everything is done.
fn finished_before(
    args: &cli::Apply,
    finished: Timestamp,
    taken_back: &[String],
    ui: &Ui,
) -> anyhow::Result<ExitStatus> {
    if taken_back.is_empty() {
        say(args, ui, &[format!("nothing to do: this plan was applied completely at {finished:.0}")]);
        return Ok(ExitStatus::Done);
    }
    let problem = format!(
        "by its journal this plan was applied completely at {finished:.0}, but Skovik has changed since; nothing was \
         written. Plan again:{}",
        listed(taken_back)
    );
    Err(refused(ExitStatus::Stale, problem))
}

/// Handles a plan whose journal is finished without asking Skovik, because the plan could not be applied again anyway.
fn finished_unseen(args: &cli::Apply, finished: Timestamp, why: &str, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let said = format!(
        "nothing to do: by its journal this plan was applied completely at {finished:.0}. {why} since, so Skovik was \
        not read",
    );
    say(args, ui, &[said]);
    Ok(ExitStatus::Done)
}

/// How Skovik differs from what the complete apply left.
fn taken_back(plan: &Plan, replay: &Replay, live: Live<'_>) -> anyhow::Result<Vec<String>> {
    let standing = precheck::standing(plan, replay, live).or_refuse(ExitStatus::Untrusted)?;
    let account = precheck::account(plan, replay, live).err().unwrap_or_default();
    Ok(account.into_iter().chain(standing.problems(plan)).collect())
}

/// Whether the account meets all conditions of the plan, as before its first apply.
fn is_as_before(plan: &Plan, live: Live<'_>) -> anyhow::Result<bool> {
    let untouched = Replay::default();
    let standing = precheck::standing(plan, &untouched, live).or_refuse(ExitStatus::Untrusted)?;
    Ok(standing.conflicts.is_empty() && precheck::account(plan, &untouched, live).is_ok())
}

/// Prints how it ended; to standard error if standard output is the event stream.
fn say(args: &cli::Apply, ui: &Ui, lines: &[impl AsRef<str>]) {
    if args.events.as_deref() == Some(Path::new("-")) { ui.notes(lines) } else { ui.last(lines) }
}

/// Who approved the plan. On a terminal it asks the person, if the policy allows that.
fn approval(plan: &Plan, args: &cli::Apply, settings: &Settings, may_ask: bool, ui: &Ui) -> anyhow::Result<Granted> {
    let rules = rules(plan, settings)?;
    let stated = args.approved_hash.as_deref().map(stated_hash).transpose()?;
    let found = counted_approvals(&args.plan, plan, settings)?;
    let refusal = match judge(plan, &found, stated, &rules, now()) {
        Ok(granted) => return Ok(granted),
        Err(refusal) => refused(ExitStatus::NotApproved, format!("not approved: {refusal}")),
    };
    let may_ask =
        may_ask && stated.is_none() && rules.hash_suffices() && plan.blocking_guards().next().is_none() && ui.can_ask();
    if !may_ask {
        return Err(refusal);
    }
    super::plan::show(plan, &args.plan, Ids::Hidden, ui)?;
    if ui.confirm("Apply this plan?", "yes", "give --approved-hash")? {
        Ok(Granted::by_hash())
    } else {
        Err(refused(ExitStatus::NotApproved, "not approved: the answer was not yes; nothing was written"))
    }
}

/// `so` says what that means.
fn lifted(plan: &Plan, guards: &[GuardResult], allow: &BTreeMap<Ceiling, u64>, so: &str) -> anyhow::Result<()> {
    let left = not_lifted(guards, allow);
    if left.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "blocked by {}: {so}; only an approval with a sufficient --allow lets it pass, see \
         `skovik-sync approve --help`",
        list_guards(&left, plan)
    );
    Err(refused(ExitStatus::Blocked, problem))
}

/// Judges the rules of approval again, also by how many users may be changed now: the plan's own number may be wrong.
/// People are counted, not names. A raised limit needs as many people as the rules require now.
fn allowed_now(
    plan: &Plan,
    settings: &Settings,
    managed: u64,
    granted: &Granted,
    so: &str,
) -> anyhow::Result<BTreeMap<Ceiling, u64>> {
    let Needed { approvers, because } = needed(plan, settings, Some(managed))?;
    let found = granted.people();
    if found >= approvers {
        return Ok(granted.allowed_by(approvers));
    }
    let rule = because.map_or_else(String::new, |when| format!(" by the rule `{when}`"));
    let problem = format!(
        "not approved: {found} of {approvers} approvals{rule}, as Skovik has {managed} users that may be changed, and \
        not the {} that the plan was made for; {so}",
        plan.content().target.managed
    );
    Err(refused(ExitStatus::NotApproved, problem))
}

/// The state of the operations; `None` if nothing is left to do. Before the first write, Skovik must meet all
/// conditions of the plan.
fn standing(plan: &Plan, replay: &Replay, live: Live<'_>) -> anyhow::Result<Option<Standing>> {
    let standing = precheck::standing(plan, replay, live).or_refuse(ExitStatus::Untrusted)?;
    if replay.has_written() {
        return Ok(Some(standing));
    }
    if standing.conflicts.iter().all(|conflict| conflict.is_apart) {
        let emptied = precheck::emptied_branches(plan, live);
        return if emptied.is_empty() { Ok(Some(standing)) } else { Err(stale(&emptied)) };
    }
    match precheck::all_done(plan, live).or_refuse(ExitStatus::Untrusted)? {
        Some(problems) if problems.is_empty() => Ok(None),
        Some(problems) => Err(stale(&problems)),
        None => Err(stale(&standing.problems(plan).collect::<Vec<_>>())),
    }
}

fn stale(problems: &[String]) -> anyhow::Error {
    let problem =
        format!("the plan is stale, nothing was written; plan again and have that approved:{}", listed(problems));
    refused(ExitStatus::Stale, problem)
}

fn of_other_settings(problems: &[String]) -> anyhow::Error {
    let problem = format!(
        "the plan does what no plan of these settings does, nothing was written; plan again and have that approved, or \
         apply an undo with the state folder that it was made with:{}",
        listed(problems)
    );
    refused(ExitStatus::Stale, problem)
}

/// The first problems, each on a line of its own.
fn listed(problems: &[String]) -> String {
    let shown: Vec<_> = problems.iter().take(REASONS_SHOWN).map(|problem| crate::text::printable(problem)).collect();
    let more = problems.len() - shown.len();
    let more = if more > 0 { format!("\n  … and {more} more") } else { String::new() };
    format!("\n  {}{more}", shown.join("\n  "))
}

/// A file that an option names, for messages.
fn named(option: &str, path: &Path) -> String {
    format!("{option} {}", shown(path))
}
