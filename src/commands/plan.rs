//! `plan`: reads both sides completely, compares, writes the plan file and shows it. It makes only GET requests.

mod absences;
mod both_sides;
mod explain;
mod named;

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, thread};

use anyhow::Context as _;

use self::absences::SecondThoughts;
use self::both_sides::read_both_sides;
pub(super) use self::both_sides::{BothSides, SourceProgress, open_account, read_account};
use self::named::Named;
use super::common::{calendar, load_settings, now, plan_bytes, policy, replay, shown, without_secrets};
use super::kept_plan::unused_name;
use super::places::Places;
use super::recent::Known;
use super::signals::EndedBySignals;
use super::state_place::existing_state;
use crate::apply::journal::{BegunBy, Replay};
use crate::cli::{self, Global};
use crate::config::{Invalid, Settings, SourceSettings, Unresolved};
use crate::diff::{Absences, Comparison, PeopleIndex, Policy, Reading, UserIndex};
use crate::employee::{Desired, Directory, ExternalIdentifier, Join};
use crate::exit::{ExitStatus, refused};
use crate::files::write_private;
use crate::guard::{self, RecentPast};
use crate::plan::{Day, Input, NoPlan, Plan, Settled, SourceSummary};
use crate::provider::fingerprint;
use crate::render::Ids;
use crate::render::text::{TextOptions, display};
use crate::setting::Calendar;
use crate::threads::beside;
use crate::ui::Ui;

/// How many people a group shows on a terminal.
const SHOWN_ON_TERMINAL: usize = 25;

/// Runs `plan`.
///
/// # Errors
/// Exit codes 3 and 4. A plan that a guard blocks is still written; that is the status 5, not an error.
pub async fn run(args: &cli::Plan, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let settings = load_settings(&global.config)?;
    if let Some(key) = &args.explain {
        Places::new(global).settings(&settings).may_read("--users", args.users.as_deref()).check()?;
        return without_secrets(&settings, explain::run(&settings, args, key, global, ui).await);
    }
    Places::new(global)
        .settings(&settings)
        .may_read("--users", args.users.as_deref())
        .writes_plan(&args.out)
        .check()?;
    let made = write_plan(&settings, args, BegunBy::Apply, global, ui).await;
    let (plan, _signals) = without_secrets(&settings, made)?;
    let options = TextOptions { ids: args.ids.into(), ..text_options(&args.out, args.all, ui) };
    ui.print(display(&plan, &options))?;
    let blocked = plan.blocking_guards().next().is_some();
    let empty = plan.content().operations.is_empty();
    ui.notes(&["", &next_step(&args.out, blocked, empty, ui)]);
    Ok(match (blocked, empty) {
        (true, _) => ExitStatus::Blocked,
        (false, false) if args.detailed_exitcode => ExitStatus::Changes,
        (false, _) => ExitStatus::Done,
    })
}

/// Reads both sides, makes the plan, and writes its file; `by` says for which command.
pub(super) async fn write_plan(
    settings: &Settings,
    args: &cli::Plan,
    by: BegunBy,
    global: &Global,
    ui: &Ui,
) -> anyhow::Result<(Plan, EndedBySignals)> {
    let (calendar, began) = (calendar(settings, args.as_of)?, now());
    let account = open_account(settings, args.users.as_deref()).await?;
    let (both, signals) = read_both_sides(settings, &account, &calendar, ui).await?;
    let mut facts = Facts::new(settings, &both, &args.same_person, &args.only)?;
    let BothSides { records, desired, directory, resolved } = both;
    // The records are no longer needed, and the comparison needs the memory.
    drop(records);
    let (known, memory) = Known::of_account(settings, existing_state(global, Some(settings))?.as_ref(), ui)?;
    if let Some(provider) = account.live() {
        known.refuse_old_list(provider, &directory, resolved.managed(), settings.target.reactivates(), None).await?;
    }
    drop(known);
    facts.count(memory);
    let second_thoughts = SecondThoughts::of_plan(settings, args, began, global)?;
    let mut make = |absences: Option<Absences>| -> anyhow::Result<(Plan, Reading)> {
        facts.remember(absences);
        let (settled, input) = facts.compare(settings, &desired, &directory)?;
        let plan = Plan::of(&settled, input).map_err(no_plan)?;
        Ok((plan, settled.comparison().reading().clone()))
    };
    let write = |plan: &Plan| {
        put_applied_plan_away(&args.out, plan, by, settings, global, ui)?;
        write_private(&args.out, |file| plan.write(file)).with_context(|| format!("cannot write {}", shown(&args.out)))
    };
    let plan = match second_thoughts {
        Some(second_thoughts) => second_thoughts.plan(ui, |absences| make(Some(absences)), write)?,
        None => {
            let (plan, _) = make(None)?;
            write(&plan)?;
            plan
        }
    };
    // Freeing a million people takes a while, so a thread does it. If none can be started, it happens here.
    let _ = thread::Builder::new().spawn(move || drop((desired, directory, resolved)));
    Ok((plan, signals))
}

/// The other input of a plan.
pub(super) struct Facts {
    policy: Policy,
    only: BTreeSet<ExternalIdentifier>,
    joins: Vec<guard::Join>,
    sources: Vec<SourceSummary>,
    as_of: Option<Day>,
    memory: RecentPast,
    account: String,
}

impl Facts {
    /// # Errors
    /// If a template of the settings is not usable.
    pub(super) fn new(
        settings: &Settings,
        both: &BothSides,
        same_person: &[String],
        only: &[String],
    ) -> anyhow::Result<Self> {
        let named = Named::new(both, !same_person.is_empty() || !only.is_empty());
        let later = settings.sources.iter().skip(1).zip(&both.desired.joins);
        let join = |(source, join): (&SourceSettings, &Join)| guard::Join {
            source: source.name.to_string(),
            people: join.people,
            without_row: join.without_row(),
            limit_percent: source.max_unmatched_percent,
        };
        let joins = later.map(join).collect();
        Ok(Self {
            policy: policy(settings, &both.resolved, named.people(same_person)),
            only: named.people_or_keys(only)?,
            joins,
            sources: both.records.summaries_with(&both.desired.joins),
            as_of: settings.use_today().then(|| as_of(both.records.calendar())).flatten(),
            memory: RecentPast::none(),
            account: settings.target.account(),
        })
    }

    /// Lets the guards count what was done before, as far as it was done in the managed branches.
    pub(super) fn count(&mut self, memory: RecentPast) {
        self.memory = memory.of_branches(self.policy.branches.as_ref());
    }

    /// Adds what is known of who was missing.
    pub(super) fn remember(&mut self, absences: Option<Absences>) {
        self.policy.absences = absences;
    }

    /// Compares both sides, and returns the input of the plan too.
    pub(super) fn compare<'a>(
        &'a self,
        settings: &'a Settings,
        desired: &'a Desired,
        directory: &'a Directory,
    ) -> anyhow::Result<(Settled<'a>, Input<'a>)> {
        let policy = &self.policy;
        let (settled, fingerprint) = thread::scope(|scope| {
            let users = beside(scope, || UserIndex::of(directory));
            let people = PeopleIndex::of(desired);
            let users = users.join();
            let fingerprint = beside(scope, || fingerprint(directory, &policy.managed));
            let settled = people.and_then(|people| Comparison::with(people, users?, desired, directory, policy));
            let settled = settled.map_err(NoPlan::from).and_then(Settled::of);
            (settled, fingerprint.join())
        });
        let Self { policy, only, joins, sources, as_of, memory, account } = self;
        let input = Input {
            desired,
            directory,
            policy,
            limits: &settings.guard,
            memory,
            joins,
            managers_must_resolve: settings.manager.unresolved == Unresolved::Error,
            records_must_be_valid: settings.scope.invalid == Invalid::Error,
            only,
            kind: settings.target.kind(),
            url: account,
            removal: settings.target.removal(),
            fingerprint,
            sources: sources.clone(),
            config_hash: settings.hash(),
            as_of: *as_of,
        };
        Ok((settled.map_err(no_plan)?, input))
    }
}

/// The day as plans write it.
fn as_of(calendar: &Calendar) -> Option<Day> {
    Day::parse(&calendar.today().to_string())
}

pub(super) fn no_plan(error: NoPlan) -> anyhow::Error {
    let status = match error {
        NoPlan::NothingToDecide(_) => ExitStatus::Usage,
        NoPlan::Untrusted(_) | NoPlan::Invalid { .. } | NoPlan::UnresolvedManagers { .. } => ExitStatus::Untrusted,
        NoPlan::Plan(_) => ExitStatus::Unexpected,
    };
    refused(status, format!("no plan was made: {error}"))
}

/// If the output file holds a plan that was applied, renames it to a name with its hash, so that `undo` still finds it.
/// That happens even if the new plan is the same: Skovik is then back in its earlier state. A plan whose apply is not
/// finished must stay in its place, and is an error. `run` leaves one behind: it has looked before whether it may.
pub(super) fn put_applied_plan_away(
    out: &Path,
    plan: &Plan,
    by: BegunBy,
    settings: &Settings,
    global: &Global,
    ui: &Ui,
) -> anyhow::Result<()> {
    let Some(state) = existing_state(global, Some(settings))? else { return Ok(()) };
    // Any other file has no journal.
    let Some(before) = plan_bytes(out).ok().and_then(|text| Plan::read(&text).ok()) else { return Ok(()) };
    let replay = replay(&state, &before)?;
    if !replay.has_written() {
        return Ok(());
    }
    let must_stay = replay.finished.is_none() && (by == BegunBy::Apply || holds_up(&replay, &before));
    if must_stay && before.hash() == plan.hash() {
        return Ok(());
    }
    if must_stay && by == BegunBy::Apply {
        let again = match before.content().config_hash == settings.hash() {
            true => "run that apply again",
            false => "put the settings back that it was made with, and run that apply again",
        };
        let problem = format!(
            "{} is a plan whose apply is not finished, {}: {again}. If it must not be finished, look in Skovik at what is in \
            doubt, and write the new plan to another file with --out: once people have approved and applied that, `run` \
            plans again too",
            shown(out),
            before.hash()
        );
        return Err(refused(ExitStatus::Usage, problem));
    }
    let kept = unused_name(out, before.hash());
    fs::rename(out, &kept).with_context(|| format!("cannot rename {} to {}", shown(out), shown(&kept)))?;
    let applied = if replay.finished.is_some() { "applied" } else { "applied in part" };
    ui.note(format!("the earlier plan, which was {applied}, is kept as {}", shown(&kept)));
    Ok(())
}

/// Whether `run` must not make a new plan before the apply of this one is finished. If only operations that Skovik
/// refused are left, it may: they would be refused each time and block everybody else, and the next plan holds them
/// again if they are still needed. A person must finish an apply that a person began or that was cut short.
pub(super) fn holds_up(replay: &Replay, plan: &Plan) -> bool {
    let is_open = replay.finished.is_none() && replay.has_written();
    is_open && (replay.is_in_doubt() || replay.begun_by == Some(BegunBy::Apply) && replay.is_cut_short(plan))
}

/// Shows a plan.
pub(super) fn show(plan: &Plan, path: &Path, ids: Ids, ui: &Ui) -> anyhow::Result<()> {
    ui.print(display(plan, &TextOptions { ids, ..text_options(path, false, ui) }))
}

/// Shows a plan that nobody has to read before it is applied.
pub(super) fn show_or_warn(plan: &Plan, path: &Path, ui: &Ui) {
    ui.print_or_warn(display(plan, &text_options(path, false, ui)));
}

/// How a plan is shown on standard output. On a terminal, long groups are shortened.
pub(super) fn text_options(path: &Path, all: bool, ui: &Ui) -> TextOptions {
    let on_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    let limit = (on_terminal && !all).then_some(SHOWN_ON_TERMINAL);
    TextOptions {
        color: ui.color(),
        width: ui.width(),
        limit,
        ids: Ids::Hidden,
        plan_file: path.to_owned(),
        options: ui.options().to_owned(),
    }
}

pub(super) fn next_step(out: &Path, blocked: bool, empty: bool, ui: &Ui) -> String {
    let (out, typed) = (shown(out), ui.typed(out));
    match (blocked, empty) {
        (true, _) => {
            format!("{out} is written, but blocked by a guard. To look at it again: skovik-sync show {typed}")
        }
        (false, true) => format!("{out} is written; there is nothing to apply."),
        (false, false) => {
            format!("{out} is written. Read it, then: skovik-sync approve {typed} && skovik-sync apply {typed}")
        }
    }
}
