//! Whether a plan is about this account, and says of it what is so. Pure functions.

use super::{Live, few_of, labels, remarks};
use crate::apply::journal::Replay;
use crate::plan::{Plan, Target};

/// Whether the account is the one that the plan was made for, its custom fields and branches have the names that the plan
/// shows, and the plan says what the account tells of who is protected.
///
/// # Errors
/// Lists the differences.
pub fn account(plan: &Plan, replay: &Replay, live: Live<'_>) -> Result<(), Vec<String>> {
    let directory = live.directory;
    let Target { anchors, users, .. } = &plan.content().target;
    let was_empty = *users == 0 && !replay.has_written();
    if !anchors.recognise(directory) || (was_empty && !directory.users.is_empty()) {
        return Err(vec![
            "this is not the account that the plan was made for: most of its users or branches are missing; is the \
            key for another account?"
                .to_owned(),
        ]);
    }
    let found = directory.users.len() as u64;
    // Other users may come and go between a plan and its apply, but not most of an account.
    if !replay.has_written() && found.abs_diff(*users) > few_of(*users) {
        return Err(vec![format!("the plan says that the account has {users} users, and it has {found}")]);
    }
    let mut problems = labels::of_plan(plan, directory);
    // After the first write, the plan itself may have renamed somebody.
    if !replay.has_written() {
        problems.extend(labels::of_parts(plan, directory));
        problems.extend(remarks::unsaid(plan, live));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
