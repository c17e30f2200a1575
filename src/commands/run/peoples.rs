//! Applies that people began and have not finished. `run` writes nothing while one counts: its requests may still be
//! carried out, and what it has done so far is half of what its approvers meant.
//!
//! One counts until `[approval] max_age` (and an hour) after its journal was last written to: nothing of it is under way any
//! more then, and it needs a new approval to go on. A person who has applied a later plan as far as it goes has decided about
//! the earlier one.

use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use crate::apply::journal::{BegunBy, Head, Replay};
use crate::approval::judge;
use crate::commands::approve::ceiling_flags;
use crate::commands::begun::begun_since;
use crate::commands::common::{counted_approvals, kept_apply, now, read_plan, replay, rules, shown};
use crate::commands::plan::holds_up;
use crate::config::Settings;
use crate::exit::{ExitStatus, refused};
use crate::plan::{Digest, Plan};
use crate::state::{State, account_file};
use crate::text::{printable, shell_path};
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

/// The same if no later plan has been made.
pub(super) fn otherwise(ui: &Ui) -> String {
    format!(
        "If it must not be finished, look in Skovik at what is in doubt, and let people approve and apply a later plan: \
         skovik-sync plan --out {}. Runs plan again after that, and in any case [approval] max_age and an hour after that apply \
         last wrote to its journal",
        ui.typed(Path::new("later.json"))
    )
}

/// Refuses to put another plan in the place of one whose apply is not finished and still counts.
pub(super) fn refuse_to_replace(out: &Path, settings: &Settings, state: &State, ui: &Ui) -> anyhow::Result<()> {
    // Any other file there has no journal.
    let Ok(plan) = read_plan(out) else { return Ok(()) };
    let replay = replay(state, &plan)?;
    if !holds_up(&replay, &plan) || !counts(&plan, &replay, settings, state)? {
        return Ok(());
    }
    let is_ours = account_file(&plan.content().target.url) == account_file(&settings.target.account());
    let problem = match replay.begun_by {
        Some(BegunBy::Apply) if is_ours => of_people(&plan, out, settings, ui)?,
        by => of_others(&plan, by, is_ours, out, state, ui),
    };
    Err(refused(ExitStatus::Partial, problem))
}

/// Whether an apply that is open still counts.
fn counts(plan: &Plan, replay: &Replay, settings: &Settings, state: &State) -> anyhow::Result<bool> {
    let account = &plan.content().target.url;
    if replay.begun_by != Some(BegunBy::Apply) {
        return Ok(begun_since(oldest(settings), account, state)?.iter().any(|(hash, ..)| *hash == plan.hash()));
    }
    for (hash, at) in begun_by_people(account, settings, state)? {
        if hash == plan.hash() && replay.begun_at == Some(at) {
            return Ok(true);
        }
        if matches!(became_of(hash, at, state)?, Became::Over) {
            return Ok(false);
        }
    }
    Ok(false)
}

/// How people finish the apply of a plan that they began.
fn of_people(plan: &Plan, out: &Path, settings: &Settings, ui: &Ui) -> anyhow::Result<String> {
    let (file, typed, otherwise) = (shown(out), ui.typed(out), otherwise(ui));
    let approve = format!("skovik-sync approve {} && skovik-sync apply {typed}", with_ceilings(plan, out, ui));
    if plan.content().config_hash != settings.hash() {
        return Ok(format!(
            "the apply of {file} is not finished, and a person began it. The settings have changed since: put them back, read \
             the plan again, then: {approve}. {otherwise}"
        ));
    }
    let found = counted_approvals(out, plan, settings)?;
    Ok(match judge(plan, &found, None, &rules(plan, settings)?, now()) {
        Ok(granted) => format!(
            "the apply of {file}, approved by {}, is not finished: skovik-sync apply {typed}. {otherwise}",
            granted.approvers.join(" and ")
        ),
        Err(_) => format!(
            "the apply of {file} is not finished, and a person began it; read it again, then: {approve}. {otherwise}"
        ),
    })
}

/// What `approve` gets, to allow all of a plan.
fn with_ceilings(plan: &Plan, out: &Path, ui: &Ui) -> String {
    format!("{} {}", ui.typed(out), ceiling_flags(plan)).trim_end().to_owned()
}

/// The same of a plan that the state does not hold against this account: its file is all that is in the way.
fn of_others(plan: &Plan, by: Option<BegunBy>, is_ours: bool, out: &Path, state: &State, ui: &Ui) -> String {
    let (file, typed, copy) = (shown(out), ui.typed(out), state.plan(plan.hash()));
    let who = if by == Some(BegunBy::Apply) { "a person" } else { "a run" };
    let account = match is_ours {
        true => String::new(),
        false => format!(", for the account {}", printable(&plan.content().target.url)),
    };
    format!(
        "the apply of {file} is not finished, and {who} began it{account}. To finish it, read it again, then, with the \
         settings that it was made with: skovik-sync approve {} && skovik-sync apply {typed}. If it must not be finished, look \
         in Skovik at what is in doubt, then remove {} (a copy is {}): the next run plans anew",
        with_ceilings(plan, out, ui),
        shell_path(out),
        shell_path(&copy)
    )
}

/// Refuses to go on while an apply that people began is open, whatever file its plan is in: the state knows. `then` says what
/// is possible besides finishing it.
pub(super) fn refuse_while_open(then: &str, settings: &Settings, state: &State) -> anyhow::Result<()> {
    for (hash, at) in begun_by_people(&settings.target.account(), settings, state)? {
        let theirs = match became_of(hash, at, state)? {
            Became::Over => return Ok(()),
            Became::Untouched => continue,
            Became::Open(theirs) => theirs,
        };
        let settings = match theirs.content().config_hash == settings.hash() {
            true => "",
            false => "The settings have changed since: put them back. ",
        };
        let copy = shell_path(&state.plan(hash));
        return Err(refused(
            ExitStatus::Partial,
            format!(
                "the apply of the plan {hash}, which people began at {at:.0}, is not finished; nothing was written. {settings}\
                 Find that plan (a copy is {copy}), read it again, then: skovik-sync apply PLAN; if its approval has expired, \
                 skovik-sync approve PLAN first. {then}"
            ),
        ));
    }
    Ok(())
}

/// The applies to an account that people began and that were written to lately enough to count, each with when it began; the
/// last one first: one that is over ends the search.
fn begun_by_people(account: &str, settings: &Settings, state: &State) -> anyhow::Result<Vec<(Digest, Timestamp)>> {
    let mut begun = begun_since(oldest(settings), account, state)?;
    begun.retain(|(_, head, _)| head.begun_by == BegunBy::Apply);
    begun.sort_by_key(|(hash, head, written)| std::cmp::Reverse((*written, head.at, *hash)));
    Ok(begun.into_iter().map(|(hash, Head { at, .. }, _)| (hash, at)).collect())
}

/// An apply whose journal was last written to before this does not count.
fn oldest(settings: &Settings) -> SystemTime {
    let lasts = settings.approval.max_age.saturating_add(SLACK);
    SystemTime::now().checked_sub(lasts).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// What became of an apply that people began.
enum Became {
    /// Its outcome is unknown, or it was cut off.
    Open(Box<Plan>),
    /// All of it was done or refused.
    Over,
    /// It has written nothing.
    Untouched,
}

fn became_of(hash: Digest, at: Timestamp, state: &State) -> anyhow::Result<Became> {
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
    Ok(match is_put_away || replay.has_written() && !holds_up(&replay, &theirs) {
        true => Became::Over,
        false if replay.has_written() => Became::Open(Box::new(theirs)),
        false => Became::Untouched,
    })
}
