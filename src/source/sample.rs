//! An overview of a source without personal data: its columns, and the shapes of its first records.

use super::Listing;
use super::cell::{Cell, CellKind};
use crate::setting::quoting;
use crate::text::shortened;

/// How many records are looked at.
const RECORDS: usize = 3;
/// How many characters of a shape are shown.
const LONGEST: usize = 40;

/// A column, and the shapes of what it holds in the first records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SampleColumn {
    pub(crate) name: String,
    pub(crate) shapes: Vec<String>,
}

impl Listing {
    /// Its columns with the shapes of the first three records. The full name of a column is shown only if the settings
    /// name it: the list may be any file, and its first line may hold anything.
    pub(crate) fn sample(&self) -> Vec<SampleColumn> {
        let records = self.table.len().min(RECORDS);
        let shapes = |column| (0..records).map(|record| shape(self.table.cell(record, column))).collect();
        let columns = self.table.columns().iter().enumerate();
        // A file with only one column may be a file with a secret key.
        let is_list = self.table.columns().len() > 1;
        let shown = |name: &str| match (self.used.contains(name), is_list) {
            (true, _) => name.to_owned(),
            (false, true) => quoting::sample(name),
            (false, false) => format!("({})", quoting::length(name)),
        };
        columns.map(|(column, name)| SampleColumn { name: shown(name), shapes: shapes(column) }).collect()
    }
}

/// The shape of a value: every run of letters is `xxx`, `Xxx` or `XXX` for any length, every digit is `9`, and the
/// signs between them stay. A boolean is shown as it is: it identifies nobody.
fn shape(cell: Cell<'_>) -> String {
    match cell.kind {
        CellKind::Boolean => cell.text.to_owned(),
        CellKind::Structured if cell.text.starts_with('{') => "{…}".to_owned(),
        CellKind::Structured => "[…]".to_owned(),
        CellKind::Unreadable => "(unreadable)".to_owned(),
        CellKind::Text | CellKind::Integer | CellKind::Float if cell.text.is_empty() => "(none)".to_owned(),
        CellKind::Text | CellKind::Integer | CellKind::Float => shape_of_text(cell.text),
    }
}

fn shape_of_text(text: &str) -> String {
    let mut shape = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_numeric() {
            shape.push('9');
        } else if c.is_alphabetic() {
            let (mut length, mut upper) = (1, usize::from(c.is_uppercase()));
            let starts_upper = upper == 1;
            while let Some(next) = chars.next_if(|next| next.is_alphabetic() || is_mark(*next)) {
                length += 1;
                upper += usize::from(next.is_uppercase());
            }
            shape.push_str(match (upper == length, starts_upper) {
                (true, _) => "XXX",
                (false, true) => "Xxx",
                (false, false) => "xxx",
            });
        } else {
            shape.push(c);
        }
    }
    shortened(&shape, LONGEST).into_owned()
}

/// Whether a character is a combining mark.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_tell_the_form_and_nobody() {
        for (kind, text, expected) in [
            (CellKind::Text, "Anna-Lena af Berg", "Xxx-Xxx xxx Xxx"),
            (CellKind::Text, "anna.berg2@example.com", "xxx.xxx9@xxx.xxx"),
            (CellKind::Text, "SE01", "XXX99"),
            (CellKind::Text, "A\u{30a}sa", "Xxx"),
            (CellKind::Text, "小龙", "xxx"),
            (CellKind::Text, "\u{664}\u{662}", "99"),
            (CellKind::Integer, "-1001", "-9999"),
            (CellKind::Text, "CN=Anna,OU=Staff", "XXX=Xxx,XXX=Xxx"),
            (CellKind::Text, "", "(none)"),
            (CellKind::Boolean, "true", "true"),
            (CellKind::Structured, "[\"a\"]", "[…]"),
            (CellKind::Structured, "{\"a\": 1}", "{…}"),
        ] {
            assert_eq!(shape(Cell { text, kind }), expected, "{text}");
        }
        let long = shape_of_text(&"1 ".repeat(100));
        assert_eq!(long.chars().count(), LONGEST + 1);
    }
}
