//! Reads a plan file that is laid out as this program writes it: the operations are found by the lines that end them, and
//! read on several threads. A file with any other layout, or with anything wrong in it, is left to the reader that has the
//! words for it. What both read is the same.

use memchr::memmem::Finder;

use super::Document;
use crate::plan::Operation;
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
const PART: usize = 1 << 20;

/// The document, if the text has the usual layout and is a plan.
///
/// Text of JSON has a line break only between tokens. So [`BEGIN`] names a member, and that the text before it is a
/// document with an empty list proves that it is the document's own.
pub(super) fn read(text: &[u8]) -> Option<Document<'static>> {
    let begin = Finder::new(BEGIN).find(text)? + BEGIN.len();
    let operations = text[begin..].strip_suffix(REST.as_bytes())?;
    let head = [text[..begin].trim_ascii_end(), b"]}"].concat();
    let mut document: Document<'static> = serde_json::from_slice(&head).ok()?;
    let between = Finder::new(BETWEEN);
    let read = each_side_by_side(&parts(operations, &between), |part| operations_of(part, &between));
    let read: Vec<Vec<Operation>> = read.into_iter().collect::<Option<_>>()?;
    let mut all = Vec::with_capacity(read.iter().map(Vec::len).sum());
    read.into_iter().for_each(|operations| all.extend(operations));
    document.operations = all.into();
    Some(document)
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
fn operations_of(mut part: &[u8], between: &Finder<'_>) -> Option<Vec<Operation>> {
    let mut operations = Vec::new();
    while let Some(end) = between.find(part) {
        operations.push(serde_json::from_slice(&part[..end + END.len()]).ok()?);
        part = &part[end + between.needle().len()..];
    }
    operations.push(serde_json::from_slice(part).ok()?);
    Some(operations)
}
