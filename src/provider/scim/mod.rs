//! SCIM 2.0 (RFC 7643, RFC 7644): the publicly specified interface of Skovik and of many other services.
//!
//! `/ServiceProviderConfig` and `/Schemas` say what a server can do before anything is written. If it can PATCH, a
//! change sends only what changes; otherwise a PUT sends everything that was read, with the changes applied. If it has
//! versions, it refuses a write to a user that somebody has changed since.

pub mod client;
mod contract;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use super::{
    ApiError, Collection, Deleted, Dialect, EachRow, ListError, LiveUser, Progress, Proven, Provider, Request, Rest,
    Shape, StoredUser,
};
use crate::config::{Removal, ScimSettings};
use crate::employee::{Branch, BranchId, CustomField, CustomFieldId, Managed, User, UserId};
use crate::http::MayWrite;
use crate::plan::{Change, Field, Fields};
use crate::scim::AttributePath;

pub use client::{Client, Wanted};

/// The dialect of a SCIM server.
#[derive(Debug, Clone)]
pub struct Scim {
    identifier: AttributePath,
    branch: AttributePath,
    removal: Removal,
    /// Whether inactive users are made active again.
    reactivates: bool,
    /// What the server says it can do, after it was asked.
    abilities: Arc<OnceCell<Abilities>>,
}

/// What a server says it can do (RFC 7643, section 5). An ability that it does not mention counts as missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Abilities {
    patch: bool,
    etag: bool,
    sort: bool,
}

impl Scim {
    /// Whether the identifier is in an attribute that can be a custom field.
    fn keeps_identifiers_as_custom_fields(&self) -> bool {
        !self.identifier.is_core("externalId")
    }

    /// By the settings.
    #[must_use]
    pub fn new(settings: &ScimSettings) -> Self {
        let ScimSettings { identifier, branch, branches: _, remove, reactivate, sort_by: _ } = settings;
        Self {
            identifier: identifier.clone(),
            branch: branch.clone(),
            removal: *remove,
            reactivates: *reactivate,
            abilities: Arc::default(),
        }
    }

    fn abilities(&self) -> Abilities {
        self.abilities.get().copied().unwrap_or_default()
    }

    /// The request with the user's version, if the server has versions: it refuses the write if the user has changed
    /// since.
    fn over(&self, request: Request, held: &StoredUser) -> Result<Request, String> {
        let version = if self.abilities().etag { wire::version(held)? } else { None };
        Ok(request.only_over(version))
    }
}

impl Dialect for Scim {
    fn service(&self) -> &'static str {
        "Skovik"
    }

    fn user(&self, json: &str, managed: &Managed) -> Result<User, String> {
        wire::user(json, self, managed)
    }

    fn is_inactive(&self, json: &str) -> Result<bool, String> {
        wire::is_inactive(json)
    }

    fn branch(&self, json: &str) -> Result<Branch, String> {
        wire::branch(json)
    }

    fn custom_field(&self, json: &str) -> Result<CustomField, String> {
        wire::custom_field(json)
    }

    fn create_request(&self, after: &Fields, manager: Option<&UserId>) -> Result<Request, String> {
        wire::create(after, manager, self)
    }

    fn update_request(&self, held: &StoredUser, changes: &[Change]) -> Result<Request, String> {
        let request =
            if self.abilities().patch { wire::patch(changes, self) } else { wire::replace(held, changes, self) };
        self.over(request?, held)
    }

    /// A user of Skovik who moves to another branch may lose their custom fields `[known]`.
    fn may_empty_others(&self, changes: &[Change]) -> bool {
        changes.iter().any(|change| change.field == Field::Branch)
    }

    fn may_empty_identifiers(&self) -> bool {
        self.keeps_identifiers_as_custom_fields()
    }

    fn restore_request(
        &self,
        before: &StoredUser,
        held: &StoredUser,
        changes: &[Change],
        _: Rest,
    ) -> Result<Option<Request>, String> {
        let Some(request) = wire::restore(before, held, changes, self, self.abilities().patch)? else {
            return Ok(None);
        };
        self.over(request, held).map(Some)
    }

    fn keeps_removed(&self) -> bool {
        self.removal == Removal::Deactivate
    }

    fn tells_inactive(&self) -> bool {
        true
    }

    fn delete_request(&self, held: &StoredUser) -> Result<Request, String> {
        let request = match self.removal {
            Removal::Delete => Request::new(String::new()),
            Removal::Deactivate => wire::deactivate(held, self.abilities().patch)?,
        };
        self.over(request, held)
    }

    fn losses(&self, sent: &Request, held: &StoredUser, managed: &Managed) -> Vec<String> {
        wire::losses(sent, held, self, managed)
    }

    fn custom_field_ids(&self, stored: &StoredUser) -> Result<Vec<CustomFieldId>, String> {
        wire::custom_field_ids(stored, self)
    }

    /// Case makes no difference.
    fn is_same_field(&self, one: &CustomFieldId, other: &CustomFieldId) -> bool {
        one.as_str().eq_ignore_ascii_case(other.as_str())
    }

    fn unsent(&self, stored: &StoredUser) -> Result<Vec<String>, String> {
        wire::unsent(stored, self)
    }
}

impl Provider for Client {
    fn dialect(&self) -> &dyn Dialect {
        self.scim()
    }

    fn shape(&self) -> BoxFuture<'_, Result<Shape, ListError>> {
        Box::pin(async {
            let (custom_fields, branches) = (self.custom_fields().await?, self.branches().await?);
            Ok(Shape { custom_fields, branches, ..Shape::default() })
        })
    }

    fn branch_of_nobody(&self, id: &BranchId) -> Option<Branch> {
        self.unlisted_branch(id)
    }

    fn rows<'a>(
        &'a self,
        what: Collection,
        each: EachRow<'a>,
        progress: Progress<'a>,
    ) -> BoxFuture<'a, Result<Proven, ListError>> {
        // A list of SCIM is proven by `totalResults`, or is none.
        Box::pin(async move { self.raw(what, each, progress).await.map(|()| Proven(true)) })
    }

    fn user<'a>(&'a self, id: &'a UserId, managed: &'a Managed) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>> {
        Box::pin(self.read_one(id, managed))
    }

    fn any_user<'a>(
        &'a self,
        id: &'a UserId,
        managed: &'a Managed,
    ) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>> {
        Box::pin(self.read_any(id, managed))
    }

    fn create<'a>(&'a self, request: &'a Request, managed: &'a Managed) -> BoxFuture<'a, Result<LiveUser, ApiError>> {
        Box::pin(self.make(request, managed))
    }

    fn update<'a>(
        &'a self,
        id: &'a UserId,
        request: &'a Request,
        managed: &'a Managed,
    ) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>> {
        Box::pin(self.change(id, request, managed))
    }

    fn delete<'a>(&'a self, id: &'a UserId, request: &'a Request) -> BoxFuture<'a, Result<Deleted, ApiError>> {
        Box::pin(self.remove(id, request))
    }

    fn retries(&self) -> u32 {
        self.transport().retries()
    }

    fn wait(&self, delay: Duration) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(async move { self.transport().wait(delay).await.map_err(|_| ApiError::Stopped { unclear: false }) })
    }

    fn end_waits(&self) {
        self.transport().end_waits();
    }

    fn write_only_while(&self, may_write: MayWrite) {
        self.transport().write_only_while(may_write);
    }
}
