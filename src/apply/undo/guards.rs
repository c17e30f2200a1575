//! Evaluates the guards of an undo, from what the plan and the journal know of the account.

use std::collections::BTreeMap;

use super::history::History;
use crate::employee::{BranchId, Managed};
use crate::guard::{self, BranchCount, GUARDS, Guard, Limits, NamedField, Of, People, RecentPast};
use crate::plan::{
    self, BranchRef, Change, Field, Fields, GuardResult, Operation, Plan, Subject, Target, Value, effects,
};

/// Evaluates the guards that count operations. The guards about the company's lists keep their results, since no list
/// is read. The target says how many users there are now.
pub(super) fn evaluate(
    plan: &Plan,
    limits: &Limits,
    fields: &Managed,
    history: &History,
    operations: &[Operation],
    Target { users, managed, .. }: &Target,
) -> Vec<GuardResult> {
    let (names, users, managed) = (&plan.content().target.custom_fields, *users, *managed);
    let (left, before) = (Left::by(plan, history), &plan.content().guards);
    let named = |field: Field| NamedField {
        name: field.label(names),
        with_value: left.with_value(&field, before).min(managed),
        field,
    };
    let people = People {
        users,
        managed,
        fields: Field::managed(fields).map(named).collect(),
        branches: left.branches(before),
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

/// What the plan has left, as far as it was carried out: more users, or fewer, in each branch and with a value of each
/// field.
#[derive(Default)]
struct Left {
    in_branch: BTreeMap<Option<BranchId>, (Option<BranchRef>, i64)>,
    with_value: BTreeMap<Field, i64>,
}

impl Left {
    fn by(plan: &Plan, history: &History) -> Self {
        let mut left = Self::default();
        for operation in plan.content().operations.iter().filter(|operation| history.is_done(operation.id)) {
            match &operation.action {
                plan::Action::Create { after } => left.add(after, 1),
                plan::Action::Delete { before, .. } => left.add(before, -1),
                plan::Action::Update { branch, changes, .. } => {
                    let was_active = !operation.reactivates();
                    for Change { field, before, after } in changes {
                        left.add_value(field, i64::from(after.is_some()) - i64::from(was_active && before.is_some()));
                    }
                    let moved = changes.iter().find(|change| change.field == Field::Branch);
                    let branch_of = |value: &Option<Value>| match value {
                        Some(Value::Branch(branch)) => Some(branch.clone()),
                        _ => None,
                    };
                    match (moved, branch) {
                        (Some(change), _) => {
                            left.add_branch(branch_of(&change.after).as_ref(), 1);
                            if was_active {
                                left.add_branch(branch_of(&change.before).as_ref(), -1);
                            }
                        }
                        (None, Some(branch)) if !was_active => left.add_branch(branch.as_ref(), 1),
                        (None, _) => {}
                    }
                }
                plan::Action::Link { .. } => {}
            }
        }
        left
    }

    /// Counts a user who came or left.
    fn add(&mut self, fields: &Fields, by: i64) {
        if let Some(branch) = &fields.branch {
            self.add_branch(branch.as_ref(), by);
        }
        if fields.manager.as_ref().is_some_and(Option::is_some) {
            self.add_value(&Field::Manager, by);
        }
        for (id, _) in fields.custom_fields.iter().filter(|(_, value)| value.is_some()) {
            self.add_value(&Field::Custom(id.clone()), by);
        }
    }

    fn add_branch(&mut self, branch: Option<&BranchRef>, by: i64) {
        let id = branch.map(|branch| branch.branch_id.clone());
        self.in_branch.entry(id).or_insert_with(|| (branch.cloned(), 0)).1 += by;
    }

    fn add_value(&mut self, field: &Field, by: i64) {
        *self.with_value.entry(field.clone()).or_default() += by;
    }

    /// How many users have a value of a field now, if nobody else changed any.
    fn with_value(&self, field: &Field, before: &[GuardResult]) -> u64 {
        let counts = |result: &&GuardResult| {
            let is_share = guard::find(&result.id).is_some_and(|guard| matches!(guard.of, Of::WithValue));
            is_share && result.subject == Some(Subject::Field(field.clone()))
        };
        let then = before.iter().find(counts).map_or(0, GuardResult::of_now);
        then.saturating_add_signed(self.with_value.get(field).copied().unwrap_or(0))
    }

    /// The branches that the plan counted or filled, with the number of users that it left in each.
    fn branches(&self, before: &[GuardResult]) -> Vec<BranchCount> {
        let mut counts: BTreeMap<Option<&BranchId>, BranchCount> = BTreeMap::new();
        for (id, (branch, _)) in &self.in_branch {
            counts.insert(id.as_ref(), BranchCount { branch: branch.clone(), managed: 0 });
        }
        for result in before {
            if let Some(Subject::Branch(branch)) = &result.subject {
                let id = branch.as_ref().map(|branch| &branch.branch_id);
                counts.insert(id, BranchCount { branch: branch.clone(), managed: result.of_now() });
            }
        }
        for (id, (_, by)) in &self.in_branch {
            if let Some(count) = counts.get_mut(&id.as_ref()) {
                count.managed = count.managed.saturating_add_signed(*by);
            }
        }
        counts.into_values().filter(|count| count.managed > 0).collect()
    }
}
