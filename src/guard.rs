//! The limits: how much of an account one plan may change. Pure functions of counts; nothing turns a guard off.

use serde::{Deserialize, Serialize};

use crate::plan::{GuardOutcome, GuardResult};

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
        }
    }
}

/// What the guards look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
}

/// What an approval can name to lift a guard, up to a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ceiling {
    /// `--allow deletes=N`
    Deletes,
    /// `--allow changes=N`
    Changes,
    /// `--allow creates=N`
    Creates,
}

impl Ceiling {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deletes, Self::Changes, Self::Creates];

    /// Its name on the command line and in approvals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deletes => "deletes",
            Self::Changes => "changes",
            Self::Creates => "creates",
        }
    }

    /// The ceiling that lifts a guard. Nothing lifts the others: they say that the data is not to be trusted.
    #[must_use]
    pub fn lifting(guard: &str) -> Option<Self> {
        match guard {
            MAX_DELETE_PERCENT | MAX_DELETES => Some(Self::Deletes),
            MAX_CHANGE_PERCENT | MAX_UPDATES => Some(Self::Changes),
            MAX_CREATES => Some(Self::Creates),
            _ => None,
        }
    }
}

/// The guard on how many of the managed users may be removed.
pub const MAX_DELETE_PERCENT: &str = "max_delete_percent";
/// The guard on how many of the managed users may be removed or modified.
pub const MAX_CHANGE_PERCENT: &str = "max_change_percent";
/// The guard on how many of the records in scope may be set aside.
pub const MAX_INVALID_PERCENT: &str = "max_invalid_percent";
/// The guard on how many good records there must be.
pub const MIN_EMPLOYEES: &str = "min_employees";
const MAX_CREATES: &str = "max_creates";
const MAX_UPDATES: &str = "max_updates";
const MAX_DELETES: &str = "max_deletes";

/// Evaluates every guard; each gives its figures whether or not it blocks.
#[must_use]
pub fn evaluate(limits: &Limits, counts: &Counts) -> Vec<GuardResult> {
    let Limits {
        max_delete_percent,
        max_change_percent,
        max_invalid_percent,
        min_employees,
        max_creates,
        max_updates,
        max_deletes,
    } = limits;
    let Counts { creates, updates, deletes, managed, employees, in_scope, set_aside } = *counts;
    let percent = |id, count, of, limit: &u64| result(id, count, of, *limit, exceeds(count, *limit, of));
    let mut results = vec![
        percent(MAX_DELETE_PERCENT, deletes, managed, max_delete_percent),
        percent(MAX_CHANGE_PERCENT, deletes + updates, managed, max_change_percent),
        percent(MAX_INVALID_PERCENT, set_aside, in_scope, max_invalid_percent),
        result(MIN_EMPLOYEES, employees, in_scope, *min_employees, employees < *min_employees),
    ];
    let absolute =
        [(MAX_CREATES, creates, max_creates), (MAX_UPDATES, updates, max_updates), (MAX_DELETES, deletes, max_deletes)];
    for (id, count, limit) in absolute {
        if let Some(limit) = limit {
            results.push(result(id, count, managed, *limit, count > *limit));
        }
    }
    results
}

/// Evaluates the guards of a plan again, for an account in which fewer users may be changed than when it was made.
/// Counts and limits stay the plan's.
#[must_use]
pub fn evaluate_again(results: &[GuardResult], managed: u64) -> Vec<GuardResult> {
    let again = |found: &GuardResult| match found.id.as_str() {
        MAX_DELETE_PERCENT | MAX_CHANGE_PERCENT => {
            let of = found.of.min(managed);
            result(&found.id, found.count, of, found.limit, exceeds(found.count, found.limit, of))
        }
        _ => found.clone(),
    };
    results.iter().map(again).collect()
}

/// Whether a count is more than so many percent of a whole: exact, and exactly so many are not more.
#[must_use]
pub fn exceeds(count: u64, percent: u64, of: u64) -> bool {
    u128::from(count) * 100 > u128::from(percent) * u128::from(of)
}

fn result(id: &str, count: u64, of: u64, limit: u64, blocks: bool) -> GuardResult {
    let outcome = if blocks { GuardOutcome::Block } else { GuardOutcome::Pass };
    GuardResult { id: id.to_owned(), count, of, limit, outcome }
}
