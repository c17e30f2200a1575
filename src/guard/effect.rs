//! What the guards count: what each operation does to an account, and how many people there are.

use crate::employee::BranchId;
use crate::field::{BranchRef, Field};

/// What a guard needs to know of one operation.
#[derive(Debug, Clone)]
pub struct Effect<'a> {
    /// What becomes of the user.
    pub kind: Kind,
    /// The branch that the user is in now, in which there may be none. The outer `None`: there is no user yet, or
    /// nobody knows their branch.
    pub branch: Option<Option<&'a BranchId>>,
    /// The fields of a user that change, each once.
    pub changed: Vec<&'a Field>,
    /// Those of them that have a value now and none afterwards.
    pub emptied: Vec<&'a Field>,
    /// What happens where the user's manager is removed.
    pub manager_loss: ManagerLoss,
}

/// What becomes of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody is created.
    Create,
    /// Somebody is modified.
    Update,
    /// Somebody is removed.
    Delete,
}

/// Whether somebody who stays loses their manager because that one is removed.
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

/// A field, and what people call it: the name of a custom field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedField {
    /// The field.
    pub field: Field,
    /// Its name.
    pub name: String,
    /// The managed users who have a value of it.
    pub with_value: u64,
}

/// What a source that is joined to the list of people knows of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The source's name.
    pub source: String,
    /// People in scope.
    pub people: u64,
    /// Those of them without a row in the source.
    pub without_row: u64,
    /// How many percent of the people may have no row.
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

    /// Whether somebody is modified.
    #[must_use]
    pub fn is_update(&self) -> bool {
        self.kind == Kind::Update
    }

    /// Whether somebody is removed.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        self.kind == Kind::Delete
    }

    /// Whether a user who is there is modified or removed.
    #[must_use]
    pub fn is_change(&self) -> bool {
        match self.kind {
            Kind::Update | Kind::Delete => true,
            Kind::Create => false,
        }
    }
}
