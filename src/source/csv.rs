//! CSV by RFC 4180, with any delimiter.
//!
//! The reader is stricter than the usual ones, because what a lenient one guesses can remove somebody: a stray quote,
//! read on to the next one, swallows the people in between without any row looking ragged. It also counts rows as
//! spreadsheets number them, whatever the line ends, blank lines and line breaks within cells.

mod rows;

use std::collections::{BTreeMap, HashSet};

use super::cell::CellKind;
use super::decode::Encoding;
use super::table::{MOST_COLUMNS, Table, TableBuilder};
use crate::employee::normal_text;
use crate::setting::section::Section;
use crate::setting::{ConfigError, quoting};

use rows::Rows;

/// How many characters a delimiter may have.
const LONGEST_DELIMITER: usize = 8;
/// How many ragged rows a message names.
const RAGGED_SHOWN: usize = 3;
/// The advice for a header without names, or with rows of another width.
const HEADER_ADVICE: &str = "if the names of the columns are in another row, set `header_row`; if the file has none, \
                             name them with `columns`";

/// The format of a CSV text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CsvFormat {
    /// The delimiter; `None` for a comma, unless the first line of the file names another.
    delimiter: Option<String>,
    encoding: Encoding,
    header: Header,
}

/// Where the names of the columns are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Header {
    /// In the first row that is not blank.
    First,
    /// In this row, counted from 1.
    Row(u64),
    /// In the settings: the file has none.
    Given(Vec<String>),
}

/// Rows with another number of cells than the header.
#[derive(Default)]
struct Ragged {
    count: u64,
    /// The first of them, each with its number of cells.
    shown: Vec<(u64, usize)>,
}

impl CsvFormat {
    pub(super) const KEYS: &[&str] = &["delimiter", "encoding", "header_row", "columns"];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let delimiter = section.text_or_empty("delimiter")?.map(|text| {
            delimiter(text).ok_or_else(|| {
                section.problem(
                    "delimiter",
                    format!(
                        "must be one character such as \";\", up to {LONGEST_DELIMITER} such as \"+|\", or \"tab\", and \
                         no quote or line break"
                    ),
                )
            })
        });
        let encoding = match section.text("encoding")? {
            None => Encoding::Utf8,
            Some(name) => Encoding::named(name).ok_or_else(|| {
                section.problem("encoding", format!("is {}, which is unknown; known are utf-8, windows-1252, iso-8859-1, utf-16 and others of the WHATWG encoding standard", quoting::quoted(name)))
            })?,
        };
        Ok(Self { delimiter: delimiter.transpose()?, encoding, header: Header::from_section(section)? })
    }

    pub(super) fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { delimiter, encoding, header } = self;
        let delimiter = delimiter.as_deref().unwrap_or(",").to_owned();
        let mut identity = BTreeMap::from([("delimiter", delimiter), ("encoding", encoding.name().to_owned())]);
        identity.extend(match header {
            Header::First => None,
            Header::Row(row) => Some(("header_row", row.to_string())),
            Header::Given(columns) => Some(("columns", format!("{columns:?}"))),
        });
        identity
    }

    pub(super) fn table(&self, bytes: &[u8], most: u64) -> Result<Table, String> {
        self.read(&self.encoding.decode(bytes)?, most)
    }

    fn read(&self, text: &str, most: u64) -> Result<Table, String> {
        let (stated, text) = stated_delimiter(text);
        let delimiter = match (stated, self.delimiter.as_deref()) {
            (Some(stated), Some(set)) if stated != set => {
                return Err(format!(
                    "says in its first line that its delimiter is {stated:?}, but `delimiter` is {set:?}; leave \
                     `delimiter` out, or correct it"
                ));
            }
            (stated, set) => set.or(stated).unwrap_or(","),
        };
        let mut rows = Rows::new(text, delimiter);
        let columns = self.header.read(&mut rows)?;
        let table = TableBuilder::with_columns(columns, text.len()).up_to(most);
        read_rows(&mut rows, table, &self.header)
    }
}

impl Header {
    fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let row = section.number("header_row", 1..=1_048_576)?;
        let Some(columns) = section.texts("columns")? else { return Ok(row.map_or(Self::First, Self::Row)) };
        if row.is_some() {
            return Err(section.problem("columns", "is for a file without a header, and `header_row` names one"));
        }
        let columns: Vec<String> = columns.iter().map(|name| normal_text(name).into_owned()).collect();
        let mut seen = HashSet::new();
        if let Some(twice) = columns.iter().find(|name| !seen.insert(*name)) {
            return Err(section.problem("columns", format!("names {} twice", quoting::column(twice))));
        }
        if columns.is_empty() || columns.len() > MOST_COLUMNS {
            return Err(section.problem("columns", format!("must name between 1 and {MOST_COLUMNS} columns")));
        }
        Ok(Self::Given(columns))
    }

    fn read(&self, rows: &mut Rows<'_>) -> Result<Vec<String>, String> {
        let wanted = match self {
            Self::Given(columns) => return Ok(columns.clone()),
            Self::First => None,
            Self::Row(row) => Some(*row),
        };
        let mut cells = Vec::new();
        loop {
            match (rows.next(&mut cells)?, wanted) {
                (None, None) => return Err("has no header row".to_owned()),
                (Some(row), Some(wanted)) if row < wanted => {}
                (Some(row), None) => return header_names(row, &cells),
                (Some(row), Some(wanted)) if row == wanted => return header_names(row, &cells),
                (_, Some(wanted)) => return Err(format!("row {wanted}, which `header_row` names, is blank")),
            }
        }
    }

    /// The name of the row that others are compared with, for messages.
    fn name(&self) -> &'static str {
        match self {
            Self::First | Self::Row(_) => "the header",
            Self::Given(_) => "`columns`",
        }
    }
}

impl Ragged {
    fn add(&mut self, row: u64, cells: usize) {
        self.count += 1;
        if self.shown.len() < RAGGED_SHOWN {
            self.shown.push((row, cells));
        }
    }

    fn problem(&self, width: usize, header: &Header) -> Option<String> {
        let name = header.name();
        let (row, cells) = self.shown.first()?;
        let said = if self.count == 1 {
            format!("row {row} has {cells} cells, but {name} has {width}")
        } else {
            let shown: Vec<String> = self.shown.iter().map(|(row, cells)| format!("row {row} has {cells}")).collect();
            let more = if self.count > RAGGED_SHOWN as u64 { ", …" } else { "" };
            format!(
                "{} rows do not have as many cells as {name}, which has {width}: {}{more}",
                self.count,
                shown.join(", ")
            )
        };
        // A header that is narrower than all ragged rows may be a title.
        let is_title = *header == Header::First && self.shown.iter().all(|(_, cells)| *cells > width);
        let advice = if is_title { format!("; {HEADER_ADVICE}") } else { String::new() };
        Some(format!("{said}; a delimiter within a cell needs quotes around it{advice}"))
    }
}

fn delimiter(text: &str) -> Option<String> {
    if matches!(text, "tab" | "\\t") {
        return Some("\t".to_owned());
    }
    let is_good = !text.is_empty() && text.chars().count() <= LONGEST_DELIMITER && !text.contains(['"', '\n', '\r']);
    is_good.then(|| text.to_owned())
}

/// The delimiter in a first line such as `sep=;`, which Excel reads and does not count as a row; and the text after
/// that line.
fn stated_delimiter(text: &str) -> (Option<&str>, &str) {
    let end = text.find('\n').map_or(text.len(), |end| end + 1);
    let line = text[..end].trim_end_matches(['\n', '\r']);
    let line = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
    let stated = line.get(..4).filter(|word| word.eq_ignore_ascii_case("sep=")).map(|_| &line[4..]);
    match stated.filter(|stated| stated.chars().count() == 1 && delimiter(stated).is_some()) {
        Some(stated) => (Some(stated), &text[end..]),
        None => (None, text),
    }
}

/// The names of the columns, as `init` shows them; `None` if the file has no usable header.
pub(crate) fn header(bytes: &[u8], delimiter: char, encoding: &str) -> Option<Vec<String>> {
    let text = Encoding::named(encoding)?.decode(bytes).ok()?;
    let (stated, text) = stated_delimiter(&text);
    let delimiter = delimiter.to_string();
    if stated.is_some_and(|stated| stated != delimiter) {
        return None;
    }
    Header::First.read(&mut Rows::new(text, &delimiter)).ok()
}

fn read_rows(rows: &mut Rows<'_>, mut table: TableBuilder, header: &Header) -> Result<Table, String> {
    let width = table.width();
    let mut cells = Vec::with_capacity(width);
    let mut ragged = Ragged::default();
    while let Some(row) = rows.next(&mut cells)? {
        // Spreadsheets write rows that were emptied at the end of a list as delimiters only.
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if cells.len() != width {
            ragged.add(row, cells.len());
            continue;
        }
        if ragged.count > 0 {
            continue;
        }
        for cell in &cells {
            table.cell(CellKind::Text, cell.trim());
        }
        table.end_row(row)?;
    }
    if let Some(problem) = ragged.problem(width, header) {
        return Err(problem);
    }
    let table = table.finish();
    if matches!(header, Header::Given(_)) && table.len() == 0 {
        return Err("is empty; a list with nobody in it cannot be told from one that was lost".to_owned());
    }
    Ok(table)
}

fn header_names(row: u64, cells: &[std::borrow::Cow<'_, str>]) -> Result<Vec<String>, String> {
    let mut seen = HashSet::new();
    let mut columns = Vec::with_capacity(cells.len());
    for (index, cell) in cells.iter().enumerate() {
        let name = normal_text(cell);
        if name.is_empty() {
            return Err(format!("row {row}, the header, has no name for column {}; {HEADER_ADVICE}", index + 1));
        }
        if !seen.insert(name.to_string()) {
            let name = quoting::column(&name);
            return Err(format!("row {row}, the header, has the column {name} twice; {HEADER_ADVICE}"));
        }
        columns.push(name.into_owned());
    }
    Ok(columns)
}

#[cfg(test)]
mod tests;
