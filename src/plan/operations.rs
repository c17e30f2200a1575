//! From drafts, which know people by index, to operations, which say all that a reader and `apply` need.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, BranchRef, Change, CreateRef, Field, Fields, ManagerRef, Operation, OperationId, UserRef, Value};
use crate::diff::{Changed, Comparison, Draft, ManagerTarget};
use crate::employee::{BranchId, CustomFieldId, CustomValue, Directory, Managed, User, UserId};
use crate::order::Graph;

impl Fields {
    /// The managed fields of a user as Skovik holds them.
    #[must_use]
    pub fn of_user(user: &User, managed: &Managed, directory: &Directory) -> Self {
        let User { id: _, identifier, email, first_name, last_name, branch, manager, custom_fields, roles: _ } = user;
        Self {
            external_identifier: identifier.clone(),
            primary_email: email.to_string(),
            first_name: first_name.to_string(),
            last_name: last_name.to_string(),
            branch: managed.branch.then(|| branch.as_ref().map(|branch| branch_ref(branch, directory))),
            manager: managed.manager.then(|| manager.as_ref().map(|manager| user_ref(manager, directory))),
            custom_fields: custom_values(managed, custom_fields),
        }
    }
}

impl Value {
    /// The value of a user's field; `None` for no value.
    #[must_use]
    pub fn of_user(user: &User, field: &Field, managed: &Managed, directory: &Directory) -> Option<Self> {
        let text = |text: &str| (!text.is_empty()).then(|| Self::Text(text.to_owned()));
        match field {
            Field::ExternalIdentifier => text(user.identifier.as_ref()?.as_str()),
            Field::PrimaryEmail => text(&user.email),
            Field::FirstName => text(&user.first_name),
            Field::LastName => text(&user.last_name),
            Field::Branch => Some(Self::Branch(branch_ref(user.branch.as_ref()?, directory))),
            Field::Manager => Some(Self::Manager(user_ref(user.manager.as_ref()?, directory))),
            Field::Custom(id) => {
                let place = managed.custom_fields.iter().position(|managed| managed == id)?;
                Some(match user.custom_fields[place].as_ref()? {
                    CustomValue::Boolean(value) => Self::Boolean(*value),
                    CustomValue::Text(value) => Self::Text(value.to_string()),
                })
            }
        }
    }
}

impl Change {
    /// Gives a user the changed value. A manager who is not made yet, and a custom field that is not managed, are left out.
    pub fn lay_over(&self, user: &mut User, managed: &Managed) {
        let Self { field, before: _, after } = self;
        let text = || match after {
            Some(Value::Text(text)) => text.as_str(),
            _ => "",
        };
        match field {
            Field::ExternalIdentifier => user.identifier = Some(text()).filter(|text| !text.is_empty()).map(Into::into),
            Field::PrimaryEmail => user.email = text().into(),
            Field::FirstName => user.first_name = text().into(),
            Field::LastName => user.last_name = text().into(),
            Field::Branch => {
                user.branch = match after {
                    Some(Value::Branch(branch)) => Some(branch.branch_id.clone()),
                    _ => None,
                }
            }
            Field::Manager => {
                user.manager = match after {
                    Some(Value::Manager(ManagerRef::User(manager))) => Some(manager.user_id.clone()),
                    _ => None,
                }
            }
            Field::Custom(id) => {
                let Some(place) = managed.custom_fields.iter().position(|managed| managed == id) else { return };
                user.custom_fields[place] = match after {
                    Some(Value::Text(text)) => Some(CustomValue::Text(text.as_str().into())),
                    Some(Value::Boolean(value)) => Some(CustomValue::Boolean(*value)),
                    Some(Value::Branch(_) | Value::Manager(_)) | None => None,
                };
            }
        }
    }
}

impl From<&CustomValue> for Value {
    fn from(value: &CustomValue) -> Self {
        match value {
            CustomValue::Boolean(value) => Self::Boolean(*value),
            CustomValue::Text(value) => Self::Text(value.to_string()),
        }
    }
}

/// Writes the drafts down as operations, numbered in this order.
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
    // A create that is linked afterwards is made without its manager.
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
                let after = Fields {
                    external_identifier: Some(employee.identifier.clone()),
                    primary_email: employee.email.to_string(),
                    first_name: employee.first_name.to_string(),
                    last_name: employee.last_name.to_string(),
                    branch: managed
                        .branch
                        .then(|| employee.branch.as_ref().map(|branch| branch_ref(branch, directory))),
                    manager: managed.manager.then(|| manager.map(|manager| self.manager_ref(manager))),
                    custom_fields: custom_values(managed, &employee.custom_fields),
                };
                let (employee, name) = (Some(employee.identifier.clone()), employee.full_name());
                Operation { id, employee, name, depends_on, action: Action::Create { after } }
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
            Draft::Delete { user: index } => {
                let user = self.comparison.user(*index);
                let before = self.fields(user);
                let action = Action::Delete {
                    user_id: user.id.clone(),
                    before_hash: before.hash(),
                    before,
                    roles: user.special_roles(),
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
            Draft::Create { employee, .. } | Draft::Update { employee, .. } => *employee,
            Draft::Delete { user } => *user,
        });
        let person = self.comparison.employee(person);
        let manager = self.manager_ref(ManagerTarget::Create(manager));
        let (employee, name) = (Some(person.identifier.clone()), person.full_name());
        Operation { id, employee, name, depends_on, action: Action::Link { create, manager } }
    }

    fn change(&self, employee: u32, user: &User, manager: Option<ManagerTarget>, changed: Changed) -> Change {
        let directory = self.comparison.directory();
        let employee = self.comparison.employee(employee);
        let text = |text: &str| (!text.is_empty()).then(|| Value::Text(text.to_owned()));
        let branch = |branch: Option<&BranchId>| branch.map(|branch| Value::Branch(branch_ref(branch, directory)));
        let (field, before, after) = match changed {
            Changed::ExternalIdentifier => {
                let before = user.identifier.as_ref().and_then(|identifier| text(identifier.as_str()));
                (Field::ExternalIdentifier, before, text(employee.identifier.as_str()))
            }
            Changed::PrimaryEmail => (Field::PrimaryEmail, text(&user.email), text(&employee.email)),
            Changed::FirstName => (Field::FirstName, text(&user.first_name), text(&employee.first_name)),
            Changed::LastName => (Field::LastName, text(&user.last_name), text(&employee.last_name)),
            Changed::Branch => (Field::Branch, branch(user.branch.as_ref()), branch(employee.branch.as_ref())),
            Changed::Manager => {
                let before = user.manager.as_ref().map(|manager| Value::Manager(user_ref(manager, directory)));
                (Field::Manager, before, manager.map(|manager| Value::Manager(self.manager_ref(manager))))
            }
            Changed::Custom(place) => {
                let place = place as usize;
                let value = |value: &Option<CustomValue>| {
                    value.as_ref().map(|value| match value {
                        CustomValue::Boolean(value) => Value::Boolean(*value),
                        CustomValue::Text(value) => Value::Text(value.to_string()),
                    })
                };
                let id = self.comparison.policy().managed.custom_fields[place].clone();
                (Field::Custom(id), value(&user.custom_fields[place]), value(&employee.custom_fields[place]))
            }
        };
        Change { field, before, after }
    }

    fn manager_ref(&self, manager: ManagerTarget) -> ManagerRef {
        match manager {
            ManagerTarget::User(index) => user_ref(&self.comparison.user(index).id, self.comparison.directory()),
            ManagerTarget::Create(index) => {
                let employee = self.comparison.employee(index);
                ManagerRef::Create(CreateRef {
                    create: self.numbers_of_creates[&index],
                    employee: employee.identifier.clone(),
                    name: employee.full_name(),
                })
            }
        }
    }

    fn fields(&self, user: &User) -> Fields {
        Fields::of_user(user, &self.comparison.policy().managed, self.comparison.directory())
    }
}

fn custom_values(managed: &Managed, values: &[Option<CustomValue>]) -> BTreeMap<CustomFieldId, Option<CustomValue>> {
    managed.custom_fields.iter().cloned().zip(values.iter().cloned()).collect()
}

pub(super) fn branch_ref(id: &BranchId, directory: &Directory) -> BranchRef {
    let branch = directory.branch(id);
    BranchRef {
        branch_id: id.clone(),
        external_identifier: branch.and_then(|branch| branch.identifier.as_ref()).map(ToString::to_string),
        name: branch.map(|branch| branch.name.to_string()).unwrap_or_default(),
    }
}

fn user_ref(id: &UserId, directory: &Directory) -> ManagerRef {
    let user = directory.user(id);
    ManagerRef::User(UserRef {
        user_id: id.clone(),
        employee: user.and_then(|user| user.identifier.clone()),
        name: user.map(display_name).unwrap_or_default(),
    })
}

/// What a user is called: the name, or the e-mail of somebody without one.
#[must_use]
pub fn display_name(user: &User) -> String {
    let name = user.full_name();
    if name.is_empty() { user.email.to_string() } else { name }
}
