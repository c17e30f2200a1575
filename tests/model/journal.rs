//! The journal in the model: the lines on disk, and those that are only in memory.

use crate::plan::OPERATIONS;
use crate::server::{Id, User};

/// Requests whose outcome is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Doubt {
    /// The complete user before the last such request; a refill is none.
    pub(crate) before: Option<User>,
}

impl Doubt {
    /// Notes the user as read before another request.
    pub(crate) fn renew(&mut self, before: Option<User>) {
        self.before = before.or(self.before);
    }
}

/// What a journal says about one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Progress {
    /// `differs`: the account stored different values.
    Done {
        user: Option<Id>,
        differs: bool,
    },
    InDoubt(Doubt),
}

/// An outcome. Nothing waits until it is on disk. It is on disk before the next intent, or a crash loses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Record {
    Done {
        operation: usize,
        user: Option<Id>,
        differs: bool,
    },
    /// A create that was noted as done, and whose outcome is unknown again.
    Doubted {
        operation: usize,
    },
    NotDone {
        operation: usize,
    },
    /// A list shows that an operation is not done after all.
    Contradicted {
        operation: usize,
    },
    /// The outcome is unknown, and no longer matters: the user has changed since, or somebody has the identifier of the person
    /// whom a create sent.
    Outdated {
        operation: usize,
    },
}

/// The journal of one state folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Journal {
    /// Whether its header is written.
    pub(crate) is_begun: bool,
    /// Whether a request was carried out.
    pub(crate) is_carried_out: bool,
    /// The users before the first write, one bit for each id. Only noted if the plan creates somebody.
    pub(crate) known: u16,
    pub(crate) operations: [Option<Progress>; OPERATIONS],
    /// The complete user before the last request of each operation that changes or deletes one.
    pub(crate) before: [Option<User>; OPERATIONS],
    /// The operations that a list has contradicted, one bit each.
    pub(crate) contradicted: u8,
    /// The operations that are outdated, one bit each.
    pub(crate) outdated: u8,
    pub(crate) is_finished: bool,
    /// Outcomes that may not be on disk yet.
    pub(crate) waiting: Vec<Record>,
    /// Whether somebody without the key has changed it.
    pub(crate) is_forged: bool,
}

impl Journal {
    /// Writes an intent and waits until it, and all before it, is on disk.
    pub(crate) fn announce(&mut self, operation: usize, before: Option<User>, keeps: bool) {
        self.flush();
        self.outdated &= !(1 << operation);
        if keeps {
            self.before[operation] = before.or(self.before[operation]);
        }
        if let Progress::InDoubt(doubt) = self.operations[operation].get_or_insert(Progress::InDoubt(Doubt::default()))
        {
            doubt.renew(before);
        }
    }

    /// Writes an outcome and does not wait.
    pub(crate) fn note(&mut self, record: Record) {
        self.waiting.push(record);
    }

    pub(crate) fn flush(&mut self) {
        self.crash(self.waiting.len());
    }

    /// Only this number of the waiting lines reach the disk.
    pub(crate) fn crash(&mut self, kept: usize) {
        for record in std::mem::take(&mut self.waiting).into_iter().take(kept) {
            match record {
                Record::Done { operation, user, differs } => {
                    self.is_carried_out |= self.has_intent(operation);
                    self.outdated &= !(1 << operation);
                    self.operations[operation] = Some(Progress::Done { user, differs });
                }
                Record::Doubted { operation } => {
                    self.operations[operation] = Some(Progress::InDoubt(Doubt { before: None }));
                }
                Record::NotDone { operation } => {
                    self.operations[operation] = None;
                    self.before[operation] = None;
                    self.outdated &= !(1 << operation);
                }
                Record::Contradicted { operation } => self.contradicted |= 1 << operation,
                Record::Outdated { operation } => self.outdated |= 1 << operation,
            }
        }
    }

    /// Whether something was written to the account, or may have been.
    pub(crate) fn has_written(&self) -> bool {
        self.is_carried_out || (0..OPERATIONS).any(|operation| self.has_intent(operation))
    }

    /// Whether an intent of the operation is on disk, without an outcome.
    pub(crate) fn has_intent(&self, operation: usize) -> bool {
        matches!(self.operations[operation], Some(Progress::InDoubt(_)))
    }
}
