//! Evaluates the guards of an undo, from what the plan and the journal know of the account.

use std::collections::BTreeMap;

use super::draft::Draft;
use crate::employee::{BranchId, Managed, Text};
use crate::guard::{self, BranchCount, GUARDS, Guard, Limits, NamedField, Of, People, RecentPast};
use crate::plan::{self, BranchRef, Field, GuardResult, Operation, Plan, Subject, Target, effects};

/// Evaluates the guards that count operations. The guards about the company's lists keep their results, since no list
/// is read. The target says how many users there are now.
pub(super) fn evaluate(
    plan: &Plan,
    limits: &Limits,
    fields: &Managed,
    drafts: &[Draft],
    operations: &[Operation],
    Target { users, managed, .. }: &Target,
) -> Vec<GuardResult> {
    let (names, users, managed) = (&plan.content().target.custom_fields, *users, *managed);
    let named = |field: Field| NamedField {
        name: field.label(names),
        with_value: with_value(&field, &plan.content().guards, operations).min(managed),
        field,
    };
    let people = People {
        users,
        managed,
        fields: Field::managed(fields).map(named).collect(),
        branches: branches(&plan.content().guards, drafts),
        ..People::default()
    };
    // Taking back must be possible just when much was done: an undo is judged by itself.
    let judged = guard::evaluate(limits, &people, effects(operations), &RecentPast::none());
    let of = |guard: &Guard| {
        let own = |results: &[GuardResult]| -> Vec<GuardResult> {
            results.iter().filter(|result| result.id == guard.id).cloned().collect()
        };
        let before = if guard.counts_records() { own(&plan.content().guards) } else { Vec::new() };
        if before.is_empty() { own(&judged) } else { before }
    };
    GUARDS.iter().flat_map(|guard| of(guard)).collect()
}

/// How many users have a value of a field now, if nobody else changed any: the plan's count, corrected by the values
/// that the plan gave or cleared, which these operations take back.
fn with_value(field: &Field, before: &[GuardResult], operations: &[Operation]) -> u64 {
    let counts = |result: &&GuardResult| {
        let is_share = guard::find(&result.id).is_some_and(|guard| matches!(guard.of, Of::WithValue));
        is_share && result.subject == Some(Subject::Field(field.clone()))
    };
    let then = before.iter().find(counts).map_or(0, |result| result.of);
    let changes = operations.iter().flat_map(|operation| match &operation.action {
        plan::Action::Update { changes, .. } => &changes[..],
        plan::Action::Create { .. } | plan::Action::Link { .. } | plan::Action::Delete { .. } => &[],
    });
    changes.filter(|change| change.field == *field).fold(then, |count, change| {
        match (change.before.is_some(), change.after.is_some()) {
            (true, false) => count.saturating_add(1),
            (false, true) => count.saturating_sub(1),
            _ => count,
        }
    })
}

/// The branches that the plan counted, with the number of users that it left in each.
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
    let named = |id: &BranchId| BranchRef { branch_id: id.clone(), external_identifier: None, name: Text::default() };
    BranchCount { branch: branch.map(named), managed: 0 }
}
