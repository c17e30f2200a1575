//! One request to Skovik, and what its answer means.
//!
//! A GET is repeated up to the limit of the settings. A POST is repeated only if the server surely did nothing (no
//! connection, or 429). A PUT or DELETE is sent once: somebody may have changed the user between two attempts, so the
//! caller reads and checks the user again before each of them.

use reqwest::Method;

use super::Client;
use crate::http::{self, Answer, Redactor, Wants};
use crate::provider::access::{self, Call, is_believed, odd_status, odd_success, redirected};
use crate::provider::skovik::wire;
use crate::provider::{ApiError, Refusal};

impl Client {
    /// Makes a request and gives the body of its answer, which is JSON unless the request was a DELETE.
    pub(in crate::provider::skovik) async fn send(&self, call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
        let wants = if call.method == Method::DELETE { Wants::Nothing } else { Wants::Json };
        self.send_for(call, wants).await.map(|answer| answer.body)
    }

    /// Makes a request and gives its answer.
    pub(super) async fn send_for(&self, call: &Call<'_>, wants: Wants) -> Result<Answer, ApiError> {
        let headers = call.headers(&self.key_header, wire::ACCEPT, wire::CONTENT_TYPE);
        let answer = call.send(&self.http, headers, wants).await?;
        if !answer.status.is_success() {
            return Err(self.refused(call, &answer));
        }
        match doubt_about(&call.method, &answer) {
            None => Ok(answer),
            Some(doubt) => Err(ApiError::unclear(self.http.redactor().clean(&doubt))),
        }
    }

    /// What an answer without success means.
    fn refused(&self, call: &Call<'_>, answer: &Answer) -> ApiError {
        let Answer { status, headers: _, body } = answer;
        match status.as_u16() {
            status if wire::refuses_the_key(status) => ApiError::Credentials { status, said: self.http.words(body) },
            300..=399 => redirected(self.http.redactor(), &call.method, &call.url, answer),
            status if is_believed(&call.method, status) => {
                ApiError::Refused(refusal(self.http.redactor(), status, body))
            }
            status => ApiError::unclear(self.http.redactor().clean(&odd_status(status))),
        }
    }
}

/// The error texts in the body of an answer, if it has the known form.
pub(super) fn words(body: &[u8]) -> Option<String> {
    let errors = wire::error_objects(body);
    let known = !errors.is_empty();
    let words = errors.into_iter().find_map(|error| error.detail.or(error.title));
    words.or_else(|| known.then(|| "no reason given".to_owned()))
}

/// What a refusal says.
pub(super) fn refusal(redactor: &Redactor, status: u16, body: &[u8]) -> Refusal {
    let errors = wire::error_objects(body);
    let taken = wire::says_taken(status, &errors);
    access::refusal(redactor, status, errors, taken, body)
}

/// Why an answer with a success status is not believed: the status is not a plain one (202 means "later", 206 "a
/// part"), or the body holds errors.
fn doubt_about(method: &Method, answer: &Answer) -> Option<String> {
    let Answer { status, headers: _, body } = answer;
    let status = status.as_u16();
    let is_plain = match *method {
        Method::GET | Method::PUT => status == 200,
        Method::POST => matches!(status, 200 | 201),
        _ => matches!(status, 200 | 204),
    };
    if !is_plain {
        return Some(odd_success(status));
    }
    // Such as a proxy's page: a DELETE needs no body, and Skovik's own answers are JSON.
    if *method == Method::DELETE && !body.trim_ascii().is_empty() && !http::is_json(body) {
        return Some(format!("it answers {status} with something that is not JSON"));
    }
    let errors = wire::errors_in_success(body)?;
    Some(format!("it answers {status}, but with errors: {errors}"))
}
