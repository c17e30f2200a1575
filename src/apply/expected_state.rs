//! What Skovik should hold after an operation, and how the actual users differ from it. Pure functions.

use std::collections::{BTreeSet, HashMap};

use crate::employee::{BranchId, Directory, Managed, User, UserId};
use crate::plan::{Action, Change, Digest, Field, Fields, ManagerRef, Operation, OperationId, UserRef, Value};

/// What is said of a user who should be active after a change, and is not.
pub const INACTIVE: &str = "active is \"false\", not \"true\"";

/// The ids of the users that a plan's creates have made so far.
pub type Made = HashMap<OperationId, UserId>;

/// The hash of a user's managed fields, as in `before_hash`.
#[must_use]
pub fn hash_of(user: &User, managed: &Managed) -> Digest {
    Fields::of_user(user, managed, &Directory::default()).hash()
}

/// The id of the user that a reference means; `None` until that person is created.
#[must_use]
pub fn resolve<'a>(manager: &'a ManagerRef, made: &'a Made) -> Option<&'a UserId> {
    match manager {
        ManagerRef::User(user) => Some(&user.user_id),
        ManagerRef::Create(create) => made.get(&create.create),
    }
}

/// The user that an operation is about; `None` if it creates them and has not done so.
#[must_use]
pub fn user_of<'a>(operation: &'a Operation, made: &'a Made) -> Option<&'a UserId> {
    match &operation.action {
        Action::Create { .. } => made.get(&operation.id),
        Action::Link { create, .. } => made.get(create),
        Action::Update { user_id, .. } | Action::Delete { user_id, .. } => Some(user_id),
    }
}

/// The changes of an update, with every manager resolved to a user.
///
/// # Errors
/// If a manager is not created yet.
pub fn resolved(changes: &[Change], made: &Made) -> Result<Vec<Change>, String> {
    changes.iter().map(|change| Ok(Change { after: resolved_value(change, made)?, ..change.clone() })).collect()
}

fn resolved_value(change: &Change, made: &Made) -> Result<Option<Value>, String> {
    let Some(Value::Manager(manager)) = &change.after else { return Ok(change.after.clone()) };
    Ok(Some(Value::Manager(ManagerRef::User(resolved_manager(manager, made)?))))
}

/// A manager resolved to a user.
///
/// # Errors
/// If the manager is not created yet.
pub fn resolved_manager(manager: &ManagerRef, made: &Made) -> Result<UserRef, String> {
    let user_id = resolve(manager, made).ok_or("the manager is not made")?.clone();
    Ok(UserRef { user_id, employee: manager.employee().cloned(), name: manager.name().into() })
}

/// The user that a create should have made, without the id, which only Skovik knows, and without the roles.
///
/// # Errors
/// If the manager is not created yet.
pub fn created(after: &Fields, managed: &Managed, made: &Made) -> Result<User, String> {
    let manager = match after.manager.as_ref().and_then(Option::as_ref) {
        Some(manager) => Some(resolve(manager, made).ok_or("the manager is not made")?.clone()),
        None => None,
    };
    Ok(after.to_user(manager, managed))
}

/// Whether a user is in none of the managed branches. `takes_back`: an undo may also touch users without a branch.
#[must_use]
pub fn is_elsewhere(user: &User, branches: Option<&BTreeSet<BranchId>>, takes_back: bool) -> bool {
    branches.is_some_and(|branches| match &user.branch {
        Some(branch) => !branches.contains(branch),
        None => !takes_back,
    })
}

/// The roles of a new user that no create gives, in words for a report.
#[must_use]
pub fn roles_not_given(user: &User) -> Option<String> {
    let roles = user.special_roles().filter(|roles| !roles.is_empty())?;
    Some(format!("roles are {roles:?}, which a create does not give"))
}

/// How the roles of a user changed, in words for a report. Nothing, if either side does not tell the roles.
#[must_use]
pub fn roles_changed(before: &User, user: &User) -> Option<String> {
    let sorted = |roles: &[Box<str>]| {
        let mut roles = roles.to_vec();
        roles.sort_unstable();
        roles
    };
    let (was, is) = (sorted(before.roles.as_ref()?), sorted(user.roles.as_ref()?));
    (was != is).then(|| format!("roles are {is:?}, not {was:?}"))
}

/// What is wrong if roles that were told before are not told any more, or roles appear of which nothing was told: they may
/// be lost or gained.
#[must_use]
pub fn roles_told_otherwise(before: &User, user: &User) -> Option<String> {
    match (&before.roles, user.special_roles()) {
        (Some(was), None) => Some(format!("roles are missing now, they were {was:?}")),
        (None, Some(is)) if !is.is_empty() => Some(format!("roles are {is:?}, and no roles were told before")),
        _ => None,
    }
}

/// How a removed user whom the service keeps differs from before, besides being inactive.
#[must_use]
pub fn differences_when_kept(before: &User, kept: &User, managed: &Managed) -> Vec<String> {
    let mut differs = differences(before, kept, managed);
    differs.extend(roles_changed(before, kept));
    differs.extend(roles_told_otherwise(before, kept));
    differs
}

/// Whether a user is the person that a create sends: identifier and e-mail are both the same.
#[must_use]
pub fn is_person(expected: &User, user: &User) -> bool {
    expected.identifier == user.identifier && expected.email.is(&user.email)
}

/// The user as an update should leave them.
#[must_use]
pub fn updated(before: &User, changes: &[Change], managed: &Managed) -> User {
    let mut after = before.clone();
    changes.iter().for_each(|change| change.lay_over(&mut after, managed));
    after
}

/// The user as they were before an update that has these changes.
#[must_use]
pub fn before_update<'a>(after: &User, changes: impl IntoIterator<Item = &'a Change>, managed: &Managed) -> User {
    let mut before = after.clone();
    for Change { field, before: was, after: _ } in changes {
        Change { field: field.clone(), before: None, after: was.clone() }.lay_over(&mut before, managed);
    }
    before
}

/// The managed fields in which a user is not as expected, each in words for a report.
#[must_use]
pub fn differences(expected: &User, actual: &User, managed: &Managed) -> Vec<String> {
    let of = |user: &User, field: &Field| Value::of_user(user, field, managed, &Directory::default());
    let differs = |field: &Field| match field {
        Field::PrimaryEmail => !expected.email.is(&actual.email),
        _ => of(expected, field) != of(actual, field),
    };
    let in_words = |field: Field| {
        let [expected, actual] = [expected, actual].map(|user| shown(of(user, &field)));
        match field {
            Field::Custom(id) => format!("custom field {id} is {actual}, not {expected}"),
            standard => format!("{standard} is {actual}, not {expected}"),
        }
    };
    Field::managed(managed).filter(differs).map(in_words).collect()
}

/// A value for a report, with references shown as ids.
fn shown(value: Option<Value>) -> String {
    match value {
        None => "(none)".to_owned(),
        Some(Value::Boolean(value)) => format!("\"{value}\""),
        Some(Value::Text(text)) => format!("{text:?}"),
        Some(Value::Branch(branch)) => format!("{:?}", branch.branch_id),
        Some(Value::Manager(ManagerRef::User(user))) => format!("{:?}", user.user_id),
        Some(Value::Manager(ManagerRef::Create(create))) => format!("operation {}", create.create),
    }
}

/// Whether Skovik already is as an operation should leave it, for a plan whose journal was lost. People that the plan
/// creates are found by their identifier.
#[must_use]
pub fn already_holds(operation: &Operation, directory: &Directory, managed: &Managed, made: &Made) -> bool {
    match &operation.action {
        Action::Create { after } => {
            let Some(user) = made.get(&operation.id).and_then(|id| directory.user(id)) else { return false };
            // A user with equal fields but with roles is not the person of the plan.
            if roles_not_given(user).is_some() {
                return false;
            }
            // A link may have set the manager since.
            let linked = matches!(after.manager, Some(None));
            created(after, managed, made).is_ok_and(|mut expected| {
                if linked {
                    expected.manager.clone_from(&user.manager);
                }
                differences(&expected, user, managed).is_empty()
            })
        }
        Action::Update { user_id, changes, .. } => {
            let Some(user) = directory.user(user_id) else { return false };
            resolved(changes, made)
                .is_ok_and(|changes| differences(&updated(user, &changes, managed), user, managed).is_empty())
        }
        Action::Link { create, manager } => {
            let Some(user) = made.get(create).and_then(|id| directory.user(id)) else { return false };
            resolve(manager, made).is_some_and(|manager| user.manager.as_ref() == Some(manager))
        }
        Action::Delete { user_id, .. } => directory.user(user_id).is_none(),
    }
}

/// Finds the people that a plan creates among the users, by their identifier.
#[must_use]
pub fn made_already(operations: &[Operation], directory: &Directory) -> Made {
    let by_identifier: HashMap<&str, &UserId> =
        directory.users.iter().filter_map(|user| Some((user.identifier.as_ref()?.as_str(), &user.id))).collect();
    operations
        .iter()
        .filter_map(|operation| match &operation.action {
            Action::Create { after } => {
                let identifier = after.external_identifier.as_ref()?;
                Some((operation.id, (*by_identifier.get(identifier.as_str())?).clone()))
            }
            Action::Update { .. } | Action::Link { .. } | Action::Delete { .. } => None,
        })
        .collect()
}
