//! A joined record as templates see it: its sources by name, their columns by name, and the look-up tables.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectExt as _};

use super::{Joined, Records, Row};
use crate::employee::normal_text;
use crate::source::Listing;
use crate::source::cell::{unreadable, value_of};

impl Records {
    /// A record as templates see it; texts in NFC.
    pub(crate) fn context(&self, record: usize) -> Value {
        self.person(record, None, Missing::Undefined)
    }

    /// The same with this row of a source as the one that counts.
    pub(crate) fn context_with(&self, record: usize, source: usize, row: u32) -> Value {
        self.person(record, Some((source, row)), Missing::Undefined)
    }

    /// The same without sources that have no row of the record, but may have one ([`Records::may_have_row`]): using
    /// these is an error.
    pub(crate) fn context_in_doubt(&self, record: usize, instead: Option<(usize, u32)>) -> Value {
        self.person(record, instead, Missing::UnknownIfPossible)
    }

    /// The same without all sources that have no row of the record: using these is an error.
    pub(crate) fn context_in_part(&self, record: usize) -> Value {
        self.person(record, None, Missing::Unknown)
    }

    /// A row of a source by itself, whoever it is of. The other sources have no row.
    pub(crate) fn context_of_row(&self, source: usize, row: u32) -> Value {
        let instead = Some((source, row as usize));
        Value::from_object(Person { joined: Arc::clone(&self.0), record: None, instead, missing: Missing::Undefined })
    }

    /// The row of a record in the first source by itself: using another source is an error.
    pub(crate) fn context_of_first_row(&self, record: usize) -> Value {
        let instead = Some((0, record));
        Value::from_object(Person { joined: Arc::clone(&self.0), record: None, instead, missing: Missing::Unknown })
    }

    fn person(&self, record: usize, instead: Option<(usize, u32)>, missing: Missing) -> Value {
        let instead = instead.map(|(source, row)| (source, row as usize));
        Value::from_object(Person { joined: Arc::clone(&self.0), record: Some(record), instead, missing })
    }
}

/// A joined record: its sources by name.
struct Person {
    joined: Arc<Joined>,
    /// None for a row by itself.
    record: Option<usize>,
    /// The row of a source that counts instead of the one that was joined.
    instead: Option<(usize, usize)>,
    missing: Missing,
}

/// What a source without a row of the person is to a template.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// All its columns are undefined.
    Undefined,
    /// An error, if it may have a row.
    UnknownIfPossible,
    /// An error.
    Unknown,
}

/// What one source says about a person: its columns by name; all are undefined if it has no row.
struct Said {
    joined: Arc<Joined>,
    source: usize,
    row: Row,
}

impl Object for Person {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        let Some(source) = self.joined.sources.iter().position(|source| *source.name == *name) else {
            let table = self.joined.tables.iter().find(|table| *table.listing().name == *name)?;
            return Some(Value::from_dyn_object(Arc::clone(table)));
        };
        let is_of_row = self.instead.is_some_and(|(instead, _)| instead == source);
        let has_row = |record| self.joined.row(record, source) != Row::None;
        let is_unknown = match self.missing {
            Missing::Undefined => false,
            Missing::UnknownIfPossible => self.record.is_some_and(|record| self.joined.may_have_row(record, source)),
            Missing::Unknown => !self.record.map_or(is_of_row, has_row),
        };
        if is_unknown {
            return Some(unreadable(format!("source `{name}` may have a record of this person")));
        }
        Some(Value::from_object(Said {
            joined: Arc::clone(&self.joined),
            source,
            row: match self.instead {
                Some((instead, row)) if instead == source => Row::One(row),
                _ => self.record.map_or(Row::None, |record| self.joined.row(record, source)),
            },
        }))
    }
}

impl Object for Said {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        let Listing { table, name: source, .. } = &self.joined.sources[self.source];
        // Columns are in NFC; a name that a template computes may not be.
        let column = table.column(name).or_else(|| table.column(&normal_text(name)))?;
        match self.row {
            Row::One(row) => Some(value_of(table.cell(row, column), source, name)),
            Row::None => None,
            Row::Several => Some(unreadable(format!("source `{source}` has several records with the person's key"))),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if self.row == Row::None {
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
