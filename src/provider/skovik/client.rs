//! The client of Skovik's API. It reads whole lists and checks that they are complete, reads single users, and makes
//! single writes. After each write it says what is known about the outcome, and never more.
//!
//! It decides nothing about people. It never repeats a POST whose outcome is unclear, never follows a redirect, never
//! sends the key to an origin other than the configured one, and never shows it.

mod call;
mod list;

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use super::{Skovik, wire};
use crate::config::{Access, BaseUrl, Names};
use crate::employee::{Managed, UserId};
use crate::http::Transport;
use crate::provider::access::{Call, ClientError, ServiceKey, connect};
use crate::provider::{ApiError, Deleted, LiveUser, Request};

/// A client of one account. All its requests share the limits of [`Access`], and one pause when the server asks for it.
pub struct Client {
    http: Transport,
    pub(super) base: Url,
    key_header: (HeaderName, HeaderValue),
    page_size: u32,
    max_rows: u64,
    list_timeout: Duration,
    skovik: Skovik,
    places: wire::PagePlaces,
}

impl Client {
    /// Makes a client that uses these names; sends nothing yet.
    ///
    /// # Errors
    /// If no header can hold the key.
    pub fn new(url: &BaseUrl, key: ServiceKey, access: &Access, names: &Names) -> Result<Self, ClientError> {
        let (http, key_header) = connect(url, key, access, call::words)?;
        let (base, &Access { page_size, max_rows, list_timeout, .. }) = (url.url().clone(), access);
        let (skovik, places) = (Skovik::new(names), wire::PagePlaces::new(names));
        Ok(Self { http, base, key_header, page_size, max_rows, list_timeout, skovik, places })
    }

    pub(super) fn skovik(&self) -> &Skovik {
        &self.skovik
    }

    pub(super) fn names(&self) -> &Names {
        self.skovik.names()
    }

    pub(super) async fn get_user(&self, id: &UserId, managed: &Managed) -> Result<Option<LiveUser>, ApiError> {
        self.one_user(Method::GET, id, None, managed).await
    }

    pub(super) async fn post_user(&self, body: &Request, managed: &Managed) -> Result<LiveUser, ApiError> {
        let url = wire::Resources::Users.url(&self.base, self.names());
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

    pub(super) async fn delete_user(&self, id: &UserId, request: &Request) -> Result<Deleted, ApiError> {
        match self.send(&Call { method: Method::DELETE, url: self.user_url(id)?, body: Some(request) }).await {
            Ok(_) => Ok(Deleted::Now { kept: None }),
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
            let stored = wire::user_document(answer, self.names())?;
            Ok::<_, String>(LiveUser { user: wire::user_row(stored.raw().get(), managed, self.names())?, stored })
        };
        read().map_err(|problem| {
            ApiError::unclear(self.http.redactor().clean(&format!("the answer does not hold a user: {problem}")))
        })
    }

    fn user_url(&self, id: &UserId) -> Result<Url, ApiError> {
        wire::user_url(&self.base, id.as_str(), self.names()).ok_or_else(|| ApiError::NotSent {
            problem: format!("{:?} is not a possible user id", self.http.redactor().clean(id.as_str())),
            again: None,
        })
    }
}

/// Shows the address and no secret.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
