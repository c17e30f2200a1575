//! The boundary between this tool and the service that holds the users. Everything specific to a service is behind
//! [`Provider`], which sends requests, and [`Dialect`], which is pure. No other module knows a path, a name on the wire
//! or a product.
//!
//! Each service has a folder with the same few files: its requests (`client`), its JSON (`wire`), and a `mod` that
//! connects the two. [`Account`] is what a plan is made against: the service, or a snapshot of it.

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
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::employee::{Branch, BranchId, CustomField, CustomFieldId, Directory, Managed, User, UserId};
pub use crate::http::MayWrite;
use crate::plan::{Change, Fields};

pub use access::{ClientError, ServiceKey};
pub use account::Account;
pub use contract::{Contract, Finding, Verdict};
pub use error::{ApiError, ErrorObject, ListError, Refusal, RowError};
pub use fingerprint::fingerprint;
pub use loss::unshown;
pub use stored::{LiveUser, Request, ShareRepeated, StoredUser};

/// Called after each page with the number of rows so far, and the total, if the server tells it.
pub type Progress<'a> = &'a (dyn Fn(u64, Option<u64>) + Sync);

/// Called with each row of a list, as the server sent it.
pub type EachRow<'a> = &'a mut (dyn FnMut(&RawValue) -> Result<(), RowError> + Send);

/// Called with each user of a list, and the row as the server sent it.
pub type EachUser<'a> = &'a mut (dyn FnMut(&User, &RawValue) -> Result<(), String> + Send);

/// Whether something proves that a list is complete; one that contradicts itself is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proven(pub bool);

/// A service that holds users, and may be asked to change them.
///
/// It decides nothing about people, never repeats a write with an unknown outcome, and reports exactly what is known
/// about a write.
pub trait Provider: fmt::Debug + Send + Sync {
    /// How the service writes users down.
    fn dialect(&self) -> &dyn Dialect;

    /// Everything in the account but its users, proven complete.
    fn shape(&self) -> BoxFuture<'_, Result<Shape, ListError>>;

    /// The branch with this id, if the service knows no branches but those that users have: then nobody may have it any more. Or if
    /// it lists none, because branches are not managed.
    fn branch_of_nobody(&self, _id: &BranchId) -> Option<Branch> {
        None
    }

    /// All rows of a list as the server sent them, each once, in the server's order. If this fails, the rows passed on
    /// so far must be discarded.
    fn rows<'a>(
        &'a self,
        what: Collection,
        each: EachRow<'a>,
        progress: Progress<'a>,
    ) -> BoxFuture<'a, Result<Proven, ListError>>;

    /// All users, sorted by id, proven complete. `each` is called for inactive users, too.
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
                each(&user, row).map_err(RowError::Bad)?;
                branches.share(&mut user);
                listed.push(user, is_inactive);
                Ok(())
            };
            let Proven(is_proven) = self.rows(Collection::Users, &mut take, progress).await?;
            listed.sort();
            listed.unproven.extend((!is_proven).then(|| Collection::Users.name()));
            Ok(listed)
        })
    }

    /// Reads one user; `None` if there is none with this id, or only an inactive one.
    fn user<'a>(&'a self, id: &'a UserId, managed: &'a Managed) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>>;

    /// Reads one user, who may be inactive; [`Dialect::is_inactive`] tells. The same as [`Provider::user`] if the service
    /// keeps no inactive users.
    fn any_user<'a>(
        &'a self,
        id: &'a UserId,
        managed: &'a Managed,
    ) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>> {
        self.user(id, managed)
    }

    /// Creates a user with a body from [`Dialect::create_request`]. After [`ApiError::Unclear`] the user may exist.
    fn create<'a>(&'a self, request: &'a Request, managed: &'a Managed) -> BoxFuture<'a, Result<LiveUser, ApiError>>;

    /// Changes a user with a body from [`Dialect::update_request`] or [`Dialect::restore_request`], in one attempt;
    /// `None` if there is none with this id. The user may be inactive after it; [`Dialect::is_inactive`] tells.
    fn update<'a>(
        &'a self,
        id: &'a UserId,
        request: &'a Request,
        managed: &'a Managed,
    ) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>>;

    /// Deletes a user with a body from [`Dialect::delete_request`], in one attempt.
    fn delete<'a>(&'a self, id: &'a UserId, request: &'a Request) -> BoxFuture<'a, Result<Deleted, ApiError>>;

    /// How often a request is tried again, if that is safe. The caller repeats changes and deletes, and must read the
    /// user again before each attempt.
    fn retries(&self) -> u32;

    /// Waits before another attempt; [`ApiError::Stopped`] if [`Provider::end_waits`] was called.
    fn wait(&self, delay: Duration) -> BoxFuture<'_, Result<(), ApiError>>;

    /// Ends every wait, now and later: requests that would wait for their turn or for another attempt, and writes that have
    /// not left and are not the rest of something that was begun, end as [`ApiError::Stopped`]. Requests that were sent still get their answer.
    fn end_waits(&self);

    /// Asks before each request that changes something, repetitions too, just before it leaves: if it may not, the request
    /// ends as [`ApiError::NotSent`].
    fn write_only_while(&self, may_write: MayWrite);
}

/// How a service represents users in JSON. Pure functions: they build the bodies of requests and read stored users.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// The name of the service in messages.
    fn service(&self) -> &'static str;

    /// Reads a user from its JSON.
    ///
    /// # Errors
    /// If a mandatory field is missing or has the wrong type; the message names it.
    fn user(&self, json: &str, managed: &Managed) -> Result<User, String>;

    /// Whether a user is inactive, which counts as gone.
    ///
    /// # Errors
    /// If the JSON does not tell.
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

    /// The body that creates a user. The manager is a separate argument: the plan may create the manager too, or set
    /// the manager in a later operation.
    ///
    /// # Errors
    /// If it cannot be written; no plan leads to that.
    fn create_request(&self, after: &Fields, manager: Option<&UserId>) -> Result<Request, String>;

    /// The body that changes a user and leaves everything else as it was read. Managers in `changes` are users.
    ///
    /// # Errors
    /// If the user that was read cannot be written back.
    fn update_request(&self, held: &StoredUser, changes: &[Change]) -> Result<Request, String>;

    /// Whether the service may empty other fields when it makes these changes; [`Dialect::restore_request`] restores
    /// them.
    fn may_empty_others(&self, changes: &[Change]) -> bool;

    /// Whether the identifier is kept where such changes may empty it.
    fn may_empty_identifiers(&self) -> bool {
        false
    }

    /// The body that restores the custom fields that the changes emptied: those with a value in `before` (with `changes`
    /// applied) and none in `held`. `None` if none is missing.
    ///
    /// # Errors
    /// As [`Dialect::update_request`].
    fn restore_request(
        &self,
        before: &StoredUser,
        held: &StoredUser,
        changes: &[Change],
        rest: Rest,
    ) -> Result<Option<Request>, String>;

    /// Whether the service keeps a deleted user as an inactive one, with the e-mail.
    fn keeps_removed(&self) -> bool;

    /// Whether the service tells inactive users from others.
    fn tells_inactive(&self) -> bool;

    /// The body that deletes a user.
    ///
    /// # Errors
    /// As [`Dialect::update_request`].
    fn delete_request(&self, held: &StoredUser) -> Result<Request, String>;

    /// Which unmanaged data in a request the stored user lost or holds differently, each in words for a report. Managed
    /// fields are compared elsewhere, by their meaning.
    fn losses(&self, sent: &Request, held: &StoredUser, managed: &Managed) -> Vec<String>;

    /// The ids of the custom fields of a user that a create can send; sorted.
    ///
    /// # Errors
    /// If the user cannot be read.
    fn custom_field_ids(&self, stored: &StoredUser) -> Result<Vec<CustomFieldId>, String>;

    /// Whether two ids name the same custom field.
    fn is_same_field(&self, one: &CustomFieldId, other: &CustomFieldId) -> bool {
        one == other
    }

    /// The names of the data of a user that a create does not send.
    ///
    /// # Errors
    /// If the user cannot be read.
    fn unsent(&self, stored: &StoredUser) -> Result<Vec<String>, String>;
}

/// What a request that restores custom fields does with everything else that is empty by now and had a value before, if
/// it is a complete one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// It may restore that too: the read before the changes is a moment old.
    Restored,
    /// It writes what the user holds: another client may have emptied that since.
    AsHeld,
}

/// Everything in an account but its users.
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
        let Listed { users, inactive, unproven: of_users } = listed;
        unproven.extend(of_users);
        Directory { users, inactive, branches, custom_fields, unproven }
    }
}

/// All users of an account.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Sorted by id, no id twice.
    pub users: Vec<User>,
    /// Users who count as deleted although the service still keeps them; sorted by id.
    pub inactive: Vec<User>,
    /// The lists that were read to their last page, but that nothing proves to be complete: the users, and where a
    /// snapshot is read, which tells it only at its end, the others too.
    pub unproven: Vec<&'static str>,
}

impl Listed {
    /// Adds a user.
    pub fn push(&mut self, user: User, is_inactive: bool) {
        if is_inactive { &mut self.inactive } else { &mut self.users }.push(user);
    }

    /// Sorts both by id.
    pub fn sort(&mut self) {
        let Self { users, inactive, unproven: _ } = self;
        for people in [users, inactive] {
            people.sort_by_cached_key(|user| user.id.clone());
        }
    }
}

impl From<Vec<User>> for Listed {
    /// Takes these users, sorted by id, as all active.
    fn from(users: Vec<User>) -> Self {
        Self { users, ..Self::default() }
    }
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// The result of a delete.
#[derive(Debug, Clone, PartialEq)]
pub enum Deleted {
    /// The server deleted the user.
    Now {
        /// The user as the service keeps them, inactive; `None` if it keeps nobody.
        kept: Option<Box<StoredUser>>,
    },
    /// The server does not know the user (404), perhaps because an earlier attempt was carried out.
    AlreadyGone,
}
