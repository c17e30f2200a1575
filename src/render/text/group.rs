//! The groups: their people, and which of them are shown.

use std::fmt;

use super::kind::Kind;
use super::layout::{column, thousands};
use super::person::{self, Columns, Heading};
use super::value::Ids;
use super::{Context, TextOptions};
use crate::plan::Operation;

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
        let group = |kind| {
            let of_kind = || operations.iter().filter(move |operation| Kind::of(operation) == kind);
            let count = of_kind().count();
            Self { kind, shown: of_kind().take(options.shown(count)).collect(), count }
        };
        let kinds = [Kind::Create, Kind::Reactivate, Kind::Update, Kind::Link, Kind::Delete];
        kinds.into_iter().map(group).filter(|group| group.count > 0).collect()
    }

    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, context: &Context<'_>) -> fmt::Result {
        let palette = context.palette;
        writeln!(f, "\n{} ({})", palette.bold(self.kind.heading()), thousands(self.count))?;
        let columns = self.columns(context.labels.ids());
        for operation in &self.shown {
            person::write(f, operation, self.kind, columns, context)?;
        }
        let hidden = self.count - self.shown.len();
        if hidden > 0 {
            writeln!(f, "  {}", palette.dim(context.options.more(hidden, self.kind.rest())))?;
        }
        Ok(())
    }

    fn columns(&self, ids: Ids) -> Columns {
        let mut columns = Columns { name: 0, identifier: 0 };
        for operation in &self.shown {
            let Heading { name, identifier, .. } = Heading::of(operation, ids);
            columns.name = columns.name.max(column([name.as_str()].into_iter()));
            columns.identifier = columns.identifier.max(column([identifier.as_str()].into_iter()));
        }
        columns
    }
}
