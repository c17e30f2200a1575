//! The attributes of a user: their names, types, and who may set them. The rules for requests and the answer of
//! `/Schemas` come from the same table.

use rustc_hash::FxHashMap;

use crate::sandbox::account::{Account, Kind as FieldKind};
use crate::sandbox::json::{Resource, text_of};

/// The attributes that every user has.
pub(super) const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The extension that RFC 7643 defines for employees.
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Skovik's extension, with the custom fields.
pub(super) const SKOVIK: &str = "urn:ietf:params:scim:schemas:extension:skovik:2.0:User";
/// How many custom fields the extension has at most.
const CUSTOM_FIELDS: usize = 9;

/// What is known of the attributes and of the values that they can hold.
#[derive(Debug)]
pub(super) struct Schema {
    /// `id`, `externalId`, `meta` and `schemas`, which RFC 7643 gives to every resource and no schema lists.
    pub(super) common: Vec<Attribute>,
    pub(super) namespaces: Vec<Namespace>,
    /// The custom fields of the account in their order: `custom_field1` is the first.
    pub(super) custom_fields: Vec<CustomField>,
    branch_of_division: FxHashMap<String, String>,
    division_of_branch: FxHashMap<String, String>,
}

/// A custom field of the account that the extension shows.
#[derive(Debug)]
pub(super) struct CustomField {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) boolean: bool,
}

/// A schema with its attributes.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) urn: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) attributes: Vec<Attribute>,
}

/// An attribute, or a part of a complex one.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) description: String,
    pub(super) many: bool,
    pub(super) required: bool,
    pub(super) exact: bool,
    pub(super) read_only: bool,
    pub(super) returned: Returned,
    pub(super) unique: bool,
    /// The values that it can have, if they are few.
    pub(super) values: Vec<String>,
    pub(super) parts: Vec<Attribute>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Boolean,
    /// The address of a user.
    Reference,
    Complex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Returned {
    Default,
    /// Even if the client asks for other attributes only.
    Always,
}

impl Schema {
    pub(super) fn new(account: &Account) -> Self {
        let mut branch_of_division = FxHashMap::default();
        let mut division_of_branch = FxHashMap::default();
        let mut divisions = Vec::new();
        for branch in &account.branches {
            let Ok(resource) = Resource::parse(&branch.raw) else { continue };
            let Some(division) = resource.attributes.get("external_identifier").and_then(text_of) else { continue };
            branch_of_division.insert(division.clone(), branch.id.to_string());
            division_of_branch.insert(branch.id.to_string(), division.clone());
            divisions.push(division);
        }
        let fields = (1..).zip(account.custom_fields.iter().take(CUSTOM_FIELDS));
        let custom_fields: Vec<CustomField> = fields
            .map(|(number, field)| CustomField {
                name: format!("custom_field{number}"),
                id: field.id.to_string(),
                boolean: matches!(account.custom_field_kinds.get(&field.id), Some(FieldKind::Boolean)),
            })
            .collect();
        let custom = custom_fields.iter().zip(&account.custom_fields).map(|(field, definition)| {
            let label = Resource::parse(&definition.raw).ok();
            let label = label.and_then(|field| field.attributes.get("name").and_then(text_of));
            let label = label.unwrap_or_else(|| field.id.clone());
            let values = match account.custom_field_kinds.get(&*field.id) {
                Some(FieldKind::Choice(options)) => options.iter().map(ToString::to_string).collect(),
                Some(FieldKind::Boolean) => vec!["true".to_owned(), "false".to_owned()],
                _ => Vec::new(),
            };
            Attribute { values, ..Attribute::text(&field.name, format!("The custom field {label:?}")).exact() }
        });
        let custom = custom.collect();
        // The only branch is filled in; of several, one has to be chosen.
        let several = account.branches.len() > 1;
        Self {
            common: common(),
            namespaces: vec![
                Namespace { urn: CORE, name: "User", description: "A user of Skovik", attributes: core() },
                Namespace {
                    urn: ENTERPRISE,
                    name: "EnterpriseUser",
                    description: "The branch and the manager of a user",
                    attributes: enterprise(divisions, several),
                },
                Namespace {
                    urn: SKOVIK,
                    name: "SkovikUser",
                    description: "The custom fields of a user",
                    attributes: custom,
                },
            ],
            custom_fields,
            branch_of_division,
            division_of_branch,
        }
    }

    pub(super) fn branch_of(&self, division: &str) -> Option<&str> {
        self.branch_of_division.get(division).map(|branch| &**branch)
    }

    pub(super) fn division_of(&self, branch: &str) -> Option<&str> {
        self.division_of_branch.get(branch).map(|division| &**division)
    }

    /// The attribute that shows this custom field.
    pub(super) fn custom_field_name(&self, id: &str) -> Option<String> {
        self.custom_fields.iter().find(|field| field.id == id).map(|field| field.name.clone())
    }

    /// The schema with this URN, whatever its case.
    pub(super) fn namespace(&self, urn: &str) -> Option<&Namespace> {
        self.namespaces.iter().find(|namespace| namespace.urn.eq_ignore_ascii_case(urn))
    }

    /// An attribute that is named without a URN: of the core schema, or one that every resource has.
    pub(super) fn bare(&self, name: &str) -> Option<&Attribute> {
        let core = self.namespaces.first().map(|core| &core.attributes);
        find(&self.common, name).or_else(|| find(core?, name))
    }
}

/// The attribute with this name, whatever its case.
pub(super) fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

impl Attribute {
    fn text(name: &str, description: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Text,
            description: description.into(),
            many: false,
            required: false,
            exact: false,
            read_only: false,
            returned: Returned::Default,
            unique: false,
            values: Vec::new(),
            parts: Vec::new(),
        }
    }

    fn complex(name: &str, description: &str, parts: Vec<Self>) -> Self {
        Self { kind: Kind::Complex, parts, ..Self::text(name, description) }
    }

    fn exact(self) -> Self {
        Self { exact: true, ..self }
    }

    fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }
}

fn common() -> Vec<Attribute> {
    let text = |name: &str| Attribute::text(name, "").exact();
    vec![
        Attribute { many: true, returned: Returned::Always, ..text("schemas") },
        Attribute { returned: Returned::Always, ..text("id").read_only() },
        text("externalId"),
        Attribute::complex("meta", "", vec![text("resourceType"), text("location"), text("version")]).read_only(),
    ]
}

fn core() -> Vec<Attribute> {
    let name = vec![
        Attribute::text("givenName", "The first name").required(),
        Attribute::text("familyName", "The last name").required(),
    ];
    vec![
        Attribute { unique: true, ..Attribute::text("userName", "The e-mail address, used to sign in").required() },
        Attribute::complex("name", "The name", name).required(),
        Attribute {
            kind: Kind::Boolean,
            ..Attribute::text("active", "Whether the user can sign in; false archives the user").required()
        },
    ]
}

fn enterprise(divisions: Vec<String>, required: bool) -> Vec<Attribute> {
    let division = Attribute::text("division", "The external identifier of the branch").exact();
    let manager = vec![
        Attribute::text("value", "The id of the manager").exact().required(),
        Attribute { kind: Kind::Reference, ..Attribute::text("$ref", "The address of the manager").exact() },
    ];
    vec![Attribute { required, values: divisions, ..division }, Attribute::complex("manager", "The manager", manager)]
}
