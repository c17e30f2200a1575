//! The place of a value in a request, and of the total in an answer.

use reqwest::header::{HeaderMap, HeaderName};
use serde_json::Value;
use serde_json::value::RawValue;
use url::{Url, form_urlencoded};

use super::server::Call;
use crate::setting::ConfigError;
use crate::setting::section::Section;
use crate::strict_json::{Pointer, shown};
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

    /// The same request with this value at the place.
    pub(super) fn put(&self, value: &Value, call: &Call) -> Result<Call, String> {
        let mut call = call.clone();
        match self {
            Self::Parameter(name) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                set_parameter(&mut call.url, name, &text);
            }
            Self::Field(pointer) => {
                let mut body: Value = serde_json::from_str(call.body.as_deref().unwrap_or("{}"))
                    .map_err(|error| format!("is not JSON: {error}"))?;
                let mut here = &mut body;
                for step in pointer.steps() {
                    let lacking = || format!("has neither an object nor a list into which {pointer} could be written");
                    here = match here {
                        Value::Object(object) => object.entry(step.clone()).or_insert_with(|| serde_json::json!({})),
                        // The meaning of an element depends on those before it, so none is added.
                        Value::Array(list) => {
                            let length = list.len();
                            index(step).and_then(|index| list.get_mut(index)).ok_or_else(|| {
                                format!("has a list of {length} on the way to {pointer}, without a place {step:?}")
                            })?
                        }
                        _ => return Err(lacking()),
                    };
                }
                *here = value.clone();
                call.body = Some(body.to_string());
            }
        }
        Ok(call)
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
        ] {
            assert_eq!(place.put(&"x".into(), &call(body)).unwrap().body.as_deref(), Some(expected));
        }
        for body in [r#"{"page":[]}"#, r#"{"page":7}"#, "[]", "7"] {
            assert!(place.put(&"x".into(), &call(body)).is_err(), "{body}");
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
            let put = Place::Field(Pointer::parse(place).unwrap()).put(&7.into(), &call(rpc));
            assert_eq!(put.ok().and_then(|call| call.body).as_deref(), expected, "{place}");
        }
    }
}
