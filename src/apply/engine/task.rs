//! Turns an operation of the plan into a task, once the people it refers to exist.

use super::{Run, place};
use crate::apply::expected_state::{created, resolved, resolved_manager};
use crate::apply::operation::{Before, Planned, Task};
use crate::employee::UserId;
use crate::plan::{Action, Change, Field, ManagerRef, Operation, Value};

impl<'a> Run<'a> {
    /// Resolves an operation's references to ids, which exist by now.
    pub(super) fn task(&self, operation: &'a Operation) -> Result<Task<'a>, String> {
        let task = self.resolve(operation)?;
        match &task {
            Task::Update { user_id, changes, .. } if changes.iter().any(|change| names(change, user_id)) => {
                Err(format!("the user {user_id} would be their own manager"))
            }
            _ => Ok(task),
        }
    }

    fn resolve(&self, operation: &'a Operation) -> Result<Task<'a>, String> {
        let (managed, made) = (self.worker.managed, &self.made);
        Ok(match &operation.action {
            Action::Create { after } => Task::Create { after, expected: created(after, managed, made)? },
            Action::Update { user_id, before_hash, branch: _, roles, changes } => Task::Update {
                user_id: user_id.clone(),
                before: Before::Planned(Planned { hash: *before_hash, roles: roles.as_deref() }),
                changes: resolved(changes, made)?,
            },
            Action::Link { create, manager } => {
                let after = match self.operations.get(place(*create)).map(|operation| &operation.action) {
                    Some(Action::Create { after }) => after,
                    _ => return Err("the plan links somebody whom it does not create".to_owned()),
                };
                let manager = Value::Manager(ManagerRef::User(resolved_manager(manager, made)?));
                Task::Update {
                    user_id: made.get(create).ok_or("the person is not made")?.clone(),
                    before: Before::Created(created(after, managed, made)?),
                    changes: vec![Change { field: Field::Manager, before: None, after: Some(manager) }],
                }
            }
            Action::Delete { user_id, before_hash, roles, .. } => {
                Task::Delete { user_id, before: Planned { hash: *before_hash, roles: roles.as_deref() } }
            }
        })
    }
}

fn names(change: &Change, user_id: &UserId) -> bool {
    matches!(&change.after, Some(Value::Manager(ManagerRef::User(manager))) if manager.user_id == *user_id)
}
