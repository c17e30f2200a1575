//! Who is who, and the four groups: create, update, delete, unchanged.

use serde::{Deserialize, Serialize};

/// What a new identifier on a known e-mail means (`[scope] renumber`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renumber {
    /// A person must say; both are set aside.
    #[default]
    Ask,
    /// The same person, rehired or renumbered; the user is updated.
    SamePerson,
}

/// Who may be removed (`[scope] remove`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remove {
    /// Users with an external identifier.
    #[default]
    Identified,
    /// All managed users.
    All,
    /// Nobody.
    None,
}
