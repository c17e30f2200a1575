//! Running the operations of a plan: each as soon as what it depends on is done, several at a time.
//!
//! The engine never decides what is written; it decides when. A failed operation stops only the operations that depend
//! on it. Operations with an unknown outcome wait until nothing else can run, and are then settled together.

mod confirm;
mod dependents;
mod newcomer;
mod old_list;
mod resume;
mod sent;
mod settling_list;
mod state;
mod task;
mod unclear;

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;

use super::expected_state::Made;
use super::journal::{Doubt, Record, Replay};
use super::known::Known;
use super::operation::{Attempt, End, Worker};
use super::precheck::Standing;
use super::{Ended, Halt, Observer, Outcome, Report};
use crate::employee::UserId;
use crate::plan::{Operation, OperationId, Plan};
use crate::provider::StoredUser;

use sent::Sent;
use state::{Parked, State, Taken};

/// How many operations may fail one after another before the run stops.
const FAILURES_IN_A_ROW: u32 = 5;
/// How often one run repeats a create that the list showed to have had no effect, or checks another unclear outcome.
const MAX_ATTEMPTS: u32 = 3;

/// How urgently the user wants the run to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Not at all.
    No,
    /// Operations that are under way are finished; no other is begun.
    Gently,
    /// At once; the outcome of operations that are under way stays unknown.
    Now,
}

/// The settings of a run.
#[derive(Debug)]
pub struct Options {
    /// How many requests may be under way at once; the client enforces it.
    pub max_in_flight: usize,
    /// How many operations are under way for each of these requests, so that requests go out while other operations
    /// wait for the journal.
    pub operations_per_request: usize,
    /// How long after a request a list must be read to prove that the request had no effect.
    pub settle_after: Duration,
    /// Tells when the user asks the run to stop.
    pub stop: watch::Receiver<Stop>,
}

/// Runs what is left of a plan.
pub async fn run(
    plan: &Plan,
    replay: &Replay,
    standing: &Standing,
    worker: &Worker<'_>,
    options: Options,
    observer: &mut dyn Observer,
) -> Report {
    let mut run = Run::new(plan, replay, standing, worker, options, observer);
    run.go().await;
    run.confirm().await;
    run.finish().await
}

type Running<'a> = Pin<Box<dyn Future<Output = (usize, Attempt)> + 'a>>;

struct Run<'a> {
    operations: &'a [Operation],
    replay: &'a Replay,
    standing: &'a Standing,
    worker: &'a Worker<'a>,
    options: Options,
    observer: &'a mut dyn Observer,
    states: Vec<State>,
    needed_by: Vec<Vec<u32>>,
    ready: BinaryHeap<Reverse<(bool, usize)>>,
    running: FuturesUnordered<Running<'a>>,
    made: Made,
    /// The users in `made`, each with the index of its create.
    made_users: HashMap<UserId, usize>,
    doubts: HashMap<usize, Doubt>,
    /// Why an update in doubt must not be sent again, by the last list.
    bars: HashMap<usize, String>,
    /// What was sent to each user: by one operation, or by a create and its link.
    sent: HashMap<UserId, Vec<Sent>>,
    /// The users that the plan deletes; computed when first needed.
    removed: OnceCell<HashSet<UserId>>,
    /// For each operation begun in this run: how often it was begun, and when first.
    begun: HashMap<usize, (u32, Instant)>,
    failures_in_a_row: u32,
    halt: Option<Halt>,
    is_interrupted: bool,
    wrote: bool,
}

impl<'a> Run<'a> {
    fn new(
        plan: &'a Plan,
        replay: &'a Replay,
        standing: &'a Standing,
        worker: &'a Worker<'a>,
        options: Options,
        observer: &'a mut dyn Observer,
    ) -> Self {
        let operations = plan.content().operations.as_slice();
        let mut needed_by = vec![Vec::new(); operations.len()];
        for (index, operation) in (0..).zip(operations) {
            operation.depends_on.iter().for_each(|needed| needed_by[place(*needed)].push(index));
        }
        let mut run = Self {
            operations,
            replay,
            standing,
            worker,
            options,
            observer,
            states: operations.iter().map(|operation| State::Waiting(operation.depends_on.len())).collect(),
            needed_by,
            ready: BinaryHeap::new(),
            running: FuturesUnordered::new(),
            made: Made::new(),
            made_users: HashMap::new(),
            doubts: HashMap::new(),
            bars: HashMap::new(),
            sent: HashMap::new(),
            removed: OnceCell::new(),
            begun: HashMap::new(),
            failures_in_a_row: 0,
            halt: None,
            is_interrupted: false,
            wrote: false,
        };
        if !replay.has_written() && replay.known.is_none() && plan.content().summary.create > 0 {
            // It is on disk before or with the first intent.
            run.note(&Record::Known { at: (worker.now)(), users: Known::of(standing.users.keys()) });
        }
        run.take_up(replay, standing);
        run
    }

    /// Operations that failed in an earlier run come last, so that each run gets further than the one before.
    fn make_ready(&mut self, index: usize) {
        let failed_before = self.replay.failed.contains(&self.operations[index].id);
        self.ready.push(Reverse((failed_before, index)));
    }

    async fn go(&mut self) {
        loop {
            if *self.options.stop.borrow() != Stop::No {
                self.halt.get_or_insert(Halt::Interrupted);
            }
            self.halt = self.halt.take().or_else(|| self.observer.halt());
            if self.halt.is_some() {
                // Requests that were sent are waited for; requests that wait for their turn are not.
                self.worker.provider.end_waits();
            }
            while self.halt.is_none()
                && self.running.len() < self.most_under_way()
                && let Some(Reverse((_, index))) = self.ready.pop()
            {
                self.begin(index);
            }
            if self.running.is_empty() {
                if self.halt.is_some() || !self.settle().await {
                    return;
                }
                continue;
            }
            let next = if self.is_interrupted { Stop::Now } else { Stop::Gently };
            tokio::select! {
                biased;
                Some((index, attempt)) = self.running.next() => self.take_in(index, attempt),
                () = wants(&mut self.options.stop, next) => {
                    self.halt = Some(Halt::Interrupted);
                    if next == Stop::Now {
                        return;
                    }
                    self.is_interrupted = true;
                }
            }
        }
    }

    /// How many operations run at once: more than requests, so that requests go out while other operations wait for the
    /// journal. The client never sends more than `max_in_flight` requests. If that is one, operations run one at a
    /// time.
    fn most_under_way(&self) -> usize {
        match self.options.max_in_flight {
            0 | 1 => 1,
            more => self.options.operations_per_request * more,
        }
    }

    fn begin(&mut self, index: usize) {
        let operation = &self.operations[index];
        let attempts = self.begun.entry(index).or_insert((0, Instant::now()));
        attempts.0 += 1;
        self.observer.started(operation, attempts.0);
        let task = match self.task(operation) {
            Ok(task) => task,
            Err(problem) => return self.end(index, Outcome::Failed { problem }, None, None),
        };
        self.states[index] = State::Running;
        let (worker, doubt) = (self.worker, self.doubts.get(&index).cloned());
        let bar = self.bars.remove(&index).or_else(|| self.unmet(index)).map(|why| left_alone(&why));
        let is_needed = self.is_needed(index);
        self.running.push(Box::pin(async move {
            (index, worker.carry_out(operation, &task, doubt.as_ref(), bar.as_deref(), is_needed).await)
        }));
    }

    fn take_in(&mut self, index: usize, attempt: Attempt) {
        let Attempt { end, halt, wrote, is_after_unclear, before, .. } = attempt;
        self.wrote |= wrote || is_after_unclear || matches!(end, End::Unclear(_) | End::HalfDone(_));
        if let Some(halt) = halt {
            self.halt.get_or_insert(halt);
        }
        let (id, at) = (self.operations[index].id, (self.worker.now)());
        match end {
            End::Done { user_id: Some(user_id), .. } if let Some(other) = self.not_new(index, &user_id) => {
                let problem = format!("Skovik answered with the user {user_id}, {other}");
                self.doubt_maker(&user_id, &problem);
                self.park(index, Parked::sent_now(problem), before);
            }
            End::Done { user_id, after, differs } => {
                let record = Record::Done { at, operation: id, user_id, after, differs };
                self.note(&record);
                if let Record::Done { user_id, after, differs, .. } = record {
                    self.end(index, Outcome::Done { user_id, differs }, before.as_ref(), after.as_ref());
                }
            }
            End::NotDone(problem) => {
                self.count_failure();
                self.note(&Record::NotDone { at, operation: id, problem: problem.clone() });
                self.end(index, Outcome::Failed { problem }, before.as_ref(), None);
            }
            // The intent stays open in the journal, so that the same apply resumes it.
            End::HalfDone(problem) => {
                self.count_failure();
                self.end(index, Outcome::Failed { problem }, before.as_ref(), None);
            }
            // Somebody else changed the user; that is no fault of the server.
            End::Conflict(problem) => {
                if !self.doubts.contains_key(&index) {
                    self.note(&Record::NotDone { at, operation: id, problem: problem.clone() });
                }
                self.end(index, Outcome::Failed { problem }, before.as_ref(), None);
            }
            End::Outdated(problem) => self.outdate(index, problem, None, before.as_ref()),
            End::NotAgain(problem) => {
                self.note(&Record::NotDone { at, operation: id, problem: problem.clone() });
                self.end(index, self.not_again(problem), before.as_ref(), None);
            }
            End::Unclear(problem) => self.park(index, Parked::sent_now(problem), before),
            End::Taken(problem) => {
                let taken = if self.is_tried(index) { Taken::PerhapsByUs } else { Taken::ByOthers };
                self.park(index, Parked { taken, ..Parked::sent_now(problem) }, before);
            }
            End::SaidGone(problem) => self.park(index, Parked { sent_at: None, problem, taken: Taken::No }, before),
            End::Stopped => {
                let problem = "the run was stopped before it was sent".to_owned();
                self.note(&Record::NotDone { at, operation: id, problem });
                let why = self.halt.as_ref().unwrap_or(&Halt::Interrupted);
                let because = format!("the run was stopped: {why}");
                self.end(index, Outcome::NotAttempted { because }, None, None);
            }
        }
    }

    /// What became of an operation in doubt that was not carried out, and is not sent again for this reason.
    fn not_again(&self, problem: String) -> Outcome {
        match &self.standing.bar {
            Some(bar) if left_alone(bar) == problem => Outcome::NotAttempted { because: bar.clone() },
            _ => Outcome::Failed { problem },
        }
    }

    /// Ends an operation in doubt whose user has changed since, or whose identifier this new user has. It counts as possibly
    /// done, and no new plan waits for it.
    fn outdate(&mut self, index: usize, problem: String, user_id: Option<UserId>, before: Option<&StoredUser>) {
        let (at, operation) = ((self.worker.now)(), self.operations[index].id);
        self.note(&Record::Outdated { at, operation, problem: problem.clone(), user_id });
        self.end(index, Outcome::Failed { problem }, before, None);
    }

    /// Stops the run if too many operations in a row fail, instead of hammering a broken server.
    fn count_failure(&mut self) {
        self.failures_in_a_row += 1;
        if self.failures_in_a_row >= FAILURES_IN_A_ROW {
            self.halt.get_or_insert(Halt::Failures(self.failures_in_a_row));
        }
    }

    fn end(&mut self, index: usize, outcome: Outcome, before: Option<&StoredUser>, after: Option<&StoredUser>) {
        if let Outcome::Done { user_id, .. } = &outcome {
            let user_id = user_id.clone();
            self.note_made(index, user_id.as_ref());
            self.remember(index, before);
            self.failures_in_a_row = 0;
        }
        self.tell(index, &outcome, before, after);
        self.conclude(index, outcome);
    }

    fn tell(&mut self, index: usize, outcome: &Outcome, before: Option<&StoredUser>, after: Option<&StoredUser>) {
        let (attempts, took) = self.begun.get(&index).map_or((0, Duration::ZERO), |(n, since)| (*n, since.elapsed()));
        self.observer.ended(Ended { operation: &self.operations[index], outcome, attempts, took, before, after });
    }

    fn conclude(&mut self, index: usize, outcome: Outcome) {
        let because = self.holds_up(index, &outcome);
        self.states[index] = State::Ended(outcome);
        match because {
            None => self.release(index),
            Some(because) => self.give_up_dependents(index, &because),
        }
    }

    /// Whether other operations depend on this one: then the user is read back after the write.
    fn is_needed(&self, index: usize) -> bool {
        !self.needed_by[index].is_empty()
    }

    /// Does not wait until the record is on disk: the next intent follows it in the same file, and that is waited for.
    fn note(&self, record: &Record) {
        drop(self.worker.journal.write(record));
    }

    async fn finish(self) -> Report {
        let Self { states, halt, wrote, operations, observer, worker, running, .. } = self;
        drop(running);
        let mut report = Report { outcomes: Vec::with_capacity(states.len()), halt, wrote };
        for (state, operation) in states.into_iter().zip(operations) {
            let outcome = match state {
                State::Ended(outcome) => outcome,
                open => {
                    let outcome = open.left_open(report.halt.as_ref());
                    observer.ended(Ended {
                        operation,
                        outcome: &outcome,
                        attempts: 0,
                        took: Duration::ZERO,
                        before: None,
                        after: None,
                    });
                    outcome
                }
            };
            report.outcomes.push(outcome);
        }
        // A run that its last list did not confirm is not finished.
        let at = (worker.now)();
        let is_finished = report.halt.is_none() && report.is_complete();
        let last = if is_finished { Record::Finished { at } } else { Record::Ended { at } };
        if let Err(error) = worker.journal.write(&last).done().await {
            report.halt.get_or_insert(Halt::of_journal(&error));
        }
        report
    }
}

fn place(id: OperationId) -> usize {
    id.0 as usize - 1
}

fn left_alone(why: &str) -> String {
    format!("conflict: {why}; it was left alone; plan again")
}

/// Resolves when the user asks for a stop of at least this urgency; never if the sender is gone.
pub async fn wants(stop: &mut watch::Receiver<Stop>, urgency: Stop) {
    if stop.wait_for(|wish| *wish >= urgency).await.is_err() {
        std::future::pending::<()>().await;
    }
}
