//! The groups: their people, and which of them are shown.

use std::convert::Infallible;
use std::fmt;

use super::kind::Kind;
use super::layout::{column, thousands};
use super::person::{self, Columns, Heading};
use super::{Context, TextOptions};
use crate::plan::Operation;
use crate::side_by_side::some_side_by_side;

/// The operations of one kind, in the order of the plan.
pub(super) struct Group<'a> {
    pub(super) kind: Kind,
    /// The operations that are shown.
    pub(super) shown: Vec<&'a Operation>,
    count: usize,
}

impl<'a> Group<'a> {
    /// The groups that have somebody, the deletes last.
    pub(super) fn all(operations: &'a [Operation], options: &TextOptions) -> Vec<Self> {
        let kinds = [Kind::Create, Kind::Reactivate, Kind::Update, Kind::Link, Kind::Delete];
        let mut groups = kinds.map(|kind| Self { kind, shown: Vec::new(), count: 0 });
        for operation in operations {
            let kind = Kind::of(operation);
            groups.iter_mut().filter(|group| group.kind == kind).for_each(|group| group.shown.push(operation));
        }
        for group in &mut groups {
            group.count = group.shown.len();
            group.shown.truncate(options.shown(group.count));
        }
        groups.into_iter().filter(|group| group.count > 0).collect()
    }

    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, context: &Context<'_>) -> fmt::Result {
        let palette = context.palette;
        writeln!(f, "\n{} ({})", palette.bold(self.kind.heading()), thousands(self.count))?;
        let columns = self.columns();
        let people = |operations: &[&Operation]| People { operations, kind: self.kind, columns, context }.to_string();
        some_side_by_side(&self.shown, people, |people| f.write_str(&people))?;
        let hidden = self.count - self.shown.len();
        if hidden > 0 {
            writeln!(f, "  {}", palette.dim(context.options.more(hidden, self.kind.rest())))?;
        }
        Ok(())
    }

    fn columns(&self) -> Columns {
        let of_some = |operations: &[&Operation]| {
            let widest = |text: fn(&Operation) -> String| column(operations.iter().map(|operation| text(operation)));
            Columns { name: widest(Heading::name), identifier: widest(Heading::identifier) }
        };
        let mut widest = Columns { name: 0, identifier: 0 };
        let Ok(()) = some_side_by_side(&self.shown, of_some, |Columns { name, identifier }| {
            widest = Columns { name: widest.name.max(name), identifier: widest.identifier.max(identifier) };
            Ok::<_, Infallible>(())
        });
        widest
    }
}

/// Some people of a group.
struct People<'a> {
    operations: &'a [&'a Operation],
    kind: Kind,
    columns: Columns,
    context: &'a Context<'a>,
}

impl fmt::Display for People<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operations, kind, columns, context } = self;
        operations.iter().try_for_each(|operation| person::write(f, operation, *kind, *columns, context))
    }
}
