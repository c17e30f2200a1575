//! Splits a CSV text into rows of cells.

use std::borrow::Cow;

use crate::source::table::MOST_COLUMNS;

/// The rows of a text.
pub(super) struct Rows<'t> {
    text: &'t str,
    /// Not empty.
    delimiter: &'t str,
    at: usize,
    row: u64,
}

/// What ends a cell.
enum End {
    Cell,
    Row,
}

impl<'t> Rows<'t> {
    /// The rows of a text with this delimiter, which must not be empty.
    pub(super) fn new(text: &'t str, delimiter: &'t str) -> Self {
        Self { text, delimiter, at: 0, row: 0 }
    }

    /// Reads the next row that is not blank into `cells`; returns its number, or `None` at the end.
    pub(super) fn next(&mut self, cells: &mut Vec<Cow<'t, str>>) -> Result<Option<u64>, String> {
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
        let length = self.length_of_bare(rest.as_bytes());
        self.at += length;
        // The cell was read up to an end, so there is one.
        let end = self.end().unwrap_or(End::Row);
        (Cow::Borrowed(&rest[..length]), end)
    }

    /// The length of a cell without quotes. Bytes are enough: no character begins within another one.
    fn length_of_bare(&self, rest: &[u8]) -> usize {
        let delimiter = self.delimiter.as_bytes();
        let is_end = |at: usize| match rest[at] {
            b'\n' | b'\r' => true,
            byte => byte == delimiter[0] && (delimiter.len() == 1 || rest[at..].starts_with(delimiter)),
        };
        (0..rest.len()).find(|&at| is_end(at)).unwrap_or(rest.len())
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

    /// Skips a delimiter or a line end, if one comes next.
    fn end(&mut self) -> Option<End> {
        let rest = &self.text[self.at..];
        if rest.starts_with(self.delimiter) {
            self.at += self.delimiter.len();
            return Some(End::Cell);
        }
        let mut chars = rest.chars();
        match chars.next() {
            None => Some(End::Row),
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
