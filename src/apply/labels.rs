//! Compares the labels of people in a plan with those in the account. Pure functions.

use std::collections::HashMap;
use std::fmt::Display;

use crate::employee::{ExternalIdentifier, Managed, User, UserId};
use crate::plan::{Action, Change, Field, Operation, UserRef, display_name};

/// The users whom a plan renames, each with the changes.
pub(super) type Renamed<'a> = HashMap<&'a UserId, &'a [Change]>;

/// The users whom these operations rename.
pub(super) fn renamed<'a>(operations: impl Iterator<Item = &'a Operation>) -> Renamed<'a> {
    operations.filter_map(|operation| renames(&operation.action)).collect()
}

fn renames(action: &Action) -> Option<(&UserId, &[Change])> {
    match action {
        Action::Update { user_id, changes, .. } if changes.iter().any(is_name) => Some((user_id, changes)),
        Action::Update { .. } | Action::Create { .. } | Action::Link { .. } | Action::Delete { .. } => None,
    }
}

/// Whether the label of a user may change. Somebody without a name is called by the e-mail.
pub(super) fn is_name(change: &Change) -> bool {
    matches!(change.field, Field::ExternalIdentifier | Field::FirstName | Field::LastName | Field::PrimaryEmail)
}

/// How the plan shows a manager, if the user with that id is somebody else. Those whom the plan renames may be called as
/// before it or as after it.
pub(super) fn other_person(
    UserRef { user_id, employee, name }: &UserRef,
    user: &User,
    renamed: &Renamed<'_>,
) -> Option<String> {
    if employee.is_none() && name.is_empty() {
        return None;
    }
    let called = |user: &User| (user.identifier.clone(), display_name(user));
    let (held, planned) = (called(user), (employee.clone(), name.clone()));
    let is_shown = held == planned
        || renamed.get(user_id).is_some_and(|changes| {
            let known = [before(user, changes), after(user, changes)].map(|user| called(&user));
            known.contains(&held) && known.contains(&planned)
        });
    if is_shown {
        return None;
    }
    let (planned, held) = (person(employee.as_ref(), name), person(held.0.as_ref(), &held.1));
    Some(shown("manager", user_id, &planned, &held))
}

/// The user with the name, identifier and e-mail from before these changes.
fn before(user: &User, changes: &[Change]) -> User {
    let back = |Change { field, before, after }: &Change| Change {
        field: field.clone(),
        before: after.clone(),
        after: before.clone(),
    };
    after(user, &changes.iter().map(back).collect::<Vec<_>>())
}

/// The user with the name, identifier and e-mail that these changes give.
fn after(user: &User, changes: &[Change]) -> User {
    let mut user = user.clone();
    changes.iter().filter(|change| is_name(change)).for_each(|change| change.lay_over(&mut user, &Managed::default()));
    user
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
