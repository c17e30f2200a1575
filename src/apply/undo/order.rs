//! The order of an undo's operations. The rules are those of [`crate::order`], applied to what one plan changed instead
//! of a comparison.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::claim::{Claim, Side, value};
use super::draft::{Action, Draft};
use crate::employee::UserId;
use crate::plan::{Field, ManagerRef, Value};

/// For each draft, the drafts that must be done before it; sorted, without duplicates.
pub(super) fn needs(drafts: &[Draft]) -> Vec<Vec<usize>> {
    // The drafts that give up an e-mail or identifier, that create a user again, that delete a user.
    let (mut gives, mut makes, mut removes) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (index, draft) in drafts.iter().enumerate() {
        gives.extend(claims(&draft.action, Side::Before).into_iter().map(|claim| (claim, index)));
        match &draft.action {
            Action::Create { was, .. } => drop(makes.insert(was.clone(), index)),
            Action::Delete { user_id, .. } => drop(removes.insert(user_id.clone(), index)),
            Action::Update { .. } => {}
        }
    }
    let mut needs = vec![Vec::new(); drafts.len()];
    for (index, draft) in drafts.iter().enumerate() {
        let claimed = claims(&draft.action, Side::After);
        needs[index]
            .extend(claimed.iter().filter_map(|claim| gives.get(claim)).copied().filter(|&giver| giver != index));
        needs[index].extend(manager(&draft.action, Side::After).and_then(|manager| makes.get(manager)).copied());
        if let Some(&remover) = manager(&draft.action, Side::Before).and_then(|manager| removes.get(manager)) {
            needs[remover].push(index);
        }
    }
    for needed in &mut needs {
        needed.sort_unstable();
        needed.dedup();
    }
    needs
}

/// The order, with ties broken by action, employee and user id; and the drafts that are part of a cycle.
pub(super) fn sort(drafts: &[Draft]) -> (Vec<usize>, Vec<usize>) {
    let needs = needs(drafts);
    let mut waiting: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut needed_by = vec![Vec::new(); drafts.len()];
    for (index, needed) in needs.iter().enumerate() {
        needed.iter().for_each(|&before| needed_by[before].push(index));
    }
    let key = |index: usize| Reverse((rank(&drafts[index]), index));
    let mut ready: BinaryHeap<_> = (0..drafts.len()).filter(|&index| waiting[index] == 0).map(key).collect();
    let mut order = Vec::with_capacity(drafts.len());
    while let Some(Reverse((_, index))) = ready.pop() {
        order.push(index);
        for &after in &needed_by[index] {
            waiting[after] -= 1;
            if waiting[after] == 0 {
                ready.push(key(after));
            }
        }
    }
    let left_out = (0..drafts.len()).filter(|&index| waiting[index] > 0).collect();
    (order, left_out)
}

fn rank(draft: &Draft) -> (u8, &str, &str) {
    let employee = draft.employee.as_ref().map_or("", |employee| employee.as_str());
    match &draft.action {
        Action::Create { .. } => (0, employee, ""),
        Action::Update { user_id, .. } => (1, employee, user_id.as_str()),
        Action::Delete { user_id, .. } => (2, employee, user_id.as_str()),
    }
}

/// The unique values that an action gives up or takes.
pub(super) fn claims(action: &Action, side: Side) -> Vec<Claim> {
    match (action, side) {
        (Action::Create { after: fields, .. }, Side::After) | (Action::Delete { before: fields, .. }, Side::Before) => {
            let identifier = fields.external_identifier.as_ref().map(|id| Claim::identifier(id.as_str()));
            identifier.into_iter().chain([Claim::email(&fields.primary_email)]).collect()
        }
        (Action::Create { .. }, Side::Before) | (Action::Delete { .. }, Side::After) => Vec::new(),
        (Action::Update { changes, .. }, side) => changes.iter().filter_map(|change| Claim::of(change, side)).collect(),
    }
}

/// The manager that an action takes away or sets.
pub(super) fn manager(action: &Action, side: Side) -> Option<&UserId> {
    let manager = match (action, side) {
        (Action::Create { after: fields, .. }, Side::After) => fields.manager.as_ref()?.as_ref()?,
        (Action::Delete { manager, .. }, Side::Before) => return manager.as_ref(),
        (Action::Create { .. }, Side::Before) | (Action::Delete { .. }, Side::After) => return None,
        (Action::Update { changes, .. }, side) => {
            let change = changes.iter().find(|change| change.field == Field::Manager)?;
            match value(change, side)? {
                Value::Manager(manager) => manager,
                _ => return None,
            }
        }
    };
    match manager {
        ManagerRef::User(user) => Some(&user.user_id),
        ManagerRef::Create(_) => None,
    }
}
