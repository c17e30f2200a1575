//! What the guards look at in an undo, as far as the plan and the journal know the account.

use std::collections::{BTreeMap, HashSet};

use super::draft::{Action, Draft};
use crate::employee::{BranchId, CustomFieldId, Managed, UserId};
use crate::guard::{self, BranchCount, Ceiling, Counts, FieldCount, Limits};
use crate::plan::{BranchRef, Field, GuardResult, ManagerRef, Plan, Subject, Summary, Value};

/// The guards that count operations are judged anew; those that judge the company's lists stay as they were, since no
/// list is read.
pub(super) fn evaluate(
    plan: &Plan,
    limits: &Limits,
    managed: &Managed,
    drafts: &[Draft],
    summary: &Summary,
    of: u64,
) -> Vec<GuardResult> {
    let (losing_manager, left_without_manager) = managers(drafts);
    let counts = Counts {
        creates: summary.create,
        updates: summary.update,
        deletes: summary.delete,
        managed: of,
        losing_manager,
        left_without_manager,
        fields: fields(managed, &plan.content().target.custom_fields, drafts),
        branches: branches(&plan.content().guards, drafts),
        ..Counts::default()
    };
    let before = |id: &str| plan.content().guards.iter().find(|guard| guard.id == id);
    let mut guards = guard::evaluate(limits, &counts);
    for guard in guards.iter_mut().filter(|guard| Ceiling::lifting(&guard.id).is_none()) {
        if let Some(before) = before(&guard.id) {
            guard.clone_from(before);
        }
    }
    guards
}

fn fields(managed: &Managed, names: &BTreeMap<CustomFieldId, String>, drafts: &[Draft]) -> Vec<FieldCount> {
    let mut all = vec![Field::ExternalIdentifier, Field::PrimaryEmail, Field::FirstName, Field::LastName];
    all.extend(managed.branch.then_some(Field::Branch));
    all.extend(managed.manager.then_some(Field::Manager));
    all.extend(managed.custom_fields.iter().cloned().map(Field::Custom));
    let mut updates: BTreeMap<&Field, u64> = BTreeMap::new();
    for draft in drafts {
        if let Action::Update { changes, .. } = &draft.action {
            changes.iter().for_each(|change| *updates.entry(&change.field).or_default() += 1);
        }
    }
    all.iter()
        .map(|field| FieldCount {
            field: field.clone(),
            name: match field {
                Field::Custom(id) => names.get(id).cloned().unwrap_or_else(|| id.to_string()),
                other => other.to_string(),
            },
            updates: updates.get(field).copied().unwrap_or(0),
        })
        .collect()
}

/// The branches that the plan counted, as many users there as it left.
fn branches(before: &[GuardResult], drafts: &[Draft]) -> Vec<BranchCount> {
    let mut counts: BTreeMap<Option<BranchId>, BranchCount> = BTreeMap::new();
    for guard in before {
        if let Some(Subject::Branch(branch)) = &guard.subject {
            let id = branch.as_ref().map(|branch| branch.branch_id.clone());
            counts.insert(id, BranchCount { branch: branch.clone(), updates: 0, deletes: 0, managed: guard.of });
        }
    }
    for Draft { branch_now, action, .. } in drafts {
        if let Some(now) = branch_now {
            let count = counts.entry(now.clone()).or_insert_with(|| unknown(now.as_ref()));
            count.managed += 1;
            count.updates += u64::from(matches!(action, Action::Update { .. }));
            count.deletes += u64::from(matches!(action, Action::Delete { .. }));
        }
    }
    for then in drafts.iter().filter_map(|draft| draft.branch_then.as_ref()) {
        if let Some(count) = counts.get_mut(then) {
            count.managed = count.managed.saturating_sub(1);
        }
    }
    counts.into_values().filter(|count| count.managed > 0).collect()
}

fn unknown(branch: Option<&BranchId>) -> BranchCount {
    let named = |id: &BranchId| BranchRef { branch_id: id.clone(), external_identifier: None, name: String::new() };
    BranchCount { branch: branch.map(named), updates: 0, deletes: 0, managed: 0 }
}

/// How many people stay whose manager goes, and how many of them get none.
fn managers(drafts: &[Draft]) -> (u64, u64) {
    let leave = |draft: &Draft| match &draft.action {
        Action::Delete { user_id, .. } => Some(user_id.clone()),
        Action::Create { .. } | Action::Update { .. } => None,
    };
    let leavers: HashSet<UserId> = drafts.iter().filter_map(leave).collect();
    let (mut losing, mut left_without) = (0, 0);
    for draft in drafts {
        let Action::Update { changes, .. } = &draft.action else { continue };
        let Some(change) = changes.iter().find(|change| change.field == Field::Manager) else { continue };
        if let Some(Value::Manager(ManagerRef::User(manager))) = &change.before
            && leavers.contains(&manager.user_id)
        {
            losing += 1;
            left_without += u64::from(change.after.is_none());
        }
    }
    (losing, left_without)
}
