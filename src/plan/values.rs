//! Which values a plan may write: only those that a list can contain. An undo may also write what Skovik held before;
//! `apply` compares that with the journal.

use super::{Action, Change, Field, Fields, Operation, Value};
use crate::employee::CustomValue;
use crate::employee::possible::{check_email, impossible, unseen};

/// Finds a value in an operation that no list can contain.
pub(super) fn check(operation: &Operation) -> Result<(), String> {
    match &operation.action {
        Action::Create { after } => check_fields(after),
        Action::Update { changes, .. } => changes.iter().try_for_each(check_change),
        Action::Link { .. } | Action::Delete { .. } => Ok(()),
    }
}

fn check_fields(after: &Fields) -> Result<(), String> {
    for (field, text) in after.texts() {
        text.map_or(Ok(()), |text| check_text(&field, text))?;
    }
    if after.branch == Some(None) {
        return Err("creates somebody without a branch".to_owned());
    }
    after.custom_fields.iter().try_for_each(|(id, value)| match value {
        Some(CustomValue::Text(text)) => check_text(&Field::Custom(id.clone()), text),
        Some(CustomValue::Boolean(_)) | None => Ok(()),
    })
}

fn check_change(Change { field, before: _, after }: &Change) -> Result<(), String> {
    match after {
        Some(Value::Text(text)) => check_text(field, text),
        None if *field == Field::Branch => Err("takes somebody out of their branch, into none".to_owned()),
        Some(Value::Boolean(_) | Value::Branch(_) | Value::Manager(_)) | None => Ok(()),
    }
}

fn check_text(field: &Field, text: &str) -> Result<(), String> {
    let what = match (impossible(text), field) {
        (Some(what), _) => what,
        (None, Field::PrimaryEmail) if check_email(text).is_err() => "a text that is not an e-mail address",
        (None, Field::Custom(_)) => return Ok(()),
        (None, _) if unseen(text).is_some() => "a text with a character that nobody sees",
        (None, _) => return Ok(()),
    };
    Err(format!("gives {field} {what}"))
}
