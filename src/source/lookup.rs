//! Tables that templates look values up in, such as `branches[hr.company].id`.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectExt as _, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use rustc_hash::FxHashMap;

use super::cell::{unreadable, value_of};
use super::{Listing, SourceError};
use crate::employee::normal_text;
use crate::text::shortened;

/// How many characters of a value a message shows.
const VALUE_SHOWN: usize = 100;

/// A table by its key.
pub(super) struct Lookup {
    listing: Listing,
    rows: FxHashMap<Box<str>, usize>,
}

/// A row of it.
#[derive(Debug)]
struct LookupRow {
    table: Arc<Lookup>,
    row: usize,
}

/// What a look-up finds.
enum Found {
    Row(Value),
    /// No row has that key.
    Miss(String),
    /// There is no value to look up.
    NoKey,
    /// The value cannot be a key: a list, an object, true or false.
    Impossible(String),
}

/// Makes sure that no key has two rows.
pub(super) fn check(listing: &Listing) -> Result<(), SourceError> {
    let name = || Arc::clone(&listing.name);
    let untrusted = |problem| Err(SourceError::Untrusted { name: name(), problem });
    if let Some(remark) = listing.repeated_remark() {
        return untrusted(format!("{remark}; a table must have each key once"));
    }
    if let Some((_, row, problem)) = listing.keys.problems() {
        return untrusted(format!("row {}: {problem}", listing.table.row_number(row as usize)));
    }
    Ok(())
}

impl Lookup {
    pub(super) fn new(listing: Listing) -> Self {
        let rows = (0..listing.table.len()).map(|row| (listing.key(row).into(), row));
        let rows = rows.filter(|(key, _): &(Box<str>, usize)| !key.is_empty()).collect();
        Self { listing, rows }
    }

    pub(super) fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The row of a key.
    fn find(self: &Arc<Self>, key: &Value) -> Found {
        let kind = match key.kind() {
            ValueKind::String | ValueKind::Number => {
                let text = key.to_string();
                let text = normal_text(&text);
                return match self.rows.get(&*text) {
                    Some(&row) => Found::Row(Value::from_object(LookupRow { table: Arc::clone(self), row })),
                    None => Found::Miss(self.miss(&text)),
                };
            }
            ValueKind::Undefined | ValueKind::None => return Found::NoKey,
            ValueKind::Seq | ValueKind::Iterable => "a list".to_owned(),
            ValueKind::Map => "an object".to_owned(),
            ValueKind::Bool => "true or false".to_owned(),
            other => other.to_string(),
        };
        let name = &self.listing.name;
        Found::Impossible(format!("table `{name}` is looked up by a text or a number, not by {kind}"))
    }

    fn miss(&self, key: &str) -> String {
        let Listing { name, key_label, .. } = &self.listing;
        format!("table `{name}` has no row whose {key_label} is {:?}", shortened(key, VALUE_SHOWN))
    }
}

impl Object for Lookup {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match self.find(key) {
            Found::Row(row) => Some(row),
            Found::Miss(problem) | Found::Impossible(problem) => Some(unreadable(problem)),
            Found::NoKey => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    /// `table.get(key)`: undefined if the table has no such row.
    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("get", [key]) if key.is_undefined() => key.get_attr("").map(|_| Value::UNDEFINED),
            ("get", [key]) => match self.find(key) {
                Found::Row(row) => Ok(row),
                Found::Miss(_) | Found::NoKey => Ok(Value::UNDEFINED),
                Found::Impossible(problem) => Err(Error::new(ErrorKind::InvalidOperation, problem)),
            },
            ("get", _) => Err(Error::new(ErrorKind::MissingArgument, "`get` takes the key")),
            // With `UnknownMethod`, the engine would look for a row of that key, and speak of that.
            _ => Err(Error::new(ErrorKind::InvalidOperation, format!("a table has no method {method}, only `get`"))),
        }
    }
}

impl Object for LookupRow {
    fn get_value(self: &Arc<Self>, column: &Value) -> Option<Value> {
        let Listing { name, table, .. } = &self.table.listing;
        let column = column.as_str()?;
        Some(match table.column(column).or_else(|| table.column(&normal_text(column))) {
            Some(place) => value_of(table.cell(self.row, place), name, column),
            None => unreadable(format!("table `{name}` has no column {:?}", shortened(column, VALUE_SHOWN))),
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|row| {
            Box::new(row.table.listing.table.columns().iter().map(|column| Value::from(&**column)))
        })
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("name", &self.listing.name).finish_non_exhaustive()
    }
}
