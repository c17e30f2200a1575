//! Compares the labels of people in a plan with those in the account. Pure functions.

use std::fmt::Display;

use crate::employee::{ExternalIdentifier, User, UserId};
use crate::plan::{Action, Change, Field, UserRef, display_name};

/// The user that an action renames.
pub(super) fn renames(action: &Action) -> Option<&UserId> {
    let is_name = |change: &Change| {
        matches!(change.field, Field::ExternalIdentifier | Field::FirstName | Field::LastName | Field::PrimaryEmail)
    };
    match action {
        Action::Update { user_id, changes, .. } => changes.iter().any(is_name).then_some(user_id),
        Action::Create { .. } | Action::Link { .. } | Action::Delete { .. } => None,
    }
}

/// How the plan shows a manager, if the user with that id is somebody else.
pub(super) fn other_person(UserRef { user_id, employee, name }: &UserRef, user: &User) -> Option<String> {
    if employee.is_none() && name.is_empty() {
        return None;
    }
    let held = display_name(user);
    if user.identifier == *employee && held == *name {
        return None;
    }
    let (planned, held) = (person(employee.as_ref(), name), person(user.identifier.as_ref(), &held));
    Some(shown("manager", user_id, &planned, &held))
}

pub(super) fn person(identifier: Option<&ExternalIdentifier>, name: &str) -> String {
    label(identifier.map(ExternalIdentifier::as_str), name)
}

pub(super) fn label(identifier: Option<&str>, name: &str) -> String {
    match identifier {
        Some(identifier) => format!("{identifier} {name}"),
        None => name.to_owned(),
    }
}

pub(super) fn shown(kind: &str, id: &dyn Display, planned: &str, held: &str) -> String {
    format!("the plan shows the {kind} {id} as {planned:?}, but in Skovik it is {held:?}")
}
