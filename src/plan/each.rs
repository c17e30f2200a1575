//! Work on the operations of a plan, on several threads.

use super::{Content, Operation};
use crate::side_by_side::each_side_by_side;

/// How many operations a thread takes at a time.
pub(super) const AT_A_TIME: usize = 4_096;

/// Checks operations on several threads. The problem that is returned is that of the first operation which has one.
pub(super) fn each_operation(
    content: &Content,
    check: impl Fn(&Operation) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let check =
        |operation: &Operation| check(operation).map_err(|problem| format!("operation {} {problem}", operation.id));
    let parts: Vec<&[Operation]> = content.operations.chunks(AT_A_TIME).collect();
    first_problem(&parts, |operations| operations.iter().try_for_each(check))
}

/// Checks items on several threads. The problem that is returned is that of the first item which has one.
pub(super) fn first_problem<T: Sync>(
    items: &[T],
    check: impl Fn(&T) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let mut checked = Ok(());
    each_side_by_side(items, check, |result| checked = std::mem::replace(&mut checked, Ok(())).and(result));
    checked
}
