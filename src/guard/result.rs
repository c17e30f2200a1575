//! The result of a guard, as in plans and approvals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::employee::CustomFieldId;
use crate::field::{BranchRef, Field};
use crate::strict_json;

/// The result of a guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardResult {
    /// The guard's setting, such as `max_delete_percent`.
    pub id: String,
    /// The part of the account that it looks at; the whole, if `None`.
    #[serde(default, deserialize_with = "strict_json::managed", skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// What was counted: the plan's own, and what was done before it within `[guard] window`.
    pub count: u64,
    /// The whole that the count belongs to, as it was before all that was counted. A percentage is taken of it.
    pub of: u64,
    /// What of the count was done before the plan, within `[guard] window`; absent if nothing was.
    #[serde(default, deserialize_with = "strict_json::managed", skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Earlier>,
    /// The limit: percent, or a count.
    pub limit: u64,
    /// A count below this never blocks.
    #[serde(default, deserialize_with = "strict_json::managed", skip_serializing_if = "Option::is_none")]
    pub ignore_below: Option<u64>,
    /// Whether the plan passes.
    pub outcome: GuardOutcome,
    /// If it blocks: what most of the counted people have in common, and some of them by name, for the reader.
    #[serde(default, deserialize_with = "strict_json::unusual", skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

#[cfg(test)]
impl GuardResult {
    /// A guard of the whole account, for tests.
    pub(crate) fn of_whole(id: &str, count: u64, of: u64, limit: u64, outcome: GuardOutcome) -> Self {
        Self {
            id: id.to_owned(),
            subject: None,
            count,
            of,
            earlier: None,
            limit,
            ignore_below: None,
            outcome,
            parts: Vec::new(),
        }
    }
}

impl GuardResult {
    /// What of the count the plan itself would do.
    #[must_use]
    pub fn own(&self) -> u64 {
        self.count.saturating_sub(self.earlier.map_or(0, |earlier| earlier.count))
    }

    /// The whole as it is now, without what was done before the plan.
    #[must_use]
    pub fn of_now(&self) -> u64 {
        self.earlier.map_or(self.of, |earlier| earlier.now)
    }
}

/// What was done before a plan and counts with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Earlier {
    /// The length of the window in seconds.
    pub window: u64,
    /// How much of the guard's count was done in it, at least 1.
    pub count: u64,
    /// The whole that the count belongs to, as it is now.
    pub now: u64,
}

/// The part of the account that a guard looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The users of a branch; with `None`, the users without a branch.
    Branch(Option<BranchRef>),
    /// One field of all users.
    Field(Field),
    /// One source, by its name in the settings.
    Source(String),
}

impl Subject {
    /// Its name for people.
    #[must_use]
    pub fn label(&self, custom_fields: &BTreeMap<CustomFieldId, String>) -> String {
        match self {
            Self::Branch(None) => "no branch".to_owned(),
            Self::Branch(Some(branch)) => branch.label(),
            Self::Field(field) => field.label(custom_fields),
            Self::Source(name) => name.clone(),
        }
    }

    /// Whether both are the same branch, field or source, whatever their names.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Branch(one), Self::Branch(other)) => {
                one.as_ref().map(|branch| &branch.branch_id) == other.as_ref().map(|branch| &branch.branch_id)
            }
            (Self::Field(one), Self::Field(other)) => one == other,
            (Self::Source(one), Self::Source(other)) => one == other,
            (Self::Branch(_) | Self::Field(_) | Self::Source(_), _) => false,
        }
    }
}

/// Some of the people that a guard counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What they have in common.
    pub common: Common,
    /// The name of that branch, manager, field, reason or person.
    pub name: String,
    /// Skovik's id of it. None for a built-in field, a reason, or a person who is not created yet.
    #[serde(default, deserialize_with = "strict_json::managed", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How many people.
    pub count: u64,
}

/// What the people that a guard counted have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Common {
    /// The branch that they are in.
    Branch,
    /// Their manager.
    Manager,
    /// A field that changes.
    Field,
    /// The reason why they were set aside, as a diagnostic code.
    Reason,
    /// Nothing: this is one person.
    Person,
}

/// Whether a guard lets a plan pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuardOutcome {
    /// Within the limit.
    Pass,
    /// Beyond the limit. Only an approval with a sufficient ceiling allows the plan, if the guard has one.
    Block,
}
