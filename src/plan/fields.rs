//! The managed fields of a user, their values, and what they refer to.

mod manager;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Action, BranchRef, Change, Digest, Field, Operation, OperationId, Value, canonical_digest, file};
use crate::employee::{
    BranchId, CustomFieldId, CustomValue, Directory, Employee, ExternalIdentifier, Managed, Text, User, UserId,
};

pub(super) use manager::ManagerDocument;
pub use manager::{CreateRef, ManagerRef, UserRef};

/// The managed fields of a user. An outer `None` is a field that is not managed, an inner one "no value".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// The company's key.
    #[serde(deserialize_with = "file::present")]
    pub external_identifier: Option<ExternalIdentifier>,
    /// The address to sign in with.
    pub primary_email: Text,
    /// May be empty for a user as Skovik holds them.
    pub first_name: Text,
    /// May be empty for a user as Skovik holds them.
    pub last_name: Text,
    /// The branch.
    #[serde(default, deserialize_with = "file::managed", skip_serializing_if = "Option::is_none")]
    pub branch: Option<Option<BranchRef>>,
    /// The manager.
    #[serde(default, deserialize_with = "file::managed", skip_serializing_if = "Option::is_none")]
    pub manager: Option<Option<ManagerRef>>,
    /// The managed custom fields by id.
    #[serde(deserialize_with = "file::map_without_duplicates")]
    pub custom_fields: BTreeMap<CustomFieldId, Option<CustomValue>>,
}

impl Fields {
    /// The managed fields of a user as Skovik holds them.
    #[must_use]
    pub fn of_user(user: &User, managed: &Managed, directory: &Directory) -> Self {
        let User { id: _, identifier, email, first_name, last_name, branch, manager, custom_fields, roles: _ } = user;
        Self {
            external_identifier: identifier.clone(),
            primary_email: email.as_str().into(),
            first_name: first_name.clone(),
            last_name: last_name.clone(),
            branch: managed.branch.then(|| branch.as_ref().map(|branch| branch_ref(branch, directory))),
            manager: managed.manager.then(|| manager.as_ref().map(|manager| user_ref(manager, directory))),
            custom_fields: custom_values(managed, custom_fields),
        }
    }

    /// The managed fields that an employee should have, with this manager.
    #[must_use]
    pub fn of_employee(
        employee: &Employee,
        manager: Option<ManagerRef>,
        managed: &Managed,
        directory: &Directory,
    ) -> Self {
        let Employee { identifier, email, first_name, last_name, branch, manager: _, custom_fields, origin: _ } =
            employee;
        Self {
            external_identifier: Some(identifier.clone()),
            primary_email: email.as_str().into(),
            first_name: first_name.clone(),
            last_name: last_name.clone(),
            branch: managed.branch.then(|| branch.as_ref().map(|branch| branch_ref(branch, directory))),
            manager: managed.manager.then_some(manager),
            custom_fields: custom_values(managed, custom_fields),
        }
    }

    /// A user with these values and this manager, without the id and the roles, which only Skovik knows.
    #[must_use]
    pub fn to_user(&self, manager: Option<UserId>, managed: &Managed) -> User {
        let Self { external_identifier, primary_email, first_name, last_name, branch, manager: _, custom_fields } =
            self;
        User {
            id: UserId::from(""),
            identifier: external_identifier.clone(),
            email: primary_email.as_str().into(),
            first_name: first_name.as_str().into(),
            last_name: last_name.as_str().into(),
            branch: branch.iter().flatten().map(|branch| branch.branch_id.clone()).next(),
            manager,
            custom_fields: managed.custom_fields.iter().map(|id| custom_fields.get(id).cloned().flatten()).collect(),
            roles: None,
        }
    }

    /// The fields that every user has, in order, with their texts. Only an identifier can be missing; each may be empty.
    pub(super) fn texts(&self) -> [(Field, Option<&str>); 4] {
        let Self { external_identifier, primary_email, first_name, last_name, .. } = self;
        [
            (Field::ExternalIdentifier, external_identifier.as_ref().map(ExternalIdentifier::as_str)),
            (Field::PrimaryEmail, Some(primary_email)),
            (Field::FirstName, Some(first_name)),
            (Field::LastName, Some(last_name)),
        ]
    }

    /// The managed fields with their values, in order; `None` for no value.
    #[must_use]
    pub fn values(&self) -> Vec<(Field, Option<Value>)> {
        let Self { branch, manager, custom_fields, .. } = self;
        let mut values = Vec::from(self.texts().map(|(field, text)| (field, text.and_then(Value::text))));
        values.extend(branch.iter().map(|branch| (Field::Branch, branch.clone().map(Value::Branch))));
        values.extend(manager.iter().map(|manager| (Field::Manager, manager.clone().map(Value::Manager))));
        let custom =
            custom_fields.iter().map(|(id, value)| (Field::Custom(id.clone()), value.as_ref().map(Into::into)));
        values.extend(custom);
        values
    }

    /// The values of a new user. The manager is not among them: only `apply` knows the id of somebody who is created too.
    pub(crate) fn of_new_user(&self) -> impl Iterator<Item = (Field, Value)> {
        let values = self.values().into_iter().filter(|(field, _)| *field != Field::Manager);
        values.filter_map(|(field, value)| Some((field, value?)))
    }

    /// The managed fields with these values: the opposite of [`Self::values`].
    #[must_use]
    pub fn of_values(values: impl IntoIterator<Item = (Field, Option<Value>)>) -> Self {
        let mut fields = Self {
            external_identifier: None,
            primary_email: Text::default(),
            first_name: Text::default(),
            last_name: Text::default(),
            branch: None,
            manager: None,
            custom_fields: BTreeMap::new(),
        };
        for value in values {
            match value {
                (Field::ExternalIdentifier, Some(Value::Text(text))) => {
                    fields.external_identifier = Some(text.as_str().into())
                }
                (Field::PrimaryEmail, Some(Value::Text(text))) => fields.primary_email = text,
                (Field::FirstName, Some(Value::Text(text))) => fields.first_name = text,
                (Field::LastName, Some(Value::Text(text))) => fields.last_name = text,
                (Field::Branch, Some(Value::Branch(branch))) => fields.branch = Some(Some(branch)),
                (Field::Branch, _) => fields.branch = Some(None),
                (Field::Manager, Some(Value::Manager(manager))) => fields.manager = Some(Some(manager)),
                (Field::Manager, _) => fields.manager = Some(None),
                (Field::Custom(id), value) => {
                    fields.custom_fields.insert(id, value.as_ref().and_then(Value::of_custom_field));
                }
                (
                    Field::Active
                    | Field::ExternalIdentifier
                    | Field::PrimaryEmail
                    | Field::FirstName
                    | Field::LastName,
                    _,
                ) => {}
            }
        }
        fields
    }

    /// A digest of the normalised managed fields. References count by id alone, so renaming a branch or a manager does
    /// not change the hash of other people.
    ///
    /// # Panics
    /// Never: texts and booleans always have a canonical form.
    #[must_use]
    pub fn hash(&self) -> Digest {
        #[derive(Serialize)]
        struct Ids<'a> {
            // In the order of canonical JSON, so that nothing has to be sorted.
            #[serde(skip_serializing_if = "Option::is_none")]
            branch: Option<Option<&'a BranchId>>,
            custom_fields: &'a BTreeMap<CustomFieldId, Option<CustomValue>>,
            external_identifier: Option<&'a ExternalIdentifier>,
            first_name: &'a str,
            last_name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            manager: Option<Option<ManagerId<'a>>>,
            primary_email: &'a str,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "snake_case")]
        enum ManagerId<'a> {
            UserId(&'a UserId),
            Create(OperationId),
        }
        let Self { external_identifier, primary_email, first_name, last_name, branch, manager, custom_fields } = self;
        canonical_digest(&Ids {
            external_identifier: external_identifier.as_ref(),
            primary_email,
            first_name,
            last_name,
            branch: branch.as_ref().map(|branch| branch.as_ref().map(|branch| &branch.branch_id)),
            manager: manager.as_ref().map(|manager| {
                manager.as_ref().map(|manager| match manager {
                    ManagerRef::User(user) => ManagerId::UserId(&user.user_id),
                    ManagerRef::Create(create) => ManagerId::Create(create.create),
                })
            }),
            custom_fields,
        })
        .expect("texts and booleans always have a canonical form")
    }
}

impl Value {
    /// The value of a user's field; `None` for no value, and for [`Field::Active`], which a user does not hold.
    #[must_use]
    pub fn of_user(user: &User, field: &Field, managed: &Managed, directory: &Directory) -> Option<Self> {
        match field {
            Field::Active | Field::ExternalIdentifier | Field::PrimaryEmail | Field::FirstName | Field::LastName => {
                Self::text(field.of_user(user)?)
            }
            Field::Branch => Some(Self::Branch(branch_ref(user.branch.as_ref()?, directory))),
            Field::Manager => Some(Self::Manager(user_ref(user.manager.as_ref()?, directory))),
            Field::Custom(id) => {
                let place = managed.custom_fields.iter().position(|managed| managed == id)?;
                user.custom_fields[place].as_ref().map(Into::into)
            }
        }
    }

    /// The value that an employee's field should have, with this manager; `None` for no value.
    pub(super) fn of_employee(
        employee: &Employee,
        field: &Field,
        manager: Option<ManagerRef>,
        managed: &Managed,
        directory: &Directory,
    ) -> Option<Self> {
        match field {
            Field::Active | Field::ExternalIdentifier | Field::PrimaryEmail | Field::FirstName | Field::LastName => {
                Self::text(field.of_employee(employee)?)
            }
            Field::Branch => Some(Self::Branch(branch_ref(employee.branch.as_ref()?, directory))),
            Field::Manager => manager.map(Self::Manager),
            Field::Custom(id) => {
                let place = managed.custom_fields.iter().position(|managed| managed == id)?;
                employee.custom_fields[place].as_ref().map(Into::into)
            }
        }
    }

    fn text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::Text(text.into()))
    }

    /// The same as the value of a custom field, which refers to nobody and to no branch.
    fn of_custom_field(&self) -> Option<CustomValue> {
        match self {
            Self::Text(text) => Some(CustomValue::Text(text.as_str().into())),
            Self::Boolean(value) => Some(CustomValue::Boolean(*value)),
            Self::Branch(_) | Self::Manager(_) => None,
        }
    }
}

impl Change {
    /// Sets the changed value in a user. Leaves out [`Field::Active`], a manager who is not created yet, and a custom field that is not
    /// managed.
    pub fn lay_over(&self, user: &mut User, managed: &Managed) {
        let Self { field, before: _, after } = self;
        let text = || match after {
            Some(Value::Text(text)) => text.as_str(),
            _ => "",
        };
        match field {
            Field::Active => {}
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
                user.custom_fields[place] = after.as_ref().and_then(Value::of_custom_field);
            }
        }
    }
}

impl From<&CustomValue> for Value {
    fn from(value: &CustomValue) -> Self {
        match value {
            CustomValue::Boolean(value) => Self::Boolean(*value),
            CustomValue::Text(value) => Self::Text(value.as_str().into()),
        }
    }
}

fn custom_values(managed: &Managed, values: &[Option<CustomValue>]) -> BTreeMap<CustomFieldId, Option<CustomValue>> {
    managed.custom_fields.iter().cloned().zip(values.iter().cloned()).collect()
}

pub(super) fn branch_ref(id: &BranchId, directory: &Directory) -> BranchRef {
    let branch = directory.branch(id);
    BranchRef {
        branch_id: id.clone(),
        external_identifier: branch
            .and_then(|branch| branch.identifier.as_ref())
            .map(|identifier| identifier.as_ref().into()),
        name: branch.map(|branch| branch.name.as_ref().into()).unwrap_or_default(),
    }
}

pub(super) fn user_ref(id: &UserId, directory: &Directory) -> ManagerRef {
    let nameless = || UserRef { user_id: id.clone(), employee: None, name: Text::default() };
    ManagerRef::User(directory.user(id).map_or_else(nameless, named))
}

/// A reference to a user, by the name that they have now.
pub(super) fn named(user: &User) -> UserRef {
    UserRef { user_id: user.id.clone(), employee: user.identifier.clone(), name: display_name(user) }
}

/// A user's name, or the e-mail of a user without one.
#[must_use]
pub fn display_name(user: &User) -> Text {
    let name = user.full_name();
    if name.is_empty() { user.email.as_str().into() } else { name }
}

impl Operation {
    /// The branches that it names, before it and after it.
    #[must_use]
    pub fn branches(&self) -> Vec<&BranchRef> {
        match &self.action {
            Action::Create { after: fields } | Action::Delete { before: fields, .. } => {
                fields.branch.iter().flatten().collect()
            }
            Action::Update { branch, changes, .. } => {
                let values = changes.iter().flat_map(|change| change.before.iter().chain(&change.after));
                let values = values.filter_map(|value| match value {
                    Value::Branch(branch) => Some(branch),
                    Value::Text(_) | Value::Boolean(_) | Value::Manager(_) => None,
                });
                branch.iter().flatten().chain(values).collect()
            }
            Action::Link { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
