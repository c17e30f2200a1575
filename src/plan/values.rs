//! Which values a plan may write: only those that a list can contain. An undo may also write what Skovik held before;
//! `apply` compares that with the journal.

use super::{Action, Change, Field, Fields, Operation, Value};
use crate::employee::possible::{check_email, deceptive, is_too_long, unseen};
use crate::employee::{CustomValue, normal_text};

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
    let what = match text {
        "" => "an empty text",
        _ if normal_text(text) != text => "a text with outer white space, or not in its normal form",
        _ if deceptive(text).is_some() => "a text with a control character",
        _ if is_too_long(text) => "a text that is too long",
        _ if *field == Field::PrimaryEmail && check_email(text).is_err() => "a text that is not an e-mail address",
        _ if !matches!(field, Field::Custom(_)) && unseen(text).is_some() => "a text with a character that nobody sees",
        _ => return Ok(()),
    };
    Err(format!("gives {field} {what}"))
}
