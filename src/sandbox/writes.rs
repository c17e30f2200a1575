//! What POST, PUT and DELETE do to the account.

use super::account::{Account, Refusal};
use super::compose;
use super::field::Field;
use super::json::{Resource, empty_object};
use super::mode::{BranchMove, Identifiers, ManagerDelete, PutMode};
use super::problem::Problem;
use super::users::{Slot, Stored};
use super::validate;

impl Account {
    /// Makes a user. A dropped field counts as not sent.
    pub(super) fn create(&mut self, sent: Resource, dropped: Option<&Field>) -> Result<Slot, Refusal> {
        let problems = validate::read_only(&sent, None);
        let mut user = compose::created(sent, dropped);
        let keys = validate::user(self, &mut user, None, problems).map_err(Refusal::Invalid)?;
        let id = self.ids.next(&self.users);
        user.id = Some(id.to_string());
        Ok(self.users.add(Stored { id, raw: user.write(), keys }))
    }

    /// Puts a user. A dropped field stays as it was.
    pub(super) fn put(
        &mut self,
        id: &str,
        sent: Resource,
        mode: PutMode,
        branch_move: BranchMove,
        dropped: Option<&Field>,
    ) -> Result<Slot, Refusal> {
        let slot = self.users.find(id).ok_or(Refusal::NotFound)?;
        let before = self.resource(slot).ok_or(Refusal::NotFound)?;
        let problems = validate::read_only(&sent, Some(id));
        let mut user = compose::updated(&before, sent, mode, dropped);
        let keys = validate::user(self, &mut user, Some((slot, &before)), problems).map_err(Refusal::Invalid)?;
        let moved = self.users.get(slot).is_some_and(|stored| stored.keys.branch != keys.branch);
        if moved && branch_move == BranchMove::Empties {
            user.attributes.set("custom_fields", empty_object());
        }
        self.users.update(slot, user.write(), keys);
        Ok(slot)
    }

    /// Removes a user.
    pub(super) fn delete(
        &mut self,
        id: &str,
        managers: ManagerDelete,
        identifiers: Identifiers,
    ) -> Result<(), Refusal> {
        let slot = self.users.find(id).ok_or(Refusal::NotFound)?;
        let reports = self.users.reports(slot);
        if managers == ManagerDelete::Refuses && !reports.is_empty() {
            let detail = format!("{} user(s) report to this one; give them another manager first", reports.len());
            return Err(Refusal::Invalid(vec![Problem::at("has_reports", detail, "")]));
        }
        for report in reports {
            self.set_manager_to_none(report);
        }
        self.users.remove(slot, identifiers);
        Ok(())
    }
}
