//! Settling what is unclear: one complete list, read late enough, shows what was carried out. Pure functions of it.

use std::borrow::Cow;
use std::collections::HashMap;

use super::expect::{Made, created, differences};
use crate::employee::{Managed, User, UserId, email_key};
use crate::plan::{Action, Operation};

/// What the list says about an operation whose outcome was unclear.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It made this user.
    Made(UserId),
    /// It made nobody: it may be sent again.
    Absent,
    /// Somebody has the identifier or the e-mail who is not exactly the person that was sent.
    SomebodyElse(String),
    /// It removed the user, or they are gone without it.
    Gone,
    /// Reading the user will tell.
    ReadAgain,
}

/// A list, made ready for looking people up.
pub(super) struct List<'a> {
    /// Sorted by id.
    users: &'a [User],
    by_identifier: HashMap<&'a str, &'a User>,
    by_email: HashMap<Cow<'a, str>, &'a User>,
}

impl<'a> List<'a> {
    pub(super) fn new(users: &'a [User]) -> Self {
        Self {
            users,
            by_identifier: users.iter().filter_map(|user| Some((user.identifier.as_ref()?.as_str(), user))).collect(),
            by_email: users.iter().map(|user| (email_key(&user.email), user)).collect(),
        }
    }

    /// Whether the list has a user.
    pub(super) fn has(&self, id: &UserId) -> bool {
        self.users.binary_search_by(|user| user.id.cmp(id)).is_ok()
    }

    /// Judges one operation by this list, which was read long enough after it was sent.
    pub(super) fn judge(&self, operation: &Operation, managed: &Managed, made: &Made) -> Verdict {
        let after = match &operation.action {
            Action::Create { after } => after,
            Action::Delete { user_id, .. } if !self.has(user_id) => return Verdict::Gone,
            Action::Delete { .. } | Action::Update { .. } | Action::Link { .. } => return Verdict::ReadAgain,
        };
        let by_identifier = after.external_identifier.as_ref().and_then(|id| self.by_identifier.get(id.as_str()));
        let found = by_identifier.or_else(|| self.by_email.get(&*email_key(&after.primary_email)));
        let Some(user) = found else { return Verdict::Absent };
        let expected = match created(after, managed, made) {
            Ok(expected) => expected,
            Err(problem) => return Verdict::SomebodyElse(problem),
        };
        let differs = differences(&expected, user, managed);
        if differs.is_empty() {
            Verdict::Made(user.id.clone())
        } else {
            Verdict::SomebodyElse(format!(
                "Skovik has the user {} with this identifier or e-mail, but {}; look whether this is the same person, then \
                 plan again",
                user.id,
                differs.join(", ")
            ))
        }
    }
}
