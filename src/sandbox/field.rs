//! The name of a field of a user, as fault rules write it, and changes to a field from outside the API.

use super::account::{Account, BRANCHES};
use super::json::{Object, Resource, empty_object, raw, text_of};
use super::users::Slot;
use crate::employee::email_key;

/// The attributes with a person's name, which every user must have: each with the part of SCIM's `name` that shows it.
pub(super) const NAMES: [(&str, &str); 2] = [("first_name", "givenName"), ("last_name", "familyName")];

/// A field of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    /// `manager`
    Manager,
    /// `branch`
    Branch,
    /// `custom_fields.ID`
    Custom(String),
    /// Any other attribute.
    Attribute(String),
}

impl Field {
    pub(super) fn parse(name: &str) -> Self {
        match name {
            "manager" => Self::Manager,
            "branch" => Self::Branch,
            _ => match name.strip_prefix("custom_fields.") {
                Some(id) => Self::Custom(id.to_owned()),
                None => Self::Attribute(name.to_owned()),
            },
        }
    }

    /// Copies the value of the field from `from` to `to`; removes it if `from` has none.
    pub(super) fn copy(&self, from: Option<&Resource>, to: &mut Resource) {
        let nothing = Object::default();
        let attributes = from.map_or(&nothing, |from| &from.attributes);
        let relationships = from.map_or(&nothing, |from| &from.relationships);
        match self {
            Self::Manager => to.relationships.copy_from(relationships, "manager"),
            Self::Branch => to.relationships.copy_from(relationships, "branch"),
            Self::Attribute(name) => to.attributes.copy_from(attributes, name),
            Self::Custom(id) => {
                let custom_fields = |attributes: &Object| {
                    attributes.get("custom_fields").and_then(|value| Object::parse(value.get()).ok())
                };
                if let Some(mut fields) = custom_fields(&to.attributes) {
                    fields.copy_from(&custom_fields(attributes).unwrap_or_default(), id);
                    to.attributes.set("custom_fields", fields.to_raw());
                }
            }
        }
    }
}

impl Account {
    /// Takes a field away from a user.
    pub(super) fn lose(&mut self, slot: Slot, field: &Field) {
        let (Some(mut user), Some(stored)) = (self.resource(slot), self.users.get(slot)) else { return };
        let keys = stored.keys.clone();
        field.copy(None, &mut user);
        self.users.update(slot, user.write(), keys);
    }

    /// Changes one field of a user as if another client had done it: to some other value that the account can hold. If
    /// there is no other (the manager of somebody who has none), nothing changes.
    pub(super) fn change_from_outside(&mut self, slot: Slot, field: &Field) {
        let (Some(mut user), Some(stored)) = (self.resource(slot), self.users.get(slot)) else { return };
        let mut keys = stored.keys.clone();
        match field {
            Field::Manager => return self.set_manager_to_none(slot),
            Field::Branch => {
                let other = self.branches.iter().find(|branch| keys.branch.as_ref() != Some(&branch.id));
                let Some(other) = other else { return };
                user.relate("branch", BRANCHES, Some(&other.id));
                keys.branch = Some(other.id.clone());
            }
            Field::Custom(id) => self.change_custom_field(&mut user, id),
            Field::Attribute(name) => match name.as_str() {
                "primary_email" => {
                    let mut email = user.attributes.get(name).and_then(text_of).unwrap_or_default();
                    while self.users.holder_of_email(&email_key(&email)).is_some() {
                        email.insert_str(0, "changed.");
                    }
                    keys.email = email_key(&email).into();
                    user.attributes.set(name, raw(&email));
                }
                "external_identifier" => {
                    let mut identifier = user.attributes.get(name).and_then(text_of).unwrap_or("changed".to_owned());
                    while self.users.holder_of_identifier(&identifier).is_some() {
                        identifier.push_str("-changed");
                    }
                    keys.identifier = Some(identifier.as_str().into());
                    user.attributes.set(name, raw(&identifier));
                }
                _ => change_attribute(&mut user.attributes, name),
            },
        }
        self.users.update(slot, user.write(), keys);
    }

    fn change_custom_field(&self, user: &mut Resource, id: &str) {
        let fields = user.attributes.get("custom_fields").and_then(|fields| Object::parse(fields.get()).ok());
        let mut fields = fields.unwrap_or_default();
        match self.custom_field_kinds.get(id).and_then(|kind| kind.other_value(fields.get(id))) {
            Some(value) => fields.set(id, value),
            None => change_attribute(&mut fields, id),
        }
        user.attributes.set("custom_fields", fields.to_raw());
    }
}

/// Another value of the same JSON type: a text gets longer, a boolean turns, the roles gain `admin` or lose it, another
/// object or list is emptied. Anything else becomes a text.
fn change_attribute(attributes: &mut Object, name: &str) {
    let old = attributes.get(name);
    let text = old.map_or("null", |old| old.get());
    let new = match text.as_bytes().first() {
        Some(b'"') => raw(&format!("{} (changed)", old.and_then(text_of).unwrap_or_default())),
        Some(b't') => raw(&false),
        Some(b'f') => raw(&true),
        Some(b'{') => empty_object(),
        Some(b'[') if name == "roles" => {
            let mut roles: Vec<String> = serde_json::from_str(text).unwrap_or_default();
            match roles.iter().position(|role| role == "admin") {
                Some(position) => drop(roles.remove(position)),
                None => roles.push("admin".to_owned()),
            }
            raw(&roles)
        }
        Some(b'[') => raw(&Vec::<String>::new()),
        _ => raw("changed"),
    };
    attributes.set(name, new);
}
