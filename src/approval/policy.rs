//! Whether a plan has enough approvals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::grouped::{Group, grouped};
use super::name::readings;
use super::people::{Accepted, Person, people};
use super::record::Approval;
use super::signature::{Signature, SignerKey};
use super::signers::AllowedSigners;
use crate::guard::{self, Ceiling};
use crate::plan::{Digest, GuardOutcome, GuardResult, Plan};

/// How far the clocks of two machines may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// A file next to the plan that claims to be an approval.
#[derive(Debug)]
pub struct Found {
    /// Its name, for messages.
    pub name: String,
    /// The approval, or why it could not be read.
    pub approval: Result<Approval, String>,
}

/// What an approval needs to count.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What proves an approval.
    pub proof: Proof,
    /// How many different people must approve this plan.
    pub approvers: usize,
    /// The rule that requires this many, if other plans need fewer.
    pub because: Option<Arc<str>>,
    /// How long an approval is valid at most.
    pub max_age: SignedDuration,
}

/// What proves an approval.
#[derive(Debug, Clone)]
pub enum Proof {
    /// The plan's hash in the file is enough.
    Hash,
    /// A signature by one of these.
    Signature(AllowedSigners),
}

/// What the valid approvals grant together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Who approved; empty if only the hash was given.
    pub approvers: Vec<String>,
    /// The allowed count of each kind of guard.
    pub allow: BTreeMap<Ceiling, u64>,
    /// How many different people approved.
    people: usize,
    /// The counts that each person allows, for each kind of guard; the highest first.
    ceilings: BTreeMap<Ceiling, Vec<u64>>,
}

impl Granted {
    /// Approval by somebody who stated the plan's hash, or said yes. It raises no limit.
    #[must_use]
    pub fn by_hash() -> Self {
        Self { approvers: Vec::new(), allow: BTreeMap::new(), people: 1, ceilings: BTreeMap::new() }
    }

    /// How many different people approved.
    #[must_use]
    pub fn people(&self) -> usize {
        self.people
    }

    /// The allowed count of each kind of guard if this many people are needed, which may be more than the plan itself
    /// needs.
    #[must_use]
    pub fn allowed_by(&self, approvers: usize) -> BTreeMap<Ceiling, u64> {
        let lowered = |(kind, &ceiling): (&Ceiling, &u64)| {
            let allowed = *self.ceilings.get(kind)?.get(approvers.max(1) - 1)?;
            Some((*kind, allowed.min(ceiling)))
        };
        self.allow.iter().filter_map(lowered).collect()
    }
}

/// Why a plan may not be applied, with a reason for each approval that was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .reasons.join("; "))]
pub struct NotApproved {
    /// The reasons; never empty.
    pub reasons: Vec<String>,
}

impl Rules {
    /// Whether a hash that somebody states, or `yes` on a terminal, is enough for a plan that no guard blocks.
    #[must_use]
    pub fn hash_suffices(&self) -> bool {
        matches!(self.proof, Proof::Hash) && self.approvers <= 1
    }

    fn signers(&self) -> Option<&AllowedSigners> {
        match &self.proof {
            Proof::Hash => None,
            Proof::Signature(signers) => Some(signers),
        }
    }
}

/// Checks whether one approval counts for a plan now.
///
/// # Errors
/// Names the rule that fails, as the end of a sentence that begins with the file's name.
pub fn examine<'a>(plan: &Plan, found: &'a Found, rules: &Rules, now: Timestamp) -> Result<Accepted<'a>, String> {
    let approval = found.approval.as_ref().map_err(String::clone)?;
    if approval.plan_hash != plan.hash() {
        return Err(format!("approves another plan, {}", approval.plan_hash));
    }
    if approval.approved_at.checked_sub(CLOCK_SKEW).unwrap_or(Timestamp::MIN) > now {
        return Err(format!("was given in the future, at {}", approval.approved_at));
    }
    let until = approval.holds_until(rules.max_age);
    if until <= now {
        return Err(format!("expired at {until:.0}; approve again"));
    }
    let key = rules.signers().map(|signers| signer(approval, signers, now)).transpose()?;
    Ok(Accepted { approval, key, readings: readings(&approval.approver) })
}

/// The key that signed an approval, if its signature is valid and counts.
fn signer(approval: &Approval, signers: &AllowedSigners, now: Timestamp) -> Result<SignerKey, String> {
    let armor = approval.signature.as_deref().ok_or("is not signed; approve again with --sign-key or --statement")?;
    let signature = Signature::read(armor).map_err(|problem| format!("has a signature that {problem}"))?;
    signature.verify(&approval.statement()?).map_err(|_| {
        "has a signature that does not fit what it says: it was altered after it was signed, or carries the signature \
         of something else"
    })?;
    let key = signature.key().clone();
    signers.check(&key, &approval.approver, now).map_err(|problem| format!("is signed {problem}"))?;
    Ok(key)
}

/// Decides whether a plan is approved. `stated` is a hash that somebody says was approved elsewhere.
///
/// # Errors
/// If the approvals do not suffice: exit code 6.
pub fn judge(
    plan: &Plan,
    found: &[Found],
    stated: Option<Digest>,
    rules: &Rules,
    now: Timestamp,
) -> Result<Granted, NotApproved> {
    if let Some(stated) = stated
        && stated != plan.hash()
    {
        let reason = format!("the approved hash is {stated}, but the plan is {}", plan.hash());
        return Err(NotApproved { reasons: vec![reason] });
    }
    let mut objections = Vec::new();
    let mut accepted = Vec::new();
    for one in found {
        match examine(plan, one, rules, now) {
            Ok(approval) => accepted.push(approval),
            Err(objection) => objections.push((one.name.clone(), objection)),
        }
    }
    let mut reasons: Vec<String> =
        grouped(objections).into_iter().map(|Group { names, said }| format!("{names} {said}")).collect();
    if accepted.is_empty() && stated.is_some() && rules.hash_suffices() {
        return Ok(Granted::by_hash());
    }
    let people = people(&accepted, rules.signers());
    if people.len() < rules.approvers.max(1) {
        reasons.extend(people.iter().filter_map(counted_once));
        reasons.insert(0, too_few(people.len(), stated, rules));
        return Err(NotApproved { reasons });
    }
    let approvers: BTreeSet<&str> = accepted.iter().map(|one| one.approval.approver.as_str()).collect();
    let ceilings = ceilings(&people);
    let nth = rules.approvers.max(1) - 1;
    Ok(Granted {
        approvers: approvers.into_iter().map(str::to_owned).collect(),
        // If two are needed, this is the second highest.
        allow: ceilings.iter().filter_map(|(&kind, allowed)| Some((kind, *allowed.get(nth)?))).collect(),
        people: people.len(),
        ceilings,
    })
}

/// Says so if approvals under several names count as one, and why.
fn counted_once(person: &Person<'_, '_>) -> Option<String> {
    let names: BTreeSet<&str> = person.iter().map(|one| one.approval.approver.as_str()).collect();
    let joined = names.iter().copied().collect::<Vec<_>>().join(" and ");
    let why = match person.iter().all(|one| !one.readings.is_disjoint(&person[0].readings)) {
        true => "their names look the same",
        false => "by allowed_signers one person may hold the keys of both",
    };
    (names.len() > 1).then(|| format!("{joined} count once, because {why}"))
}

fn too_few(count: usize, stated: Option<Digest>, rules: &Rules) -> String {
    let needed = rules.approvers.max(1);
    let because =
        rules.because.as_ref().map(|when| format!(" because of [[approval.rule]] {when:?}")).unwrap_or_default();
    let (signed, people) = match (&rules.proof, needed) {
        (Proof::Hash, _) => ("", ""),
        (Proof::Signature(_), 1) => ("signed ", ""),
        (Proof::Signature(_), _) => ("signed ", " by different people"),
    };
    let advice = match &rules.proof {
        Proof::Hash => "run skovik-sync approve, or give --approved-hash",
        Proof::Signature(_) if stated.is_some() => {
            "--approved-hash does not do where [approval] requires signatures: run skovik-sync approve --sign-key"
        }
        Proof::Signature(_) => "run skovik-sync approve --sign-key, or --statement for a key in an agent",
    };
    format!("{count} of {needed} {signed}approvals{people} needed{because}: {advice}")
}

/// The counts that people allow for each kind of guard, the highest first.
fn ceilings(people: &[Person<'_, '_>]) -> BTreeMap<Ceiling, Vec<u64>> {
    let mut ceilings = BTreeMap::new();
    for kind in Ceiling::ALL {
        let highest =
            |person: &Person<'_, '_>| person.iter().filter_map(|one| one.approval.allow.get(&kind).copied()).max();
        let mut allowed: Vec<u64> = people.iter().filter_map(highest).collect();
        allowed.sort_unstable_by(|a, b| b.cmp(a));
        ceilings.insert(kind, allowed);
    }
    ceilings
}

/// The guards that still block with these allowed counts. An allowed count has no effect unless it covers everything of
/// its kind in the plan; see [`guard::whole`].
#[must_use]
pub fn not_lifted<'a>(guards: &'a [GuardResult], allow: &BTreeMap<Ceiling, u64>) -> Vec<&'a GuardResult> {
    let suffices: BTreeMap<Ceiling, bool> =
        allow.iter().map(|(&kind, &ceiling)| (kind, guard::whole(guards, kind) <= ceiling)).collect();
    let lifted = |guard: &GuardResult| {
        Ceiling::lifting(&guard.id).and_then(|kind| suffices.get(&kind)).is_some_and(|suffices| *suffices)
    };
    guards.iter().filter(|guard| guard.outcome == GuardOutcome::Block && !lifted(guard)).collect()
}

#[cfg(test)]
pub(super) mod tests;
