//! One page of a list: `{"data":[…]}` `[known]`, where the list goes on, and how many rows it has `[assumed]`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Resources;
use super::json::{Members, identity};
use crate::config::{Name, Names};
use crate::http::is_error;
use crate::strict_json::{Pointer, Text, shown};

/// Where a page holds what it says about its list; see `[target.names]`.
#[derive(Debug, Clone)]
pub(in crate::provider::skovik) struct PagePlaces {
    next: Pointer,
    cursor: Pointer,
    total: Pointer,
}

impl PagePlaces {
    pub(in crate::provider::skovik) fn new(names: &Names) -> Self {
        let place = |name| names.pointer(name);
        Self { next: place(Name::Next), cursor: place(Name::NextCursor), total: place(Name::Total) }
    }
}

/// One page.
#[derive(Debug)]
pub(in crate::provider::skovik) struct Page<'a> {
    /// Its rows, exactly as they were sent.
    pub(in crate::provider::skovik) rows: Vec<&'a RawValue>,
    /// The address of the next one; it may be relative.
    pub(in crate::provider::skovik) next: Mark<'a>,
    /// The cursor of the next one.
    pub(in crate::provider::skovik) cursor: Mark<'a>,
    /// How many rows the whole list has, if the server says it.
    pub(in crate::provider::skovik) total: Option<u64>,
}

/// What a page says about the next one.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::provider::skovik) enum Mark<'a> {
    /// It says nothing of this kind.
    Untold,
    /// There is none.
    End,
    At(Cow<'a, str>),
}

impl<'a> Page<'a> {
    /// Takes a body apart.
    pub(in crate::provider::skovik) fn parse(body: &'a [u8], places: &PagePlaces) -> Result<Self, String> {
        let Document { rows, rest } =
            serde_json::from_slice(body).map_err(|error| format!("the answer is not a page of a list: {error}"))?;
        let no_page = |problem: String| format!("the answer is not a page of a list: {problem}");
        let meta = rest.object("meta").unwrap_or_default();
        if let Some((name, value)) = rest.iter().chain(meta.iter()).find(|(name, value)| is_error(name, value)) {
            return Err(format!("the answer has `{name}` beside its rows ({})", shown(value)));
        }
        let next = match find(&rest, &places.next).map_err(no_page)? {
            None => Mark::Untold,
            Some(found) => link(found, &places.next).map_err(no_page)?,
        };
        // An object with other members, such as the total, says nothing of a cursor by lacking one.
        let cursor = match find(&rest, &places.cursor).map_err(no_page)? {
            None | Some(None) => Mark::Untold,
            Some(found) => cursor(found, &places.cursor).map_err(no_page)?,
        };
        let total = match find(&rest, &places.total).map_err(no_page)?.flatten() {
            Some(raw) if raw.get() != "null" => {
                let number = raw.get().parse();
                Some(number.map_err(|_| no_page(format!("{} is not a number of rows: {}", places.total, shown(raw))))?)
            }
            _ => None,
        };
        Ok(Self { rows, next, cursor, total })
    }
}

/// The value at a place: `None` if the object around it is missing, `Some(None)` if that object lacks it.
fn find<'a>(members: &Members<'a>, place: &Pointer) -> Result<Option<Option<&'a RawValue>>, String> {
    let Some((last, way)) = place.steps().split_last() else { return Ok(None) };
    let Some((first, way)) = way.split_first() else {
        return Ok(Some(members.get(last)));
    };
    let object = |raw: Option<&'a RawValue>| -> Result<Option<Members<'a>>, String> {
        let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|error| error.to_string())
    };
    let mut here = object(members.get(first))?;
    for step in way {
        let Some(members) = here else { return Ok(None) };
        here = object(members.get(step))?;
    }
    Ok(here.map(|members| members.get(last)))
}

/// JSON:API allows two forms of a link, and a server may leave out one that leads nowhere.
fn link<'a>(raw: Option<&'a RawValue>, place: &Pointer) -> Result<Mark<'a>, String> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        href: Text<'a>,
    }
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(Mark::End) };
    let odd = |_| format!("{place} is not a URL");
    let Text(address) = if raw.get().starts_with('{') {
        serde_json::from_str::<Object<'a>>(raw.get()).map_err(odd)?.href
    } else {
        serde_json::from_str(raw.get()).map_err(odd)?
    };
    Ok(Mark::At(address))
}

/// A text, or a number by its literal.
fn cursor<'a>(raw: Option<&'a RawValue>, place: &Pointer) -> Result<Mark<'a>, String> {
    let Some(raw) = raw else { return Ok(Mark::Untold) };
    match raw.get().as_bytes().first() {
        Some(b'n' | b'f') => Ok(Mark::End),
        Some(b'"') => {
            let Text(cursor) = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
            Ok(if cursor.is_empty() { Mark::End } else { Mark::At(cursor) })
        }
        Some(b'0'..=b'9') => Ok(Mark::At(raw.get().into())),
        _ => Err(format!("{place} is not a cursor")),
    }
}

/// The rows of a page, and its other members.
struct Document<'a> {
    rows: Vec<&'a RawValue>,
    rest: Members<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Document<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Document<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let (mut rows, mut rest) = (None, Vec::new());
                while let Some(Text(name)) = entries.next_key()? {
                    if name != "data" {
                        rest.push((name, entries.next_value()?));
                    } else if rows.replace(entries.next_value()?).is_some() {
                        return Err(A::Error::custom("the name \"data\" appears twice"));
                    }
                }
                let rows = rows.ok_or_else(|| A::Error::missing_field("data"))?;
                Ok(Document { rows, rest: Members::sorted(rest)? })
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// The id of a row, once its type is right. Who reads all of a row refuses names that it has twice.
pub(in crate::provider::skovik) fn identify<'a>(
    row: &'a RawValue,
    of: Resources,
    names: &Names,
) -> Result<Cow<'a, str>, String> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<Text<'a>>,
        #[serde(borrow)]
        id: Option<Text<'a>>,
    }
    if let Some(id) = first_members(row.get(), of.kind(names)) {
        return identity(Some(of.kind(names)), Some(id.into()), of.kind(names));
    }
    let Head { kind, id } =
        serde_json::from_str(row.get()).map_err(|error| format!("a row is not a resource: {error}"))?;
    identity(kind.as_ref().map(|Text(kind)| kind.as_ref()), id.map(|Text(id)| id), of.kind(names))
}

/// The id of a row that begins with its type and its id, as most servers write it, without escapes in either.
fn first_members<'a>(row: &'a str, kind: &str) -> Option<&'a str> {
    let id = row.strip_prefix("{\"type\":\"")?.strip_prefix(kind)?.strip_prefix("\",\"id\":\"")?;
    let end = memchr::memchr2(b'"', b'\\', id.as_bytes())?;
    (id.as_bytes()[end] == b'"' && !kind.contains(['"', '\\'])).then(|| &id[..end])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn page(rest: &str) -> Result<(Mark<'static>, Mark<'static>, Option<u64>), String> {
        let body = format!(r#"{{"data":[]{rest}}}"#);
        let page = Page::parse(body.as_bytes(), &PagePlaces::new(&Names::default()))?;
        let owned = |mark: Mark<'_>| match mark {
            Mark::Untold => Mark::Untold,
            Mark::End => Mark::End,
            Mark::At(at) => Mark::At(at.into_owned().into()),
        };
        Ok((owned(page.next), owned(page.cursor), page.total))
    }

    #[test]
    fn what_follows_a_page() {
        let at = |at: &'static str| Mark::At(at.into());
        for (rest, next, cursor) in [
            ("", Mark::Untold, Mark::Untold),
            (r#","links":null"#, Mark::Untold, Mark::Untold),
            (r#","links":{}"#, Mark::End, Mark::Untold),
            (r#","links":{"next":null}"#, Mark::End, Mark::Untold),
            (r#","links":{"next":"/u?page=2"}"#, at("/u?page=2"), Mark::Untold),
            (r#","links":{"next":"\/u"}"#, at("/u"), Mark::Untold),
            (r#","links":{"next":{"href":"/u","meta":{}}}"#, at("/u"), Mark::Untold),
            (r#","meta":{"total":3}"#, Mark::Untold, Mark::Untold),
            (r#","meta":{"page":{}}"#, Mark::Untold, Mark::Untold),
            (r#","meta":{"errors":[]},"status":"ok","success":true"#, Mark::Untold, Mark::Untold),
            (r#","meta":{"page":{"after":null}}"#, Mark::Untold, Mark::End),
            (r#","meta":{"page":{"after":""}}"#, Mark::Untold, Mark::End),
            (r#","meta":{"page":{"after":"c1"}}"#, Mark::Untold, at("c1")),
            (r#","meta":{"page":{"after":17}}"#, Mark::Untold, at("17")),
        ] {
            let (found, found_cursor, _) = page(rest).unwrap();
            assert_eq!((found, found_cursor), (next, cursor), "{rest}");
        }
        assert_eq!(page(r#","meta":{"total":3}"#).unwrap().2, Some(3));
        assert_eq!(page(r#","meta":{"total":null}"#).unwrap().2, None);
    }

    #[test]
    fn anything_else_is_no_page() {
        for rest in [
            r#","meta":{"total":"3"}"#,
            r#","meta":{"total":-1}"#,
            r#","meta":{"total":1.5}"#,
            r#","links":{"next":7}"#,
            r#","links":[]"#,
            r#","meta":{"page":{"after":{}}}"#,
            r#","meta":{"total":1,"total":2}"#,
            r#","meta":{},"meta":{}"#,
            r#","data":[]"#,
            r#","success":false"#,
            r#","status":"error""#,
            r#","status":500"#,
            r#","Errors":[{"code":7}]"#,
            r#","meta":{"errors":["half of it"]}"#,
        ] {
            assert!(page(rest).is_err(), "{rest}");
        }
        for body in ["{}", "[]", r#"{"data":{}}"#] {
            assert!(Page::parse(body.as_bytes(), &PagePlaces::new(&Names::default())).is_err(), "{body}");
        }
    }

    #[test]
    fn a_row_needs_an_id_and_the_right_type() {
        let names = Names::default();
        for (row, expected) in [
            (r#"{"type":"users","id":"a"}"#, Ok("a")),
            (r#"{"type":"users","id":""}"#, Err("a row has no id")),
            (r#"{"type":"users"}"#, Err("a row has no id")),
            (r#"{"type":"branches","id":"a"}"#, Err(r#"the row "a" has the type "branches" instead of "users""#)),
            (r#"{"id":"a"}"#, Err(r#"the row "a" has no type"#)),
            (r#"{"type":"users","id":".."}"#, Err(r#"".." is not a possible id"#)),
            (r#"{"type":"users","id":"a\u0062"}"#, Ok("ab")),
            (r#"{"type":"users","id":"a","attributes":{"id":"b"}}"#, Ok("a")),
            (r#"{ "id" : "a", "type" : "users" }"#, Ok("a")),
            (
                r#"{"type":"users\",\"id\":\"x","id":"a"}"#,
                Err(r#"the row "a" has the type "users\",\"id\":\"x" instead of "users""#),
            ),
        ] {
            let raw: &RawValue = serde_json::from_str(row).unwrap();
            assert_eq!(identify(raw, Resources::Users, &names).as_deref().map_err(String::as_str), expected, "{row}");
        }
        let number: &RawValue = serde_json::from_str(r#"{"type":"users","id":7}"#).unwrap();
        assert!(identify(number, Resources::Users, &names).is_err());
    }
}
