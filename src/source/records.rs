//! The records of all sources, joined on their keys.
//!
//! The first source lists the people. Rows of other sources that match nobody in it are not used. Joining copies
//! nothing: a joined record is a list of row indexes.

mod context;
mod undecided_rows;

use std::fmt;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Listing;
use super::cell::{Cell, CellKind};
use super::lookup::Lookup;
use super::spreadsheet::is_error;
use crate::employee::{Join, Origin};
use crate::plan::SourceSummary;
use crate::setting::template::Template;
use crate::setting::{Calendar, ConfigError};

/// The kind of a look-up table in a plan.
pub(crate) const TABLE_KIND: &str = "table";
/// Marks that a source has no row for a person.
const NO_ROW: u32 = u32::MAX;
/// Marks that a source has several rows for a person, and nothing decides which one counts.
pub(super) const SEVERAL: u32 = u32::MAX - 1;

/// The joined records, in the order of the first source. Cloning is cheap.
#[derive(Clone)]
pub struct Records(Arc<Joined>);

#[derive(Clone)]
pub(super) struct Joined {
    pub(super) sources: Arc<[Listing]>,
    /// The tables in which templates look values up.
    pub(super) tables: Arc<[Arc<Lookup>]>,
    /// For each source but the first, the row of each record.
    pub(super) rows: Vec<Arc<[u32]>>,
    /// For each source but the first, how many of its rows have a key that no record has.
    pub(super) of_nobody: Vec<u64>,
    /// What was decided about repeated keys; `None` before [`Records::settle`].
    pub(super) settled: Option<Settled>,
    pub(super) calendar: Calendar,
}

/// What was decided about keys that several records have.
#[derive(Debug, Clone, Default)]
pub(super) struct Settled {
    /// The records of the first source that `prefer` skipped in favour of another one with the same key.
    pub(super) passed_over: FxHashSet<u32>,
    /// The records with a repeated key, in this or a later source, for which it is not clear which one counts.
    pub(super) undecided: FxHashMap<u32, Arc<str>>,
    /// The records for which `prefer` chose a row of a later source, although it is not clear which of the rows put the
    /// person out of scope. They are not out of scope.
    pub(super) unsure: FxHashMap<u32, Arc<str>>,
    /// The undecided records that are not the first with their key in the first source.
    pub(super) also: FxHashSet<u32>,
    /// The later sources with rows of which it is not decided whose they are, because their key is repeated.
    pub(super) undecided_in: FxHashSet<usize>,
    /// The records that share their key in the first source with others, where nothing shows that they are of one person.
    pub(super) shared: FxHashSet<u32>,
}

/// The row that a source has for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    One(usize),
    None,
    /// Several rows, and nothing decides which one counts.
    Several,
}

/// What one source says about a person, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecord {
    /// The source.
    pub source: String,
    /// Its kind.
    pub kind: String,
    /// Its records of the person: the one that counts, if there is one, and those that `prefer` skipped.
    pub rows: Vec<SourceRow>,
}

/// A record of a source, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    /// Its number.
    pub number: u64,
    /// Whether it is the one that counts.
    pub counts: bool,
    /// Its columns and values.
    pub cells: Vec<(String, String)>,
}

/// A cell of a joined record, read without a template.
pub(crate) enum CellView<'r> {
    /// A text, trimmed.
    Text(&'r str),
    /// A value that the template engine has to render.
    Other,
    /// The source has no row for the person.
    Undefined,
}

impl Records {
    pub(super) fn join(sources: Vec<Listing>, tables: Vec<Listing>, calendar: Calendar) -> Self {
        let tables = tables.into_iter().map(|table| Arc::new(Lookup::new(table))).collect();
        let (rows, of_nobody) = match sources.split_first() {
            None => Default::default(),
            Some((first, others)) => others.iter().map(|other| joined_rows(first, other)).unzip(),
        };
        Self(Arc::new(Joined { sources: sources.into(), tables, rows, of_nobody, settled: None, calendar }))
    }

    /// Wraps joined records.
    pub(super) fn with(joined: Joined) -> Self {
        Self(Arc::new(joined))
    }

    pub(super) fn joined(&self) -> &Joined {
        &self.0
    }

    /// Whether repeated keys were decided.
    pub(crate) fn are_settled(&self) -> bool {
        self.0.settled.is_some()
    }

    /// Whether another record with the same key counts instead of this one.
    pub(crate) fn is_passed_over(&self, record: usize) -> bool {
        self.0.settled.as_ref().is_some_and(|settled| settled.passed_over.contains(&index(record)))
    }

    /// Why it is not clear which of several records with one key counts for this person, if that is so.
    pub(crate) fn undecided(&self, record: usize) -> Option<&Arc<str>> {
        let settled = self.0.settled.as_ref().filter(|settled| !settled.undecided.is_empty())?;
        settled.undecided.get(&index(record))
    }

    /// Why it is not clear that this person is out of scope, if `include` says so by a row that was chosen too early.
    pub(crate) fn unsure(&self, record: usize) -> Option<&Arc<str>> {
        self.0.settled.as_ref()?.unsure.get(&index(record))
    }

    /// Whether an earlier record has the same key, and it is not clear which one counts.
    pub(crate) fn is_also(&self, record: usize) -> bool {
        self.0.settled.as_ref().is_some_and(|settled| settled.also.contains(&index(record)))
    }

    /// The number of sources.
    pub(crate) fn sources(&self) -> usize {
        self.0.sources.len()
    }

    /// How many records of a later source have a key that matches nobody.
    pub(crate) fn rows_of_nobody(&self, source: usize) -> u64 {
        source.checked_sub(1).map_or(0, |later| self.0.of_nobody[later])
    }

    /// The keys of records without a row in a later source, and the keys of its rows that match nobody.
    pub(super) fn unmatched(&self, source: usize) -> (Vec<&str>, Vec<&str>) {
        let Some(other) = self.0.sources.get(source) else { return Default::default() };
        let keys: FxHashSet<&str> = (0..self.len()).map(|record| self.key(record)).collect();
        let mine = (0..self.len()).filter(|&record| !self.has_row(record, source)).map(|record| self.key(record));
        let theirs = (0..other.table.len()).map(|row| other.key(row)).filter(|key| !keys.contains(key));
        (mine.filter(|key| !key.is_empty()).collect(), theirs.filter(|key| !key.is_empty()).collect())
    }

    /// Whether a source has a row for a record.
    pub(crate) fn has_row(&self, record: usize, source: usize) -> bool {
        self.0.row(record, source) != Row::None
    }

    /// The row of a source that counts for a record, if there is one.
    pub(crate) fn row_of(&self, record: usize, source: usize) -> Option<u32> {
        match self.0.row(record, source) {
            Row::One(row) => Some(index(row)),
            Row::None | Row::Several => None,
        }
    }

    /// Whether another record in the first source has the same key, so that either's may be a mistake.
    pub(crate) fn shares_key(&self, record: usize) -> bool {
        self.0.settled.as_ref().is_some_and(|settled| settled.shared.contains(&index(record)))
    }

    /// Whether a later source has no row for a record, but may have one: the key of the record, or of a row of the source,
    /// cannot be used, or is repeated.
    pub(crate) fn may_have_row(&self, record: usize, source: usize) -> bool {
        self.0.may_have_row(record, source)
    }

    /// Which rows of a source have a key that cannot be used, if there are any.
    pub(crate) fn unusable_keys(&self, source: usize) -> Option<String> {
        self.0.sources[source].unusable_keys()
    }

    /// The day that they are read for.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        &self.0.calendar
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.sources.first().map_or(0, |first| first.table.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The summaries for the plan: the sources in the order of the settings, then the tables.
    #[must_use]
    pub fn summaries(&self) -> Vec<SourceSummary> {
        let sources = self.0.sources.iter().map(|source| source.summary.clone());
        let tables = self.0.tables.iter().map(|table| {
            let summary = table.listing().summary().clone();
            SourceSummary { kind: TABLE_KIND.to_owned(), ..summary }
        });
        sources.chain(tables).collect()
    }

    /// Remarks about the keys of later sources and of tables: records without a key match nobody and are not used.
    pub fn key_remarks(&self) -> impl Iterator<Item = (&str, String)> {
        let later = self.0.sources.iter().skip(1).chain(self.0.tables.iter().map(|table| table.listing()));
        later.flat_map(|source| source.missing_keys().into_iter().map(|remark| (&*source.name, remark)))
    }

    /// The summaries, with the joins of each source but the first.
    #[must_use]
    pub fn summaries_with(&self, joins: &[Join]) -> Vec<SourceSummary> {
        let mut summaries = self.summaries();
        let later = summaries.iter_mut().skip(1).take(self.sources().saturating_sub(1));
        later.zip(joins).for_each(|(source, join)| source.join = Some(*join));
        summaries
    }

    /// The source and row of a record.
    pub(crate) fn origin(&self, record: usize) -> Origin {
        self.origin_of_row(0, index(record))
    }

    /// The place of a row of a source.
    pub(crate) fn origin_of_row(&self, source: usize, row: u32) -> Origin {
        let Listing { name, table, .. } = &self.0.sources[source];
        let source = table.part_of(row as usize).map_or(name, |part| &part.name);
        Origin { source: Arc::clone(source), row: table.row_number(row as usize) }
    }

    /// Whether a record has no key.
    pub(crate) fn lacks_key(&self, record: usize) -> bool {
        self.key(record).is_empty()
    }

    /// The sources that must have a record of everybody and have none for this one. A record without a key is bad
    /// already.
    pub(crate) fn lacking(&self, record: usize) -> impl Iterator<Item = usize> {
        let has_key = !self.lacks_key(record);
        let lacking = move |&source: &usize| {
            has_key && self.0.sources[source].everybody && self.0.row(record, source) == Row::None
        };
        (1..self.0.sources.len()).filter(lacking)
    }

    /// The key of a record; empty if it has no usable key.
    pub(crate) fn key(&self, record: usize) -> &str {
        self.0.sources[0].key(record)
    }

    /// Why the key of a record cannot be used, if it has one.
    pub(crate) fn key_problem(&self, record: usize) -> Option<&str> {
        self.0.sources[0].keys.problem(record)
    }

    /// What every source says about a person.
    #[must_use]
    pub fn source_records(&self, record: usize) -> Vec<SourceRecord> {
        let key = self.key(record);
        let said = |(place, source): (usize, &Listing)| {
            let counted = match self.0.row(record, place) {
                Row::One(row) if place > 0 || self.undecided(record).is_none() => Some(row),
                Row::One(_) | Row::None | Row::Several => None,
            };
            let group = source.repeated.iter().find(|rows| source.key(rows[0] as usize) == key);
            let rows: Vec<usize> = match (group, counted) {
                (Some(rows), _) if !key.is_empty() => rows.iter().map(|&row| row as usize).collect(),
                (_, Some(row)) => vec![row],
                (_, None) if place == 0 => vec![record],
                (_, None) => Vec::new(),
            };
            let (counts, others): (Vec<usize>, Vec<usize>) = rows.into_iter().partition(|row| Some(*row) == counted);
            let row = |row: usize| source.source_record(row, Some(row) == counted);
            let SourceSummary { name, kind, .. } = source.summary.clone();
            SourceRecord { source: name, kind, rows: counts.into_iter().chain(others).map(row).collect() }
        };
        self.0.sources.iter().enumerate().map(said).collect()
    }

    /// The name of a source, by its place.
    pub(crate) fn source_name(&self, source: usize) -> &str {
        &self.0.sources[source].name
    }

    /// The place of a column in a source.
    pub(crate) fn column(&self, source: usize, column: &str) -> Option<usize> {
        self.0.sources[source].table.column(column)
    }

    /// A cell of a record.
    pub(crate) fn cell(&self, record: usize, source: usize, column: usize) -> CellView<'_> {
        match self.0.row(record, source) {
            Row::None => CellView::Undefined,
            Row::Several => CellView::Other,
            Row::One(row) => match self.0.sources[source].table.cell(row, column) {
                // The engine reports a spreadsheet's error.
                Cell { text, kind: CellKind::Text } if !is_error(text) => CellView::Text(text),
                _ => CellView::Other,
            },
        }
    }

    /// Makes sure that every column in a template exists in its source.
    pub(crate) fn check(&self, template: &Template) -> Result<(), ConfigError> {
        let lacking = template.columns.iter().find(|name| {
            let table = &self.0.sources[name.source].table;
            table.knows_its_columns() && table.column(&name.column).is_none()
        });
        lacking.map_or(Ok(()), |name| {
            let source = &self.0.sources[name.source];
            Err(super::no_such_column(&template.setting, &source.name, &name.column, &source.table))
        })
    }
}

/// The 32-bit index of a row or a record.
#[expect(clippy::cast_possible_truncation, reason = "no table has more rows")]
pub(super) fn index(row: usize) -> u32 {
    row as u32
}

/// The rows of a later source that belong to the records of the first one, and how many belong to nobody.
fn joined_rows(first: &Listing, other: &Listing) -> (Arc<[u32]>, u64) {
    let keys = (0..).zip((0..other.table.len()).map(|row| other.key(row)));
    let rows: FxHashMap<&str, u32> = keys.filter(|(_, key)| !key.is_empty()).map(|(row, key)| (key, row)).collect();
    let groups = (0..).zip(&other.repeated).flat_map(|(group, rows)| rows.iter().map(move |&row| (row, group)));
    let groups: FxHashMap<u32, usize> = groups.collect();
    let mut is_used = vec![false; other.table.len()];
    let mut row_of = |record| {
        let Some(&row) = rows.get(first.key(record)) else { return NO_ROW };
        let is_new = !std::mem::replace(&mut is_used[row as usize], true);
        let Some(&group) = groups.get(&row) else { return row };
        if is_new {
            other.repeated[group].iter().for_each(|&row| is_used[row as usize] = true);
        }
        SEVERAL
    };
    let joined = (0..first.table.len()).map(&mut row_of).collect();
    (joined, is_used.iter().filter(|used| !**used).count() as u64)
}

impl Listing {
    /// A row, for people to read.
    fn source_record(&self, row: usize, counts: bool) -> SourceRow {
        let cells = (0..).zip(self.table.columns());
        let cells = cells.map(|(place, column)| (column.to_string(), self.table.cell(row, place).text.to_owned()));
        SourceRow { number: self.table.row_number(row), counts, cells: cells.collect() }
    }
}

impl Joined {
    /// The row that a source has for a record.
    fn row(&self, record: usize, source: usize) -> Row {
        let Some(later) = source.checked_sub(1) else { return Row::One(record) };
        match self.rows[later][record] {
            NO_ROW => Row::None,
            SEVERAL => Row::Several,
            row => Row::One(row as usize),
        }
    }

    /// Whether a later source has no row for a record, but may have one.
    fn may_have_row(&self, record: usize, source: usize) -> bool {
        self.row(record, source) == Row::None
            && (self.sources[0].key(record).is_empty()
                || self.sources[source].keys.has_problems()
                || self.settled.as_ref().is_some_and(|settled| settled.undecided_in.contains(&source)))
    }
}

impl fmt::Debug for Records {
    /// Omits the records, which are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.sources.iter().map(|source| (&source.name, &source.table))).finish()
    }
}
