//! The plan: what was compared, what would be done and in which order, bound together by a hash.
//!
//! A plan is data. It holds no time (but the day, if a setting asks for it), host, path or secret, so that planning
//! twice over the same input gives the same bytes. `file` writes and reads it, strictly; `check` proves that what was
//! read could have been written by `plan`. Nothing in here does I/O.

mod anchors;
mod canonical;
mod check;
mod day;
mod digest;
mod fields;
mod file;
mod guard_counts;
mod guards;
mod make;
mod only;
mod operations;
mod unique;
mod values;
mod warnings;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::employee::{CustomFieldId, ExternalIdentifier, Join, UserId};

pub use anchors::Anchors;
pub use day::Day;
pub use digest::Digest;
pub(crate) use digest::{bytes_of, hex};
pub use fields::{CreateRef, Fields, ManagerRef, UserRef, display_name};
pub use file::{FORMAT, FORMAT_VERSION, PlanError, canonical_digest, canonical_json};
pub use guards::{check_guards, effects, not_as_demanded};
pub use make::{Input, NoPlan, Settled};

// The plan is made of these lower modules.
pub use crate::diagnostic::{Diagnostic, Severity};
pub use crate::field::{BranchRef, Field};
pub use crate::guard::{Common, GuardOutcome, GuardResult, Part, Subject};

/// The kind of the only source of an undo.
pub const UNDO_SOURCE_KIND: &str = "journal";
/// What it is called.
pub const UNDO_SOURCE_NAME: &str = "the journal of the plan to undo";

/// A whole plan. Made by [`Plan::seal`] or [`Plan::read`], so that its hash is always right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    hash: Digest,
    content: Content,
}

/// What a plan says: everything but its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Name and version of the program that made it.
    pub generator: String,
    /// Covers every setting that the plan depends on; see `Settings::hash` in [`crate::config`].
    pub config_hash: Digest,
    /// The day that people are compared as of; none if no setting asks which day it is.
    pub as_of: Option<Day>,
    /// The account that the plan is for.
    pub target: Target,
    /// Where the employees were read from.
    pub sources: Vec<SourceSummary>,
    /// How many are in each group.
    pub summary: Summary,
    /// Every guard with its figures, those that passed too.
    pub guards: Vec<GuardResult>,
    /// What the reader should know, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// What would be done, in an order in which it can be done.
    pub operations: Vec<Operation>,
}

impl Content {
    /// The plan that it says to take back; `None` for one that was made of the company's lists. It is a claim: only the
    /// state folder tells whether it is that undo.
    #[must_use]
    pub fn undone(&self) -> Option<Digest> {
        match &self.sources[..] {
            [SourceSummary { name, kind, proof, fingerprint, .. }]
                if name == UNDO_SOURCE_NAME && kind == UNDO_SOURCE_KIND && proof == UNDO_SOURCE_KIND =>
            {
                Some(*fingerprint)
            }
            _ => None,
        }
    }
}

/// The account that a plan is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The kind of target, `skovik`.
    pub kind: String,
    /// Its base URL, without credentials.
    pub url: String,
    /// How many users it has.
    pub users: u64,
    /// How many of them this configuration may change.
    pub managed: u64,
    /// Covers all that planning read of the account.
    pub fingerprint: Digest,
    /// By what `apply` recognises the account.
    pub anchors: Anchors,
    /// The names of the managed custom fields by id, for the reader.
    #[serde(deserialize_with = "file::map_without_duplicates")]
    pub custom_fields: BTreeMap<CustomFieldId, String>,
}

/// One source of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSummary {
    /// Its name in the configuration.
    pub name: String,
    /// Its kind, such as `csv`.
    pub kind: String,
    /// How many records it gave.
    pub records: u64,
    /// What proves that it was read whole, such as `expect_records`, `sha256_file` or `total`. `trusted`, `last-page`
    /// and `exit-status` prove nothing; see [`Self::unproven`].
    pub proof: String,
    /// Covers its records, sorted by key.
    pub fingerprint: Digest,
    /// How the people in scope were joined with it; nothing for the first source, which lists them, and for tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
}

impl SourceSummary {
    /// As [`unproven`], of its own proof.
    #[must_use]
    pub fn unproven(&self) -> Option<&'static str> {
        unproven(&self.proof)
    }
}

/// What to say if nothing proves that a list is complete. A total, a count, a checksum and a protocol's own end mark
/// are proofs. A last page only shows that the server stopped.
#[must_use]
pub fn unproven(proof: &str) -> Option<&'static str> {
    match proof {
        "trusted" => Some("trusted, no proof that it is whole"),
        "last-page" => Some("read to the last page, not proven"),
        "exit-status" => Some("the program ended well, not proven"),
        _ => None,
    }
}

/// How many people are in each group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Missing in Skovik.
    pub create: u64,
    /// Different in Skovik.
    pub update: u64,
    /// To be removed from Skovik.
    pub delete: u64,
    /// The same on both sides.
    pub unchanged: u64,
    /// Neither changed nor removed, because a record cannot be trusted.
    pub set_aside: u64,
}

/// The number of an operation within its plan, counted from 1 in execution order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u32);

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its number.
    pub id: OperationId,
    /// The external identifier of the person, if they have one.
    pub employee: Option<ExternalIdentifier>,
    /// The person's name, for the reader.
    pub name: String,
    /// The operations that must be done before it, ascending.
    pub depends_on: Vec<OperationId>,
    /// What it does.
    pub action: Action,
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Creates a user. Its precondition: nobody has the identifier or the e-mail, except a user that gives it up in an
    /// operation that this one depends on.
    Create {
        /// The user to be.
        after: Fields,
    },
    /// Changes fields of a user.
    Update {
        /// The user.
        user_id: UserId,
        /// Covers the managed fields as they were; see [`Fields::hash`].
        before_hash: Digest,
        /// The branch that the user is in now, also where it stays. The outer `None`: branches are not managed.
        branch: Option<Option<BranchRef>>,
        /// The user's roles that not everybody has, sorted; `None` where the account does not tell them.
        roles: Option<Vec<String>>,
        /// What changes: never empty, each field at most once, in the order of [`Field`].
        changes: Vec<Change>,
    },
    /// Sets the manager of a user that this plan creates, if new managers report to one another.
    Link {
        /// The operation that makes the person.
        create: OperationId,
        /// The manager.
        manager: ManagerRef,
    },
    /// Removes a user.
    Delete {
        /// The user.
        user_id: UserId,
        /// Covers the managed fields as they were.
        before_hash: Digest,
        /// The managed fields as they were.
        before: Fields,
        /// The user's roles that not everybody has, sorted; `None` where the account does not tell them.
        roles: Option<Vec<String>>,
        /// Why, for the reader.
        reason: String,
    },
}

impl Operation {
    /// The user that it changes or deletes; none for a user that this plan creates.
    #[must_use]
    pub fn user_id(&self) -> Option<&UserId> {
        match &self.action {
            Action::Update { user_id, .. } | Action::Delete { user_id, .. } => Some(user_id),
            Action::Create { .. } | Action::Link { .. } => None,
        }
    }

    /// The roles, beyond what everybody has, of the user that it changes or deletes.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        match &self.action {
            Action::Update { roles, .. } | Action::Delete { roles, .. } => roles.as_deref().unwrap_or_default(),
            Action::Create { .. } | Action::Link { .. } => &[],
        }
    }
}

impl Action {
    /// Its name in the plan file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Link { .. } => "link",
            Self::Delete { .. } => "delete",
        }
    }
}

/// One changed field. `before` and `after` differ; `None` is "no value".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Which field.
    pub field: Field,
    /// What Skovik holds.
    #[serde(deserialize_with = "file::present")]
    pub before: Option<Value>,
    /// What it shall hold.
    #[serde(deserialize_with = "file::present")]
    pub after: Option<Value>,
}

impl Change {
    /// Whether the field has a value now and none afterwards.
    #[must_use]
    pub fn empties(&self) -> bool {
        self.before.is_some() && self.after.is_none()
    }
}

/// A value of any field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A boolean custom field.
    Boolean(bool),
    /// A text, or the value of a choice.
    Text(String),
    /// A branch.
    Branch(BranchRef),
    /// A manager.
    Manager(ManagerRef),
}

impl Plan {
    /// Computes the hash of a content and binds the two together.
    ///
    /// # Errors
    /// If the content cannot be written as canonical JSON, which no content made by this crate is.
    pub fn seal(content: Content) -> Result<Self, PlanError> {
        let hash = file::content_hash(&content)?;
        Ok(Self { hash, content })
    }

    /// The hash, by which approvals name the plan.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// What the plan says.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The guards that block.
    pub fn blocking_guards(&self) -> impl Iterator<Item = &GuardResult> {
        self.content.guards.iter().filter(|guard| guard.outcome == GuardOutcome::Block)
    }

    /// An operation by its number.
    #[must_use]
    pub fn operation(&self, id: OperationId) -> Option<&Operation> {
        self.content.operations.get((id.0 as usize).checked_sub(1)?)
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
