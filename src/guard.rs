//! The limits: how much of an account one plan may change. Pure functions of counts; nothing turns a guard off.
//!
//! A guard is a value: [`Guard`] holds everything about it, and [`GUARDS`] lists them all in the order in which plans
//! show them. Look a guard up with [`find`]; never derive anything from the spelling of its id. To add one, write its
//! row in `table`, what it counts in `effect` if nothing there says it yet, and its line in `docs/configuration.md`.
//!
//! Most guards also count what was done before the plan, within a window. They are given it as a value ([`RecentPast`])
//! and know no clock.
//!
//! Some guards look at the whole account, some at each field and some at each branch, so that a lost subsidiary blocks
//! although it is a small part of the account. `ceiling` says which approvals raise which limits. This module never
//! looks at the people themselves: [`crate::plan`] says what each operation does to an account.

mod ceiling;
mod effect;
mod evaluate;
mod limits;
mod recent_past;
mod result;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::employee::CustomFieldId;
use crate::field::Field;
use crate::text::printable;

pub use ceiling::{Ceiling, needed_ceilings, whole};
pub use effect::{BranchCount, Effect, Join, Kind, ManagerLoss, NamedField, People};
pub use evaluate::{Tally, UsersNow, evaluate, evaluate_again, evaluate_since, outcome};
pub use limits::{Limits, WINDOW};
pub use recent_past::{Done, Past, RecentPast};
pub use result::{Common, Earlier, GuardOutcome, GuardResult, Part, Subject};
pub use table::{
    BRANCH_CHANGE_PERCENT, BRANCH_DELETE_PERCENT, GUARDS, MAX_CHANGE_PERCENT, MAX_CREATE_PERCENT, MAX_CREATES,
    MAX_DELETE_PERCENT, MAX_DELETES, MAX_EMPTIED_PERCENT, MAX_FIELD_PERCENT, MAX_INVALID_PERCENT,
    MAX_LEFT_WITHOUT_MANAGER, MAX_UNMATCHED_PERCENT, MAX_UNRESOLVED_PERCENT, MAX_UPDATES, MIN_EMPLOYEES,
    UNMATCHED_DEFAULT, UNMATCHED_KEY,
};

#[cfg(test)]
pub(crate) use tests::{MADE_UP, Now};

/// Everything about one guard.
#[derive(Debug)]
pub struct Guard {
    /// Its name in plans, approvals and messages: the path of its setting below `[guard]`.
    pub id: &'static str,
    /// What it counts, in the words of `docs/configuration.md`.
    pub about: &'static str,
    /// What it counts.
    pub count: Count,
    /// The whole that a percentage is taken of. If the limit is a number of people, it is only for information.
    pub of: Of,
    /// What its limit is.
    pub unit: Unit,
    /// Where its limit comes from.
    pub setting: Setting,
    /// Which counts are too small to block.
    pub ignore_below: IgnoreBelow,
    /// The kind of allowed count by which an approval raises its limit. Without one, no approval helps: the guard says
    /// that the data cannot be trusted.
    pub lifted_by: Option<Ceiling>,
    /// Whether what was done within `[guard] window` counts with the plan's own, and the word for it, such as `removed`.
    pub over_window: Option<&'static str>,
}

/// What a guard counts, and in which part of the account.
#[derive(Debug)]
pub enum Count {
    /// Operations of the whole plan.
    Operations(fn(&Effect<'_>) -> bool),
    /// Operations on the users of each branch, by their present branch.
    InEachBranch(fn(&Effect<'_>) -> bool),
    /// Operations that change a field, for each managed field.
    InEachField {
        /// Whether an operation that changes the field counts.
        counts: fn(&Effect<'_>, &Field) -> bool,
        /// Which of the managed fields are looked at.
        fields: fn(&Field) -> bool,
    },
    /// Records; they cannot be counted from operations.
    Records {
        /// How many.
        count: fn(&People) -> u64,
        /// The diagnostics that name these people, if any do.
        named_by: Option<fn(&Diagnostic) -> bool>,
    },
    /// People in scope without a row in a joined source, for each of these sources.
    InEachSource,
}

/// The whole that a guard's percentage is taken of.
#[derive(Debug)]
pub enum Of {
    /// The users that this configuration may change; for a guard per branch, only the branch's.
    Managed,
    /// All users of the account. In an account without users nobody can be created twice, and the guard never blocks.
    Users,
    /// The users that this configuration may change and that have a value of the field.
    WithValue,
    /// Another number of people.
    People(fn(&People) -> u64),
    /// Operations.
    Operations(fn(&Effect<'_>) -> bool),
}

/// What a limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// At most this percentage; exactly this passes.
    Percent,
    /// At most this count.
    AtMost,
    /// At least this count.
    AtLeast,
}

/// Where a limit comes from.
#[derive(Debug)]
pub struct Setting {
    /// The table within `[guard]`; `[guard]` itself, if `None`.
    pub table: Option<&'static str>,
    /// The key.
    pub key: &'static str,
    /// The limit if it is not set. If there is no default either, the guard is not evaluated.
    pub default: Option<u64>,
    /// A table next to the key, with limits for certain fields; these replace the common limit.
    pub fields: Option<&'static str>,
    /// What `[employee]` must manage for this guard to apply.
    pub needs: Option<Needs>,
}

/// A part of `[employee]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// `branch`
    Branch,
    /// `manager`
    Manager,
}

/// Which counts never block, however large their share is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgnoreBelow {
    /// Every count may block.
    Nothing,
    /// Counts below this.
    Fixed(u64),
    /// Counts below a setting in the guard's own table.
    Setting {
        /// Its key.
        key: &'static str,
        /// The default.
        default: u64,
    },
}

/// The guard with this id; `None` if this version does not know it.
#[must_use]
pub fn find(id: &str) -> Option<&'static Guard> {
    GUARDS.iter().copied().find(|guard| guard.id == id)
}

/// The guard's setting for a message, with the part of the account that it looks at, if any.
#[must_use]
pub fn title(result: &GuardResult, custom_fields: &BTreeMap<CustomFieldId, String>) -> String {
    match &result.subject {
        None => result.id.clone(),
        Some(subject) => format!("{} of {}", result.id, subject.label(custom_fields)),
    }
}

/// What was done before a plan and what the plan does, such as `3 of 1184 removed in the last 24 h, 4 in this plan`;
/// `None` if nothing was done before. `of_whole` follows the first number.
#[must_use]
pub fn counted(result: &GuardResult, of_whole: &str) -> Option<String> {
    let Earlier { window, count, now: _ } = result.earlier?;
    let done = find(&result.id).and_then(|guard| guard.over_window).unwrap_or("counted");
    Some(format!("{count}{of_whole} {done} in the last {}, {} in this plan", span(window), result.own()))
}

/// What a guard counted and of how many, for a message.
#[must_use]
pub fn found(result: &GuardResult) -> String {
    let of = format!(" of {}", result.of);
    counted(result, &of).unwrap_or_else(|| format!("{}{of}", result.count))
}

/// A guard with what it counted and its limit, for a message. Names of branches and fields cannot forge a line of it.
#[must_use]
pub fn counted_title(result: &GuardResult, custom_fields: &BTreeMap<CustomFieldId, String>) -> String {
    printable(&format!("{} ({}, limit {})", title(result, custom_fields), found(result), result.limit)).into_owned()
}

/// A length of time for people, such as `24 h`.
#[must_use]
pub fn span(seconds: u64) -> String {
    match seconds {
        _ if seconds.is_multiple_of(86_400) && seconds > 2 * 86_400 => format!("{} days", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{} h", seconds / 3_600),
        _ if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// Whether a count is more than a percentage of a whole, in exact arithmetic; the exact percentage is not more.
#[must_use]
pub fn exceeds(count: u64, percent: u64, of: u64) -> bool {
    u128::from(count) * 100 > u128::from(percent) * u128::from(of)
}

impl Guard {
    /// Whether it counts an operation, for the part of the account that is its subject.
    #[must_use]
    pub fn counts(&self, effect: &Effect<'_>, subject: Option<&Subject>) -> bool {
        match (&self.count, subject) {
            (Count::Operations(counts), None) => counts(effect),
            (Count::InEachBranch(counts), Some(Subject::Branch(branch))) => {
                effect.branch == Some(branch.as_ref().map(|branch| &branch.branch_id)) && counts(effect)
            }
            (Count::InEachField { counts, fields }, Some(Subject::Field(field))) => {
                fields(field) && effect.changed.contains(&field) && counts(effect, field)
            }
            _ => false,
        }
    }

    /// Whether it looks at parts of the account of this kind.
    #[must_use]
    pub fn looks_at(&self, subject: Option<&Subject>) -> bool {
        match &self.count {
            Count::Operations(_) | Count::Records { .. } => subject.is_none(),
            Count::InEachBranch(_) => matches!(subject, Some(Subject::Branch(_))),
            Count::InEachField { counts: _, fields } => {
                matches!(subject, Some(Subject::Field(field)) if fields(field))
            }
            Count::InEachSource => matches!(subject, Some(Subject::Source(_))),
        }
    }

    /// Whether it counts records, so that the count cannot be checked against the operations.
    #[must_use]
    pub fn counts_records(&self) -> bool {
        matches!(self.count, Count::Records { .. } | Count::InEachSource)
    }

    /// Whether its setting belongs to each source, not to `[guard]`.
    #[must_use]
    pub fn is_set_per_source(&self) -> bool {
        matches!(self.count, Count::InEachSource)
    }
}

impl Unit {
    /// Whether a count is beyond the limit.
    #[must_use]
    pub fn is_beyond(self, count: u64, of: u64, limit: u64) -> bool {
        match self {
            Self::Percent => exceeds(count, limit, of),
            Self::AtMost => count > limit,
            Self::AtLeast => count < limit,
        }
    }
}
