//! Where each operation of a run stands.

use std::time::Instant;

use crate::apply::{Halt, Outcome};

/// Where an operation stands.
#[derive(Debug)]
pub(super) enum State {
    /// For so many others to be done.
    Waiting(usize),
    Running,
    /// Unclear; to be settled.
    Parked(Parked),
    Ended(Outcome),
}

/// An operation whose outcome the complete list shall tell.
#[derive(Debug)]
pub(super) struct Parked {
    /// No later than this its request was sent; not of the wall clock, which may jump. `None` where none may be under way
    /// still.
    pub(super) sent_at: Option<Instant>,
    pub(super) problem: String,
    /// The server said that the identifier or e-mail is in use, so that nothing was made by this request.
    pub(super) taken: bool,
}

impl Parked {
    pub(super) fn sent_now(problem: String) -> Self {
        Self { sent_at: Some(Instant::now()), problem, taken: false }
    }
}

impl State {
    /// What is said of an operation that the run ended without.
    pub(super) fn left_open(self, halt: Option<&Halt>) -> Outcome {
        let because = halt.map_or_else(|| "the run ended".to_owned(), ToString::to_string);
        match self {
            Self::Ended(outcome) => outcome,
            Self::Waiting(_) => Outcome::NotAttempted { because: format!("the run was stopped: {because}") },
            Self::Running => Outcome::InDoubt { problem: "the run was stopped before the answer came".to_owned() },
            Self::Parked(Parked { problem, .. }) => Outcome::InDoubt { problem },
        }
    }
}
