//! What the guards look at in an undo, as far as the plan and the journal know the account.

use std::collections::{BTreeMap, HashMap};

use super::draft::{Action, Draft};
use crate::employee::{BranchId, Managed, UserId};
use crate::guard::{self, BranchCount, Count, Limits, NamedField, People};
use crate::plan::{BranchRef, Field, GuardResult, Operation, Plan, Subject, effects};

/// The guards that count operations are judged anew; those that judge the company's lists stay as they were, since no
/// list is read. `managed` is how many users may be changed now.
pub(super) fn evaluate(
    plan: &Plan,
    limits: &Limits,
    fields: &Managed,
    drafts: &[Draft],
    operations: &[Operation],
    managed: u64,
) -> Vec<GuardResult> {
    let names = &plan.content().target.custom_fields;
    let named = |field: Field| NamedField { name: field.label(names), field };
    let people = People {
        managed,
        fields: Field::managed(fields).map(named).collect(),
        branches: branches(&plan.content().guards, drafts),
        ..People::default()
    };
    let branches: HashMap<&UserId, Option<&BranchId>> = drafts.iter().filter_map(branch_now).collect();
    let mut guards = guard::evaluate(limits, &people, effects(operations, |user| branches.get(user).copied()));
    for result in &mut guards {
        let counts_records = guard::find(&result.id).is_some_and(|guard| matches!(guard.count, Count::Records { .. }));
        let before = plan.content().guards.iter().find(|before| before.id == result.id);
        if let Some(before) = before.filter(|_| counts_records) {
            result.clone_from(before);
        }
    }
    guards
}

/// A user who is there, and the branch that they are in now.
fn branch_now(draft: &Draft) -> Option<(&UserId, Option<&BranchId>)> {
    match &draft.action {
        Action::Update { user_id, .. } | Action::Delete { user_id, .. } => {
            Some((user_id, draft.branch_now.as_ref()?.as_ref()))
        }
        Action::Create { .. } => None,
    }
}

/// The branches that the plan counted, as many users there as it left.
fn branches(before: &[GuardResult], drafts: &[Draft]) -> Vec<BranchCount> {
    let mut counts: BTreeMap<Option<BranchId>, BranchCount> = BTreeMap::new();
    for guard in before {
        if let Some(Subject::Branch(branch)) = &guard.subject {
            let id = branch.as_ref().map(|branch| branch.branch_id.clone());
            counts.insert(id, BranchCount { branch: branch.clone(), managed: guard.of });
        }
    }
    for now in drafts.iter().filter_map(|draft| draft.branch_now.as_ref()) {
        counts.entry(now.clone()).or_insert_with(|| unknown(now.as_ref())).managed += 1;
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
    BranchCount { branch: branch.map(named), managed: 0 }
}
