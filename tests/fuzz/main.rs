//! Fuzzing: input from outside is changed at random. Every reader must read or refuse it, without a panic, a hang, or too
//! much memory.
//!
//! `cargo test --test fuzz` runs each target for a few seconds, about a minute in all; so does `scripts/test`. These
//! environment variables change that:
//!
//! - `SKOVIK_FUZZ_SECONDS=60`: the time for each target;
//! - `SKOVIK_FUZZ_ITERATIONS=1000000`: the number of inputs for each target, without a time limit. Targets that open
//!   connections get a 25th of them;
//! - `SKOVIK_FUZZ_SEED=7`: repeats the inputs of a run with this seed and this number of inputs;
//! - `SKOVIK_FUZZ_INPUT=file`: tries only this input. Name one target: `cargo test --test fuzz records::csv`.
//!
//! Without `SKOVIK_FUZZ_SEED` the seed is random. A failing run prints the seed and the input, and saves the input in a
//! file for `SKOVIK_FUZZ_INPUT`. The newest input of a target is always in `target/tmp/fuzz/TARGET`, so it can be found
//! after an abort (stack overflow, hang).
//!
//! Stable Rust has no coverage to guide the fuzzer; [`driver`] says what guides it instead. To add a target, write a test
//! that gives [`driver::Target`] a few short valid inputs, the words with a meaning in them, and a function that checks
//! one input. The function should check as much as possible of what was read: compare it with a second reader, or write
//! the document and compare it with the input.
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

/// A folder in memory, if the system has one. A disk is too slow for a file that changes thousands of times a second.
fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The outcome of a refused input. The text of the error must not be much longer than the input.
fn refused(input: &[u8], error: &impl Display) -> Result<String, String> {
    let text = error.to_string();
    let most = 4_096 + 16 * input.len();
    assert!(text.len() <= most, "an error of {} bytes for an input of {}", text.len(), input.len());
    assert!(!printable(&text).contains(char::is_control));
    Err(text)
}
