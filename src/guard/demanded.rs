//! Whether a plan has the guards that the settings demand. Its own hash does not show that: whoever writes a plan by hand
//! and hashes it anew could leave them out.

use super::{
    BRANCH_CHANGE_PERCENT, BRANCH_DELETE_PERCENT, BranchLimits, Limits, MAX_CHANGE_PERCENT, MAX_CREATES,
    MAX_DELETE_PERCENT, MAX_DELETES, MAX_FIELD_PERCENT, MAX_INVALID_PERCENT, MAX_LEFT_WITHOUT_MANAGER, MAX_UPDATES,
    MIN_EMPLOYEES,
};
use crate::plan::{Content, GuardResult, Summary};

/// The setting of a guard that is not in the plan, has another limit there, or counts less than the plan does.
#[must_use]
pub fn not_as_demanded(limits: &Limits, content: &Content) -> Option<&'static str> {
    let Limits {
        max_delete_percent,
        max_change_percent,
        max_invalid_percent,
        min_employees,
        max_creates,
        max_updates,
        max_deletes,
        max_left_without_manager,
        max_field_percent,
        fields,
        per_branch,
    } = limits;
    let Summary { create, update, delete, unchanged: _, set_aside } = content.summary;
    // `--only` leaves operations out, but no figure is smaller for it.
    let whole = [
        (MAX_DELETE_PERCENT, Some(*max_delete_percent), delete),
        (MAX_CHANGE_PERCENT, Some(*max_change_percent), delete + update),
        (MAX_INVALID_PERCENT, Some(*max_invalid_percent), set_aside),
        (MIN_EMPLOYEES, Some(*min_employees), 0),
        (MAX_CREATES, *max_creates, create),
        (MAX_UPDATES, *max_updates, update),
        (MAX_DELETES, *max_deletes, delete),
        (MAX_LEFT_WITHOUT_MANAGER, *max_left_without_manager, 0),
    ];
    let is_whole = |result: &GuardResult, id: &str| match id {
        MAX_DELETE_PERCENT | MAX_CHANGE_PERCENT => result.of == content.target.managed,
        _ => true,
    };
    for (id, limit, least) in whole {
        let fits = |result: &&GuardResult| {
            result.id == id && Some(result.limit) == limit && result.count >= least && is_whole(result, id)
        };
        if limit.is_some() && content.guards.iter().filter(fits).count() != 1 {
            return Some(id);
        }
    }
    let has = |id: &str, limit: Option<u64>| {
        let mut found = content.guards.iter().filter(|result| result.id == id).peekable();
        found.peek().is_some() && found.all(|result| limit.is_none_or(|limit| result.limit == limit))
    };
    if (max_field_percent.is_some() || !fields.is_empty())
        && !has(MAX_FIELD_PERCENT, max_field_percent.filter(|_| fields.is_empty()))
    {
        return Some(MAX_FIELD_PERCENT);
    }
    let BranchLimits { max_delete_percent, max_change_percent, ignore_below: _ } = per_branch.as_ref()?;
    // An account without users has no branch to judge.
    let lacks = |(id, limit): &(&str, Option<u64>)| limit.is_some() && content.target.managed > 0 && !has(id, *limit);
    let branches = [(BRANCH_DELETE_PERCENT, *max_delete_percent), (BRANCH_CHANGE_PERCENT, *max_change_percent)];
    branches.into_iter().find(lacks).map(|(id, _)| id)
}
