//! How a service is reached, and with which key. All clients share this.
//!
//! No message in here contains the key.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue, LOCATION};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{ApiError, Refusal};
use crate::http::{self, Answer, Redactor, Transport};
use crate::setting::BaseUrl;

/// The largest answer that is read, in bytes; a larger one is an error.
pub(super) const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// How to reach a service.
#[derive(Debug)]
pub struct Options {
    /// The base URL, such as `https://api.skovik.com/v1`.
    pub url: BaseUrl,
    /// The key.
    pub token: SecretString,
    /// The header that carries the key; `Authorization` by default.
    pub auth_header: String,
    /// The scheme before the key; `Bearer` by default. If it is empty, the key is sent alone.
    pub auth_scheme: String,
    /// How many rows to ask for in one page; with 0 the service decides, if it can.
    pub page_size: u32,
    /// How many rows a list may have; a longer one is an error.
    pub max_rows: u64,
    /// How long it may take to read a list.
    pub list_timeout: Duration,
    /// How many requests may be under way at once; at least one.
    pub max_in_flight: usize,
    /// How many requests may begin in a second; 0 for no limit but the server's.
    pub requests_per_second: u32,
    /// How long one request may take, from the connection to the end of the answer.
    pub timeout: Duration,
    /// How often a request is tried again, if that is safe.
    pub retries: u32,
}

/// Why a client cannot be made from the settings.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The key cannot be sent in a header.
    #[error("the key is empty, or holds white space or other characters that no key has: check how it was stored")]
    Key,
    /// This is not a valid name of a header.
    #[error("{0:?} is no possible name of a header")]
    HeaderName(String),
    /// The scheme cannot be sent in a header.
    #[error("the scheme that stands before the key holds characters that a header cannot")]
    HeaderScheme,
    /// The HTTP library could not be set up.
    #[error("cannot set up HTTPS: {0}")]
    Setup(String),
}

/// The HTTP client, and the header with the key for each request. `words` finds the message for people in the body of
/// an error.
pub(super) fn connect(
    options: Options,
    words: fn(&[u8]) -> Option<String>,
) -> Result<(Transport, (HeaderName, HeaderValue)), ClientError> {
    let Options { url, token, auth_header, auth_scheme, max_in_flight, requests_per_second, timeout, retries, .. } =
        options;
    let key_header = key_header(&auth_header, &auth_scheme, &token)?;
    let transport = http::Options {
        url: url.url().clone(),
        max_in_flight,
        requests_per_second,
        timeout,
        retries,
        largest_answer: LARGEST_ANSWER,
        authorities: None,
        trust: http::Trust::System,
        words,
        redactor: Arc::new(Redactor::from(token)),
    };
    Ok((Transport::new(transport).map_err(ClientError::Setup)?, key_header))
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
