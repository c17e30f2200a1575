//! A user of the account as an object of SCIM, and back.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::error::{Kind as ErrorKind, Problem};
use super::path::Tree;
use super::schema::{Attribute, CORE, CustomField, ENTERPRISE, Namespace, SKOVIK, Schema};
use crate::sandbox::account::{Account, BRANCHES, USERS};
use crate::sandbox::field::NAMES;
use crate::sandbox::json::{Object, Resource, empty_object, is_null, raw, text_of};
use crate::sandbox::users::Slot;

/// The attributes of a user that a client can set, whether or not this server would show them.
pub(super) fn settable(account: &Account, schema: &Schema, slot: Slot) -> Option<Tree> {
    let stored = account.users.get(slot)?;
    let user = account.resource(slot)?;
    let text = |name: &str| user.attributes.get(name).and_then(text_of);
    let mut tree = Tree::new();
    put(&mut tree, "userName", text("primary_email"));
    put(&mut tree, "externalId", text("external_identifier"));
    let mut name = Tree::new();
    NAMES.iter().for_each(|(api, part)| put(&mut name, part, text(api)));
    put_object(&mut tree, "name", name);
    tree.insert("active".to_owned(), stored.keys.active.into());
    let mut enterprise = Tree::new();
    put(&mut enterprise, "division", stored.keys.branch.as_ref().and_then(|branch| schema.division_of(branch)));
    if let Some(manager) = stored.keys.manager.and_then(|manager| account.users.get(manager)) {
        enterprise.insert("manager".to_owned(), json!({"value": &*manager.id}));
    }
    put_object(&mut tree, ENTERPRISE, enterprise);
    let mut skovik = Tree::new();
    let fields = custom_fields(&user);
    for field in &schema.custom_fields {
        put(&mut skovik, &field.name, fields.get(&field.id).and_then(shown));
    }
    put_object(&mut tree, SKOVIK, skovik);
    Some(tree)
}

/// Adds what the server itself sets on a user: `schemas`, `id`, `meta` and the addresses. `users` is the address of the
/// list.
pub(super) fn with_server_attributes(mut tree: Tree, id: &str, version: Option<&str>, users: &str) -> Tree {
    if let Some(Value::Object(manager)) = tree.get_mut(ENTERPRISE).and_then(|extension| extension.get_mut("manager")) {
        let address = manager.get("value").and_then(Value::as_str).map(|id| format!("{users}/{id}"));
        put(manager, "$ref", address);
    }
    let extensions = [ENTERPRISE, SKOVIK].into_iter().filter(|urn| tree.contains_key(*urn));
    let schemas: Vec<&str> = [CORE].into_iter().chain(extensions).collect();
    tree.insert("schemas".to_owned(), json!(schemas));
    tree.insert("id".to_owned(), id.into());
    let mut meta = json!({"resourceType": "User", "location": format!("{users}/{id}")});
    if let Some(version) = version {
        meta["version"] = version.into();
    }
    tree.insert("meta".to_owned(), meta);
    tree
}

/// A tag that changes whenever anything stored of the user changes.
pub(super) fn version(raw: &str) -> String {
    let hash: [u8; 32] = sha2::Sha256::digest(raw).into();
    let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("W/\"{number:016x}\"")
}

/// Checks that a user has every required attribute.
pub(super) fn check_required(schema: &Schema, tree: &Tree) -> Result<(), Problem> {
    let nothing = Tree::new();
    for Namespace { urn, attributes, .. } in &schema.namespaces {
        let holder = if *urn == CORE { Some(tree) } else { tree.get(*urn).and_then(Value::as_object) };
        required(attributes, holder.unwrap_or(&nothing), "")?;
    }
    Ok(())
}

fn required(attributes: &[Attribute], holder: &Tree, owner: &str) -> Result<(), Problem> {
    for attribute in attributes {
        let name = format!("{owner}{}", attribute.name);
        match holder.get(&attribute.name) {
            None if attribute.required => return Err(Problem::value(format!("{name} is missing"))),
            Some(Value::Object(parts)) => required(&attribute.parts, parts, &format!("{name}."))?,
            _ => {}
        }
    }
    Ok(())
}

/// Puts what a client has sent on top of a user. A value that `before` shows unchanged keeps its stored form.
pub(super) fn overlay(user: &mut Resource, schema: &Schema, before: &Tree, sent: &Tree) -> Result<(), Problem> {
    let text = |name: &str| sent.get(name).and_then(Value::as_str);
    let attributes = &mut user.attributes;
    attributes.set("primary_email", or_null(text("userName")));
    attributes.set("external_identifier", or_null(text("externalId")));
    for (api, part) in NAMES {
        attributes.set(api, or_null(sent.get("name").and_then(|name| name.get(part)).and_then(Value::as_str)));
    }

    let extension = |tree: &Tree, urn: &str, name: &str| tree.get(urn).and_then(|urn| urn.get(name)).cloned();
    let mut fields = custom_fields(user);
    for CustomField { name, id, boolean } in &schema.custom_fields {
        let value = extension(sent, SKOVIK, name);
        if value == extension(before, SKOVIK, name) {
            continue;
        }
        match value.as_ref().and_then(Value::as_str) {
            None => drop(fields.remove(id)),
            Some(text @ ("true" | "false")) if *boolean => fields.set(id, raw(&(text == "true"))),
            Some(_) if *boolean => {
                return Err(Problem::value(format!("{name} holds a yes or no: send \"true\" or \"false\"")));
            }
            Some(text) => fields.set(id, raw(text)),
        }
    }
    user.attributes.set("custom_fields", fields.to_raw());

    let manager = extension(sent, ENTERPRISE, "manager");
    let manager = manager.as_ref().and_then(|manager| manager.get("value")).and_then(Value::as_str);
    user.relate("manager", USERS, manager);
    let division = extension(sent, ENTERPRISE, "division");
    if division != extension(before, ENTERPRISE, "division") {
        let branch = division.as_ref().and_then(Value::as_str).map(|division| {
            let unknown = || Problem::value(format!("division: there is no branch {division:?}"));
            schema.branch_of(division).ok_or_else(unknown)
        });
        user.relate("branch", BRANCHES, branch.transpose()?);
    }
    Ok(())
}

/// A new user without any attribute.
pub(super) fn blank() -> Resource {
    Resource {
        kind: USERS.to_owned(),
        id: None,
        attributes: Object::default(),
        relationships: Object::default(),
        rest: Object::default(),
    }
}

/// The error for removing a required attribute.
pub(super) fn cannot_be_removed(name: &str) -> Problem {
    Problem::bad(ErrorKind::Mutability, format!("{name} is required and cannot be removed"))
}

fn custom_fields(user: &Resource) -> Object {
    let fields = user.attributes.get("custom_fields").map_or_else(empty_object, ToOwned::to_owned);
    Object::parse(fields.get()).unwrap_or_default()
}

/// A value of a custom field as text.
fn shown(value: &RawValue) -> Option<String> {
    if is_null(value) { None } else { Some(text_of(value).unwrap_or_else(|| value.get().to_owned())) }
}

fn or_null(text: Option<&str>) -> Box<RawValue> {
    text.map_or_else(|| RawValue::NULL.to_owned(), raw)
}

fn put(tree: &mut Tree, name: &str, text: Option<impl Into<String>>) {
    if let Some(text) = text {
        tree.insert(name.to_owned(), Value::String(text.into()));
    }
}

fn put_object(tree: &mut Tree, name: &str, object: Tree) {
    if !object.is_empty() {
        tree.insert(name.to_owned(), object.into());
    }
}
