//! The state of each operation in a run.

use std::time::Instant;

use crate::apply::{Halt, Outcome};

/// The state of an operation.
#[derive(Debug)]
pub(super) enum State {
    /// This many other operations have to be done first.
    Waiting(usize),
    Running,
    /// The outcome is unknown, and waits to be settled.
    Parked(Parked),
    Ended(Outcome),
}

/// An operation whose unknown outcome the complete list will show.
#[derive(Debug)]
pub(super) struct Parked {
    /// The latest time at which its request can have been sent; not by the wall clock, which may jump. `None` if no
    /// request can still be under way.
    pub(super) sent_at: Option<Instant>,
    pub(super) problem: String,
    pub(super) taken: Taken,
}

/// Whether the server refused a create because the identifier or e-mail is in use, so that this request created nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    No,
    /// An earlier request for the operation may have created whoever uses it.
    PerhapsByUs,
    ByOthers,
}

impl Parked {
    pub(super) fn sent_now(problem: String) -> Self {
        Self { sent_at: Some(Instant::now()), problem, taken: Taken::No }
    }
}

impl State {
    /// The outcome to report for an operation that had not ended when the run did.
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
