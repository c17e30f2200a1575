//! An answer before it is sent.

use std::time::{Duration, SystemTime};

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};

use super::account::Refusal;
use super::call::Denied;
use super::fault::{FaultBody, Retry};
use super::problem::{self, Problem};

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

const JSON_API: HeaderValue = HeaderValue::from_static("application/vnd.api+json");

impl Answer {
    /// An answer without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// A whole JSON:API document.
    pub(super) fn document(status: StatusCode, document: impl Into<Bytes>) -> Self {
        Self::with_body(status, JSON_API, document)
    }

    pub(super) fn with_body(status: StatusCode, kind: HeaderValue, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }.with(CONTENT_TYPE, kind)
    }

    /// A document with this one resource.
    pub(super) fn resource(status: StatusCode, raw: &str) -> Self {
        Self::document(status, format!(r#"{{"data":{raw}}}"#))
    }

    pub(super) fn problems(status: StatusCode, problems: &[Problem]) -> Self {
        Self::document(status, problem::body(status, problems))
    }

    pub(super) fn problem(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self::problems(status, &[Problem::new(code, detail)])
    }

    pub(super) fn unauthorized() -> Self {
        Self::problem(StatusCode::UNAUTHORIZED, "unauthorized", Denied::Unauthorized.detail()).asking_for_a_key()
    }

    pub(super) fn forbidden() -> Self {
        Self::problem(StatusCode::FORBIDDEN, "forbidden", Denied::Forbidden.detail())
    }

    pub(super) fn not_found(detail: &str) -> Self {
        Self::problem(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(super) fn not_allowed(allowed: &'static str) -> Self {
        let detail = format!("this path answers {allowed} only");
        Self::problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).allowing(allowed)
    }

    /// The answer that a fault rule with a status or body asks for; `json` writes the error in the form of the
    /// interface.
    pub(super) fn fault(
        status: StatusCode,
        body: FaultBody,
        retry: Option<Retry>,
        json: impl FnOnce(StatusCode, &'static str) -> Self,
    ) -> Self {
        let answer = match body {
            FaultBody::Empty => Self::empty(status),
            FaultBody::Json => json(status, "a fault rule of the sandbox gave this answer"),
            FaultBody::Html => {
                let page = format!(
                    "<!DOCTYPE html>\n<html><head><title>{status}</title></head>\n<body><h1>{status}</h1></body></html>\n"
                );
                Self { body: page.into(), ..Self::empty(status) }
                    .with(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))
            }
        };
        match retry {
            None => answer,
            Some(Retry::Seconds(seconds)) => answer.with(RETRY_AFTER, seconds.into()),
            Some(Retry::Date(seconds)) => {
                let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds));
                answer.with_text(RETRY_AFTER, &date)
            }
        }
    }

    pub(super) fn redirect(url: &str) -> Self {
        Self::empty(StatusCode::TEMPORARY_REDIRECT).with_text(LOCATION, url)
    }

    pub(super) fn asking_for_a_key(self) -> Self {
        self.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub(super) fn allowing(self, methods: &'static str) -> Self {
        self.with(ALLOW, HeaderValue::from_static(methods))
    }

    /// Removes the body and keeps the headers.
    pub(super) fn silence(&mut self) {
        self.status = StatusCode::NO_CONTENT;
        self.headers.retain(|(name, _)| name != CONTENT_TYPE);
        self.body = Bytes::new();
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// As [`Answer::with`]; a text that no header can hold is left out.
    pub(super) fn with_text(self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => self.with(name, value),
            Err(_) => self,
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found("there is no user with this id"),
            Refusal::Invalid(problems) => Self::problems(StatusCode::UNPROCESSABLE_ENTITY, &problems),
        }
    }
}
