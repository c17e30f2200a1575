//! Evaluates the guards of an undo, from what the plan and the journal know of the account.

use std::collections::{BTreeMap, HashMap};

use super::names::known_branch;
use crate::apply::headcount::Headcount;
use crate::employee::{BranchId, Managed};
use crate::guard::{self, BranchCount, GUARDS, Guard, Limits, NamedField, Of, People, RecentPast};
use crate::plan::{BranchRef, Content, Field, GuardResult, Operation, Plan, Subject, Target, effects};

/// Evaluates the guards that count operations. The guards about the company's lists keep their results, since no list
/// is read. The target says how many users there are now, and `more` how many more the plan has left in each branch and with
/// a value of each field.
pub(super) fn evaluate(
    plan: &Plan,
    limits: &Limits,
    fields: &Managed,
    more: &Headcount<'_>,
    operations: &[Operation],
    Target { users, managed, .. }: &Target,
) -> Vec<GuardResult> {
    let (names, users, managed) = (&plan.content().target.custom_fields, *users, *managed);
    let before = &plan.content().guards;
    let named = |field: Field| NamedField {
        name: field.label(names),
        with_value: with_value(&field, before, more).min(managed),
        field,
    };
    let people = People {
        users,
        managed,
        fields: Field::managed(fields).map(named).collect(),
        branches: branches(plan, more),
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

/// How many users have a value of a field now, if nobody else changed any.
fn with_value(field: &Field, before: &[GuardResult], more: &Headcount<'_>) -> u64 {
    let counts = |result: &&GuardResult| {
        let is_share = guard::find(&result.id).is_some_and(|guard| matches!(guard.of, Of::WithValue));
        is_share && result.subject == Some(Subject::Field(field.clone()))
    };
    let then = before.iter().find(counts).map_or(0, GuardResult::of_now);
    then.saturating_add_signed(more.by_field.get(field).copied().unwrap_or(0))
}

/// The branches that the plan counted or filled, with the number of users that it left in each.
fn branches(plan: &Plan, more: &Headcount<'_>) -> Vec<BranchCount> {
    let Content { operations, guards, .. } = plan.content();
    let named: HashMap<&BranchId, &BranchRef> =
        operations.iter().flat_map(Operation::branches).map(|branch| (&branch.branch_id, branch)).collect();
    let branch = |id: &BranchId| named.get(id).map_or_else(|| known_branch(id, None), |branch| (*branch).clone());
    let mut counts: BTreeMap<Option<&BranchId>, BranchCount> = BTreeMap::new();
    for id in more.by_branch.keys() {
        counts.insert(id.as_ref(), BranchCount { branch: id.as_ref().map(branch), managed: 0 });
    }
    for result in guards {
        if let Some(Subject::Branch(branch)) = &result.subject {
            let id = branch.as_ref().map(|branch| &branch.branch_id);
            counts.insert(id, BranchCount { branch: branch.clone(), managed: result.of_now() });
        }
    }
    for (id, by) in &more.by_branch {
        if let Some(count) = counts.get_mut(&id.as_ref()) {
            count.managed = count.managed.saturating_add_signed(*by);
        }
    }
    counts.into_values().filter(|count| count.managed > 0).collect()
}
