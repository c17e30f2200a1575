//! What the reader of a plan should know beside its operations.
//!
//! Never decides anything: diff, plan and undo write diagnostics, guards and renderings read them.

use serde::{Deserialize, Serialize};

use crate::strict_json;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A person was set aside, or an operation was withheld.
    Error,
    /// Something was not done as the record asks for.
    Warning,
    /// Worth knowing.
    Info,
}

/// Something that the reader of a plan should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// Its code, for machines; listed in `docs/guide.md`.
    pub code: String,
    /// The external identifier of the person, if it is known.
    #[serde(deserialize_with = "strict_json::present")]
    pub employee: Option<String>,
    /// The message, for people.
    pub message: String,
}
