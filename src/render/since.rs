//! The difference between two plans, so that a reviewer of an earlier plan sees quickly what is new.
//!
//! Operations are compared by person and content, never by number: one more create changes the numbers of all others.
//! Every difference is shown; if nothing is shown, the plans are the same and have the same hash.

mod comment;
mod entry;
mod facts;
mod pairs;
mod terminal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::facts::Fact;
use self::pairs::Pairs;
use super::shown::Shown;
use super::text::layout::thousands;
use super::text::person::Labels;
use super::text::value::Ids;
use crate::plan::{Diagnostic, Operation, Plan};

pub use self::comment::markdown;
pub use self::terminal::text;

/// The difference between two plans. It holds indexes into them, so that redacted copies can be shown instead.
#[derive(Debug)]
pub struct Difference {
    pairs: Pairs,
    /// What else differs, outside the operations.
    data: facts::Data,
    new_remarks: Vec<usize>,
    gone_remarks: Vec<usize>,
    same_hash: bool,
}

/// Compares two plans.
#[must_use]
pub fn compare(old: &Plan, new: &Plan) -> Difference {
    let (before, after) = (&old.content().diagnostics, &new.content().diagnostics);
    Difference {
        pairs: Pairs::of(&old.content().operations, &new.content().operations),
        data: facts::Data::of(old.content(), new.content()),
        new_remarks: only_in(after, before),
        gone_remarks: only_in(before, after),
        same_hash: old.hash() == new.hash(),
    }
}

/// The indexes of the entries that the other list does not have.
fn only_in(list: &[Diagnostic], other: &[Diagnostic]) -> Vec<usize> {
    let mut counts: BTreeMap<&Diagnostic, usize> = BTreeMap::new();
    for diagnostic in other {
        *counts.entry(diagnostic).or_default() += 1;
    }
    let mut only_here = Vec::new();
    for (place, diagnostic) in list.iter().enumerate() {
        match counts.get_mut(diagnostic) {
            Some(count) if *count > 0 => *count -= 1,
            _ => only_here.push(place),
        }
    }
    only_here
}

/// Both plans, as they are shown.
struct Both<'a> {
    difference: &'a Difference,
    old: Shown<'a>,
    new: Shown<'a>,
    old_labels: Labels<'a>,
    new_labels: Labels<'a>,
}

impl<'a> Both<'a> {
    fn of(difference: &'a Difference, old: Shown<'a>, new: Shown<'a>, ids: Ids) -> Self {
        let [old_labels, new_labels] = [old, new].map(|plan| Labels::of(&plan.content().target, ids));
        Self { difference, old, new, old_labels, new_labels }
    }

    fn new_operations(&self) -> impl Iterator<Item = &'a Operation> {
        let operations = &self.new.content().operations;
        self.difference.pairs.new.iter().map(move |&place| &operations[place])
    }

    fn gone_operations(&self) -> impl Iterator<Item = &'a Operation> {
        let operations = &self.old.content().operations;
        self.difference.pairs.gone.iter().map(move |&place| &operations[place])
    }

    fn new_remarks(&self) -> impl Iterator<Item = &'a Diagnostic> {
        let diagnostics = &self.new.content().diagnostics;
        self.difference.new_remarks.iter().map(move |&place| &diagnostics[place])
    }

    fn gone_remarks(&self) -> impl Iterator<Item = &'a Diagnostic> {
        let diagnostics = &self.old.content().diagnostics;
        self.difference.gone_remarks.iter().map(move |&place| &diagnostics[place])
    }

    fn the_same(&self) -> String {
        let count = self.difference.pairs.same;
        format!("The same in both: {} {}.", thousands(count), if count == 1 { "operation" } else { "operations" })
    }

    /// What differs outside the operations. Says so if the hashes differ although nothing that is shown does.
    fn facts(&self) -> Vec<Fact> {
        let Self { difference, old, new, .. } = self;
        let mut facts = difference.data.facts(old.content(), new.content());
        let Pairs { new: added, gone, different, same: _, reordered } = &difference.pairs;
        if *reordered {
            facts.push(Fact::of("operations", "another order", "this order"));
        }
        let operations = !added.is_empty() || !gone.is_empty() || !different.is_empty();
        let remarks = !difference.new_remarks.is_empty() || !difference.gone_remarks.is_empty();
        if facts.is_empty() && !operations && !remarks && !difference.same_hash {
            facts.push(Fact::of("something that is not shown", "another", "this"));
        }
        facts
    }
}
