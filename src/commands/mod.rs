//! The commands, one file each: orchestration only. What they decide stands in the core.

pub mod completions;
pub mod sandbox;
pub mod show;
pub mod snapshot;
