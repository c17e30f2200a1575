//! Identifiers and e-mails are unique in Skovik, so no two operations of a plan may set the same one.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Action, Change, Content, Field, ManagerRef, OperationId, Value};
use crate::employee::{UserId, email_key, normal_text};

/// Finds a user whom two operations change or delete.
pub(super) fn check_users(content: &Content) -> Result<(), String> {
    let mut touched: HashSet<&UserId> = HashSet::with_capacity(content.operations.len());
    let mut users = content.operations.iter().filter_map(|operation| Some((operation, operation.user_id()?)));
    match users.find(|(_, user_id)| !touched.insert(user_id)) {
        Some((operation, _)) => {
            Err(format!("operation {} changes a user that another operation changes", operation.id))
        }
        None => Ok(()),
    }
}

/// Finds an identifier, e-mail or link that two operations set, or a user who becomes their own manager.
pub(super) fn check(content: &Content) -> Result<(), String> {
    let mut identifiers: HashSet<Cow<'_, str>> = HashSet::new();
    let mut emails: HashSet<Cow<'_, str>> = HashSet::new();
    let mut linked: HashSet<OperationId> = HashSet::new();
    for operation in &content.operations {
        let at = |problem: &str| Err(format!("operation {} {problem}", operation.id));
        let (identifier, email) = match &operation.action {
            Action::Create { after } => {
                (after.external_identifier.as_ref().map(|id| id.as_str()), Some(after.primary_email.as_str()))
            }
            Action::Update { user_id, changes, .. } => {
                if changes.iter().any(|change| names(change, user_id)) {
                    return at("makes somebody their own manager");
                }
                let text = |field: Field| {
                    changes.iter().find(|change| change.field == field).and_then(|change| match &change.after {
                        Some(Value::Text(text)) => Some(text.as_str()),
                        _ => None,
                    })
                };
                (text(Field::ExternalIdentifier), text(Field::PrimaryEmail))
            }
            Action::Link { create, manager } => {
                if matches!(manager, ManagerRef::Create(manager) if manager.create == *create) {
                    return at("makes somebody their own manager");
                }
                if !linked.insert(*create) {
                    return at("links somebody whom another one links");
                }
                continue;
            }
            Action::Delete { .. } => continue,
        };
        // Skovik may treat two forms as equal, and the program writes only the normal form.
        if [identifier, email].into_iter().flatten().any(|text| normal_text(text) != text) {
            return at("gives an identifier or e-mail with outer white space, or not in its normal form");
        }
        if identifier.is_some_and(|identifier| !identifiers.insert(normal_text(identifier))) {
            return at("gives an external identifier that another one gives");
        }
        if email.is_some_and(|email| !emails.insert(email_key(email))) {
            return at("gives an e-mail that another one gives");
        }
    }
    Ok(())
}

fn names(change: &Change, user_id: &UserId) -> bool {
    matches!(&change.after, Some(Value::Manager(ManagerRef::User(manager))) if manager.user_id == *user_id)
}
