//! Users who have appeared since an apply began and whom no operation explains. One of them may be the person of a
//! create that was refused or not answered, stored without the identifier or under another e-mail. Pure functions.

use super::given::Given;
use crate::employee::{ExternalIdentifier, User};
use crate::plan::{Fields, Operation};

/// The users of a list who are new, and whose identifier and e-mail belong to nobody whom the plan creates or changes.
pub(super) struct Newcomers<'a>(Vec<&'a User>);

impl<'a> Newcomers<'a> {
    /// `was_there` says whether a user was in Skovik before the apply began, or was made by one of its operations.
    pub(super) fn new(
        operations: &[Operation],
        users: impl Iterator<Item = &'a User>,
        was_there: impl Fn(&User) -> bool,
    ) -> Self {
        let new: Vec<&User> = users.filter(|user| !was_there(user)).collect();
        if new.is_empty() {
            return Self(new);
        }
        let given = Given::by(operations);
        let is_explained =
            |user: &User| given.has(user.identifier.as_ref().map(ExternalIdentifier::as_str), user.email.key());
        Self(new.into_iter().filter(|user| !is_explained(user)).collect())
    }

    /// Somebody who may be the person that a create sent: a newcomer without an identifier, or with the same name.
    pub(super) fn who_may_be(&self, after: &Fields) -> Option<&'a User> {
        let name = after.name_key();
        let has_lost_it = |user: &User| after.external_identifier.is_some() && user.identifier.is_none();
        let has_the_name = |user: &User| name.is_some() && user.name_key() == name;
        self.0.iter().copied().find(|user| has_lost_it(user) || has_the_name(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::settle;
    use crate::plan::{Action, OperationId};

    fn user(id: &str, identifier: Option<&str>, email: &str, name: &str) -> User {
        User { identifier: identifier.map(Into::into), ..settle::tests::user(id, "", email, name) }
    }

    fn fields(identifier: Option<&str>, email: &str, name: &str) -> Fields {
        Fields {
            external_identifier: identifier.map(Into::into),
            primary_email: email.into(),
            first_name: "Eva".into(),
            last_name: name.into(),
            branch: None,
            manager: None,
            custom_fields: std::collections::BTreeMap::new(),
        }
    }

    fn create(id: u32, after: Fields) -> Operation {
        let employee = after.external_identifier.clone();
        let (name, action) = (format!("Eva {}", after.last_name), Action::Create { after: Box::new(after) });
        Operation { id: OperationId(id), employee, name: name.into(), depends_on: Vec::new(), action }
    }

    #[test]
    fn a_newcomer_whom_nothing_explains_may_be_the_person() {
        let lost = fields(Some("9"), "eva@example.com", "Ek");
        let operations = [
            create(1, lost.clone()),
            create(2, fields(Some("8"), "other@example.com", "Ek")),
            create(3, fields(None, "third@example.com", "Alm")),
        ];
        let who = |user: &User, after: &Fields| {
            let users = [user.clone()];
            let newcomers = Newcomers::new(&operations, users.iter(), |user| user.id.as_str() == "old");
            newcomers.who_may_be(after).is_some()
        };
        let without = user("n", None, "x@example.com", "Berg");
        let namesake = |name: &str| user("n", Some("77"), "x@example.com", name);
        assert!(who(&without, &lost), "stored without the identifier, under another e-mail");
        for name in ["Ek", "EK", "ek", "Ｅk"] {
            assert!(who(&namesake(name), &lost), "{name}");
        }
        assert!(!who(&namesake("Berg"), &lost), "another person of another identifier");
        assert!(!who(&User { id: "old".into(), ..without.clone() }, &lost), "who was there before");
        assert!(!who(&user("n", Some("8"), "other@example.com", "Ek"), &lost), "whom another operation creates");
        assert!(!who(&user("n", None, "third@example.com", "Alm"), &lost), "whom another operation creates");
        // Where nobody has an identifier, not having one says nothing.
        assert!(!who(&without, &fields(None, "third@example.com", "Alm")));
        assert!(who(&user("n", None, "x@example.com", "Alm"), &fields(None, "third@example.com", "Alm")));
    }
}
