//! The plan: what was compared, what would be done and in which order, under one hash.
//!
//! A plan is data. It contains no host, path, secret or time (only the day, if a setting uses it), so planning twice
//! from the same input gives the same bytes. `file` writes and reads it, strictly; `check` rejects a file that `plan`
//! cannot have written. Nothing in here does I/O.

mod anchors;
mod canonical;
mod check;
mod day;
mod digest;
mod each;
mod fields;
mod file;
mod fingerprint;
mod guard_counts;
mod guards;
mod make;
mod names;
mod only;
mod operations;
mod source;
mod unique;
mod values;
mod waiting;
mod waiting_check;
mod warnings;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::employee::{CustomFieldId, ExternalIdentifier, Text, UserId};

pub use anchors::Anchors;
pub use day::Day;
pub use digest::Digest;
pub(crate) use digest::{bytes_of, hex};
use fields::ManagerDocument;
pub use fields::{CreateRef, Fields, ManagerRef, UserRef, display_name};
pub(crate) use file::in_lines;
pub use file::{FORMAT, FORMAT_VERSION, PlanError, canonical_digest, canonical_json};
pub(crate) use fingerprint::Fingerprint;
pub use guards::{check_guards, effects, not_as_demanded};
pub use make::{Input, LEDGER_UNREADABLE, NoPlan, Settled};
pub use source::{SourceSummary, unproven};
pub(crate) use source::{is_known_proof, joined_proof};
pub use waiting::{Waiting, WaitingPerson};

// The types of lower modules that a plan contains.
pub use crate::diagnostic::{Diagnostic, Severity};
pub use crate::diff::{Moment, Wait};
pub use crate::field::{BranchRef, Field};
pub use crate::guard::{Common, GuardOutcome, GuardResult, Part, Subject};

/// The kind of the only source of an undo.
pub const UNDO_SOURCE_KIND: &str = "journal";
/// The name of that source.
pub const UNDO_SOURCE_NAME: &str = "the journal of the plan to undo";

/// A plan with its hash. Only [`Plan::seal`] and [`Plan::read`] make one, so the hash is always right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    hash: Digest,
    content: Content,
}

/// The content of a plan: everything but its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Name and version of the program that made it.
    pub generator: String,
    /// Covers every setting that the plan depends on; see `Settings::hash` in [`crate::config`].
    pub config_hash: Digest,
    /// The day on which people are compared; none if no setting depends on the day.
    pub as_of: Option<Day>,
    /// The people that it is restricted to (`--only`), sorted; empty for everybody. It has their operations and those
    /// that these need.
    pub only: Vec<ExternalIdentifier>,
    /// The account that the plan is for.
    pub target: Target,
    /// Where the employees were read from.
    pub sources: Vec<SourceSummary>,
    /// How many are in each group.
    pub summary: Summary,
    /// Every guard with its counts, including those that passed.
    pub guards: Vec<GuardResult>,
    /// What the reader should know, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// Who waits to be deleted; none without second thoughts (`[scope] remove_after`).
    pub waiting: Option<Waiting>,
    /// What would be done, in an order in which it can be done.
    pub operations: Vec<Operation>,
}

impl Content {
    /// The plan that it claims to undo; `None` for a plan made from the company's lists. Only the state folder can tell
    /// whether the claim is true.
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
    /// Its base URL, without credentials; `#` and the account's name follow if `[target] account` names one.
    pub url: String,
    /// How many users it has.
    pub users: u64,
    /// How many of them this configuration may change.
    pub managed: u64,
    /// A digest of everything that planning read of the account.
    pub fingerprint: Digest,
    /// Digests by which `apply` recognises the account.
    pub anchors: Anchors,
    /// The names of the managed custom fields by id, for the reader.
    #[serde(deserialize_with = "file::map_without_duplicates")]
    pub custom_fields: BTreeMap<CustomFieldId, String>,
    /// What a delete does, by the settings.
    #[serde(default, deserialize_with = "file::unusual", skip_serializing_if = "Removal::is_delete")]
    pub removal: Removal,
}

/// What a delete does (`[target] remove`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Removal {
    /// The user is removed.
    #[default]
    Delete,
    /// The user becomes inactive, and keeps the e-mail.
    Deactivate,
}

impl Removal {
    /// Whether the user is removed.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        *self == Self::Delete
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
    /// Inactive in Skovik, and to be made active again.
    #[serde(default, deserialize_with = "file::unusual", skip_serializing_if = "is_zero")]
    pub reactivate: u64,
    /// To be deleted in Skovik.
    pub delete: u64,
    /// The same on both sides.
    pub unchanged: u64,
    /// Neither changed nor deleted, because a record cannot be trusted.
    pub set_aside: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
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
    pub name: Text,
    /// The operations that must be done before it, ascending.
    pub depends_on: Vec<OperationId>,
    /// What it does.
    pub action: Action,
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Creates a user. Its precondition: nobody has the identifier or the e-mail, unless an operation that this one
    /// depends on takes it away from them.
    Create {
        /// The user to create.
        after: Box<Fields>,
    },
    /// Changes fields of a user. If one of them is [`Field::Active`], the user is inactive, and is made active again by
    /// the same request; see [`Operation::reactivates`].
    Update {
        /// The user.
        user_id: UserId,
        /// A digest of the managed fields as they were; see [`Fields::hash`].
        before_hash: Digest,
        /// The branch that the user is in now, even if it does not change. The outer `None`: branches are not managed.
        branch: Option<Option<BranchRef>>,
        /// The user's roles that not everybody has, sorted; `None` where the account does not tell them.
        roles: Option<Vec<String>>,
        /// What changes: never empty, each field at most once, in the order of [`Field`].
        changes: Vec<Change>,
    },
    /// Sets the manager of a user that this plan creates, if new managers report to one another.
    Link {
        /// The operation that creates the person.
        create: OperationId,
        /// The manager.
        manager: ManagerRef,
    },
    /// Deletes a user.
    Delete {
        /// The user.
        user_id: UserId,
        /// A digest of the managed fields as they were.
        before_hash: Digest,
        /// The managed fields as they were.
        before: Box<Fields>,
        /// The user's roles that not everybody has, sorted; `None` where the account does not tell them.
        roles: Option<Vec<String>>,
        /// Since when the user has been missing; none without second thoughts.
        missing_since: Option<Moment>,
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

    /// The manager that it gives to its person.
    #[must_use]
    pub fn new_manager(&self) -> Option<&ManagerRef> {
        match &self.action {
            Action::Create { after } => after.manager.as_ref()?.as_ref(),
            Action::Link { manager, .. } => Some(manager),
            Action::Update { changes, .. } => changes.iter().find_map(|change| match &change.after {
                Some(Value::Manager(manager)) => Some(manager),
                _ => None,
            }),
            Action::Delete { .. } => None,
        }
    }

    /// Whether it makes an inactive user active again.
    #[must_use]
    pub fn reactivates(&self) -> bool {
        self.action.reactivates()
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
            Self::Update { .. } if self.reactivates() => "reactivate",
            Self::Update { .. } => "update",
            Self::Link { .. } => "link",
            Self::Delete { .. } => "delete",
        }
    }

    /// Whether it makes an inactive user active again.
    #[must_use]
    pub fn reactivates(&self) -> bool {
        matches!(self, Self::Update { changes, .. } if reactivates(changes))
    }
}

/// Whether changes make an inactive user active again.
#[must_use]
pub fn reactivates(changes: &[Change]) -> bool {
    changes.iter().any(|change| change.field == Field::Active)
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
    /// What Skovik should hold.
    #[serde(deserialize_with = "file::present")]
    pub after: Option<Value>,
}

impl Change {
    /// The change that makes an inactive user active again.
    #[must_use]
    pub fn reactivation() -> Self {
        let [before, after] = [false, true].map(|active| Some(Value::Boolean(active)));
        Self { field: Field::Active, before, after }
    }

    /// Whether the field has a value now and none afterwards.
    #[must_use]
    pub fn empties(&self) -> bool {
        self.before.is_some() && self.after.is_none()
    }
}

/// A value of any field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A boolean custom field.
    Boolean(bool),
    /// A text, or the value of a choice.
    Text(Text),
    /// A branch.
    Branch(BranchRef),
    /// A manager.
    Manager(ManagerRef),
}

impl Plan {
    /// Computes the hash of a content, and makes a plan of both.
    ///
    /// # Errors
    /// If the content cannot be written as canonical JSON. That never happens to a content made by this crate.
    pub fn seal(content: Content) -> Result<Self, PlanError> {
        let hash = file::content_hash(&content)?;
        Ok(Self { hash, content })
    }

    /// The same for a content that this program has just made. It refuses one that [`Plan::read`] would refuse: it could
    /// be applied, but not shown, resumed or taken back.
    ///
    /// # Errors
    /// As [`Plan::seal`]; [`PlanError::Unreadable`] if the program has a fault.
    pub(crate) fn of_made(content: Content) -> Result<Self, PlanError> {
        check::check(&content).map_err(PlanError::Unreadable)?;
        Self::seal(content)
    }

    /// The hash. Approvals refer to the plan by it.
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
