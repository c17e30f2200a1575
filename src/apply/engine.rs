//! Running the operations of a plan: each as soon as what it depends on is done, several at a time.
//!
//! The engine never decides what is written; it decides when. A failed operation stops only what depends on it. What
//! may or may not have been carried out waits until nothing else can run, and is then settled together.

mod ending;
mod settling;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;

use super::expect::{Made, created, edits, resolve};
use super::journal::{Doubt, Progress, Record, Replay};
use super::operation::{Attempt, Before, End, Task, Worker};
use super::precheck::{Conflict, Standing};
use super::{Halt, Observer, Outcome, Report};
use crate::plan::{Action, Operation, OperationId, Plan};
use crate::target::wire::Edit;

/// How many operations may fail one after another before the run stops.
const FAILURES_IN_A_ROW: u32 = 5;
/// How often a create whose absence was proven is sent again in one run, and anything unclear is looked at again.
const MAX_ATTEMPTS: u32 = 3;

/// How urgently the user wants the run to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Not at all.
    No,
    /// What is under way is finished, nothing is begun.
    Gently,
    /// At once; what is under way stays in doubt.
    Now,
}

/// How a run is to be run.
#[derive(Debug)]
pub struct Options {
    /// How many operations may be under way at once.
    pub max_in_flight: usize,
    /// How long after a request was sent its absence from a list proves something.
    pub settle_after: Duration,
    /// The user's wish to stop.
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
    run.finish().await
}

/// Where an operation stands.
#[derive(Debug)]
enum State {
    /// For so many others to be done.
    Waiting(usize),
    Running,
    /// Unclear; to be settled.
    Parked {
        /// No later than this it was sent; not of the wall clock, which may jump.
        sent_at: Instant,
        problem: String,
        /// The server said that the identifier or e-mail is in use, so that nothing was made by this request.
        taken: bool,
    },
    Ended(Outcome),
}

type Running<'a> = Pin<Box<dyn Future<Output = (usize, Attempt)> + 'a>>;

struct Run<'a> {
    operations: &'a [Operation],
    replay: &'a Replay,
    worker: &'a Worker<'a>,
    options: Options,
    observer: &'a mut dyn Observer,
    states: Vec<State>,
    needed_by: Vec<Vec<u32>>,
    ready: BinaryHeap<Reverse<(bool, usize)>>,
    running: FuturesUnordered<Running<'a>>,
    made: Made,
    doubts: HashMap<usize, Doubt>,
    /// Of each operation that was begun in this run: how often, and since when.
    begun: HashMap<usize, (u32, Instant)>,
    failures_in_a_row: u32,
    halt: Option<Halt>,
    wrote: bool,
}

impl<'a> Run<'a> {
    fn new(
        plan: &'a Plan,
        replay: &'a Replay,
        standing: &Standing,
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
            worker,
            options,
            observer,
            states: operations.iter().map(|operation| State::Waiting(operation.depends_on.len())).collect(),
            needed_by,
            ready: BinaryHeap::new(),
            running: FuturesUnordered::new(),
            made: Made::new(),
            doubts: HashMap::new(),
            begun: HashMap::new(),
            failures_in_a_row: 0,
            halt: None,
            wrote: false,
        };
        run.take_up(replay, standing);
        run
    }

    /// Goes on where an earlier run of the same apply ended.
    fn take_up(&mut self, replay: &'a Replay, standing: &Standing) {
        let operations = self.operations;
        for (index, operation) in operations.iter().enumerate() {
            match replay.operations.get(&operation.id) {
                Some(Progress::Done { user_id, differs }) => {
                    self.note_made(index, user_id.as_ref());
                    self.conclude(index, Outcome::DoneBefore { differs: differs.clone() });
                }
                Some(Progress::InDoubt(doubt)) => {
                    if let Action::Create { .. } = operation.action {
                        let problem = "an earlier run ended before the answer came".to_owned();
                        // The request may have left long after its intent, and be under way still.
                        let sent_at = Instant::now();
                        self.states[index] = State::Parked { sent_at, problem, taken: false };
                    } else {
                        self.doubts.insert(index, doubt.clone());
                    }
                }
                None => {
                    if let Some(user_id) = standing.already.get(&operation.id) {
                        let (at, user_id) = ((self.worker.now)(), user_id.clone());
                        self.note_made(index, user_id.as_ref());
                        let id = operation.id;
                        self.note(&Record::Done { at, operation: id, user_id, after: None, differs: Vec::new() });
                        self.conclude(index, Outcome::DoneBefore { differs: Vec::new() });
                    }
                }
            }
        }
        for Conflict { operation, problems } in &standing.conflicts {
            // Unless something that it needs is in the way, too.
            if let State::Waiting(_) = self.states[place(*operation)] {
                let problem = format!("conflict: {}; it was left alone; plan again", problems.join(", "));
                self.end(place(*operation), Outcome::Failed { problem }, None, None);
            }
        }
        // Counting down has made some ready already; each is to be begun once.
        let is_ready = |index: &usize| matches!(self.states[*index], State::Waiting(0));
        let ready: Vec<usize> = (0..self.states.len()).filter(is_ready).collect();
        self.ready.clear();
        ready.into_iter().for_each(|index| self.make_ready(index));
    }

    /// What failed in an earlier run comes after everything else, so that each run gets further than the one before.
    fn make_ready(&mut self, index: usize) {
        let failed_before = self.replay.failed.contains(&self.operations[index].id);
        self.ready.push(Reverse((failed_before, index)));
    }

    async fn go(&mut self) {
        loop {
            if *self.options.stop.borrow() != Stop::No {
                self.halt.get_or_insert(Halt::Interrupted);
            }
            while self.halt.is_none()
                && self.running.len() < self.options.max_in_flight.max(1)
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
            let stop_now = wants(&mut self.options.stop, Stop::Now);
            tokio::select! {
                biased;
                Some((index, attempt)) = self.running.next() => self.take_in(index, attempt),
                () = stop_now => {
                    self.halt = Some(Halt::Interrupted);
                    return;
                }
            }
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
        self.running.push(Box::pin(async move { (index, worker.carry_out(operation, &task, doubt.as_ref()).await) }));
    }

    /// Resolves an operation's references to ids, which exist by now.
    fn task(&self, operation: &'a Operation) -> Result<Task<'a>, String> {
        let (managed, made) = (self.worker.managed, &self.made);
        Ok(match &operation.action {
            Action::Create { after } => Task::Create { after, expected: created(after, managed, made)? },
            Action::Update { user_id, before_hash, changes } => Task::Update {
                user_id: user_id.clone(),
                before: Before::Hash(*before_hash),
                edits: edits(changes, made)?,
            },
            Action::Link { create, manager } => {
                let after = match self.operations.get(place(*create)).map(|operation| &operation.action) {
                    Some(Action::Create { after }) => after,
                    _ => return Err("the plan links somebody whom it does not create".to_owned()),
                };
                let manager = resolve(manager, made).ok_or("the manager is not made")?.clone();
                Task::Update {
                    user_id: made.get(create).ok_or("the person is not made")?.clone(),
                    before: Before::Created(created(after, managed, made)?),
                    edits: vec![Edit::Manager(Some(manager))],
                }
            }
            Action::Delete { user_id, before_hash, .. } => Task::Delete { user_id, before_hash: *before_hash },
        })
    }

    fn take_in(&mut self, index: usize, attempt: Attempt) {
        let Attempt { end, halt, wrote, before } = attempt;
        self.wrote |= wrote || matches!(end, End::Unclear(_) | End::HalfDone(_));
        if let Some(halt) = halt {
            self.halt.get_or_insert(halt);
        }
        let (id, at) = (self.operations[index].id, (self.worker.now)());
        match end {
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
            // The journal's intent stays open, so that the same apply goes on with it.
            End::HalfDone(problem) => {
                self.count_failure();
                self.end(index, Outcome::Failed { problem }, before.as_ref(), None);
            }
            // Somebody else's doing, which says nothing about the server.
            End::Conflict(problem) => {
                if !self.doubts.contains_key(&index) {
                    self.note(&Record::NotDone { at, operation: id, problem: problem.clone() });
                }
                self.end(index, Outcome::Failed { problem }, before.as_ref(), None);
            }
            End::Unclear(problem) => self.park(index, problem, false, before),
            End::Taken(problem) => self.park(index, problem, true, before),
        }
    }
}

fn place(id: OperationId) -> usize {
    id.0 as usize - 1
}

/// Resolves when the user wants the run to end at least so urgently; never, if nobody can want it any more.
pub async fn wants(stop: &mut watch::Receiver<Stop>, urgency: Stop) {
    if stop.wait_for(|wish| *wish >= urgency).await.is_err() {
        std::future::pending::<()>().await;
    }
}
