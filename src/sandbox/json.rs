//! JSON as the sandbox keeps it: values that it does not understand stay exactly as they are, big numbers included.
//!
//! It never turns a value into a number or a tree and back.

use std::collections::HashSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::strict_json::each_member;

/// An object whose members keep their order and their exact values. No name is repeated.
#[derive(Debug, Clone, Default)]
pub(super) struct Object(Vec<(String, Box<RawValue>)>);

/// A JSON:API resource.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) kind: String,
    pub(super) id: Option<String>,
    pub(super) attributes: Object,
    pub(super) relationships: Object,
    /// Members of the resource itself that the sandbox does not know.
    pub(super) rest: Object,
}

/// Why a text is not a JSON:API resource.
#[derive(Debug)]
pub(super) struct Malformed {
    /// Below the resource; empty for the resource itself.
    pub(super) pointer: &'static str,
    pub(super) problem: String,
}

/// A member is not a relationship to one resource, or is one to another type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrongRelationship;

impl Object {
    pub(super) fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| &**value)
    }

    /// Replaces the member in its place, or adds it at the end.
    pub(super) fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(found, _)| found == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Box<RawValue>> {
        let position = self.0.iter().position(|(found, _)| found == name)?;
        Some(self.0.remove(position).1)
    }

    /// Copies a member from `other`; removes it if `other` has none.
    pub(super) fn copy_from(&mut self, other: &Self, name: &str) {
        match other.get(name) {
            Some(value) => self.set(name, value.to_owned()),
            None => drop(self.remove(name)),
        }
    }

    pub(super) fn overlay(&mut self, other: Self) {
        for (name, value) in other.0 {
            self.set(&name, value);
        }
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&RawValue) -> bool) {
        self.0.retain(|(_, value)| keep(value));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub(super) fn to_raw(&self) -> Box<RawValue> {
        raw(self)
    }
}

impl Resource {
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = |pointer, problem: &str| Malformed { pointer, problem: problem.to_owned() };
        let mut rest = Object::parse(text).map_err(|error| malformed("", &format!("is not a resource: {error}")))?;
        let kind = rest.remove("type").and_then(|kind| text_of(&kind));
        let kind = kind.ok_or_else(|| malformed("/type", "is missing or not a text"))?;
        let id = match rest.remove("id") {
            None => None,
            Some(id) => Some(text_of(&id).ok_or_else(|| malformed("/id", "is not a text"))?),
        };
        let mut object = |name, pointer| match rest.remove(name) {
            None => Ok(Object::default()),
            Some(value) => {
                Object::parse(value.get()).map_err(|error| malformed(pointer, &format!("is not an object: {error}")))
            }
        };
        let attributes = object("attributes", "/attributes")?;
        let relationships = object("relationships", "/relationships")?;
        Ok(Self { kind, id, attributes, relationships, rest })
    }

    /// The id that a relationship points to, if any.
    pub(super) fn related(&self, name: &str, kind: &str) -> Result<Option<String>, WrongRelationship> {
        let Some(value) = self.relationships.get(name) else { return Ok(None) };
        match serde_json::from_str::<Relationship>(value.get()) {
            Ok(Relationship { data: None }) => Ok(None),
            Ok(Relationship { data: Some(reference) }) if reference.kind == kind => Ok(Some(reference.id)),
            _ => Err(WrongRelationship),
        }
    }

    /// Points a relationship to another resource, or to nothing.
    pub(super) fn relate(&mut self, name: &str, kind: &str, id: Option<&str>) {
        let data = id.map(|id| Reference { kind: kind.to_owned(), id: id.to_owned() });
        self.relationships.set(name, raw(&Relationship { data }));
    }

    pub(super) fn write(self) -> Box<str> {
        let Self { kind, id, attributes, relationships, rest } = self;
        let mut whole = Object::default();
        whole.set("type", raw(&kind));
        if let Some(id) = id {
            whole.set("id", raw(&id));
        }
        whole.set("attributes", attributes.to_raw());
        whole.set("relationships", relationships.to_raw());
        whole.overlay(rest);
        whole.to_raw().get().into()
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Relationship {
    // Without this, a missing `data` would count as null.
    #[serde(deserialize_with = "Option::deserialize")]
    data: Option<Reference>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Reference {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

/// The raw JSON of a value whose writing cannot fail.
pub(super) fn raw(value: &(impl Serialize + ?Sized)) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

pub(super) fn empty_object() -> Box<RawValue> {
    Object::default().to_raw()
}

/// The text, if the value is one.
pub(super) fn text_of(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

pub(super) fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
        each_member(deserializer, |name, value| {
            members.push((name, value));
            Ok(())
        })?;
        let mut names = HashSet::with_capacity(members.len());
        match members.iter().find(|(name, _)| !names.insert(name.as_str())) {
            Some((name, _)) => Err(D::Error::custom(format_args!("the name {name:?} appears twice"))),
            None => Ok(Self(members)),
        }
    }
}
