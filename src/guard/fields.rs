//! The guard on each field: one wrong column changes everybody in one field.

use std::collections::BTreeMap;

use super::{FieldCount, Limits, MAX_FIELD_PERCENT, result};
use crate::employee::normal_text;
use crate::plan::{Field, GuardResult, Subject};

/// One result for each field that has a limit, its own or the one of all fields.
pub(super) fn evaluate(limits: &Limits, fields: &[FieldCount], managed: u64) -> Vec<GuardResult> {
    let own = own_limits(limits, fields);
    let evaluated = |count: &FieldCount| {
        let limit = own.get(&count.field).copied().or(limits.max_field_percent)?;
        let subject = Some(Subject::Field(count.field.clone()));
        Some(GuardResult { subject, ..result(MAX_FIELD_PERCENT, count.updates, managed, limit) })
    };
    fields.iter().filter_map(evaluated).collect()
}

/// The limits of certain fields, found as `[employee]` finds them: a custom field by its id, else by its name.
fn own_limits(limits: &Limits, fields: &[FieldCount]) -> BTreeMap<Field, u64> {
    let find = |key: &str| {
        let by_id = |count: &&FieldCount| match &count.field {
            Field::Custom(id) => id.as_str() == key,
            other => other.to_string() == key,
        };
        let by_name = |count: &&FieldCount| normal_text(&count.name) == normal_text(key);
        fields.iter().find(by_id).or_else(|| fields.iter().find(by_name))
    };
    limits.fields.iter().filter_map(|(key, limit)| Some((find(key)?.field.clone(), *limit))).collect()
}
