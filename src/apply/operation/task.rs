//! An operation, ready to be carried out.

use crate::employee::{User, UserId};
use crate::plan::{Change, Digest, Fields};

/// An operation with everything that it needs resolved to ids.
#[derive(Debug)]
pub enum Task<'a> {
    /// A POST.
    Create {
        /// The user to create.
        after: &'a Fields,
        /// The same user, to compare the answer with.
        expected: User,
    },
    /// A PUT: the user as read, with the changes.
    Update {
        /// The user.
        user_id: UserId,
        /// What the user must be before it.
        before: Before<'a>,
        /// What to change.
        changes: Vec<Change>,
    },
    /// A DELETE.
    Delete {
        /// The user.
        user_id: &'a UserId,
        /// What the user must be before it.
        before: Planned<'a>,
    },
}

/// What a user must be for an update to go ahead.
#[derive(Debug)]
pub enum Before<'a> {
    /// Exactly what the plan saw.
    Planned(Planned<'a>),
    /// Exactly what an operation of this plan made.
    Created(User),
}

/// What the plan saw of a user.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// The hash of the managed fields.
    pub hash: Digest,
    /// The roles that it shows, if it shows any.
    pub roles: Option<&'a [String]>,
}

impl Before<'_> {
    /// The roles that the plan shows, if it shows any.
    pub(super) fn roles(&self) -> Option<&[String]> {
        match self {
            Self::Planned(planned) => planned.roles,
            Self::Created(_) => None,
        }
    }
}
