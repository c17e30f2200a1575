//! Skovik: the client ([`client`]), the API's own shapes ([`wire`]), and snapshots of an account ([`snapshot`]).

pub mod snapshot;
pub mod wire;
