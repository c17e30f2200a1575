//! The seam between this tool and the service whose users it keeps: everything specific to the service is behind
//! [`Provider`], which sends requests, and [`Dialect`], which is pure. No other module knows a path, a name on the wire
//! or a product.
//!
//! A service is a folder of its own with the same few files: its requests (`client`), its shapes (`wire`) and what
//! joins the two. [`Account`] is whichever a plan is made against: the service, or a snapshot of it.

mod access;
mod account;
mod contract;
mod error;
mod fingerprint;
mod loss;
pub mod scim;
pub mod skovik;
pub mod snapshot;
mod stored;

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::value::RawValue;

use crate::employee::{Branch, CustomField, CustomFieldId, Directory, Managed, User, UserId};
use crate::plan::{Change, Fields};

pub use access::{ClientError, Options};
pub use account::Account;
pub use contract::{Contract, Finding, Verdict};
pub use error::{ApiError, ErrorObject, ListError, Refusal, RowError};
pub use fingerprint::fingerprint;
pub use loss::unshown;
pub use stored::{LiveUser, Request, ShareRepeated, StoredUser};

/// Told after each page: how many rows came so far, and how many there are in all, where the server tells.
pub type Progress<'a> = &'a (dyn Fn(u64, Option<u64>) + Sync);

/// Told each row of a list as the server gave it.
pub type EachRow<'a> = &'a mut (dyn FnMut(&RawValue) -> Result<(), RowError> + Send);

/// Told each user of a list, with the row as the server gave it.
pub type EachUser<'a> = &'a mut (dyn FnMut(&User, &RawValue) -> Result<(), String> + Send);

/// Whether something proves that a list is complete; one that contradicts itself is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proven(pub bool);

/// A service that holds users, and may be asked to change them.
///
/// It decides nothing about people, never repeats a write whose outcome is unclear, and says truly what is known of
/// one.
pub trait Provider: fmt::Debug + Send + Sync {
    /// How the service writes users down.
    fn dialect(&self) -> &dyn Dialect;

    /// All of the account but its users, proven complete.
    fn shape(&self) -> BoxFuture<'_, Result<Shape, ListError>>;

    /// All rows of a list as the server gave them, each once, in its order. What was given counts for nothing where
    /// this fails in the end.
    fn rows<'a>(
        &'a self,
        what: Collection,
        each: EachRow<'a>,
        progress: Progress<'a>,
    ) -> BoxFuture<'a, Result<Proven, ListError>>;

    /// All users, sorted by id, proven complete. `each` is told those who do not count as gone.
    fn users<'a>(
        &'a self,
        managed: &'a Managed,
        each: EachUser<'a>,
        progress: Progress<'a>,
    ) -> BoxFuture<'a, Result<Listed, ListError>> {
        Box::pin(async move {
            let (dialect, mut listed, mut branches) = (self.dialect(), Listed::default(), ShareRepeated::default());
            let mut take = |row: &RawValue| {
                let mut user = dialect.user(row.get(), managed).map_err(RowError::Bad)?;
                let is_inactive = dialect.is_inactive(row.get()).map_err(RowError::Bad)?;
                if !is_inactive {
                    each(&user, row).map_err(RowError::Bad)?;
                }
                branches.share(&mut user);
                listed.push(user, is_inactive);
                Ok(())
            };
            let Proven(is_proven) = self.rows(Collection::Users, &mut take, progress).await?;
            listed.sort();
            Ok(Listed { is_unproven: !is_proven, ..listed })
        })
    }

    /// Reads one user; `None` where there is none with this id, or only an inactive one.
    fn user<'a>(&'a self, id: &'a UserId, managed: &'a Managed) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>>;

    /// Makes a user by what [`Dialect::create_request`] gave. After [`ApiError::Unclear`] the user may have been made.
    fn create<'a>(&'a self, request: &'a Request, managed: &'a Managed) -> BoxFuture<'a, Result<LiveUser, ApiError>>;

    /// Changes a user by what [`Dialect::update_request`] or [`Dialect::restore_request`] gave, in one attempt; `None`
    /// if there is none with this id.
    fn update<'a>(
        &'a self,
        id: &'a UserId,
        request: &'a Request,
        managed: &'a Managed,
    ) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>>;

    /// Removes a user by what [`Dialect::delete_request`] gave, in one attempt.
    fn delete<'a>(&'a self, id: &'a UserId, request: &'a Request) -> BoxFuture<'a, Result<Deleted, ApiError>>;

    /// How often a request is tried again, where that is safe. Changes and deletes are left to the caller, who must
    /// look at the user again before each attempt.
    fn retries(&self) -> u32;

    /// Waits before another attempt; [`ApiError::Stopped`] where [`Provider::end_waits`] was called.
    fn wait(&self, delay: Duration) -> BoxFuture<'_, Result<(), ApiError>>;

    /// Ends every wait, now and later: what would wait for its turn or for another attempt ends as
    /// [`ApiError::Stopped`]. What is on its way is answered still.
    fn end_waits(&self);
}

/// How a service writes users down. Pure functions: they build the bodies of requests and read what is stored.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// What messages call the service.
    fn service(&self) -> &'static str;

    /// Reads a user from its JSON.
    ///
    /// # Errors
    /// If a field is missing that every user has, or is not of its type; the message names it.
    fn user(&self, json: &str, managed: &Managed) -> Result<User, String>;

    /// Whether a user is inactive, which counts as gone.
    ///
    /// # Errors
    /// Where that cannot be told.
    fn is_inactive(&self, json: &str) -> Result<bool, String>;

    /// Reads a branch from its JSON.
    ///
    /// # Errors
    /// If it is none.
    fn branch(&self, json: &str) -> Result<Branch, String>;

    /// Reads the definition of a custom field from its JSON.
    ///
    /// # Errors
    /// If it is none.
    fn custom_field(&self, json: &str) -> Result<CustomField, String>;

    /// What makes a user. The manager is given apart, because a plan may name one who is made on the way, or leave the
    /// manager to a later operation.
    ///
    /// # Errors
    /// If it cannot be written, which no plan leads to.
    fn create_request(&self, after: &Fields, manager: Option<&UserId>) -> Result<Request, String>;

    /// What changes a user and leaves everything else as it was read. Managers in `changes` are users.
    ///
    /// # Errors
    /// If what was read cannot be written back.
    fn update_request(&self, held: &StoredUser, changes: &[Change]) -> Result<Request, String>;

    /// Whether the service may empty other fields when it makes these changes; then [`Dialect::restore_request`] gives
    /// them back.
    fn may_empty_others(&self, changes: &[Change]) -> bool;

    /// What gives a user back the fields that the changes emptied: those that `before` has (with `changes` laid over
    /// them), where `held` has no value. `None` if nothing is missing.
    ///
    /// # Errors
    /// As [`Dialect::update_request`].
    fn restore_request(
        &self,
        before: &StoredUser,
        held: &StoredUser,
        changes: &[Change],
    ) -> Result<Option<Request>, String>;

    /// Whether the service keeps a user who is removed as an inactive one, with their e-mail.
    fn keeps_removed(&self) -> bool;

    /// What removes a user.
    ///
    /// # Errors
    /// As [`Dialect::update_request`].
    fn delete_request(&self, held: &StoredUser) -> Result<Request, String>;

    /// What a user lost of what was sent, or holds otherwise, beyond the fields that are managed: those are compared by
    /// what they mean. Each in words for a report.
    fn losses(&self, sent: &Request, held: &StoredUser, managed: &Managed) -> Vec<String>;

    /// The ids of the custom fields of a user that a create can send; sorted.
    ///
    /// # Errors
    /// If the user cannot be read.
    fn custom_field_ids(&self, stored: &StoredUser) -> Result<Vec<CustomFieldId>, String>;

    /// The names of what a user holds and a create does not send.
    ///
    /// # Errors
    /// If the user cannot be read.
    fn unsent(&self, stored: &StoredUser) -> Result<Vec<String>, String>;
}

/// All of an account but its users.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Sorted by id, no id twice.
    pub branches: Vec<Branch>,
    /// Sorted by id, no id twice.
    pub custom_fields: Vec<CustomField>,
    /// The lists that were read to their last page, but that nothing proves to be complete.
    pub unproven: Vec<&'static str>,
}

impl Shape {
    /// The whole account.
    #[must_use]
    pub fn with_users(self, listed: Listed) -> Directory {
        let Self { branches, custom_fields, mut unproven } = self;
        let Listed { users, inactive, is_unproven } = listed;
        unproven.extend(is_unproven.then(|| Collection::Users.name()));
        Directory { users, inactive, branches, custom_fields, unproven }
    }
}

/// Everybody of an account.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Sorted by id, no id twice.
    pub users: Vec<User>,
    /// Those who count as gone, though the service still keeps them; sorted by id.
    pub inactive: Vec<User>,
    /// Whether the list was read to its last page, but nothing proves that it is complete.
    pub is_unproven: bool,
}

impl Listed {
    /// Takes a user in.
    pub fn push(&mut self, user: User, is_inactive: bool) {
        if is_inactive { &mut self.inactive } else { &mut self.users }.push(user);
    }

    /// Sorts both by id.
    pub fn sort(&mut self) {
        let Self { users, inactive, is_unproven: _ } = self;
        for people in [users, inactive] {
            people.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        }
    }
}

impl From<Vec<User>> for Listed {
    /// Users who are all active, sorted by id.
    fn from(users: Vec<User>) -> Self {
        Self { users, ..Self::default() }
    }
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    /// Everybody of the account.
    Users,
    /// Its branches.
    Branches,
    /// The definitions of its custom fields.
    CustomFields,
}

impl Collection {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Branches => "branches",
            Self::CustomFields => "custom fields",
        }
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of a user who was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The server removed them.
    Now,
    /// The server does not know them (404), perhaps because an earlier try got through.
    AlreadyGone,
}
