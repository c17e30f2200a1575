//! Checks what is true of every plan that `plan` writes, beyond its types. It rejects a file that was edited by hand
//! and hashed again.

use std::collections::{HashMap, HashSet};

use super::each::each_operation;
use super::{Action, BranchRef, Change, Content, Field, ManagerRef, Operation, OperationId, Summary, Target, Value};
use crate::diff::REASONS_TO_REMOVE;
use crate::employee::{ExternalIdentifier, UserId};
use crate::side_by_side::each_side_by_side;
use crate::text::printable;

/// A check of a whole plan.
type Check = fn(&Content) -> Result<(), String>;

/// Says what is impossible about a content, if anything is.
pub(super) fn check(content: &Content) -> Result<(), String> {
    let mut counted =
        Summary { unchanged: content.summary.unchanged, set_aside: content.summary.set_aside, ..Summary::default() };
    for (index, operation) in content.operations.iter().enumerate() {
        if operation.id.0 as usize != index + 1 {
            return Err(format!("operation {} is not numbered by its place", operation.id));
        }
        match &operation.action {
            Action::Create { .. } => counted.create += 1,
            Action::Update { .. } if operation.reactivates() => counted.reactivate += 1,
            Action::Update { .. } => counted.update += 1,
            Action::Link { .. } => {}
            Action::Delete { .. } => counted.delete += 1,
        }
    }
    // An undo may write what Skovik held before.
    let is_undo = content.undone().is_some();
    each_operation(content, |operation| {
        check_operation(content, operation)?;
        if is_undo { Ok(()) } else { super::values::check(operation) }
    })?;
    if counted != content.summary {
        return Err("its summary does not count its operations".to_owned());
    }
    let Target { kind, url, anchors, users, managed, .. } = &content.target;
    let named = content.sources.iter().flat_map(|source| [&source.name, &source.kind]).chain([kind, url]);
    if let Some(hidden) = named.into_iter().find(|name| printable(name) != **name) {
        return Err(format!("its target or a source has characters that cannot be seen: {hidden}"));
    }
    let matched = [counted.update, counted.delete, content.waiting_people()];
    let matched = matched.into_iter().fold(counted.unchanged, u64::saturating_add);
    if matched > *managed || managed > users {
        return Err("its summary counts more people than its target has users who may be changed".to_owned());
    }
    if let Some(source) = content.sources.iter().find(|source| !super::is_known_proof(&source.proof)) {
        return Err(format!("its source {} has a proof that no list has", source.name));
    }
    if !anchors.is_possible() || (anchors.users.is_empty() && *users > counted.delete && content.undone().is_none()) {
        return Err("its anchors are not those of its account".to_owned());
    }
    let whole: [Check; 8] = [
        super::only::check,
        super::unique::check_users,
        super::unique::check,
        super::warnings::check,
        super::waiting_check::check,
        check_managers_stay,
        check_managers_are_active,
        super::check_guards,
    ];
    each_side_by_side(&whole, |check| check(content), |checked| checked)
}

/// Says what is impossible about an operation, which has the right number.
fn check_operation(content: &Content, operation: &Operation) -> Result<(), String> {
    let is = |problem: &str| Err(problem.to_owned());
    if !operation.depends_on.windows(2).all(|pair| pair[0] < pair[1]) {
        return is("lists what it depends on twice or out of order");
    }
    if operation.depends_on.iter().any(|&needed| needed.0 == 0 || needed >= operation.id) {
        return is("depends on an operation that does not come before it");
    }
    if !operation.roles().windows(2).all(|pair| pair[0] < pair[1]) {
        return is("lists roles twice or out of order");
    }
    match &operation.action {
        Action::Create { after } => {
            if after.external_identifier.is_none() || after.external_identifier != operation.employee {
                return is("creates somebody without their identifier");
            }
            if after.display_name() != operation.name {
                return is("creates somebody under another name than it shows");
            }
            match &after.manager {
                Some(Some(manager)) => check_manager(content, operation, manager),
                _ => Ok(()),
            }
        }
        Action::Update { user_id: _, before_hash: _, branch, roles: _, changes } => {
            let renumbered = changes.iter().find(|change| change.field == Field::ExternalIdentifier);
            if let Some(Change { after: Some(Value::Text(identifier)), before, field: _ }) = renumbered {
                let shown = operation.employee.as_ref().map(ExternalIdentifier::as_str);
                let was = matches!(before, Some(Value::Text(before)) if shown == Some(before));
                if shown != Some(identifier) && !was {
                    return is("gives another identifier than it shows");
                }
            }
            if changes.is_empty() || !changes.windows(2).all(|pair| pair[0].field < pair[1].field) {
                return is("changes nothing, or a field twice, or fields out of order");
            }
            changes.iter().try_for_each(|change| {
                if change.field == Field::Branch && !is_from(branch.as_ref(), change.before.as_ref()) {
                    return is("takes somebody out of another branch than it shows");
                }
                check_change(content, operation, change)
            })
        }
        Action::Link { create, manager } => {
            let Some(created) = created_by(content, *create).filter(|_| operation.depends_on.contains(create)) else {
                return is("links somebody whom no operation before it creates");
            };
            if created.employee != operation.employee || created.name != operation.name {
                return is("links another person than it shows");
            }
            // Its diff shows `(none)` as the manager until then.
            if matches!(&created.action, Action::Create { after } if matches!(after.manager, Some(Some(_)))) {
                return is("links somebody who is created with a manager");
            }
            check_manager(content, operation, manager)
        }
        Action::Delete { user_id: _, before_hash, before, roles: _, missing_since: _, reason } => {
            if content.undone().is_none() && !REASONS_TO_REMOVE.contains(&&**reason) {
                return is("has a reason that no plan gives");
            }
            if before.hash() != *before_hash {
                return is("has a before_hash that is not that of its before");
            }
            if before.external_identifier != operation.employee {
                return is("removes somebody under another identifier than it shows");
            }
            if before.display_name() != operation.name {
                return is("removes somebody under another name than it shows");
            }
            Ok(())
        }
    }
}

/// Checks that no operation sets a manager whom the plan deletes: the report would have no manager in the end.
fn check_managers_stay(content: &Content) -> Result<(), String> {
    let removed: HashSet<&UserId> = content
        .operations
        .iter()
        .filter(|operation| matches!(operation.action, Action::Delete { .. }))
        .filter_map(Operation::user_id)
        .collect();
    let is_removed =
        |manager: &ManagerRef| matches!(manager, ManagerRef::User(manager) if removed.contains(&manager.user_id));
    let names_one = |operation: &&Operation| operation.new_manager().is_some_and(is_removed);
    match content.operations.iter().find(names_one) {
        Some(operation) => Err(format!("operation {} names a manager that the plan deletes", operation.id)),
        None => Ok(()),
    }
}

/// Checks that whoever gets a manager whom the plan reactivates comes after that.
fn check_managers_are_active(content: &Content) -> Result<(), String> {
    let back = content.operations.iter().filter(|operation| operation.reactivates());
    let back: HashMap<&UserId, OperationId> = back.filter_map(|one| Some((one.user_id()?, one.id))).collect();
    let is_early = |operation: &&Operation| {
        let manager = operation.new_manager().and_then(|manager| match manager {
            ManagerRef::User(manager) => back.get(&manager.user_id),
            ManagerRef::Create(_) => None,
        });
        manager.is_some_and(|needed| !operation.depends_on.contains(needed))
    };
    match content.operations.iter().find(is_early) {
        Some(operation) => Err(format!("operation {} names a manager who is inactive until later", operation.id)),
        None => Ok(()),
    }
}

/// The operation with this number, if it creates somebody.
fn created_by(content: &Content, id: OperationId) -> Option<&Operation> {
    let operation = content.operations.get((id.0 as usize).checked_sub(1)?)?;
    matches!(operation.action, Action::Create { .. }).then_some(operation)
}

/// Whether the branch that an update shows is the one that its change takes the user out of.
fn is_from(shown: Option<&Option<BranchRef>>, before: Option<&Value>) -> bool {
    let id = |branch: &BranchRef| branch.branch_id.clone();
    match (shown, before) {
        (Some(shown), None) => shown.is_none(),
        (Some(shown), Some(Value::Branch(before))) => shown.as_ref().map(id) == Some(id(before)),
        // Other checks reject a value of another kind.
        (None, _) | (Some(_), Some(_)) => false,
    }
}

fn check_manager(content: &Content, operation: &Operation, manager: &ManagerRef) -> Result<(), String> {
    let ManagerRef::Create(manager) = manager else { return Ok(()) };
    let needed = operation.depends_on.contains(&manager.create);
    let Some(created) = created_by(content, manager.create).filter(|_| needed) else {
        return Err("names a manager whom no operation before it creates".to_owned());
    };
    if created.employee.as_ref() != Some(&manager.employee) || created.name != manager.name {
        return Err("names another manager than the operation creates that it refers to".to_owned());
    }
    Ok(())
}

/// Whether two values are the same, whatever the names are that they show: a branch and a user are told by their id.
fn is_same(before: Option<&Value>, after: Option<&Value>) -> bool {
    match (before, after) {
        (Some(Value::Branch(before)), Some(Value::Branch(after))) => before.branch_id == after.branch_id,
        (Some(Value::Manager(ManagerRef::User(before))), Some(Value::Manager(ManagerRef::User(after)))) => {
            before.user_id == after.user_id
        }
        _ => before == after,
    }
}

fn check_change(content: &Content, operation: &Operation, change: &Change) -> Result<(), String> {
    let Change { field, before, after } = change;
    if *field == Field::Active {
        let is_possible = *change == Change::reactivation();
        return if is_possible { Ok(()) } else { Err("changes active otherwise than from no to yes".to_owned()) };
    }
    if is_same(before.as_ref(), after.as_ref()) {
        return Err(format!("changes {field} to what it is"));
    }
    for value in [before, after].into_iter().flatten() {
        let fits = match field {
            Field::ExternalIdentifier | Field::PrimaryEmail | Field::FirstName | Field::LastName => {
                matches!(value, Value::Text(_))
            }
            Field::Branch => matches!(value, Value::Branch(_)),
            Field::Manager => matches!(value, Value::Manager(_)),
            Field::Active | Field::Custom(_) => matches!(value, Value::Text(_) | Value::Boolean(_)),
        };
        if !fits {
            return Err(format!("gives {field} a value of another kind"));
        }
    }
    match (field, after) {
        (Field::Branch | Field::Manager | Field::Custom(_), None) => Ok(()),
        (_, None) => Err(format!("takes {field} away, which everybody must have")),
        (Field::Manager, Some(Value::Manager(manager))) => check_manager(content, operation, manager),
        (_, Some(_)) => Ok(()),
    }
}
