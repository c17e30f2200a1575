//! A user of the API `[assumed]`: reading one into the domain, and the bodies that make and replace one.
//!
//! A PUT may replace the whole resource. So everything that was read goes back, to the letter, with the edits laid over
//! it; what only the server sets (`roles`, `links`, `meta`) is left out.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::json::{Members, Resource, Text, compact, to_raw};
use super::shape::normal;
use super::{
    BRANCH, CUSTOM_FIELDS, Collection, EXTERNAL_IDENTIFIER, FIRST_NAME, LAST_NAME, MANAGER, PRIMARY_EMAIL,
    READ_ONLY_ATTRIBUTES, READ_ONLY_MEMBERS, ROLES,
};
use crate::employee::{BranchId, CustomFieldId, CustomValue, Managed, User, UserId, normal_text};
use crate::plan::Fields;

/// A user as the server gave it, whole and to the letter but for white space between the tokens. Its JSON is one line.
#[derive(Clone)]
pub struct UserResource {
    id: UserId,
    raw: Box<RawValue>,
}

/// One field that a PUT shall change; `None` is "no value".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// `external_identifier`
    ExternalIdentifier(String),
    /// `primary_email`
    PrimaryEmail(String),
    /// `first_name`
    FirstName(String),
    /// `last_name`
    LastName(String),
    /// The branch.
    Branch(Option<BranchId>),
    /// The manager.
    Manager(Option<UserId>),
    /// A custom field.
    Custom(CustomFieldId, Option<CustomValue>),
}

/// The body of a POST or PUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(String);

/// Lets the users of one branch share its id, so that a million of them do not hold a million copies.
#[derive(Default)]
pub(crate) struct ShareBranches(HashSet<BranchId>);

impl UserResource {
    /// Takes a resource object as it came.
    ///
    /// # Errors
    /// Where it has no id or is no user.
    pub fn new(raw: &RawValue) -> Result<Self, String> {
        let id = UserId::from(Resource::parse(raw, Collection::Users)?.id.as_ref());
        let raw = RawValue::from_string(compact(raw.get())).map_err(|error| error.to_string())?;
        Ok(Self { id, raw })
    }

    /// Skovik's id.
    #[must_use]
    pub fn id(&self) -> &UserId {
        &self.id
    }

    /// The JSON, in one line.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        &self.raw
    }

    /// The user as this tool compares them.
    ///
    /// # Errors
    /// Where a field is missing that every user has, or is not of its type; the message names it.
    pub fn to_user(&self, managed: &Managed) -> Result<User, String> {
        user_row(&self.raw, managed)
    }

    /// The ids of the custom fields that hold a text or a boolean, which a create can send; sorted.
    ///
    /// # Errors
    /// Where the custom fields are no object.
    pub fn custom_field_ids(&self) -> Result<Vec<CustomFieldId>, String> {
        let members = Resource::parse(&self.raw, Collection::Users)?.attributes.object(CUSTOM_FIELDS)?;
        Ok(members.iter().filter(|(_, value)| can_be_sent(value)).map(|(id, _)| CustomFieldId::from(id)).collect())
    }

    /// The names of what this user holds and a create does not send: roles, what this tool does not know, and custom
    /// fields of other types.
    ///
    /// # Errors
    /// As [`UserResource::custom_field_ids`].
    pub fn unsent(&self) -> Result<Vec<String>, String> {
        let Resource { attributes, relationships, .. } = Resource::parse(&self.raw, Collection::Users)?;
        let sent = [PRIMARY_EMAIL, EXTERNAL_IDENTIFIER, FIRST_NAME, LAST_NAME, CUSTOM_FIELDS, MANAGER, BRANCH];
        let members = attributes.iter().chain(relationships.iter());
        let unknown = members
            .filter(|(name, value)| !sent.contains(name) && !is_empty(value))
            .map(|(name, value)| if name == ROLES { format!("{ROLES} {}", value.get()) } else { name.to_owned() });
        let custom_fields = attributes.object(CUSTOM_FIELDS)?;
        let others = custom_fields.iter().filter(|(_, value)| !is_empty(value) && !can_be_sent(value));
        Ok(unknown.chain(others.map(|(id, _)| format!("{CUSTOM_FIELDS}.{id}"))).collect())
    }

    /// The body of a PUT: everything that was read, laid over with the edits, without what only the server sets.
    ///
    /// # Errors
    /// Where the custom fields that were read are no object.
    pub fn overlay(&self, edits: &[Edit]) -> Result<Body, String> {
        assemble(Resource::parse(&self.raw, Collection::Users)?, edits)
    }

    /// The body of a PUT that gives back custom fields which a change of branch has emptied: those that `before` has
    /// (with `edits` laid over them), where this, read after the change, holds no value. `None` where nothing is missing.
    ///
    /// # Errors
    /// As [`UserResource::overlay`].
    pub fn refill(&self, before: &Self, edits: &[Edit]) -> Result<Option<Body>, String> {
        let then = Resource::parse(&before.raw, Collection::Users)?.attributes.object(CUSTOM_FIELDS)?;
        let mut now = Resource::parse(&self.raw, Collection::Users)?;
        let mut custom_fields = now.attributes.object(CUSTOM_FIELDS)?;
        let edited: HashSet<&str> = edits.iter().filter_map(Edit::custom_field).collect();
        let mut missing = false;
        for (id, value) in then.iter().filter(|(id, _)| !edited.contains(id)) {
            if !is_empty(value) && custom_fields.get(id).is_none_or(is_empty) {
                custom_fields.insert(id, value);
                missing = true;
            }
        }
        let edits: Vec<Edit> = edits.iter().filter(|edit| edit.is_missing_in(&custom_fields)).cloned().collect();
        if !missing && edits.is_empty() {
            return Ok(None);
        }
        let filled = to_raw(&custom_fields)?;
        now.attributes.insert(CUSTOM_FIELDS, &filled);
        assemble(now, &edits).map(Some)
    }
}

/// The body of a POST. The manager is given apart, because a plan may name one who is made on the way, or leave the
/// manager to a later operation. Fields without a value are left out.
///
/// # Errors
/// Where it cannot be written as JSON, which no plan leads to.
pub fn create_body(after: &Fields, manager: Option<&UserId>) -> Result<Body, String> {
    let Fields { external_identifier, primary_email, first_name, last_name, branch, manager: _, custom_fields } = after;
    let mut edits = vec![
        Edit::PrimaryEmail(primary_email.clone()),
        Edit::FirstName(first_name.clone()),
        Edit::LastName(last_name.clone()),
    ];
    edits.extend(external_identifier.as_ref().map(|identifier| Edit::ExternalIdentifier(identifier.to_string())));
    edits.extend(branch.iter().flatten().map(|branch| Edit::Branch(Some(branch.branch_id.clone()))));
    edits.extend(manager.map(|manager| Edit::Manager(Some(manager.clone()))));
    let with_value = custom_fields.iter().filter(|(_, value)| value.is_some());
    edits.extend(with_value.map(|(id, value)| Edit::Custom(id.clone(), value.clone())));
    assemble(Resource::default(), &edits)
}

/// Reads a row of the list of users.
pub(crate) fn user_row(raw: &RawValue, managed: &Managed) -> Result<User, String> {
    let resource = Resource::parse(raw, Collection::Users)?;
    user(&resource, managed).map_err(|problem| format!("user {:?}: {problem}", resource.id))
}

/// Reads the answer that holds one user: `{"data":USER}`.
pub(crate) fn user_document(body: &[u8]) -> Result<UserResource, String> {
    let document: Members<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    UserResource::new(document.get("data").ok_or("the answer has no data")?)
}

impl ShareBranches {
    pub(crate) fn share(&mut self, user: &mut User) {
        let Some(branch) = &mut user.branch else { return };
        match self.0.get(branch.as_str()) {
            Some(known) => *branch = known.clone(),
            None => {
                self.0.insert(branch.clone());
            }
        }
    }
}

fn user(resource: &Resource<'_>, managed: &Managed) -> Result<User, String> {
    let Resource { id, attributes, relationships, rest: _ } = resource;
    let custom_fields = if managed.custom_fields.is_empty() {
        Box::default()
    } else {
        let members = attributes.object(CUSTOM_FIELDS)?;
        managed.custom_fields.iter().map(|id| custom_value(&members, id)).collect::<Result<_, _>>()?
    };
    Ok(User {
        id: UserId::from(id.as_ref()),
        identifier: normal(attributes, EXTERNAL_IDENTIFIER)?.map(|text| text.as_ref().into()),
        email: normal(attributes, PRIMARY_EMAIL)?.ok_or_else(|| format!("{PRIMARY_EMAIL} is missing"))?,
        first_name: normal(attributes, FIRST_NAME)?.unwrap_or_default(),
        last_name: normal(attributes, LAST_NAME)?.unwrap_or_default(),
        branch: related(relationships, BRANCH, Collection::Branches)?.map(|id| id.as_ref().into()),
        manager: related(relationships, MANAGER, Collection::Users)?.map(|id| id.as_ref().into()),
        custom_fields,
        roles: roles(attributes)?,
    })
}

fn roles(attributes: &Members<'_>) -> Result<Option<Box<[Box<str>]>>, String> {
    let Some(raw) = attributes.get(ROLES) else { return Ok(None) };
    let texts: Option<Vec<Text<'_>>> =
        serde_json::from_str(raw.get()).map_err(|_| format!("{ROLES} is not a list of texts"))?;
    Ok(texts.map(|texts| texts.iter().map(|Text(text)| normal_text(text).into()).collect()))
}

/// The id that a relationship names. One that is there without `data` does not say "nobody", it says nothing, and must
/// not be mistaken for a user without a manager.
fn related<'a>(
    relationships: &Members<'a>,
    name: &str,
    collection: Collection,
) -> Result<Option<Cow<'a, str>>, String> {
    if relationships.get(name).is_none_or(|raw| raw.get() == "null") {
        return Ok(None);
    }
    let relationship = relationships.object(name)?;
    let data = relationship.get("data").ok_or_else(|| format!("{name} has no data"))?;
    if data.get() == "null" {
        return Ok(None);
    }
    Resource::parse(data, collection).map(|resource| Some(resource.id)).map_err(|problem| format!("{name}: {problem}"))
}

fn custom_value(members: &Members<'_>, id: &CustomFieldId) -> Result<Option<CustomValue>, String> {
    let Some(raw) = members.get(id.as_str()) else { return Ok(None) };
    if is_empty(raw) {
        return Ok(None);
    }
    Ok(match raw.get() {
        "true" => Some(CustomValue::Boolean(true)),
        "false" => Some(CustomValue::Boolean(false)),
        json if json.starts_with('"') => {
            let text = members.text(id.as_str()).map_err(|problem| format!("{CUSTOM_FIELDS}.{problem}"))?;
            let text = text.unwrap_or_default();
            Some(normal_text(&text)).filter(|text| !text.is_empty()).map(|text| CustomValue::Text(text.into()))
        }
        // A number by its literal, a list or an object by its JSON: no value is mistaken for another one.
        json => Some(CustomValue::Text(compact(json).into())),
    })
}

/// Whether a value says "no value": null, or an empty text, list or object.
fn is_empty(raw: &RawValue) -> bool {
    let inner = |open, close| raw.get().strip_prefix(open)?.strip_suffix(close);
    let inner = inner('"', '"').or_else(|| inner('[', ']')).or_else(|| inner('{', '}'));
    raw.get() == "null" || inner.is_some_and(|inner| inner.trim().is_empty())
}

/// How a value that was sent is held, if it is not as it was sent and the server `may` not have moved it on.
fn loss(
    name: &str,
    sent: &RawValue,
    held: Option<&RawValue>,
    may: impl Fn(&serde_json::Value, &serde_json::Value) -> bool,
) -> Option<String> {
    let Some(held) = held.filter(|held| !is_empty(held)) else {
        return (!is_empty(sent)).then(|| format!("{name} is gone, it was {}", excerpt(sent)));
    };
    let parse = |raw: &RawValue| serde_json::from_str::<serde_json::Value>(raw.get());
    let is_same = match (parse(sent), parse(held)) {
        (Ok(then), Ok(now)) => then == now || may(&then, &now),
        // Such as a number that is beyond what a float holds.
        _ => compact(sent.get()) == compact(held.get()),
    };
    if is_same || is_empty(sent) {
        return None;
    }
    Some(format!("{name} is {}, not {}", excerpt(held), excerpt(sent)))
}

/// Whether a server may have moved a value on by itself: a number that grew, or a time that became later, such as that of
/// the last change.
fn counts_upwards(then: &serde_json::Value, now: &serde_json::Value) -> bool {
    let time = |value: &serde_json::Value| value.as_str()?.parse::<jiff::Timestamp>().ok();
    match (then.as_f64(), now.as_f64()) {
        (Some(then), Some(now)) => now > then,
        _ => matches!((time(then), time(now)), (Some(then), Some(now)) if now > then),
    }
}

/// The start of a value, for a report.
fn excerpt(raw: &RawValue) -> String {
    const SHOWN: usize = 80;
    let mut chars = raw.get().chars();
    let start: String = chars.by_ref().take(SHOWN).collect();
    if chars.next().is_some() { format!("{start}…") } else { start }
}

/// Whether a custom field holds something that [`CustomValue`] holds without loss.
fn can_be_sent(raw: &RawValue) -> bool {
    !is_empty(raw) && (raw.get().starts_with('"') || matches!(raw.get(), "true" | "false"))
}

/// Where an edit goes.
enum Place<'a> {
    Attribute(&'static str),
    Relationship(&'static str),
    CustomField(&'a CustomFieldId),
}

impl Edit {
    fn place(&self) -> Result<(Place<'_>, Box<RawValue>), String> {
        let (place, value) = match self {
            Self::ExternalIdentifier(text) => (Place::Attribute(EXTERNAL_IDENTIFIER), to_raw(text)),
            Self::PrimaryEmail(text) => (Place::Attribute(PRIMARY_EMAIL), to_raw(text)),
            Self::FirstName(text) => (Place::Attribute(FIRST_NAME), to_raw(text)),
            Self::LastName(text) => (Place::Attribute(LAST_NAME), to_raw(text)),
            Self::Branch(id) => (Place::Relationship(BRANCH), reference(Collection::Branches, id.as_ref())),
            Self::Manager(id) => (Place::Relationship(MANAGER), reference(Collection::Users, id.as_ref())),
            Self::Custom(id, value) => (Place::CustomField(id), to_raw(value)),
        };
        Ok((place, value?))
    }

    fn custom_field(&self) -> Option<&str> {
        match self {
            Self::Custom(id, _) => Some(id.as_str()),
            _ => None,
        }
    }

    /// Whether this sets a custom field which holds no value in `members`.
    fn is_missing_in(&self, members: &Members<'_>) -> bool {
        matches!(self, Self::Custom(id, Some(_)) if members.get(id.as_str()).is_none_or(is_empty))
    }
}

fn reference(collection: Collection, id: Option<&impl Serialize>) -> Result<Box<RawValue>, String> {
    #[derive(Serialize)]
    struct Relationship<I> {
        data: Option<Identifier<I>>,
    }
    #[derive(Serialize)]
    struct Identifier<I> {
        #[serde(rename = "type")]
        kind: &'static str,
        id: I,
    }
    to_raw(&Relationship { data: id.map(|id| Identifier { kind: collection.kind(), id }) })
}

/// Lays edits over a resource and writes the whole; one without an id is a new one.
fn assemble(resource: Resource<'_>, edits: &[Edit]) -> Result<Body, String> {
    let Resource { id, mut attributes, mut relationships, rest: mut top } = resource;
    let values = edits.iter().map(Edit::place).collect::<Result<Vec<_>, _>>()?;
    let mut custom_fields = attributes.object(CUSTOM_FIELDS)?;
    for (place, value) in &values {
        match place {
            Place::Attribute(name) => attributes.insert(name, value),
            Place::Relationship(name) => relationships.insert(name, value),
            Place::CustomField(id) => custom_fields.insert(id.as_str(), value),
        }
    }
    let written = to_raw(&custom_fields)?;
    if edits.iter().any(|edit| edit.custom_field().is_some()) {
        attributes.insert(CUSTOM_FIELDS, &written);
    }
    for name in READ_ONLY_ATTRIBUTES {
        attributes.remove(name);
    }
    for name in READ_ONLY_MEMBERS {
        top.remove(name);
    }

    let (kind, identity) = (to_raw(&Collection::Users.kind())?, to_raw(&id)?);
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
    serde_json::to_string(&document).map(Body).map_err(|error| error.to_string())
}

impl Body {
    /// What a user lost of what was sent, or holds otherwise, beyond the fields that are managed (those are compared
    /// by what they mean): attributes, custom fields and relationships that this tool only carries along. Each in words
    /// for a report.
    #[must_use]
    pub fn lost(&self, held: &UserResource, managed: &Managed) -> Vec<String> {
        let read = || -> Result<Vec<String>, String> {
            let document: Members<'_> = serde_json::from_str(&self.0).map_err(|error| error.to_string())?;
            let sent = document.object("data")?;
            let (attributes, relationships) = (sent.object("attributes")?, sent.object("relationships")?);
            let now = Resource::parse(&held.raw, Collection::Users)?;
            let mut lost = Vec::new();
            let compared = [PRIMARY_EMAIL, EXTERNAL_IDENTIFIER, FIRST_NAME, LAST_NAME, CUSTOM_FIELDS];
            for (name, value) in attributes.iter().filter(|(name, _)| !compared.contains(name)) {
                lost.extend(loss(name, value, now.attributes.get(name), counts_upwards));
            }
            let (then, fields) = (attributes.object(CUSTOM_FIELDS)?, now.attributes.object(CUSTOM_FIELDS)?);
            let is_managed = |id: &str| managed.custom_fields.iter().any(|managed| managed.as_str() == id);
            for (id, value) in then.iter().filter(|(id, _)| !is_managed(id)) {
                lost.extend(loss(&format!("{CUSTOM_FIELDS}.{id}"), value, fields.get(id), |_, _| false));
            }
            let is_managed = |name: &str| managed.manager && name == MANAGER || managed.branch && name == BRANCH;
            for (name, _) in relationships.iter().filter(|(name, _)| !is_managed(name)) {
                let data = |of: &Members<'_>| of.object(name).map(|of| of.get("data").map(|data| data.to_owned()));
                if let Some(then) = data(&relationships)? {
                    lost.extend(loss(name, &then, data(&now.relationships)?.as_deref(), |_, _| false));
                }
            }
            Ok(lost)
        };
        read().unwrap_or_else(|problem| vec![format!("what was sent cannot be compared: {problem}")])
    }

    /// The JSON.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl PartialEq for UserResource {
    fn eq(&self, other: &Self) -> bool {
        self.raw.get() == other.raw.get()
    }
}

impl fmt::Debug for UserResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UserResource").field(&self.raw.get()).finish()
    }
}

/// Written as the resource object itself.
impl Serialize for UserResource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

/// Only from JSON text: neither within an untagged or flattened type nor from a `serde_json::Value`.
impl<'de> Deserialize<'de> for UserResource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::new(&raw).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
