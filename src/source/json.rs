//! JSON: a list of objects, or such a list somewhere within the document.
//!
//! If a property is repeated in a record, using that property is an error. All kinds of source whose records are JSON
//! objects share this.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, de::Error as _};
use serde_json::value::RawValue;

use super::cell::{CellKind, cell_of};
use super::decode::of_json;
use super::table::{Table, TableBuilder};
use crate::setting::section::Section;
use crate::setting::{ConfigError, quoting};
use crate::strict_json::Pointer;
use crate::text::said;

/// How many different properties the records of a list may have. Each record takes a cell for each property.
const MAX_COLUMNS: usize = 4_096;

/// The place of the list in a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonFormat {
    pointer: Pointer,
}

impl JsonFormat {
    pub(super) const KEYS: &[&str] = &["pointer"];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        Ok(Self { pointer: section.pointer("pointer")?.unwrap_or_default() })
    }

    pub(super) fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { pointer } = self;
        BTreeMap::from([("pointer", pointer.to_string())])
    }

    pub(super) fn table(&self, bytes: &[u8], most: u64) -> Result<Table, String> {
        table(&of_json(bytes)?, &self.pointer, most)
    }
}

/// The records of a document.
fn table(text: &str, pointer: &Pointer, most: u64) -> Result<Table, String> {
    let mut records = Records::new(TableBuilder::new(text.len()).up_to(most));
    let mut position = 0;
    let mut document = serde_json::Deserializer::from_str(text);
    let list = At { steps: pointer.steps(), records: &mut records, position: &mut position };
    list.deserialize(&mut document).and_then(|()| document.end()).map_err(|error| match position {
        0 => format!(
            "is not a JSON list of records{}: {}",
            if pointer.steps().is_empty() { String::new() } else { format!(" at {pointer}") },
            said(&error)
        ),
        position => format!("record {position}: {}", said(&error)),
    })?;
    Ok(records.builder.finish())
}

/// Collects records into a table.
pub(super) struct Records {
    pub(super) builder: TableBuilder,
    /// The cells of the current record, by the index of their column.
    row: Vec<Option<(CellKind, Cow<'static, str>)>>,
}

impl Records {
    pub(super) fn new(builder: TableBuilder) -> Self {
        Self { builder, row: Vec::new() }
    }

    /// Reads one record.
    pub(super) fn record(&mut self, number: u64) -> Record<'_> {
        Record { records: self, number }
    }

    /// Puts a value into a column of the current record.
    ///
    /// # Errors
    /// If the list has too many columns. A value that cannot be read is an error only if it is used.
    pub(super) fn set(&mut self, column: usize, raw: &str) -> Result<(), String> {
        self.put(column, cell_of(raw))
    }

    /// Puts a value that cannot be read into a column, with the reason.
    ///
    /// # Errors
    /// As for [`Self::set`].
    pub(super) fn set_unreadable(&mut self, column: usize, problem: &str) -> Result<(), String> {
        self.put(column, (CellKind::Unreadable, problem.into()))
    }

    fn put(&mut self, column: usize, (kind, text): (CellKind, Cow<'_, str>)) -> Result<(), String> {
        if column >= MAX_COLUMNS {
            return Err(format!(
                "the records up to here have more than {MAX_COLUMNS} different properties; records of people have the \
                 same ones"
            ));
        }
        if self.row.len() <= column {
            self.row.resize(column + 1, None);
        }
        let cell = &mut self.row[column];
        *cell = Some(match cell {
            None => (kind, Cow::Owned(text.into_owned())),
            Some(_) => {
                let name = quoting::column(self.builder.column_name(column));
                (CellKind::Unreadable, format!("the property {name} appears twice in the record").into())
            }
        });
        Ok(())
    }

    /// Ends a record that cannot be read at all, because it is not an object.
    fn end_unreadable<E: de::Error>(&mut self, number: u64, what: &str) -> Result<(), E> {
        let problem = format!("is {what}, not an object as a record must be");
        self.builder.end_unreadable_row(number, &problem).map_err(E::custom)
    }

    /// Ends the current record; a column that was not set is empty.
    pub(super) fn end(&mut self, number: u64) -> Result<(), String> {
        let Self { builder, row } = self;
        for cell in row.drain(..) {
            match cell {
                Some((kind, text)) => builder.cell(kind, &text),
                None => builder.cell(CellKind::Text, ""),
            }
        }
        builder.end_row(number)
    }
}

/// Reads an object as a record.
pub(super) struct Record<'r> {
    records: &'r mut Records,
    number: u64,
}

impl<'de> DeserializeSeed<'de> for Record<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Record<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record, which is an object")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.records.end_unreadable(self.number, "true or false")
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.records.end_unreadable(self.number, "a number")
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.records.end_unreadable(self.number, "a number")
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.records.end_unreadable(self.number, "a number")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        self.records.end_unreadable(self.number, "a text")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.records.end_unreadable(self.number, "null")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.records.end_unreadable(self.number, "a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut properties: A) -> Result<(), A::Error> {
        let Self { records, number } = self;
        while let Some(column) = properties.next_key_seed(Column(&mut records.builder))? {
            records.set(column, properties.next_value::<&RawValue>()?.get()).map_err(A::Error::custom)?;
        }
        records.end(number).map_err(A::Error::custom)
    }
}

/// Reads the name of a property, and returns the index of its column.
struct Column<'b>(&'b mut TableBuilder);

impl<'de> DeserializeSeed<'de> for Column<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Column<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a property")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<usize, E> {
        Ok(self.0.column(name))
    }
}

/// Goes down to the list, and reads it.
struct At<'a> {
    steps: &'a [String],
    records: &'a mut Records,
    /// Which record is being read, counted from 1.
    position: &'a mut u64,
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.steps.is_empty() { deserializer.deserialize_seq(self) } else { deserializer.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.steps {
            [] => f.write_str("a list of records"),
            [step, ..] if step.parse::<usize>().is_ok() => write!(f, "an object or a list that has {step:?}"),
            [step, ..] => write!(f, "an object with the property {step:?}"),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut properties: A) -> Result<(), A::Error> {
        let Some((step, steps)) = self.steps.split_first() else {
            return Err(A::Error::invalid_type(de::Unexpected::Map, &self));
        };
        let mut found = false;
        while let Some(name) = properties.next_key::<String>()? {
            if name != *step {
                properties.next_value::<IgnoredAny>()?;
                continue;
            }
            if std::mem::replace(&mut found, true) {
                return Err(A::Error::custom(format_args!("the property {step:?} appears twice")));
            }
            properties.next_value_seed(At { steps, records: &mut *self.records, position: &mut *self.position })?;
            *self.position = 0;
        }
        if found { Ok(()) } else { Err(A::Error::custom(format_args!("there is no property {step:?}"))) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if let Some((step, steps)) = self.steps.split_first() {
            let place = step.parse::<usize>().map_err(|_| A::Error::invalid_type(de::Unexpected::Seq, &self))?;
            let missing = || A::Error::custom(format_args!("the list has no place {step}"));
            for _ in 0..place {
                list.next_element::<IgnoredAny>()?.ok_or_else(missing)?;
            }
            let inner = At { steps, records: &mut *self.records, position: &mut *self.position };
            list.next_element_seed(inner)?.ok_or_else(missing)?;
            *self.position = 0;
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        *self.position = 1;
        while list.next_element_seed(self.records.record(*self.position))?.is_some() {
            *self.position += 1;
        }
        *self.position = 0;
        Ok(())
    }
}
