//! The limits: how much of an account one plan may change. Pure functions of counts; nothing turns a guard off.

use serde::{Deserialize, Serialize};

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
