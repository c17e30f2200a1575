//! JSON: a list of objects, or such a list somewhere within the document.
//!
//! Records are strict where JSON leaves room: a property twice in one object is an error, and whole numbers keep their
//! letters, however long they are. Every kind of source whose records are JSON objects uses what is here.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

use minijinja::Value;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, de::Error as _};
use serde_json::value::RawValue;

use super::decode::Encoding;
use super::table::{CellKind, Table, TableBuilder};
use crate::setting::section::Section;
use crate::setting::{ConfigError, quoting};

/// How deep lists and objects may lie within one another.
const MAX_DEPTH: usize = 64;
/// How many bytes a list or an object in a record may have: some ten thousand groups.
const LONGEST_STRUCTURE: usize = 1024 * 1024;
/// How many different properties the records of a list may have. A table has a cell for each of them in each record.
const MAX_COLUMNS: usize = 4_096;

/// Where in a JSON document the list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonFormat {
    /// As RFC 6901 writes it; empty for the document itself.
    pointer: String,
}

impl JsonFormat {
    pub(super) const KEYS: &[&str] = &["pointer"];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let pointer = section.text_or_empty("pointer")?.unwrap_or_default();
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(section.problem("pointer", "must begin with a slash, such as \"/data\""));
        }
        Ok(Self { pointer: pointer.to_owned() })
    }

    pub(super) fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { pointer } = self;
        BTreeMap::from([("pointer", pointer.clone())])
    }

    pub(super) fn table(&self, bytes: &[u8]) -> Result<Table, String> {
        table(&Encoding::Utf8.decode(bytes)?, &self.pointer)
    }
}

/// The records of a document.
fn table(text: &str, pointer: &str) -> Result<Table, String> {
    let steps: Vec<String> =
        pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let mut records = Records { builder: TableBuilder::new(text.len()), row: Vec::new() };
    let mut position = 0;
    let mut document = serde_json::Deserializer::from_str(text);
    let list = At { steps: &steps, records: &mut records, position: &mut position };
    list.deserialize(&mut document).and_then(|()| document.end()).map_err(|error| match position {
        0 => format!(
            "is not a JSON list of records{}: {}",
            if pointer.is_empty() { String::new() } else { format!(" at {pointer}") },
            said(&error)
        ),
        position => format!("record {position}: {}", said(&error)),
    })?;
    Ok(records.builder.finish())
}

/// Records on their way into a table.
pub(super) struct Records {
    pub(super) builder: TableBuilder,
    /// The cells of the record that is under way, by the place of their column.
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

    /// Puts a value into a column of the record that is under way.
    ///
    /// # Errors
    /// Where the list has more columns than one of people. A value that cannot be read is an error for whoever uses it.
    pub(super) fn set(&mut self, column: usize, raw: &str) -> Result<(), String> {
        self.put(column, scalar(raw).unwrap_or_else(|problem| (CellKind::Unreadable, problem.into())))
    }

    /// The same of a value that cannot be read, for this reason.
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
                (CellKind::Unreadable, format!("the property {name} stands twice in the record").into())
            }
        });
        Ok(())
    }

    /// Ends a record of which nothing can be read, because it is no object.
    fn end_unreadable<E: de::Error>(&mut self, number: u64, what: &str) -> Result<(), E> {
        let problem = format!("is {what} and no object, as a record is");
        self.builder.end_unreadable_row(number, &problem).map_err(E::custom)
    }

    /// Ends the record that is under way; a column that was not set is empty.
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

/// Reads the name of a property as the place of its column.
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

/// Steps down to the list, and reads it.
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
                return Err(A::Error::custom(format_args!("the property {step:?} stands twice")));
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

/// What is wrong with a document, without the texts that it holds: it may be any file.
pub(super) fn said(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let text = message.find("string \"").zip(message.rfind("\", expected "));
    match text.filter(|(begin, end)| begin < end) {
        Some((begin, end)) => format!("{}a text{}", &message[..begin], &message[end + 1..]),
        None => message,
    }
}

/// The cell of one value. Null is an empty text; lists and objects stay as they are, once they are found to be sound.
pub(super) fn scalar(raw: &str) -> Result<(CellKind, Cow<'_, str>), String> {
    let trimmed = raw.trim();
    Ok(match trimmed.as_bytes().first() {
        Some(b'"') => (CellKind::Text, text(trimmed)?),
        Some(b'n') => (CellKind::Text, "".into()),
        Some(b't' | b'f') => (CellKind::Boolean, trimmed.into()),
        Some(b'[' | b'{') => {
            if trimmed.len() > LONGEST_STRUCTURE {
                return Err(format!("a list or an object in it has more than {} KiB", LONGEST_STRUCTURE / 1024));
            }
            structured(trimmed)?;
            (CellKind::Structured, trimmed.into())
        }
        _ => number(trimmed),
    })
}

fn text(raw: &str) -> Result<Cow<'_, str>, String> {
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Ok(plain.trim().into()),
        _ => {
            let text: String = serde_json::from_str(raw).map_err(|error| error.to_string())?;
            Ok(text.trim().to_owned().into())
        }
    }
}

/// A whole number keeps its letters. What a floating-point number would lose is a text.
fn number(letters: &str) -> (CellKind, Cow<'_, str>) {
    if !letters.contains(['.', 'e', 'E']) {
        let printed = letters.parse::<i128>().is_ok_and(|number| number.to_string() == letters);
        return (if printed { CellKind::Integer } else { CellKind::Text }, letters.into());
    }
    match letters.parse::<f64>() {
        Ok(number) if number.is_finite() => (CellKind::Float, Value::from(number).to_string().into()),
        _ => (CellKind::Text, letters.into()),
    }
}

/// A list or an object as templates see it.
pub(super) fn structured(raw: &str) -> Result<Value, String> {
    fn value(raw: &str, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(format!("lists and objects lie within one another more than {MAX_DEPTH} deep"));
        }
        let wrong = |error: serde_json::Error| error.to_string();
        match raw.as_bytes().first() {
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(wrong)?;
                let items = items.into_iter().map(|item| value(item.get(), depth + 1));
                Ok(Value::from(items.collect::<Result<Vec<Value>, String>>()?))
            }
            Some(b'{') => {
                let Properties(properties) = serde_json::from_str(raw).map_err(wrong)?;
                let mut seen = HashSet::new();
                if let Some((twice, _)) = properties.iter().find(|(name, _)| !seen.insert(name)) {
                    return Err(format!("the property {} stands twice in one object", quoting::column(twice)));
                }
                let pairs = properties.iter().map(|(name, item)| Ok((name.as_str(), value(item.get(), depth + 1)?)));
                Ok(Value::from_pairs(pairs.collect::<Result<Vec<_>, String>>()?))
            }
            _ => {
                let (kind, text) = scalar(raw)?;
                Ok(super::table::Cell { text: &text, kind }.value(true))
            }
        }
    }
    value(raw.trim(), 1)
}

/// The properties of an object in its order, those that stand twice too.
pub(super) struct Properties<'a>(pub(super) Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Properties<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Properties<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut properties: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(property) = properties.next_entry()? {
                    all.push(property);
                }
                Ok(Properties(all))
            }
        }
        deserializer.deserialize_map(Each)
    }
}
