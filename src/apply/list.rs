//! The complete list of the account's users, indexed for look-ups.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::diff::Untrusted;
use crate::employee::{User, UserId, email_key};

/// A list that does not contradict itself.
pub(super) struct List<'a> {
    /// Sorted by id.
    users: &'a [User],
    by_identifier: HashMap<&'a str, &'a User>,
    by_email: HashMap<&'a str, &'a User>,
    /// One direct report of each manager; built when first needed.
    reports: OnceCell<HashMap<&'a UserId, &'a User>>,
}

impl<'a> List<'a> {
    /// # Errors
    /// If two users have the same identifier or e-mail: it would not be clear which of them is meant.
    pub(super) fn new(users: &'a [User]) -> Result<Self, Untrusted> {
        let twice = |what, value: &str, first: &User, second: &User| Untrusted::Twice {
            what,
            value: value.to_owned(),
            first: first.id.to_string(),
            second: second.id.to_string(),
        };
        let mut by_identifier = HashMap::with_capacity(users.len());
        let mut by_email = HashMap::with_capacity(users.len());
        for user in users {
            if let Some(identifier) = &user.identifier
                && let Some(first) = by_identifier.insert(identifier.as_str(), user)
            {
                return Err(twice("external identifier", identifier.as_str(), first, user));
            }
            if let Some(first) = by_email.insert(user.email.key(), user) {
                return Err(twice("e-mail", user.email.as_str(), first, user));
            }
        }
        Ok(Self { users, by_identifier, by_email, reports: OnceCell::new() })
    }

    /// The user with this id.
    pub(super) fn user(&self, id: &UserId) -> Option<&'a User> {
        let place = self.users.binary_search_by(|user| user.id.cmp(id)).ok()?;
        self.users.get(place)
    }

    /// Somebody who reports to this user.
    pub(super) fn report_of(&self, id: &UserId) -> Option<&'a User> {
        let of = || self.users.iter().filter_map(|user| Some((user.manager.as_ref()?, user))).collect();
        self.reports.get_or_init(of).get(id).copied()
    }

    /// Whether the user is an admin, and nobody else is.
    pub(super) fn is_last_admin(&self, id: &UserId) -> bool {
        let is_admin = self.user(id).is_some_and(User::is_admin);
        is_admin && !self.users.iter().any(|user| user.id != *id && user.is_admin())
    }

    /// The user with this external identifier.
    pub(super) fn by_identifier(&self, identifier: &str) -> Option<&'a User> {
        self.by_identifier.get(identifier).copied()
    }

    /// The user with this e-mail.
    pub(super) fn by_email(&self, email: &str) -> Option<&'a User> {
        self.by_email.get(&*email_key(email)).copied()
    }
}
