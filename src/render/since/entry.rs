//! An operation as lines, and two versions of an operation combined.

use super::Both;
use super::pairs::Pair;
use crate::plan::{Diagnostic, Operation};
use crate::render::text::kind::Kind;
use crate::render::text::person::{Heading, Labels, Line, Shown as Said, consequence_text, lines};
use crate::render::text::remarks::sentence;
use crate::text::printable;

/// One version of an operation, as lines.
pub(super) struct Entry {
    pub(super) heading: String,
    pub(super) lines: Vec<String>,
}

impl Entry {
    pub(super) fn of(operation: &Operation, labels: &Labels<'_>) -> Self {
        let heading = Heading::of(operation, labels.ids()).line();
        let line = |Line { label, shown }| match shown {
            Said::Value(value) => format!("{label}: {value}"),
            Said::Change { before, after } => format!("{label}: {before} → {after}"),
        };
        let mut all: Vec<String> = lines(operation, labels).into_iter().map(line).collect();
        all.extend(consequence_text(operation, labels.ids()).map(|sentence| format!("! {sentence}")));
        Self { heading, lines: all }
    }
}

/// What a line of a difference is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Both,
    Old,
    New,
    Note,
}

/// The kind of the new version, its heading, and both versions as one list of lines.
pub(super) fn merged(both: &Both<'_>, pair: &Pair) -> (Kind, String, Vec<(Side, String)>) {
    let old = &both.old.content().operations[pair.old];
    let new = &both.new.content().operations[pair.new];
    let (before, after) = (Entry::of(old, &both.old_labels), Entry::of(new, &both.new_labels));
    let mut all = Vec::new();
    if old.action.name() != new.action.name() {
        all.push((Side::Old, old.action.name().to_owned()));
        all.push((Side::New, new.action.name().to_owned()));
    }
    if before.heading != after.heading {
        all.push((Side::Old, before.heading));
    }
    let gone = before.lines.iter().filter(|line| !after.lines.contains(line));
    all.extend(gone.map(|line| (Side::Old, line.clone())));
    for line in after.lines {
        let side = if before.lines.contains(&line) { Side::Both } else { Side::New };
        all.push((side, line));
    }
    if pair.waits {
        all.push((Side::Note, "it comes after other operations than before".to_owned()));
    }
    if all.iter().all(|(side, _)| *side == Side::Both) {
        all.push((Side::Note, "what Skovik holds of them in other fields, or of their references, has changed".into()));
    }
    (Kind::of(new), after.heading, all)
}

/// A diagnostic in a line.
pub(super) fn remark_line(diagnostic: &Diagnostic) -> String {
    format!("{}: {}", printable(&diagnostic.code), sentence(diagnostic))
}
