//! Names of attributes as RFC 7644 writes them: `name.givenName`, or with the URN of an extension before the name.

use serde_json::{Map, Value};

use super::schema::{Attribute, CORE, Namespace, Schema, find};

/// A user as an object of SCIM, or a part of one. Every name is written as the schema writes it.
pub(super) type Tree = Map<String, Value>;

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'s> {
    /// All attributes of an extension.
    Extension(&'s Namespace),
    /// An attribute, or a part of one.
    Attribute {
        /// The extension that it belongs to, unless it is one of the user itself.
        urn: Option<&'static str>,
        attribute: &'s Attribute,
        part: Option<&'s Attribute>,
    },
}

impl<'s> Path<'s> {
    /// Reads a path. The error says why it leads nowhere.
    pub(super) fn parse(schema: &'s Schema, text: &str) -> Result<Self, String> {
        let (namespace, rest) = split(schema, text);
        let Some(namespace) = namespace else {
            if text.contains(':') {
                return Err(format!("{text:?} names no schema of this server; see /Schemas"));
            }
            return Self::within(None, rest, |name| schema.bare(name)).ok_or_else(|| format!("there is no {text:?}"));
        };
        if rest.is_empty() {
            return Ok(Self::Extension(namespace));
        }
        let urn = (namespace.urn != CORE).then_some(namespace.urn);
        Self::within(urn, rest, |name| find(&namespace.attributes, name))
            .ok_or_else(|| format!("{} has no {rest:?}", namespace.urn))
    }

    /// A part of a complex attribute, as a filter in brackets names it.
    pub(super) fn part_of(attribute: &'s Attribute, name: &str) -> Result<Self, String> {
        let part = find(&attribute.parts, name).ok_or_else(|| format!("{} has no {name:?}", attribute.name))?;
        Ok(Self::Attribute { urn: None, attribute: part, part: None })
    }

    fn within(
        urn: Option<&'static str>,
        text: &str,
        find_attribute: impl FnOnce(&str) -> Option<&'s Attribute>,
    ) -> Option<Self> {
        let (name, part) = text.split_once('.').map_or((text, None), |(name, part)| (name, Some(part)));
        let attribute = find_attribute(name)?;
        let part = match part {
            None => None,
            Some(part) => Some(find(&attribute.parts, part)?),
        };
        Some(Self::Attribute { urn, attribute, part })
    }

    /// The attribute that holds the value itself; none if the path leads to a whole extension.
    pub(super) fn leaf(self) -> Option<&'s Attribute> {
        match self {
            Self::Extension(_) => None,
            Self::Attribute { attribute, part, .. } => Some(part.unwrap_or(attribute)),
        }
    }

    pub(super) fn get(self, tree: &Tree) -> Option<&Value> {
        match self {
            Self::Extension(namespace) => tree.get(namespace.urn),
            Self::Attribute { urn, attribute, part } => {
                let tree = match urn {
                    None => tree,
                    Some(urn) => tree.get(urn)?.as_object()?,
                };
                let value = tree.get(&attribute.name)?;
                part.map_or(Some(value), |part| value.get(&part.name))
            }
        }
    }

    /// Sets the value, or removes it. An object that is left without members is removed too.
    pub(super) fn set(self, tree: &mut Tree, value: Option<Value>) {
        match self {
            Self::Extension(namespace) => put(tree, namespace.urn, value),
            Self::Attribute { urn, attribute, part } => {
                let set = |tree: &mut Tree| match part {
                    None => put(tree, &attribute.name, value),
                    Some(part) => inside(tree, &attribute.name, |parts| put(parts, &part.name, value)),
                };
                match urn {
                    None => set(tree),
                    Some(urn) => inside(tree, urn, set),
                }
            }
        }
    }
}

/// Splits a URN that this server knows off a path. The URN itself has dots and colons.
fn split<'s, 't>(schema: &'s Schema, text: &'t str) -> (Option<&'s Namespace>, &'t str) {
    let found = schema.namespaces.iter().find_map(|namespace| {
        let (urn, rest) = text.split_at_checked(namespace.urn.len())?;
        let rest = if rest.is_empty() { rest } else { rest.strip_prefix(':').filter(|rest| !rest.is_empty())? };
        urn.eq_ignore_ascii_case(namespace.urn).then_some((namespace, rest))
    });
    found.map_or((None, text), |(namespace, rest)| (Some(namespace), rest))
}

fn put(tree: &mut Tree, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(tree.insert(name.to_owned(), value)),
        None => drop(tree.remove(name)),
    }
}

/// Lets `change` work on the object of this name, which is made if it is missing.
fn inside(tree: &mut Tree, name: &str, change: impl FnOnce(&mut Tree)) {
    let mut object = match tree.remove(name) {
        Some(Value::Object(object)) => object,
        _ => Tree::new(),
    };
    change(&mut object);
    if !object.is_empty() {
        tree.insert(name.to_owned(), object.into());
    }
}
