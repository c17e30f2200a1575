//! The service: accepts signed events of webhooks, keeps them until a run has handled them, says when the next run is
//! due, and shows how runs ended. [`crate::commands`] starts the runs.
//!
//! Nothing here plans, approves or writes to Skovik, and no request can make it do so: an event is only a reason to
//! run, and a page only shows.

mod board;
mod ids;
mod metrics;
mod page;
mod queue;
mod rate;
mod routes;
pub mod schedule;
mod server;
mod tls;
mod turns;
mod verify;

pub use board::{Board, Commands, SharedBoard};
pub use queue::{Queue, Taken};
pub use routes::{Service, Webhook};
pub use server::{Port, Server};
pub use verify::Verifier;

/// The fewest characters of the token for readers.
pub const SHORTEST_TOKEN: usize = 16;
