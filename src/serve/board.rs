//! The data of the page and the metrics. The command that runs fills it; the answers to requests read it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
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
    /// The page of the plan that waits, with its hash, once somebody has read it. All its readers share it: they may be many,
    /// and slow. It holds personal data, so it goes when that plan does not wait any more.
    pub page: Option<(String, Bytes)>,
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
        self.runs.add(ran.clone());
        self.forget_page();
        self.running = None;
        self.seconds += ran.ended.duration_since(ran.began).as_secs_f64().max(0.0);
        for (outcome, count) in Outcome::ALL.iter().zip(&mut self.ended) {
            *count += u64::from(*outcome == ran.outcome);
        }
    }

    /// Takes the runs as they are recorded.
    pub fn show(&mut self, runs: &Runs) {
        self.runs.clone_from(runs);
        self.forget_page();
    }

    /// The page of the plan with this hash, if it is kept.
    #[must_use]
    pub fn page_of(&self, hash: &str) -> Option<Bytes> {
        self.page.as_ref().filter(|(of, _)| of == hash).map(|(_, page)| page.clone())
    }

    /// Keeps the page of a plan, if that waits still.
    pub fn keep_page(&mut self, hash: String, page: Bytes) {
        self.page = Some((hash, page));
        self.forget_page();
    }

    fn forget_page(&mut self) {
        let waiting = self.runs.waiting().map(|plan| &plan.hash);
        if self.page.as_ref().map(|(of, _)| of) != waiting {
            self.page = None;
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::plan::Summary;
    use crate::runs::Figures;
    use crate::runs::tests::ran;

    #[test]
    fn the_page_of_a_plan_goes_when_the_plan_does_not_wait_any_more() {
        let mut board = Board {
            account: String::new(),
            started: Timestamp::UNIX_EPOCH,
            runs: Runs::default(),
            running: None,
            next: None,
            ended: [0; Outcome::ALL.len()],
            seconds: 0.0,
            untold: 0,
            plan: PathBuf::new(),
            commands: Commands { show: String::new(), approve: String::new() },
            page: None,
        };
        let waits = |hash: &str| {
            let (hash, summary, guards) = (hash.to_owned(), Summary::default(), Vec::new());
            Ran { plan: Some(Figures { hash, summary, waiting: 0, operations: 1, guards }), ..ran(Outcome::Waiting, 0) }
        };
        let keep = |board: &mut Board| board.keep_page("one".to_owned(), Bytes::from_static(b"Anna"));
        keep(&mut board);
        assert_eq!(board.page, None, "no plan waits");
        board.count(&waits("one"));
        keep(&mut board);
        board.count(&waits("one"));
        board.count(&ran(Outcome::Skipped, 0));
        assert_eq!((board.page_of("one").unwrap(), board.page_of("other")), (Bytes::from_static(b"Anna"), None));
        board.count(&waits("other"));
        assert_eq!(board.page, None);
        keep(&mut board);
        assert_eq!(board.page, None, "it was rendered while another one was made");
        board.count(&waits("one"));
        keep(&mut board);
        let mut runs = board.runs.clone();
        runs.add(ran(Outcome::Succeeded, 1));
        board.show(&runs);
        assert_eq!(board.page, None);
    }
}
