//! The integration tests, as one program: the real binary, and real servers on loopback.

mod approvals;
mod architecture;
mod bad_data;
mod canonical_hash;
mod commands;
mod exit_codes;
mod guards;
mod harness;
mod planning;
mod printed;
mod sandbox;
mod secrets;
mod stale;
mod target;
mod terminal;
mod whole;
