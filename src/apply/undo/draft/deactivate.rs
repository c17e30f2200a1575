//! The inverse of a reactivation.

use super::{Action, Draft, Maker};
use crate::employee::{Directory, UserId};
use crate::plan::{Change, Field, Fields, Operation};
use crate::provider::StoredUser;

impl Maker<'_> {
    /// Makes a user inactive again whom the plan made active. What else it changed stays: the next plan that makes them
    /// active would change it again.
    pub(super) fn deactivate(
        &mut self,
        operation: &Operation,
        user_id: &UserId,
        changes: &[Change],
        after: &StoredUser,
    ) -> Result<Option<Draft>, String> {
        if self.dialect.is_inactive(after.raw().get())? {
            return Ok(None); // Skovik left them inactive.
        }
        if !self.dialect.keeps_removed() {
            let message = format!(
                "{} stays active: [target] remove = \"delete\" would delete the user {user_id} instead of making them \
                 inactive again; do that in Skovik",
                operation.name
            );
            self.say(operation, "undo_impossible", message);
            return Ok(None);
        }
        let others: Vec<String> = changes
            .iter()
            .filter(|change| change.field != Field::Active)
            .map(|change| change.field.to_string())
            .collect();
        if !others.is_empty() {
            let message = format!(
                "{} becomes inactive again, and keeps the new values of: {}",
                operation.name,
                others.join(", ")
            );
            self.say(operation, "undo_incomplete", message);
        }
        let user = self.dialect.user(after.raw().get(), self.managed)?;
        let before = Fields::of_user(&user, self.managed, &Directory::default());
        let reason = format!("undo: made active by operation {} of the plan", operation.id);
        let (roles, manager) = (user.special_roles(), user.manager);
        let action = Action::Delete { user_id: user_id.clone(), before, roles, manager, reason };
        Ok(Some(Draft::of(operation, action)))
    }
}
