//! What a plan says of a manager.

use serde::{Deserialize, Serialize};

use super::file;
use crate::employee::{ExternalIdentifier, Text, UserId};
use crate::plan::OperationId;

/// A manager: an existing user, or a person that the plan creates. Only the id of either counts in comparisons; the
/// rest is for the reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, try_from = "ManagerDocument")]
pub enum ManagerRef {
    /// An existing user of Skovik.
    User(UserRef),
    /// The person that an operation of this plan creates.
    Create(CreateRef),
}

/// An existing user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserRef {
    /// Skovik's id.
    pub user_id: UserId,
    /// The external identifier, for the reader.
    pub employee: Option<ExternalIdentifier>,
    /// The name, for the reader.
    pub name: Text,
}

/// A person that the plan creates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CreateRef {
    /// The operation that creates them.
    pub create: OperationId,
    /// The external identifier, for the reader.
    pub employee: ExternalIdentifier,
    /// The name, for the reader.
    pub name: Text,
}

/// A manager as in the file, before its keys decide which one it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::plan) struct ManagerDocument {
    #[serde(default, deserialize_with = "file::managed")]
    pub(in crate::plan) user_id: Option<UserId>,
    #[serde(default, deserialize_with = "file::managed")]
    pub(in crate::plan) create: Option<OperationId>,
    #[serde(deserialize_with = "file::present")]
    pub(in crate::plan) employee: Option<ExternalIdentifier>,
    pub(in crate::plan) name: Text,
}

impl TryFrom<ManagerDocument> for ManagerRef {
    type Error = &'static str;

    fn try_from(document: ManagerDocument) -> Result<Self, Self::Error> {
        match document {
            ManagerDocument { user_id: Some(user_id), create: None, employee, name } => {
                Ok(Self::User(UserRef { user_id, employee, name }))
            }
            ManagerDocument { user_id: None, create: Some(create), employee: Some(employee), name } => {
                Ok(Self::Create(CreateRef { create, employee, name }))
            }
            _ => Err("a manager has either a user_id, or a create and an employee"),
        }
    }
}

impl ManagerRef {
    /// The name, for the reader.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::User(user) => &user.name,
            Self::Create(create) => &create.name,
        }
    }

    /// The external identifier, for the reader.
    #[must_use]
    pub fn employee(&self) -> Option<&ExternalIdentifier> {
        match self {
            Self::User(user) => user.employee.as_ref(),
            Self::Create(create) => Some(&create.employee),
        }
    }
}
