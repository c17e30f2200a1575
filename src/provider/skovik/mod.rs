//! Skovik's own JSON API.

pub mod client;
mod contract;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{
    ApiError, Collection, Deleted, Dialect, EachRow, ListError, LiveUser, Progress, Proven, Provider, Request, Rest,
    Shape, StoredUser,
};
use crate::config::Names;
use crate::employee::{Branch, CustomField, CustomFieldId, Managed, User, UserId};
use crate::http::MayWrite;
use crate::plan::{Change, Field, Fields};

pub use client::Client;

/// The JSON form of users, under these names.
#[derive(Debug, Clone, Default)]
pub struct Skovik(Arc<Names>);

impl Skovik {
    /// Takes the names of the settings.
    #[must_use]
    pub fn new(names: &Names) -> Self {
        Self(Arc::new(names.clone()))
    }

    fn names(&self) -> &Names {
        &self.0
    }
}

impl Dialect for Skovik {
    fn service(&self) -> &'static str {
        "Skovik"
    }

    fn user(&self, json: &str, managed: &Managed) -> Result<User, String> {
        wire::user_row(json, managed, self.names())
    }

    /// Every listed user is active: a delete removes users for good `[known]`.
    fn is_inactive(&self, _json: &str) -> Result<bool, String> {
        Ok(false)
    }

    fn branch(&self, json: &str) -> Result<Branch, String> {
        wire::branch(json, self.names())
    }

    fn custom_field(&self, json: &str) -> Result<CustomField, String> {
        wire::custom_field(json, self.names())
    }

    fn create_request(&self, after: &Fields, manager: Option<&UserId>) -> Result<Request, String> {
        wire::create(after, manager, self.names())
    }

    fn update_request(&self, held: &StoredUser, changes: &[Change]) -> Result<Request, String> {
        wire::overlay(held, changes, self.names())
    }

    /// A user who moves to another branch may lose their custom fields `[known]`.
    fn may_empty_others(&self, changes: &[Change]) -> bool {
        changes.iter().any(|change| change.field == Field::Branch)
    }

    fn restore_request(
        &self,
        before: &StoredUser,
        held: &StoredUser,
        changes: &[Change],
        rest: Rest,
    ) -> Result<Option<Request>, String> {
        wire::refill(before, held, changes, rest, self.names())
    }

    fn keeps_removed(&self) -> bool {
        false
    }

    fn tells_inactive(&self) -> bool {
        false
    }

    /// The address is enough.
    fn delete_request(&self, _held: &StoredUser) -> Result<Request, String> {
        Ok(Request::new(String::new()))
    }

    fn losses(&self, sent: &Request, held: &StoredUser, managed: &Managed) -> Vec<String> {
        wire::losses(sent, held, managed, self.names())
    }

    fn custom_field_ids(&self, stored: &StoredUser) -> Result<Vec<CustomFieldId>, String> {
        wire::custom_field_ids(stored, self.names())
    }

    fn unsent(&self, stored: &StoredUser) -> Result<Vec<String>, String> {
        wire::unsent(stored, self.names())
    }
}

impl Provider for Client {
    fn dialect(&self) -> &dyn Dialect {
        self.skovik()
    }

    fn shape(&self) -> BoxFuture<'_, Result<Shape, ListError>> {
        Box::pin(self.read_shape())
    }

    fn rows<'a>(
        &'a self,
        what: Collection,
        each: EachRow<'a>,
        progress: Progress<'a>,
    ) -> BoxFuture<'a, Result<Proven, ListError>> {
        Box::pin(self.raw(what, each, progress))
    }

    fn user<'a>(&'a self, id: &'a UserId, managed: &'a Managed) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>> {
        Box::pin(self.get_user(id, managed))
    }

    fn create<'a>(&'a self, request: &'a Request, managed: &'a Managed) -> BoxFuture<'a, Result<LiveUser, ApiError>> {
        Box::pin(self.post_user(request, managed))
    }

    fn update<'a>(
        &'a self,
        id: &'a UserId,
        request: &'a Request,
        managed: &'a Managed,
    ) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>> {
        Box::pin(self.put_user(id, request, managed))
    }

    fn delete<'a>(&'a self, id: &'a UserId, request: &'a Request) -> BoxFuture<'a, Result<Deleted, ApiError>> {
        Box::pin(self.delete_user(id, request))
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
