//! Reads a plan file that is laid out as this program writes it: the operations are found by the lines that end them, and
//! read on several threads. A file with any other layout, or with anything wrong in it, is left to the reader that has the
//! words for it. What both read is the same.

use memchr::memmem::Finder;

use super::{Document, PlanHash, Shape, is_known, shaped};
use crate::plan::{Content, Digest, Operation, Summary};
use crate::side_by_side::each_side_by_side;

/// The line that begins the list of operations, with the line breaks around it.
const BEGIN: &str = "\n  \"operations\": [\n";
/// How an operation ends.
const END: &str = "\n    }";
/// The same, and that another one follows.
const BETWEEN: &str = "\n    },\n";
/// What follows the last operation.
const REST: &str = "\n  ]\n}\n";
/// How many bytes of operations a thread takes at a time.
const PART: usize = 128 << 10;
/// No operation is shorter, in bytes.
const SHORTEST: usize = 100;

/// The plan with the hash that it states and the hash that it has, if the text has the usual layout and is a plan.
///
/// Text of JSON has a line break only between tokens. So [`BEGIN`] names a member, and that the text before it is a
/// document with an empty list proves that it is the document's own.
pub(super) fn read(text: &[u8]) -> Option<(Content, Option<Digest>, Digest)> {
    let (head, rest) = text.split_at(Finder::new(BEGIN).find(text)? + BEGIN.len());
    let operations = rest.strip_suffix(REST.as_bytes())?;
    let head = [head.trim_ascii_end(), b"]}"].concat();
    let mut frame: Document<'static> = serde_json::from_slice(&head).ok()?;
    is_known(&frame.format, frame.format_version).ok()?;
    let stated = frame.plan_hash.take();
    if Shape::of(&head) != shaped(&frame).ok()?.1 {
        return None;
    }
    let mut hash = PlanHash::new(&frame).ok()?;
    let between = Finder::new(BETWEEN);
    // Each part ends with an ASCII character. So all of them are text exactly if the whole is.
    let part_of = |part: &&[u8]| {
        let operations = operations_of(str::from_utf8(part).ok()?, &between)?;
        let (written, shape) = shaped(&*operations).ok()?;
        (Shape::of(part).in_a_list() == shape).then_some((operations, written))
    };
    // What the summary says is only about right, and may be anything in a file of others.
    let Summary { create, update, reactivate, delete, unchanged: _, set_aside: _ } = frame.summary;
    let told = [create, update, reactivate, delete].into_iter().fold(0, u64::saturating_add);
    let most = text.len() / SHORTEST;
    let mut read = Vec::with_capacity(usize::try_from(told).map_or(most, |told| told.min(most)));
    each_side_by_side(&parts(operations, &between), part_of, |part| {
        let (operations, written) = part.ok_or(())?;
        hash.add(&written);
        read.extend(operations);
        Ok::<_, ()>(())
    })
    .ok()?;
    let content = Content { operations: read, ..frame.into_content().0 };
    Some((content, stated, hash.finish()))
}

/// Cuts the operations into parts that end where an operation does.
fn parts<'t>(mut text: &'t [u8], between: &Finder<'_>) -> Vec<&'t [u8]> {
    let mut parts = Vec::new();
    while let Some(found) = text.get(PART..).and_then(|behind| between.find(behind)) {
        let end = PART + found;
        parts.push(&text[..end + END.len()]);
        text = &text[end + between.needle().len()..];
    }
    parts.push(text);
    parts
}

/// The operations of a part; `None` if any of them is not one.
fn operations_of(mut part: &str, between: &Finder<'_>) -> Option<Vec<Operation>> {
    let mut operations = Vec::new();
    while let Some(end) = between.find(part.as_bytes()) {
        operations.push(serde_json::from_str(&part[..end + END.len()]).ok()?);
        part = &part[end + between.needle().len()..];
    }
    operations.push(serde_json::from_str(part).ok()?);
    Some(operations)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::super::{canonical_json, content_hash, in_lines};
    use super::*;
    use crate::plan::OperationId;

    /// The text of a document with many operations, as the program lays it out.
    fn text(operations: u32) -> Vec<u8> {
        let head = format!(
            r#"{{"format": "skovik-sync/plan", "format_version": 3, "generator": "", "config_hash": "{0}", "as_of": null,
            "target": {{"kind": "skovik", "url": "", "users": 0, "managed": 0, "fingerprint": "{0}", "anchors":
            {{"branches": [], "users": []}}, "custom_fields": {{}}}}, "sources": [], "summary": {{"create": 0, "update": 0,
            "delete": 0, "unchanged": 0, "set_aside": 0}}, "guards": [], "diagnostics": [], "operations": []}}"#,
            Digest::of(b"")
        );
        let mut document: Document<'static> = serde_json::from_str(&head).unwrap();
        let manager = r#""manager": {"user_id": "u", "employee": null, "name": "},\n    {"}"#;
        let operation = format!(
            r#"{{"id": "1", "action": "link", "employee": "1", "name": "A", "depends_on": [], "create": "1", {manager}}}"#
        );
        let operation: Operation = serde_json::from_str(&operation).unwrap();
        let numbered = (1..=operations).map(|id| Operation { id: OperationId(id), ..operation.clone() });
        document.operations = numbered.collect::<Vec<_>>().into();
        let mut text = serde_json::to_vec_pretty(&document).unwrap();
        text.push(b'\n');
        text
    }

    #[test]
    fn a_long_file_is_read_in_parts() {
        for operations in [1, 2, 20_000] {
            let text = text(operations);
            let is_long = text.len() > 2 * PART;
            assert_eq!(is_long, operations == 20_000);
            let (quick, stated, hash) = read(&text).unwrap();
            let (slow, _) = serde_json::from_slice::<Document<'static>>(&text).unwrap().into_content();
            let whole = canonical_json(&Document::of(&slow, None)).unwrap();
            assert_eq!((&quick, stated, hash), (&slow, None, Digest::of(&whole)));
            assert_eq!(content_hash(&slow).unwrap(), hash);
        }
    }

    #[test]
    fn operations_are_written_in_parts_as_they_are_written_at_once() {
        for operations in [0, 1, 5_000] {
            let text = String::from_utf8(text(operations)).unwrap();
            let mut frame: Document<'static> = serde_json::from_str(&text).unwrap();
            let operations = std::mem::take(&mut frame.operations);
            let mut written = String::new();
            let taken = in_lines(
                &frame,
                &operations,
                |operation| operation,
                |piece| {
                    written.push_str(piece);
                    Ok::<_, serde_json::Error>(())
                },
            );
            assert!(taken.is_ok() && written + "\n" == text, "{}", operations.len());
        }
    }

    #[test]
    fn another_layout_is_left_to_the_other_reader() {
        let whole = String::from_utf8(text(3)).unwrap();
        assert!(read(whole.as_bytes()).is_some());
        for other in [
            whole.trim_end().to_owned(),
            whole.replace("    },\n    {", "    }, {"),
            whole.replace("\n  ", "\n"),
            whole.replace("\"operations\": [", "\"operations\":["),
            whole.replacen("    {\n", "    {{\n", 1),
            whole.replace("\n  ]\n}\n", "\n  ],\n  \"operations\": [\n    {}\n  ]\n}\n"),
            whole.replace("\"format_version\": 3,", "\"format_version\": 3, \"unknown\": 3,"),
            String::from_utf8(text(0)).unwrap(),
        ] {
            assert!(read(other.as_bytes()).is_none(), "{other}");
        }
    }
}
