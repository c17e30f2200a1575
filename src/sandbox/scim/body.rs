//! Bodies of requests: from JSON to a [`Tree`] whose names and types are those of the schema.
//!
//! Read-only attributes are dropped, as RFC 7644 asks for with POST and PUT; unknown ones are refused. A null is kept:
//! it removes a value.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error::Problem;
use super::path::Tree;
use super::schema::{Attribute, CORE, Kind, Namespace, Schema, find};
use crate::sandbox::json::Object;

/// How deep a body may be.
const DEPTH: usize = 16;

/// Reads JSON. No name may appear twice in an object.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::syntax("the body is not UTF-8"))?;
    let raw: &RawValue =
        serde_json::from_str(text).map_err(|error| Problem::syntax(format!("the body is not JSON: {error}")))?;
    value_of(raw, 0)
}

fn value_of(raw: &RawValue, depth: usize) -> Result<Value, Problem> {
    if depth > DEPTH {
        return Err(Problem::syntax("the body is too deep"));
    }
    let wrong = |error: serde_json::Error| Problem::syntax(format!("the body is not JSON: {error}"));
    match raw.get().as_bytes().first() {
        Some(b'{') => {
            let object = Object::parse(raw.get()).map_err(wrong)?;
            let members = object.iter().map(|(name, value)| Ok((name.to_owned(), value_of(value, depth + 1)?)));
            members.collect::<Result<Tree, Problem>>().map(Value::Object)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(wrong)?;
            items.into_iter().map(|item| value_of(item, depth + 1)).collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        _ => serde_json::from_str(raw.get()).map_err(wrong),
    }
}

/// The members of a message, whose schema must be this one. Their names are taken in any case.
pub(super) fn message(body: Value, urn: &str, known: &[&'static str]) -> Result<Tree, Problem> {
    let mut members = Tree::new();
    for (name, value) in object(body, "the body")? {
        let name = ["schemas"]
            .iter()
            .chain(known)
            .find(|known| known.eq_ignore_ascii_case(&name))
            .ok_or_else(|| Problem::syntax(format!("{urn} has no {name:?}")))?;
        if members.insert((*name).to_owned(), value).is_some() {
            return Err(Problem::syntax(format!("{name:?} appears twice in the body")));
        }
    }
    let schemas = schemas(members.remove("schemas"))?;
    match &*schemas {
        [only] if only.eq_ignore_ascii_case(urn) => Ok(members),
        _ => Err(Problem::syntax(format!("\"schemas\" must be [{urn:?}]"))),
    }
}

/// A user as a client sends it.
pub(super) fn user(schema: &Schema, body: Value) -> Result<Tree, Problem> {
    let mut body = object(body, "the body")?;
    let named = body.keys().find(|name| name.eq_ignore_ascii_case("schemas")).cloned();
    let declared = schemas(named.and_then(|name| body.remove(&name)))?;
    for urn in &declared {
        if schema.namespace(urn).is_none() {
            return Err(Problem::syntax(format!("\"schemas\" names {urn:?}, which this server does not know")));
        }
    }
    if !declared.iter().any(|urn| urn.eq_ignore_ascii_case(CORE)) {
        return Err(Problem::syntax(format!("\"schemas\" must name {CORE:?}")));
    }
    let user = attributes(schema, body)?;
    for urn in user.keys().filter(|name| schema.namespace(name).is_some()) {
        if !declared.iter().any(|declared| declared.eq_ignore_ascii_case(urn)) {
            return Err(Problem::syntax(format!("the body uses {urn:?}, which \"schemas\" does not name")));
        }
    }
    Ok(user)
}

/// The tree without nulls, and without objects that hold nothing but nulls.
pub(super) fn without_nulls(tree: Tree) -> Tree {
    let kept = tree.into_iter().filter_map(|(name, value)| match value {
        Value::Null => None,
        Value::Object(members) => {
            let members = without_nulls(members);
            if members.is_empty() { None } else { Some((name, members.into())) }
        }
        value => Some((name, value)),
    });
    kept.collect()
}

/// The attributes of a user, with those of extensions in their own objects.
fn attributes(schema: &Schema, body: Tree) -> Result<Tree, Problem> {
    let mut user = Tree::new();
    let mut names = Vec::new();
    for (name, sent) in body {
        let lower = name.to_ascii_lowercase();
        if names.contains(&lower) {
            return Err(twice(&name));
        }
        names.push(lower);
        match schema.namespace(&name) {
            Some(namespace) if namespace.urn != CORE => {
                let extension = extension(namespace, sent)?.map_or(Value::Null, Value::Object);
                user.insert(namespace.urn.to_owned(), extension);
            }
            _ => {
                let attribute = schema.bare(&name).ok_or_else(|| unknown(&name, CORE))?;
                if !attribute.read_only {
                    let value = value(attribute, sent, &attribute.name)?;
                    user.insert(attribute.name.clone(), value.unwrap_or(Value::Null));
                }
            }
        }
    }
    Ok(user)
}

/// The object of an extension; `None` if it is empty. Some clients repeat its URN inside, as `schemas`.
pub(super) fn extension(namespace: &Namespace, sent: Value) -> Result<Option<Tree>, Problem> {
    if sent.is_null() {
        return Ok(None);
    }
    let mut sent = object(sent, namespace.urn)?;
    if sent.get("schemas").is_some_and(|schemas| *schemas == json!([namespace.urn])) {
        sent.remove("schemas");
    }
    let members = members(&namespace.attributes, namespace.urn, sent)?;
    Ok(Some(members).filter(|members| !members.is_empty()))
}

/// The value of an attribute; null and an empty list count as no value.
pub(super) fn value(attribute: &Attribute, sent: Value, name: &str) -> Result<Option<Value>, Problem> {
    let wrong = |wanted: &str| Problem::value(format!("{name} must be {wanted}"));
    if sent.is_null() || attribute.read_only || sent.as_array().is_some_and(|list| attribute.many && list.is_empty()) {
        return Ok(None);
    }
    match (attribute.kind, sent) {
        (Kind::Text | Kind::Reference, Value::String(text)) => Ok(Some(text.into())),
        (Kind::Text | Kind::Reference, _) => Err(wrong("a text")),
        (Kind::Boolean, Value::Bool(flag)) => Ok(Some(flag.into())),
        (Kind::Boolean, _) => Err(wrong("true or false, not in quotes")),
        (Kind::Complex, Value::Object(parts)) => {
            let mut parts = members(&attribute.parts, name, parts)?;
            resolve_reference(&mut parts, name)?;
            Ok(Some(Value::Object(parts)).filter(|parts| parts.as_object().is_some_and(|parts| !parts.is_empty())))
        }
        (Kind::Complex, _) => Err(wrong("an object with its parts")),
    }
}

fn members(known: &[Attribute], owner: &str, sent: Tree) -> Result<Tree, Problem> {
    let mut members = Tree::new();
    let mut names = Vec::new();
    for (name, sent) in sent {
        let lower = name.to_ascii_lowercase();
        if names.contains(&lower) {
            return Err(twice(&name));
        }
        names.push(lower);
        let attribute = find(known, &name).ok_or_else(|| unknown(&name, owner))?;
        if !attribute.read_only {
            let value = value(attribute, sent, &format!("{owner}.{}", attribute.name))?;
            members.insert(attribute.name.clone(), value.unwrap_or(Value::Null));
        }
    }
    Ok(members)
}

/// Keeps the id that a reference leads to. The address is not kept: it depends on how the client names this server.
fn resolve_reference(parts: &mut Tree, name: &str) -> Result<(), Problem> {
    let Some(Value::String(address)) = parts.remove("$ref") else { return Ok(()) };
    let id = id_in(&address);
    match parts.get("value") {
        Some(value) if value != id => Err(Problem::value(format!("{name}.value and {name}.$ref lead to two users"))),
        Some(_) => Ok(()),
        None => {
            parts.insert("value".to_owned(), id.into());
            Ok(())
        }
    }
}

/// The id at the end of a user's address.
pub(super) fn id_in(address: &str) -> &str {
    address.rsplit('/').next().unwrap_or_default()
}

pub(super) fn object(value: Value, what: &str) -> Result<Tree, Problem> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Problem::syntax(format!("{what} must be an object"))),
    }
}

fn schemas(value: Option<Value>) -> Result<Vec<String>, Problem> {
    let list = value.and_then(|value| serde_json::from_value::<Vec<String>>(value).ok());
    list.filter(|list| !list.is_empty()).ok_or_else(|| Problem::syntax("\"schemas\" must be a list of URNs"))
}

fn unknown(name: &str, owner: &str) -> Problem {
    Problem::syntax(format!("{owner} has no attribute {name:?}; see /Schemas"))
}

fn twice(name: &str) -> Problem {
    Problem::syntax(format!("{name:?} appears twice in the body (names are compared without case)"))
}
