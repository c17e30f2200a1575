//! `plan --only`: the operations of certain people, renumbered.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Diagnostic, ManagerRef, NoPlan, Operation, OperationId, Severity, Value};
use crate::employee::ExternalIdentifier;

/// Keeps the operations of certain people, if everything that they depend on is kept as well.
pub(super) fn keep_only(
    operations: Vec<Operation>,
    only: &BTreeSet<ExternalIdentifier>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<Operation>, NoPlan> {
    let mut unknown: BTreeSet<&ExternalIdentifier> = only.iter().collect();
    for operation in &operations {
        if let Some(employee) = &operation.employee {
            unknown.remove(employee);
        }
    }
    if let Some(identifier) = unknown.first() {
        return Err(NoPlan::NothingToDo((*identifier).clone()));
    }
    let owners: Vec<(Option<ExternalIdentifier>, String)> =
        operations.iter().map(|operation| (operation.employee.clone(), operation.name.clone())).collect();
    let mut numbers: BTreeMap<OperationId, OperationId> = BTreeMap::new();
    let mut kept = Vec::new();
    for mut operation in operations {
        if !operation.employee.as_ref().is_some_and(|employee| only.contains(employee)) {
            continue;
        }
        if let Some(missing) = operation.depends_on.iter().find(|needed| !numbers.contains_key(needed)) {
            let (employee, name) = &owners[missing.0 as usize - 1];
            let whom = employee.as_ref().map_or_else(|| name.clone(), |employee| format!("{employee} {name}"));
            diagnostics.push(Diagnostic {
                severity: Severity::Warning,
                code: "dependency_left_out".to_owned(),
                employee: operation.employee.as_ref().map(ToString::to_string),
                message: format!(
                    "the {} of {} is left out: it must come after the operation of {whom}; add --only for that person",
                    operation.action.name(),
                    operation.name
                ),
            });
            continue;
        }
        let number = OperationId(kept.len() as u32 + 1);
        numbers.insert(operation.id, number);
        operation.renumber(number, &numbers);
        kept.push(operation);
    }
    Ok(kept)
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
