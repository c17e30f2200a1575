//! `--only`: the operations of certain people and those that these need, renumbered.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Action, Change, Content, Diagnostic, Field, ManagerRef, Operation, OperationId, Severity, Value};
use crate::employee::{Desired, Directory, ExternalIdentifier};

/// The code of the warning that an operation of somebody else is planned too.
const NEEDED: &str = "planned_too";
/// The code of the warning that an operation is left out.
const LEFT_OUT: &str = "dependency_left_out";
/// The code of the warning that nobody has an identifier.
const UNKNOWN: &str = "only_nobody";

/// Keeps the operations of certain people, and the creates and updates of others that must come before them. A delete of
/// somebody else is never kept, and no operation that needs it.
pub(super) fn keep_only(
    operations: Vec<Operation>,
    only: &BTreeSet<ExternalIdentifier>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Operation> {
    let choice = Choice::of(&operations, only);
    diagnostics.extend(choice.told(&operations));
    let Choice { kept, .. } = choice;
    let mut numbers: BTreeMap<OperationId, OperationId> = BTreeMap::new();
    let mut left = Vec::new();
    for (mut operation, _) in operations.into_iter().zip(kept).filter(|(_, kept)| kept.is_some()) {
        let number = OperationId(left.len() as u32 + 1);
        numbers.insert(operation.id, number);
        operation.renumber(number, &numbers);
        left.push(operation);
    }
    left
}

/// A warning for each of these people whom neither side has.
pub(super) fn unknown(
    only: &BTreeSet<ExternalIdentifier>,
    desired: &Desired,
    directory: &Directory,
) -> Vec<Diagnostic> {
    let mut unknown: BTreeSet<&ExternalIdentifier> = only.iter().collect();
    let Desired {
        employees,
        set_aside,
        elsewhere,
        out_of_scope,
        doubtful: _,
        outside: _,
        strays: _,
        contradictions: _,
        in_scope: _,
        joins: _,
        unjoined: _,
        has_bad_elsewhere: _,
        same_key: _,
        of_nobody: _,
        identity_comes_by_key: _,
        names_come_by_key: _,
    } = desired;
    let listed = employees.iter().chain(elsewhere).map(|employee| &employee.identifier);
    let records = set_aside.iter().filter_map(|record| record.identifier.as_ref()).chain(out_of_scope);
    let users = directory.users.iter().chain(&directory.inactive).filter_map(|user| user.identifier.as_ref());
    for identifier in listed.chain(records).chain(users) {
        unknown.remove(identifier);
    }
    let told = |identifier: &ExternalIdentifier| Diagnostic {
        severity: Severity::Warning,
        code: UNKNOWN.to_owned(),
        employee: Some(identifier.to_string()),
        message: "nobody has this identifier, neither in the lists nor in Skovik".to_owned(),
    };
    unknown.into_iter().map(told).collect()
}

/// Says what is impossible about a plan that is restricted to certain people.
pub(super) fn check(content: &Content) -> Result<(), String> {
    let Content { only, operations, diagnostics, .. } = content;
    if only.is_empty() {
        return Ok(());
    }
    if !only.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err("it names the people that it is for twice or out of order".to_owned());
    }
    let named: BTreeSet<ExternalIdentifier> = only.iter().cloned().collect();
    let needed: HashSet<OperationId> = operations.iter().flat_map(|operation| operation.depends_on.clone()).collect();
    let is_its = |operation: &&Operation| {
        is_named(operation, &named)
            || match operation.action {
                Action::Delete { .. } => false,
                Action::Link { .. } => true,
                Action::Create { .. } | Action::Update { .. } => needed.contains(&operation.id),
            }
    };
    if let Some(operation) = operations.iter().find(|operation| !is_its(operation)) {
        return Err(format!("operation {} is of nobody that the plan is for", operation.id));
    }
    let told = diagnostics.iter().filter(|found| found.code == NEEDED && found.severity == Severity::Warning);
    let told: HashSet<Option<&str>> = told.map(|found| found.employee.as_deref()).collect();
    let is_told = |operation: &&Operation| {
        is_named(operation, &named) || told.contains(&operation.employee.as_ref().map(ExternalIdentifier::as_str))
    };
    match operations.iter().find(|operation| !is_told(operation)) {
        Some(operation) => {
            let problem = "is of somebody whom the plan is not for, but no diagnostic planned_too says so";
            Err(format!("operation {} {problem}", operation.id))
        }
        None => Ok(()),
    }
}

/// Which operations are kept.
struct Choice {
    /// For each operation that is kept: the place of the operation that needs it, or its own.
    kept: Vec<Option<usize>>,
    /// For each operation that cannot be kept: the place of the delete that it needs.
    impossible: Vec<Option<usize>>,
    named: Vec<bool>,
}

impl Choice {
    fn of(operations: &[Operation], only: &BTreeSet<ExternalIdentifier>) -> Self {
        let named: Vec<bool> = operations.iter().map(|operation| is_named(operation, only)).collect();
        // An operation stands behind all that it depends on.
        let mut impossible: Vec<Option<usize>> = Vec::with_capacity(operations.len());
        for (place, operation) in operations.iter().enumerate() {
            let is_others_delete = matches!(operation.action, Action::Delete { .. }) && !named[place];
            let of_needed = || operation.depends_on.iter().find_map(|needed| impossible[place_of(*needed)]);
            let why = if is_others_delete { Some(place) } else { of_needed() };
            impossible.push(why);
        }
        // A link is the second half of its create.
        let mut links: HashMap<OperationId, usize> = HashMap::new();
        for (place, operation) in operations.iter().enumerate() {
            if let Action::Link { create, .. } = &operation.action {
                links.insert(*create, place);
            }
        }
        let mut kept = vec![None; operations.len()];
        let wanted = (0..operations.len()).filter(|&place| named[place]).map(|place| (place, place));
        let mut wanted: Vec<(usize, usize)> = wanted.collect();
        while let Some((place, by)) = wanted.pop() {
            if kept[place].is_some() || impossible[place].is_some() {
                continue;
            }
            kept[place] = Some(by);
            let operation = &operations[place];
            wanted.extend(operation.depends_on.iter().map(|needed| (place_of(*needed), place)));
            wanted.extend(links.get(&operation.id).map(|&link| (link, place)));
        }
        Self { kept, impossible, named }
    }

    /// What the reader should know: who is planned too, and what is left out.
    fn told(&self, operations: &[Operation]) -> Vec<Diagnostic> {
        let warning = |code: &str, operation: &Operation, message: String| Diagnostic {
            severity: Severity::Warning,
            code: code.to_owned(),
            employee: operation.employee.as_ref().map(ToString::to_string),
            message,
        };
        let mut told = Vec::new();
        for (place, operation) in operations.iter().enumerate() {
            let action = operation.action.name();
            match (self.kept[place], self.impossible[place]) {
                (Some(by), _) if !self.named[place] => {
                    let by = &operations[by];
                    let message = format!(
                        "the {action} of {} is planned too: the {} of {} needs it",
                        operation.name,
                        by.action.name(),
                        whom(by)
                    );
                    told.push(warning(NEEDED, operation, message));
                }
                // Also the link of somebody who is created for the sake of others.
                (None, Some(delete)) if self.named[place] || self.is_link_of_kept(operation) => {
                    let message = format!(
                        "the {action} of {} is left out: the delete of {} must come before it, and deletes are planned \
                         only for people who are named; add --only for that person",
                        operation.name,
                        whom(&operations[delete])
                    );
                    told.push(warning(LEFT_OUT, operation, message));
                }
                _ => {}
            }
        }
        told
    }

    fn is_link_of_kept(&self, operation: &Operation) -> bool {
        matches!(&operation.action, Action::Link { create, .. } if self.kept[place_of(*create)].is_some())
    }
}

fn place_of(operation: OperationId) -> usize {
    operation.0 as usize - 1
}

/// Whether an operation is that of one of these people, also by the identifier that they lose.
fn is_named(operation: &Operation, only: &BTreeSet<ExternalIdentifier>) -> bool {
    let is_former = |change: &Change| match (&change.field, &change.before) {
        (Field::ExternalIdentifier, Some(Value::Text(before))) => only.contains(&ExternalIdentifier::from(&**before)),
        _ => false,
    };
    operation.employee.as_ref().is_some_and(|employee| only.contains(employee))
        || matches!(&operation.action, Action::Update { changes, .. } if changes.iter().any(is_former))
}

fn whom(operation: &Operation) -> String {
    let Operation { employee, name, .. } = operation;
    employee.as_ref().map_or_else(|| name.to_string(), |employee| format!("{employee} {name}"))
}

impl Operation {
    fn renumber(&mut self, id: OperationId, numbers: &BTreeMap<OperationId, OperationId>) {
        let Self { id: own, employee: _, name: _, depends_on, action } = self;
        *own = id;
        depends_on.iter_mut().for_each(|needed| *needed = numbers[needed]);
        let renumber = |manager: &mut ManagerRef| {
            if let ManagerRef::Create(create) = manager {
                create.create = numbers[&create.create];
            }
        };
        match action {
            Action::Create { after } => {
                if let Some(Some(manager)) = &mut after.manager {
                    renumber(manager);
                }
            }
            Action::Update { user_id: _, before_hash: _, branch: _, roles: _, changes } => {
                for change in changes {
                    if let Some(Value::Manager(manager)) = &mut change.after {
                        renumber(manager);
                    }
                }
            }
            Action::Link { create, manager } => {
                *create = numbers[create];
                renumber(manager);
            }
            Action::Delete { .. } => {}
        }
    }
}
