//! What POST, PUT and DELETE do to the account.

use super::account::{Account, Refusal};
use super::compose;
use super::field::Field;
use super::json::{Resource, empty_object};
use super::mode::{BranchMove, Identifiers, ManagerDelete, PutMode, UserNames};
use super::problem::Problem;
use super::users::{Slot, Stored};
use super::validate::{self, Before};

impl Account {
    /// Makes a user. A dropped field counts as not sent.
    pub(super) fn create(&mut self, sent: Resource, dropped: Option<&Field>) -> Result<Slot, Refusal> {
        let problems = validate::read_only(&sent, None);
        let user = compose::created(sent, dropped);
        self.add(user, UserNames::Email, problems)
    }

    /// Adds a user as composed, unless there are problems.
    pub(super) fn add(
        &mut self,
        mut user: Resource,
        emails: UserNames,
        problems: Vec<Problem>,
    ) -> Result<Slot, Refusal> {
        let keys = validate::user(self, &mut user, None, emails, problems).map_err(Refusal::Invalid)?;
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
        let slot = self.users.find_listed(id).ok_or(Refusal::NotFound)?;
        let before = self.resource(slot).ok_or(Refusal::NotFound)?;
        let problems = validate::read_only(&sent, Some(id));
        let user = compose::updated(&before, sent, mode, dropped);
        self.replace((slot, &before), user, branch_move, UserNames::Email, problems)?;
        Ok(slot)
    }

    /// Replaces a user by the composed one, unless there are problems.
    pub(super) fn replace(
        &mut self,
        before: Before<'_>,
        mut user: Resource,
        branch_move: BranchMove,
        emails: UserNames,
        problems: Vec<Problem>,
    ) -> Result<(), Refusal> {
        let (slot, _) = before;
        let keys = validate::user(self, &mut user, Some(before), emails, problems).map_err(Refusal::Invalid)?;
        let moved = self.users.get(slot).is_some_and(|stored| stored.keys.branch != keys.branch);
        if moved && branch_move == BranchMove::Empties {
            user.attributes.set("custom_fields", empty_object());
        }
        self.users.update(slot, user.write(), keys);
        Ok(())
    }

    /// Removes a user.
    pub(super) fn delete(
        &mut self,
        slot: Slot,
        managers: ManagerDelete,
        identifiers: Identifiers,
    ) -> Result<(), Refusal> {
        self.free_reports(slot, managers)?;
        self.users.remove(slot, identifiers);
        Ok(())
    }

    /// Takes a user off the list that clients of `/v1` see, for good.
    pub(super) fn archive(&mut self, slot: Slot, managers: ManagerDelete) -> Result<(), Refusal> {
        self.free_reports(slot, managers)?;
        self.users.archive(slot);
        Ok(())
    }

    /// Clears the manager of everybody who reports to this user, or refuses.
    fn free_reports(&mut self, slot: Slot, managers: ManagerDelete) -> Result<(), Refusal> {
        self.check_reports(slot, managers)?;
        for report in self.users.reports(slot) {
            self.set_manager_to_none(report);
        }
        Ok(())
    }

    /// Refuses the deletion of a manager, if that is the mode.
    pub(super) fn check_reports(&self, slot: Slot, managers: ManagerDelete) -> Result<(), Refusal> {
        let reports = self.users.reports(slot);
        if managers == ManagerDelete::Refuses && !reports.is_empty() {
            let detail = format!("{} user(s) report to this one; give them another manager first", reports.len());
            return Err(Refusal::Invalid(vec![Problem::at("has_reports", detail, "")]));
        }
        Ok(())
    }
}
