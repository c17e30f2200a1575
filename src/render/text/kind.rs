//! The kinds of operations: their names, and the signs before their people.

use console::StyledObject;

use super::layout::Palette;
use crate::plan::{Action, Operation};

/// What happens to the people of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum Kind {
    Create,
    Reactivate,
    Update,
    Link,
    Delete,
}

impl Kind {
    pub(in crate::render) fn of(operation: &Operation) -> Self {
        match operation.action {
            Action::Create { .. } => Self::Create,
            Action::Update { .. } if operation.reactivates() => Self::Reactivate,
            Action::Update { .. } => Self::Update,
            Action::Link { .. } => Self::Link,
            Action::Delete { .. } => Self::Delete,
        }
    }

    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Reactivate => "Reactivate: inactive users become active again",
            Self::Update => "Update",
            Self::Link => "Link: managers set once both people are there; not counted",
            Self::Delete => "Delete",
        }
    }

    /// The end of the line that counts the people who are not shown.
    pub(super) fn rest(self) -> &'static str {
        match self {
            Self::Create => " to create",
            Self::Reactivate => " to reactivate",
            Self::Update => " to update",
            Self::Link => " to link",
            Self::Delete => " to delete",
        }
    }

    pub(in crate::render) fn symbol(self, palette: Palette) -> StyledObject<&'static str> {
        match self {
            Self::Create => palette.green("+"),
            Self::Reactivate => palette.green("*"),
            Self::Update => palette.yellow("~"),
            Self::Link => palette.cyan("→"),
            Self::Delete => palette.alarm("-"),
        }
    }
}
