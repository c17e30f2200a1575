//! One process that applies the plan. Its functions are parts of `src/apply`, with the same names. Parts that cannot fail
//! by themselves are left out.

mod engine;
mod operation;
mod precheck;

use crate::journal::Doubt;
use crate::plan::{Action, Made, OPERATIONS};
use crate::server::{Id, User};
use crate::steps::{ReadFailure, Step};
use crate::world::{Message, Mutation, State, World};

/// How often a request is repeated if that is safe.
pub(crate) const RETRIES: u8 = 1;
/// How often one run begins an operation at most.
const MAX_ATTEMPTS: u8 = 3;

/// The memory of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    pub(crate) entries: [Entry; OPERATIONS],
    /// The users at the beginning, one bit for each id.
    known: u16,
    pub(crate) is_halted: bool,
    /// Whether this run or an earlier one has written, or may have.
    pub(crate) has_written: bool,
    /// Whether the last list was read.
    pub(crate) is_confirmed: bool,
    /// Whether it began although the plan was stale. Only a mutation does that.
    is_stale: bool,
}

/// The memory of a run about one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) phase: Phase,
    begun: u8,
    doubt: Option<Doubt>,
    attempts: Attempts,
    pub(crate) made: Option<Id>,
    /// The complete user that a successful update or link should have stored.
    pub(crate) sent: Option<User>,
    /// Whether an earlier run left the outcome unknown, and this run has not begun the operation.
    is_resumed: bool,
    /// Whether the outcome of an earlier request was unknown, in this run or before it.
    is_tried: bool,
    /// Whether an earlier run left the outcome unknown, and a manager whom the operation shows is another person now.
    is_mislabelled: bool,
}

/// The progress of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// It waits for other operations, or for its turn.
    Waiting,
    /// A request was sent.
    Sent,
    /// It waits between two attempts.
    Pausing,
    /// The user has another branch, and must be read to see the custom fields.
    Refilling,
    /// The write was answered, and other operations depend on it. This user must be read back.
    ReadingBack(Id),
    Parked {
        sent: bool,
        taken: bool,
        /// Whether no earlier request can have created the user whose identifier or e-mail is taken.
        is_others: bool,
    },
    Ended(Outcome),
}

/// The outcome of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Done,
    DoneBefore,
    /// Done in this run or an earlier one, but the account stored different values.
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
    /// Whether a request was not answered, so that the server may carry it out later.
    is_under_way: bool,
    /// Whether the user is only looked at, and nothing is sent.
    is_barred: bool,
    /// The user before the last attempt that was sent.
    before: Option<User>,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done(Option<Id>),
    /// The account stored different values.
    DoneOtherwise(Option<Id>),
    NotDone,
    /// A change of branch was refused. The server may have carried it out all the same.
    Refused,
    Conflict,
    /// The same for an operation whose outcome was unknown and no longer matters.
    Outdated,
    /// No earlier attempt was carried out, and it must not be sent again.
    NotAgain,
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
    /// The next possible steps of a process.
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
                steps.push(Step::Unread(process, operation, ReadFailure::Failed));
            }
            if reads && state.left.lies > 0 {
                steps.push(Step::Unread(process, operation, ReadFailure::SaidGone));
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

    /// Whether the operations that depend on this one may begin. For a create it is enough that the person exists.
    pub(crate) fn is_done(&self, run: &Run, operation: usize) -> bool {
        let is_create = matches!(self.operation(operation).action, Action::Create { .. });
        match run.entries[operation].phase {
            Phase::Ended(Outcome::Done | Outcome::DoneBefore) => true,
            Phase::Ended(Outcome::DoneOtherwise) => is_create,
            _ => false,
        }
    }

    /// Whether other operations depend on this one.
    pub(crate) fn is_needed(&self, operation: usize) -> bool {
        self.plan.operations.iter().any(|other| other.depends_on.contains(&operation))
    }

    /// Whether the server can no longer carry out a request of this state folder. The program waits for `settle_after`.
    fn is_late_enough(&self, state: &State, process: usize, run: &Run) -> bool {
        let has_sent = run.entries.iter().any(|entry| matches!(entry.phase, Phase::Parked { sent: true, .. }));
        let is_own = |message: &Message| self.folders[usize::from(message.process)] == self.folders[process];
        self.has(Mutation::SettlesEarly) || !has_sent || !state.network.iter().any(is_own)
    }
}
