//! The guards on each branch: a subsidiary that is lost may be a small part of all.

use super::{BRANCH_CHANGE_PERCENT, BRANCH_DELETE_PERCENT, BranchCount, BranchLimits, judged, result};
use crate::plan::{GuardResult, Subject};

/// One result for each limit and branch, in the order of the branches.
pub(super) fn evaluate(limits: &BranchLimits, branches: &[BranchCount]) -> Vec<GuardResult> {
    let BranchLimits { max_delete_percent, max_change_percent, ignore_below } = limits;
    let of_branch = |id, branch: &BranchCount, count, limit| {
        judged(GuardResult {
            subject: Some(Subject::Branch(branch.branch.clone())),
            ignore_below: Some(*ignore_below),
            ..result(id, count, branch.managed, limit)
        })
    };
    let mut results = Vec::new();
    if let Some(limit) = *max_delete_percent {
        results.extend(branches.iter().map(|branch| of_branch(BRANCH_DELETE_PERCENT, branch, branch.deletes, limit)));
    }
    if let Some(limit) = *max_change_percent {
        let changes = |branch: &BranchCount| branch.deletes + branch.updates;
        results.extend(branches.iter().map(|branch| of_branch(BRANCH_CHANGE_PERCENT, branch, changes(branch), limit)));
    }
    results
}
