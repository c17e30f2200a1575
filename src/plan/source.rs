//! What a plan says of a source: how many records it gave, and why the list is taken to be complete.

use std::collections::BTreeSet;

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
    #[serde(default, deserialize_with = "super::file::managed", skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
}

impl SourceSummary {
    /// [`unproven`] for this source's own proof.
    #[must_use]
    pub fn unproven(&self) -> Option<&'static str> {
        unproven(&self.proof)
    }
}

/// All completeness checks that prove something. `journal` is that of an undo.
const PROOFS: [&str; 8] = [
    "expect_records",
    "journal",
    "paged-results",
    "paged-results,referrals-ignored",
    "sha256_file",
    "total",
    "totalResults",
    "transaction",
];

/// The proof of one list that passed several checks, or of several lists: every check once, in the order of the alphabet.
/// Nothing is proven if one of them proves nothing.
pub(crate) fn joined_proof<'p>(proofs: impl Iterator<Item = &'p str> + Clone) -> String {
    if let Some(unproven) = proofs.clone().find(|proof| unproven(proof).is_some()) {
        return unproven.to_owned();
    }
    proofs.flat_map(|proof| proof.split('+')).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("+")
}

/// Whether `plan` can write this proof: one that proves nothing, or what [`joined_proof`] makes of known ones.
pub(crate) fn is_known_proof(proof: &str) -> bool {
    let mut words = proof.split('+');
    unproven(proof).is_some()
        || (words.all(|word| PROOFS.contains(&word)) && joined_proof([proof].into_iter()) == proof)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever lists are put together, in whatever order, and however often.
        #[test]
        fn a_joined_proof_is_known_and_proves_no_more_than_each(
            lists in prop::collection::vec(prop::collection::vec(prop::sample::select(&PROOFS[..]), 1..4), 1..4),
            doubt in prop::sample::select(vec![None, Some("trusted"), Some("last-page"), Some("exit-status")]),
        ) {
            let mut proofs: Vec<String> = lists.iter().map(|checks| joined_proof(checks.iter().copied())).collect();
            proofs.extend(doubt.map(str::to_owned));
            for _ in 0..proofs.len() {
                proofs.rotate_left(1);
                let joined = joined_proof(proofs.iter().map(String::as_str));
                prop_assert!(is_known_proof(&joined), "{:?}: {}", proofs, joined);
                prop_assert_eq!(unproven(&joined).is_some(), doubt.is_some());
                prop_assert!(doubt.is_some() || lists.iter().flatten().all(|check| joined.split('+').any(|word| word == *check)));
            }
        }
    }

    #[test]
    fn a_proof_that_no_list_has_is_not_known() {
        for proof in ["", "+", "total+", "total+total", "total+expect_records", "trusted+total", "total+last-page", "x"]
        {
            assert!(!is_known_proof(proof), "{proof}");
        }
    }
}
