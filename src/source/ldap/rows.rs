//! The entries that searches found, in columns. They are kept as one text until all have come, because they are sorted by
//! name then.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::employee::normal_form;
use crate::side_by_side::side_by_side;
use crate::source::cell::{Cell, CellKind};
use crate::source::table::{Table, TableBuilder};

/// How many attributes that nobody asked for are remembered. A server that sends them at all sends a few.
const MOST_OTHERS: usize = 10_000;
/// How long the name of such an attribute may be, in bytes; a longer one is not remembered.
const LONGEST_NAME: usize = 256;

/// The entries found so far.
pub(super) struct Rows {
    /// For each entry its distinguished name, then a cell for each column.
    table: TableBuilder,
    len: usize,
    /// For each search that began, the index of its first row.
    starts: Vec<usize>,
    /// For each column, whether an entry has it.
    filled: Vec<bool>,
    /// The column that comes next.
    column: usize,
    /// Attributes that came although they were not requested, in lower case.
    others: BTreeSet<String>,
}

impl Rows {
    /// No rows, for this many columns.
    pub(super) fn new(columns: usize) -> Self {
        let (table, others) = (TableBuilder::new(0), BTreeSet::new());
        Self { table, len: 0, starts: Vec::new(), filled: vec![false; columns], column: 0, others }
    }

    /// Begins another search.
    pub(super) fn begin_search(&mut self) {
        self.starts.push(self.len);
    }

    /// Begins a row.
    pub(super) fn begin(&mut self, dn: &str) {
        self.table.cell(CellKind::Text, dn);
        self.column = 0;
    }

    /// Adds the next cell of the row.
    pub(super) fn cell(&mut self, kind: CellKind, text: &str) {
        self.table.cell(kind, text);
        if let Some(filled) = self.filled.get_mut(self.column) {
            *filled = true;
        }
        self.column += 1;
    }

    /// Adds the cell of an entry that does not have the attribute.
    pub(super) fn absent(&mut self, kind: CellKind, text: &str) {
        self.table.cell(kind, text);
        self.column += 1;
    }

    /// Ends the row. An error says that it, or the list, is too large.
    pub(super) fn end(&mut self) -> Result<(), String> {
        self.len += 1;
        self.table.end_row(self.len as u64)
    }

    /// Remembers an attribute that was not requested.
    pub(super) fn other(&mut self, description: &str) {
        if self.others.len() < MOST_OTHERS && description.len() <= LONGEST_NAME {
            self.others.insert(description.to_ascii_lowercase());
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether an entry has this cell; each has the first one.
    pub(super) fn has(&self, cell: usize) -> bool {
        cell.checked_sub(1).is_none_or(|column| self.filled.get(column).is_some_and(|filled| *filled))
    }

    /// Whether a search found somebody.
    pub(super) fn has_found(&self, search: usize) -> bool {
        let start = |search: usize| self.starts.get(search).copied().unwrap_or(self.len);
        start(search) < start(search + 1)
    }

    /// Attributes that came although they were not requested, in lower case.
    pub(super) fn others(&self) -> &BTreeSet<String> {
        &self.others
    }

    /// The table with these columns, each with its cell in a row: 0 is the distinguished name. The rows are ordered by
    /// name, so that the same directory always gives the same table.
    pub(super) fn into_table(self, columns: &[(String, usize)]) -> Result<Table, String> {
        let Self { table, starts, .. } = self;
        let found = table.finish();
        let sources: Vec<usize> = columns.iter().map(|(_, place)| *place).collect();
        let dn = |row: usize| found.cell(row, 0).text;
        let search = |row: usize| starts.partition_point(|start| *start <= row);
        // A server may spell one name in several ways. In a few attributes capitals distinguish two entries: such a list is
        // refused, because the other mistake would hide that an entry came twice.
        let names = |rows: Range<u32>| {
            let names = rows.map(|row| normal_form(dn(row as usize)).unwrap_or_else(|| dn(row as usize).to_owned()));
            names.collect::<Vec<String>>()
        };
        let count = u32::try_from(found.len()).expect("a table has fewer rows");
        let names = side_by_side(count, names).into_iter().flatten();
        let mut entries: Vec<(String, usize)> = names.enumerate().map(|(row, name)| (name, row)).collect();
        entries.sort_unstable();
        let mut rows: Vec<(&str, usize)> = Vec::with_capacity(entries.len());
        // Two searches may overlap. The rows of one entry are in the order of the searches.
        for same in entries.chunk_by(|(name, _), (other, _)| name == other) {
            for pair in same.windows(2) {
                let [(_, one), (_, other)] = pair else { continue };
                let dn = dn(*one);
                if search(*one) == search(*other) {
                    return Err(format!(
                        "{dn:?} came twice in one search; another entry may have been left out for it"
                    ));
                }
                let cell = |row: &usize, column| -> Cell<'_> { found.cell(*row, column) };
                if sources.iter().any(|&place| place > 0 && cell(one, place) != cell(other, place)) {
                    return Err(format!("{dn:?} was changed while the directory was read; run it again"));
                }
            }
            rows.extend(same.iter().map(|&(_, row)| (dn(row), row)).min());
        }
        rows.sort_unstable();
        let names = columns.iter().map(|(name, _)| name.clone()).collect();
        let length = |row: usize| sources.iter().map(|&place| found.cell(row, place).text.len()).sum::<usize>();
        let size = rows.iter().map(|&(_, row)| length(row)).sum();
        let mut table = TableBuilder::with_columns(names, size);
        for (number, &(_, row)) in (1..).zip(&rows) {
            for &place in &sources {
                let Cell { kind, text } = found.cell(row, place);
                table.cell(kind, text);
            }
            table.end_row(number)?;
        }
        Ok(table.finish())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    /// What searches found, each entry with one attribute.
    fn table(searches: &[&[(&str, &str)]]) -> Result<Vec<(String, String)>, String> {
        let mut rows = Rows::new(2);
        for search in searches {
            rows.begin_search();
            for (dn, text) in *search {
                rows.begin(dn);
                rows.cell(CellKind::Text, text);
                rows.absent(CellKind::Text, "");
                rows.end().unwrap();
            }
        }
        for (place, search) in searches.iter().enumerate() {
            assert_eq!(rows.has_found(place), !search.is_empty());
        }
        let table = rows.into_table(&[("mail".to_owned(), 1), ("dn".to_owned(), 0)])?;
        let text = |row, column| table.cell(row, column).text.to_owned();
        Ok((0..table.len()).map(|row| (text(row, 1), text(row, 0))).collect())
    }

    #[test]
    fn entries_are_sorted_by_name_and_each_is_there_once() {
        let expected = [("a", "1"), ("b", "2"), ("c", "3")].map(|(dn, text)| (dn.to_owned(), text.to_owned()));
        assert_eq!(table(&[&[("c", "3"), ("a", "1")], &[], &[("b", "2"), ("a", "1")]]).unwrap(), expected);
        assert!(table(&[&[("a", "1"), ("a", "1")]]).unwrap_err().contains("came twice in one search"));
        assert!(table(&[&[("cn=A, o=x", "1"), ("CN=a,o=x", "1")]]).unwrap_err().contains("came twice in one search"));
        // The search that has it twice has it in two spellings, and the spelling of the other search is between them.
        for searches in [
            [&[("CN=a", "1"), ("cn=a", "1")][..], &[("Cn=a", "1")]],
            [&[("CN=a", "1"), ("cn=a", "1")], &[("CN=a", "1")]],
            [&[("Cn=a", "1")], &[("cn=a", "1"), ("CN=a", "1")]],
        ] {
            assert!(table(&searches).unwrap_err().contains("came twice in one search"), "{searches:?}");
        }
        assert!(table(&[&[("cn=a", "1")], &[("CN=a", "2")]]).unwrap_err().contains("was changed while"));
        assert_eq!(table(&[&[("cn=a", "1")], &[("CN=a", "1")]]).unwrap(), [("CN=a".to_owned(), "1".to_owned())]);
        assert!(table(&[&[("a", "1")], &[("a", "2")]]).unwrap_err().contains("was changed while"));
    }

    #[test]
    fn what_nobody_asked_for_is_remembered_up_to_a_limit() {
        let mut rows = Rows::new(0);
        (0..2 * MOST_OTHERS).for_each(|n| rows.other(&format!("X{n}")));
        assert!(rows.others().len() == MOST_OTHERS && rows.others().contains("x1"));
        rows.others.clear();
        rows.other(&"x".repeat(LONGEST_NAME + 1));
        assert!(rows.others().is_empty());
    }
}
