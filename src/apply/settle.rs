//! Settles unknown outcomes: one complete list, read late enough, shows what was carried out. Pure functions.

use super::expected_state::{Made, created, differences, roles_not_given, user_of};
use super::given::new_text;
use super::list::List;
use super::newcomers::Newcomers;
use crate::employee::{Email, Managed, User, UserId};
use crate::plan::{Action, Field, Fields, Operation};

/// What the list says about an operation whose outcome was unknown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It created this user.
    Made(UserId),
    /// It created nobody: it may be sent again.
    Absent,
    /// A user has the e-mail, or may be the person otherwise, but is not exactly who was sent.
    SomebodyElse(String),
    /// This user has the identifier or the e-mail, but the create cannot have made them.
    NotNew(UserId),
    /// The user is gone, by this delete or otherwise.
    Gone,
    /// There is nothing left to do: the user whom an update changes is gone or inactive.
    Outdated(String),
    /// There is nothing left to do: this new user has the identifier of the person whom a create sent, and differs otherwise.
    /// The next plan finds that user by it, and creates nobody.
    Edited(UserId, String),
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
        Action::Delete { .. } => return Verdict::ReadAgain,
        Action::Update { .. } | Action::Link { .. } => {
            return has_left(operation, list, inactive, made).map_or(Verdict::ReadAgain, Verdict::Outdated);
        }
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
    let differs = differs.join(", ");
    match by_identifier {
        _ if differs.is_empty() => Verdict::Made(user.id.clone()),
        Some(_) => Verdict::Edited(
            user.id.clone(),
            format!(
                "Skovik has the user {} with this identifier, but {differs}; plan again: the next plan changes that user",
                user.id
            ),
        ),
        None => Verdict::SomebodyElse(format!(
            "Skovik has the user {} with this e-mail, but {differs}; check whether this is the same person, then plan again",
            user.id
        )),
    }
}

/// Why an update has nobody left to change, if so. An inactive user may still lack custom fields that a change of branch
/// emptied.
fn has_left(operation: &Operation, list: &List<'_>, inactive: &[User], made: &Made) -> Option<String> {
    let user_id = user_of(operation, made)?;
    let is_inactive = inactive.iter().any(|user| user.id == *user_id);
    let moves = matches!(&operation.action, Action::Update { changes, .. } if changes.iter().any(|change| change.field == Field::Branch));
    if list.user(user_id).is_some() || is_inactive && (moves || operation.reactivates()) {
        return None;
    }
    let how = if is_inactive { "is inactive now" } else { "is not in Skovik any more" };
    Some(format!("conflict: the user {user_id} {how}; plan again"))
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

/// Who has by now what an update gives, or what an inactive user has who is made active again; or who is inactive and keeps
/// the e-mail of a new person. Then the operation must not be sent again.
pub(super) fn taken(operation: &Operation, list: &List<'_>, inactive: &[User]) -> Option<String> {
    let own = operation.user_id();
    let kept = || inactive.iter().find(|user| operation.reactivates() && own == Some(&user.id));
    let (identifier, email) = match &operation.action {
        Action::Create { after } => (None, Some(after.primary_email.as_str())),
        Action::Update { .. } => {
            let identifier = new_text(operation, &Field::ExternalIdentifier);
            let email = new_text(operation, &Field::PrimaryEmail);
            let kept_identifier = || Some(kept()?.identifier.as_ref()?.as_str());
            (identifier.or_else(kept_identifier), email.or_else(|| Some(kept()?.email.as_str())))
        }
        Action::Link { .. } | Action::Delete { .. } => (None, None),
    };
    let is_other = |user: &&User| own != Some(&user.id);
    if let Some(identifier) = identifier {
        let is_theirs = |user: &&User| user.identifier.as_ref().is_some_and(|held| held.as_str() == identifier);
        let inactive = || inactive.iter().filter(|_| operation.reactivates()).filter(is_theirs).find(is_other);
        if let Some(user) = list.by_identifier(identifier).filter(is_other).or_else(inactive) {
            return Some(format!("the external identifier {identifier} now belongs to the user {}", user.id));
        }
    }
    let email = email?;
    let key = Email::from(email);
    let inactive = || inactive.iter().filter(|user| user.email.is(&key)).find(is_other);
    let active = list.by_email(email).filter(is_other).filter(|_| own.is_some());
    let user = active.or_else(inactive)?;
    Some(format!("the e-mail {email} now belongs to the user {}", user.id))
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
    use crate::plan::{Change, Digest, OperationId, Value};

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
    fn nothing_is_sent_again_that_gives_what_another_user_has() {
        let taken = |change: &Change, users: &[User], inactive: &[User]| {
            let action = Action::Update {
                user_id: "u".into(),
                before_hash: Digest::of(b""),
                branch: None,
                roles: None,
                changes: vec![change.clone()],
            };
            let (employee, depends_on) = (Some("9".into()), Vec::new());
            let operation = Operation { id: OperationId(1), employee, name: "Eva Ek".into(), depends_on, action };
            let list = List::new(users).unwrap_or_else(|error| panic!("{error}"));
            super::taken(&operation, &list, inactive)
        };
        let text = |field, text: &str| Change { field, before: None, after: Some(Value::Text(text.into())) };
        let eva = |id: &str| user(id, "9", "eva@example.com", "Ek");
        for change in [text(Field::ExternalIdentifier, "9"), text(Field::PrimaryEmail, "EVA@example.com")] {
            let said = taken(&change, &[eva("x")], &[]);
            assert!(said.is_some_and(|said| said.ends_with("now belongs to the user x")), "{change:?}");
            assert_eq!(taken(&change, &[eva("u")], &[]), None, "their own: {change:?}");
            assert_eq!(taken(&change, &[user("x", "8", "x@example.com", "Ek")], &[]), None, "{change:?}");
        }
        let email = text(Field::PrimaryEmail, "eva@example.com");
        assert!(taken(&email, &[], &[eva("x")]).is_some(), "inactive users keep their e-mails");
        // What somebody keeps who is made active again.
        let [before, after] = [false, true].map(|is_active| Some(Value::Boolean(is_active)));
        let back = Change { field: Field::Active, before, after };
        for other in [user("x", "9", "x@example.com", "Ek"), user("x", "8", "eva@example.com", "Ek")] {
            assert!(taken(&back, std::slice::from_ref(&other), &[eva("u")]).is_some(), "{other:?}");
            assert!(taken(&back, &[], &[eva("u"), other.clone()]).is_some(), "{other:?}");
        }
        assert_eq!(taken(&back, &[], &[eva("u")]), None);
        assert_eq!(taken(&text(Field::LastName, "Ek"), &[eva("x")], &[]), None);
    }

    /// The next plan finds them by the identifier, and by nothing else for sure.
    #[test]
    fn a_create_is_outdated_only_if_somebody_new_has_its_identifier() {
        let outdated = |user: User| matches!(verdict(&[user], &[], "n"), Verdict::Edited(..));
        let doubtful = |user: User| matches!(verdict(&[user], &[], "n"), Verdict::SomebodyElse(_));
        let eva = user("n", "9", "eva@example.com", "Ek");
        assert!(outdated(User { last_name: "Edited".into(), ..eva.clone() }));
        assert!(outdated(User { email: "other@example.com".into(), ..eva.clone() }));
        assert!(doubtful(User { identifier: Some("8".into()), ..eva.clone() }));
        assert!(doubtful(User { identifier: None, ..eva }));
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
