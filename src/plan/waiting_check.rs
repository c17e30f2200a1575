//! Checks of who waits, and of since when the deleted people are missing.

use std::collections::HashSet;

use super::{Action, Content, Operation, Waiting, WaitingPerson};
use crate::diff::REASONS_TO_REMOVE;
use crate::employee::UserId;

/// Says what is impossible about who waits, and about since when the deleted ones are missing.
pub(super) fn check(content: &Content) -> Result<(), String> {
    let touched: HashSet<&UserId> = content.operations.iter().filter_map(Operation::user_id).collect();
    // An undo deletes users that its plan made, who are not missing.
    let must_be_missing = content.waiting.is_some() && content.undone().is_none();
    for operation in &content.operations {
        let Action::Delete { missing_since, .. } = &operation.action else { continue };
        if missing_since.is_some() != must_be_missing {
            let problem = match missing_since {
                None => "deletes somebody, but does not say since when they are missing",
                Some(_) => "says since when somebody is missing, but no setting asks for that",
            };
            return Err(format!("operation {} {problem}", operation.id));
        }
    }
    let Some(Waiting { remove_after, people }) = &content.waiting else { return Ok(()) };
    if content.undone().is_some() || *remove_after == 0 {
        return Err("people wait in it, but no setting asks for that".to_owned());
    }
    if !people.windows(2).all(|pair| pair[0].key() < pair[1].key()) {
        return Err("its waiting people are repeated or out of order".to_owned());
    }
    let mut seen: HashSet<&UserId> = HashSet::new();
    for WaitingPerson { user_id, wait, reason, .. } in people {
        if !REASONS_TO_REMOVE.contains(&&**reason) {
            return Err(format!("the user {user_id} waits for a reason that no plan gives"));
        }
        if touched.contains(user_id) || !seen.insert(user_id) {
            return Err(format!("the user {user_id} waits, and is in an operation or waits twice"));
        }
        if wait.is_some_and(|wait| i64::try_from(*remove_after) != Ok(wait.length())) {
            return Err(format!("the user {user_id} waits for another time than remove_after says"));
        }
    }
    Ok(())
}
