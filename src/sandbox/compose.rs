//! The user that a POST or a PUT leads to: what was sent, on top of what there was, with the known fields filled in.
//!
//! It checks nothing; `validate` does.

use serde_json::value::RawValue;

use super::field::{Field, NAMES};
use super::json::{Object, Resource, empty_object, is_null, raw};
use super::mode::PutMode;
use super::validate::ACTIVE;

/// The attributes that are objects, and that a merging PUT merges name by name.
const MAPS: [&str; 2] = ["custom_fields", "external_metadata"];

pub(super) fn created(mut sent: Resource, dropped: Option<&Field>) -> Resource {
    if let Some(field) = dropped {
        field.copy(None, &mut sent);
    }
    with_known_fields(sent, Some(raw(&["employee"])), None)
}

pub(super) fn updated(before: &Resource, sent: Resource, mode: PutMode, dropped: Option<&Field>) -> Resource {
    let mut user = match mode {
        PutMode::Replace => sent,
        PutMode::Merge => merged(before.clone(), sent),
    };
    user.id.clone_from(&before.id);
    if let Some(field) = dropped {
        field.copy(Some(before), &mut user);
    }
    let kept = |name: &str| before.attributes.get(name).map(ToOwned::to_owned);
    with_known_fields(user, kept("roles"), kept(ACTIVE))
}

fn merged(mut before: Resource, sent: Resource) -> Resource {
    let Resource { kind: _, id: _, mut attributes, relationships, rest } = sent;
    for name in MAPS {
        let map = |attributes: &Object| attributes.get(name).and_then(|value| Object::parse(value.get()).ok());
        if let (Some(mut old), Some(new)) = (map(&before.attributes), map(&attributes)) {
            old.overlay(new);
            attributes.set(name, old.to_raw());
        }
    }
    before.attributes.overlay(attributes);
    before.relationships.overlay(relationships);
    before.rest.overlay(rest);
    before
}

/// Puts every field of the API first, whether or not it was sent, and then what the sandbox does not know. Fields that
/// a client cannot set keep their value.
fn with_known_fields(mut user: Resource, roles: Option<Box<RawValue>>, active: Option<Box<RawValue>>) -> Resource {
    let mut sent = std::mem::take(&mut user.attributes);
    let null = || RawValue::NULL.to_owned();
    let attributes = &mut user.attributes;
    for name in ["primary_email", "external_identifier"].into_iter().chain(NAMES.map(|(name, _)| name)) {
        attributes.set(name, sent.remove(name).unwrap_or_else(null));
    }
    sent.remove("roles");
    if let Some(roles) = roles {
        attributes.set("roles", roles);
    }
    for name in MAPS {
        let map = sent.remove(name).filter(|value| !is_null(value)).unwrap_or_else(empty_object);
        // A null empties a field; what cannot be read stays as it is, for `validate` to refuse.
        let map = match Object::parse(map.get()) {
            Ok(mut entries) => {
                entries.retain(|value| !is_null(value));
                entries.to_raw()
            }
            Err(_) => map,
        };
        attributes.set(name, map);
    }
    sent.remove(ACTIVE);
    if let Some(active) = active {
        attributes.set(ACTIVE, active);
    }
    attributes.overlay(sent);

    let mut sent = std::mem::take(&mut user.relationships);
    for name in ["manager", "branch"] {
        match sent.remove(name) {
            Some(value) => user.relationships.set(name, value),
            None => user.relate(name, "", None),
        }
    }
    user.relationships.overlay(sent);
    user
}
