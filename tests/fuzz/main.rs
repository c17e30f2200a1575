//! Fuzzing: what comes from outside is broken in many ways, and every reader must refuse it or read it, without a panic,
//! a hang, or memory beyond a bound.
//!
//! `cargo test --test fuzz` gives each target a few seconds, about a minute in all; `scripts/test` does so too. The
//! environment changes that:
//!
//! - `SKOVIK_FUZZ_SECONDS=60`: so long for each target;
//! - `SKOVIK_FUZZ_ITERATIONS=1000000`: so many inputs for each target, however long that takes; a 25th of them
//!   for targets that open connections;
//! - `SKOVIK_FUZZ_SEED=7`: the same inputs as every other run with this seed and as many iterations;
//! - `SKOVIK_FUZZ_INPUT=file`: this input alone. Name one target: `cargo test --test fuzz records::csv`.
//!
//! Without a seed every run draws another one. A failing run prints the seed and the input, and keeps the input in a
//! file for `SKOVIK_FUZZ_INPUT`. The newest input of a target is always in `target/tmp/fuzz/TARGET`, so that an abort
//! (a stack that overflows, a hang) leaves it behind.
//!
//! There is no coverage to guide it, which stable Rust does not give; [`driver`] says what does instead. To add a
//! target, write a test that gives [`driver::Target`] a few short valid inputs, the words that mean something in them,
//! and a function that judges one input. The more it asserts of what was read, the better: a second reader that must
//! agree, a document that must be the same when it is written again.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod directory;
mod documents;
mod driver;
mod mutate;
mod records;
mod servers;
mod settings;

use std::fmt::Display;
use std::fs;
use std::path::Path;

use skovik_sync::text::printable;
use tempfile::TempDir;

/// A file of the fixtures.
fn fixture(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)).unwrap()
}

/// A folder in memory, where there is one: a file that is written over thousands of times in a second would wait for a
/// disk.
fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// What became of an input that was refused. The text of the error must not be much longer than the input.
fn refused(input: &[u8], error: &impl Display) -> Result<String, String> {
    let text = error.to_string();
    let most = 4_096 + 16 * input.len();
    assert!(text.len() <= most, "an error of {} bytes for an input of {}", text.len(), input.len());
    assert!(!printable(&text).contains(char::is_control));
    Err(text)
}
