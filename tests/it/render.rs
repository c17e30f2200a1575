//! The renderings of whole plans, as `Plan::make` makes them: against the published schemas, through `show`, and in a
//! browser.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

pub(crate) mod browser;
mod company;
pub(crate) mod schema;
mod show;
