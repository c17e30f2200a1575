//! The fields of a user that may be managed, and the label of a branch.
//!
//! The one list of fields: settings, guards and plans take theirs from here. Never compares values.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::employee::{BranchId, CustomFieldId, Employee, ExternalIdentifier, Managed, Text, User, UserId};
use crate::strict_json;

/// A field of a user, in the order in which fields are shown. A custom field is named by its id. Within a comparison,
/// which holds only the values of the managed fields, it is named by its position among these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field<C = CustomFieldId> {
    /// `active`: changes only when an inactive user is made active again. It is no value that is compared, because
    /// inactive users are kept apart from the others.
    Active,
    /// `external_identifier`
    ExternalIdentifier,
    /// `primary_email`
    PrimaryEmail,
    /// `first_name`
    FirstName,
    /// `last_name`
    LastName,
    /// `branch`
    Branch,
    /// `manager`
    Manager,
    /// `custom_fields.ID`
    Custom(C),
}

impl<C> Field<C> {
    /// The fields that are compared, custom fields aside.
    pub const STANDARD: [Self; 6] =
        [Self::ExternalIdentifier, Self::PrimaryEmail, Self::FirstName, Self::LastName, Self::Branch, Self::Manager];

    /// The name of a standard field in settings, plans and messages.
    #[must_use]
    pub fn standard_name(&self) -> Option<&'static str> {
        match self {
            Self::Active => Some("active"),
            Self::ExternalIdentifier => Some("external_identifier"),
            Self::PrimaryEmail => Some("primary_email"),
            Self::FirstName => Some("first_name"),
            Self::LastName => Some("last_name"),
            Self::Branch => Some("branch"),
            Self::Manager => Some("manager"),
            Self::Custom(_) => None,
        }
    }

    /// The same field, a custom field by another name of it.
    pub fn map_custom<D>(self, name: impl FnOnce(C) -> D) -> Field<D> {
        match self {
            Self::Active => Field::Active,
            Self::ExternalIdentifier => Field::ExternalIdentifier,
            Self::PrimaryEmail => Field::PrimaryEmail,
            Self::FirstName => Field::FirstName,
            Self::LastName => Field::LastName,
            Self::Branch => Field::Branch,
            Self::Manager => Field::Manager,
            Self::Custom(custom) => Field::Custom(name(custom)),
        }
    }

    /// The text that a user has in a standard field; a branch or a manager is its id. `None` for no value.
    #[must_use]
    pub fn of_user<'u>(&self, user: &'u User) -> Option<&'u str> {
        match self {
            Self::ExternalIdentifier => user.identifier.as_ref().map(ExternalIdentifier::as_str),
            Self::PrimaryEmail => Some(user.email.as_str()),
            Self::FirstName => Some(&user.first_name),
            Self::LastName => Some(&user.last_name),
            Self::Branch => user.branch.as_ref().map(BranchId::as_str),
            Self::Manager => user.manager.as_ref().map(UserId::as_str),
            Self::Active | Self::Custom(_) => None,
        }
    }

    /// The text that an employee should have in a standard field; a branch is its id. The manager is not among them:
    /// only a comparison finds out which user that is.
    #[must_use]
    pub fn of_employee<'e>(&self, employee: &'e Employee) -> Option<&'e str> {
        match self {
            Self::ExternalIdentifier => Some(employee.identifier.as_str()),
            Self::PrimaryEmail => Some(employee.email.as_str()),
            Self::FirstName => Some(&employee.first_name),
            Self::LastName => Some(&employee.last_name),
            Self::Branch => employee.branch.as_ref().map(BranchId::as_str),
            Self::Manager | Self::Active | Self::Custom(_) => None,
        }
    }

    /// The managed fields, in order, with these custom fields.
    pub fn managed_with(managed: &Managed, custom_fields: impl Iterator<Item = C>) -> impl Iterator<Item = Self> {
        let Managed { branch, manager, custom_fields: _ } = *managed;
        let is_managed = move |field: &Self| match field {
            Self::Branch => branch,
            Self::Manager => manager,
            _ => true,
        };
        Self::STANDARD.into_iter().filter(is_managed).chain(custom_fields.map(Self::Custom))
    }
}

impl Field {
    /// The managed fields, in order.
    pub fn managed(managed: &Managed) -> impl Iterator<Item = Self> {
        Self::managed_with(managed, managed.custom_fields.iter().cloned())
    }

    /// Its name for people: the name of a custom field, or its id if the name is not known.
    #[must_use]
    pub fn label(&self, custom_fields: &BTreeMap<CustomFieldId, String>) -> String {
        match self {
            Self::Custom(id) => custom_fields.get(id).cloned().unwrap_or_else(|| id.to_string()),
            standard => standard.to_string(),
        }
    }
}

/// A branch, by id; the rest is for the reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchRef {
    /// Skovik's id of it.
    pub branch_id: BranchId,
    /// The company's key of it.
    #[serde(deserialize_with = "strict_json::present")]
    pub external_identifier: Option<Text>,
    /// Its name.
    pub name: Text,
}

impl BranchRef {
    /// Identifier and name, if there are any, for the reader.
    #[must_use]
    pub fn label(&self) -> String {
        let Self { branch_id, external_identifier, name } = self;
        match (external_identifier.as_deref().unwrap_or_default(), name.as_str()) {
            ("", "") => branch_id.to_string(),
            ("", known) | (known, "") => known.to_owned(),
            (identifier, name) => format!("{identifier} {name}"),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Custom(id) => write!(f, "custom_fields.{id}"),
            standard => f.write_str(standard.standard_name().unwrap_or_default()),
        }
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let mut standard = Self::STANDARD.into_iter().chain([Self::Active]);
        if let Some(standard) = standard.find(|field| field.standard_name() == Some(&text)) {
            return Ok(standard);
        }
        match text.strip_prefix("custom_fields.") {
            Some(id) if !id.is_empty() => Ok(Self::Custom(CustomFieldId::from(id))),
            _ => Err(de::Error::custom(format_args!("unknown field {text:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_as_it_is_written() {
        for field in Field::STANDARD.into_iter().chain([Field::Active, Field::Custom("cf_cc".into())]) {
            let text = serde_json::to_string(&field).expect("written");
            assert_eq!(serde_json::from_str::<Field>(&text).expect("read"), field);
        }
        for wrong in ["shoe_size", "custom_fields.", "custom_fields", "Branch", ""] {
            assert!(serde_json::from_str::<Field>(&format!("{wrong:?}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_managed_fields_are_in_order() {
        let with = |branch, manager| Managed { branch, manager, custom_fields: vec!["a".into(), "b".into()] };
        for (branch, manager) in [(false, false), (true, false), (false, true), (true, true)] {
            let fields: Vec<Field> = Field::managed(&with(branch, manager)).collect();
            assert!(fields.is_sorted(), "{fields:?}");
            assert_eq!(fields.len(), 4 + usize::from(branch) + usize::from(manager) + 2);
            assert_eq!((fields.contains(&Field::Branch), fields.contains(&Field::Manager)), (branch, manager));
        }
    }
}
