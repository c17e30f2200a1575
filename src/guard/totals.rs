//! The guards on the whole account.

use super::{
    Counts, Limits, MAX_CHANGE_PERCENT, MAX_CREATES, MAX_DELETE_PERCENT, MAX_DELETES, MAX_INVALID_PERCENT,
    MAX_LEFT_WITHOUT_MANAGER, MAX_UPDATES, MIN_EMPLOYEES, result,
};
use crate::plan::GuardResult;

/// The guards that are always there, and those on absolute counts that the settings name.
pub(super) fn evaluate(limits: &Limits, counts: &Counts) -> Vec<GuardResult> {
    let Limits {
        max_delete_percent,
        max_change_percent,
        max_invalid_percent,
        min_employees,
        max_creates,
        max_updates,
        max_deletes,
        max_left_without_manager,
        max_field_percent: _,
        fields: _,
        per_branch: _,
    } = limits;
    let Counts {
        creates,
        updates,
        deletes,
        managed,
        employees,
        in_scope,
        set_aside,
        losing_manager,
        left_without_manager,
        fields: _,
        branches: _,
    } = counts;
    let mut results = vec![
        result(MAX_DELETE_PERCENT, *deletes, *managed, *max_delete_percent),
        result(MAX_CHANGE_PERCENT, deletes + updates, *managed, *max_change_percent),
        result(MAX_INVALID_PERCENT, *set_aside, *in_scope, *max_invalid_percent),
        result(MIN_EMPLOYEES, *employees, *in_scope, *min_employees),
    ];
    let absolute = [
        (MAX_CREATES, creates, managed, max_creates),
        (MAX_UPDATES, updates, managed, max_updates),
        (MAX_DELETES, deletes, managed, max_deletes),
        (MAX_LEFT_WITHOUT_MANAGER, left_without_manager, losing_manager, max_left_without_manager),
    ];
    for (id, count, of, limit) in absolute {
        results.extend(limit.map(|limit| result(id, *count, *of, limit)));
    }
    results
}
