//! The client of Skovik's API. It reads whole lists and proves that they are whole, reads single users, and makes
//! single writes of which it says truly what is known about their outcome.
//!
//! It decides nothing about people. It never repeats a POST whose outcome is unclear, never follows a redirect, never
//! sends the key to another origin than the configured one, and never shows it.

mod call;
mod error;
mod list;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::wire;
use crate::employee::{Managed, UserId};
use crate::http::{self, Redactor, Transport};
use crate::provider::{ApiError, Collection, Deleted, LiveUser, Request};
use crate::setting::BaseUrl;

pub use error::ClientError;

use call::Call;

/// The largest answer that is read; a server that sends more is not believed.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// How to reach Skovik.
#[derive(Debug)]
pub struct Options {
    /// The base URL, such as `https://api.skovik.com/v1`.
    pub url: BaseUrl,
    /// The key.
    pub token: SecretString,
    /// The header that carries the key; [`wire::AUTH_HEADER`] by default.
    pub auth_header: String,
    /// The scheme before the key; [`wire::AUTH_SCHEME`] by default; empty: the bare key.
    pub auth_scheme: String,
    /// How many rows to ask for in one page.
    pub page_size: u32,
    /// How many rows a list may have; a longer one is not believed.
    pub max_rows: u64,
    /// How long it may take to read a list.
    pub list_timeout: Duration,
    /// How many requests may be under way at once; at least one.
    pub max_in_flight: usize,
    /// How many requests may begin in a second; 0: as many as the server lets pass.
    pub requests_per_second: u32,
    /// How long one request may take, from the connection to the end of the answer.
    pub timeout: Duration,
    /// How often a request is tried again, where that is safe.
    pub retries: u32,
}

/// A client of one account. All its requests share the limits of [`Options`], and one pause when the server asks for
/// it.
pub struct Client {
    http: Transport,
    base: Url,
    key_header: (HeaderName, HeaderValue),
    page_size: u32,
    max_rows: u64,
    list_timeout: Duration,
}

impl Client {
    /// Makes a client; sends nothing yet.
    ///
    /// # Errors
    /// If the URL would show the key or a password to others, or the key cannot stand in a header.
    pub fn new(options: Options) -> Result<Self, ClientError> {
        let Options { url, token, auth_header, auth_scheme, page_size, max_rows, list_timeout, .. } = options;
        let url = url.url().clone();
        let key_header = key_header(&auth_header, &auth_scheme, &token)?;
        let transport = http::Options {
            url: url.clone(),
            max_in_flight: options.max_in_flight,
            requests_per_second: options.requests_per_second,
            timeout: options.timeout,
            retries: options.retries,
            largest_answer: LARGEST_ANSWER,
            authorities: None,
            trust: http::Trust::System,
            words: call::words,
            redactor: Arc::new(Redactor::from(token)),
        };
        let http = Transport::new(transport).map_err(ClientError::Setup)?;
        Ok(Self { http, base: url, key_header, page_size, max_rows, list_timeout })
    }

    pub(super) async fn get_user(&self, id: &UserId, managed: &Managed) -> Result<Option<LiveUser>, ApiError> {
        self.one_user(Method::GET, id, None, managed).await
    }

    pub(super) async fn post_user(&self, body: &Request, managed: &Managed) -> Result<LiveUser, ApiError> {
        let url = Collection::Users.url(&self.base);
        let answer = self.send(&Call { method: Method::POST, url, body: Some(body) }).await?;
        self.read_user(&answer, managed)
    }

    pub(super) async fn put_user(
        &self,
        id: &UserId,
        body: &Request,
        managed: &Managed,
    ) -> Result<Option<LiveUser>, ApiError> {
        self.one_user(Method::PUT, id, Some(body), managed).await
    }

    pub(super) async fn delete_user(&self, id: &UserId) -> Result<Deleted, ApiError> {
        match self.send(&Call { method: Method::DELETE, url: self.user_url(id)?, body: None }).await {
            Ok(_) => Ok(Deleted::Now),
            Err(error) if error.is_not_found() => Ok(Deleted::AlreadyGone),
            Err(error) => Err(error),
        }
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.http
    }

    async fn one_user(
        &self,
        method: Method,
        id: &UserId,
        body: Option<&Request>,
        managed: &Managed,
    ) -> Result<Option<LiveUser>, ApiError> {
        let answer = match self.send(&Call { method, url: self.user_url(id)?, body }).await {
            Ok(answer) => answer,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let user = self.read_user(&answer, managed)?;
        if user.id() != id {
            let problem =
                self.http.redactor().clean(&format!("asked for the user {id:?}, it answered with {:?}", user.id()));
            return Err(ApiError::unclear(problem));
        }
        Ok(Some(user))
    }

    fn read_user(&self, answer: &[u8], managed: &Managed) -> Result<LiveUser, ApiError> {
        let read = || {
            let stored = wire::user_document(answer)?;
            Ok::<_, String>(LiveUser { user: wire::user_row(stored.raw().get(), managed)?, stored })
        };
        read().map_err(|problem| {
            ApiError::unclear(self.http.redactor().clean(&format!("the answer does not hold a user: {problem}")))
        })
    }

    fn user_url(&self, id: &UserId) -> Result<Url, ApiError> {
        wire::user_url(&self.base, id.as_str()).ok_or_else(|| ApiError::NotSent {
            problem: format!("{:?} is no possible user id", self.http.redactor().clean(id.as_str())),
            again: None,
        })
    }
}

/// Shows the address, and nothing that is secret.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

fn key_header(name: &str, scheme: &str, token: &SecretString) -> Result<(HeaderName, HeaderValue), ClientError> {
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ClientError::HeaderName(name.to_owned()))?;
    let key = token.expose_secret();
    // Visible ASCII only: a line break would smuggle in a header, a space at the end is a slip of copying.
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ClientError::Key);
    }
    let text = if scheme.is_empty() { key.to_owned() } else { format!("{scheme} {key}") };
    let mut value = HeaderValue::from_str(&text).map_err(|_| ClientError::HeaderScheme)?;
    value.set_sensitive(true);
    Ok((header, value))
}

#[cfg(test)]
mod tests;
