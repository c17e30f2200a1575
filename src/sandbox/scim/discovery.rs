//! What the server says about itself: `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas`.

use serde_json::{Value, json};

use super::schema::{Attribute, CORE, Kind, Namespace, Returned, Schema};
use crate::sandbox::mode::{Filters, PatchMode, ScimModes};

const META_SCHEMAS: [(&str, &str, &[Part]); 3] = [
    (
        "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
        "ServiceProviderConfig",
        &[
            Part("patch", &[Part("supported", &[])]),
            Part("bulk", &[Part("supported", &[]), Part("maxOperations", &[]), Part("maxPayloadSize", &[])]),
            Part("filter", &[Part("supported", &[]), Part("maxResults", &[])]),
            Part("changePassword", &[Part("supported", &[])]),
            Part("sort", &[Part("supported", &[])]),
            Part("etag", &[Part("supported", &[])]),
            Part("authenticationSchemes", &[Part("type", &[]), Part("name", &[]), Part("description", &[])]),
        ],
    ),
    (
        "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
        "ResourceType",
        &[
            Part("id", &[]),
            Part("name", &[]),
            Part("description", &[]),
            Part("endpoint", &[]),
            Part("schema", &[]),
            Part("schemaExtensions", &[Part("schema", &[]), Part("required", &[])]),
        ],
    ),
    (
        "urn:ietf:params:scim:schemas:core:2.0:Schema",
        "Schema",
        &[
            Part("id", &[]),
            Part("name", &[]),
            Part("description", &[]),
            Part(
                "attributes",
                &[
                    Part("name", &[]),
                    Part("type", &[]),
                    Part("multiValued", &[]),
                    Part("description", &[]),
                    Part("required", &[]),
                    Part("canonicalValues", &[]),
                    Part("caseExact", &[]),
                    Part("mutability", &[]),
                    Part("returned", &[]),
                    Part("uniqueness", &[]),
                    Part("referenceTypes", &[]),
                ],
            ),
        ],
    ),
];

/// An attribute of a schema that describes the server itself, with its parts.
struct Part(&'static str, &'static [Part]);

/// What the server can do. `base` is its own address.
pub(super) fn service_provider_config(modes: &ScimModes, page_cap: usize, base: &str) -> Value {
    json!({
        "schemas": [META_SCHEMAS[0].0],
        "patch": {"supported": modes.patch != PatchMode::Unsupported},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": modes.filters == Filters::Supported, "maxResults": page_cap},
        "changePassword": {"supported": false},
        "sort": {"supported": modes.sort},
        "etag": {"supported": modes.etags},
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "Bearer token", "primary": true,
            "description": "The key of this sandbox, as Authorization: Bearer KEY",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig")},
    })
}

/// The only type of resource.
pub(super) fn user_type(schema: &Schema, base: &str) -> Value {
    let extensions = schema.namespaces.iter().filter(|namespace| namespace.is_extension());
    let extensions: Vec<Value> = extensions
        .map(|namespace| {
            let required = namespace.attributes.iter().any(|attribute| attribute.required);
            json!({"schema": namespace.urn, "required": required})
        })
        .collect();
    json!({
        "schemas": [META_SCHEMAS[1].0],
        "id": "User", "name": "User", "endpoint": "/Users", "description": "A user of Skovik",
        "schema": CORE, "schemaExtensions": extensions,
        "meta": {"resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/User")},
    })
}

/// All schemas, those of users first.
pub(super) fn schemas(schema: &Schema, base: &str) -> Vec<Value> {
    let users = schema.namespaces.iter().filter(|namespace| !namespace.attributes.is_empty()).map(|namespace| {
        let Namespace { urn, name, description, attributes } = namespace;
        document(urn, name, description, attributes.iter().map(attribute).collect(), base)
    });
    let own = META_SCHEMAS.iter().map(|(urn, name, parts)| {
        document(urn, name, "What the server says about itself", parts.iter().map(own_attribute).collect(), base)
    });
    users.chain(own).collect()
}

/// A list of documents that needs no pages.
pub(super) fn list(documents: Vec<Value>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": documents.len(), "startIndex": 1, "itemsPerPage": documents.len(), "Resources": documents,
    })
}

fn document(urn: &str, name: &str, description: &str, attributes: Vec<Value>, base: &str) -> Value {
    json!({
        "schemas": [META_SCHEMAS[2].0],
        "id": urn, "name": name, "description": description, "attributes": attributes,
        "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{urn}")},
    })
}

fn attribute(attribute: &Attribute) -> Value {
    let mut document = json!({
        "name": attribute.name,
        "type": match attribute.kind {
            Kind::Text => "string",
            Kind::Boolean => "boolean",
            Kind::Reference => "reference",
            Kind::Complex => "complex",
        },
        "multiValued": attribute.many,
        "description": attribute.description,
        "required": attribute.required,
        "caseExact": attribute.exact,
        "mutability": if attribute.read_only { "readOnly" } else { "readWrite" },
        "returned": if attribute.returned == Returned::Always { "always" } else { "default" },
        "uniqueness": if attribute.unique { "server" } else { "none" },
    });
    if !attribute.values.is_empty() {
        document["canonicalValues"] = json!(attribute.values);
    }
    if attribute.kind == Kind::Reference {
        document["referenceTypes"] = json!(["User"]);
    }
    if !attribute.parts.is_empty() {
        document["subAttributes"] = attribute.parts.iter().map(self::attribute).collect();
    }
    document
}

fn own_attribute(Part(name, parts): &Part) -> Value {
    let kind = match *name {
        _ if !parts.is_empty() => "complex",
        "supported" | "required" | "multiValued" | "caseExact" => "boolean",
        "maxOperations" | "maxPayloadSize" | "maxResults" => "integer",
        "endpoint" | "schema" => "reference",
        _ => "string",
    };
    let many = matches!(
        *name,
        "authenticationSchemes" | "schemaExtensions" | "attributes" | "canonicalValues" | "referenceTypes"
    );
    let optional = matches!(*name, "schemaExtensions" | "canonicalValues" | "referenceTypes" | "description");
    let mut document = json!({
        "name": name, "type": kind, "multiValued": many, "description": "", "required": !optional,
        "caseExact": kind == "reference", "mutability": "readOnly", "returned": "default", "uniqueness": "none",
    });
    if kind == "reference" {
        document["referenceTypes"] = json!(["uri"]);
    }
    if !parts.is_empty() {
        document["subAttributes"] = parts.iter().map(own_attribute).collect();
    }
    document
}

impl Namespace {
    /// Whether it is an extension that has attributes in this account.
    fn is_extension(&self) -> bool {
        self.urn != CORE && !self.attributes.is_empty()
    }
}
