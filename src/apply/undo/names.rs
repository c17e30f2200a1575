//! The present names of the users that the plan created or changed.

use std::collections::HashMap;

use super::Input;
use super::history::Contradicted;
use crate::apply::expected_state::user_of;
use crate::apply::journal::Label;
use crate::apply::labels::is_name;
use crate::employee::{BranchId, ExternalIdentifier, Text, User, UserId};
use crate::plan::{Action, BranchRef, Operation, UserRef, Value, display_name};

/// What each is called now; `None` if the journal does not tell that.
pub(super) struct NamesNow(HashMap<UserId, Option<Label>>);

impl NamesNow {
    /// Reads the names from the users that the journal recorded after each operation, and from the lists that
    /// contradicted one.
    pub(super) fn read(input: &Input<'_>) -> Result<Self, String> {
        let Input { plan, history, managed, dialect, protect: _, limits: _ } = *input;
        let (mut names, mut contradicted) = (HashMap::new(), HashMap::new());
        let made = super::made(plan, history);
        for operation in &plan.content().operations {
            let (Some(entry), Some(user_id)) = (history.entry(operation.id), user_of(operation, &made)) else {
                continue;
            };
            if let Some(Contradicted { problem: _, listed }) = &entry.contradicted {
                contradicted.insert(user_id.clone(), listed.clone());
            } else if let Some(after) = entry.done.as_ref().and_then(|done| done.after.as_ref()) {
                let user = dialect
                    .user(after.raw().get(), managed)
                    .map_err(|problem| format!("operation {} in the journal: {problem}", operation.id))?;
                let name = display_name(&user);
                names.insert(user_id.clone(), Some(Label { employee: user.identifier, name }));
            } else if renames(operation) {
                names.insert(user_id.clone(), None);
            }
        }
        // A list is right where an answer was not.
        names.extend(contradicted);
        Ok(Self(names))
    }

    /// A reference with the user's present name; with the id alone if that is not known, as `apply` finds any name stale that
    /// is not the user's.
    pub(super) fn of(&self, user: &UserRef) -> UserRef {
        let user_id = user.user_id.clone();
        match self.0.get(&user.user_id) {
            None => user.clone(),
            Some(Some(Label { employee, name })) => UserRef { user_id, employee: employee.clone(), name: name.clone() },
            Some(None) => UserRef { user_id, employee: None, name: Text::default() },
        }
    }
}

/// Whether an operation gives another name, if it is done.
fn renames(operation: &Operation) -> bool {
    matches!(&operation.action, Action::Update { changes, .. } if changes.iter().any(is_name))
}

/// What an update is called that leads from the first of these users to the second: what the plan calls it, if either is
/// called so. Skovik may have stored only a part of another name.
pub(super) fn own_label(
    Operation { employee, name, .. }: &Operation,
    [is, then]: [&User; 2],
) -> (Option<ExternalIdentifier>, Text) {
    let is_called = |user: &User| user.identifier == *employee && display_name(user) == *name;
    if is_called(is) || is_called(then) {
        (employee.clone(), name.clone())
    } else {
        (is.identifier.clone(), display_name(is))
    }
}

/// A branch, with the names from `named` if that is the same branch.
pub(super) fn known_branch(id: &BranchId, named: Option<&Value>) -> BranchRef {
    match named {
        Some(Value::Branch(branch)) if branch.branch_id == *id => branch.clone(),
        _ => BranchRef { branch_id: id.clone(), external_identifier: None, name: Text::default() },
    }
}
