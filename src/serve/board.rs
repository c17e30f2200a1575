//! The data of the page and the metrics. The command that runs fills it; the answers to requests read it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::runs::{Outcome, Ran, Runs};

/// How the service is doing.
#[derive(Debug, Clone)]
pub struct Board {
    /// The account, by its address.
    pub account: String,
    /// When the service began.
    pub started: Timestamp,
    /// How runs have ended.
    pub runs: Runs,
    /// When the run under way began, and why.
    pub running: Option<(Timestamp, String)>,
    /// When the next run is due by the schedule.
    pub next: Option<Timestamp>,
    /// How many runs had each outcome since the service began, in the order of [`Outcome::ALL`].
    pub ended: [u64; Outcome::ALL.len()],
    /// How long they took, in seconds.
    pub seconds: f64,
    /// How many notifications were not taken.
    pub untold: u64,
    /// The file of the waiting plan.
    pub plan: PathBuf,
    /// The commands to type.
    pub commands: Commands,
}

/// The commands that the page prints.
#[derive(Debug, Clone)]
pub struct Commands {
    /// Shows the plan.
    pub show: String,
    /// Approves it.
    pub approve: String,
}

impl Board {
    /// Counts a run that ended.
    pub fn count(&mut self, ran: &Ran) {
        self.running = None;
        self.seconds += ran.ended.duration_since(ran.began).as_secs_f64().max(0.0);
        for (outcome, count) in Outcome::ALL.iter().zip(&mut self.ended) {
            *count += u64::from(*outcome == ran.outcome);
        }
    }
}

/// The board, shared.
#[derive(Debug, Clone)]
pub struct SharedBoard(Arc<Mutex<Board>>);

impl SharedBoard {
    /// Shares a board.
    #[must_use]
    pub fn new(board: Board) -> Self {
        Self(Arc::new(Mutex::new(board)))
    }

    /// The board, for a short while.
    pub fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
