//! The records of all sources, joined on their keys, and as templates see them.
//!
//! The first source lists the people; what others say about nobody in it is not used. Joining copies nothing: a joined
//! record is the places of its rows.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectExt};
use minijinja::{Error, ErrorKind, Value};
use rustc_hash::FxHashMap;

use super::Listing;
use super::spreadsheet::is_error;
use super::table::{Cell, CellKind, Table};
use crate::employee::{Origin, normal_text};
use crate::plan::SourceSummary;
use crate::setting::template::Template;
use crate::setting::{Calendar, ConfigError, quoting};

/// The row of a source that has none for somebody.
const NO_ROW: u32 = u32::MAX;

/// The joined records, in the order of the first source. Cloning is cheap.
#[derive(Clone)]
pub struct Records(Arc<Joined>);

struct Joined {
    sources: Vec<Listing>,
    /// For each source but the first, the row of each record.
    rows: Vec<Box<[u32]>>,
    calendar: Calendar,
}

/// What one source says of a person, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Testimony {
    /// The source.
    pub source: String,
    /// Its kind.
    pub kind: String,
    /// Its records of the person: the one that counts, if there is one, and those that `prefer` has decided against.
    pub rows: Vec<TestimonyRow>,
}

/// A record of a source, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestimonyRow {
    /// Its number.
    pub number: u64,
    /// Whether it is the one that counts.
    pub counts: bool,
    /// Its columns and values.
    pub cells: Vec<(String, String)>,
}

/// A cell of a joined record, for those who need no template to read it.
pub(crate) enum CellView<'r> {
    /// A text, trimmed.
    Text(&'r str),
    /// Something that has to be rendered.
    Other,
    /// The source has no row for the person.
    Undefined,
}

impl Records {
    pub(super) fn join(sources: Vec<Listing>, calendar: Calendar) -> Self {
        let rows = match sources.split_first() {
            None => Vec::new(),
            Some((first, others)) => others.iter().map(|other| joined_rows(first, other)).collect(),
        };
        Self(Arc::new(Joined { sources, rows, calendar }))
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

    /// The day that they are read for.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        &self.0.calendar
    }

    /// What the plan says about the sources, in the order of the settings.
    #[must_use]
    pub fn summaries(&self) -> Vec<SourceSummary> {
        self.0.sources.iter().map(|source| source.summary.clone()).collect()
    }

    /// The later sources with records that have no key, and how many; these records belong to nobody and are not used.
    pub fn without_key(&self) -> impl Iterator<Item = (&str, u64)> {
        let later = self.0.sources.iter().skip(1).filter(|source| source.without_key > 0);
        later.map(|source| (&*source.name, source.without_key))
    }

    /// Where a record stands.
    pub(crate) fn origin(&self, record: usize) -> Origin {
        let first = &self.0.sources[0];
        Origin { source: Arc::clone(&first.name), row: first.table.row_number(record) }
    }

    /// Whether a record has no key.
    pub(crate) fn lacks_key(&self, record: usize) -> bool {
        self.key(record).is_empty()
    }

    /// The sources that must have a record of everybody and have none of this one. A record without a key is bad for
    /// another reason.
    pub(crate) fn lacking(&self, record: usize) -> impl Iterator<Item = usize> {
        let has_key = !self.lacks_key(record);
        let lacking =
            move |&source: &usize| has_key && self.0.sources[source].everybody && self.0.row(record, source).is_none();
        (1..self.0.sources.len()).filter(lacking)
    }

    /// The key of a record.
    pub(crate) fn key(&self, record: usize) -> &str {
        let first = &self.0.sources[0];
        first.table.cell(record, first.key).text
    }

    /// What every source says of a person.
    #[must_use]
    pub fn testimonies(&self, record: usize) -> Vec<Testimony> {
        let key = self.key(record);
        let said = |(place, source): (usize, &Listing)| {
            let row = |table: &Table, row: usize, counts| TestimonyRow {
                number: table.row_number(row),
                counts,
                cells: (0..)
                    .zip(table.columns())
                    .map(|(place, column)| (column.to_string(), table.cell(row, place).text.to_owned()))
                    .collect(),
            };
            let counts = self.0.row(record, place).map(|at| row(&source.table, at, true));
            let passed_over = source.passed_over.iter().flat_map(|table| {
                let same = |&at: &usize| !key.is_empty() && table.cell(at, source.key).text == key;
                (0..table.len()).filter(same).map(move |at| row(table, at, false))
            });
            let SourceSummary { name, kind, .. } = source.summary.clone();
            Testimony { source: name, kind, rows: counts.into_iter().chain(passed_over).collect() }
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
        match self.0.cell(record, source, column) {
            None => CellView::Undefined,
            // What is no value, the engine says.
            Some(Cell { text, kind: CellKind::Text }) if !is_error(text) => CellView::Text(text),
            Some(_) => CellView::Other,
        }
    }

    /// Makes sure that every column which a template names is one that its source has.
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

    /// A record as templates see it: texts in NFC, unless they are wanted to the letter.
    pub(crate) fn context(&self, record: usize, to_the_letter: bool) -> Value {
        Value::from_object(Person { joined: Arc::clone(&self.0), record, to_the_letter })
    }
}

/// What templates see of a cell: an error where a spreadsheet has one, so that whoever uses it is set aside.
pub(super) fn value_of(cell: Cell<'_>, source: &str, column: &str, to_the_letter: bool) -> Value {
    if cell.kind == CellKind::Text && is_error(cell.text) {
        let problem = format!(
            "{} of `{source}` holds {}, which is an error of a spreadsheet and no value; correct the list",
            quoting::column(column),
            cell.text
        );
        return Value::from(Error::new(ErrorKind::InvalidOperation, problem));
    }
    cell.value(to_the_letter)
}

/// The rows of a later source that belong to the records of the first one.
fn joined_rows(first: &Listing, other: &Listing) -> Box<[u32]> {
    let keys = (0..).zip((0..other.table.len()).map(|row| other.table.cell(row, other.key).text));
    let rows: FxHashMap<&str, u32> = keys.filter(|(_, key)| !key.is_empty()).map(|(row, key)| (key, row)).collect();
    let row_of = |record| rows.get(first.table.cell(record, first.key).text).copied().unwrap_or(NO_ROW);
    (0..first.table.len()).map(row_of).collect()
}

impl Joined {
    /// The row that a source has for a record.
    fn row(&self, record: usize, source: usize) -> Option<usize> {
        let Some(later) = source.checked_sub(1) else { return Some(record) };
        Some(self.rows[later][record]).filter(|&row| row != NO_ROW).map(|row| row as usize)
    }

    fn cell(&self, record: usize, source: usize, column: usize) -> Option<Cell<'_>> {
        Some(self.sources[source].table.cell(self.row(record, source)?, column))
    }
}

impl fmt::Debug for Records {
    /// Without the records, which are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.sources.iter().map(|source| (&source.name, &source.table))).finish()
    }
}

/// A joined record: its sources by name.
struct Person {
    joined: Arc<Joined>,
    record: usize,
    to_the_letter: bool,
}

/// What one source says about a person: its columns by name, all of them undefined where it has no row.
struct Said {
    joined: Arc<Joined>,
    source: usize,
    row: Option<usize>,
    to_the_letter: bool,
}

impl Object for Person {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        let source = self.joined.sources.iter().position(|source| *source.name == *name)?;
        Some(Value::from_object(Said {
            joined: Arc::clone(&self.joined),
            source,
            row: self.joined.row(self.record, source),
            to_the_letter: self.to_the_letter,
        }))
    }
}

impl Object for Said {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        let table = &self.joined.sources[self.source].table;
        // A name that is computed in a template need not be in NFC, as columns are.
        let column = table.column(name).or_else(|| table.column(&normal_text(name)))?;
        let source = &*self.joined.sources[self.source].name;
        Some(value_of(table.cell(self.row?, column), source, name, self.to_the_letter))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if self.row.is_none() {
            return Enumerator::Empty;
        }
        self.mapped_enumerator(|said| {
            Box::new(said.joined.sources[said.source].table.columns().iter().map(|column| Value::from(&**column)))
        })
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("record", &self.record).finish_non_exhaustive()
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Said").field("source", &self.source).field("row", &self.row).finish_non_exhaustive()
    }
}
