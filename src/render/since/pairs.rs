//! Finds the operations of two plans that belong to the same person.

use std::collections::{BTreeSet, HashMap};

use crate::plan::{Action, Change, CreateRef, ManagerRef, Operation, OperationId, Value};

/// The paired operations of two plans, as indexes into their lists.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    pub(super) new: Vec<usize>,
    pub(super) gone: Vec<usize>,
    pub(super) different: Vec<Pair>,
    /// How many operations are the same.
    pub(super) same: usize,
    /// Whether equal operations come in another order.
    pub(super) reordered: bool,
}

/// One person's operation in both plans.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) old: usize,
    pub(super) new: usize,
    /// Whether its dependencies changed.
    pub(super) waits: bool,
}

/// Identifies a person in both plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key<'a> {
    User(&'a str),
    Created(&'a str),
    Linked(&'a str),
}

impl<'a> Key<'a> {
    fn of(operation: &'a Operation) -> Self {
        let employee = operation.employee.as_ref().map_or("", |employee| employee.as_str());
        match &operation.action {
            Action::Create { .. } => Self::Created(employee),
            Action::Link { .. } => Self::Linked(employee),
            Action::Update { user_id, .. } | Action::Delete { user_id, .. } => Self::User(user_id.as_str()),
        }
    }

    /// The person by identifier, for a person whom the old plan creates and who has a user in the new plan.
    fn of_employee(operation: &'a Operation) -> Option<Self> {
        match &operation.action {
            Action::Link { .. } => None,
            _ => operation.employee.as_ref().map(|employee| Self::Created(employee.as_str())),
        }
    }
}

impl Pairs {
    pub(super) fn of(old: &[Operation], new: &[Operation]) -> Self {
        let mut partner: Vec<Option<usize>> = vec![None; new.len()];
        let mut taken = vec![false; old.len()];
        pair_by(old, new, &mut partner, &mut taken, |operation| Some(Key::of(operation)));
        pair_by(old, new, &mut partner, &mut taken, Key::of_employee);

        let mut pairs = Self::default();
        let mut furthest = 0;
        for (place, partner) in partner.into_iter().enumerate() {
            let Some(partner) = partner else {
                pairs.new.push(place);
                continue;
            };
            let waits = waits_for(old, partner) != waits_for(new, place);
            if waits || without_numbers(&old[partner]) != without_numbers(&new[place]) {
                pairs.different.push(Pair { old: partner, new: place, waits });
            } else {
                pairs.same += 1;
                pairs.reordered |= partner < furthest;
                furthest = furthest.max(partner);
            }
        }
        pairs.gone = (0..old.len()).filter(|&place| !taken[place]).collect();
        pairs
    }
}

/// Pairs operations with the same key that have no partner yet.
fn pair_by<'a>(
    old: &'a [Operation],
    new: &'a [Operation],
    partner: &mut [Option<usize>],
    taken: &mut [bool],
    key: impl Fn(&'a Operation) -> Option<Key<'a>>,
) {
    let mut places: HashMap<Key<'a>, Vec<usize>> = HashMap::new();
    for place in (0..old.len()).rev().filter(|&place| !taken[place]) {
        if let Some(key) = key(&old[place]) {
            places.entry(key).or_default().push(place);
        }
    }
    for (place, operation) in new.iter().enumerate().filter(|(place, _)| partner[*place].is_none()).collect::<Vec<_>>()
    {
        let found = key(operation).and_then(|key| places.get_mut(&key)).and_then(Vec::pop);
        if let Some(found) = found {
            partner[place] = Some(found);
            taken[found] = true;
        }
    }
}

/// The people whose operations it depends on.
fn waits_for(operations: &[Operation], place: usize) -> BTreeSet<Key<'_>> {
    let needed = |id: &OperationId| operations.get((id.0 as usize).checked_sub(1)?);
    operations[place].depends_on.iter().filter_map(needed).map(Key::of).collect()
}

/// An operation without its numbers, for comparison.
fn without_numbers(operation: &Operation) -> Operation {
    let Operation { id: _, employee, name, depends_on: _, action } = operation.clone();
    let nobody = OperationId(0);
    let manager = |manager: ManagerRef| match manager {
        ManagerRef::Create(create) => ManagerRef::Create(CreateRef { create: nobody, ..create }),
        user @ ManagerRef::User(_) => user,
    };
    let value = |value: Option<Value>| match value {
        Some(Value::Manager(found)) => Some(Value::Manager(manager(found))),
        other => other,
    };
    let action = match action {
        Action::Create { mut after } => {
            after.manager = after.manager.map(|found| found.map(manager));
            Action::Create { after }
        }
        Action::Update { user_id, before_hash, branch, roles, changes } => {
            let change = |Change { field, before, after }| Change { field, before: value(before), after: value(after) };
            let changes = changes.into_iter().map(change).collect();
            Action::Update { user_id, before_hash, branch, roles, changes }
        }
        Action::Link { create: _, manager: found } => Action::Link { create: nobody, manager: manager(found) },
        delete @ Action::Delete { .. } => delete,
    };
    Operation { id: nobody, employee, name, depends_on: Vec::new(), action }
}
