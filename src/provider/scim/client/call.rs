//! One request to a SCIM server, and what its answer means.
//!
//! A GET is repeated whenever that may help. A POST is repeated only if the server surely did nothing (no connection,
//! or 429). Every other request is sent once, because somebody may change the user between two attempts.

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH};
use url::Url;

use super::Client;
use crate::http::{self, Answer, Failure, Repeat, Wants};
use crate::provider::access::redirected;
use crate::provider::scim::wire;
use crate::provider::{ApiError, Refusal, Request};

/// One request.
pub(in crate::provider::scim) struct Call<'a> {
    pub(in crate::provider::scim) method: Method,
    pub(in crate::provider::scim) url: Url,
    /// What a write needs; a DELETE sends no body.
    pub(in crate::provider::scim) body: Option<&'a Request>,
}

impl Client {
    /// Makes a request and gives the body of its answer: JSON, or nothing after a PATCH, PUT or DELETE.
    pub(in crate::provider::scim) async fn send(&self, call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
        let Call { method, url, body } = call;
        let (name, value) = &self.key_header;
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(wire::ACCEPT))]);
        headers.insert(name, value.clone());
        let sends_body = body.is_some() && *method != Method::DELETE;
        if sends_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(wire::CONTENT_TYPE));
        }
        if let Some(version) = body.and_then(Request::version) {
            let version = HeaderValue::from_str(version).map_err(|_| ApiError::NotSent {
                problem: self.clean(&format!("its version {version:?} cannot stand in a header")),
                again: None,
            })?;
            headers.insert(IF_MATCH, version);
        }
        let request = http::Request {
            method: method.clone(),
            url,
            headers,
            body: body.filter(|_| sends_body).map(Request::as_json),
            repeat: match *method {
                Method::GET => Repeat::Always,
                Method::POST => Repeat::IfNotDone,
                _ => Repeat::Never,
            },
            wants: if matches!(*method, Method::GET | Method::POST) { Wants::Json } else { Wants::Nothing },
        };
        let answer = self.http.send(&request).await.map_err(|failure| match failure {
            Failure::NotSent { problem, again } => ApiError::NotSent { problem, again },
            Failure::Unclear { problem, again } => ApiError::Unclear { problem, again },
            Failure::Stopped { maybe_done } => ApiError::Stopped { unclear: maybe_done && *method != Method::GET },
        })?;
        if !answer.status.is_success() {
            return Err(self.refused(call, &answer));
        }
        match doubt_about(method, &answer) {
            None => Ok(answer.body),
            Some(doubt) => Err(ApiError::unclear(self.clean(&doubt))),
        }
    }

    /// The error that an unsuccessful answer means.
    fn refused(&self, call: &Call<'_>, answer: &Answer) -> ApiError {
        let Answer { status, headers: _, body } = answer;
        match status.as_u16() {
            status @ (401 | 403) => ApiError::Credentials { status, said: self.http.words(body) },
            // The version is the only condition that is ever sent.
            412 => ApiError::Overtaken { said: self.http.words(body) },
            300..=399 => redirected(self.http.redactor(), &call.method, &call.url, answer),
            status => {
                let errors = wire::error_objects(body);
                let taken = wire::says_taken(status, &errors);
                let errors: Vec<_> = errors.into_iter().map(|error| error.map(|text| self.clean(&text))).collect();
                let said = if errors.is_empty() { self.http.redactor().clean_body(body) } else { String::new() };
                ApiError::Refused(Refusal { status, errors, taken, said })
            }
        }
    }
}

/// Why an answer with a success status is rejected: it is not a plain success (202 means "later", 206 "a part"), or its
/// body is an error.
fn doubt_about(method: &Method, answer: &Answer) -> Option<String> {
    let Answer { status, headers: _, body } = answer;
    let status = status.as_u16();
    let is_plain = match *method {
        Method::GET => status == 200,
        Method::POST => matches!(status, 200 | 201),
        _ => matches!(status, 200 | 204),
    };
    if !is_plain {
        let meaning = match status {
            202 => ", which says that it may do so later",
            206 => ", which is a part only",
            _ => "",
        };
        return Some(format!("it answers {status}{meaning}"));
    }
    if !body.trim_ascii().is_empty() && !http::is_json(body) {
        return Some(format!("it answers {status} with something that is not JSON"));
    }
    let said = wire::error_in_success(body)?;
    Some(format!("it answers {status}, but with an error: {said}"))
}
