//! Checks of the operations of a plan, on several threads.

use super::{Content, Operation};
use crate::side_by_side::some_side_by_side;

/// The problem of the first operation that has one.
pub(super) fn each_operation(
    content: &Content,
    check: impl Fn(&Operation) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let check =
        |operation: &Operation| check(operation).map_err(|problem| format!("operation {} {problem}", operation.id));
    some_side_by_side(&content.operations, |operations| operations.iter().try_for_each(check), |checked| checked)
}
