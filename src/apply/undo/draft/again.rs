//! The inverse of a delete.

use std::collections::BTreeMap;

use super::{Action, Draft, Maker};
use crate::employee::{CustomFieldId, CustomValue, Directory, Managed, UserId};
use crate::plan::{Fields, ManagerRef, Operation, UserRef};
use crate::provider::StoredUser;

impl Maker<'_> {
    /// Creates a deleted user again, with everything that a create can send.
    pub(super) fn make_again(
        &mut self,
        operation: &Operation,
        user_id: &UserId,
        before: &Fields,
        resource: &StoredUser,
    ) -> Result<Option<Draft>, String> {
        if let Some(why) = self.why_lost(operation, user_id, resource)? {
            self.say(operation, "undo_impossible", format!("{} is not created again: {why}", operation.name));
            return Ok(None);
        }
        let everything =
            Managed { branch: true, manager: true, custom_fields: self.dialect.custom_field_ids(resource)? };
        let user = self.dialect.user(resource.raw().get(), &everything)?;
        let whole = Fields::of_user(&user, &everything, &Directory::default());
        let mut after = before.clone();
        after.branch = after.branch.or(whole.branch);
        after.manager = after.manager.or(whole.manager);
        let is_planned =
            |id: &CustomFieldId| before.custom_fields.keys().any(|known| self.dialect.is_same_field(known, id));
        let values: BTreeMap<CustomFieldId, Option<CustomValue>> =
            whole.custom_fields.into_iter().filter(|(id, _)| !is_planned(id)).collect();
        after.custom_fields.extend(values);
        if let Some(Some(ManagerRef::User(manager))) = &after.manager
            && let Some(why) = self.why_no_manager(manager)
        {
            self.say(operation, "undo_incomplete", format!("{} gets no manager: {why}", operation.name));
            after.manager = Some(None);
        }
        let mut message = format!(
            "{} (user {user_id}) comes back as a new user with a new id: receipts, reports and approvals stay behind",
            operation.name
        );
        let unsent = self.dialect.unsent(resource)?;
        if !unsent.is_empty() {
            message.push_str(&format!(", and so do {}", unsent.join(", ")));
        }
        self.say(operation, "undo_new_user", message);
        let action = Action::Create { was: user_id.clone(), after };
        Ok(Some(Draft::of(operation, action)))
    }

    /// Why a deleted user cannot be created again.
    pub(super) fn why_lost(
        &self,
        operation: &Operation,
        user_id: &UserId,
        resource: &StoredUser,
    ) -> Result<Option<String>, String> {
        if self.dialect.keeps_removed() {
            return Ok(Some(format!(
                "the user {user_id} is inactive in Skovik and keeps the e-mail; activate that user in Skovik"
            )));
        }
        if operation.employee.is_none() {
            return Ok(Some("they have no external identifier".to_owned()));
        }
        let has_none = self.dialect.user(resource.raw().get(), self.managed)?.branch.is_none();
        Ok((self.has_branches && has_none).then(|| "they had no branch, and each new user is in one".to_owned()))
    }

    /// Why a former manager cannot be given back. The plan shows one by the id alone if Skovik did not list them, such as one
    /// who was inactive. Whoever is inactive is nobody's manager, also if the plan made them active.
    pub(super) fn why_no_manager(&self, UserRef { user_id, employee, name }: &UserRef) -> Option<String> {
        if self.lost.contains(user_id) {
            let who = if name.is_empty() { format!("the user {user_id}") } else { name.to_string() };
            return Some(format!("{who} cannot be created again"));
        }
        // If managers are not managed, the plan shows none of them, listed or not.
        (self.managed.manager && employee.is_none() && name.is_empty())
            .then(|| format!("Skovik did not list the former one, the user {user_id}, when the plan was made"))
    }
}
