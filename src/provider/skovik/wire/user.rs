//! A user of the API `[assumed]`: reading one into the domain, and the bodies that make and replace one.
//!
//! A PUT may replace the whole resource. So everything that was read is sent back exactly as it was, with the changes
//! on top. What only the server sets (`roles`, `links`, `meta`) is left out.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;
use serde_json::value::RawValue;

use super::json::{Members, Resource, Text, to_raw};
use super::shape::normal;
use super::{EXTERNAL_IDENTIFIER, PRIMARY_EMAIL, READ_ONLY_MEMBERS, Resources, quick};
use crate::config::{Name, Names};
use crate::employee::{CustomFieldId, CustomValue, Managed, Roles, User, UserId, normal_text};
use crate::plan::{Change, Field, Fields, ManagerRef, UserRef, Value};
use crate::provider::loss::{counts_upwards, is_empty, loss};
use crate::provider::stored::compact;
use crate::provider::{Request, Rest, StoredUser};

/// The members of a user that this tool knows.
const KNOWN_MEMBERS: [&str; 4] = ["type", "id", "attributes", "relationships"];

/// The ids of the custom fields that hold a text or a boolean, which a create can send; sorted.
pub(in crate::provider::skovik) fn custom_field_ids(
    stored: &StoredUser,
    names: &Names,
) -> Result<Vec<CustomFieldId>, String> {
    let members = Resource::parse(stored.raw().get(), Resources::Users, names)?
        .attributes
        .object(names.get(Name::CustomFields))?;
    Ok(members.iter().filter(|(_, value)| can_be_sent(value)).map(|(id, _)| CustomFieldId::from(id)).collect())
}

/// The names of everything on a user that a create would not send: roles, attributes that this tool does not know, and
/// custom fields of other types.
pub(in crate::provider::skovik) fn unsent(stored: &StoredUser, names: &Names) -> Result<Vec<String>, String> {
    let Resource { attributes, relationships, rest, .. } =
        Resource::parse(stored.raw().get(), Resources::Users, names)?;
    let own =
        [Name::FirstName, Name::LastName, Name::CustomFields, Name::Manager, Name::Branch].map(|name| names.get(name));
    let sent = [&[PRIMARY_EMAIL, EXTERNAL_IDENTIFIER][..], &own].concat();
    let roles = names.get(Name::Roles);
    let others = rest.iter().filter(|(name, _)| !READ_ONLY_MEMBERS.contains(name));
    let members = attributes.iter().chain(relationships.iter()).chain(others);
    let unknown = members
        .filter(|(name, value)| !sent.contains(name) && !is_empty(value))
        .map(|(name, value)| if name == roles { format!("{roles} {}", value.get()) } else { name.to_owned() });
    let custom_fields = attributes.object(names.get(Name::CustomFields))?;
    let others = custom_fields.iter().filter(|(_, value)| !is_empty(value) && !can_be_sent(value));
    let map = names.get(Name::CustomFields);
    Ok(unknown.chain(others.map(|(id, _)| format!("{map}.{id}"))).collect())
}

/// The body of a PUT: everything that was read, with the changes on top, without what only the server sets.
pub(in crate::provider::skovik) fn overlay(
    stored: &StoredUser,
    changes: &[Change],
    names: &Names,
) -> Result<Request, String> {
    assemble(Resource::parse(stored.raw().get(), Resources::Users, names)?, changes.iter().map(after), names)
}

/// The body of a PUT that restores custom fields which a change of branch has emptied: those with a value in `before`
/// (with `changes` on top) and none in `held`, which was read after the change. `None` if nothing is missing. `rest` says
/// whether everything else that is empty in `held` but had a value is restored too.
pub(in crate::provider::skovik) fn refill(
    before: &StoredUser,
    held: &StoredUser,
    changes: &[Change],
    rest: Rest,
    names: &Names,
) -> Result<Option<Request>, String> {
    let then = Resource::parse(before.raw().get(), Resources::Users, names)?
        .attributes
        .object(names.get(Name::CustomFields))?;
    let planned = overlay(before, changes, names)?;
    let planned = serde_json::from_str::<Members<'_>>(planned.as_json()).map_err(|error| error.to_string())?;
    let planned = planned.object("data")?;
    let (attributes, relationships) = (planned.object("attributes")?, planned.object("relationships")?);
    let mut now = Resource::parse(held.raw().get(), Resources::Users, names)?;
    let mut custom_fields = now.attributes.object(names.get(Name::CustomFields))?;
    let changed: HashSet<&str> = changes.iter().filter_map(custom_field).collect();
    let mut missing = false;
    for (id, value) in then.iter().filter(|(id, _)| !changed.contains(id)) {
        if !is_empty(value) && custom_fields.get(id).is_none_or(is_empty) {
            custom_fields.insert(id, value);
            missing = true;
        }
    }
    let again: Vec<&Change> = changes.iter().filter(|change| is_missing_in(change, &custom_fields)).collect();
    if !missing && again.is_empty() {
        return Ok(None);
    }
    if rest == Rest::Restored {
        let others = planned.iter().filter(|(name, _)| !KNOWN_MEMBERS.contains(name));
        for (name, value) in others.filter(|(_, value)| !is_empty(value)) {
            if now.rest.get(name).is_none_or(is_empty) {
                now.rest.insert(name, value);
            }
        }
        for (name, value) in attributes.iter().filter(|(_, value)| !is_empty(value)) {
            if now.attributes.get(name).is_none_or(is_empty) {
                now.attributes.insert(name, value);
            }
        }
        for (name, value) in relationships.iter() {
            if now.relationships.get(name).is_none_or(leads_nowhere) {
                now.relationships.insert(name, value);
            }
        }
    }
    let filled = to_raw(&custom_fields)?;
    now.attributes.insert(names.get(Name::CustomFields), &filled);
    assemble(now, again.into_iter().map(after), names).map(Some)
}

/// Whether a relationship says that it refers to nothing.
fn leads_nowhere(relationship: &RawValue) -> bool {
    let members = serde_json::from_str::<Members<'_>>(relationship.get());
    members.is_ok_and(|members| members.get("data").is_some_and(is_empty))
}

/// The body of a POST. Fields without a value are left out.
pub(in crate::provider::skovik) fn create(
    after: &Fields,
    manager: Option<&UserId>,
    names: &Names,
) -> Result<Request, String> {
    let manager = manager.map(|id| {
        let user = UserRef { user_id: id.clone(), employee: None, name: "".into() };
        (Field::Manager, Value::Manager(ManagerRef::User(user)))
    });
    let values: Vec<(Field, Value)> = after.of_new_user().chain(manager).collect();
    assemble(Resource::default(), values.iter().map(|(field, value)| (field, Some(value))), names)
}

/// Reads a row of the list of users.
pub(in crate::provider::skovik) fn user_row(json: &str, managed: &Managed, names: &Names) -> Result<User, String> {
    quick::user(json, managed, names).map_or_else(|| user_row_with_words(json, managed, names), Ok)
}

/// The same, slower, and with a message for every problem.
pub(super) fn user_row_with_words(json: &str, managed: &Managed, names: &Names) -> Result<User, String> {
    let resource = Resource::parse(json, Resources::Users, names)?;
    user(&resource, managed, names).map_err(|problem| format!("user {:?}: {problem}", resource.id))
}

/// Reads the answer that holds one user: `{"data":USER}`.
pub(in crate::provider::skovik) fn user_document(body: &[u8], names: &Names) -> Result<StoredUser, String> {
    let document: Members<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let raw = document.get("data").ok_or("the answer has no data")?;
    Resource::parse(raw.get(), Resources::Users, names)?;
    StoredUser::new(raw)
}

fn user(resource: &Resource<'_>, managed: &Managed, names: &Names) -> Result<User, String> {
    let Resource { id, attributes, relationships, rest: _ } = resource;
    let custom_fields = if managed.custom_fields.is_empty() {
        Box::default()
    } else {
        let members = attributes.object(names.get(Name::CustomFields))?;
        managed.custom_fields.iter().map(|id| custom_value(&members, id, names)).collect::<Result<_, _>>()?
    };
    Ok(User {
        id: UserId::from(id.as_ref()),
        identifier: normal(attributes, EXTERNAL_IDENTIFIER)?,
        email: normal(attributes, PRIMARY_EMAIL)?.ok_or_else(|| format!("{PRIMARY_EMAIL} is missing"))?,
        first_name: normal(attributes, names.get(Name::FirstName))?.unwrap_or_default(),
        last_name: normal(attributes, names.get(Name::LastName))?.unwrap_or_default(),
        branch: related(relationships, Name::Branch, Resources::Branches, names)?.map(|id| id.as_ref().into()),
        manager: related(relationships, Name::Manager, Resources::Users, names)?.map(|id| id.as_ref().into()),
        custom_fields,
        roles: roles(attributes, names.get(Name::Roles))?,
    })
}

fn roles(attributes: &Members<'_>, name: &str) -> Result<Option<Roles>, String> {
    let Some(raw) = attributes.get(name) else { return Ok(None) };
    let texts: Option<Vec<Text<'_>>> =
        serde_json::from_str(raw.get()).map_err(|_| format!("{name} is not a list of texts"))?;
    Ok(texts.map(|texts| texts.iter().map(|Text(text)| normal_text(text).into()).collect()))
}

/// The id that a relationship names. A relationship without `data` says nothing: it must not be read as "no manager".
fn related<'a>(
    relationships: &Members<'a>,
    name: Name,
    of: Resources,
    names: &Names,
) -> Result<Option<Cow<'a, str>>, String> {
    let name = names.get(name);
    if relationships.get(name).is_none_or(|raw| raw.get() == "null") {
        return Ok(None);
    }
    let relationship = relationships.object(name)?;
    let data = relationship.get("data").ok_or_else(|| format!("{name} has no data"))?;
    if data.get() == "null" {
        return Ok(None);
    }
    Resource::parse(data.get(), of, names)
        .map(|resource| Some(resource.id))
        .map_err(|problem| format!("{name}: {problem}"))
}

fn custom_value(members: &Members<'_>, id: &CustomFieldId, names: &Names) -> Result<Option<CustomValue>, String> {
    let Some(raw) = members.get(id.as_str()) else { return Ok(None) };
    if is_empty(raw) {
        return Ok(None);
    }
    Ok(match raw.get() {
        "true" => Some(CustomValue::Boolean(true)),
        "false" => Some(CustomValue::Boolean(false)),
        json if json.starts_with('"') => {
            let text = members.text(id.as_str());
            let text = text.map_err(|problem| format!("{}.{problem}", names.get(Name::CustomFields)))?;
            let text = text.unwrap_or_default();
            Some(normal_text(&text)).filter(|text| !text.is_empty()).map(|text| CustomValue::Text(text.into()))
        }
        // A number keeps its literal, a list or an object its JSON, so that different values stay different.
        json => Some(CustomValue::Text(compact(json).as_ref().into())),
    })
}

/// Whether a custom field holds something that [`CustomValue`] holds without loss.
fn can_be_sent(raw: &RawValue) -> bool {
    !is_empty(raw) && (raw.get().starts_with('"') || matches!(raw.get(), "true" | "false"))
}

/// Where a value goes.
enum Place<'a> {
    Attribute(&'a str),
    Relationship(&'a str),
    CustomField(&'a CustomFieldId),
}

fn place<'a>(field: &'a Field, value: Option<&Value>, names: &'a Names) -> Result<(Place<'a>, Box<RawValue>), String> {
    let attribute = |name: &'a str| match value {
        Some(Value::Text(text)) => Ok((Place::Attribute(name), to_raw(text)?)),
        _ => Err(format!("there is no text for {field}")),
    };
    match field {
        Field::Active => Err("nothing is known of inactive users".to_owned()),
        Field::ExternalIdentifier => attribute(EXTERNAL_IDENTIFIER),
        Field::PrimaryEmail => attribute(PRIMARY_EMAIL),
        Field::FirstName => attribute(names.get(Name::FirstName)),
        Field::LastName => attribute(names.get(Name::LastName)),
        Field::Branch => {
            let id = match value {
                Some(Value::Branch(branch)) => Some(&branch.branch_id),
                _ => None,
            };
            Ok((Place::Relationship(names.get(Name::Branch)), reference(Resources::Branches, id, names)?))
        }
        Field::Manager => {
            let id = match value {
                Some(Value::Manager(ManagerRef::User(user))) => Some(&user.user_id),
                Some(Value::Manager(ManagerRef::Create(_))) => return Err("the manager is not created yet".to_owned()),
                _ => None,
            };
            Ok((Place::Relationship(names.get(Name::Manager)), reference(Resources::Users, id, names)?))
        }
        Field::Custom(id) => {
            let value = match value {
                Some(Value::Text(text)) => to_raw(text),
                Some(Value::Boolean(value)) => to_raw(value),
                Some(Value::Branch(_) | Value::Manager(_)) | None => to_raw(&()),
            };
            Ok((Place::CustomField(id), value?))
        }
    }
}

fn after(change: &Change) -> (&Field, Option<&Value>) {
    (&change.field, change.after.as_ref())
}

fn custom_field(change: &Change) -> Option<&str> {
    match &change.field {
        Field::Custom(id) => Some(id.as_str()),
        _ => None,
    }
}

/// Whether a change sets a custom field which holds no value in `members`.
fn is_missing_in(change: &Change, members: &Members<'_>) -> bool {
    change.after.is_some() && custom_field(change).is_some_and(|id| members.get(id).is_none_or(is_empty))
}

fn reference(of: Resources, id: Option<&impl Serialize>, names: &Names) -> Result<Box<RawValue>, String> {
    #[derive(Serialize)]
    struct Relationship<'a, I> {
        data: Option<Identifier<'a, I>>,
    }
    #[derive(Serialize)]
    struct Identifier<'a, I> {
        #[serde(rename = "type")]
        kind: &'a str,
        id: I,
    }
    to_raw(&Relationship { data: id.map(|id| Identifier { kind: of.kind(names), id }) })
}

/// Puts values on top of a resource and writes all of it; a resource without an id is a new one.
fn assemble<'v>(
    resource: Resource<'_>,
    values: impl Iterator<Item = (&'v Field, Option<&'v Value>)>,
    names: &'v Names,
) -> Result<Request, String> {
    let Resource { id, mut attributes, mut relationships, rest: mut top } = resource;
    let values = values.map(|(field, value)| place(field, value, names)).collect::<Result<Vec<_>, _>>()?;
    let mut custom_fields = attributes.object(names.get(Name::CustomFields))?;
    for (place, value) in &values {
        match place {
            Place::Attribute(name) => attributes.insert(name, value),
            Place::Relationship(name) => relationships.insert(name, value),
            Place::CustomField(id) => custom_fields.insert(id.as_str(), value),
        }
    }
    let written = to_raw(&custom_fields)?;
    if values.iter().any(|(place, _)| matches!(place, Place::CustomField(_))) {
        attributes.insert(names.get(Name::CustomFields), &written);
    }
    // Only admins change them `[known]`.
    attributes.remove(names.get(Name::Roles));
    for name in READ_ONLY_MEMBERS {
        top.remove(name);
    }

    let (kind, identity) = (to_raw(Resources::Users.kind(names))?, to_raw(&id)?);
    let (attributes, relationships) = (to_raw(&attributes)?, to_raw(&relationships)?);
    top.insert("type", &kind);
    if !id.is_empty() {
        top.insert("id", &identity);
    }
    top.insert("attributes", &attributes);
    top.insert("relationships", &relationships);
    let data = to_raw(&top)?;
    let mut document = Members::default();
    document.insert("data", &data);
    serde_json::to_string(&document).map(Request::new).map_err(|error| error.to_string())
}

/// Differences between what was sent and what the user holds now, in attributes, custom fields and relationships that
/// this tool does not manage and only sends back. (Managed fields are compared elsewhere, by meaning.) Each is a text
/// for the report.
pub(in crate::provider::skovik) fn losses(
    sent: &Request,
    held: &StoredUser,
    managed: &Managed,
    names: &Names,
) -> Vec<String> {
    let read = || -> Result<Vec<String>, String> {
        let document: Members<'_> = serde_json::from_str(sent.as_json()).map_err(|error| error.to_string())?;
        let body = document.object("data")?;
        let (attributes, relationships) = (body.object("attributes")?, body.object("relationships")?);
        let now = Resource::parse(held.raw().get(), Resources::Users, names)?;
        let mut lost = Vec::new();
        let map = names.get(Name::CustomFields);
        let compared = [PRIMARY_EMAIL, EXTERNAL_IDENTIFIER, names.get(Name::FirstName), names.get(Name::LastName), map];
        for (name, value) in attributes.iter().filter(|(name, _)| !compared.contains(name)) {
            let may = |then: &str, now: &str| counts_upwards(name, then, now);
            lost.extend(loss(name, value, now.attributes.get(name), may));
        }
        let (then, fields) =
            (attributes.object(names.get(Name::CustomFields))?, now.attributes.object(names.get(Name::CustomFields))?);
        let is_managed = |id: &str| managed.custom_fields.iter().any(|managed| managed.as_str() == id);
        for (id, value) in then.iter().filter(|(id, _)| !is_managed(id)) {
            lost.extend(loss(&format!("{map}.{id}"), value, fields.get(id), |_, _| false));
        }
        // Members that this tool does not know; the rest was compared, or is only the server's.
        for (name, value) in body.iter().filter(|(name, _)| !KNOWN_MEMBERS.contains(name)) {
            lost.extend(loss(name, value, now.rest.get(name), |_, _| false));
        }
        let is_managed = |name: &str| {
            (managed.manager && name == names.get(Name::Manager)) || (managed.branch && name == names.get(Name::Branch))
        };
        for (name, _) in relationships.iter() {
            let (then, now) = (relationships.object(name)?, now.relationships.object(name)?);
            for (member, value) in then.iter() {
                match member {
                    // Only the server's.
                    "links" => {}
                    "data" if is_managed(name) => {
                        let (then, now) = (then.object(member)?, now.object(member)?);
                        let others = then.iter().filter(|(part, _)| !["type", "id"].contains(part));
                        lost.extend(others.filter_map(|(part, value)| {
                            loss(&format!("{name}.data.{part}"), value, now.get(part), |_, _| false)
                        }));
                    }
                    "data" => lost.extend(loss(name, value, now.get(member), |_, _| false)),
                    _ => lost.extend(loss(&format!("{name}.{member}"), value, now.get(member), |_, _| false)),
                }
            }
        }
        Ok(lost)
    };
    read().unwrap_or_else(|problem| vec![format!("what was sent cannot be compared: {problem}")])
}

#[cfg(test)]
mod tests;
