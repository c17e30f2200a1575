//! The bodies that create, change and deactivate a user (RFC 7644, sections 3.3 and 3.5).

use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::object::{Object, lay, raw};
use super::user::{custom_value, parse};
use super::{ACTIVE, SCHEMAS, family_name, given_name, manager, user_name};
use crate::employee::UserId;
use crate::plan::{Change, Field, Fields, ManagerRef, Value};
use crate::provider::loss::is_empty;
use crate::provider::scim::Scim;
use crate::provider::scim::wire::custom_field_ids;
use crate::provider::{Request, StoredUser};
use crate::scim::{AttributePath, USER};

/// The schema of a PATCH.
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Attributes that only the server sets.
const READ_ONLY: [&str; 2] = ["meta", "groups"];

/// A value and where it goes; `None` for "no value".
struct Entry {
    path: AttributePath,
    value: Option<Json>,
}

/// The body of a POST. Fields without a value are left out.
pub(in crate::provider::scim) fn create(
    after: &Fields,
    manager_id: Option<&UserId>,
    scim: &Scim,
) -> Result<Request, String> {
    let values = after.of_new_user();
    let mut entries = values.map(|(field, value)| entry(&field, Some(&value), scim)).collect::<Result<Vec<_>, _>>()?;
    entries.extend(manager_id.map(|id| Entry { path: manager(), value: Some(json!({ "value": id })) }));
    entries.push(Entry { path: AttributePath::new(None, ACTIVE), value: Some(json!(true)) });
    let empty = raw(&json!({ SCHEMAS: [USER] }))?;
    whole(empty, &entries)
}

/// The body of a PATCH: only what changes.
pub(in crate::provider::scim) fn patch(changes: &[Change], scim: &Scim) -> Result<Request, String> {
    operations(&entries_of(changes, scim)?)
}

/// The body of a PUT: everything that was read, with the changes applied.
pub(in crate::provider::scim) fn replace(
    held: &StoredUser,
    changes: &[Change],
    scim: &Scim,
) -> Result<Request, String> {
    whole(writable(held)?, &entries_of(changes, scim)?)
}

/// The body that restores the custom fields that a change of branch emptied; `None` if nothing is missing.
pub(in crate::provider::scim) fn restore(
    before: &StoredUser,
    held: &StoredUser,
    changes: &[Change],
    scim: &Scim,
    patches: bool,
) -> Result<Option<Request>, String> {
    let (then, now) = (Object::parse(before.raw())?, Object::parse(held.raw())?);
    let mut missing = Vec::new();
    // A user may spell a name in other letters than the schemas do.
    let changed = |id: &str| {
        changes
            .iter()
            .any(|change| matches!(&change.field, Field::Custom(other) if other.as_str().eq_ignore_ascii_case(id)))
    };
    for id in custom_field_ids(before, scim)? {
        if custom_value(&now, &id)?.is_none() && !changed(id.as_str()) {
            let path = AttributePath::parse(id.as_str())?;
            let value = then.find(&path)?.map(|raw| serde_json::from_str(raw.get())).transpose();
            missing.push(Entry { path, value: value.map_err(|error| error.to_string())? });
        }
    }
    for change in changes {
        if let Field::Custom(id) = &change.field
            && change.after.is_some()
            && custom_value(&now, id)?.is_none()
        {
            missing.push(entry(&change.field, change.after.as_ref(), scim)?);
        }
    }
    missing.extend(missing_identifier(&then, &now, changes, scim)?);
    if missing.is_empty() {
        return Ok(None);
    }
    if patches { operations(&missing) } else { whole(writable(held)?, &missing) }.map(Some)
}

/// The identifier, if it is in an attribute that can be a custom field, and a change of branch has emptied that.
fn missing_identifier(
    then: &Object<'_>,
    now: &Object<'_>,
    changes: &[Change],
    scim: &Scim,
) -> Result<Option<Entry>, String> {
    let path = &scim.identifier;
    if !scim.keeps_identifiers_as_custom_fields() || now.find(path)?.is_some_and(|raw| !is_empty(raw)) {
        return Ok(None);
    }
    if let Some(change) = changes.iter().find(|change| change.field == Field::ExternalIdentifier) {
        return change.after.as_ref().map(|value| entry(&change.field, Some(value), scim)).transpose();
    }
    let Some(raw) = then.find(path)?.filter(|raw| !is_empty(raw)) else { return Ok(None) };
    let value = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
    Ok(Some(Entry { path: path.clone(), value: Some(value) }))
}

/// The body that makes a user inactive.
pub(in crate::provider::scim) fn deactivate(held: &StoredUser, patches: bool) -> Result<Request, String> {
    let inactive = [Entry { path: AttributePath::new(None, ACTIVE), value: Some(json!(false)) }];
    if patches { operations(&inactive) } else { whole(writable(held)?, &inactive) }
}

fn entries_of(changes: &[Change], scim: &Scim) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Entry> = Vec::with_capacity(changes.len());
    for change in changes {
        let new = entry(&change.field, change.after.as_ref(), scim)?;
        // The identifier and the e-mail may be the same attribute, which is sent once.
        entries.retain(|entry| entry.path != new.path);
        entries.push(new);
    }
    Ok(entries)
}

fn entry(field: &Field, value: Option<&Value>, scim: &Scim) -> Result<Entry, String> {
    let path = match field {
        Field::Active => AttributePath::new(None, ACTIVE),
        Field::ExternalIdentifier => scim.identifier.clone(),
        Field::PrimaryEmail => user_name(),
        Field::FirstName => given_name(),
        Field::LastName => family_name(),
        Field::Branch => scim.branch.clone(),
        Field::Manager => manager(),
        Field::Custom(id) => AttributePath::parse(id.as_str())?,
    };
    let must_be_there =
        matches!(field, Field::ExternalIdentifier | Field::PrimaryEmail | Field::FirstName | Field::LastName);
    let value = match value {
        None if must_be_there => return Err(format!("there is no text for {field}")),
        None => None,
        Some(Value::Text(text)) => Some(json!(text)),
        Some(Value::Boolean(value)) => Some(json!(value)),
        Some(Value::Branch(branch)) => Some(json!(branch.branch_id)),
        Some(Value::Manager(ManagerRef::User(user))) => Some(json!({ "value": user.user_id })),
        Some(Value::Manager(ManagerRef::Create(_))) => return Err("the manager is not created yet".to_owned()),
    };
    Ok(Entry { path, value })
}

fn operations(entries: &[Entry]) -> Result<Request, String> {
    let operation = |Entry { path, value }: &Entry| match value {
        Some(value) => json!({ "op": "replace", "path": path.to_string(), "value": value }),
        None => json!({ "op": "remove", "path": path.to_string() }),
    };
    let operations: Vec<Json> = entries.iter().map(operation).collect();
    let body = raw(&json!({ SCHEMAS: [PATCH], "Operations": operations }))?;
    Ok(Request::partial(body.get().to_owned()))
}

/// Everything in a user that a PUT may send.
fn writable(held: &StoredUser) -> Result<Box<RawValue>, String> {
    let mut object = Object::parse(held.raw())?;
    object.0.retain(|(name, _)| !READ_ONLY.iter().any(|read_only| name.eq_ignore_ascii_case(read_only)));
    raw(&object)
}

fn whole(mut object: Box<RawValue>, entries: &[Entry]) -> Result<Request, String> {
    for Entry { path, value } in entries {
        let steps: Vec<&str> = path.steps().collect();
        let value = value.as_ref().map(raw).transpose()?;
        object = lay(Some(&object), &steps, value.as_deref())?;
        if let Some(schema) = path.schema().filter(|_| value.is_some()) {
            object = with_schema(&object, schema)?;
        }
    }
    Ok(Request::new(object.get().to_owned()))
}

/// The same object, with this schema added to its list of schemas.
fn with_schema(object: &RawValue, schema: &str) -> Result<Box<RawValue>, String> {
    let held = parse(object.get())?.get(SCHEMAS)?.map(|raw| serde_json::from_str::<Vec<String>>(raw.get()));
    let mut schemas = held.transpose().map_err(|_| format!("{SCHEMAS} is not a list of texts"))?.unwrap_or_default();
    if !schemas.iter().any(|known| known.eq_ignore_ascii_case(schema)) {
        schemas.push(schema.to_owned());
    }
    lay(Some(object), &[SCHEMAS], Some(&*raw(&schemas)?))
}
