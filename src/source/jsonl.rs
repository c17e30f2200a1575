//! JSON Lines: one object per line.

use serde::de::DeserializeSeed;

use super::decode::of_json;
use super::json::Records;
use super::table::{Table, TableBuilder};
use crate::text::said;

/// The records of a text in UTF-8.
pub(super) fn read(bytes: &[u8], most: u64) -> Result<Table, String> {
    table(&of_json(bytes)?, most)
}

fn table(text: &str, most: u64) -> Result<Table, String> {
    if text.trim().is_empty() {
        return Err("is empty; a list with nobody in it cannot be told from one that was lost".to_owned());
    }
    let mut records = Records::new(TableBuilder::new(text.len()).up_to(most));
    for (number, line) in (1..).zip(text.lines()) {
        // A line of other white space than JSON's is not blank.
        if line.trim_matches([' ', '\t', '\r']).is_empty() {
            continue;
        }
        let mut document = serde_json::Deserializer::from_str(line);
        let read = records.record(number).deserialize(&mut document).and_then(|()| document.end());
        read.map_err(|error| format!("line {number}: {}", within_line(&error)))?;
    }
    Ok(records.builder.finish())
}

/// The message of an error within a single line, without the line number, which is always 1.
fn within_line(error: &serde_json::Error) -> String {
    let message = said(error);
    match message.strip_suffix(&format!(" at line 1 column {}", error.column())) {
        Some(problem) if error.column() > 0 => format!("{problem} at column {}", error.column()),
        _ => message,
    }
}
