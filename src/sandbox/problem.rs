//! What is wrong with a request, as a JSON:API error object tells it.

use crate::strict_json::escaped_step;
use hyper::StatusCode;
use serde::Serialize;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// For machines.
    pub(super) code: &'static str,
    /// For people.
    pub(super) detail: String,
    /// Where it is.
    pub(super) source: Source,
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Nowhere,
    /// A JSON pointer into the body.
    Pointer(String),
    /// A parameter of the query.
    Parameter(String),
}

impl Problem {
    pub(super) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), source: Source::Nowhere }
    }

    /// A problem of the resource that was sent; `pointer` is what follows `/data`.
    pub(super) fn at(code: &'static str, detail: impl Into<String>, pointer: &str) -> Self {
        Self { code, detail: detail.into(), source: Source::Pointer(format!("/data{pointer}")) }
    }

    /// A problem of an attribute.
    pub(super) fn attribute(name: &str, code: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::at(code, format!("{name} {detail}"), &format!("/attributes/{name}"))
    }

    /// A problem of a relationship.
    pub(super) fn relationship(name: &str, code: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::at(code, format!("{name} {detail}"), &format!("/relationships/{name}"))
    }

    /// A problem of an entry of an attribute that is an object.
    pub(super) fn entry(name: &str, key: &str, code: &'static str, detail: impl std::fmt::Display) -> Self {
        let escaped = escaped_step(key);
        Self::at(code, format!("{name}: {key:?} {detail}"), &format!("/attributes/{name}/{escaped}"))
    }
}

/// The body of an answer that tells these problems.
pub(super) fn body(status: StatusCode, problems: &[Problem]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        errors: Vec<Error<'a>>,
    }
    #[derive(Serialize)]
    struct Error<'a> {
        status: &'a str,
        code: &'a str,
        title: &'a str,
        detail: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<Place<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Place<'a> {
        Pointer(&'a str),
        Parameter(&'a str),
    }
    let errors = problems.iter().map(|Problem { code, detail, source }| Error {
        status: status.as_str(),
        code,
        title: status.canonical_reason().unwrap_or("Error"),
        detail,
        source: match source {
            Source::Nowhere => None,
            Source::Pointer(pointer) => Some(Place::Pointer(pointer)),
            Source::Parameter(parameter) => Some(Place::Parameter(parameter)),
        },
    });
    serde_json::to_vec(&Document { errors: errors.collect() }).unwrap_or_default()
}
