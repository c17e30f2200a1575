//! The managed fields of a user, and what they refer to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BranchRef, Digest, OperationId, canonical_digest, file};
use crate::employee::{BranchId, CustomFieldId, CustomValue, ExternalIdentifier, UserId};

/// The managed fields of a user. An outer `None` is a field that is not managed, an inner one "no value".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// The company's key.
    #[serde(deserialize_with = "file::present")]
    pub external_identifier: Option<ExternalIdentifier>,
    /// The address to sign in with.
    pub primary_email: String,
    /// May be empty for a user as Skovik holds them.
    pub first_name: String,
    /// May be empty for a user as Skovik holds them.
    pub last_name: String,
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

/// A manager: a user who is there already, or one whom the plan creates. Compared by that alone; the rest is for the
/// reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ManagerRef {
    /// A user of Skovik.
    User(UserRef),
    /// The person whom an operation of this plan makes.
    Create(CreateRef),
}

/// A user who is there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserRef {
    /// Skovik's id.
    pub user_id: UserId,
    /// The external identifier, for the reader.
    #[serde(deserialize_with = "file::present")]
    pub employee: Option<ExternalIdentifier>,
    /// The name, for the reader.
    pub name: String,
}

/// A person whom the plan creates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRef {
    /// The operation that makes them.
    pub create: OperationId,
    /// The external identifier, for the reader.
    pub employee: ExternalIdentifier,
    /// The name, for the reader.
    pub name: String,
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

impl Fields {
    /// Covers the normalised managed fields; references count by id alone, so that the renaming of a branch or of a
    /// manager is no change of their people.
    ///
    /// # Panics
    /// Never: texts and booleans always have a canonical form.
    #[must_use]
    pub fn hash(&self) -> Digest {
        #[derive(Serialize)]
        struct Ids<'a> {
            external_identifier: Option<&'a ExternalIdentifier>,
            primary_email: &'a str,
            first_name: &'a str,
            last_name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            branch: Option<Option<&'a BranchId>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            manager: Option<Option<ManagerId<'a>>>,
            custom_fields: &'a BTreeMap<CustomFieldId, Option<CustomValue>>,
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
