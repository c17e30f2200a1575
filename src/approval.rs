//! Approvals: who has approved exactly which plan, until when, and how far beyond which guards.
//!
//! An approval is a file beside the plan that names the plan's hash. [`judge`] decides, from the files that were found
//! and the `[approval]` settings, whether a plan may be applied; it reads no file and no clock.

pub mod automatic;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::guard::{self, Ceiling};
use crate::plan::{Digest, GuardOutcome, GuardResult, Plan};

/// What an approval file says that it is.
pub const FORMAT: &str = "skovik-sync/approval";
/// The version that this program writes, and the only one that it reads.
pub const FORMAT_VERSION: u64 = 1;
/// How far the clocks of two machines may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// One person's approval of one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Always [`FORMAT`].
    pub format: String,
    /// Always [`FORMAT_VERSION`].
    pub format_version: u64,
    /// The only plan that is approved.
    pub plan_hash: Digest,
    /// Who approves.
    pub approver: String,
    /// When.
    pub approved_at: Timestamp,
    /// Until when, if the approver said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Why, if the approver said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// How far each kind of guard is lifted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allow: BTreeMap<Ceiling, u64>,
    /// The guards that blocked, with the figures that the approver saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<GuardResult>,
}

/// A file beside the plan that claims to be an approval.
#[derive(Debug)]
pub struct Found {
    /// Its name, for messages.
    pub name: String,
    /// What it says, or what is wrong with it.
    pub approval: Result<Approval, String>,
}

/// What an approval needs to count.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How many different approvers.
    pub approvers: usize,
    /// How long an approval holds at most.
    pub max_age: SignedDuration,
}

/// An approval that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Who approved; empty where only the hash was given.
    pub approvers: Vec<String>,
    /// How far each kind of guard is lifted.
    pub allow: BTreeMap<Ceiling, u64>,
}

/// Why a plan may not be applied, with a reason for each approval that was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .reasons.join("; "))]
pub struct NotApproved {
    /// The reasons; never empty.
    pub reasons: Vec<String>,
}

impl Approval {
    /// Reads an approval; whatever is not exactly one is an error.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let approval: Self = serde_json::from_slice(text).map_err(|error| format!("is no approval: {error}"))?;
        if approval.format != FORMAT || approval.format_version != FORMAT_VERSION {
            return Err(format!("is not a {FORMAT:?} file of version {FORMAT_VERSION}"));
        }
        Ok(approval)
    }

    /// Until when it holds: the earlier of its own expiry and the greatest age that the settings allow.
    #[must_use]
    pub fn holds_until(&self, rules: &Rules) -> Timestamp {
        let by_age = self.approved_at.checked_add(rules.max_age).unwrap_or(Timestamp::MAX);
        self.expires_at.map_or(by_age, |own| own.min(by_age))
    }

    /// Why it does not count for a plan now.
    fn objection(&self, plan: &Plan, rules: &Rules, now: Timestamp) -> Option<String> {
        if self.plan_hash != plan.hash() {
            return Some(format!("approves another plan, {}", self.plan_hash));
        }
        if self.approved_at.checked_sub(CLOCK_SKEW).unwrap_or(Timestamp::MIN) > now {
            return Some(format!("was given in the future, at {}", self.approved_at));
        }
        let until = self.holds_until(rules);
        (until <= now).then(|| format!("expired at {until:.0}; approve again"))
    }
}

/// Decides whether a plan is approved. `stated` is a hash that somebody says was approved elsewhere.
///
/// # Errors
/// Where the approvals do not suffice: exit code 6.
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
    let mut reasons = Vec::new();
    let mut counted: BTreeMap<&str, &Approval> = BTreeMap::new();
    for Found { name, approval } in found {
        let objection = match approval {
            Ok(approval) => match approval.objection(plan, rules, now) {
                None => {
                    counted.insert(&approval.approver, approval);
                    continue;
                }
                Some(objection) => objection,
            },
            Err(problem) => problem.clone(),
        };
        reasons.push(format!("{name} {objection}"));
    }
    if counted.is_empty() && stated.is_some() && rules.approvers <= 1 {
        return Ok(Granted { approvers: Vec::new(), allow: BTreeMap::new() });
    }
    if counted.len() < rules.approvers.max(1) {
        let count = counted.len();
        let needed = rules.approvers.max(1);
        reasons.insert(
            0,
            format!("{count} of {needed} approvals needed: run skovik-sync approve, or give --approved-hash"),
        );
        return Err(NotApproved { reasons });
    }
    Ok(Granted { approvers: counted.keys().map(ToString::to_string).collect(), allow: ceilings(&counted, rules) })
}

/// The ceiling of each kind that enough approvers allow: with two needed, the second highest.
fn ceilings(counted: &BTreeMap<&str, &Approval>, rules: &Rules) -> BTreeMap<Ceiling, u64> {
    let mut ceilings = BTreeMap::new();
    for kind in Ceiling::ALL {
        let mut allowed: Vec<u64> =
            counted.values().filter_map(|approval| approval.allow.get(&kind).copied()).collect();
        allowed.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(&ceiling) = allowed.get(rules.approvers.max(1) - 1) {
            ceilings.insert(kind, ceiling);
        }
    }
    ceilings
}

/// The guards that block and that the ceilings do not lift. A ceiling lifts nothing unless it covers all that the plan
/// has of its kind; see [`guard::whole`].
#[must_use]
pub fn not_lifted<'a>(guards: &'a [GuardResult], allow: &BTreeMap<Ceiling, u64>) -> Vec<&'a GuardResult> {
    let suffices: BTreeMap<Ceiling, bool> =
        allow.iter().map(|(&kind, &ceiling)| (kind, guard::whole(guards, kind) <= ceiling)).collect();
    let lifted = |guard: &GuardResult| {
        Ceiling::lifting(&guard.id).and_then(|kind| suffices.get(&kind)).is_some_and(|suffices| *suffices)
    };
    guards.iter().filter(|guard| guard.outcome == GuardOutcome::Block && !lifted(guard)).collect()
}

/// The name of an approval's file beside a plan's. An approver's name is reduced to what every file system takes.
#[must_use]
pub fn file_name(plan: &str, approver: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+') { c } else { '_' };
    let approver: String = approver.chars().map(safe).take(80).collect();
    format!("{plan}.{approver}.approval")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Content, Summary, Target};

    pub(super) fn plan(guards: Vec<GuardResult>) -> Plan {
        Plan::seal(Content {
            generator: "test".to_owned(),
            config_hash: Digest::of(b""),
            target: Target {
                kind: "skovik".to_owned(),
                url: "https://api.example.com/v1".to_owned(),
                users: 0,
                managed: 0,
                fingerprint: Digest::of(b""),
                custom_fields: BTreeMap::new(),
            },
            sources: Vec::new(),
            summary: Summary::default(),
            guards,
            diagnostics: Vec::new(),
            operations: Vec::new(),
        })
        .expect("a plan")
    }

    pub(super) fn guard(id: &str, count: u64) -> GuardResult {
        GuardResult {
            id: id.to_owned(),
            subject: None,
            count,
            of: 100,
            limit: 20,
            ignore_below: None,
            outcome: GuardOutcome::Block,
            parts: Vec::new(),
        }
    }

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().expect("a time")
    }

    fn approval(approver: &str) -> Approval {
        Approval {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            plan_hash: plan(Vec::new()).hash(),
            approver: approver.to_owned(),
            approved_at: now() - SignedDuration::from_hours(1),
            expires_at: None,
            comment: None,
            allow: BTreeMap::new(),
            blocked: Vec::new(),
        }
    }

    fn found(approval: Approval) -> Found {
        Found { name: format!("plan.json.{}.approval", approval.approver), approval: Ok(approval) }
    }

    fn rules(approvers: usize) -> Rules {
        Rules { approvers, max_age: SignedDuration::from_hours(24) }
    }

    fn judged(approvals: Vec<Approval>, approvers: usize) -> Result<Vec<String>, String> {
        let found: Vec<Found> = approvals.into_iter().map(found).collect();
        judge(&plan(Vec::new()), &found, None, &rules(approvers), now())
            .map(|granted| granted.approvers)
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn one_valid_approval_suffices() {
        assert_eq!(judged(vec![approval("anna")], 1), Ok(vec!["anna".to_owned()]));
    }

    #[test]
    fn none_is_too_few() {
        assert!(judged(vec![], 1).is_err());
    }

    #[test]
    fn what_does_not_count() {
        type Edit = fn(&mut Approval);
        let edits: [(&str, Edit); 4] = [
            ("another plan", |approval| approval.plan_hash = Digest::of(b"another")),
            ("in the future", |approval| approval.approved_at = now() + SignedDuration::from_mins(6)),
            ("expired", |approval| approval.approved_at = now() - SignedDuration::from_hours(24)),
            ("expired", |approval| approval.expires_at = Some(now())),
        ];
        for (word, edit) in edits {
            let mut approval = approval("anna");
            edit(&mut approval);
            let refusal = judged(vec![approval], 1).expect_err("must not count");
            assert!(refusal.contains(word), "{refusal}");
        }
    }

    #[test]
    fn the_same_approver_counts_once() {
        assert!(judged(vec![approval("anna"), approval("anna")], 2).is_err());
        assert!(judged(vec![approval("anna"), approval("ben")], 2).is_ok());
    }

    #[test]
    fn a_stated_hash_counts_only_for_its_plan() {
        let plan = plan(Vec::new());
        assert!(judge(&plan, &[], Some(plan.hash()), &rules(1), now()).is_ok());
        assert!(judge(&plan, &[], Some(Digest::of(b"other")), &rules(1), now()).is_err());
        assert!(judge(&plan, &[found(approval("anna"))], Some(Digest::of(b"other")), &rules(1), now()).is_err());
        assert!(judge(&plan, &[], Some(plan.hash()), &rules(2), now()).is_err());
    }

    #[test]
    fn a_ceiling_lifts_its_guards_up_to_its_count() {
        let guards = [guard("max_delete_percent", 40), guard("max_change_percent", 60), guard("min_employees", 0)];
        let left = |allow: &[(Ceiling, u64)]| {
            let allow: BTreeMap<Ceiling, u64> = allow.iter().copied().collect();
            not_lifted(&guards, &allow).iter().map(|guard| guard.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(left(&[]), ["max_delete_percent", "max_change_percent", "min_employees"]);
        assert_eq!(left(&[(Ceiling::Deletes, 39), (Ceiling::Changes, 60)]), ["max_delete_percent", "min_employees"]);
        assert_eq!(left(&[(Ceiling::Deletes, 40), (Ceiling::Changes, 60)]), ["min_employees"]);
    }

    #[test]
    fn with_two_approvers_both_must_allow_as_much() {
        let allowing =
            |approver, deletes| Approval { allow: [(Ceiling::Deletes, deletes)].into(), ..approval(approver) };
        let found = [found(allowing("anna", 40)), found(allowing("ben", 10)), found(approval("carla"))];
        let granted = judge(&plan(Vec::new()), &found, None, &rules(2), now()).expect("approved");
        assert_eq!(granted.allow, [(Ceiling::Deletes, 10)].into());
    }

    #[test]
    fn a_file_name_is_one() {
        assert_eq!(file_name("plan.json", "../../Åsa Berg"), "plan.json..._.._Åsa_Berg.approval");
    }
}
