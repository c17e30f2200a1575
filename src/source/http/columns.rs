//! The columns of records that come as JSON objects: their properties, and nested values that the settings name.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::employee::normal_text;
use crate::setting::ConfigError;
use crate::setting::section::Section;
use crate::source::json::Records;
use crate::strict_json::{Pointer, Properties};
use crate::text::said;

/// `[source.columns]`: further columns, each with its place in a record.
#[derive(Debug, Clone, Default)]
pub(in crate::source) struct Columns(BTreeMap<Box<str>, Pointer>);

impl Columns {
    pub(in crate::source) fn from_section(source: &Section<'_>) -> Result<Self, ConfigError> {
        let section = source.section("columns", &format!("[source.columns] of {}", source.label()))?;
        let columns = section.text_entries()?.into_iter().map(|(name, text)| {
            let pointer = Pointer::parse(text).map_err(|problem| section.problem(name, problem))?;
            if pointer.steps().is_empty() {
                return Err(section.problem(name, "must name a place in a record, such as \"/work/email\""));
            }
            Ok((normal_text(name).into(), pointer))
        });
        Ok(Self(columns.collect::<Result<_, _>>()?))
    }

    /// For the hash of the settings.
    pub(in crate::source) fn identity(&self) -> String {
        let columns: Vec<String> = self.0.iter().map(|(name, pointer)| format!("{name:?}={pointer:?}")).collect();
        columns.join(" ")
    }

    pub(in crate::source) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Puts a record into a table. A column of the settings replaces a property of the same name.
    pub(in crate::source) fn record(
        &self,
        records: &mut Records,
        number: u64,
        record: &RawValue,
    ) -> Result<(), String> {
        let Properties(properties) = serde_json::from_str(record.get()).map_err(|error| not_an_object(&error))?;
        for (name, value) in properties.iter().filter(|(name, _)| !self.has(&normal_text(name))) {
            let column = records.builder.column(name);
            records.set(column, value.get())?;
        }
        self.deeper(records, record)?;
        records.end(number)
    }

    /// Puts nested values into the current record.
    pub(in crate::source) fn deeper(&self, records: &mut Records, record: &RawValue) -> Result<(), String> {
        for (name, pointer) in &self.0 {
            // If no record has it, the column does not exist; using it is an error as for any unknown column.
            if let Some(value) = pointer.find(record)? {
                let column = records.builder.column(name);
                records.set(column, value.get())?;
            }
        }
        Ok(())
    }
}

/// The message of a JSON error, without the line number, which would mean nothing to a reader.
pub(in crate::source) fn not_an_object(error: &serde_json::Error) -> String {
    let message = said(error);
    let problem = message.split(" at line ").next().unwrap_or(&message);
    format!("it is not an object, as a record must be: {problem}")
}
