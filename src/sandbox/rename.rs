//! The API under other names: requests are translated into the sandbox's own names, answers back. It tests that
//! settings alone are enough to work with a Skovik that uses other names than we guessed.

use std::borrow::Cow;

use hyper::Uri;
use hyper::body::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use url::Url;

use super::answer::Answer;
use super::call::Call;
use super::json::{Object, Resource, raw, text_of};
use crate::config::{Name, Names};

/// Replaces a segment of a path that is the sandbox's own name, but not a name of the other set.
const NOWHERE: &str = "-";
const PATHS: [Name; 4] = [Name::OptionsPath, Name::CustomFieldsPath, Name::BranchesPath, Name::UsersPath];
const PARAMETERS: [Name; 3] = [Name::PageNumber, Name::PageSize, Name::PageAfter];
const TYPES: [Name; 4] = [Name::UsersType, Name::BranchesType, Name::CustomFieldsType, Name::OptionsType];
const ATTRIBUTES: [Name; 9] = [
    Name::FirstName,
    Name::LastName,
    Name::Roles,
    Name::CustomFields,
    Name::DefinitionName,
    Name::FieldType,
    Name::Options,
    Name::OptionLabel,
    Name::OptionValue,
];
const RELATIONSHIPS: [Name; 3] = [Name::Manager, Name::Branch, Name::OptionField];
const FIELD_TYPES: [Name; 3] = [Name::TypeText, Name::TypeMultipleChoice, Name::TypeBoolean];

/// Two sets of names, and the translation between them.
#[derive(Debug)]
pub(super) struct Renaming {
    /// The prefix of all paths.
    base: &'static str,
    own: Names,
    other: Names,
}

/// From which names to which.
#[derive(Clone, Copy)]
struct Way<'a> {
    base: &'static str,
    from: &'a Names,
    to: &'a Names,
}

impl Renaming {
    /// To these names; `None` if they are the sandbox's own.
    pub(super) fn new(base: &'static str, names: Names) -> Option<Self> {
        let own = Names::default();
        (names != own).then_some(Self { base, own, other: names })
    }

    /// The request in the sandbox's own names.
    pub(super) fn incoming(&self, call: &Call) -> Call {
        let way = Way { base: self.base, from: &self.other, to: &self.own };
        let mut parts = call.parts.clone();
        let query = parts.uri.query().map(|query| format!("?{}", way.query(query))).unwrap_or_default();
        if let Ok(uri) = format!("{}{query}", way.path(parts.uri.path())).parse::<Uri>() {
            parts.uri = uri;
        }
        let body = serde_json::from_slice::<Object>(&call.body).ok().map(|mut document| {
            way.data(&mut document);
            document.to_raw().get().as_bytes().to_vec()
        });
        Call { parts, body: body.unwrap_or_else(|| call.body.clone()) }
    }

    /// An answer in the other names.
    pub(super) fn outgoing(&self, answer: Answer) -> Answer {
        let way = Way { base: self.base, from: &self.own, to: &self.other };
        let Ok(mut document) = serde_json::from_slice::<Object>(&answer.body) else { return answer };
        way.data(&mut document);
        way.links(&mut document);
        Answer { body: Bytes::from(document.to_raw().get().to_owned()), ..answer }
    }
}

impl Way<'_> {
    /// The other side's name for one of these. A name that only the other side uses is swapped with it, and so becomes
    /// an unknown one.
    fn name(self, of: &[Name], name: &str) -> Option<String> {
        let found = |names: &Names| of.iter().copied().find(|known| names.get(*known) == name);
        match (found(self.from), found(self.to)) {
            (Some(known), _) => Some(self.to.get(known).to_owned()),
            (None, Some(known)) => Some(self.from.get(known).to_owned()),
            (None, None) => None,
        }
    }

    fn path(self, path: &str) -> String {
        let base = self.base;
        let Some(below) = path.strip_prefix(base).and_then(|below| below.strip_prefix('/')) else {
            return path.to_owned();
        };
        let rest = |names: &Names, name: Name| {
            let rest = below.strip_prefix(names.get(name))?;
            (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
        };
        let known = PATHS.into_iter().find_map(|name| Some((name, rest(self.from, name)?)));
        match known {
            Some((name, rest)) => format!("{base}/{}{rest}", self.to.get(name)),
            None if PATHS.into_iter().any(|name| rest(self.to, name).is_some()) => format!("{base}/{NOWHERE}"),
            None => path.to_owned(),
        }
    }

    fn query(self, query: &str) -> String {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let renamed = pairs.map(|(name, value)| (self.name(&PARAMETERS, &name).map_or(name, Cow::Owned), value));
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(renamed).finish()
    }

    /// Renames everything within `data`.
    fn data(self, document: &mut Object) {
        let Some(data) = document.get("data") else { return };
        let renamed = match serde_json::from_str::<Vec<&RawValue>>(data.get()) {
            Ok(rows) => raw(&rows.into_iter().map(|row| self.resource(row)).collect::<Vec<_>>()),
            Err(_) => self.resource(data),
        };
        document.set("data", renamed);
    }

    fn resource(self, resource: &RawValue) -> Box<RawValue> {
        let Ok(mut resource) = Resource::parse(resource.get()) else { return resource.to_owned() };
        resource.attributes = self.members(&ATTRIBUTES, &resource.attributes);
        resource.relationships = self.members(&RELATIONSHIPS, &resource.relationships);
        let mut relationships = Object::default();
        for (name, value) in resource.relationships.iter() {
            relationships.set(name, self.relationship(value));
        }
        resource.relationships = relationships;
        if let Some(kind) = self.name(&TYPES, &resource.kind) {
            resource.kind = kind;
        }
        RawValue::from_string(resource.write().into()).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }

    fn members(self, of: &[Name], members: &Object) -> Object {
        let mut renamed = Object::default();
        for (name, value) in members.iter() {
            let new = self.name(of, name);
            let value = match () {
                () if name == self.from.get(Name::FieldType) => {
                    let kind = text_of(value).and_then(|kind| self.name(&FIELD_TYPES, &kind));
                    kind.map_or_else(|| value.to_owned(), |kind| raw(&kind))
                }
                () if name == self.from.get(Name::Options) => {
                    let options: Vec<Object> = serde_json::from_str(value.get()).unwrap_or_default();
                    raw(&options.iter().map(|option| self.members(of, option)).collect::<Vec<_>>())
                }
                () => value.to_owned(),
            };
            renamed.set(new.as_deref().unwrap_or(name), value);
        }
        renamed
    }

    fn relationship(self, value: &RawValue) -> Box<RawValue> {
        let Ok(mut relationship) = Object::parse(value.get()) else { return value.to_owned() };
        let data = relationship.get("data").and_then(|data| Object::parse(data.get()).ok());
        if let Some(mut data) = data {
            if let Some(kind) = data.get("type").and_then(text_of).and_then(|kind| self.name(&TYPES, &kind)) {
                data.set("type", raw(&kind));
            }
            relationship.set("data", data.to_raw());
        }
        relationship.to_raw()
    }

    /// Moves what an answer says of its list to the other places.
    fn links(self, document: &mut Object) {
        let links = document.remove("links").and_then(|links| Object::parse(links.get()).ok());
        let meta = document.remove("meta").and_then(|meta| serde_json::from_str::<Value>(meta.get()).ok());
        let mut rest = Map::new();
        if let Some(next) = links.and_then(|links| Some(links.get("next")?.to_owned())) {
            let next = text_of(&next).map_or(Value::Null, |next| json!(self.url(&next)));
            place(&mut rest, self.to.pointer(Name::Next).steps(), next);
        }
        let meta = meta.unwrap_or_default();
        for name in [Name::Total, Name::NextCursor] {
            if let Some(value) = meta.pointer(self.from.get(name).trim_start_matches("/meta")) {
                place(&mut rest, self.to.pointer(name).steps(), value.clone());
            }
        }
        for (name, value) in rest {
            document.set(&name, raw(&value));
        }
    }

    fn url(self, next: &str) -> String {
        let Ok(mut url) = Url::parse(next) else { return next.to_owned() };
        let path = self.path(url.path());
        url.set_path(&path);
        if let Some(query) = url.query().map(|query| self.query(query)) {
            url.set_query(Some(&query));
        }
        url.into()
    }
}

/// Puts a value at the end of these steps.
fn place(members: &mut Map<String, Value>, steps: &[String], value: Value) {
    match steps {
        [] => {}
        [last] => drop(members.insert(last.clone(), value)),
        [first, rest @ ..] => {
            let inner = members.entry(first.clone()).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                place(inner, rest, value);
            }
        }
    }
}
