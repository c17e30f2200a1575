//! The sandbox: a simulator of Skovik's API on this machine, with switchable behaviours and faults.
//!
//! It is strict where the API is known or assumed to be, so that a client that works against it does what the API asks.
//! `docs/sandbox.md` describes it. It never listens on anything but loopback, never logs a key or a body, and keeps
//! whatever it does not understand exactly as it was sent.
//!
//! It has two interfaces to the same people: `/v1`, JSON:API (`api`), and `/scim/v2`, SCIM 2.0 (`scim`).
//!
//! In reading order: `json`, `users` (storage and indexes), `account` with `compose`, `validate`, `field`, `writes` and `seed`;
//! `page`, `problem`, `answer`, `call`; `fault`, `rule` and `twist`; `api` with `rename`, and `scim`; `log` and `server`.

mod account;
mod answer;
mod api;
mod call;
mod compose;
mod fault;
mod field;
mod json;
mod log;
mod mode;
mod page;
mod problem;
mod rename;
mod rule;
mod scim;
mod seed;
mod server;
mod twist;
mod users;
mod validate;
mod writes;

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::config::Names;

pub use account::Account;
pub use fault::Rule;
pub use mode::{
    Archived, BranchMove, ExternalIds, FieldOptions, Filters, Identifiers, ManagerDelete, Paging, PatchMode, Paths,
    PutMode, RowOrder, ScimModes, UserNames,
};
pub use rule::{RuleError, duration};
pub use server::Server;

/// How a sandbox behaves. The defaults are those of the command line, except for the port, which is a free one.
#[derive(Debug)]
pub struct Options {
    /// Must be a loopback address.
    pub host: IpAddr,
    /// 0 for a free one.
    pub port: u16,
    /// What it starts with.
    pub account: Account,
    /// The key that requests must bring; without one, any key will do.
    pub key: Option<SecretString>,
    /// A key that may only read.
    pub read_key: Option<SecretString>,
    /// How lists are paged.
    pub paging: Paging,
    /// The largest page, whatever is asked for.
    pub page_cap: NonZeroUsize,
    /// Whether lists tell `meta.total`.
    pub total: bool,
    /// What a PUT does with fields that it does not name.
    pub put: PutMode,
    /// What a change of branch does with custom fields.
    pub branch_move: BranchMove,
    /// What the deletion of a manager does to their reports.
    pub manager_delete: ManagerDelete,
    /// What happens to the identifier and e-mail of a deleted user.
    pub identifiers: Identifiers,
    /// How `/v1` writes paths of two words.
    pub paths: Paths,
    /// Where `/v1` gives the options of a multiple choice.
    pub field_options: FieldOptions,
    /// What `/v1` calls things.
    pub names: Names,
    /// How `/scim/v2` behaves.
    pub scim: ScimModes,
    /// How long each answer takes. A write is carried out before that time, not after.
    pub latency: Duration,
    /// The rules for faults; if several match a request, the first one strikes.
    pub faults: Vec<Rule>,
    /// The seed of faults that are drawn by chance.
    pub fault_seed: u64,
    /// Where to write a JSON line for each request.
    pub request_log: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            account: Account::default(),
            key: None,
            read_key: None,
            paging: Paging::default(),
            page_cap: NonZeroUsize::MIN.saturating_add(99),
            total: true,
            put: PutMode::default(),
            branch_move: BranchMove::default(),
            manager_delete: ManagerDelete::default(),
            identifiers: Identifiers::default(),
            paths: Paths::default(),
            field_options: FieldOptions::default(),
            names: Names::default(),
            scim: ScimModes::default(),
            latency: Duration::ZERO,
            faults: Vec::new(),
            fault_seed: 0,
            request_log: None,
        }
    }
}
