//! JSON objects that are kept unchanged: finding a value by its path, replacing it, and listing all values.

use std::borrow::Cow;

use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::employee::normal_text;
use crate::scim::{AttributePath, Twice, attribute, properties};
use crate::strict_json::{Property, Text};

/// How deep objects may be nested. SCIM's own are two deep.
const MAX_DEPTH: usize = 64;

/// An object, split into its members.
pub(super) struct Object<'a>(pub(super) Vec<Property<'a>>);

/// A value with its path for messages.
pub(super) struct Leaf<'a> {
    pub(super) path: String,
    pub(super) value: &'a RawValue,
}

impl<'a> Object<'a> {
    pub(super) fn parse(raw: &'a RawValue) -> Result<Self, String> {
        properties(raw).map(Self).map_err(|problem| problem.to_string())
    }

    /// The value of an attribute; `None` if it is absent or null.
    pub(super) fn get(&self, name: &str) -> Result<Option<&'a RawValue>, String> {
        let value = attribute(&self.0, name).map_err(|Twice| format!("{name} appears twice"))?;
        Ok(value.filter(|value| value.get() != "null"))
    }

    /// The value at a path; `None` if it or its parent is absent or null.
    pub(super) fn find(&self, path: &AttributePath) -> Result<Option<&'a RawValue>, String> {
        let mut steps = path.steps();
        let Some(first) = steps.next() else { return Ok(None) };
        let mut found = self.get(first)?;
        for step in steps {
            let Some(raw) = found else { return Ok(None) };
            found = Self::parse(raw).map_err(|problem| format!("{path}: {problem}"))?.get(step)?;
        }
        Ok(found)
    }

    /// The text at a path, normalised; `None` if it is absent or empty. A number or a boolean is read as its literal.
    pub(super) fn text(&self, path: &AttributePath) -> Result<Option<Box<str>>, String> {
        let Some(raw) = self.find(path)? else { return Ok(None) };
        text(raw).map_err(|()| format!("{path} is not a text"))
    }
}

/// The text of a value, normalised; `None` if it is empty.
pub(super) fn text(raw: &RawValue) -> Result<Option<Box<str>>, ()> {
    let text: Cow<'_, str> = match raw.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Text<'_>>(raw.get()).map_err(|_| ())?.0,
        Some(b'{' | b'[') => return Err(()),
        _ => Cow::Borrowed(raw.get()),
    };
    Ok(Some(normal_text(&text)).filter(|text| !text.is_empty()).map(Into::into))
}

/// The object with a value set at the end of the steps. The value `None` writes null, which means "no value" (RFC 7643,
/// section 2.5).
pub(super) fn lay(
    object: Option<&RawValue>,
    steps: &[&str],
    value: Option<&RawValue>,
) -> Result<Box<RawValue>, String> {
    let Some((step, rest)) = steps.split_first() else {
        return value.map_or_else(|| raw(&()), |value| Ok(value.to_owned()));
    };
    let held = object.filter(|raw| raw.get() != "null").map(Object::parse).transpose()?.unwrap_or(Object(Vec::new()));
    let new = lay(held.get(step)?, rest, value)?;
    let Object(mut members) = held;
    match members.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(step)) {
        Some((_, old)) => *old = &new,
        None => members.push((Cow::Borrowed(*step), &new)),
    }
    raw(&Object(members))
}

/// All values of an object. Complex attributes and extensions are split into their values; a list is one value.
pub(super) fn leaves<'a>(object: &Object<'a>) -> Result<Vec<Leaf<'a>>, String> {
    let mut found = Vec::new();
    collect("", 1, object, &mut found)?;
    Ok(found)
}

fn collect<'a>(prefix: &str, depth: usize, object: &Object<'a>, found: &mut Vec<Leaf<'a>>) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("objects are nested more than {MAX_DEPTH} deep"));
    }
    // Only a member of the whole object can be an extension.
    let is_extension = depth == 2 && prefix.contains(':');
    for (name, value) in &object.0 {
        let path = match prefix {
            "" => name.to_string(),
            urn if is_extension => format!("{urn}:{name}"),
            attribute => format!("{attribute}.{name}"),
        };
        if value.get().starts_with('{') {
            collect(&path, depth + 1, &Object::parse(value)?, found)?;
        } else {
            found.push(Leaf { path, value });
        }
    }
    Ok(())
}

pub(super) fn raw(value: &impl Serialize) -> Result<Box<RawValue>, String> {
    serde_json::value::to_raw_value(value).map_err(|error| error.to_string())
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name.as_ref(), *value)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_paths_up_to_a_depth() {
        let paths = |json: &str| {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            let leaves = leaves(&Object::parse(raw)?)?;
            Ok::<_, String>(leaves.into_iter().map(|leaf| leaf.path).collect::<Vec<_>>())
        };
        let found = paths(r#"{"a":1,"name":{"x:y":{"z":2}},"urn:e":{"b":{"c":3}},"l":[{"d":4}]}"#);
        assert_eq!(found.unwrap(), ["a", "name.x:y.z", "urn:e:b.c", "l"]);
        let nested = |depth: usize| paths(&("{\"a\":".repeat(depth) + "1" + &"}".repeat(depth)));
        assert!(nested(MAX_DEPTH).is_ok());
        for depth in [MAX_DEPTH + 1, 20_000] {
            assert_eq!(nested(depth), Err("objects are nested more than 64 deep".to_owned()));
        }
    }
}
