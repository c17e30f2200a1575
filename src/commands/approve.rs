//! `approve`: shows a plan, asks, and writes an approval of exactly that plan, signed if a key is given.
//!
//! A key that this program cannot read (in an agent or in hardware) signs in two steps: `--statement` writes the text
//! to sign, and `--signature` reads the signature that `ssh-keygen` made.

mod key;
mod statement;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp, Unit};

use super::common::{
    approval_path, kept, list_guards, load_settings, now, read_plan, rules, same_settings, shown, tell_other_day,
    write_approval,
};
use super::places::Places;
use crate::approval::signature::{SignerKey, SigningKey};
use crate::approval::{
    Approval, FORMAT, FORMAT_VERSION, Found, GREATEST_CEILING, MAX_BYTES, Proof, Rules, automatic, examine, not_lifted,
};
use crate::cli::{self, Global};
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::guard::{Ceiling, needed_ceilings};
use crate::plan::{GuardResult, Plan};
use crate::text::{escape, is_unseen, printable};
use crate::ui::Ui;

/// Runs `approve`.
///
/// # Errors
/// Exit code 5 if a guard blocks and `--allow` does not suffice, 6 if the answer is no or the approval would not count.
pub fn run(args: &cli::Approve, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let plan = kept(read_plan(&args.plan)?);
    let statement = args.statement.as_deref().filter(|_| args.signature.is_none());
    places(args, global).writes("--statement", statement).check()?;
    super::plan::show(plan, &args.plan, args.ids.into(), ui)?;
    approve(plan, args, global, ui)?;
    Ok(ExitStatus::Done)
}

/// Approves a plan that the user has seen.
pub(super) fn approve(plan: &Plan, args: &cli::Approve, global: &Global, ui: &Ui) -> anyhow::Result<()> {
    let settings = load_settings(&global.config)?;
    same_settings(plan, &settings, &global.config)?;
    tell_other_day(plan, &settings, ui);
    let places = || places(args, global).settings(&settings);
    let rules = rules(plan, &settings)?;
    if let Some(signature) = &args.signature {
        let approval = statement::signed(args.statement.as_deref(), signature)?;
        places().writes_approval(&approval_path(&args.plan, &approval.approver)).check()?;
        ceilings_suffice(plan, &approval.allow, &args.plan, ui)?;
        return write(plan, approval, &args.plan, &rules, ui);
    }
    let key = args.sign_key.as_deref().map(|path| Ok::<_, anyhow::Error>((path, key::read(path, ui)?))).transpose()?;
    let approval = draft(plan, args, &rules, key.as_ref().map(|(_, key)| key.public()).as_ref())?;
    ceilings_suffice(plan, &approval.allow, &args.plan, ui)?;
    if let Some(path) = &args.statement {
        places().writes("--statement", Some(path)).check()?;
        return statement::write(&approval, path, &args.plan, ui);
    }
    places().writes_approval(&approval_path(&args.plan, &approval.approver)).check()?;
    if matches!(rules.proof, Proof::Signature(_)) && key.is_none() {
        let problem = "[approval] requires a signature: give --sign-key FILE, or --statement FILE for a key that an \
        agent or a device holds";
        return Err(refused(ExitStatus::Usage, problem));
    }
    if !args.yes {
        let question = format!("Approve this plan as {}?", approval.approver);
        if !ui.confirm(&question, "yes", "give --yes to approve without being asked")? {
            return Err(refused(ExitStatus::NotApproved, "not approved: the answer was not yes"));
        }
    }
    let approval = match key {
        Some((path, key)) => sign(approval, &key::unlocked(key, path, ui)?)?,
        None => approval,
    };
    write(plan, approval, &args.plan, &rules, ui)
}

/// The files that it reads, but for those of the settings.
fn places(args: &cli::Approve, global: &Global) -> Places {
    let places = Places::new(global).plan(&args.plan);
    let places =
        places.may_read("--sign-key", args.sign_key.as_deref()).may_read("--signature", args.signature.as_deref());
    match &args.signature {
        Some(_) => places.may_read("--statement", args.statement.as_deref()),
        None => places,
    }
}

/// The approval, not signed yet.
fn draft(plan: &Plan, args: &cli::Approve, rules: &Rules, key: Option<&SignerKey>) -> anyhow::Result<Approval> {
    let allow = ceilings(&args.allow)?;
    let approver = approver(args.approver.as_deref(), rules, key)?;
    // Whole seconds are precise enough, and easier to read in a statement.
    let approved_at = now().round(Unit::Second).context("the clock")?;
    let expires_at = args.expires.as_deref().map(|text| expiry(approved_at, text)).transpose()?;
    let approval = Approval {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        plan_hash: plan.hash(),
        approver,
        approved_at,
        expires_at,
        comment: args.comment.clone(),
        allow,
        blocked: plan.blocking_guards().cloned().collect(),
        signature: None,
    };
    // An approval that could not be read again must not be signed.
    let text = serde_json::to_vec_pretty(&approval)?;
    if text.len() > MAX_BYTES / 2 {
        return Err(refused(ExitStatus::Usage, "--comment is too long"));
    }
    Approval::read(&text).map_err(|problem| refused(ExitStatus::Usage, format!("this approval {problem}")))
}

fn sign(approval: Approval, key: &SigningKey) -> anyhow::Result<Approval> {
    let statement = approval.statement().map_err(anyhow::Error::msg)?;
    let signature = key.sign(&statement).map_err(anyhow::Error::msg)?;
    Ok(Approval { signature: Some(signature), ..approval })
}

/// Writes an approval, or refuses one that would not count.
fn write(plan: &Plan, approval: Approval, plan_path: &Path, rules: &Rules, ui: &Ui) -> anyhow::Result<()> {
    let found = Found { name: "the approval".to_owned(), approval: Ok(approval) };
    let accepted = examine(plan, &found, rules, now()).map_err(|objection| {
        refused(
            ExitStatus::NotApproved,
            format!("nothing was written: the approval would not count, as it {objection}"),
        )
    })?;
    let approval = accepted.approval;
    let path = write_approval(plan_path, approval)?;
    let until = approval.holds_until(rules.max_age);
    let approved = if approval.signature.is_some() { "approved and signed" } else { "approved" };
    ui.last(&[format!("{approved} by {} until {until:.0}: {}", printable(&approval.approver), shown(&path))]);
    Ok(())
}

/// Refuses an approval that does not allow what blocks, and says which flags would.
fn ceilings_suffice(plan: &Plan, allow: &BTreeMap<Ceiling, u64>, path: &Path, ui: &Ui) -> anyhow::Result<()> {
    let left = not_lifted(&plan.content().guards, allow);
    if left.is_empty() {
        return Ok(());
    }
    let hopeless: Vec<&GuardResult> =
        left.iter().copied().filter(|guard| Ceiling::lifting(&guard.id).is_none()).collect();
    if !hopeless.is_empty() {
        let problem = format!(
            "blocked by {}, which no approval can allow: correct the data, or change [guard] and plan again",
            list_guards(&hopeless, plan)
        );
        return Err(refused(ExitStatus::Blocked, problem));
    }
    let flags = ceiling_flags(plan);
    let problem = format!(
        "blocked by {}; if you have read every one of these changes and want them all: skovik-sync approve {} {}",
        list_guards(&left, plan),
        ui.typed(path),
        flags
    );
    Err(refused(ExitStatus::Blocked, problem))
}

/// The flags that allow everything in a plan that an approval can allow.
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
            Some((kind, count.parse::<u64>().ok().filter(|&count| count <= GREATEST_CEILING)?))
        });
        let Some((kind, count)) = parsed else {
            let problem = format!("--allow {text}: expected {}, with a whole number", Ceiling::forms());
            return Err(refused(ExitStatus::Usage, problem));
        };
        if ceilings.insert(kind, count).is_some() {
            return Err(refused(ExitStatus::Usage, format!("--allow {}: given twice", kind.name())));
        }
    }
    Ok(ceilings)
}

/// Who approves: the person named by the option, else the key's owner by `allowed_signers`, else the login name.
fn approver(given: Option<&str>, rules: &Rules, key: Option<&SignerKey>) -> anyhow::Result<String> {
    let from_environment = || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let signers = match &rules.proof {
        Proof::Hash => None,
        Proof::Signature(signers) => Some(signers),
    };
    let from_key = || Some(signers?.principal_of(key?)?.to_owned());
    let name = given.map(str::to_owned).or_else(from_key).or_else(from_environment).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(refused(ExitStatus::Usage, "cannot tell who approves: give --approver NAME"));
    }
    if name.chars().any(is_unseen) {
        let problem = format!("--approver {}: a name must not have invisible characters", escape(name));
        return Err(refused(ExitStatus::Usage, problem));
    }
    if !name.chars().any(char::is_alphanumeric) {
        return Err(refused(ExitStatus::Usage, format!("--approver {name}: a name must have a letter or a digit")));
    }
    if automatic::is_name_of_policy(name) {
        return Err(refused(
            ExitStatus::Usage,
            format!("--approver {name}: that is what `run` signs with; give a person's name"),
        ));
    }
    if signers.is_some_and(|signers| !signers.knows(name)) {
        let problem = format!(
            "not approved: allowed_signers lists nobody as {name}; give --approver with your name in that file"
        );
        return Err(refused(ExitStatus::NotApproved, problem));
    }
    if let (Some(signers), Some(key)) = (signers, key) {
        // Checked before the question and the passphrase.
        signers.check(key, name, now()).map_err(|objection| {
            refused(ExitStatus::NotApproved, format!("not approved: it would be signed {objection}"))
        })?;
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
