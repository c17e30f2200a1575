//! CSV, as RFC 4180 has it, with any delimiter.
//!
//! The reader is stricter than the usual ones, because what a lenient one guesses can remove somebody: a stray quote,
//! read on to the next one, swallows the people in between without any row looking ragged. It also counts rows as
//! spreadsheets number them, whatever the line ends, blank lines and line breaks within cells.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use super::decode::Encoding;
use super::table::{CellKind, MOST_COLUMNS, Table, TableBuilder};
use crate::employee::normal_text;
use crate::setting::section::Section;
use crate::setting::{ConfigError, quoting};

/// How a CSV text with a header is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CsvFormat {
    delimiter: char,
    encoding: Encoding,
}

impl CsvFormat {
    pub(super) const KEYS: &[&str] = &["delimiter", "encoding"];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let delimiter = match section.text_or_empty("delimiter")? {
            None => ',',
            Some(text) => delimiter(text).ok_or_else(|| {
                section.problem(
                    "delimiter",
                    "must be one character, such as \";\", or \"tab\", and no quote or line break",
                )
            })?,
        };
        let encoding = match section.text("encoding")? {
            None => Encoding::Utf8,
            Some(name) => Encoding::named(name).ok_or_else(|| {
                section.problem("encoding", format!("is {}, which is unknown; known are utf-8, windows-1252, iso-8859-1, utf-16 and others of the WHATWG encoding standard", quoting::quoted(name)))
            })?,
        };
        Ok(Self { delimiter, encoding })
    }

    pub(super) fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { delimiter, encoding } = self;
        BTreeMap::from([("delimiter", delimiter.to_string()), ("encoding", encoding.name().to_owned())])
    }

    pub(super) fn table(&self, bytes: &[u8]) -> Result<Table, String> {
        table(&self.encoding.decode(bytes)?, self.delimiter)
    }
}

fn delimiter(text: &str) -> Option<char> {
    if matches!(text, "tab" | "\\t") {
        return Some('\t');
    }
    let mut chars = text.chars();
    let delimiter = chars.next().filter(|c| !matches!(c, '"' | '\n' | '\r'))?;
    chars.next().is_none().then_some(delimiter)
}

/// The names of the columns, as `init` shows them; `None` where the file has no usable header.
pub(crate) fn header(bytes: &[u8], delimiter: char, encoding: &str) -> Option<Vec<String>> {
    let text = Encoding::named(encoding)?.decode(bytes).ok()?;
    read_header(&mut Rows::new(&text, delimiter)).ok()
}

fn table(text: &str, delimiter: char) -> Result<Table, String> {
    let mut rows = Rows::new(text, delimiter);
    let columns = read_header(&mut rows)?;
    let width = columns.len();
    let mut table = TableBuilder::with_columns(columns, text.len());
    let mut cells = Vec::with_capacity(width);
    while let Some(row) = rows.next(&mut cells)? {
        // Spreadsheets write emptied rows at the end of a list as nothing but delimiters.
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if cells.len() != width {
            return Err(format!(
                "row {row} has {} cells, but the header has {width}; a delimiter within a cell needs quotes around it",
                cells.len()
            ));
        }
        for cell in &cells {
            table.cell(CellKind::Text, cell.trim());
        }
        table.end_row(row)?;
    }
    Ok(table.finish())
}

fn read_header(rows: &mut Rows<'_>) -> Result<Vec<String>, String> {
    let mut cells = Vec::new();
    let Some(row) = rows.next(&mut cells)? else { return Err("has no header row".to_owned()) };
    let mut seen = HashSet::new();
    let mut columns = Vec::with_capacity(cells.len());
    for (index, cell) in cells.iter().enumerate() {
        let name = normal_text(cell);
        if name.is_empty() {
            return Err(format!("row {row}, the header, has no name for column {}", index + 1));
        }
        if !seen.insert(name.to_string()) {
            return Err(format!("row {row}, the header, has the column {} twice", quoting::column(&name)));
        }
        columns.push(name.into_owned());
    }
    Ok(columns)
}

/// The rows of a text.
struct Rows<'t> {
    text: &'t str,
    delimiter: char,
    at: usize,
    row: u64,
}

/// What ends a cell.
enum End {
    Cell,
    Row,
}

impl<'t> Rows<'t> {
    fn new(text: &'t str, delimiter: char) -> Self {
        Self { text, delimiter, at: 0, row: 0 }
    }

    /// Reads the next row that is not blank into `cells`; says its number, or `None` at the end.
    fn next(&mut self, cells: &mut Vec<Cow<'t, str>>) -> Result<Option<u64>, String> {
        while self.at < self.text.len() {
            self.row += 1;
            cells.clear();
            loop {
                let (cell, end) = if self.text[self.at..].starts_with('"') { self.quoted()? } else { self.bare() };
                cells.push(cell);
                if cells.len() > MOST_COLUMNS {
                    return Err(format!("row {} has more than {MOST_COLUMNS} cells", self.row));
                }
                if let End::Row = end {
                    break;
                }
            }
            if cells.len() > 1 || !cells[0].trim().is_empty() {
                return Ok(Some(self.row));
            }
        }
        Ok(None)
    }

    fn bare(&mut self) -> (Cow<'t, str>, End) {
        let rest = &self.text[self.at..];
        let length = rest.find([self.delimiter, '\n', '\r']).unwrap_or(rest.len());
        self.at += length;
        // It ends where a cell can end, so there always is an end.
        let end = self.end().unwrap_or(End::Row);
        (Cow::Borrowed(&rest[..length]), end)
    }

    fn quoted(&mut self) -> Result<(Cow<'t, str>, End), String> {
        self.at += 1;
        let start = self.at;
        let mut doubled = false;
        loop {
            let Some(length) = self.text[self.at..].find('"') else {
                return Err(format!(
                    "row {}: a cell begins with a quote and does not end; the file may have been cut",
                    self.row
                ));
            };
            self.at += length + 1;
            if self.text[self.at..].starts_with('"') {
                self.at += 1;
                doubled = true;
                continue;
            }
            let cell = &self.text[start..self.at - 1];
            let end = self.end().ok_or_else(|| {
                format!(
                    "row {}: something follows the quote that ends a cell; quotes within a cell must be doubled",
                    self.row
                )
            })?;
            return Ok((if doubled { Cow::Owned(cell.replace("\"\"", "\"")) } else { Cow::Borrowed(cell) }, end));
        }
    }

    /// Steps over what ends a cell, if that is what comes next.
    fn end(&mut self) -> Option<End> {
        let rest = &self.text[self.at..];
        let mut chars = rest.chars();
        match chars.next() {
            None => Some(End::Row),
            Some(c) if c == self.delimiter => {
                self.at += c.len_utf8();
                Some(End::Cell)
            }
            Some('\r') if chars.next() == Some('\n') => {
                self.at += 2;
                Some(End::Row)
            }
            Some('\r' | '\n') => {
                self.at += 1;
                Some(End::Row)
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str, delimiter: char) -> Result<Vec<(u64, Vec<String>)>, String> {
        let mut rows = Rows::new(text, delimiter);
        let (mut found, mut cells) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next(&mut cells)? {
            found.push((row, cells.iter().map(|cell| cell.to_string()).collect()));
        }
        Ok(found)
    }

    #[test]
    fn rows_are_numbered_as_spreadsheets_do() {
        let text = "a,b\r\n\r\n\"x\ny\",\"1 \"\"2\"\"\"\r\n3,4\n\n5,6\r7,8";
        let cells = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(
            rows(text, ',').unwrap(),
            [
                (1, cells(["a", "b"])),
                (3, cells(["x\ny", "1 \"2\""])),
                (4, cells(["3", "4"])),
                (6, cells(["5", "6"])),
                (7, cells(["7", "8"])),
            ]
        );
        assert_eq!(rows("a,\n,", ',').unwrap(), [(1, cells(["a", ""])), (2, cells(["", ""]))]);
        assert_eq!(rows("", ',').unwrap(), []);
    }

    #[test]
    fn quotes_are_strict() {
        // A lenient reader makes one row of the two people here, and nothing of it is ragged.
        let swallowed = "id,name,mail\n1,\"Anna,a@x\n2,\"Bo,b@x\n";
        for (text, expected) in [
            (swallowed, "row 2: something follows the quote"),
            ("a,b\n1,\"An", "row 2: a cell begins with a quote and does not end"),
            ("\"a\" ,b", "row 1: something follows the quote"),
        ] {
            let error = rows(text, ',').unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(rows("5\" pipe,x", ',').unwrap()[0].1, ["5\" pipe", "x"]);
    }

    #[test]
    fn what_a_header_or_row_cannot_be() {
        for (text, expected) in [
            ("\n\n", "no header"),
            ("a,,b\n", "no name for column 2"),
            ("a,b,a\n", "`a` twice"),
            // The same letter, composed and decomposed.
            ("\u{e5},a\u{30a}\n", "twice"),
            ("a,b\n1,2\n3\n", "row 3 has 1 cells, but the header has 2"),
            ("a,b\n1,2,3\n", "row 2 has 3 cells"),
        ] {
            let error = table(text, ',').unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
        assert_eq!(table("a,b\n", ',').unwrap().len(), 0);
        assert_eq!(table("a;b\n1;2\n;\n ; \n", ';').unwrap().len(), 1);
    }

    #[test]
    fn delimiters_are_one_character() {
        for (text, expected) in [
            (";", Some(';')),
            ("\t", Some('\t')),
            ("tab", Some('\t')),
            ("\\t", Some('\t')),
            ("\u{a6}", Some('\u{a6}')),
            ("", None),
            (";;", None),
            ("\"", None),
            ("\n", None),
        ] {
            assert_eq!(delimiter(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_the_csv_crate_writes_is_read_back(
            delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|', b':', b'x', b' ']),
            crlf in any::<bool>(),
            table in (1..5usize).prop_flat_map(|width| {
                prop::collection::vec(prop::collection::vec("[ax;,|:\"\\t\\r\\n \u{e5}]{0,4}", width), 1..6)
            }),
        ) {
            let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
            let mut writer =
                csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let read: Vec<Vec<String>> =
                rows(&text, char::from(delimiter)).unwrap().into_iter().map(|(_, cells)| cells).collect();
            // A row of one blank cell is a blank line.
            let written: Vec<Vec<String>> =
                table.into_iter().filter(|row| row.len() > 1 || !row[0].trim().is_empty()).collect();
            prop_assert_eq!(read, written);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a,;\"\\r\\n\u{e5}]{0,40}") {
            let _ = table(&text, ',');
            let _ = table(&text, '\u{e5}');
        }
    }
}
