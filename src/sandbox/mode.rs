//! How the sandbox behaves where Skovik's own behaviour is not known, or differs.

use clap::ValueEnum;

/// How the sandbox pages its lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Paging {
    /// By number, with a `links.next`
    #[default]
    Page,
    /// By an opaque cursor in `links.next`
    Cursor,
    /// By number, without any `links`
    Count,
}

/// What the sandbox's PUT does with what it does not name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PutMode {
    /// It is gone
    #[default]
    Replace,
    /// It stays
    Merge,
}

/// What the sandbox does with custom fields when the branch changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum BranchMove {
    /// They are emptied, even those sent along
    #[default]
    Empties,
    /// They stay
    Keeps,
}

/// What the sandbox does when a manager is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ManagerDelete {
    /// Their reports have no manager
    #[default]
    Nulls,
    /// It refuses with 422 while there are reports
    Refuses,
}

/// What becomes of the identifiers of removed users in the sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Identifiers {
    /// They are free again
    #[default]
    Released,
    /// They stay taken
    Reserved,
}
