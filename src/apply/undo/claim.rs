//! What only one user can have, and which side of a change has it.

use crate::employee::{Text, email_key};
use crate::plan::{Change, Field, Value};

#[derive(Clone, Copy)]
pub(super) enum Side {
    Before,
    After,
}

/// Something that only one user can have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Claim {
    Email(String),
    Identifier(Text),
}

impl Claim {
    pub(super) fn email(email: &str) -> Self {
        Self::Email(email_key(email).into_owned())
    }

    pub(super) fn identifier(identifier: &str) -> Self {
        Self::Identifier(identifier.into())
    }

    /// The unique value that a change takes away or gives.
    pub(super) fn of(change: &Change, side: Side) -> Option<Self> {
        match (&change.field, value(change, side)?) {
            (Field::PrimaryEmail, Value::Text(email)) => Some(Self::email(email)),
            (Field::ExternalIdentifier, Value::Text(text)) => Some(Self::Identifier(text.clone())),
            _ => None,
        }
    }
}

pub(super) fn value(change: &Change, side: Side) -> Option<&Value> {
    match side {
        Side::Before => change.before.as_ref(),
        Side::After => change.after.as_ref(),
    }
}
