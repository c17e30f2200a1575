//! What an operation gives somebody, and another user has.

use super::Index;
use crate::apply::given::new_text;
use crate::employee::{ExternalIdentifier, User, UserId, email_key};
use crate::plan::{Action, Change, Field, Operation, Removal};

impl Index<'_> {
    /// Another inactive user who has the identifier of a person who is created or made active again, or that an update gives:
    /// they may be the same person.
    pub(super) fn kept_identifier(&self, operation: &Operation) -> Option<String> {
        let comes = matches!(operation.action, Action::Create { .. }) || operation.reactivates();
        let identifier = operation.employee.as_ref().filter(|_| comes).map(ExternalIdentifier::as_str);
        let identifier = identifier.or_else(|| new_text(operation, &Field::ExternalIdentifier))?;
        let others = self.kept_identifiers.get(identifier)?;
        let is_in_the_way =
            |user: &&&User| self.is_in_the_way(operation, user, operation.user_id(), &Field::ExternalIdentifier);
        let other = others.iter().find(is_in_the_way)?;
        Some(format!("the user {}, who is inactive, has the external identifier {identifier} too", other.id))
    }

    /// Another user who has what an inactive user keeps who is made active again: they may be the same person.
    pub(super) fn there_already(&self, operation: &Operation, user_id: &UserId, changes: &[Change]) -> Vec<String> {
        let Some(user) = self.live.directory.inactive_user(user_id).filter(|_| operation.reactivates()) else {
            return Vec::new();
        };
        let keeps = |field: Field| !changes.iter().any(|change| change.field == field);
        let identifier = user.identifier.as_ref().filter(|_| keeps(Field::ExternalIdentifier));
        let email = keeps(Field::PrimaryEmail).then(|| self.taken_email(operation, user.email.as_str(), Some(user_id)));
        let identifier = identifier.map(|id| self.taken_identifier(operation, id.as_str(), Some(user_id)));
        identifier.into_iter().chain(email).flatten().collect()
    }

    pub(super) fn taken_email(&self, operation: &Operation, email: &str, own: Option<&UserId>) -> Option<String> {
        let inactive = self.inactive.get(&*email_key(email)).map_or(&[][..], Vec::as_slice);
        if let Some(user) = inactive.iter().find(|user| own != Some(&user.id)) {
            return Some(format!("the e-mail {email} belongs to the user {}, who is inactive and keeps it", user.id));
        }
        let owner = self.list.by_email(email)?;
        self.is_in_the_way(operation, owner, own, &Field::PrimaryEmail)
            .then(|| format!("the e-mail {email} now belongs to the user {}", owner.id))
    }

    pub(super) fn taken_identifier(
        &self,
        operation: &Operation,
        identifier: &str,
        own: Option<&UserId>,
    ) -> Option<String> {
        let owner = self.list.by_identifier(identifier)?;
        self.is_in_the_way(operation, owner, own, &Field::ExternalIdentifier)
            .then(|| format!("the external identifier {identifier} now belongs to the user {}", owner.id))
    }

    /// Whether another user has the value, and no earlier operation takes it from them.
    fn is_in_the_way(&self, operation: &Operation, owner: &User, own: Option<&UserId>, field: &Field) -> bool {
        own != Some(&owner.id) && !self.gives_up(operation, field).any(|user| *user == owner.id)
    }

    /// The users that earlier operations delete, or whose field they change.
    pub(super) fn gives_up<'o>(
        &'o self,
        operation: &'o Operation,
        field: &'o Field,
    ) -> impl Iterator<Item = &'o UserId> {
        let keeps_email = self.plan.content().target.removal == Removal::Deactivate;
        operation.depends_on.iter().filter_map(move |&needed| match &self.plan.operation(needed)?.action {
            Action::Update { user_id, changes, .. } => {
                changes.iter().any(|change| change.field == *field).then_some(user_id)
            }
            // Whoever becomes inactive keeps the e-mail.
            Action::Delete { user_id, .. } => (!keeps_email || *field != Field::PrimaryEmail).then_some(user_id),
            Action::Create { .. } | Action::Link { .. } => None,
        })
    }
}
