//! What a journal says about each operation: the user before it and after it.

use std::collections::HashMap;
use std::path::Path;

use crate::apply::journal::{JournalError, Label, Record, Replay, Step, read_lines};
use crate::employee::UserId;
use crate::plan::{Action, Digest, Operation, OperationId, Plan};
use crate::provider::StoredUser;
use crate::state::State;

/// A plan's journal, read for taking the plan back.
#[derive(Debug)]
pub struct History {
    operations: HashMap<OperationId, Entry>,
    fingerprint: Digest,
}

/// What a journal says about an operation that was announced or done.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// Whether a request was sent, or may have been.
    pub(super) announced: bool,
    /// The whole user before the last request that is no refill; none for a create.
    pub(super) before: Option<StoredUser>,
    /// `None` while it is in doubt.
    pub(super) done: Option<Done>,
    /// Whether it is in doubt, and its user has changed since.
    pub(super) outdated: bool,
    /// How the complete list contradicted that it is done, if it did.
    pub(super) contradicted: Option<Contradicted>,
}

#[derive(Debug)]
pub(super) struct Contradicted {
    /// How.
    pub(super) problem: String,
    /// What the list called the user, if the journal tells it.
    pub(super) listed: Option<Label>,
}

#[derive(Debug)]
pub(super) struct Done {
    /// The user that it created or changed; none for a delete.
    pub(super) user_id: Option<UserId>,
    /// The whole user afterwards, if the server told it.
    pub(super) after: Option<StoredUser>,
}

impl Entry {
    /// Whether an operation that is done can be taken back. If nobody sent it by this journal, another client did it, or the
    /// journal lost that. A link is part of its create.
    pub(super) fn says_enough(&self, operation: &Operation, done: &Done) -> bool {
        let has_users = match &operation.action {
            Action::Link { .. } => return true,
            Action::Create { .. } => done.user_id.is_some(),
            Action::Update { .. } if operation.reactivates() => done.after.is_some(),
            Action::Update { .. } => self.before.is_some() && done.after.is_some(),
            Action::Delete { .. } => self.before.is_some(),
        };
        self.announced && has_users
    }
}

impl History {
    /// Reads the journal of a plan's last apply, if there is one.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn read(state: &State, plan: &Plan) -> Result<Option<Self>, JournalError> {
        let last = std::iter::once(state.journal(plan.hash())).chain(state.past_journals(plan.hash()));
        for path in last {
            if Replay::read(&path, state.key(), plan)?.is_begun() {
                return Self::read_from(&path, state, plan).map(Some);
            }
        }
        Ok(None)
    }

    fn read_from(path: &Path, state: &State, plan: &Plan) -> Result<Self, JournalError> {
        let mut operations: HashMap<OperationId, Entry> = HashMap::new();
        let end = read_lines(path, state.key(), plan.hash(), |_, record| {
            match record {
                Record::Intent { at: _, operation, step, before } => {
                    let entry = operations.entry(operation).or_default();
                    if !entry.announced || step != Step::Refill {
                        entry.before = before;
                    }
                    (entry.announced, entry.outdated) = (true, false);
                }
                Record::Done { at: _, operation, user_id, after, differs: _ } => {
                    operations.entry(operation).or_default().done = Some(Done { user_id, after });
                }
                Record::Doubted { at: _, operation, problem: _ } => {
                    operations.entry(operation).or_default().done = None
                }
                Record::Contradicted { at: _, operation, problem, listed } => {
                    operations.entry(operation).or_default().contradicted = Some(Contradicted { problem, listed });
                }
                // A later list confirmed everything.
                Record::Finished { .. } => operations.values_mut().for_each(|entry| entry.contradicted = None),
                Record::NotDone { at: _, operation, problem: _ } => drop(operations.remove(&operation)),
                Record::Outdated { at: _, operation, problem: _, user_id: _ } => {
                    operations.entry(operation).or_default().outdated = true
                }
                Record::Journal { .. } | Record::Run { .. } | Record::Known { .. } | Record::Ended { .. } => {}
            }
            Ok(())
        })?;
        Ok(Self { operations, fingerprint: end.fingerprint() })
    }

    pub(super) fn entry(&self, id: OperationId) -> Option<&Entry> {
        self.operations.get(&id)
    }

    pub(super) fn is_done(&self, id: OperationId) -> bool {
        self.entry(id).is_some_and(|entry| entry.done.is_some() && entry.contradicted.is_none())
    }

    /// Whether an operation may have been carried out: a request was sent, and nothing shows that it had no effect.
    pub(super) fn may_be_done(&self, id: OperationId) -> bool {
        self.entry(id).is_some_and(|entry| entry.contradicted.is_none())
    }

    /// The user that a create made.
    pub(super) fn made(&self, id: OperationId) -> Option<&UserId> {
        self.entry(id)?.done.as_ref()?.user_id.as_ref()
    }

    /// A digest of the whole journal.
    pub(super) fn fingerprint(&self) -> Digest {
        self.fingerprint
    }
}
