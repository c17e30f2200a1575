//! The identifiers and e-mails that a plan gives to people. Whoever has one of them need not be who had it before.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::employee::email_key;
use crate::plan::{Action, Field, Operation, Value};

/// The text that an update gives a field.
pub(super) fn new_text<'a>(operation: &'a Operation, field: &Field) -> Option<&'a str> {
    let Action::Update { changes, .. } = &operation.action else { return None };
    match &changes.iter().find(|change| change.field == *field)?.after {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

pub(super) struct Given<'a> {
    identifiers: HashSet<&'a str>,
    /// As they are compared.
    emails: HashSet<Cow<'a, str>>,
}

impl<'a> Given<'a> {
    /// What these operations give.
    pub(super) fn by(operations: &'a [Operation]) -> Self {
        let (mut identifiers, mut emails) = (HashSet::new(), HashSet::new());
        for operation in operations {
            match &operation.action {
                Action::Create { after } => {
                    identifiers.extend(after.external_identifier.as_ref().map(|identifier| identifier.as_str()));
                    emails.insert(email_key(&after.primary_email));
                }
                Action::Update { changes, .. } => {
                    for change in changes {
                        match (&change.field, &change.after) {
                            (Field::ExternalIdentifier, Some(Value::Text(text))) => drop(identifiers.insert(text)),
                            (Field::PrimaryEmail, Some(Value::Text(text))) => drop(emails.insert(email_key(text))),
                            _ => {}
                        }
                    }
                }
                Action::Link { .. } | Action::Delete { .. } => {}
            }
        }
        Self { identifiers, emails }
    }

    /// Whether one of both is among them; the e-mail is given by its key.
    pub(super) fn has(&self, identifier: Option<&str>, email_key: &str) -> bool {
        identifier.is_some_and(|identifier| self.identifiers.contains(identifier)) || self.emails.contains(email_key)
    }
}
