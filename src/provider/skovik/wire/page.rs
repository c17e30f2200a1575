//! One page of a list: `{"data":[…],"links":{"next":…},"meta":{"total":N}}` `[assumed]`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{Text, identity};
use crate::provider::Collection;

/// One page.
#[derive(Debug)]
pub(in crate::provider::skovik) struct Page<'a> {
    /// Its rows, exactly as they were sent.
    pub(in crate::provider::skovik) rows: Vec<&'a RawValue>,
    /// What follows it.
    pub(in crate::provider::skovik) next: Next<'a>,
    /// How many rows the whole list has, where the server tells.
    pub(in crate::provider::skovik) total: Option<u64>,
}

/// What a page says about the next one.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::provider::skovik) enum Next<'a> {
    /// It has no `links`: pages are counted until an empty one.
    Untold,
    /// It has `links`, and they name none.
    End,
    /// The address as it was sent; it may be relative.
    At(Cow<'a, str>),
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(borrow)]
    links: Option<Links<'a>>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Links<'a> {
    #[serde(borrow)]
    next: Option<Link<'a>>,
}

/// JSON:API allows both forms of a link.
#[derive(Deserialize)]
#[serde(untagged)]
enum Link<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Object {
        #[serde(borrow)]
        href: Cow<'a, str>,
    },
}

#[derive(Deserialize)]
struct Meta {
    total: Option<u64>,
}

impl<'a> Page<'a> {
    /// Takes a body apart.
    pub(in crate::provider::skovik) fn parse(body: &'a [u8]) -> Result<Self, String> {
        let document: Document<'a> =
            serde_json::from_slice(body).map_err(|error| format!("the answer is no page of a list: {error}"))?;
        let next = match document.links {
            None => Next::Untold,
            Some(Links { next: None }) => Next::End,
            Some(Links { next: Some(Link::Text(next) | Link::Object { href: next }) }) => Next::At(next),
        };
        Ok(Self { rows: document.data, next, total: document.meta.and_then(|meta| meta.total) })
    }
}

/// The id of a row, once its type is right.
pub(in crate::provider::skovik) fn identify(row: &RawValue, collection: Collection) -> Result<Cow<'_, str>, String> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<Text<'a>>,
        #[serde(borrow)]
        id: Option<Text<'a>>,
    }
    let Head { kind, id } =
        serde_json::from_str(row.get()).map_err(|error| format!("a row is no resource: {error}"))?;
    identity(kind.as_ref().map(|Text(kind)| kind.as_ref()), id.map(|Text(id)| id), collection)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_page() {
        for (links, expected) in [
            ("", Next::Untold),
            (r#","links":null"#, Next::Untold),
            (r#","links":{}"#, Next::End),
            (r#","links":{"next":null}"#, Next::End),
            (r#","links":{"next":"/u?page=2"}"#, Next::At("/u?page=2".into())),
            (r#","links":{"next":"\/u"}"#, Next::At("/u".into())),
            (r#","links":{"next":{"href":"/u","meta":{}}}"#, Next::At("/u".into())),
        ] {
            let body = format!(r#"{{"data":[]{links}}}"#);
            assert_eq!(Page::parse(body.as_bytes()).unwrap().next, expected, "{links}");
        }
    }

    #[test]
    fn anything_else_is_no_page() {
        for body in [
            "{}",
            "[]",
            r#"{"data":{}}"#,
            r#"{"data":[],"meta":{"total":"3"}}"#,
            r#"{"data":[],"meta":{"total":-1}}"#,
            r#"{"data":[],"links":{"next":7}}"#,
            r#"{"data":[],"data":[]}"#,
        ] {
            assert!(Page::parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_row_needs_an_id_and_the_right_type() {
        for (row, expected) in [
            (r#"{"type":"users","id":"a"}"#, Ok("a")),
            (r#"{"type":"users","id":""}"#, Err("a row has no id")),
            (r#"{"type":"users"}"#, Err("a row has no id")),
            (r#"{"type":"branches","id":"a"}"#, Err(r#"the row "a" has the type "branches" instead of "users""#)),
            (r#"{"id":"a"}"#, Err(r#"the row "a" has no type"#)),
            (r#"{"type":"users","id":".."}"#, Err(r#"".." is no possible id"#)),
        ] {
            let raw: &RawValue = serde_json::from_str(row).unwrap();
            assert_eq!(identify(raw, Collection::Users).as_deref().map_err(String::as_str), expected, "{row}");
        }
        let number: &RawValue = serde_json::from_str(r#"{"type":"users","id":7}"#).unwrap();
        assert!(identify(number, Collection::Users).is_err());
    }
}
