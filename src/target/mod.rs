//! Skovik: the client ([`client`]), the API's own shapes ([`wire`]), and snapshots of an account ([`snapshot`]).
//! [`Account`] is whichever of the two a plan is made against.

mod account;
pub mod client;
mod fingerprint;
pub mod snapshot;
pub mod wire;

pub use account::{Account, Shape, shape_from_snapshot, users_from_snapshot};
pub use fingerprint::fingerprint;
