//! The client of a SCIM server. It reads complete lists, single users and what the server can do, and makes single
//! writes. It reports exactly what is known about the outcome of a write.
//!
//! It decides nothing about people. It never repeats a POST with an unknown outcome, never follows a redirect, never
//! sends the key to another origin than the configured one, and never shows it.

mod call;
mod list;

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use super::{Abilities, Scim, wire};
use crate::config::{Access, BaseUrl, Removal, ScimSettings};
use crate::employee::{Managed, UserId};
use crate::http::Transport;
use crate::provider::access::{Call, ServiceKey, connect};
use crate::provider::stored::is_id;
use crate::provider::{ApiError, ClientError, Deleted, Dialect, LiveUser, Request, StoredUser};

/// What the settings need in an account. It is checked before anything is written.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whether branches are managed.
    pub branch: bool,
    /// The custom fields, as the settings name them.
    pub custom_fields: Vec<String>,
}

/// A client of one account. All its requests share the limits of [`Access`], and one pause when the server asks for
/// it.
pub struct Client {
    http: Transport,
    base: Url,
    key_header: (HeaderName, HeaderValue),
    pub(super) page_size: u32,
    max_rows: u64,
    list_timeout: Duration,
    pub(super) scim: Scim,
    /// All branches, where the settings list them.
    branches: Option<Vec<String>>,
    pub(super) sort_by: Option<String>,
    pub(super) wanted: Wanted,
}

impl Client {
    /// Makes a client; sends nothing yet.
    ///
    /// # Errors
    /// If the key cannot be sent in a header.
    pub fn new(
        url: &BaseUrl,
        key: ServiceKey,
        access: &Access,
        settings: &ScimSettings,
        wanted: Wanted,
    ) -> Result<Self, ClientError> {
        let (http, key_header) = connect(url, key, access, wire::words)?;
        let (base, &Access { page_size, max_rows, list_timeout, .. }) = (url.url().clone(), access);
        let (branches, sort_by) = (settings.branches.clone(), settings.sort_by.clone());
        let scim = Scim::new(settings);
        Ok(Self { http, base, key_header, page_size, max_rows, list_timeout, scim, branches, sort_by, wanted })
    }

    pub(super) fn scim(&self) -> &Scim {
        &self.scim
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.http
    }

    pub(super) async fn read_one(&self, id: &UserId, managed: &Managed) -> Result<Option<LiveUser>, ApiError> {
        let read = self.read_any(id, managed).await?;
        match read {
            Some(read) if self.is_inactive(&read.stored)? => Ok(None),
            read => Ok(read),
        }
    }

    /// Reads a user, active or not.
    pub(super) async fn read_any(&self, id: &UserId, managed: &Managed) -> Result<Option<LiveUser>, ApiError> {
        self.abilities().await?;
        let call = Call { method: Method::GET, url: self.user_url(id)?, body: None };
        match self.send(&call).await {
            Ok(answer) => {
                let stored = self.stored(&answer, Some(id))?;
                self.parsed(stored, managed).map(Some)
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn make(&self, body: &Request, managed: &Managed) -> Result<LiveUser, ApiError> {
        let call = Call { method: Method::POST, url: self.url("Users"), body: Some(body) };
        let stored = self.stored(&self.send(&call).await?, None)?;
        let id = stored.id().clone();
        self.live(stored, managed)?
            .ok_or_else(|| ApiError::unclear(self.clean(&format!("it made the user {id}, but as an inactive one"))))
    }

    pub(super) async fn change(
        &self,
        id: &UserId,
        body: &Request,
        managed: &Managed,
    ) -> Result<Option<LiveUser>, ApiError> {
        self.write(id, body).await?.map(|stored| self.parsed(stored, managed)).transpose()
    }

    pub(super) async fn remove(&self, id: &UserId, request: &Request) -> Result<Deleted, ApiError> {
        match self.scim.removal {
            Removal::Delete => {
                let call = Call { method: Method::DELETE, url: self.user_url(id)?, body: Some(request) };
                match self.send(&call).await {
                    Ok(_) => Ok(Deleted::Now { kept: None }),
                    Err(error) if error.is_not_found() => Ok(Deleted::AlreadyGone),
                    Err(error) => Err(error),
                }
            }
            Removal::Deactivate => {
                let Some(stored) = self.write(id, request).await? else { return Ok(Deleted::AlreadyGone) };
                match wire::is_inactive(stored.raw().get()) {
                    Ok(true) => Ok(Deleted::Now { kept: Some(Box::new(stored)) }),
                    Ok(false) => Err(ApiError::unclear(self.clean(&format!(
                        "it was asked to make the user {id} inactive, and answers with an active one"
                    )))),
                    Err(problem) => Err(ApiError::unclear(self.clean(&problem))),
                }
            }
        }
    }

    /// Changes a user, and returns the user afterwards; `None` if there is none with this id.
    async fn write(&self, id: &UserId, body: &Request) -> Result<Option<StoredUser>, ApiError> {
        let method = if body.is_partial() { Method::PATCH } else { Method::PUT };
        let url = self.user_url(id)?;
        let answer = match self.send(&Call { method, url: url.clone(), body: Some(body) }).await {
            Ok(answer) => answer,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        if !answer.trim_ascii().is_empty() {
            return self.stored(&answer, Some(id)).map(Some);
        }
        // The change is done, and the answer does not show the user (RFC 7644, section 3.5.2).
        let read = self.send(&Call { method: Method::GET, url, body: None }).await;
        let read = read.and_then(|answer| self.stored(&answer, Some(id)));
        read.map(Some).map_err(|error| ApiError::Unseen(Box::new(error)))
    }

    /// What the server can do, asked once.
    async fn abilities(&self) -> Result<Abilities, ApiError> {
        let ask = || async {
            let call = Call { method: Method::GET, url: self.url("ServiceProviderConfig"), body: None };
            match self.send(&call).await {
                Ok(answer) => wire::abilities(&answer).map_err(|problem| ApiError::unclear(self.clean(&problem))),
                Err(ApiError::Refused(refusal)) if matches!(refusal.status, 404 | 405 | 501) => {
                    tracing::warn!(
                        "the server has no /ServiceProviderConfig: users are changed by PUT, without versions, and listed \
                         in any order"
                    );
                    Ok(Abilities::default())
                }
                Err(error) => Err(error),
            }
        };
        self.scim.abilities.get_or_try_init(ask).await.copied()
    }

    fn stored(&self, answer: &[u8], id: Option<&UserId>) -> Result<StoredUser, ApiError> {
        let stored = wire::stored(answer).map_err(|problem| self.no_user(&problem))?;
        match id {
            Some(id) if stored.id() != id => Err(ApiError::unclear(
                self.clean(&format!("asked for the user {id:?}, it answered with {:?}", stored.id())),
            )),
            _ => Ok(stored),
        }
    }

    /// A user to compare; `None` for an inactive one.
    fn live(&self, stored: StoredUser, managed: &Managed) -> Result<Option<LiveUser>, ApiError> {
        if self.is_inactive(&stored)? { Ok(None) } else { self.parsed(stored, managed).map(Some) }
    }

    fn parsed(&self, stored: StoredUser, managed: &Managed) -> Result<LiveUser, ApiError> {
        let user = self.scim.user(stored.raw().get(), managed).map_err(|problem| self.no_user(&problem))?;
        Ok(LiveUser { user, stored })
    }

    fn is_inactive(&self, stored: &StoredUser) -> Result<bool, ApiError> {
        wire::is_inactive(stored.raw().get()).map_err(|problem| self.no_user(&problem))
    }

    fn no_user(&self, problem: &str) -> ApiError {
        ApiError::unclear(self.clean(&format!("the answer does not hold a user: {problem}")))
    }

    fn clean(&self, text: &str) -> String {
        self.http.redactor().clean(text)
    }

    /// The address of an endpoint.
    pub(super) fn url(&self, endpoint: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(endpoint);
        }
        url
    }

    pub(super) fn user_url(&self, id: &UserId) -> Result<Url, ApiError> {
        let mut url = self.url("Users");
        match url.path_segments_mut() {
            Ok(mut path) if is_id(id.as_str()) => {
                path.push(id.as_str());
            }
            _ => {
                let problem = format!("{:?} is not a possible user id", self.clean(id.as_str()));
                return Err(ApiError::NotSent { problem, again: None });
            }
        }
        Ok(url)
    }
}

/// Shows the address, and nothing that is secret.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}
