//! The limits: how much of an account one plan may change. Pure functions of counts; nothing turns a guard off.
//!
//! A guard is a value: [`Guard`] holds everything about it, [`GUARDS`] lists them all in the order in which plans show
//! them. Look a guard up with [`find`]; never read anything out of the spelling of its id.
//! To add one, write its row in `table`, what it counts in `effect` if nothing there says it yet, and its line in
//! `docs/configuration.md`.
//!
//! Some guards look at the whole account, some at each field and some at each branch, so that a lost subsidiary is seen
//! though it is a small part of all. `ceiling` says which approval lifts what. This module never looks at the people
//! themselves: [`crate::plan`] says what each operation does to an account.

mod ceiling;
mod effect;
mod evaluate;
mod limits;
mod result;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::employee::CustomFieldId;
use crate::field::Field;

pub use ceiling::{Ceiling, needed_ceilings, whole};
pub use effect::{BranchCount, Effect, Join, Kind, ManagerLoss, NamedField, People};
pub use evaluate::{Tally, UsersNow, evaluate, evaluate_again, outcome};
pub use limits::Limits;
pub use result::{Common, GuardOutcome, GuardResult, Part, Subject};
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
    /// What plans, approvals and messages call it: the path of its setting below `[guard]`.
    pub id: &'static str,
    /// What it counts, in the words of `docs/configuration.md`.
    pub about: &'static str,
    /// What it counts.
    pub count: Count,
    /// What a percentage is taken of; shown to machines where the limit is a number of people.
    pub of: Of,
    /// What its limit is.
    pub unit: Unit,
    /// Where its limit comes from.
    pub setting: Setting,
    /// Which counts are too small to block.
    pub ignore_below: IgnoreBelow,
    /// The ceiling by which an approval lifts it. Nothing lifts the others: they say that the data cannot be trusted.
    pub lifted_by: Option<Ceiling>,
}

/// What a guard counts, and in which part of the account.
#[derive(Debug)]
pub enum Count {
    /// Operations of the whole plan.
    Operations(fn(&Effect<'_>) -> bool),
    /// Operations on the users of each branch, by the branch that they are in now.
    InEachBranch(fn(&Effect<'_>) -> bool),
    /// Operations that change a field, for each managed field.
    InEachField {
        /// Whether an operation that changes the field counts.
        counts: fn(&Effect<'_>, &Field) -> bool,
        /// Which of the managed fields are looked at.
        fields: fn(&Field) -> bool,
    },
    /// Records; no operation tells about them.
    Records {
        /// How many.
        count: fn(&People) -> u64,
        /// The diagnostics that name these people, if any do.
        named_by: Option<fn(&Diagnostic) -> bool>,
    },
    /// People in scope without a row in a joined source, for each of these sources.
    InEachSource,
}

/// What a guard's share is taken of.
#[derive(Debug)]
pub enum Of {
    /// The users that this configuration may change; for a guard per branch, only the branch's.
    Managed,
    /// All users of the account. In one that has none, nothing can be doubled, and the guard never blocks.
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
    /// At most so many percent; exactly so many pass.
    Percent,
    /// At most so many.
    AtMost,
    /// At least so many.
    AtLeast,
}

/// Where a limit comes from.
#[derive(Debug)]
pub struct Setting {
    /// The table within `[guard]`; `[guard]` itself, if `None`.
    pub table: Option<&'static str>,
    /// The key.
    pub key: &'static str,
    /// The limit if the settings name none; without one, the guard is not evaluated then.
    pub default: Option<u64>,
    /// A table beside the key, with limits for certain fields: they go before the common one.
    pub fields: Option<&'static str>,
    /// What `[employee]` must manage for the guard to make sense.
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
    /// Those below this.
    Fixed(u64),
    /// Those below a setting, in the table of the guard's own.
    Setting {
        /// Its key.
        key: &'static str,
        /// What holds where it is not set.
        default: u64,
    },
}

/// The guard that a plan calls so; `None` for one that this version does not know.
#[must_use]
pub fn find(id: &str) -> Option<&'static Guard> {
    GUARDS.iter().copied().find(|guard| guard.id == id)
}

/// The guard's setting and, where it looks at a part of the account, that part, for a message.
#[must_use]
pub fn title(result: &GuardResult, custom_fields: &BTreeMap<CustomFieldId, String>) -> String {
    match &result.subject {
        None => result.id.clone(),
        Some(subject) => format!("{} of {}", result.id, subject.label(custom_fields)),
    }
}

/// Whether a count is more than so many percent of a whole: exact, and exactly so many are not more.
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

    /// Whether it looks at such a part of the account.
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

    /// Whether what it counts is known from the records alone, so that no operation tells of it.
    #[must_use]
    pub fn counts_records(&self) -> bool {
        matches!(self.count, Count::Records { .. } | Count::InEachSource)
    }

    /// Whether its setting is one of each source, and not of `[guard]`.
    #[must_use]
    pub fn is_set_per_source(&self) -> bool {
        matches!(self.count, Count::InEachSource)
    }
}

impl Unit {
    /// Whether figures lie beyond a limit.
    #[must_use]
    pub fn is_beyond(self, count: u64, of: u64, limit: u64) -> bool {
        match self {
            Self::Percent => exceeds(count, limit, of),
            Self::AtMost => count > limit,
            Self::AtLeast => count < limit,
        }
    }
}
