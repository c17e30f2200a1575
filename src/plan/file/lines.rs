//! Writes the indented JSON of a plan, its operations on several threads.

use serde::Serialize;

use crate::plan::Operation;
use crate::side_by_side::some_side_by_side;

/// How a document without operations ends; they are its last member.
const NONE: &str = "[]\n}";
/// What is around the operations if they are all that a document has.
const AROUND: (&str, &str) = ("{\n  \"operations\": [\n", "\n  ]\n}");

/// The indented JSON of `frame`, whose last member is the empty list `operations`, with these operations in it, each as
/// `view` shows it. `take` gets it in pieces.
///
/// # Errors
/// If a value has no JSON form, or `take` fails.
pub(crate) fn in_lines<'o, V: Serialize, E: From<serde_json::Error>>(
    frame: &impl Serialize,
    operations: &'o [Operation],
    view: impl Fn(&'o Operation) -> V + Sync,
    mut take: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    #[derive(Serialize)]
    struct Part<V> {
        operations: Vec<V>,
    }
    let frame = serde_json::to_string_pretty(frame)?;
    let Some(before) = frame.strip_suffix(NONE).filter(|_| !operations.is_empty()) else { return take(&frame) };
    take(before)?;
    let written = |operations: &'o [Operation]| {
        serde_json::to_string_pretty(&Part { operations: operations.iter().map(&view).collect() })
    };
    let mut between = "[\n";
    some_side_by_side(operations, written, |part| {
        let part = part?;
        let within = part.strip_prefix(AROUND.0).and_then(|part| part.strip_suffix(AROUND.1));
        take(std::mem::replace(&mut between, ",\n"))?;
        take(within.expect("indented JSON has these lines"))
    })?;
    take(AROUND.1)
}
