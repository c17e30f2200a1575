//! Approvals: who has approved exactly which plan, until when, and how far beyond which guards.
//!
//! An approval is a file next to the plan that names the plan's hash. It may carry an SSH signature over its whole
//! content ([`signature`]), which counts if the company's list of signers says so ([`signers`]). How many people are
//! needed can depend on what the plan does ([`crate::config::escalation`]). [`judge`] decides from all that whether a
//! plan may be applied.
//!
//! Nothing here reads a file, a clock or the environment, or asks a person.

mod armor;
pub mod automatic;
mod grouped;
mod name;
mod patterns;
mod people;
mod policy;
mod record;
pub mod signature;
pub mod signers;

pub use grouped::{Group, grouped};
pub use people::Accepted;
pub use policy::{Found, Granted, NotApproved, Proof, Rules, examine, judge, not_lifted};
pub use record::{Approval, FORMAT, FORMAT_VERSION, GREATEST_CEILING, MAX_BYTES, file_name};
