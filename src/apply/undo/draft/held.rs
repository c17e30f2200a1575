//! What the users of a plan's operations may have now, by the plan and the journal.

use super::Maker;
use crate::apply::expected_state::resolve;
use crate::apply::undo::claim::{Claim, Side, value};
use crate::employee::{ExternalIdentifier, Text, User, UserId};
use crate::plan::{self, Change, Field, Fields, ManagerRef, Operation, Value};
use crate::provider::StoredUser;

/// What somebody may have now, and what takes it back.
#[derive(Debug)]
pub(in crate::apply::undo) struct Held {
    /// Who, in words.
    pub(in crate::apply::undo) who: Text,
    /// The draft that takes the operation back, if there is one.
    pub(in crate::apply::undo) draft: Option<usize>,
    pub(in crate::apply::undo) facts: Vec<Fact>,
}

/// Something that stands in the way of others as long as it is so.
#[derive(Debug, Clone)]
pub(in crate::apply::undo) enum Fact {
    Has(Claim),
    ReportsTo(UserId),
}

impl Fact {
    /// The field that says it.
    pub(in crate::apply::undo) fn field(&self) -> Field {
        match self {
            Self::Has(Claim::Email(_)) => Field::PrimaryEmail,
            Self::Has(Claim::Identifier(_)) => Field::ExternalIdentifier,
            Self::ReportsTo(_) => Field::Manager,
        }
    }
}

impl Maker<'_> {
    /// What the user of an operation may have now: what the journal saw last if it is certain, otherwise also what was there
    /// before and what was sent.
    pub(super) fn held(&self, operation: &Operation, draft: Option<usize>) -> Result<Option<Held>, String> {
        let entry = self.history.entry(operation.id);
        let before = entry.and_then(|entry| entry.before.as_ref());
        let after = entry.and_then(|entry| entry.done.as_ref()?.after.as_ref());
        let is_certain = self.history.is_done(operation.id);
        let mut facts = Vec::new();
        match &operation.action {
            plan::Action::Link { .. } => return Ok(None),
            plan::Action::Create { after: asked } if entry.is_some() => {
                facts.extend(self.of_fields(asked));
                let link = self.links.get(&operation.id).filter(|(link, _)| self.history.entry(link.id).is_some());
                facts.extend(link.and_then(|(_, manager)| self.reports_to(manager)));
                facts.extend(self.of_stored(after)?);
            }
            plan::Action::Update { .. } if is_certain && after.is_some() => facts.extend(self.of_stored(after)?),
            plan::Action::Update { changes, .. } => {
                facts.extend(changes.iter().filter_map(|change| self.of_change(change, Side::Before)));
                if entry.is_some() {
                    facts.extend(changes.iter().filter_map(|change| self.of_change(change, Side::After)));
                }
                facts.extend(self.of_stored(before)?);
                facts.extend(self.of_stored(after)?);
            }
            plan::Action::Delete { before, .. } if !is_certain => facts.extend(self.of_fields(before)),
            plan::Action::Create { .. } | plan::Action::Delete { .. } => {}
        }
        let who = match &operation.employee {
            Some(employee) => format!("{employee} {}", operation.name).into(),
            None => operation.name.clone(),
        };
        Ok(Some(Held { who, draft, facts }))
    }

    fn of_stored(&self, stored: Option<&StoredUser>) -> Result<Vec<Fact>, String> {
        let Some(stored) = stored else { return Ok(Vec::new()) };
        let User { email, identifier, manager, .. } = self.dialect.user(stored.raw().get(), self.managed)?;
        let identifier = identifier.map(|identifier| Fact::Has(Claim::identifier(identifier.as_str())));
        let email = Fact::Has(Claim::email(email.as_str()));
        Ok(identifier.into_iter().chain([email]).chain(manager.map(Fact::ReportsTo)).collect())
    }

    fn of_fields(&self, Fields { primary_email, external_identifier, manager, .. }: &Fields) -> Vec<Fact> {
        let identifier = external_identifier.as_ref().map(ExternalIdentifier::as_str).map(Claim::identifier);
        let claims = identifier.into_iter().chain([Claim::email(primary_email)]).map(Fact::Has);
        claims.chain(manager.iter().flatten().filter_map(|manager| self.reports_to(manager))).collect()
    }

    fn of_change(&self, change: &Change, side: Side) -> Option<Fact> {
        match value(change, side) {
            Some(Value::Manager(manager)) => self.reports_to(manager),
            _ => Claim::of(change, side).map(Fact::Has),
        }
    }

    fn reports_to(&self, manager: &ManagerRef) -> Option<Fact> {
        resolve(manager, &self.made).cloned().map(Fact::ReportsTo)
    }
}
