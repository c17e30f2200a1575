//! An operation in the plan file: its action decides which keys it has, and it has exactly these.

use serde::de;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::employee::{ExternalIdentifier, Text, UserId};
use crate::plan::{Action, BranchRef, Change, Digest, Fields, ManagerRef, Moment, Operation, OperationId, reactivates};
use crate::strict_json::{managed, present};

/// How many keys an operation has, at most.
const KEYS: usize = 11;

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, employee, name, depends_on, action } = self;
        let mut members = serializer.serialize_struct("Operation", KEYS)?;
        members.serialize_field("id", id)?;
        members.serialize_field("action", action.name())?;
        members.serialize_field("employee", employee)?;
        members.serialize_field("name", name)?;
        match action {
            Action::Update { user_id, .. } | Action::Delete { user_id, .. } => {
                members.serialize_field("user_id", user_id)?;
            }
            Action::Create { .. } | Action::Link { .. } => {}
        }
        members.serialize_field("depends_on", depends_on)?;
        match action {
            Action::Create { after } => members.serialize_field("after", after)?,
            Action::Update { user_id: _, before_hash, branch, roles, changes } => {
                members.serialize_field("before_hash", before_hash)?;
                if let Some(branch) = branch {
                    members.serialize_field("branch", branch)?;
                }
                if let Some(roles) = roles {
                    members.serialize_field("roles", roles)?;
                }
                members.serialize_field("changes", changes)?;
            }
            Action::Link { create, manager } => {
                members.serialize_field("create", create)?;
                members.serialize_field("manager", manager)?;
            }
            Action::Delete { user_id: _, before_hash, before, roles, missing_since, reason } => {
                members.serialize_field("before_hash", before_hash)?;
                members.serialize_field("before", before)?;
                if let Some(roles) = roles {
                    members.serialize_field("roles", roles)?;
                }
                if let Some(missing_since) = missing_since {
                    members.serialize_field("missing_since", missing_since)?;
                }
                members.serialize_field("reason", reason)?;
            }
        }
        members.end()
    }
}

/// An operation as it is in the file, before its action decides which keys are allowed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationDocument {
    id: OperationId,
    action: String,
    #[serde(deserialize_with = "present")]
    employee: Option<ExternalIdentifier>,
    name: Text,
    #[serde(default, deserialize_with = "managed")]
    user_id: Option<UserId>,
    depends_on: Vec<OperationId>,
    #[serde(default, deserialize_with = "managed")]
    before_hash: Option<Digest>,
    #[serde(default, deserialize_with = "managed")]
    after: Option<Box<Fields>>,
    #[serde(default, deserialize_with = "managed")]
    branch: Option<Option<BranchRef>>,
    #[serde(default, deserialize_with = "managed")]
    roles: Option<Vec<String>>,
    #[serde(default, deserialize_with = "managed")]
    missing_since: Option<Moment>,
    #[serde(default, deserialize_with = "managed")]
    changes: Option<Vec<Change>>,
    #[serde(default, deserialize_with = "managed")]
    before: Option<Box<Fields>>,
    #[serde(default, deserialize_with = "managed")]
    reason: Option<String>,
    #[serde(default, deserialize_with = "managed")]
    create: Option<OperationId>,
    #[serde(default, deserialize_with = "managed")]
    manager: Option<ManagerRef>,
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = OperationDocument::deserialize(deserializer)?;
        let OperationDocument {
            id,
            action,
            employee,
            name,
            user_id,
            depends_on,
            before_hash,
            after,
            branch,
            roles,
            missing_since,
            changes,
            before,
            reason,
            create,
            manager,
        } = document;
        let user = match (user_id, before_hash) {
            (Some(user_id), Some(before_hash)) => Some((user_id, before_hash)),
            (None, None) => None,
            // `before` and `reason` belong together.
            (Some(_), None) | (None, Some(_)) => return Err(wrong_keys(id, &action)),
        };
        if missing_since.is_some() && action != "delete" {
            return Err(wrong_keys(id, &action));
        }
        // An update may lack branch and roles, a delete may lack roles; no other action has them.
        let action = match (action.as_str(), user, after, changes, (before, reason), create, manager, (branch, roles)) {
            ("create", None, Some(after), None, (None, None), None, None, (None, None)) => Action::Create { after },
            (
                word @ ("update" | "reactivate"),
                Some((user_id, before_hash)),
                None,
                Some(changes),
                (None, None),
                None,
                None,
                (branch, roles),
            ) if (word == "reactivate") == reactivates(&changes) => {
                Action::Update { user_id, before_hash, branch, roles, changes }
            }
            ("link", None, None, None, (None, None), Some(create), Some(manager), (None, None)) => {
                Action::Link { create, manager }
            }
            (
                "delete",
                Some((user_id, before_hash)),
                None,
                None,
                (Some(before), Some(reason)),
                None,
                None,
                (None, roles),
            ) => Action::Delete { user_id, before_hash, before, roles, missing_since, reason },
            (action, ..) => return Err(wrong_keys(id, action)),
        };
        Ok(Self { id, employee, name, depends_on, action })
    }
}

fn wrong_keys<E: de::Error>(id: OperationId, action: &str) -> E {
    E::custom(format_args!("operation {id} has the action {action:?} but not its keys, and only those"))
}
