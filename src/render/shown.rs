//! What a rendering shows: a plan, or a redacted copy with the same hash; and the result of its guards.

use std::collections::BTreeMap;

use super::redact::Masked;
use crate::guard::{Ceiling, needed_ceilings};
use crate::plan::{Content, Digest, GuardOutcome, Plan};
use crate::text::escape;

/// The sentence about guards that no approval can allow: the data cannot be trusted.
pub(super) const NOTHING_LIFTS: &str =
    "no approval can allow this; correct the source, or change [guard] in the settings, and plan again.";
/// The sentence about the other guards that block.
pub(super) const CEILINGS_LIFT: &str = "only an approval that allows these counts lets it pass:";

/// What a plan that is restricted to some people counts all the same.
pub(super) const ONLY_NOTICE: &str = "guards count everybody";
/// How many of the people that a plan is restricted to are named; the file names them all.
const ONLY_SHOWN: usize = 10;

/// The people that a plan is restricted to, as the plan writes them; `None` for a plan for everybody.
pub(super) fn only(content: &Content) -> Option<String> {
    let people = &content.only;
    let mut shown: Vec<&str> = people.iter().take(ONLY_SHOWN).map(|person| person.as_str()).collect();
    let more = format!("and {} more", people.len().saturating_sub(ONLY_SHOWN));
    if people.len() > ONLY_SHOWN {
        shown.push(&more);
    }
    (!shown.is_empty()).then(|| shown.join(", "))
}

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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::render::text::tests::build::PlanBuilder;
    use crate::render::text::{TextOptions, display};
    use crate::render::{Ids, html, json, markdown, redact, since};

    #[test]
    fn every_rendering_says_that_a_plan_is_for_some_people_only() {
        let plan = |only: &[&str]| {
            let mut builder = PlanBuilder::new(10, 10).unchanged(10);
            builder.content.only = only.iter().copied().map(Into::into).collect();
            builder.seal()
        };
        let (whole, some) = (plan(&[]), plan(&["17", "4<b>\u{202e}"]));
        let text = display(&some, &TextOptions::default()).to_string();
        assert!(text.contains("Only     17, 4<b>\\u{202e}; guards count everybody\n"), "{text}");
        let comment = markdown::render(&some, markdown::Options::default()).unwrap();
        assert!(comment.contains("| only | `17, 4<b>\\u{202e}` | guards count everybody |"), "{comment}");
        let page = html::render(&some).unwrap();
        assert!(page.contains("<dt>Only</dt><dd>17, 4&lt;b&gt;\\u{202e}; guards count everybody</dd>"), "{page}");
        assert!(json::render(&some).unwrap().contains("\"only\": ["));
        let difference =
            since::text(&since::compare(&whole, &some), (&whole).into(), (&some).into(), Ids::Hidden, false);
        assert!(difference.contains("planned for") && difference.contains("everybody"), "{difference}");
        let masked = redact::mask(&some);
        let masked = display(&masked, &TextOptions::default()).to_string();
        assert!(masked.contains("Only     id-1, id-2;") && !masked.contains("17"), "{masked}");
        // Most plans are for everybody, and say nothing of it.
        let text = display(&whole, &TextOptions::default()).to_string();
        assert!(!text.contains("Only") && !html::render(&whole).unwrap().contains("<dt>Only"), "{text}");
        let many: Vec<String> = (10..40).map(|number| number.to_string()).collect();
        let many = plan(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(only(many.content()).unwrap().ends_with(", 19, and 20 more"));
    }
}
