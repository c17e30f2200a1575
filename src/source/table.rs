//! The records of one source in a compact form: one text for all cells, with the places where they end. A million
//! records take little more memory than their file.

mod builder;

use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::cell::{Cell, CellKind};
use crate::plan::{Digest, Fingerprint};

pub(crate) use builder::{LONGEST_ROW, TableBuilder, too_long, too_many};

/// How many columns a list may have; a spreadsheet has no more.
pub(super) const MOST_COLUMNS: usize = 16_384;

/// The records of one source, in its order.
pub(crate) struct Table {
    columns: Arc<[Box<str>]>,
    column_places: FxHashMap<Box<str>, usize>,
    columns_are_fixed: bool,
    text: String,
    /// Where each cell ends, counted from the start of its row's text.
    ends: Vec<u32>,
    /// The kind of each cell; empty while all are texts.
    kinds: Vec<CellKind>,
    rows: Vec<Row>,
    /// The page that each row came on; empty if all came on one.
    pages: Vec<u32>,
    /// The rows that cannot be read at all, and why.
    unreadable_rows: FxHashMap<u32, Box<str>>,
    /// The lists that it was combined from, each with its first row; empty if it is one list.
    parts: Vec<(usize, Part)>,
}

/// A list that is part of a table.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) name: Arc<str>,
    /// Its completeness check.
    pub(crate) proof: String,
}

struct Row {
    number: u64,
    text: usize,
    cells: usize,
}

/// The 32-bit index by which joined records refer to a row.
#[expect(clippy::cast_possible_truncation, reason = "the builder lets no table have more rows")]
fn row_index(row: usize) -> u32 {
    row as u32
}

/// The first bytes of a key as a number. Two keys with different numbers are in the order of these.
fn start(key: &str) -> u64 {
    let mut bytes = [0; size_of::<u64>()];
    let length = key.len().min(bytes.len());
    bytes[..length].copy_from_slice(&key.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

impl Table {
    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The names of the columns.
    pub(crate) fn columns(&self) -> &[Box<str>] {
        &self.columns
    }

    /// The index of a column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.column_places.get(name).copied()
    }

    /// Whether a missing column certainly does not exist. An empty list may not know its columns.
    pub(crate) fn knows_its_columns(&self) -> bool {
        self.columns_are_fixed || !self.rows.is_empty()
    }

    /// The number of a row in its file.
    pub(crate) fn row_number(&self, row: usize) -> u64 {
        self.rows[row].number
    }

    /// A cell. A property that this record lacks and others have is an empty text.
    pub(crate) fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        if let Some(problem) = self.unreadable_row(row) {
            return Cell { text: problem, kind: CellKind::Unreadable };
        }
        let Row { number: _, text, cells } = self.rows[row];
        let after = self.rows.get(row + 1).map_or(self.ends.len(), |next| next.cells);
        let Some(&end) = self.ends[cells..after].get(column) else { return Cell { text: "", kind: CellKind::Text } };
        let start = if column == 0 { 0 } else { self.ends[cells + column - 1] };
        let kind = self.kinds.get(cells + column).copied().unwrap_or(CellKind::Text);
        Cell { text: &self.text[text + start as usize..text + end as usize], kind }
    }

    /// The lists that it was combined from.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> + Clone {
        self.parts.iter().map(|(_, part)| part)
    }

    /// The list that a row came from, if the table was combined from several.
    pub(crate) fn part_of(&self, row: usize) -> Option<&Part> {
        let after = self.parts.partition_point(|(first, _)| *first <= row);
        self.parts.get(after.checked_sub(1)?).map(|(_, part)| part)
    }

    /// Whether two of these rows came on different pages of one list.
    pub(crate) fn are_of_several_pages(&self, rows: &[u32]) -> bool {
        if self.pages.is_empty() {
            return false;
        }
        let part = |row: usize| self.parts.partition_point(|(first, _)| *first <= row);
        let place = |&row: &u32| (part(row as usize), self.pages[row as usize]);
        let mut places: Vec<(usize, u32)> = rows.iter().map(place).collect();
        places.sort_unstable();
        places.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1)
    }

    /// Copies the cells at these indexes of a row into another table, after a text; a missing index gives an empty
    /// cell.
    pub(crate) fn copy_cells(
        &self,
        row: usize,
        text: &str,
        places: &[Option<usize>],
        to: &mut TableBuilder,
    ) -> Result<(), String> {
        to.page = self.page(row);
        if let Some(problem) = self.unreadable_row(row) {
            return to.end_unreadable_row(self.row_number(row), problem);
        }
        to.cell(CellKind::Text, text);
        for place in places {
            let Cell { text, kind } =
                place.map_or(Cell { text: "", kind: CellKind::Text }, |place| self.cell(row, place));
            to.cell(kind, text);
        }
        to.end_row(self.row_number(row))
    }

    /// Why a row cannot be read at all, if that is so.
    pub(crate) fn unreadable_row(&self, row: usize) -> Option<&str> {
        if self.unreadable_rows.is_empty() {
            return None;
        }
        self.unreadable_rows.get(&row_index(row)).map(|problem| &**problem)
    }

    /// How many rows cannot be read at all.
    pub(crate) fn unreadable_rows(&self) -> usize {
        self.unreadable_rows.len()
    }

    /// The rows ordered by key, rows without a key first, and the number of rows without a key.
    pub(crate) fn sorted_by<'k>(&'k self, key_of: impl Fn(usize) -> &'k str) -> (Vec<u32>, usize) {
        let key_of = |row: u32| key_of(row as usize);
        // Most keys differ in their first letters, which are compared without looking for the rest.
        let mut order: Vec<(u64, u32)> = (0..row_index(self.len())).map(|row| (start(key_of(row)), row)).collect();
        let columns = self.columns_by_name();
        order.sort_unstable_by(|(start_a, a), (start_b, b)| {
            let keys = || key_of(*a).cmp(key_of(*b)).then_with(|| self.compare(&columns, *a, *b));
            start_a.cmp(start_b).then_with(keys)
        });
        let order: Vec<u32> = order.into_iter().map(|(_, row)| row).collect();
        let without_key = order.partition_point(|&row| key_of(row).is_empty());
        (order, without_key)
    }

    /// The same table with its rows ordered by their cells, first column first, and numbered from 1. The order in which
    /// they came does not matter.
    pub(crate) fn in_order_of_content(self) -> Result<Self, String> {
        let columns: Vec<usize> = (0..self.columns.len()).collect();
        self.in_order_of(&columns)
    }

    /// The same, comparing columns in the byte order of their names. For tables whose columns are in the order in which
    /// records mention them.
    pub(crate) fn in_order_of_named_content(self) -> Result<Self, String> {
        let columns = self.columns_by_name();
        self.in_order_of(&columns)
    }

    fn in_order_of(self, columns: &[usize]) -> Result<Self, String> {
        let mut order: Vec<u32> = (0..row_index(self.len())).collect();
        order.sort_unstable_by(|&a, &b| self.compare(columns, a, b));
        let mut sorted = self.without_rows(self.text.len());
        for (row, number) in order.into_iter().zip(1..) {
            self.copy_row(row as usize, number, &mut sorted)?;
        }
        Ok(sorted.finish())
    }

    /// A table with the same columns, to be filled.
    fn without_rows(&self, text: usize) -> TableBuilder {
        let mut builder = TableBuilder::new(text);
        self.columns.iter().for_each(|column| {
            builder.column(column);
        });
        builder.table.columns_are_fixed = self.columns_are_fixed;
        builder
    }

    fn page(&self, row: usize) -> u32 {
        self.pages.get(row).copied().unwrap_or_default()
    }

    fn copy_row(&self, row: usize, number: u64, to: &mut TableBuilder) -> Result<(), String> {
        to.page = self.page(row);
        if let Some(problem) = self.unreadable_row(row) {
            return to.end_unreadable_row(number, problem);
        }
        for column in 0..self.columns.len() {
            let Cell { text, kind } = self.cell(row, column);
            to.cell(kind, text);
        }
        to.end_row(number)
    }

    /// The indexes of the columns, in the byte order of their names.
    fn columns_by_name(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = (0..self.columns.len()).collect();
        columns.sort_unstable_by(|&a, &b| self.columns[a].cmp(&self.columns[b]));
        columns
    }

    /// Compares whole records, so that records without a key have an order that does not depend on the file.
    fn compare(&self, columns: &[usize], a: u32, b: u32) -> std::cmp::Ordering {
        let cells = |row: u32| columns.iter().map(move |&column| self.cell(row as usize, column));
        cells(a).cmp(cells(b))
    }

    /// A digest of the records, in which neither their order nor that of the columns matters. It covers the names of the
    /// columns in byte order, and a digest of each record: of its cells in the order of those names. A cell is a byte for
    /// its kind, then its text.
    pub(crate) fn fingerprint(&self) -> Digest {
        let columns = self.columns_by_name();
        let mut values = Fingerprint::default();
        let records = (0..self.len()).map(|row| {
            for &column in &columns {
                let cell = self.cell(row, column);
                values.byte(match cell.kind {
                    CellKind::Text => 0,
                    CellKind::Integer => 1,
                    CellKind::Float => 2,
                    CellKind::Boolean => 3,
                    CellKind::Structured => 4,
                    CellKind::Unreadable => 5,
                });
                values.text(cell.text);
            }
            *values.finish().as_bytes()
        });
        let records = records.collect();
        values.texts(columns.iter().map(|&column| &*self.columns[column]));
        values.unordered(records);
        values.finish()
    }
}

impl fmt::Debug for Table {
    /// Omits the records, which are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("columns", &self.columns).field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}
