//! What several commands need: settings, the client, the policy, and the files next to a plan.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::signals::status_at_end;
use super::state_place::unusable_state;
use crate::apply::journal::{JournalError, Replay};
use crate::apply::precheck;
use crate::approval::signers::AllowedSigners;
use crate::approval::{Approval, Found, MAX_BYTES, Proof, Rules, automatic, file_name};
use crate::config::escalation::{self, Needed};
use crate::config::{EmployeeSettings, Require, Settings};
use crate::diff::{Policy, Protect};
use crate::employee::{ExternalIdentifier, Managed};
use crate::exit::{ExitStatus, OrRefuse as _, refused, status_of};
use crate::files::{Links, WRONG_KIND, read_regular, read_regular_text, write_private};
use crate::guard::counted_title;
use crate::mapping::ResolvedMapper;
use crate::plan::{Content, Digest, GuardResult, Operation, Plan, not_as_demanded};
use crate::setting::Calendar;
use crate::setting::quoting::word;
use crate::source::TABLE_KIND;
use crate::state::State;
use crate::text::printable;
use crate::ui::Ui;

pub(super) use super::service::{dialect, provider};

/// How many guards a refusal names.
const GUARDS_SHOWN: usize = 5;
/// The largest plan file, in bytes: more than twice the size of a plan that creates a million people.
const MOST_PLAN: u64 = 2 * 1024 * 1024 * 1024;
/// How many approvals next to a plan are read: far more than any rule can require.
const MOST_APPROVALS: usize = 1000;
/// The largest `allowed_signers` file, in bytes: some thousand keys.
const MOST_SIGNERS: u64 = 4 * 1024 * 1024;

/// Reads the settings file.
pub(super) fn load_settings(path: &Path) -> anyhow::Result<Settings> {
    Settings::load(path).map_err(|error| {
        let said = format!("{:#}", anyhow::Error::from(error));
        // A path with invisible characters is shown with them escaped.
        refused(ExitStatus::Usage, said.replace(&*path.to_string_lossy(), &shown(path)))
    })
}

/// The same result. Its error shows no secret that was read: it may quote a record, the name of a column, or the account.
pub(super) fn without_secrets<T>(settings: &Settings, result: anyhow::Result<T>) -> anyhow::Result<T> {
    result.map_err(|error| {
        let (said, status) = (format!("{error:#}"), status_at_end(&error));
        let hidden = settings.secrets().hide(&said);
        if hidden == said && status == status_of(&error) { error } else { refused(status, hidden) }
    })
}

/// The settings that decide who is who, for the account whose fields were looked up.
pub(super) fn policy(
    settings: &Settings,
    resolved: &ResolvedMapper,
    same_person: BTreeSet<ExternalIdentifier>,
) -> Policy {
    Policy {
        managed: resolved.managed().clone(),
        adopt: settings.scope.match_email,
        renumber: settings.scope.renumber,
        same_person,
        remove: settings.scope.remove,
        reactivate: settings.target.reactivates(),
        leavers_keep_emails: dialect(settings).keeps_removed(),
        protect: Protect::of_setting(settings.scope.protect.as_deref()),
        branches: resolved.scope_branches().map(|branches| branches.iter().cloned().collect()),
        absences: None,
    }
}

/// Reads a plan file to act on it; a symbolic link is refused.
pub(super) fn read_plan(path: &Path) -> anyhow::Result<Plan> {
    plan_at(path, Links::Refuse)
}

/// Reads a plan file only to show it.
pub(super) fn read_plan_to_show(path: &Path) -> anyhow::Result<Plan> {
    plan_at(path, Links::Follow)
}

/// Keeps a plan until the program ends, for a command that only reads it: to free a million operations takes a second.
pub(super) fn kept(plan: Plan) -> &'static Plan {
    Box::leak(Box::new(plan))
}

/// The bytes of a plan file that may be acted on.
pub(super) fn plan_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    read_regular(path, MOST_PLAN, Links::Refuse)
}

fn plan_at(path: &Path, links: Links) -> anyhow::Result<Plan> {
    let text = read_regular(path, MOST_PLAN, links)
        .with_context(|| format!("cannot read the plan {}; `skovik-sync plan` writes one", shown(path)))
        .or_refuse(ExitStatus::Usage)?;
    Plan::read(&text).with_context(|| shown(path).to_string()).or_refuse(ExitStatus::Damaged)
}

/// Refuses a plan that was made with other settings, or that wrongly states the hash of these.
pub(super) fn same_settings(plan: &Plan, settings: &Settings, path: &Path) -> anyhow::Result<()> {
    if plan.content().config_hash == settings.hash() {
        let forged = |problem: String| {
            refused(
                ExitStatus::Damaged,
                format!(
                    "skovik-sync cannot have written this plan (edited by hand?): \
            {}; plan again",
                    printable(&problem)
                ),
            )
        };
        if let Some(guard) = not_as_demanded(&settings.guard, &managed(settings, plan), plan.content()) {
            return Err(forged(format!("its guard {guard} is not that of the settings")));
        }
        let problem = mislabelled(plan, settings).or_else(|| too_early(plan));
        return problem.map_or(Ok(()), |problem| Err(forged(problem)));
    }
    let problem = format!(
        "the settings in {} are not those that the plan was made with; plan again, or name the right file with \
        --config",
        shown(path)
    );
    Err(refused(ExitStatus::Stale, problem))
}

/// The fields that the settings manage, with the custom fields that the plan names. [`mislabelled`] compares those with
/// the settings.
fn managed(settings: &Settings, plan: &Plan) -> Managed {
    let EmployeeSettings { branch, manager, .. } = &settings.employee;
    let custom_fields = plan.content().target.custom_fields.keys().cloned().collect();
    Managed { branch: branch.is_some(), manager: manager.is_some(), custom_fields }
}

/// Which delete has a wait that is not over by this machine's clock.
fn too_early(plan: &Plan) -> Option<String> {
    let (Operation { id, name, .. }, until) = plan.content().deletes_too_early(now().as_second())?;
    Some(format!(
        "operation {id} deletes {name:?}, who waits until {until}, which is still to come by this machine's clock"
    ))
}

/// How the target or sources in a plan differ from the settings whose hash it states.
fn mislabelled(plan: &Plan, settings: &Settings) -> Option<String> {
    let Content { target, sources, .. } = plan.content();
    let account = settings.target.account();
    let [shown, set] = [(&*target.kind, &*target.url), (settings.target.kind(), &*account)];
    if shown != set {
        return Some(format!(
            "its target is {} ({}), and that of the settings {} ({})",
            shown.1, shown.0, set.1, set.0
        ));
    }
    if target.removal != settings.target.removal() {
        return Some("what its deletes do is not what [target] remove says".to_owned());
    }
    // All lists but the first are joined with it.
    let shown = sources.iter().map(|source| (&*source.name, &*source.kind, source.join.is_some()));
    let lists = settings.sources.iter().enumerate().map(|(at, source)| (&*source.name, source.kind.kind(), at > 0));
    let same = shown.eq(lists.chain(settings.tables.iter().map(|table| (&*table.name, TABLE_KIND, false))));
    if !same && plan.content().undone().is_none() {
        return Some("its sources are not those of the settings".to_owned());
    }
    let miscounted = sources
        .iter()
        .zip(&settings.sources)
        .find(|(shown, source)| same && source.expect_records.is_some_and(|expected| expected != shown.records));
    if let Some((shown, _)) = miscounted {
        return Some(format!("its source {} has another number of records than expect_records says", shown.name));
    }
    precheck::settings(plan, settings).err()
}

/// The same as [`replay`], by the holder of the account's lock, before an apply: the journal of a large plan is not read
/// again if it is as it was.
pub(super) fn replay_again(state: &State, plan: &Plan, before: Option<Replay>) -> anyhow::Result<Replay> {
    state.bring_to_write(plan.hash()).map_err(unusable_state)?;
    match before.filter(|before| before.is_up_to_date(&state.journal(plan.hash()))) {
        Some(before) => Ok(before),
        None => replay_here(state, plan),
    }
}

/// What an earlier apply of a plan did, by the state folder of this machine.
pub(super) fn replay(state: &State, plan: &Plan) -> anyhow::Result<Replay> {
    state.bring(plan.hash()).map_err(unusable_state)?;
    replay_here(state, plan)
}

/// A plan by its copy in the state, and what an earlier apply of it did; `None` if there is no copy.
pub(super) fn kept_apply(state: &State, hash: Digest) -> anyhow::Result<Option<(Plan, Replay)>> {
    state.bring(hash).map_err(unusable_state)?;
    let copy = state.plan(hash);
    if !copy.exists() {
        return Ok(None);
    }
    let plan = read_plan(&copy)?;
    if plan.hash() != hash {
        let problem = format!("{} is not the plan {hash}; remove it, and the next run plans anew", shown(&copy));
        return Err(refused(ExitStatus::Damaged, problem));
    }
    let replay = replay_here(state, &plan)?;
    Ok(Some((plan, replay)))
}

/// The same, by the journal that is on this machine.
fn replay_here(state: &State, plan: &Plan) -> anyhow::Result<Replay> {
    Replay::read(&state.journal(plan.hash()), state.key(), plan).map_err(unusable_journal)
}

pub(super) fn unusable_journal(error: JournalError) -> anyhow::Error {
    match error {
        JournalError::Io { ref path, error: ref cause } if cause.kind() == WRONG_KIND => misplaced(path, cause),
        JournalError::Io { .. } => error.into(),
        JournalError::Forged { .. } | JournalError::Damaged { .. } => refused(ExitStatus::Damaged, error),
    }
}

/// The approvals next to a plan. An approval by policy counts only while the policy would still give it.
pub(super) fn counted_approvals(path: &Path, plan: &Plan, settings: &Settings) -> anyhow::Result<Vec<Found>> {
    let mut found = approvals_beside(path)?;
    let objections = automatic::objections(plan, &automatic_policy(plan, settings)?);
    for Found { approval, .. } in &mut found {
        if approval
            .as_ref()
            .is_ok_and(|approval| approval.plan_hash == plan.hash() && automatic::is_by_policy(approval))
            && !objections.is_empty()
        {
            *approval = Err(format!("was given by policy, which does not allow it: {}", objections.join("; ")));
        }
    }
    Ok(found)
}

/// The policy by which `run` may approve this plan.
pub(super) fn automatic_policy(plan: &Plan, settings: &Settings) -> anyhow::Result<automatic::Policy> {
    let Rules { proof, approvers, because: _, max_age: _ } = rules(plan, settings)?;
    let automatic = settings.approval.automatic;
    Ok(automatic::Policy { automatic, approvers, signatures: matches!(proof, Proof::Signature(_)) })
}

/// The path of an approver's approval file, next to the plan.
pub(super) fn approval_path(plan: &Path, approver: &str) -> PathBuf {
    let plan_name = plan.file_name().unwrap_or_default().to_string_lossy();
    plan.with_file_name(file_name(&plan_name, approver))
}

/// Writes an approval next to its plan, and returns the path. It replaces an earlier approval by the same person, but
/// not by another person whose name gives the same file name.
pub(super) fn write_approval(plan: &Path, approval: &Approval) -> anyhow::Result<PathBuf> {
    let path = approval_path(plan, &approval.approver);
    let kept = match read_approval(&path) {
        Ok(other) if other.plan_hash != approval.plan_hash || other.approver == approval.approver => None,
        Ok(other) => Some(format!("is the approval of {}", printable(&other.approver))),
        // That of the policy is nobody's, and what can be read is no approval.
        Err(_) if automatic::is_by_policy(approval) || !is_unread(&path) => None,
        Err(problem) => Some(format!("is there already, may be the approval of somebody else, and {problem}")),
    };
    if let Some(problem) = kept {
        let problem = format!("{} {problem}. It is kept; nothing was written", shown(&path));
        return Err(refused(ExitStatus::Usage, problem));
    }
    write_private(&path, |file| {
        serde_json::to_writer_pretty(&mut *file, approval)?;
        file.write_all(b"\n")
    })
    .with_context(|| format!("cannot write {}", shown(&path)))?;
    Ok(path)
}

/// Whether there is a file that cannot be read: an approval may be read by its owner alone.
fn is_unread(path: &Path) -> bool {
    let is_file = fs::symlink_metadata(path).is_ok_and(|there| there.is_file());
    is_file && read_regular(path, MAX_BYTES as u64, Links::Refuse).is_err()
}

/// The files next to a plan that are approvals by their name, sorted.
pub(super) fn approvals_of(plan: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let folder = plan.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let plan_name = plan.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let looked_through = || format!("cannot look for approvals in {}", shown(folder));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(looked_through)? {
        let entry = entry.with_context(looked_through)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_approval =
            name.strip_prefix(&plan_name).is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".approval"));
        if is_approval {
            found.push((printable(&name).into_owned(), entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The approvals next to a plan, by name; at most [`MOST_APPROVALS`].
fn approvals_beside(plan: &Path) -> anyhow::Result<Vec<Found>> {
    let files = approvals_of(plan)?;
    let (read, more) = files.split_at(files.len().min(MOST_APPROVALS));
    let mut found: Vec<Found> =
        read.iter().map(|(name, path)| Found { name: name.clone(), approval: read_approval(path) }).collect();
    if !more.is_empty() {
        let name = format!("{} more files beside the plan", more.len());
        let approval = Err(format!(
            "were not read, because at most {MOST_APPROVALS} are; remove files that are no \
        approvals"
        ));
        found.push(Found { name, approval });
    }
    Ok(found)
}

/// Reads an approval. A link, a folder or a pipe is refused: the target of a link can differ from one reading, or one
/// machine, to the next.
fn read_approval(path: &Path) -> Result<Approval, String> {
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => "cannot be read by this user, as its owner alone may: give it to this \
                                                 user (chown), or approve as this user"
            .to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    if !fs::symlink_metadata(path).map_err(cannot)?.is_file() {
        return Err("is a link or a folder; put the approval file itself there".to_owned());
    }
    Approval::read(&read_regular(path, MAX_BYTES as u64, Links::Refuse).map_err(cannot)?)
}

/// What an approval of this plan needs to count.
pub(super) fn rules(plan: &Plan, settings: &Settings) -> anyhow::Result<Rules> {
    let approval = &settings.approval;
    let max_age =
        SignedDuration::try_from(approval.max_age).context("[approval] max_age").or_refuse(ExitStatus::Usage)?;
    let proof = match (approval.require, &approval.allowed_signers) {
        (Require::Hash, _) => Proof::Hash,
        (Require::Signature, Some(path)) => Proof::Signature(allowed_signers(path).or_refuse(ExitStatus::Usage)?),
        (Require::Signature, None) => {
            return Err(refused(ExitStatus::Usage, "[approval] require = \"signature\" needs allowed_signers"));
        }
    };
    let needed = needed(plan, settings, None)?;
    Ok(Rules { proof, approvers: needed.approvers, because: needed.because, max_age })
}

/// How many people must approve a plan, by its own counts and, if known, by how many users may be changed now.
pub(super) fn needed(plan: &Plan, settings: &Settings, managed_now: Option<u64>) -> anyhow::Result<Needed> {
    let approval = &settings.approval;
    escalation::needed(&approval.rules, approval.approvers, plan, managed_now)
        .map_err(|problem| refused(ExitStatus::Usage, format!("[[approval.rule]] {problem}")))
}

fn allowed_signers(path: &Path) -> anyhow::Result<AllowedSigners> {
    let text = read_regular_text(path, MOST_SIGNERS, Links::Follow)
        .with_context(|| format!("cannot read allowed_signers {}", shown(path)))?;
    AllowedSigners::parse(&text, &TimeZone::system())
        .map_err(|problem| anyhow::anyhow!("allowed_signers {} {problem}", shown(path)))
}

/// Guards with their counts, for a refusal; at most the first few.
pub(super) fn list_guards(guards: &[&GuardResult], plan: &Plan) -> String {
    let figures = |guard: &&GuardResult| counted_title(guard, &plan.content().target.custom_fields);
    let mut shown: Vec<String> = guards.iter().take(GUARDS_SHOWN).map(figures).collect();
    if guards.len() > GUARDS_SHOWN {
        shown.push(format!("{} more guards", guards.len() - GUARDS_SHOWN));
    }
    shown.join(" and ")
}

/// The clock.
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// The day on which people are compared: today by `[scope] time_zone`, or the day that the user asked for.
pub(super) fn calendar(settings: &Settings, as_of: Option<Date>) -> anyhow::Result<Calendar> {
    let zone = &settings.scope.time_zone;
    match as_of {
        None => Ok(Calendar::at(now(), zone)),
        Some(day) if settings.use_today() => Ok(Calendar::on(day, zone)),
        Some(day) => {
            let problem = format!("--as-of {day} changes nothing: no template in the settings asks for `today`");
            Err(refused(ExitStatus::Usage, problem))
        }
    }
}

/// Says so if a plan was made for another day than today: with `plan --as-of`, on an earlier day, or edited by hand.
pub(super) fn tell_other_day(plan: &Plan, settings: &Settings, ui: &Ui) {
    let Some(day) = plan.content().as_of.map(|day| day.to_string()) else { return };
    let today = Calendar::at(now(), &settings.scope.time_zone).today().to_string();
    match day.cmp(&today) {
        Ordering::Less => ui.warn(format!("this plan was made for {day}, and today is {today}")),
        Ordering::Equal => {}
        Ordering::Greater => ui.warn(format!(
            "this plan was made for {day}, which is still to come: it may remove people who are employed today, {today}"
        )),
    }
}

/// A link, a folder or a pipe where a file of the program's own belongs.
pub(super) fn misplaced(path: &Path, problem: &std::io::Error) -> anyhow::Error {
    let problem = format!("{} {problem}; put the file itself there, and try again", shown(path));
    refused(ExitStatus::Usage, problem)
}

/// A path for a message. One that the user should type is quoted with `shell_path` instead.
pub(super) fn shown(path: &Path) -> String {
    word(&path.to_string_lossy()).into_owned()
}
