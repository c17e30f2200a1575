//! Filling a table cell by cell, row by row.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{CellKind, Part, Row, Table, row_index};
use crate::employee::normal_text;
use crate::files::LARGEST_LIST;

/// The largest row, in bytes. The positions of its cells are 32-bit numbers.
pub(crate) const LONGEST_ROW: usize = 64 * 1024 * 1024;
/// How many cells a list may have: a hundred for each of four million people. A short record can have many cells if
/// another record has many columns.
const MOST_CELLS: usize = 400_000_000;

/// Fills a table cell by cell, row by row.
pub(crate) struct TableBuilder {
    pub(super) table: Table,
    columns: Vec<Box<str>>,
    row_text: usize,
    row_cells: usize,
    /// How many rows there may be.
    most_rows: u64,
    /// The page of the current row, counted from 0.
    pub(super) page: u32,
}

impl TableBuilder {
    /// A table whose columns are known before its records; `text` is the expected size of its cells in bytes.
    pub(crate) fn with_columns(columns: Vec<String>, text: usize) -> Self {
        let mut builder = Self::new(text);
        for column in columns {
            builder.column(&column);
        }
        builder.table.columns_are_fixed = true;
        builder
    }

    /// A table whose columns are those of its records.
    pub(crate) fn new(text: usize) -> Self {
        let table = Table {
            columns: Arc::new([]),
            column_places: FxHashMap::default(),
            columns_are_fixed: false,
            text: String::with_capacity(text),
            ends: Vec::new(),
            kinds: Vec::new(),
            rows: Vec::new(),
            pages: Vec::new(),
            unreadable_rows: FxHashMap::default(),
            parts: Vec::new(),
        };
        Self { table, columns: Vec::new(), row_text: 0, row_cells: 0, most_rows: u64::MAX, page: 0 }
    }

    /// Lets it have at most this many rows.
    pub(crate) fn up_to(mut self, rows: u64) -> Self {
        self.most_rows = rows;
        self
    }

    /// The index of a column, which is added if it is new.
    pub(crate) fn column(&mut self, name: &str) -> usize {
        let name = normal_text(name);
        if let Some(&place) = self.table.column_places.get(&*name) {
            return place;
        }
        let place = self.columns.len();
        self.columns.push(name.as_ref().into());
        self.table.column_places.insert(name.into(), place);
        place
    }

    /// The name of a column.
    pub(crate) fn column_name(&self, place: usize) -> &str {
        self.columns.get(place).map_or("", |name| name)
    }

    /// How many columns there are so far.
    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Adds the next cell of the current row.
    pub(crate) fn cell(&mut self, kind: CellKind, text: &str) {
        let Table { text: all, ends, kinds, .. } = &mut self.table;
        if kind != CellKind::Text && kinds.is_empty() {
            kinds.resize(ends.len(), CellKind::Text);
        }
        if kind != CellKind::Text || !kinds.is_empty() {
            kinds.push(kind);
        }
        all.push_str(text);
        ends.push(u32::try_from(all.len() - self.row_text).unwrap_or(u32::MAX));
    }

    /// Ends the current row.
    pub(crate) fn end_row(&mut self, number: u64) -> Result<(), String> {
        let Table { text, ends, rows, pages, .. } = &mut self.table;
        let records = rows.len() as u64 + 1;
        if records > self.most_rows {
            return Err(format!("row {number}: {}", too_many(records, self.most_rows)));
        }
        // Rows and cells are referred to by 32-bit numbers.
        if rows.len() >= u32::MAX as usize - 1 {
            return Err(format!("row {number} is beyond what this program can hold"));
        }
        if text.len() - self.row_text > LONGEST_ROW {
            return Err(too_long(number));
        }
        not_too_large(text.len() as u64, ends.len()).map_err(|problem| format!("row {number}: {problem}"))?;
        if self.page > 0 || !pages.is_empty() {
            pages.resize(rows.len(), 0);
            pages.push(self.page);
        }
        rows.push(Row { number, text: self.row_text, cells: self.row_cells });
        (self.row_text, self.row_cells) = (text.len(), ends.len());
        Ok(())
    }

    /// Begins a page of the list, counted from 1.
    pub(crate) fn begin_page(&mut self, page: u64) {
        self.page = u32::try_from(page.saturating_sub(1)).unwrap_or(u32::MAX);
    }

    /// Begins another list: the following rows belong to it.
    pub(crate) fn begin_part(&mut self, part: Part) {
        self.table.parts.push((self.table.rows.len(), part));
    }

    /// Ends a row that cannot be read at all.
    pub(crate) fn end_unreadable_row(&mut self, number: u64, problem: &str) -> Result<(), String> {
        self.end_row(number)?;
        let row = row_index(self.table.rows.len() - 1);
        self.table.unreadable_rows.insert(row, problem.into());
        Ok(())
    }

    /// The table.
    pub(crate) fn finish(self) -> Table {
        let Self { mut table, columns, .. } = self;
        table.columns = columns.into();
        table.text.shrink_to_fit();
        table
    }
}

/// Says that a row is longer than any person's.
pub(crate) fn too_long(number: u64) -> String {
    format!("row {number} has more than {} MiB, which no person has", LONGEST_ROW >> 20)
}

/// Says that a list has more records than `max_rows`.
pub(crate) fn too_many(records: u64, most: u64) -> String {
    format!("there are {records} records, more than max_rows = {most}; set it higher if that is right")
}

/// Refuses a table that is larger than any list of people.
fn not_too_large(text: u64, cells: usize) -> Result<(), String> {
    if text <= LARGEST_LIST && cells <= MOST_CELLS {
        return Ok(());
    }
    let most = LARGEST_LIST >> 30;
    Err(format!("the records up to here have more than {most} GiB of text, or more than {MOST_CELLS} cells"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_pages() {
        // Their ids in reverse order, two on each page.
        let list = || {
            let mut builder = TableBuilder::new(0);
            builder.column("id");
            for (page, ids) in (1..).zip([["6", "5"], ["4", "3"], ["2", "1"]]) {
                builder.begin_page(page);
                for id in ids {
                    builder.cell(CellKind::Text, id);
                    builder.end_row(1).unwrap();
                }
            }
            builder.finish().in_order_of_content().unwrap()
        };
        let sorted = list();
        for (rows, expected) in
            [(&[0, 1][..], false), (&[1, 2], true), (&[4, 5], false), (&[0, 5], true), (&[3], false)]
        {
            assert_eq!(sorted.are_of_several_pages(rows), expected, "{rows:?}");
        }
        let mut union = TableBuilder::with_columns(vec!["list".to_owned(), "id".to_owned()], 0);
        for name in ["a", "b"] {
            union.begin_part(Part { name: name.into(), proof: "total".to_owned() });
            (0..6).for_each(|row| sorted.copy_cells(row, name, &[Some(0)], &mut union).unwrap());
        }
        let union = union.finish();
        // The pages of two lists have nothing to do with one another.
        for (rows, expected) in [(&[0, 11][..], false), (&[0, 1, 10], false), (&[0, 11, 7], true), (&[6, 11], true)] {
            assert_eq!(union.are_of_several_pages(rows), expected, "{rows:?}");
        }
        let mut one = TableBuilder::new(0);
        one.column("id");
        one.begin_page(1);
        one.cell(CellKind::Text, "1");
        one.end_row(1).unwrap();
        assert!(one.finish().pages.is_empty());
    }

    #[test]
    fn a_table_has_a_size() {
        assert_eq!(not_too_large(LARGEST_LIST, MOST_CELLS), Ok(()));
        for (text, cells) in [(LARGEST_LIST + 1, 0), (0, MOST_CELLS + 1)] {
            assert!(
                not_too_large(text, cells).is_err_and(|problem| problem.contains("2 GiB") && problem.contains("cells"))
            );
        }
        let mut builder = TableBuilder::with_columns(vec!["id".to_owned()], 0);
        builder.cell(CellKind::Text, &"x".repeat(LONGEST_ROW));
        assert_eq!(builder.end_row(2), Ok(()));
        builder.cell(CellKind::Text, &"x".repeat(LONGEST_ROW + 1));
        assert_eq!(builder.end_row(3), Err("row 3 has more than 64 MiB, which no person has".to_owned()));
    }
}
