//! The present names of the users that the plan created or changed.

use std::collections::HashMap;

use super::Input;
use crate::employee::UserId;
use crate::plan::{self, UserRef};

pub(super) struct NamesNow(HashMap<UserId, UserRef>);

impl NamesNow {
    /// Reads the names from the users that the journal recorded after each operation.
    pub(super) fn read(input: &Input<'_>) -> Result<Self, String> {
        let Input { plan, history, managed, dialect, limits: _ } = *input;
        let mut names = HashMap::new();
        for operation in &plan.content().operations {
            let done = history.entry(operation.id).and_then(|entry| entry.done.as_ref());
            let Some(after) = done.and_then(|done| done.after.as_ref()) else { continue };
            let user = dialect
                .user(after.raw().get(), managed)
                .map_err(|problem| format!("operation {} in the journal: {problem}", operation.id))?;
            let name = plan::display_name(&user);
            names.insert(user.id.clone(), UserRef { user_id: user.id, employee: user.identifier, name });
        }
        Ok(Self(names))
    }

    /// A reference with the user's present name.
    pub(super) fn of(&self, user: &UserRef) -> UserRef {
        self.0.get(&user.user_id).unwrap_or(user).clone()
    }
}
