//! The limits: how much of an account one plan may change. Pure functions of counts; nothing turns a guard off.
//!
//! `totals` looks at the whole account, `fields` at each field and `branches` at each branch, so that a lost subsidiary is
//! seen though it is a small part of all. `ceiling` says which approval lifts what. Whom the figures are made of is
//! measured by [`crate::plan`].

mod branches;
mod ceiling;
mod demanded;
mod fields;
#[cfg(test)]
mod tests;
mod totals;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::employee::{BranchId, CustomFieldId};
use crate::plan::{BranchRef, Field, GuardOutcome, GuardResult, Subject};

pub use ceiling::{Ceiling, needed_ceilings, whole};
pub use demanded::not_as_demanded;

/// The `[guard]` settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How many percent of the managed users may be removed; exactly so many pass.
    pub max_delete_percent: u64,
    /// How many percent of the managed users may be removed or modified.
    pub max_change_percent: u64,
    /// How many percent of the records in scope may be set aside.
    pub max_invalid_percent: u64,
    /// How many good records in scope there must be.
    pub min_employees: u64,
    /// How many users may be created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_creates: Option<u64>,
    /// How many users may be modified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_updates: Option<u64>,
    /// How many users may be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_deletes: Option<u64>,
    /// How many people may be left without a manager because theirs is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_left_without_manager: Option<u64>,
    /// In how many percent of the managed users any one field may change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_field_percent: Option<u64>,
    /// The same for certain fields, by the name that `[employee]` gives them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, u64>,
    /// The limits of each branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_branch: Option<BranchLimits>,
}

/// The `[guard.per_branch]` settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchLimits {
    /// How many percent of a branch's managed users may be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_delete_percent: Option<u64>,
    /// How many percent of a branch's managed users may be removed or modified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_change_percent: Option<u64>,
    /// Fewer people of one branch than this never block; see [`BranchLimits::IGNORE_BELOW`].
    pub ignore_below: u64,
}

impl BranchLimits {
    /// The default of `ignore_below`. It is measured by the people concerned and not by the size of the branch: what one
    /// branch can lose unseen is then the same few people whatever its size, and no branch is too small to be guarded.
    pub const IGNORE_BELOW: u64 = 5;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_delete_percent: 20,
            max_change_percent: 20,
            max_invalid_percent: 5,
            min_employees: 1,
            max_creates: None,
            max_updates: None,
            max_deletes: None,
            max_left_without_manager: None,
            max_field_percent: None,
            fields: BTreeMap::new(),
            per_branch: None,
        }
    }
}

/// What the guards look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Users who would be created.
    pub creates: u64,
    /// Users who would be modified.
    pub updates: u64,
    /// Users who would be removed.
    pub deletes: u64,
    /// Users whom this configuration may change.
    pub managed: u64,
    /// Good records in scope.
    pub employees: u64,
    /// Records in scope.
    pub in_scope: u64,
    /// Records in scope that were set aside.
    pub set_aside: u64,
    /// People who stay and whose manager would be removed.
    pub losing_manager: u64,
    /// Those of them who would have no manager afterwards.
    pub left_without_manager: u64,
    /// The managed fields, each once.
    pub fields: Vec<FieldCount>,
    /// The branches that have managed users, each once.
    pub branches: Vec<BranchCount>,
}

/// In how many users a field would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldCount {
    /// The field.
    pub field: Field,
    /// What people call it: the name of a custom field.
    pub name: String,
    /// Users who would be modified in it.
    pub updates: u64,
}

/// What would become of the users of a branch: those who are in it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchCount {
    /// The branch; `None` for those who are in none.
    pub branch: Option<BranchRef>,
    /// Those who would be modified.
    pub updates: u64,
    /// Those who would be removed.
    pub deletes: u64,
    /// Those whom this configuration may change.
    pub managed: u64,
}

/// The guard on how many of the managed users may be removed.
pub const MAX_DELETE_PERCENT: &str = "max_delete_percent";
/// The guard on how many of the managed users may be removed or modified.
pub const MAX_CHANGE_PERCENT: &str = "max_change_percent";
/// The guard on how many of the records in scope may be set aside.
pub const MAX_INVALID_PERCENT: &str = "max_invalid_percent";
/// The guard on how many good records there must be.
pub const MIN_EMPLOYEES: &str = "min_employees";
/// The guard on how many users may be created.
pub const MAX_CREATES: &str = "max_creates";
/// The guard on how many users may be modified.
pub const MAX_UPDATES: &str = "max_updates";
/// The guard on how many users may be removed.
pub const MAX_DELETES: &str = "max_deletes";
/// The guard on how many people may lose their manager and get no other.
pub const MAX_LEFT_WITHOUT_MANAGER: &str = "max_left_without_manager";
/// The guard on in how many of the managed users one field may change.
pub const MAX_FIELD_PERCENT: &str = "max_field_percent";
/// The guard on how many of a branch's managed users may be removed.
pub const BRANCH_DELETE_PERCENT: &str = "per_branch.max_delete_percent";
/// The guard on how many of a branch's managed users may be removed or modified.
pub const BRANCH_CHANGE_PERCENT: &str = "per_branch.max_change_percent";

/// Evaluates every guard; each gives its figures whether or not it blocks.
#[must_use]
pub fn evaluate(limits: &Limits, counts: &Counts) -> Vec<GuardResult> {
    let mut results = totals::evaluate(limits, counts);
    results.extend(fields::evaluate(limits, &counts.fields, counts.managed));
    if let Some(limits) = &limits.per_branch {
        results.extend(branches::evaluate(limits, &counts.branches));
    }
    results
}

/// Evaluates the guards of a plan again, for an account in which fewer users may be changed than when it was made: in all,
/// and in each branch. Counts and limits stay the plan's.
#[must_use]
pub fn evaluate_again(
    results: &[GuardResult],
    managed: u64,
    managed_in: impl Fn(Option<&BranchId>) -> u64,
) -> Vec<GuardResult> {
    let again = |found: &GuardResult| {
        let managed = match (found.id.as_str(), &found.subject) {
            (MAX_DELETE_PERCENT | MAX_CHANGE_PERCENT | MAX_FIELD_PERCENT, _) => managed,
            (BRANCH_DELETE_PERCENT | BRANCH_CHANGE_PERCENT, Some(Subject::Branch(branch))) => {
                managed_in(branch.as_ref().map(|branch| &branch.branch_id))
            }
            _ => return found.clone(),
        };
        judged(GuardResult { of: found.of.min(managed), ..found.clone() })
    };
    results.iter().map(again).collect()
}

/// The outcome that figures lead to; `None` for a guard that this version does not know.
#[must_use]
pub fn outcome(result: &GuardResult) -> Option<GuardOutcome> {
    let GuardResult { id, subject: _, count, of, limit, ignore_below, outcome: _, parts: _ } = result;
    let blocks = match id.as_str() {
        MAX_DELETE_PERCENT
        | MAX_CHANGE_PERCENT
        | MAX_INVALID_PERCENT
        | MAX_FIELD_PERCENT
        | BRANCH_DELETE_PERCENT
        | BRANCH_CHANGE_PERCENT => *count >= ignore_below.unwrap_or(0) && exceeds(*count, *limit, *of),
        MIN_EMPLOYEES => count < limit,
        MAX_CREATES | MAX_UPDATES | MAX_DELETES | MAX_LEFT_WITHOUT_MANAGER => count > limit,
        _ => return None,
    };
    Some(if blocks { GuardOutcome::Block } else { GuardOutcome::Pass })
}

/// Whether a count is more than so many percent of a whole: exact, and exactly so many are not more.
#[must_use]
pub fn exceeds(count: u64, percent: u64, of: u64) -> bool {
    u128::from(count) * 100 > u128::from(percent) * u128::from(of)
}

/// The guard's setting and, where it looks at a part of the account, that part, for a message.
#[must_use]
pub fn title(result: &GuardResult, custom_fields: &BTreeMap<CustomFieldId, String>) -> String {
    match &result.subject {
        None => result.id.clone(),
        Some(subject) => format!("{} of {}", result.id, subject.label(custom_fields)),
    }
}

fn result(id: &str, count: u64, of: u64, limit: u64) -> GuardResult {
    judged(GuardResult {
        id: id.to_owned(),
        subject: None,
        count,
        of,
        limit,
        ignore_below: None,
        outcome: GuardOutcome::Pass,
        parts: Vec::new(),
    })
}

fn judged(result: GuardResult) -> GuardResult {
    let outcome = outcome(&result).unwrap_or(GuardOutcome::Block);
    GuardResult { outcome, ..result }
}
