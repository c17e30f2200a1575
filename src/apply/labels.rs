//! Compares the labels of people in a plan with those in the account. Pure functions.

use std::collections::HashMap;
use std::fmt::Display;

use crate::employee::{ExternalIdentifier, User, UserId};
use crate::plan::{Action, Change, Field, Operation, UserRef, Value, display_name};

/// The users whom a plan renames, each with the change of the identifier, if there is one.
pub(super) type Renamed<'a> = HashMap<&'a UserId, Option<&'a Change>>;

/// The users whom these operations rename.
pub(super) fn renamed<'a>(operations: impl Iterator<Item = &'a Operation>) -> Renamed<'a> {
    operations.filter_map(|operation| renames(&operation.action)).collect()
}

fn renames(action: &Action) -> Option<(&UserId, Option<&Change>)> {
    let is_name = |change: &Change| {
        matches!(change.field, Field::ExternalIdentifier | Field::FirstName | Field::LastName | Field::PrimaryEmail)
    };
    match action {
        Action::Update { user_id, changes, .. } if changes.iter().any(is_name) => {
            Some((user_id, changes.iter().find(|change| change.field == Field::ExternalIdentifier)))
        }
        Action::Update { .. } | Action::Create { .. } | Action::Link { .. } | Action::Delete { .. } => None,
    }
}

/// How the plan shows a manager, if the user with that id is somebody else. Those whom the plan renames may have the
/// identifier from before or after it.
pub(super) fn other_person(
    UserRef { user_id, employee, name }: &UserRef,
    user: &User,
    renamed: &Renamed<'_>,
) -> Option<String> {
    if employee.is_none() && name.is_empty() {
        return None;
    }
    let held = display_name(user);
    let has_identifier = user.identifier == *employee;
    let given = |change: &Change| match &change.after {
        Some(Value::Text(given)) => user.identifier.as_ref().is_some_and(|held| held.as_str() == &**given),
        _ => user.identifier.is_none(),
    };
    let is_shown = match renamed.get(user_id) {
        None => has_identifier && held == *name,
        Some(change) => has_identifier || change.is_some_and(given),
    };
    if is_shown {
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
