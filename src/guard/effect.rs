//! What the guards count: what each operation does to an account, and how many people there are.

use serde::{Deserialize, Serialize};

use crate::employee::BranchId;
use crate::field::{BranchRef, Field};

/// What a guard needs to know about one operation.
#[derive(Debug, Clone)]
pub struct Effect<'a> {
    /// What happens to the user.
    pub kind: Kind,
    /// The present branch of the user; the inner `None` for a user without a branch. The outer `None`: there is no user
    /// yet, or the branch is not known.
    pub branch: Option<Option<&'a BranchId>>,
    /// The fields of a user that change, each once.
    pub changed: Vec<&'a Field>,
    /// Those of them that have a value now and none afterwards.
    pub emptied: Vec<&'a Field>,
    /// Whether the user loses a deleted manager.
    pub manager_loss: ManagerLoss,
}

/// What happens to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Somebody is created.
    Create,
    /// Somebody is changed.
    Update,
    /// Somebody is deleted.
    Delete,
}

/// Whether a user who stays loses their manager because the manager is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManagerLoss {
    /// No.
    None,
    /// Yes, and the person gets another one.
    Replaced,
    /// Yes, and the person has no manager afterwards.
    LeftWithout,
}

/// How many people there are, on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Users of the account.
    pub users: u64,
    /// Users that this configuration may change.
    pub managed: u64,
    /// Good records in scope.
    pub employees: u64,
    /// Records in scope.
    pub in_scope: u64,
    /// Records in scope that were set aside.
    pub set_aside: u64,
    /// People in scope whose record names a manager.
    pub naming_managers: u64,
    /// Those of them whose manager cannot be found.
    pub unresolved_managers: u64,
    /// The sources that are joined to the list of people, in the order of the settings.
    pub joins: Vec<Join>,
    /// The managed fields, each once.
    pub fields: Vec<NamedField>,
    /// The branches that have managed users, each once.
    pub branches: Vec<BranchCount>,
}

/// A field and its name for people; for a custom field, the name in Skovik.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedField {
    /// The field.
    pub field: Field,
    /// Its name.
    pub name: String,
    /// How many managed users have a value of it.
    pub with_value: u64,
}

/// How many people a joined source has rows for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The source's name.
    pub source: String,
    /// People in scope.
    pub people: u64,
    /// Those of them without a row in the source.
    pub without_row: u64,
    /// The percentage of people who may have no row.
    pub limit_percent: u64,
}

/// The users who are in a branch now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchCount {
    /// The branch; `None` for users without one.
    pub branch: Option<BranchRef>,
    /// Those that this configuration may change.
    pub managed: u64,
}

impl Effect<'_> {
    /// Whether somebody is created.
    #[must_use]
    pub fn is_create(&self) -> bool {
        self.kind == Kind::Create
    }

    /// Whether somebody is changed.
    #[must_use]
    pub fn is_update(&self) -> bool {
        self.kind == Kind::Update
    }

    /// Whether somebody is deleted.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        self.kind == Kind::Delete
    }

    /// Whether an existing user is changed or deleted.
    #[must_use]
    pub fn is_change(&self) -> bool {
        match self.kind {
            Kind::Update | Kind::Delete => true,
            Kind::Create => false,
        }
    }
}
