//! JSON that is kept exactly as it was read. A value is parsed only if it is needed and is written back unchanged: a
//! number of thirty digits keeps all of them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Resources;
use crate::config::Names;
use crate::provider::stored::is_id;
use crate::strict_json::Properties;
pub(super) use crate::strict_json::Text;

/// The members of an object, sorted by name. A repeated name is an error, because readers disagree on what it means. A
/// user has few members: searching a list is faster than a map.
#[derive(Debug, Default)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A resource object, taken apart.
#[derive(Debug, Default)]
pub(super) struct Resource<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) attributes: Members<'a>,
    pub(super) relationships: Members<'a>,
    /// Every other member but `type`.
    pub(super) rest: Members<'a>,
}

/// The members of a resource object, with its attributes and relationships read in the same pass: a list of users
/// consists of these objects, and a second pass would cost as much again.
#[derive(Default)]
struct Parts<'a> {
    kind: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    attributes: Option<Members<'a>>,
    relationships: Option<Members<'a>>,
    rest: Members<'a>,
}

impl<'a> Members<'a> {
    /// Sorts them, and refuses a repeated name.
    pub(super) fn sorted<E: de::Error>(mut members: Vec<(Cow<'a, str>, &'a RawValue)>) -> Result<Self, E> {
        members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        match members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(twice(&pair[0].0)),
            None => Ok(Self(members)),
        }
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.as_ref().cmp(name))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.place(name).ok().map(|place| self.0[place].1)
    }

    pub(super) fn insert(&mut self, name: &'a str, value: &'a RawValue) {
        match self.place(name) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (Cow::Borrowed(name), value)),
        }
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<&'a RawValue> {
        self.place(name).ok().map(|place| self.0.remove(place).1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// The text of a member: `None` where it is absent or null.
    pub(super) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, String> {
        text(name, self.get(name))
    }

    /// The members of a member: none where it is absent or null.
    pub(super) fn object(&self, name: &str) -> Result<Self, String> {
        let Some(raw) = self.get(name) else { return Ok(Self::default()) };
        match serde_json::from_str::<Option<Self>>(raw.get()) {
            Ok(members) => Ok(members.unwrap_or_default()),
            Err(error) => Err(format!("{name} is not a proper object: {error}")),
        }
    }
}

impl<'a> Resource<'a> {
    pub(super) fn parse(json: &'a str, of: Resources, names: &Names) -> Result<Self, String> {
        let Parts { kind, id, attributes, relationships, rest } =
            serde_json::from_str(json).map_err(|error| error.to_string())?;
        let id = identity(text("type", kind)?.as_deref(), text("id", id)?, of.kind(names))?;
        let (attributes, relationships) = (attributes.unwrap_or_default(), relationships.unwrap_or_default());
        Ok(Self { id, attributes, relationships, rest })
    }
}

/// The text of a member: `None` where it is absent or null.
fn text<'a>(name: &str, raw: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, String> {
    let Some(raw) = raw else { return Ok(None) };
    match serde_json::from_str::<Option<Text<'a>>>(raw.get()) {
        Ok(text) => Ok(text.map(|Text(text)| text)),
        Err(_) => Err(format!("{name} is not a text")),
    }
}

/// Checks the type of a row and gives its id.
pub(super) fn identity<'a>(
    kind: Option<&str>,
    id: Option<Cow<'a, str>>,
    expected: &str,
) -> Result<Cow<'a, str>, String> {
    let id = id.filter(|id| !id.is_empty()).ok_or("a row has no id")?;
    if !is_id(&id) {
        return Err(format!("{id:?} is not a possible id"));
    }
    match kind {
        Some(kind) if kind == expected => Ok(id),
        Some(kind) => Err(format!("the row {id:?} has the type {kind:?} instead of {expected:?}")),
        None => Err(format!("the row {id:?} has no type")),
    }
}

pub(super) fn to_raw(value: &(impl Serialize + ?Sized)) -> Result<Box<RawValue>, String> {
    serde_json::value::to_raw_value(value).map_err(|error| error.to_string())
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::sorted(Properties::deserialize(deserializer)?.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Parts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Parts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut parts = Parts::default();
                let mut rest = Vec::new();
                while let Some(Text(name)) = entries.next_key()? {
                    match &*name {
                        "type" => once(&name, &mut parts.kind, entries.next_value()?)?,
                        "id" => once(&name, &mut parts.id, entries.next_value()?)?,
                        "attributes" => once(&name, &mut parts.attributes, object(&name, &mut entries)?)?,
                        "relationships" => once(&name, &mut parts.relationships, object(&name, &mut entries)?)?,
                        _ => rest.push((name, entries.next_value()?)),
                    }
                }
                parts.rest = Members::sorted(rest)?;
                Ok(parts)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// The members of the value that comes next: none where it is null.
fn object<'de, A: MapAccess<'de>>(name: &str, entries: &mut A) -> Result<Members<'de>, A::Error> {
    let members: Result<Option<Members<'de>>, A::Error> = entries.next_value();
    members
        .map(Option::unwrap_or_default)
        .map_err(|error| de::Error::custom(format_args!("{name} is not a proper object: {error}")))
}

fn once<T, E: de::Error>(name: &str, place: &mut Option<T>, value: T) -> Result<(), E> {
    place.replace(value).map_or(Ok(()), |_| Err(twice(name)))
}

fn twice<E: de::Error>(name: &str) -> E {
    de::Error::custom(format_args!("the name {name:?} appears twice"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let error = serde_json::from_str::<Members<'_>>(r#"{"a":1,"\u0061":2}"#).unwrap_err();
        assert!(error.to_string().contains("\"a\" appears twice"), "{error}");
    }

    #[test]
    fn ids_that_would_address_something_else_are_refused() {
        for (id, possible) in
            [("60e3", true), ("a/b", true), ("%2e", true), (".", false), ("..", false), ("", false), ("a\n", false)]
        {
            assert_eq!(is_id(id), possible, "{id:?}");
        }
    }
}
