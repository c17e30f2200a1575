//! One request to a SCIM server, and what its answer means.
//!
//! A GET is repeated whenever that may help. A POST is repeated only if the server surely did nothing (no connection,
//! or 429). Every other request is sent once, because somebody may change the user between two attempts.

use reqwest::Method;
use reqwest::header::{HeaderValue, IF_MATCH};

use super::Client;
use crate::http::{self, Answer, Wants};
use crate::provider::access::{Call, is_believed, odd_status, odd_success, redirected, refusal};
use crate::provider::scim::wire;
use crate::provider::{ApiError, Request};

impl Client {
    /// Makes a request and gives the body of its answer: JSON, or nothing after a PATCH, PUT or DELETE.
    pub(in crate::provider::scim) async fn send(&self, call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
        let mut headers = call.headers(&self.key_header, wire::ACCEPT, wire::CONTENT_TYPE);
        if let Some(version) = call.body.and_then(Request::version) {
            let version = HeaderValue::from_str(version).map_err(|_| ApiError::NotSent {
                problem: self.clean(&format!("no header can hold its version {version:?}")),
                again: None,
            })?;
            headers.insert(IF_MATCH, version);
        }
        let wants = if matches!(call.method, Method::GET | Method::POST) { Wants::Json } else { Wants::Nothing };
        let answer = call.send(&self.http, headers, wants).await?;
        if !answer.status.is_success() {
            return Err(self.refused(call, &answer));
        }
        match doubt_about(&call.method, &answer) {
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
            status if !is_believed(&call.method, status) => ApiError::unclear(self.clean(&odd_status(status))),
            status => {
                let errors = wire::error_objects(body);
                let taken = wire::says_taken(status, &errors);
                ApiError::Refused(refusal(self.http.redactor(), status, errors, taken, body))
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
        return Some(odd_success(status));
    }
    if !body.trim_ascii().is_empty() && !http::is_json(body) {
        return Some(format!("it answers {status} with something that is not JSON"));
    }
    let said = wire::error_in_success(body)?;
    Some(format!("it answers {status}, but with an error: {said}"))
}
