//! Who is never touched, whatever the lists say.

use std::collections::BTreeSet;

use crate::employee::{User, email_key};

/// The `[scope] protect` setting: e-mails, external identifiers, ids, and roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protect {
    /// Each entry but the roles, as written, and, for e-mails, as e-mails are compared.
    names: BTreeSet<String>,
    roles: BTreeSet<String>,
}

impl Protect {
    /// Reads the entries; `role:admin` protects everybody with the role `admin`.
    #[must_use]
    pub fn new<S: AsRef<str>>(entries: &[S]) -> Self {
        let mut protect = Self::default();
        for entry in entries.iter().map(|entry| entry.as_ref().trim()) {
            match entry.strip_prefix("role:") {
                Some(role) => protect.roles.insert(role.trim().to_owned()),
                None if entry.contains('@') => protect.names.insert(email_key(entry).into_owned()),
                None => protect.names.insert(entry.to_owned()),
            };
        }
        protect
    }

    /// Whether a role is protected, so that a user whose roles are not told cannot be judged.
    #[must_use]
    pub fn needs_roles(&self) -> bool {
        !self.roles.is_empty()
    }

    /// Whether the user must not be touched. A user whose roles are not told is protected wherever a role is: it must
    /// not fail open.
    #[must_use]
    pub fn covers(&self, user: &User) -> bool {
        self.entries_for(user).next().is_some()
            || (self.needs_roles()
                && match &user.roles {
                    Some(roles) => roles.iter().any(|role| self.roles.contains(&**role)),
                    None => true,
                })
    }

    /// The entries, roles apart, that no user answers to: a misspelt one protects nobody.
    #[must_use]
    pub fn without_user<'a>(&'a self, users: &[User]) -> Vec<&'a str> {
        let mut left: BTreeSet<&str> = self.names.iter().map(String::as_str).collect();
        for user in users {
            if left.is_empty() {
                break;
            }
            for entry in self.entries_for(user) {
                left.remove(entry);
            }
        }
        left.into_iter().collect()
    }

    fn entries_for<'a>(&'a self, user: &User) -> impl Iterator<Item = &'a str> + use<'a> {
        let email = self.names.get(&*email_key(&user.email));
        let identifier = user.identifier.as_ref().and_then(|identifier| self.names.get(identifier.as_str()));
        let id = self.names.get(user.id.as_str());
        [email, identifier, id].into_iter().flatten().map(String::as_str)
    }
}
