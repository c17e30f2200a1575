//! A user of SCIM (RFC 7643, section 4), read into the domain.

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use super::object::{Leaf, Object, leaves, text};
use super::{ACTIVE, ROLES, SCHEMAS, USER_NAME, family_name, given_name, manager, user_name};
use crate::employee::{ADMIN, CustomFieldId, CustomValue, Email, Managed, Roles, User};
use crate::provider::loss::{is_empty, loss};
use crate::provider::scim::Scim;
use crate::provider::stored::compact;
use crate::provider::{Request, StoredUser};
use crate::scim::{AttributePath, ENTERPRISE};

/// Attributes that only the server sets, or that say nothing about the person.
const NOT_OF_THE_PERSON: [&str; 5] = ["id", "meta", SCHEMAS, "groups", ACTIVE];

/// Reads a user of a list.
pub(in crate::provider::scim) fn user(json: &str, scim: &Scim, managed: &Managed) -> Result<User, String> {
    let object = parse(json)?;
    let id = exact_id(&object)?;
    let email: Email = object.text(&user_name())?.ok_or_else(|| format!("{USER_NAME} is missing"))?.as_ref().into();
    let identifier = if scim.identifier.is_core(USER_NAME) {
        // In the form in which e-mails are compared.
        Some(email.key().into())
    } else {
        object.text(&scim.identifier)?.map(|text| text.as_ref().into())
    };
    let custom_fields = managed.custom_fields.iter().map(|id| custom_value(&object, id));
    Ok(User {
        id: id.as_ref().into(),
        identifier,
        email,
        first_name: object.text(&given_name())?.unwrap_or_default().into(),
        last_name: object.text(&family_name())?.unwrap_or_default().into(),
        branch: object.text(&scim.branch)?.map(|branch| branch.as_ref().into()),
        manager: manager_of(&object)?.map(|id| id.as_ref().into()),
        custom_fields: custom_fields.collect::<Result<_, _>>()?,
        roles: roles(&object)?,
    })
}

/// The id of a user. Two ids must not become one: an id that would be changed by normalising it is refused.
fn exact_id(object: &Object<'_>) -> Result<Box<str>, String> {
    let id = object.text(&AttributePath::new(None, "id"))?.ok_or("a user has no id")?;
    let raw = object.get("id")?.map_or("", RawValue::get);
    match serde_json::from_str::<String>(raw) {
        Ok(written) if *written == *id => Ok(id),
        Ok(written) => Err(format!("the id {written:?} has white space around it, or is not in Unicode NFC")),
        Err(_) => Err(format!("the id {id:?} is not a text")),
    }
}

/// Whether a user is inactive. A user without `active` is active.
pub(in crate::provider::scim) fn is_inactive(json: &str) -> Result<bool, String> {
    let Some(raw) = parse(json)?.get(ACTIVE)? else { return Ok(false) };
    // Some servers write it as a text.
    match raw.get().trim_matches('"').to_ascii_lowercase().as_str() {
        "true" => Ok(false),
        "false" => Ok(true),
        _ => Err(format!("{ACTIVE} is neither true nor false")),
    }
}

/// The branch of a user.
pub(in crate::provider::scim) fn branch_of(json: &str, scim: &Scim) -> Result<Option<String>, String> {
    Ok(parse(json)?.text(&scim.branch)?.map(String::from))
}

/// Reads an answer that is one user.
pub(in crate::provider::scim) fn stored(body: &[u8]) -> Result<StoredUser, String> {
    StoredUser::new(serde_json::from_slice(body).map_err(|error| error.to_string())?)
}

/// The version of a user, for `If-Match`.
pub(in crate::provider::scim) fn version(stored: &StoredUser) -> Result<Option<Box<str>>, String> {
    let object = Object::parse(stored.raw())?;
    object.text(&AttributePath::within("meta", "version"))
}

/// The ids of a user's custom fields that a create can send (texts and booleans), sorted.
pub(in crate::provider::scim) fn custom_field_ids(
    stored: &StoredUser,
    scim: &Scim,
) -> Result<Vec<CustomFieldId>, String> {
    let object = Object::parse(stored.raw())?;
    let standard = standard(scim);
    let mut ids: Vec<CustomFieldId> = leaves(&object)?
        .into_iter()
        .filter(|leaf| is_of_the_person(&leaf.path) && !is_among(&leaf.path, &standard) && can_be_sent(leaf))
        .map(|leaf| leaf.path.into())
        .collect();
    ids.sort_unstable();
    Ok(ids)
}

/// The names of the data of a user that a create does not send.
pub(in crate::provider::scim) fn unsent(stored: &StoredUser, scim: &Scim) -> Result<Vec<String>, String> {
    let object = Object::parse(stored.raw())?;
    let standard = standard(scim);
    let is_unsent = |leaf: &Leaf<'_>| {
        let is_lost = is_of_the_person(&leaf.path) || leaf.path.eq_ignore_ascii_case("groups");
        is_lost && !is_among(&leaf.path, &standard) && !is_empty(leaf.value) && !can_be_sent(leaf)
    };
    let unsent = leaves(&object)?.into_iter().filter(is_unsent);
    Ok(unsent
        .map(|leaf| if leaf.path == ROLES { format!("{ROLES} {}", leaf.value.get()) } else { leaf.path })
        .collect())
}

/// Which unmanaged data in a request a user lost.
pub(in crate::provider::scim) fn losses(
    sent: &Request,
    held: &StoredUser,
    scim: &Scim,
    managed: &Managed,
) -> Vec<String> {
    let compare = || -> Result<Vec<String>, String> {
        let (sent, held) = (parse(sent.as_json())?, Object::parse(held.raw())?);
        let is_told = held.get(ACTIVE)?;
        let mut by_path = HashMap::new();
        for leaf in leaves(&held)? {
            by_path.entry(leaf.path.to_ascii_lowercase()).or_insert(leaf.value);
        }
        let standard = standard(scim);
        let custom: HashSet<String> = managed.custom_fields.iter().map(|id| id.as_str().to_ascii_lowercase()).collect();
        let is_compared = |leaf: &Leaf<'_>| {
            is_of_the_person(&leaf.path)
                && (!is_among(&leaf.path, &standard) || is_unmanaged(&leaf.path, scim, managed))
                && !custom.contains(&leaf.path.to_ascii_lowercase())
        };
        let lost = |leaf: Leaf<'_>| {
            let now = by_path.get(&leaf.path.to_ascii_lowercase());
            loss(&leaf.path, leaf.value, now.copied(), |_, _| false)
        };
        let mut lost: Vec<String> = leaves(&sent)?.into_iter().filter(is_compared).filter_map(lost).collect();
        // Who has no `active` counts as active, but may not be what was sent.
        if let (Some(active), None) = (sent.get(ACTIVE)?, is_told) {
            lost.extend(loss(ACTIVE, active, None, |_, _| false));
        }
        Ok(lost)
    };
    compare().unwrap_or_else(|problem| vec![format!("it cannot be compared with what was sent: {problem}")])
}

pub(super) fn parse(json: &str) -> Result<Object<'_>, String> {
    Object::parse(serde_json::from_str(json).map_err(|error| error.to_string())?)
}

/// The value of a custom field. A list or an object is read as its JSON, so that different values stay different.
pub(super) fn custom_value(object: &Object<'_>, id: &CustomFieldId) -> Result<Option<CustomValue>, String> {
    let Some(raw) = object.find(&AttributePath::parse(id.as_str())?)? else { return Ok(None) };
    Ok(match raw.get() {
        "true" => Some(CustomValue::Boolean(true)),
        "false" => Some(CustomValue::Boolean(false)),
        _ if is_empty(raw) => None,
        json => text(raw).unwrap_or_else(|()| Some(compact(json).into())).map(|text| CustomValue::Text(text.into())),
    })
}

/// The manager in the enterprise extension: a complex value, or one of the other forms that some servers use.
fn manager_of(object: &Object<'_>) -> Result<Option<Box<str>>, String> {
    let Some(raw) = object.find(&manager())? else { return Ok(None) };
    let odd = || "the manager has no value that can be read".to_owned();
    let only = if raw.get().starts_with('[') {
        let all: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| odd())?;
        match all[..] {
            [] => return Ok(None),
            [only] => only,
            _ => return Err("the user has several managers".to_owned()),
        }
    } else {
        raw
    };
    if !only.get().starts_with('{') {
        return text(only).map_err(|()| odd());
    }
    let complex = Object::parse(only)?;
    match complex.get("value")? {
        Some(value) => text(value).map_err(|()| odd()),
        // `{}`, or an object with only empty attributes, means "no value" (RFC 7643, section 2.5).
        None if complex.0.iter().all(|(_, value)| is_empty(value)) => Ok(None),
        None => Err(odd()),
    }
}

/// The roles, if the server tells them: texts or complex values. A role is known by its value, and the admin's also by
/// what `display` or `type` says: its value may be a code.
fn roles(object: &Object<'_>) -> Result<Option<Roles>, String> {
    let Some(raw) = object.get(ROLES)? else { return Ok(None) };
    let odd = || format!("{ROLES} is not a list of roles");
    let listed: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| odd())?;
    let mut roles = Vec::with_capacity(listed.len());
    for role in listed {
        if !role.get().starts_with('{') {
            roles.extend(text(role).map_err(|()| odd())?);
            continue;
        }
        let role = Object::parse(role)?;
        roles.extend(text(role.get("value")?.ok_or_else(odd)?).map_err(|()| odd())?);
        for label in ["display", "type"] {
            let label = role.get(label)?.and_then(|label| text(label).ok().flatten());
            roles.extend(label.filter(|label| label.eq_ignore_ascii_case(ADMIN)));
        }
    }
    Ok(Some(roles.into()))
}

fn is_of_the_person(path: &str) -> bool {
    let first = path.split('.').next().unwrap_or_default();
    !NOT_OF_THE_PERSON.iter().any(|name| first.eq_ignore_ascii_case(name))
}

/// The paths of built-in fields that are one attribute each.
fn standard(scim: &Scim) -> [String; 5] {
    [user_name(), given_name(), family_name(), scim.identifier.clone(), scim.branch.clone()]
        .map(|path| path.to_string())
}

/// Whether a path belongs to a built-in field.
fn is_among(path: &str, standard: &[String]) -> bool {
    standard.iter().any(|known| path.eq_ignore_ascii_case(known)) || is_manager(path)
}

/// Whether a path belongs to the branch or the manager, and this one is not managed.
fn is_unmanaged(path: &str, scim: &Scim, managed: &Managed) -> bool {
    (!managed.manager && is_manager(path)) || (!managed.branch && path.eq_ignore_ascii_case(&scim.branch.to_string()))
}

fn is_manager(path: &str) -> bool {
    let start = path.get(..ENTERPRISE.len()).is_some_and(|start| start.eq_ignore_ascii_case(ENTERPRISE));
    let rest = path.get(ENTERPRISE.len()..).unwrap_or_default().to_ascii_lowercase();
    start && (rest == ":manager" || rest.starts_with(":manager."))
}

/// Whether a create can send a value: a text or a boolean with a valid path.
fn can_be_sent(leaf: &Leaf<'_>) -> bool {
    let json = leaf.value.get();
    !is_empty(leaf.value)
        && (json.starts_with('"') || matches!(json, "true" | "false"))
        && AttributePath::parse(&leaf.path).is_ok()
}
