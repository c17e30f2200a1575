//! The place of a value in a request, and of the total in an answer.

use std::borrow::Cow;

use reqwest::header::{HeaderMap, HeaderName};
use serde_json::Value;
use serde_json::value::RawValue;
use url::{Url, form_urlencoded};

use super::server::Call;
use crate::setting::ConfigError;
use crate::setting::section::Section;
use crate::strict_json::{Pointer, Properties, shown};
use crate::text::shortened_line;

/// The place of a value in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A parameter of the query.
    Parameter(String),
    /// A place in the body.
    Field(Pointer),
}

/// The place of the total in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Total {
    Body(Pointer),
    Header(HeaderName),
}

impl Place {
    pub(super) fn from_section(section: &Section<'_>, has_body: bool) -> Result<Self, ConfigError> {
        let field = section.pointer("field")?;
        match (section.text("parameter")?, field) {
            (Some(name), None) => Ok(Self::Parameter(name.to_owned())),
            (None, Some(pointer)) if pointer.steps().is_empty() => {
                Err(section.problem("field", "must name a property of the body, such as \"/cursor\""))
            }
            (None, Some(_)) if !has_body => Err(section.problem("field", "needs a `body`, into which it is written")),
            (None, Some(pointer)) => Ok(Self::Field(pointer)),
            (Some(_), Some(_)) => Err(section.problem("field", "is set together with `parameter`; it is either")),
            (None, None) => Err(section.missing(
                "parameter",
                "the parameter of the query that asks for a page (or `field`, a place in the body)",
            )),
        }
    }

    /// The same request with this value, as JSON, at the place. What was written stays as it was written: a number may have
    /// more digits than any number of this program.
    pub(super) fn put(&self, value: &str, call: &Call) -> Result<Call, String> {
        let mut call = call.clone();
        match self {
            Self::Parameter(name) => {
                let text = if value.starts_with('"') {
                    serde_json::from_str(value).map_err(|error| format!("a text in it cannot be read: {error}"))?
                } else {
                    Cow::Borrowed(value)
                };
                set_parameter(&mut call.url, name, &text);
            }
            Self::Field(pointer) => {
                let body = call.body.as_deref().unwrap_or("{}");
                call.body = Some(with(body, pointer.steps(), value, pointer)?);
            }
        }
        Ok(call)
    }
}

/// This JSON with the value at a place. `steps` are those of the pointer that are left.
fn with(here: &str, steps: &[String], value: &str, pointer: &Pointer) -> Result<String, String> {
    let wrong = |error: serde_json::Error| format!("is not JSON: {error}");
    let Some((step, deeper)) = steps.split_first() else { return Ok(value.to_owned()) };
    match here.trim_start().as_bytes().first() {
        Some(b'{') => {
            let Properties(members) = serde_json::from_str(here).map_err(wrong)?;
            let before = members.iter().filter(|(name, _)| name == step).count();
            if before > 1 {
                return Err(format!("has the property {step:?} twice on the way to {pointer}"));
            }
            let mut written = Vec::with_capacity(members.len() + 1);
            for (name, member) in &members {
                let member = if name == step {
                    Cow::Owned(with(member.get(), deeper, value, pointer)?)
                } else {
                    Cow::Borrowed(member.get())
                };
                written.push(format!("{}:{member}", Value::from(&**name)));
            }
            if before == 0 {
                written.push(format!("{}:{}", Value::from(&**step), with("{}", deeper, value, pointer)?));
            }
            Ok(format!("{{{}}}", written.join(",")))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(here).map_err(wrong)?;
            let mut items: Vec<Cow<'_, str>> = items.into_iter().map(|item| Cow::Borrowed(item.get())).collect();
            let length = items.len();
            // The meaning of an element depends on those before it, so none is added.
            let item = index(step)
                .and_then(|index| items.get_mut(index))
                .ok_or_else(|| format!("has a list of {length} on the way to {pointer}, without a place {step:?}"))?;
            *item = Cow::Owned(with(item, deeper, value, pointer)?);
            Ok(format!("[{}]", items.join(",")))
        }
        _ => Err(format!("has neither an object nor a list into which {pointer} could be written")),
    }
}

/// An index by RFC 6901: without leading zeros.
fn index(step: &str) -> Option<usize> {
    step.parse().ok().filter(|index: &usize| index.to_string() == step)
}

/// Sets one parameter. The others stay exactly as they are: only the server knows what `+`, `%E4` or a name without `=`
/// means.
fn set_parameter(url: &mut Url, name: &str, value: &str) {
    let is_other = |part: &&str| form_urlencoded::parse(part.as_bytes()).next().is_none_or(|(other, _)| other != name);
    let query = url.query().filter(|query| !query.is_empty());
    let mut parts: Vec<&str> = query.into_iter().flat_map(|query| query.split('&')).filter(is_other).collect();
    let ours = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    parts.push(&ours);
    let query = parts.join("&");
    url.set_query(Some(&query));
}

impl Total {
    pub(super) fn from_section(section: &Section<'_>) -> Result<Option<Self>, ConfigError> {
        let body = section.pointer("total")?;
        let Some(header) = section.text("total_header")? else { return Ok(body.map(Self::Body)) };
        if body.is_some() {
            return Err(
                section.problem("total_header", "is set together with `total`; the server says it in one place")
            );
        }
        let header = HeaderName::from_bytes(header.trim().as_bytes());
        header
            .map(|name| Some(Self::Header(name)))
            .map_err(|_| section.problem("total_header", "is not the name of an HTTP header"))
    }

    /// The total in an answer.
    pub(super) fn read(&self, document: &RawValue, headers: &HeaderMap) -> Result<Option<u64>, String> {
        let text = match self {
            Self::Body(pointer) => {
                let Some(raw) = pointer.find(document)?.filter(|raw| raw.get() != "null") else { return Ok(None) };
                let number = raw.get().trim_matches('"').parse().map(Some);
                return number.map_err(|_| format!("{self} is {}, which is not a number of records", shown(raw)));
            }
            Self::Header(name) => {
                // A header that comes twice is a list.
                let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
                values.map(|value| value.trim().to_owned()).reduce(|all, value| format!("{all}, {value}"))
            }
        };
        let Some(text) = text.filter(|text| text != "null") else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| format!("{self} is {:?}, which is not a number of records", shortened_line(&text, 40)))
    }
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Body(pointer) => write!(f, "the total at {pointer}"),
            Self::Header(name) => write!(f, "the total in the header {name}"),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_added_or_gives_way() {
        for (url, expected) in [
            ("https://x.example/a", "https://x.example/a?page=2"),
            ("https://x.example/a?$select=id,b&x=%20", "https://x.example/a?$select=id,b&x=%20&page=2"),
            ("https://x.example/a?page=1&b=c+d", "https://x.example/a?b=c+d&page=2"),
            (
                "https://x.example/a?ort=Malm%F6%20V&p%61ge=1&active&$select=a,b&page&x=%26page=1",
                "https://x.example/a?ort=Malm%F6%20V&active&$select=a,b&x=%26page=1&page=2",
            ),
            ("https://x.example/a?", "https://x.example/a?page=2"),
            ("https://x.example/a?page=1", "https://x.example/a?page=2"),
            ("https://x.example/a?b&&c&", "https://x.example/a?b&&c&&page=2"),
        ] {
            let mut url = Url::parse(url).unwrap();
            set_parameter(&mut url, "page", "2");
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn a_field_is_written_into_the_body() {
        let call = |body: &str| Call { url: Url::parse("https://x.example").unwrap(), body: Some(body.to_owned()) };
        let place = Place::Field(Pointer::parse("/page/after").unwrap());
        for (body, expected) in [
            (r#"{"a":1}"#, r#"{"a":1,"page":{"after":"x"}}"#),
            (r#"{"page":{"after":1,"size":2}}"#, r#"{"page":{"after":"x","size":2}}"#),
            (
                r#"{"tenant": 12345678901234567890123, "page": {"x": 1e2, "y\u00e4": "\ud800"}, "c": [1.0, {"c": 0.10}]}"#,
                r#"{"tenant":12345678901234567890123,"page":{"x":1e2,"yä":"\ud800","after":"x"},"c":[1.0, {"c": 0.10}]}"#,
            ),
            (r#"{"x":1,"x":2}"#, r#"{"x":1,"x":2,"page":{"after":"x"}}"#),
        ] {
            assert_eq!(place.put("\"x\"", &call(body)).unwrap().body.as_deref(), Some(expected));
        }
        for body in [r#"{"page":[]}"#, r#"{"page":7}"#, "[]", "7", r#"{"page":{},"page":{}}"#] {
            assert!(place.put("\"x\"", &call(body)).is_err(), "{body}");
        }
        for number in ["1764438600.5000000523", "36893488147419103233", "1e999", "-0.10"] {
            let body = place.put(number, &call("{}")).unwrap().body.unwrap();
            assert_eq!(body, format!("{{\"page\":{{\"after\":{number}}}}}"));
            let url = Place::Parameter("after".to_owned()).put(number, &call("{}")).unwrap().url;
            assert_eq!(url.query(), Some(&*format!("after={number}")));
        }
        // In JSON-RPC the parameters are a list.
        let rpc = r#"{"method":"people","params":["key",{"from":0},9]}"#;
        for (place, expected) in [
            ("/params/1/from", Some(r#"{"method":"people","params":["key",{"from":7},9]}"#)),
            ("/params/2", Some(r#"{"method":"people","params":["key",{"from":0},7]}"#)),
            ("/params/3", None),
            ("/params/02", None),
            ("/params/-", None),
            ("/params/from", None),
            ("/params/0/from", None),
        ] {
            let put = Place::Field(Pointer::parse(place).unwrap()).put("7", &call(rpc));
            assert_eq!(put.ok().and_then(|call| call.body).as_deref(), expected, "{place}");
        }
    }
}
