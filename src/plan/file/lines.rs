//! Writes the indented JSON of a plan, its operations on several threads.

use serde::Serialize;

use crate::plan::Operation;
use crate::side_by_side::each_side_by_side;

use super::AT_A_TIME;

/// How a document without operations ends; they are its last member.
const NONE: &str = "[]\n}";
/// What is around the operations if they are all that a document has.
const AROUND: (&str, &str) = ("{\n  \"operations\": [\n", "\n  ]\n}");

/// The indented JSON of `frame`, whose last member is the empty list `operations`, with these operations in it, each as
/// `view` shows it. `take` gets it in pieces.
///
/// # Errors
/// If a value has no JSON form.
pub(crate) fn in_lines<'o, V: Serialize>(
    frame: &impl Serialize,
    operations: &'o [Operation],
    view: impl Fn(&'o Operation) -> V + Sync,
    mut take: impl FnMut(&str),
) -> serde_json::Result<()> {
    #[derive(Serialize)]
    struct Part<V> {
        operations: Vec<V>,
    }
    let frame = serde_json::to_string_pretty(frame)?;
    let Some(before) = frame.strip_suffix(NONE).filter(|_| !operations.is_empty()) else {
        take(&frame);
        return Ok(());
    };
    take(before);
    let parts: Vec<&[Operation]> = operations.chunks(AT_A_TIME).collect();
    let mut between = "[\n";
    let mut written = Ok(());
    each_side_by_side(
        &parts,
        |operations| serde_json::to_string_pretty(&Part { operations: operations.iter().map(&view).collect() }),
        |part| match part {
            Ok(part) => {
                take(std::mem::replace(&mut between, ",\n"));
                let within = part.strip_prefix(AROUND.0).and_then(|part| part.strip_suffix(AROUND.1));
                take(within.expect("indented JSON has these lines"));
            }
            Err(error) => written = Err(error),
        },
    );
    take(AROUND.1);
    written
}
