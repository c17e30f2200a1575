//! One process that applies the plan. Its functions are pieces of `src/apply` under the names that they have there, without
//! what cannot go wrong on its own.

mod engine;
mod operation;
mod precheck;

use crate::journal::Doubt;
use crate::plan::{Action, Made, OPERATIONS};
use crate::server::{Id, User};
use crate::steps::{Step, Unread};
use crate::world::{Message, Mutation, State, World};

/// How often a request is tried again where that is safe.
pub(crate) const RETRIES: u8 = 1;
/// How often an operation is begun in one run.
const MAX_ATTEMPTS: u8 = 3;

/// What a run has in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    pub(crate) entries: [Entry; OPERATIONS],
    /// Who was there when it began, one bit an id.
    known: u16,
    pub(crate) is_halted: bool,
    /// Whether anything was written, or may have been, in this run or before.
    pub(crate) has_written: bool,
    /// Whether the list at the end was read.
    pub(crate) is_confirmed: bool,
    /// It was begun although the plan was stale, which only a mutation does.
    is_stale: bool,
}

/// What a run knows of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) phase: Phase,
    begun: u8,
    doubt: Option<Doubt>,
    attempts: Attempts,
    pub(crate) made: Option<Id>,
    /// The whole user as an update or link that is done should have left them.
    sent: Option<User>,
    /// An earlier run left it in doubt, and this one has not begun it.
    is_resumed: bool,
}

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// For others to be done, or for its turn.
    Waiting,
    /// A request is on its way.
    Sent,
    /// Between two attempts.
    Pausing,
    /// The user was moved; what their custom fields are now is to be read.
    Refilling,
    /// The write was answered, and others wait for it: this user is to be read back.
    ReadingBack(Id),
    Parked {
        sent: bool,
        taken: bool,
    },
    Ended(Outcome),
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Done,
    DoneBefore,
    /// Done in this run or before, but the account holds something else than it was sent.
    DoneOtherwise,
    Failed,
    InDoubt,
    NotAttempted,
}

/// The attempts of one update or delete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Attempts {
    left: u8,
    doubt: Option<Doubt>,
    unclear: bool,
    /// The user before the first attempt that was sent.
    first: Option<User>,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done(Option<Id>),
    /// The account holds something else than it was sent.
    DoneOtherwise(Option<Id>),
    NotDone,
    Conflict,
    HalfDone,
    Unclear,
    Taken,
    SaidGone,
}

impl Run {
    pub(crate) fn made(&self) -> Made {
        std::array::from_fn(|operation| self.entries[operation].made)
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| matches!(entry.phase, Phase::Sent | Phase::Pausing | Phase::Refilling | Phase::ReadingBack(_)))
    }

    pub(crate) fn is_parked(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.phase, Phase::Parked { .. }))
    }
}

impl World {
    /// What a process can do next.
    pub(crate) fn steps_of(&self, state: &State, process: usize, steps: &mut Vec<Step>) {
        let Some(run) = &state.runs[process] else {
            steps.push(Step::Start(process));
            return;
        };
        let may_go_wrong = state.left.faults > 0;
        for operation in 0..self.operations() {
            let is_create = matches!(self.operation(operation).action, Action::Create { .. });
            let is_ready = self.is_ready(run, operation);
            match run.entries[operation].phase {
                Phase::Waiting if is_ready => steps.push(Step::Begin(process, operation)),
                Phase::Pausing => steps.push(Step::Again(process, operation)),
                Phase::Refilling => {
                    steps.push(Step::Refill(process, operation));
                    if may_go_wrong {
                        steps.push(Step::RefillUnread(process, operation));
                    }
                }
                Phase::ReadingBack(_) => {
                    steps.push(Step::ReadBack(process, operation));
                    if may_go_wrong {
                        steps.push(Step::ReadBackUnread(process, operation));
                    }
                }
                _ => {}
            }
            let reads = match run.entries[operation].phase {
                Phase::Waiting => is_ready && !is_create,
                Phase::Pausing => true,
                _ => false,
            };
            if reads && may_go_wrong {
                steps.push(Step::Unread(process, operation, Unread::Failed));
            }
            if reads && state.left.lies > 0 {
                steps.push(Step::Unread(process, operation, Unread::SaidGone));
            }
        }
        if run.is_under_way() {
            return;
        }
        let is_ready = (0..self.operations()).any(|operation| self.is_ready(run, operation));
        if run.is_halted || !(is_ready || run.is_parked()) {
            let may_finish = run.is_halted || run.is_confirmed || !run.has_written;
            if may_finish || self.has(Mutation::ConfirmsNothing) {
                steps.push(Step::Finish(process));
            } else {
                steps.push(Step::Confirm(process));
                if may_go_wrong {
                    steps.push(Step::ConfirmUnread(process));
                }
            }
        } else if !is_ready && self.is_late_enough(state, process, run) {
            steps.push(Step::Settle(process));
            if may_go_wrong {
                steps.push(Step::SettleUnread(process));
            }
        }
    }

    pub(crate) fn is_ready(&self, run: &Run, operation: usize) -> bool {
        !run.is_halted
            && run.entries[operation].phase == Phase::Waiting
            && self.operation(operation).depends_on.iter().all(|needed| self.is_done(run, *needed))
    }

    /// Whether what depends on an operation may be begun. A create has at least made the person.
    pub(crate) fn is_done(&self, run: &Run, operation: usize) -> bool {
        let is_create = matches!(self.operation(operation).action, Action::Create { .. });
        match run.entries[operation].phase {
            Phase::Ended(Outcome::Done | Outcome::DoneBefore) => true,
            Phase::Ended(Outcome::DoneOtherwise) => is_create,
            _ => false,
        }
    }

    /// Whether others wait for an operation.
    pub(crate) fn is_needed(&self, operation: usize) -> bool {
        self.plan.operations.iter().any(|other| other.depends_on.contains(&operation))
    }

    /// Whether nothing that this state folder knows of is on its way any more, which waiting for `settle_after` ensures.
    fn is_late_enough(&self, state: &State, process: usize, run: &Run) -> bool {
        let has_sent = run.entries.iter().any(|entry| matches!(entry.phase, Phase::Parked { sent: true, .. }));
        let is_own = |message: &Message| self.folders[usize::from(message.process)] == self.folders[process];
        self.has(Mutation::SettlesEarly) || !has_sent || !state.network.iter().any(is_own)
    }
}
