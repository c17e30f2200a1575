//! How a service is reached, and with which key. All clients share this.
//!
//! No message in here contains the key.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{ApiError, ErrorObject, Refusal, Request};
use crate::config::Access;
use crate::http::{self, Answer, Failure, Redactor, Repeat, Transport, Wants};
use crate::setting::{BaseUrl, Secrets};

/// The largest answer that is read, in bytes; a larger one is an error.
pub(super) const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// How many bytes a row of a list may have, on average over the longest list.
const BYTES_A_ROW: u64 = 4096;

/// How large a list has become. It bounds the memory for the list by the size that its rows may have.
pub(super) struct ListSize {
    bytes: u64,
    most: u64,
}

impl ListSize {
    pub(super) fn new(max_rows: u64) -> Self {
        Self { bytes: 0, most: LARGEST_ANSWER as u64 + max_rows.saturating_mul(BYTES_A_ROW) }
    }

    /// Adds a page.
    ///
    /// # Errors
    /// If the list is too large.
    pub(super) fn add(&mut self, page: &[u8]) -> Result<(), String> {
        self.bytes += page.len() as u64;
        if self.bytes <= self.most {
            return Ok(());
        }
        Err(format!("the list is larger than {} MiB, more than its rows can need", self.most >> 20))
    }
}

/// Why a client cannot be made from the settings.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The key cannot be sent in a header.
    #[error("the key is empty, or holds white space or other characters that no key has: check how it was stored")]
    Key,
    /// This is not a valid name of a header.
    #[error("{0:?} is not a valid header name")]
    HeaderName(String),
    /// The scheme cannot be sent in a header.
    #[error("the scheme before the key has characters that a header cannot have")]
    HeaderScheme,
    /// The HTTP library could not be set up.
    #[error("cannot set up HTTPS: {0}")]
    Setup(String),
}

/// The key of the service, with what takes it, and every other secret that is known, out of the words of others.
#[derive(Debug)]
pub struct ServiceKey {
    secret: SecretString,
    redactor: Arc<Redactor>,
}

impl ServiceKey {
    /// The key among the secrets of some settings, also of those that are read later.
    pub(crate) fn among(secret: SecretString, secrets: &Secrets) -> Self {
        let redactor = Arc::clone(secrets.of_all_variables());
        redactor.add(secret.clone());
        Self { secret, redactor }
    }
}

impl From<SecretString> for ServiceKey {
    fn from(secret: SecretString) -> Self {
        Self { secret: secret.clone(), redactor: Arc::new(Redactor::from(secret)) }
    }
}

impl From<&str> for ServiceKey {
    fn from(secret: &str) -> Self {
        SecretString::from(secret).into()
    }
}

/// The HTTP client, and the header with the key for each request. `words` finds the message for people in the body of
/// an error.
pub(super) fn connect(
    url: &BaseUrl,
    ServiceKey { secret, redactor }: ServiceKey,
    access: &Access,
    words: fn(&[u8]) -> Option<String>,
) -> Result<(Transport, (HeaderName, HeaderValue)), ClientError> {
    let key_header = key_header(&access.auth_header, &access.auth_scheme, &secret)?;
    let transport = http::Options {
        url: url.url().clone(),
        max_in_flight: access.max_in_flight,
        requests_per_second: access.requests_per_second,
        timeout: access.timeout,
        retries: access.retries,
        largest_answer: LARGEST_ANSWER,
        authorities: None,
        trust: http::Trust::System,
        words,
        redactor,
    };
    Ok((Transport::new(transport).map_err(ClientError::Setup)?, key_header))
}

/// One request.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    /// What a write needs; a DELETE sends no body.
    pub(super) body: Option<&'a Request>,
}

impl<'a> Call<'a> {
    /// The body that is sent.
    fn sent(&self) -> Option<&'a Request> {
        self.body.filter(|_| self.method != Method::DELETE)
    }

    /// The headers that every request has: with the key, and with the types of JSON that the service takes.
    pub(super) fn headers(
        &self,
        (name, key): &(HeaderName, HeaderValue),
        accept: &'static str,
        content_type: &'static str,
    ) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        headers.insert(name, key.clone());
        if self.sent().is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        headers
    }

    /// Sends the request, and returns the answer with any status.
    pub(super) async fn send(&self, http: &Transport, headers: HeaderMap, wants: Wants) -> Result<Answer, ApiError> {
        let request = http::Request {
            method: self.method.clone(),
            url: &self.url,
            headers,
            body: self.sent().map(Request::as_json),
            repeat: match self.method {
                Method::GET => Repeat::Always,
                Method::POST => Repeat::IfNotDone,
                _ => Repeat::Never,
            },
            wants,
            may_begin_late: self.method == Method::GET || self.body.is_some_and(Request::is_rest),
            based_on: self.body.and_then(Request::read_at),
        };
        http.send(&request).await.map_err(|failure| match failure {
            Failure::NotSent { problem, again } => ApiError::NotSent { problem, again },
            Failure::Unclear { problem, again } => ApiError::Unclear { problem, again },
            Failure::Late => ApiError::Late {
                problem: "its turn came late, and what it is based on may have changed".to_owned(),
                again: Some(Duration::ZERO),
            },
            Failure::Stopped { maybe_done } => ApiError::Stopped { unclear: maybe_done && self.method != Method::GET },
        })
    }
}

/// What a refusal says. Without error objects, it is the start of the body.
pub(super) fn refusal(redactor: &Redactor, status: u16, errors: Vec<ErrorObject>, taken: bool, body: &[u8]) -> Refusal {
    let said = if errors.is_empty() { redactor.clean_body(body) } else { String::new() };
    let errors = errors.into_iter().map(|error| error.map(|text| redactor.clean(&text))).collect();
    Refusal { status, errors, taken, said }
}

/// Whether a status without success means that nothing was done: a write is refused by 4xx only.
pub(super) fn is_believed(method: &Method, status: u16) -> bool {
    *method == Method::GET || matches!(status, 400..=499)
}

/// A status that does not say what became of a write, in words.
pub(super) fn odd_status(status: u16) -> String {
    format!("it answers {status}, which is neither a success nor a refusal")
}

/// A success status that a request of this kind does not have, in words.
pub(super) fn odd_success(status: u16) -> String {
    let meaning = match status {
        202 => ", which means that it may act later",
        206 => ", which is only a part",
        _ => "",
    };
    format!("it answers {status}{meaning}")
}

/// A redirect is never followed: the key must not reach another host, and a write must not become something else.
pub(super) fn redirected(redactor: &Redactor, method: &Method, url: &Url, answer: &Answer) -> ApiError {
    let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let there = location.and_then(|location| url.join(location).ok());
    let there = there.map_or_else(|| "nowhere".to_owned(), |url| url.origin().ascii_serialization());
    let said = redactor.clean(&format!(
        "it redirects to {there}, and redirects are not followed: give the final address as the target's url"
    ));
    let status = answer.status.as_u16();
    if *method == Method::GET {
        return ApiError::Refused(Refusal { status, errors: Vec::new(), taken: false, said });
    }
    // Some servers redirect after they have carried out the request.
    ApiError::unclear(format!("({status}) {said}"))
}

pub(super) fn key_header(
    name: &str,
    scheme: &str,
    token: &SecretString,
) -> Result<(HeaderName, HeaderValue), ClientError> {
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ClientError::HeaderName(name.to_owned()))?;
    let key = token.expose_secret();
    // Visible ASCII only: a line break would inject a header, and a space at the end is a copying mistake.
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ClientError::Key);
    }
    let text = if scheme.is_empty() { key.to_owned() } else { format!("{scheme} {key}") };
    let mut value = HeaderValue::from_str(&text).map_err(|_| ClientError::HeaderScheme)?;
    value.set_sensitive(true);
    Ok((header, value))
}
