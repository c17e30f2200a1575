//! One request to Skovik, and what its answer means.
//!
//! GET, PUT and DELETE mean the same when they are repeated. A POST does not: it is repeated only where the server
//! surely did nothing (no connection, or 429).

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode};
use url::Url;

use super::Client;
use super::error::{ApiError, Refusal};
use crate::http::{Answer, Failure, Redactor, Request, Wants};
use crate::target::wire::{self, Body, ErrorObject};

/// One request.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<&'a Body>,
}

impl Client {
    /// Makes a request and gives the body of its answer, which is JSON unless the request was a DELETE.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
        let Call { method, url, body } = call;
        let (name, value) = &self.key_header;
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(wire::ACCEPT))]);
        headers.insert(name, value.clone());
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(wire::CONTENT_TYPE));
        }
        let request = Request {
            method: method.clone(),
            url,
            headers,
            body: body.map(Body::as_json),
            repeatable: *method != Method::POST,
            wants: if *method == Method::DELETE { Wants::Nothing } else { Wants::Json },
        };
        let answer = self.http.send(&request).await.map_err(|failure| match failure {
            Failure::NotSent(problem) => ApiError::NotSent { problem },
            Failure::Unclear(problem) => ApiError::Unclear { problem },
        })?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let maybe_done = answer.maybe_done_before;
        Err(after_unclear(self.refused(call, &answer), maybe_done, method))
    }

    /// Says what an answer means that is no success.
    fn refused(&self, call: &Call<'_>, answer: &Answer) -> ApiError {
        let Answer { status, headers, body, maybe_done_before: _ } = answer;
        match status.as_u16() {
            status if wire::refuses_the_key(status) => {
                ApiError::Credentials { status, said: self.http.words(body), unclear: false }
            }
            300..=399 => self.redirect(call, *status, headers),
            status => ApiError::Refused(refusal(self.http.redactor(), status, body)),
        }
    }

    /// A redirect is never followed: the key must not reach another host, and a write must not become something else.
    fn redirect(&self, call: &Call<'_>, status: StatusCode, headers: &HeaderMap) -> ApiError {
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let there = location.and_then(|location| call.url.join(location).ok());
        let there = there.map_or_else(|| "nowhere".to_owned(), |url| url.origin().ascii_serialization());
        let said = self.http.redactor().clean(&format!(
            "it redirects to {there}, and redirects are not followed: give the final address as the target's url"
        ));
        let status = status.as_u16();
        if call.method == Method::GET {
            return ApiError::Refused(Refusal { status, errors: Vec::new(), taken: false, said });
        }
        // Some servers redirect after having done what was asked.
        ApiError::Unclear { problem: format!("({status}) {said}") }
    }
}

/// The words for people in the body of an error, where it has the known form.
pub(super) fn words(body: &[u8]) -> Option<String> {
    let errors = wire::error_objects(body);
    let known = !errors.is_empty();
    let words = errors.into_iter().find_map(|error| error.detail.or(error.title));
    words.or_else(|| known.then(|| "no reason given".to_owned()))
}

/// What a refusal says.
pub(super) fn refusal(redactor: &Redactor, status: u16, body: &[u8]) -> Refusal {
    let errors: Vec<ErrorObject> = wire::error_objects(body);
    let taken = wire::says_taken(status, &errors);
    let errors: Vec<_> = errors.into_iter().map(|error| error.map(|text| redactor.clean(&text))).collect();
    let said = if errors.is_empty() { redactor.clean_body(body) } else { String::new() };
    Refusal { status, errors, taken, said }
}

/// A refusal does not undo an earlier attempt that may have got through. That the user is not there needs no such care,
/// nor does a read.
fn after_unclear(error: ApiError, maybe_done: bool, method: &Method) -> ApiError {
    match error {
        ApiError::Refused(refusal) if maybe_done && *method != Method::GET && refusal.status != 404 => {
            ApiError::Unclear { problem: format!("{refusal}, after an attempt that may have got through") }
        }
        ApiError::Credentials { status, said, .. } => {
            ApiError::Credentials { status, said, unclear: maybe_done && *method != Method::GET }
        }
        error => error,
    }
}
