//! What a server says it can do, and which attributes its users have (RFC 7643, sections 5 and 7).

use serde_json::Value;
use serde_json::value::RawValue;

use super::object::Object;
use super::rows::custom_field_row;
use super::{ACTIVE, SCHEMAS, USER_NAME, family_name, given_name, manager};
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
        let document: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let schemas =
            document.get("Resources").unwrap_or(&document).as_array().ok_or("this is not a list of schemas")?;
        let total = document.get("totalResults").and_then(Value::as_u64);
        if let Some(total) = total.filter(|total| *total > schemas.len() as u64) {
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
                push(&mut attributes, &path, attribute);
            }
        }
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
        let taken = [given_name(), family_name(), scim.identifier.clone(), scim.branch.clone()];
        let manager = manager().to_string().to_lowercase();
        let core = ["id", "externalId", "meta", "password", USER_NAME, ACTIVE, SCHEMAS];
        let is_free = |path: &AttributePath| {
            !taken.contains(path)
                && !core.iter().any(|name| path.is_core(name))
                && !path.to_string().to_lowercase().starts_with(&manager)
        };
        self.0
            .iter()
            .filter(|attribute| is_free(&attribute.path) && matches!(&*attribute.kind, "string" | "boolean"))
            .map(|Attribute { path, kind, unusable }| custom_field_row(path, kind, *unusable))
            .collect()
    }
}

fn push(attributes: &mut Vec<Attribute>, path: &AttributePath, attribute: &Value) {
    let word = |name: &str| attribute.get(name).and_then(Value::as_str).unwrap_or_default().to_lowercase();
    if attribute.get("multiValued").and_then(Value::as_bool).unwrap_or(false) {
        return;
    }
    let kind = word("type");
    if kind == "complex" {
        for part in listed(attribute, "subAttributes") {
            if let Some(name) = part.get("name").and_then(Value::as_str)
                && part.get("type").and_then(Value::as_str) != Some("complex")
            {
                push(attributes, &path.part(name), part);
            }
        }
        return;
    }
    let unusable = match (&*word("mutability"), &*word("returned")) {
        ("readonly", _) => Some("read-only"),
        ("writeonly", _) | (_, "never") => Some("never shown, so that it could not be compared"),
        ("immutable", _) => Some("immutable"),
        (_, "request") => Some("shown only on request, so that it could not be compared"),
        _ => None,
    };
    attributes.push(Attribute { path: path.clone(), kind, unusable });
}

fn listed<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
