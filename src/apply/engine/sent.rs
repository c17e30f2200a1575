//! What a run has sent, kept for the list at the end. A write is done only if everything it sent was stored, including
//! fields that the plan does not manage.

use std::collections::HashSet;

use super::Run;
use crate::apply::expected_state::updated;
use crate::apply::journal::{Label, Record};
use crate::apply::operation::Task;
use crate::employee::{Managed, User, UserId};
use crate::plan::{Action, display_name};
use crate::provider::{Dialect, Request, StoredUser};

/// What an operation sent.
#[derive(Debug)]
pub(super) struct Sent {
    /// Which operation it was.
    pub(super) index: usize,
    request: Request,
    /// The user as the write should have left it, with the roles from before.
    pub(super) expected: User,
    /// Whether the plan deletes this user's manager: then the service clears the manager.
    pub(super) loses_manager: bool,
}

impl Sent {
    /// Which unmanaged data of a user differs from what was sent.
    pub(super) fn losses(&self, held: &StoredUser, dialect: &dyn Dialect, managed: &Managed) -> Vec<String> {
        if self.loses_manager && !managed.manager {
            let but_the_manager = Managed { manager: true, ..managed.clone() };
            return dialect.losses(&self.request, held, &but_the_manager);
        }
        dialect.losses(&self.request, held, managed)
    }
}

impl Run<'_> {
    /// Keeps what a finished operation sent, based on the user read before it. Without that user only the changes can be
    /// compared. A delete is kept if the service keeps whom it deletes, a create if it sends more than managed fields.
    pub(super) fn remember(&mut self, index: usize, before: Option<&StoredUser>) {
        let Some((user_id, sent)) = self.sent_by(index, before) else { return };
        let writes = self.sent.entry(user_id).or_default();
        writes.retain(|other| other.index != index);
        writes.push(sent);
    }

    fn sent_by(&self, index: usize, before: Option<&StoredUser>) -> Option<(UserId, Sent)> {
        let (dialect, managed) = (self.worker.provider.dialect(), self.worker.managed);
        let before = before.or_else(|| self.doubts.get(&index)?.before.as_ref());
        let operation = &self.operations[index];
        let (changes, request, before) = match (self.task(operation).ok()?, before) {
            (Task::Create { after, expected }, _) => {
                after.custom_fields.keys().find(|id| !managed.custom_fields.contains(id))?;
                let request = dialect.create_request(after, expected.manager.as_ref()).ok()?;
                let user_id = self.made.get(&operation.id)?.clone();
                return Some((user_id, Sent { index, request, expected, loses_manager: false }));
            }
            (Task::Update { changes, .. }, Some(before)) => {
                let request = dialect.update_request(before, &changes);
                (changes, request, before)
            }
            (Task::Delete { .. }, Some(before)) if dialect.keeps_removed() => {
                (Vec::new(), dialect.delete_request(before), before)
            }
            _ => return None,
        };
        let (request, user) = (request.ok()?, dialect.user(before.raw().get(), managed).ok()?);
        let carried = Managed { manager: true, ..Managed::default() };
        let manager = dialect.user(before.raw().get(), &carried).ok().and_then(|user| user.manager);
        let loses_manager = manager.is_some_and(|manager| self.removed().contains(&manager));
        let expected = updated(&user, &changes, managed);
        Some((before.id().clone(), Sent { index, request: request.over(before), expected, loses_manager }))
    }

    /// The users that the plan deletes.
    fn removed(&self) -> &HashSet<UserId> {
        self.removed.get_or_init(|| {
            let removed = |action: &Action| match action {
                Action::Delete { user_id, .. } => Some(user_id.clone()),
                Action::Create { .. } | Action::Update { .. } | Action::Link { .. } => None,
            };
            self.operations.iter().filter_map(|operation| removed(&operation.action)).collect()
        })
    }

    /// Notes in the journal, once, that an operation was called done but is not, so that an undo does not rely on it.
    /// `listed` is that user, if the list has them.
    pub(super) fn contradict(&mut self, index: usize, problem: String, listed: Option<&User>) {
        let operation = self.operations[index].id;
        if !self.replay.contradicted.contains(&operation) {
            let label = |user: &User| Label { employee: user.identifier.clone(), name: display_name(user) };
            let listed = listed.map(label);
            self.note(&Record::Contradicted { at: (self.worker.now)(), operation, problem, listed });
        }
    }
}
