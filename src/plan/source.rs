//! What a plan says of a source: how many records it gave, and why the list is taken to be complete.

use serde::{Deserialize, Serialize};

use super::Digest;
use crate::employee::Join;

/// One source of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSummary {
    /// Its name in the configuration.
    pub name: String,
    /// Its kind, such as `csv`.
    pub kind: String,
    /// How many records it gave.
    pub records: u64,
    /// The completeness check that it passed, such as `expect_records`, `sha256_file` or `total`. `trusted`,
    /// `last-page` and `exit-status` prove nothing; see [`Self::unproven`].
    pub proof: String,
    /// A digest of its records, sorted by key.
    pub fingerprint: Digest,
    /// How the people in scope were joined with it; none for the first source, which lists them, and for look-up
    /// tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
}

impl SourceSummary {
    /// [`unproven`] for this source's own proof.
    #[must_use]
    pub fn unproven(&self) -> Option<&'static str> {
        unproven(&self.proof)
    }
}

/// What to say about a list if nothing proves that it is complete. A total, a count, a checksum and a protocol's own
/// end mark are proofs. A last page only shows that the server stopped.
#[must_use]
pub fn unproven(proof: &str) -> Option<&'static str> {
    match proof {
        "trusted" => Some("trusted, no proof that it is complete"),
        "last-page" => Some("read to the last page, not proven"),
        "exit-status" => Some("the program ended with success, not proven"),
        _ => None,
    }
}
