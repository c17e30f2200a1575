//! Whether custom fields can take the plan's values. The live account's definitions give the type and the options of a
//! choice. Pure functions.

use crate::employee::{CustomFieldId, CustomFieldKind, CustomValue, Directory, normal_text};
use crate::plan::{Action, Change, Field, Operation, Value};

/// The values of an operation that their custom fields cannot take. Missing fields are not reported here: the names of
/// the fields are compared elsewhere.
pub(super) fn of_operation(operation: &Operation, directory: &Directory) -> Vec<String> {
    let problem = |id: &CustomFieldId, value: &CustomValue| {
        let field = directory.custom_fields.iter().find(|field| field.id == *id)?;
        let what = match (&field.kind, value) {
            (CustomFieldKind::Unusable(reason), _) => {
                return Some(format!("the plan gives the custom field {id} a value, but it is {reason}"));
            }
            (CustomFieldKind::Boolean, CustomValue::Text(_)) => "a text, but it takes yes or no",
            (
                CustomFieldKind::Text | CustomFieldKind::UncheckedChoice | CustomFieldKind::Unknown(_),
                CustomValue::Boolean(_),
            ) => "yes or no, but it takes a text",
            (CustomFieldKind::MultipleChoice(options), value) => match value {
                CustomValue::Text(text) if options.iter().any(|option| normal_text(&option.value) == **text) => {
                    return None;
                }
                CustomValue::Text(_) | CustomValue::Boolean(_) => "a value that is not among its options",
            },
            (CustomFieldKind::Boolean, CustomValue::Boolean(_))
            | (
                CustomFieldKind::Text | CustomFieldKind::UncheckedChoice | CustomFieldKind::Unknown(_),
                CustomValue::Text(_),
            ) => return None,
        };
        Some(format!("the plan gives the custom field {id} {what}"))
    };
    match &operation.action {
        Action::Create { after } => {
            after.custom_fields.iter().filter_map(|(id, value)| problem(id, value.as_ref()?)).collect()
        }
        Action::Update { changes, .. } => {
            let values = changes.iter().filter_map(|Change { field, before: _, after }| {
                let Field::Custom(id) = field else { return None };
                match after {
                    Some(Value::Text(text)) => problem(id, &CustomValue::Text(text.as_str().into())),
                    Some(Value::Boolean(value)) => problem(id, &CustomValue::Boolean(*value)),
                    Some(Value::Branch(_) | Value::Manager(_)) | None => None,
                }
            });
            values.collect()
        }
        Action::Link { .. } | Action::Delete { .. } => Vec::new(),
    }
}
