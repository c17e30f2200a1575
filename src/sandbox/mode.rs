//! The behaviours that can be chosen, because Skovik's own is not known or differs between accounts.

use clap::ValueEnum;

/// How the sandbox pages its lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Paging {
    /// By number, with a `links.next`
    Page,
    /// By an opaque cursor in `links.next`
    Cursor,
    /// By number, without any `links`
    Count,
    /// By `page[after]` and `page[before]` only, with a `links.next`; any other parameter is refused
    #[default]
    StrictCursor,
    /// As strict-cursor, but the cursor is in `meta.page.after` and there are no `links`
    BareCursor,
}

/// How the sandbox writes the paths of two words on `/v1`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Paths {
    /// As `/custom_fields` and as `/custom-fields`
    Both,
    /// As `/custom_fields`, as Skovik does
    #[default]
    Underscored,
    /// As `/custom-fields`
    Dashed,
}

/// Where the options of a multiple choice can be read on `/v1`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum FieldOptions {
    /// In the custom field
    Embedded,
    /// In a list of their own, `/custom_field_options`, as Skovik has one
    #[default]
    Separate,
    /// Nowhere
    Unreadable,
}

/// What `/scim/v2` does with `externalId`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ExternalIds {
    /// It is the external identifier
    #[default]
    Kept,
    /// It is silently ignored and never shown
    Dropped,
}

/// What happens to a user whose `active` is set to false.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Archived {
    /// Archived for good; `/scim/v2` still lists them
    #[default]
    Listed,
    /// Archived for good; nobody sees them again
    Hidden,
    /// Inactive; they can become active again
    Reversible,
}

/// Whether `/scim/v2` takes PATCH.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PatchMode {
    /// It answers with the user
    #[default]
    Answers,
    /// It answers 204, without the user
    Silent,
    /// It is refused with 501
    Unsupported,
}

/// What `/scim/v2` does with a filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Filters {
    /// It is obeyed
    #[default]
    Supported,
    /// It is refused with 400
    Refused,
    /// It is silently ignored: the whole list is given
    Ignored,
}

/// In which order `/scim/v2` lists users unless a request sorts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum RowOrder {
    /// In order of creation
    #[default]
    Created,
    /// Another one for each request, drawn from the seed of faults
    Shuffled,
}

/// What `/scim/v2` takes as a `userName`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum UserNames {
    /// An e-mail address
    #[default]
    Email,
    /// Any text
    Any,
}

/// How `/scim/v2` behaves where RFC 7643 and 7644 leave a choice, or Skovik's own is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScimModes {
    /// What it does with `externalId`.
    pub external_ids: ExternalIds,
    /// What happens to a user whose `active` is set to false.
    pub archived: Archived,
    /// Whether it takes PATCH.
    pub patch: PatchMode,
    /// Whether it gives `meta.version`, and heeds `If-Match` and `If-None-Match`.
    pub etags: bool,
    /// What it does with a filter.
    pub filters: Filters,
    /// Whether it heeds `sortBy`.
    pub sort: bool,
    /// In which order it lists users otherwise.
    pub order: RowOrder,
    /// Whether its errors have a `scimType`.
    pub scim_types: bool,
    /// What it takes as a `userName`.
    pub user_names: UserNames,
}

impl Default for ScimModes {
    fn default() -> Self {
        Self {
            external_ids: ExternalIds::default(),
            archived: Archived::default(),
            patch: PatchMode::default(),
            etags: true,
            filters: Filters::default(),
            sort: true,
            order: RowOrder::default(),
            scim_types: true,
            user_names: UserNames::default(),
        }
    }
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

/// What the sandbox does when a manager is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ManagerDelete {
    /// Their reports have no manager
    #[default]
    Nulls,
    /// It refuses with 422 while there are reports
    Refuses,
}

/// What happens to the identifiers of deleted users in the sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Identifiers {
    /// They are free again
    #[default]
    Released,
    /// They stay taken
    Reserved,
}

/// What writes do to people, the same through both interfaces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// What a PUT does with fields that it does not name.
    pub(super) put: PutMode,
    /// What a change of branch does with custom fields.
    pub(super) branch_move: BranchMove,
    /// What the deletion of a manager does to their reports.
    pub(super) manager_delete: ManagerDelete,
    /// What happens to the identifier and e-mail of a deleted user.
    pub(super) identifiers: Identifiers,
}
