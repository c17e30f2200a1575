//! The arguments of `sandbox`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use crate::sandbox::{
    Archived, BranchMove, ExternalIds, FieldOptions, Filters, Identifiers, ManagerDelete, Paging, PatchMode, Paths,
    PutMode, RowOrder, UserNames,
};

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// The port to listen on; 0 for a free one, which is printed
    #[arg(long, default_value_t = 8480)]
    pub port: u16,
    /// The address to listen on, which must be a loopback one
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// A snapshot to start from; otherwise the account is empty but for one branch
    #[arg(long, value_name = "SNAPSHOT")]
    pub seed: Option<PathBuf>,
    /// Where to save the account as a snapshot when the sandbox is stopped
    #[arg(long, value_name = "SNAPSHOT")]
    pub save: Option<PathBuf>,
    /// The key that requests must have; without this option, any key is accepted
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// A key that may read but not write: anything but a GET is answered with 403
    #[arg(long, value_name = "KEY")]
    pub read_key: Option<String>,
    /// How lists are paged
    #[arg(long, value_enum, default_value_t = Paging::StrictCursor)]
    pub paging: Paging,
    /// The largest page that the server gives, whatever is asked for
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub page_cap: usize,
    /// Leave `meta.total` out of lists
    #[arg(long)]
    pub no_total: bool,
    /// What a PUT does with fields that it does not name
    #[arg(long, value_enum, default_value_t = PutMode::Replace)]
    pub put: PutMode,
    /// What a change of branch does with custom fields
    #[arg(long, value_enum, default_value_t = BranchMove::Empties)]
    pub branch_move: BranchMove,
    /// What the deletion of a manager does to their reports
    #[arg(long, value_enum, default_value_t = ManagerDelete::Nulls)]
    pub manager_delete: ManagerDelete,
    /// What happens to the identifier and e-mail of a deleted user
    #[arg(long, value_enum, default_value_t = Identifiers::Released)]
    pub identifiers: Identifiers,
    /// How /v1 writes paths of two words
    #[arg(long, value_enum, default_value_t = Paths::Underscored)]
    pub paths: Paths,
    /// Where /v1 gives the options of a multiple choice
    #[arg(long, value_enum, default_value_t = FieldOptions::Separate)]
    pub field_options: FieldOptions,
    /// Use the names in `[target.names]` of this settings file on /v1
    #[arg(long, value_name = "SETTINGS")]
    pub names: Option<PathBuf>,
    /// How long each answer takes, such as 20ms
    #[arg(long, value_name = "DURATION")]
    pub latency: Option<String>,
    /// A rule for faults; repeatable; see docs/sandbox.md
    #[arg(long, value_name = "RULE")]
    pub fail: Vec<String>,
    /// The seed of faults that are drawn by chance
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub fault_seed: u64,
    /// Write one JSON line for each request to this file
    #[arg(long, value_name = "FILE")]
    pub request_log: Option<PathBuf>,
    /// How /scim/v2 behaves; last, because its heading applies to all options after it.
    #[command(flatten)]
    pub scim: SandboxScim,
}

/// Arguments of `sandbox` for its second interface, `/scim/v2`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of /scim/v2")]
pub struct SandboxScim {
    /// What it does with externalId
    #[arg(long, value_enum, default_value_t = ExternalIds::Kept)]
    pub external_id: ExternalIds,
    /// What happens to a user whose active is set to false
    #[arg(long, value_enum, default_value_t = Archived::Listed)]
    pub archived: Archived,
    /// Whether it takes PATCH
    #[arg(long, value_enum, default_value_t = PatchMode::Answers)]
    pub patch: PatchMode,
    /// What it does with a filter
    #[arg(long, value_enum, default_value_t = Filters::Supported)]
    pub filter: Filters,
    /// In which order it lists users
    #[arg(long, value_enum, default_value_t = RowOrder::Created)]
    pub order: RowOrder,
    /// What it takes as a userName
    #[arg(long, value_enum, default_value_t = UserNames::Email)]
    pub user_name: UserNames,
    /// Give no meta.version, and ignore If-Match
    #[arg(long)]
    pub no_etag: bool,
    /// Ignore sortBy
    #[arg(long)]
    pub no_sort: bool,
    /// Leave scimType out of errors
    #[arg(long)]
    pub no_scim_type: bool,
}
