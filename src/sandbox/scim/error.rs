//! What is wrong with a request, in the form of RFC 7644 section 3.12.

use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde::Serialize;

use crate::sandbox::account::Refusal;
use crate::sandbox::answer::Answer;
use crate::sandbox::field::NAMES;
use crate::sandbox::problem::{Problem as ApiProblem, Source};

use super::schema::Schema;

pub(super) const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/scim+json");

/// Why a request is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) kind: Option<Kind>,
    pub(super) detail: String,
}

/// The values of `scimType` that this server gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    InvalidFilter,
    Uniqueness,
    Mutability,
    InvalidSyntax,
    InvalidPath,
    NoTarget,
    InvalidValue,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: detail.into() }
    }

    /// A 400 of this kind.
    pub(super) fn bad(kind: Kind, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: Some(kind), detail: detail.into() }
    }

    pub(super) fn value(detail: impl Into<String>) -> Self {
        Self::bad(Kind::InvalidValue, detail)
    }

    pub(super) fn syntax(detail: impl Into<String>) -> Self {
        Self::bad(Kind::InvalidSyntax, detail)
    }

    pub(super) fn no_user() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no user with this id")
    }

    /// A refusal of the account, with the names of this interface.
    pub(super) fn of(refusal: Refusal, schema: &Schema) -> Self {
        let problems = match refusal {
            Refusal::NotFound => return Self::no_user(),
            Refusal::Invalid(problems) => problems,
        };
        let details: Vec<String> = problems.iter().map(|problem| detail(problem, schema)).collect();
        let detail = details.join("; ");
        // It is a conflict only if other values would make the request right.
        if problems.iter().all(|problem| problem.code == "taken") {
            return Self { status: StatusCode::CONFLICT, kind: Some(Kind::Uniqueness), detail };
        }
        let kind = if problems.iter().any(|problem| problem.code == "read_only") {
            Kind::Mutability
        } else {
            Kind::InvalidValue
        };
        Self::bad(kind, detail)
    }

    pub(super) fn answer(&self, with_kind: bool) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            schemas: [&'a str; 1],
            status: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            scim_type: Option<Kind>,
            detail: &'a str,
        }
        let body = Body {
            schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
            status: self.status.as_str(),
            scim_type: self.kind.filter(|_| with_kind),
            detail: &self.detail,
        };
        Answer::with_body(self.status, MEDIA_TYPE, serde_json::to_vec(&body).unwrap_or_default())
    }
}

/// Says what is wrong with which attribute. The account's own rules name the attributes of `/v1`.
fn detail(problem: &ApiProblem, schema: &Schema) -> String {
    let ApiProblem { code: _, detail, source } = problem;
    let Source::Pointer(pointer) = source else { return detail.clone() };
    let name = pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
    let custom = pointer.starts_with("/data/attributes/custom_fields/");
    let shown = if custom {
        schema.custom_field_name(&name)
    } else {
        match name.as_str() {
            "primary_email" => Some("userName".to_owned()),
            "external_identifier" => Some("externalId".to_owned()),
            "manager" => Some("manager".to_owned()),
            "branch" => Some("division".to_owned()),
            _ => NAMES.iter().find(|(api, _)| *api == name).map(|(_, part)| format!("name.{part}")),
        }
    };
    let before = if custom { format!("custom_fields: {name:?}") } else { name };
    match (shown, detail.strip_prefix(&before)) {
        (Some(shown), Some(rest)) => format!("{shown}{rest}"),
        _ => detail.clone(),
    }
}
