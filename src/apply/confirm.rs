//! Checks operations that count as done against the complete list: answers and journals can be wrong. Pure functions.

use super::expected_state::{
    Made, created, differences, resolve, resolved, roles_changed, roles_not_given, roles_told_otherwise, updated,
};
use super::labels::{Renamed, other_person, person, shown as shown_as};
use super::list::List;
use crate::employee::{Managed, User, UserId};
use crate::plan::{Action, Fields, ManagerRef, Operation, display_name};

/// How the list contradicts that an operation is done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Contradiction {
    /// The user that it should have created is missing, or the user that it should have deleted is still there.
    Undone(String),
    /// The user has other values than were sent.
    Differs(Vec<String>),
}

/// How the list contradicts that an operation is done, if it does. `expected` is the whole user after an update or
/// link, with the roles read before the write. Without it, only the fields that the operation changes are compared.
pub(super) fn contradiction(
    operation: &Operation,
    list: &List<'_>,
    managed: &Managed,
    made: &Made,
    expected: Option<&User>,
) -> Option<Contradiction> {
    let differs = |differs: Vec<String>| (!differs.is_empty()).then_some(Contradiction::Differs(differs));
    let nobody = |id| differs(vec![format!("the user {id} is not in Skovik")]);
    match &operation.action {
        Action::Create { after } => {
            let Some(id) = made.get(&operation.id) else {
                return Some(Contradiction::Undone("it is not known which user it created".to_owned()));
            };
            let found = list.user(id);
            let Some(user) = found.filter(|user| user.identifier == after.external_identifier) else {
                return Some(Contradiction::Undone(not_made(id, found, after, list)));
            };
            match created(after, managed, made) {
                Ok(mut expected) => {
                    // A manager that a link sets later is confirmed with the link.
                    if let Some(None) = after.manager {
                        expected.manager.clone_from(&user.manager);
                    }
                    let mut found = differences(&expected, user, managed);
                    found.extend(roles_not_given(user));
                    differs(found)
                }
                Err(problem) => differs(vec![problem]),
            }
        }
        Action::Update { user_id, changes, roles, .. } => {
            let Some(user) = list.user(user_id) else { return nobody(user_id) };
            if let Some(expected) = expected {
                let mut found = whole(expected, user, managed);
                // The plan shows roles if the list it was made from contained them.
                let is_told = roles.is_some() || expected.roles.is_none();
                found.extend(roles_told_otherwise(expected, user).filter(|_| is_told));
                return differs(found);
            }
            differs(match resolved(changes, made) {
                Ok(changes) => differences(&updated(user, &changes, managed), user, managed),
                Err(problem) => vec![problem],
            })
        }
        Action::Link { create, manager } => {
            let (Some(id), Some(manager)) = (made.get(create), resolve(manager, made)) else {
                return differs(vec!["it is not known which user it links".to_owned()]);
            };
            let Some(user) = list.user(id) else { return nobody(id) };
            if let Some(expected) = expected {
                return differs(whole(expected, user, managed));
            }
            let expected = User { manager: Some(manager.clone()), ..user.clone() };
            differs(differences(&expected, user, managed))
        }
        Action::Delete { user_id, .. } => {
            let problem = || format!("the deleted user {user_id} is still in Skovik");
            list.user(user_id).map(|_| Contradiction::Undone(problem()))
        }
    }
}

fn whole(expected: &User, user: &User, managed: &Managed) -> Vec<String> {
    let mut differs = differences(expected, user, managed);
    differs.extend(roles_changed(expected, user));
    differs
}

/// How the plan shows the existing manager that an operation sets, if that user is another person in Skovik by now.
pub(super) fn other_manager(operation: &Operation, list: &List<'_>, renamed: &Renamed<'_>) -> Option<String> {
    let manager = operation.new_manager()?;
    let ManagerRef::User(shown) = manager else { return None };
    match list.user(&shown.user_id) {
        Some(user) => other_person(shown, user, renamed),
        None => Some(format!("the manager {} is not in Skovik any more", shown.user_id)),
    }
}

/// Who the manager is by now whom another operation of the plan created, if that is another person or nobody.
pub(super) fn other_new_manager(operation: &Operation, list: &List<'_>, made: &Made) -> Option<String> {
    let ManagerRef::Create(shown) = operation.new_manager()? else { return None };
    let id = made.get(&shown.create)?;
    let Some(user) = list.user(id) else { return Some(format!("the manager {id} is not in Skovik any more")) };
    let is_other = user.identifier.as_ref() != Some(&shown.employee);
    is_other.then(|| {
        let held = person(user.identifier.as_ref(), &display_name(user));
        shown_as("manager", id, &person(Some(&shown.employee), &shown.name), &held)
    })
}

/// The user who has a deleted user's identifier under another id. It may be the same person, created again by somebody
/// else.
pub(super) fn came_back(operation: &Operation, list: &List<'_>) -> Option<String> {
    let (Action::Delete { user_id, .. }, Some(employee)) = (&operation.action, &operation.employee) else {
        return None;
    };
    let other = list.by_identifier(employee.as_str()).filter(|other| other.id != *user_id)?;
    Some(format!("the deleted employee {employee} is in Skovik again, as the user {}", other.id))
}

fn not_made(id: &UserId, found: Option<&User>, after: &Fields, list: &List<'_>) -> String {
    let is = if found.is_some() { "is not this person in Skovik" } else { "is not in Skovik" };
    let owner = after.external_identifier.as_ref().and_then(|identifier| list.by_identifier(identifier.as_str()));
    let owner = owner.map_or_else(String::new, |owner| format!("; the user {} has their identifier", owner.id));
    format!("the user {id} who was made {is}{owner}")
}
