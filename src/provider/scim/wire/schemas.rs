//! What a server says it can do, and which attributes its users have (RFC 7643, sections 5 and 7).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::object::Object;
use super::rows::custom_field_row;
use super::{ACTIVE, ROLES, SCHEMAS, USER_NAME, family_name, given_name, manager};
use crate::provider::scim::{Abilities, Scim};
use crate::scim::{AttributePath, USER};

/// Reads `/ServiceProviderConfig`.
pub(in crate::provider::scim) fn abilities(body: &[u8]) -> Result<Abilities, String> {
    let config = Object::parse(serde_json::from_slice::<&RawValue>(body).map_err(|error| error.to_string())?)?;
    let supported = |name: &str| {
        let supported = config.find(&AttributePath::within(name, "supported"))?;
        // Some servers write it as a text.
        Ok::<_, String>(supported.is_some_and(|raw| raw.get().trim_matches('"').eq_ignore_ascii_case("true")))
    };
    Ok(Abilities { patch: supported("patch")?, etag: supported("etag")?, sort: supported("sort")? })
}

/// The longest list of schemas that is read, in bytes: a document of small objects takes a hundred times its size.
const LARGEST_SCHEMAS: usize = 1024 * 1024;

/// The attributes that users have.
pub(in crate::provider::scim) struct Schemas(Vec<Attribute>);

/// An attribute with a single simple value.
struct Attribute {
    path: AttributePath,
    kind: String,
    /// Why it cannot be managed.
    unusable: Option<&'static str>,
}

impl Schemas {
    /// Reads the list of schemas, which has no pages.
    pub(in crate::provider::scim) fn parse(body: &[u8]) -> Result<Self, String> {
        if body.len() > LARGEST_SCHEMAS {
            return Err(format!("its list of schemas has more than {} KiB", LARGEST_SCHEMAS >> 10));
        }
        let document: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let schemas =
            document.get("Resources").unwrap_or(&document).as_array().ok_or("this is not a list of schemas")?;
        let total = document.get("totalResults").map(u64::deserialize).transpose();
        if let Some(total) = total.map_err(|_| "totalResults is not a number")?
            && total > schemas.len() as u64
        {
            return Err(format!("it has {} schemas, but totalResults is {total}", schemas.len()));
        }
        let mut attributes = Vec::new();
        for schema in schemas {
            let id = schema.get("id").and_then(Value::as_str).ok_or("a schema has no id")?;
            let is_core = id.eq_ignore_ascii_case(USER);
            // The names of extensions of users end with this.
            let is_of_users = id.rsplit(':').next().is_some_and(|last| last.eq_ignore_ascii_case("User"));
            if !is_of_users {
                continue;
            }
            for attribute in listed(schema, "attributes") {
                let Some(name) = attribute.get("name").and_then(Value::as_str) else { continue };
                let path = AttributePath::new((!is_core).then_some(id), name);
                push(&mut attributes, &path, attribute, None);
            }
        }
        let mut known = BTreeMap::new();
        for Attribute { path, kind, unusable } in &attributes {
            let said = (kind, unusable);
            if known.insert(path.to_string().to_ascii_lowercase(), said).is_some_and(|before| before != said) {
                return Err(format!("it says two things of {path}"));
            }
        }
        let mut seen = BTreeSet::new();
        attributes.retain(|attribute| seen.insert(attribute.path.to_string().to_ascii_lowercase()));
        Ok(Self(attributes))
    }

    /// Checks that a value can be written at this path of a user.
    ///
    /// # Errors
    /// Says why not, as the end of a sentence with "which".
    pub(in crate::provider::scim) fn check(&self, path: &AttributePath) -> Result<(), String> {
        // Every resource has it, so it is in no schema (RFC 7643, section 3.1).
        if path.is_core("externalId") {
            return Ok(());
        }
        match self.0.iter().find(|attribute| attribute.path == *path) {
            None => Err("no user has by the server's /Schemas".to_owned()),
            Some(Attribute { unusable: Some(reason), .. }) => Err(format!("cannot be managed: it is {reason}")),
            Some(_) => Ok(()),
        }
    }

    /// The attributes that can be custom fields: texts and booleans that no other setting uses.
    pub(in crate::provider::scim) fn custom_fields(&self, scim: &Scim) -> Vec<Value> {
        self.0
            .iter()
            .filter(|attribute| is_free(&attribute.path, scim) && matches!(&*attribute.kind, "string" | "boolean"))
            .map(|Attribute { path, kind, unusable }| custom_field_row(path, kind, *unusable))
            .collect()
    }
}

/// Whether an attribute can be a custom field: no other setting uses it, and it says nothing of the account itself.
pub(in crate::provider::scim) fn is_free(path: &AttributePath, scim: &Scim) -> bool {
    let taken = [given_name(), family_name(), scim.identifier.clone(), scim.branch.clone()];
    let written = path.to_string().to_ascii_lowercase();
    let first = written.split('.').next().unwrap_or_default();
    !taken.contains(path)
        && !NEVER_CUSTOM.iter().any(|name| first.eq_ignore_ascii_case(name))
        && !written.starts_with(&manager().to_string().to_ascii_lowercase())
}

/// Attributes of every user that are no custom fields, nor are their parts.
const NEVER_CUSTOM: [&str; 9] = ["id", "externalId", "meta", "password", "groups", ROLES, USER_NAME, ACTIVE, SCHEMAS];

/// Adds an attribute, or its parts. What a complex one says of itself holds for its parts, too.
fn push(attributes: &mut Vec<Attribute>, path: &AttributePath, attribute: &Value, of_whole: Option<&'static str>) {
    let word = |name: &str| attribute.get(name).and_then(Value::as_str).unwrap_or_default().to_lowercase();
    if attribute.get("multiValued").and_then(Value::as_bool).unwrap_or(false) {
        return;
    }
    let kind = word("type");
    let unusable = of_whole.or(match (&*word("mutability"), &*word("returned")) {
        ("readonly", _) => Some("read-only"),
        ("writeonly", _) | (_, "never") => Some("never shown, so that it could not be compared"),
        ("immutable", _) => Some("immutable"),
        (_, "request") => Some("shown only on request, so that it could not be compared"),
        _ => None,
    });
    if kind == "complex" {
        for part in listed(attribute, "subAttributes") {
            if let Some(name) = part.get("name").and_then(Value::as_str)
                && !part.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("complex"))
            {
                push(attributes, &path.part(name), part, unusable);
            }
        }
        return;
    }
    attributes.push(Attribute { path: path.clone(), kind, unusable });
}

fn listed<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
