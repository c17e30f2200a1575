//! What a rendering shows: a plan, or a redacted copy with the same hash; and the result of its guards.

use std::collections::BTreeMap;

use super::redact::Masked;
use crate::guard::{Ceiling, needed_ceilings};
use crate::plan::{Content, Digest, GuardOutcome, Plan};
use crate::text::escape;

/// The sentence about guards that no approval can allow: the data cannot be trusted.
pub(super) const NOTHING_LIFTS: &str =
    "no approval lifts this; correct the source, or change [guard] in the settings, and plan again.";
/// The sentence about the other guards that block.
pub(super) const CEILINGS_LIFT: &str = "only an approval that names these ceilings lifts this:";

/// What is shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    hash: Digest,
    content: &'a Content,
    masked: bool,
}

/// The guards that block a plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict<'a> {
    /// The guards that block and that no approval can allow.
    pub(super) fixed: Vec<&'a str>,
    /// The guards that block until an approval allows their counts.
    pub(super) liftable: Vec<&'a str>,
    /// The ceilings that allow them all.
    pub(super) ceilings: BTreeMap<Ceiling, u64>,
}

impl<'a> Shown<'a> {
    /// The hash of the plan itself, even for a redacted copy.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The content to show.
    #[must_use]
    pub fn content(&self) -> &'a Content {
        self.content
    }

    /// Whether names, identifiers and values are masked.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.masked
    }
}

impl<'a> From<&'a Plan> for Shown<'a> {
    fn from(plan: &'a Plan) -> Self {
        Self { hash: plan.hash(), content: plan.content(), masked: false }
    }
}

impl<'a> From<&'a Masked> for Shown<'a> {
    fn from(masked: &'a Masked) -> Self {
        Self { hash: masked.hash(), content: masked.content(), masked: true }
    }
}

impl<'a> Verdict<'a> {
    pub(super) fn of(content: &'a Content) -> Self {
        let mut verdict = Self::default();
        for guard in content.guards.iter().filter(|guard| guard.outcome == GuardOutcome::Block) {
            let names = if Ceiling::lifting(&guard.id).is_some() { &mut verdict.liftable } else { &mut verdict.fixed };
            // The guards of several branches or fields share one name.
            if !names.contains(&guard.id.as_str()) {
                names.push(&guard.id);
            }
        }
        verdict.ceilings = needed_ceilings(&content.guards);
        verdict
    }

    /// One or two sentences about the guards that block.
    pub(super) fn sentences(&self) -> Vec<String> {
        let names = |guards: &[&str]| guards.iter().map(|id| escape(id)).collect::<Vec<_>>().join(", ");
        let mut sentences = Vec::new();
        if !self.fixed.is_empty() {
            sentences.push(format!("by {}: {NOTHING_LIFTS}", names(&self.fixed)));
        }
        if !self.liftable.is_empty() {
            let (guards, allow) = (names(&self.liftable), self.allow());
            sentences.push(format!("by {guards}: {CEILINGS_LIFT} skovik-sync approve PLAN{allow}"));
        }
        sentences
    }

    /// The options of `approve` that name the ceilings.
    pub(super) fn allow(&self) -> String {
        self.ceilings.iter().map(|(ceiling, count)| format!(" --allow {}={count}", ceiling.name())).collect()
    }
}
