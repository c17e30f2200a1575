//! Why a request has no answer.

use std::time::Duration;

/// Why there is no answer. The text holds no secret and no control character.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Surely nothing was done: there was no connection, or the server answered 429 every time.
    NotSent {
        /// Why.
        problem: String,
        /// How long to wait before another attempt, if that may help.
        again: Option<Duration>,
    },
    /// No usable answer came. What was asked may have been done or not.
    Unclear {
        /// What happened.
        problem: String,
        /// How long to wait before another attempt, if that may help.
        again: Option<Duration>,
    },
    /// What it is based on was old when its turn came. Nothing was sent.
    Late,
    /// The run was ended while the request waited for its turn; nothing was sent since.
    Stopped {
        /// Whether an earlier attempt may have been carried out.
        maybe_done: bool,
    },
}
