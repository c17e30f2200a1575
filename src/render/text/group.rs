//! The groups: which people stand in them, and which of them are shown.

use std::fmt;

use console::StyledObject;

use super::layout::{Palette, column, thousands};
use super::person::{self, Columns, Heading};
use super::value::Ids;
use super::{Context, TextOptions};
use crate::plan::{Action, Operation};

/// What happens to the people of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum Kind {
    Create,
    Update,
    Link,
    Delete,
}

/// The operations of one kind, in the order of the plan.
pub(super) struct Group<'a> {
    pub(super) kind: Kind,
    /// Those that are shown.
    pub(super) shown: Vec<&'a Operation>,
    count: usize,
}

impl Kind {
    pub(in crate::render) fn of(operation: &Operation) -> Self {
        match operation.action {
            Action::Create { .. } => Self::Create,
            Action::Update { .. } => Self::Update,
            Action::Link { .. } => Self::Link,
            Action::Delete { .. } => Self::Delete,
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Link => "Link: managers set once both people are there; not counted",
            Self::Delete => "Delete",
        }
    }

    /// How the line that stands for the rest of the group goes on.
    fn rest(self) -> &'static str {
        match self {
            Self::Create => " to create",
            Self::Update => " to update",
            Self::Link => " to link",
            Self::Delete => " to delete",
        }
    }

    pub(in crate::render) fn symbol(self, palette: Palette) -> StyledObject<&'static str> {
        match self {
            Self::Create => palette.green("+"),
            Self::Update => palette.yellow("~"),
            Self::Link => palette.cyan("→"),
            Self::Delete => palette.alarm("-"),
        }
    }
}

impl<'a> Group<'a> {
    /// The groups that have somebody, the deletes last.
    pub(super) fn all(operations: &'a [Operation], options: &TextOptions) -> Vec<Self> {
        let group = |kind| {
            let of_kind = || operations.iter().filter(move |operation| Kind::of(operation) == kind);
            let count = of_kind().count();
            Self { kind, shown: of_kind().take(options.shown(count)).collect(), count }
        };
        let kinds = [Kind::Create, Kind::Update, Kind::Link, Kind::Delete];
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
