//! Settles unknown outcomes: one complete list, read late enough, shows what was carried out. Pure functions.

use super::expected_state::{Made, created, differences, roles_not_given};
use super::list::List;
use super::newcomers::Newcomers;
use crate::employee::{Email, Managed, User, UserId};
use crate::plan::{Action, Fields, Operation};

/// What the list says about an operation whose outcome was unknown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It created this user.
    Made(UserId),
    /// It created nobody: it may be sent again.
    Absent,
    /// A user has the identifier or the e-mail, but is not exactly the person that was sent.
    SomebodyElse(String),
    /// This user has the identifier or the e-mail, but the create cannot have made them.
    NotNew(UserId),
    /// The user is gone, by this delete or otherwise.
    Gone,
    /// The user has to be read again to find out.
    ReadAgain,
}

/// Judges one operation by a list that was read long enough after its request. `is_new` says whether a create can have
/// made a given user.
pub(super) fn judge(
    operation: &Operation,
    list: &List<'_>,
    inactive: &[User],
    newcomers: &Newcomers<'_>,
    managed: &Managed,
    made: &Made,
    is_new: impl Fn(&User) -> bool,
) -> Verdict {
    let after = match &operation.action {
        Action::Create { after } => after,
        Action::Delete { user_id, .. } if list.user(user_id).is_none() => return Verdict::Gone,
        Action::Delete { .. } | Action::Update { .. } | Action::Link { .. } => return Verdict::ReadAgain,
    };
    let by_identifier = after.external_identifier.as_ref().and_then(|id| list.by_identifier(id.as_str()));
    let Some(user) = by_identifier.or_else(|| list.by_email(&after.primary_email)) else {
        return perhaps_made(after, inactive, newcomers, is_new);
    };
    if !is_new(user) {
        return Verdict::NotNew(user.id.clone());
    }
    let mut differs = match created(after, managed, made) {
        Ok(expected) => differences(&expected, user, managed),
        Err(problem) => return Verdict::SomebodyElse(problem),
    };
    differs.extend(roles_not_given(user));
    if differs.is_empty() {
        Verdict::Made(user.id.clone())
    } else {
        Verdict::SomebodyElse(format!(
            "Skovik has the user {} with this identifier or e-mail, but {}; check whether this is the same person, \
            then plan again",
            user.id,
            differs.join(", ")
        ))
    }
}

/// Whether somebody new may be the person that was sent, though no active user has the identifier or e-mail: a user who is
/// inactive already, or a newcomer whom no operation explains.
fn perhaps_made(
    after: &Fields,
    inactive: &[User],
    newcomers: &Newcomers<'_>,
    is_new: impl Fn(&User) -> bool,
) -> Verdict {
    let email = Email::from(after.primary_email.as_str());
    let is_theirs = |user: &&User| user.identifier == after.external_identifier || user.email.is(&email);
    if let Some(user) = inactive.iter().filter(is_theirs).find(|user| is_new(user)) {
        return Verdict::SomebodyElse(format!(
            "Skovik has the user {} with this identifier or e-mail, who is inactive; activate or remove that user, then plan \
             again",
            user.id
        ));
    }
    match newcomers.who_may_be(after).filter(|user| is_new(user)) {
        Some(user) => Verdict::SomebodyElse(may_be(user)),
        None => Verdict::Absent,
    }
}

/// Why a create must not be sent again: this newcomer may be its person.
pub(super) fn may_be(user: &User) -> String {
    let identifier = user
        .identifier
        .as_ref()
        .map_or_else(|| "without an identifier".to_owned(), |identifier| format!("with the identifier {identifier}"));
    format!(
        "the user {} ({}, {identifier}) has appeared in Skovik since then and may be this person; check that, then plan again",
        user.id,
        user.full_name()
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::plan::OperationId;

    /// Somebody called Eva.
    pub(in crate::apply) fn user(id: &str, identifier: &str, email: &str, name: &str) -> User {
        User {
            id: id.into(),
            identifier: Some(identifier.into()),
            email: email.into(),
            first_name: "Eva".into(),
            last_name: name.into(),
            branch: None,
            manager: None,
            custom_fields: Box::new([]),
            roles: None,
        }
    }

    fn verdict(users: &[User], inactive: &[User], new: &str) -> Verdict {
        let after = Fields {
            external_identifier: Some("9".into()),
            primary_email: "eva@example.com".into(),
            first_name: "Eva".into(),
            last_name: "Ek".into(),
            branch: None,
            manager: None,
            custom_fields: std::collections::BTreeMap::new(),
        };
        let operation = Operation {
            id: OperationId(1),
            employee: Some("9".into()),
            name: "Eva Ek".into(),
            depends_on: Vec::new(),
            action: Action::Create { after: Box::new(after) },
        };
        let list = List::new(users).unwrap_or_else(|error| panic!("{error}"));
        let is_new = |user: &User| user.id.as_str() == new;
        let newcomers = Newcomers::new(&[], users.iter().chain(inactive), |user| !is_new(user));
        judge(&operation, &list, inactive, &newcomers, &Managed::default(), &Made::new(), is_new)
    }

    #[test]
    fn a_create_is_sent_again_only_if_nobody_new_may_be_its_person() {
        let eva = |id: &str| user(id, "9", "EVA@example.com", "Ek");
        assert_eq!(verdict(&[], &[], "n"), Verdict::Absent);
        assert_eq!(verdict(&[eva("n")], &[], "n"), Verdict::Made("n".into()));
        assert_eq!(verdict(&[eva("old")], &[], "n"), Verdict::NotNew("old".into()));
        // Who was made, and is inactive by now, is not made a second time.
        for inactive in [eva("n"), user("n", "8", "eva@example.com", "Ek"), user("n", "9", "other@example.com", "Ek")] {
            assert!(matches!(verdict(&[], &[inactive], "n"), Verdict::SomebodyElse(said) if said.contains("inactive")));
        }
        assert_eq!(verdict(&[], &[eva("old")], "n"), Verdict::Absent, "who was inactive before is another one");
        assert_eq!(verdict(&[user("n", "10", "ben@example.com", "Berg")], &[], "n"), Verdict::Absent);
    }
}
