//! Turns drafts, which refer to people by index, into operations, which contain all that a reader and `apply` need.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{display_name, named, user_ref};
use super::{Action, Change, CreateRef, Fields, ManagerRef, Operation, OperationId, Value};
use crate::diff::{Changed, Claim, Comparison, Draft, ManagerTarget};
use crate::employee::User;
use crate::order::Graph;

/// Turns the drafts into operations, numbered in this order.
pub(super) fn write_down(
    comparison: &Comparison<'_>,
    drafts: &[Draft],
    graph: &Graph,
    order: &[u32],
) -> Vec<Operation> {
    let mut writer =
        Writer { comparison, numbers: vec![OperationId(0); order.len()], numbers_of_creates: BTreeMap::new() };
    for (place, &node) in (1..).zip(order) {
        writer.numbers[node as usize] = OperationId(place);
        if let Some(Draft::Create { employee, .. }) = drafts.get(node as usize) {
            writer.numbers_of_creates.insert(*employee, OperationId(place));
        }
    }
    // A create with a link has no manager itself; the link sets it.
    let linked: BTreeSet<u32> = graph.links.iter().map(|link| link.create).collect();
    let mut operations = Vec::with_capacity(order.len());
    for &node in order {
        let mut depends_on: Vec<OperationId> =
            graph.needs[node as usize].iter().map(|&needed| writer.numbers[needed as usize]).collect();
        depends_on.sort_unstable();
        let id = writer.numbers[node as usize];
        operations.push(match drafts.get(node as usize) {
            Some(draft) => writer.operation(id, depends_on, draft, linked.contains(&node)),
            None => {
                let link = graph.links[node as usize - drafts.len()];
                writer.link(
                    id,
                    depends_on,
                    writer.numbers[link.create as usize],
                    [link.create, link.manager].map(|n| &drafts[n as usize]),
                )
            }
        });
    }
    operations
}

struct Writer<'a, 'c> {
    comparison: &'a Comparison<'c>,
    numbers: Vec<OperationId>,
    numbers_of_creates: BTreeMap<u32, OperationId>,
}

impl Writer<'_, '_> {
    fn operation(&self, id: OperationId, depends_on: Vec<OperationId>, draft: &Draft, linked: bool) -> Operation {
        match draft {
            Draft::Create { employee: index, manager } => {
                let employee = self.comparison.employee(*index);
                let managed = &self.comparison.policy().managed;
                let directory = self.comparison.directory();
                let manager = if linked { None } else { *manager };
                let manager = manager.map(|manager| self.manager_ref(manager));
                let after = Fields::of_employee(employee, manager, managed, directory);
                let (employee, name) = (Some(employee.identifier.clone()), employee.full_name());
                Operation { id, employee, name, depends_on, action: Action::Create { after: Box::new(after) } }
            }
            Draft::Update { employee: index, user: user_index, manager, changed } => {
                let (employee, user) = (self.comparison.employee(*index), self.comparison.user(*user_index));
                let changes = changed.iter().map(|changed| self.change(*index, user, *manager, *changed)).collect();
                let before = self.fields(user);
                let action = Action::Update {
                    user_id: user.id.clone(),
                    before_hash: before.hash(),
                    branch: before.branch,
                    roles: user.special_roles(),
                    changes,
                };
                let (employee, name) = (Some(employee.identifier.clone()), employee.full_name());
                Operation { id, employee, name, depends_on, action }
            }
            Draft::Reactivate { employee: index, user, manager, changed } => {
                let (employee, user) = (self.comparison.employee(*index), self.comparison.inactive_user(*user));
                let change = |changed: &Changed| self.change(*index, user, *manager, *changed);
                let before = self.fields(user);
                let action = Action::Update {
                    user_id: user.id.clone(),
                    before_hash: before.hash(),
                    branch: before.branch,
                    roles: user.special_roles(),
                    changes: changed.iter().map(change).collect(),
                };
                let (employee, name) = (Some(employee.identifier.clone()), employee.full_name());
                Operation { id, employee, name, depends_on, action }
            }
            Draft::Delete { user: index } => {
                let user = self.comparison.user(*index);
                let before = self.fields(user);
                let action = Action::Delete {
                    user_id: user.id.clone(),
                    before_hash: before.hash(),
                    before: Box::new(before),
                    roles: user.special_roles(),
                    missing_since: self.comparison.wait_of(*index).map(|wait| wait.missing_since),
                    reason: self.comparison.reason_to_remove(*index).to_owned(),
                };
                Operation { id, employee: user.identifier.clone(), name: display_name(user), depends_on, action }
            }
        }
    }

    fn link(
        &self,
        id: OperationId,
        depends_on: Vec<OperationId>,
        create: OperationId,
        drafts: [&Draft; 2],
    ) -> Operation {
        let [person, manager] = drafts.map(|draft| match draft {
            Draft::Create { employee, .. } | Draft::Update { employee, .. } | Draft::Reactivate { employee, .. } => {
                *employee
            }
            Draft::Delete { user } => *user,
        });
        let person = self.comparison.employee(person);
        let manager = self.manager_ref(ManagerTarget::Create(manager));
        let (employee, name) = (Some(person.identifier.clone()), person.full_name());
        Operation { id, employee, name, depends_on, action: Action::Link { create, manager } }
    }

    fn change(&self, employee: u32, user: &User, manager: Option<ManagerTarget>, changed: Changed) -> Change {
        if changed == Changed::Active {
            return Change::reactivation();
        }
        let (managed, directory) = (&self.comparison.policy().managed, self.comparison.directory());
        let field = changed.map_custom(|place| managed.custom_fields[place as usize].clone());
        let before = Value::of_user(user, &field, managed, directory);
        let manager = manager.map(|manager| self.manager_ref(manager));
        let after = Value::of_employee(self.comparison.employee(employee), &field, manager, managed, directory);
        Change { field, before, after }
    }

    fn manager_ref(&self, manager: ManagerTarget) -> ManagerRef {
        match manager {
            ManagerTarget::User(index) => user_ref(&self.comparison.user(index).id, self.comparison.directory()),
            ManagerTarget::Inactive(index) | ManagerTarget::Create(index) => match self.comparison.claim_of(index) {
                Claim::Inactive(user) => ManagerRef::User(named(self.comparison.inactive_user(user))),
                _ => self.created(index),
            },
        }
    }

    fn created(&self, index: u32) -> ManagerRef {
        let employee = self.comparison.employee(index);
        ManagerRef::Create(CreateRef {
            create: self.numbers_of_creates[&index],
            employee: employee.identifier.clone(),
            name: employee.full_name(),
        })
    }

    fn fields(&self, user: &User) -> Fields {
        Fields::of_user(user, &self.comparison.policy().managed, self.comparison.directory())
    }
}
