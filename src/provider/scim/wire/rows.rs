//! Branches and custom fields as rows of a snapshot. SCIM has neither: they are made from users and schemas.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::employee::{Branch, CustomField, CustomFieldKind, normal_text};
use crate::scim::AttributePath;

/// A branch, which has only a name.
pub(in crate::provider::scim) fn branch_row(name: &str) -> Value {
    json!({ "id": name })
}

pub(in crate::provider::scim) fn branch(json: &str) -> Result<Branch, String> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
    }
    let Row { id } = serde_json::from_str(json).map_err(|error| format!("this is not a branch: {error}"))?;
    let id = normal_text(&id);
    Ok(Branch { id: id.as_ref().into(), name: id.as_ref().into(), identifier: Some(id.as_ref().into()) })
}

/// An attribute that can serve as a custom field, or the reason why it cannot.
pub(in crate::provider::scim) fn custom_field_row(path: &AttributePath, kind: &str, unusable: Option<&str>) -> Value {
    match unusable {
        None => json!({ "id": path.to_string(), "name": path.name(), "type": kind }),
        Some(reason) => json!({ "id": path.to_string(), "name": path.name(), "type": kind, "unusable": reason }),
    }
}

pub(in crate::provider::scim) fn custom_field(json: &str) -> Result<CustomField, String> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        name: String,
        #[serde(rename = "type")]
        kind: String,
        unusable: Option<Box<str>>,
    }
    let Row { id, name, kind, unusable } =
        serde_json::from_str(json).map_err(|error| format!("this is not a custom field: {error}"))?;
    AttributePath::parse(&id)?;
    let kind = match (unusable, kind.as_str()) {
        (Some(reason), _) => CustomFieldKind::Unusable(reason),
        (None, "boolean") => CustomFieldKind::Boolean,
        (None, _) => CustomFieldKind::Text,
    };
    Ok(CustomField { id: id.into(), name: name.into(), kind })
}
