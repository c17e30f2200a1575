//! Reads a result into a table: first its columns, then each row as it arrives, then its end.

use std::borrow::Cow;
use std::collections::HashSet;

use super::form::Form;
use crate::employee::normal_text;
use crate::setting::ConfigError;
use crate::source::cell::CellKind;
use crate::source::table::{LONGEST_ROW, Table, TableBuilder, too_long};
use crate::source::{Conditions, ReadError};

/// After how many rows progress is reported.
const STEP: u64 = 1_000;

/// What reads a result.
pub(super) struct RowReader<'c> {
    /// The name of the query for messages.
    setting: &'c str,
    pub(super) conditions: &'c Conditions<'c>,
    /// The names of all columns of the prepared query.
    names: Vec<String>,
    /// `None` for a column that is left out.
    columns: Vec<Option<Column>>,
    builder: TableBuilder,
    rows: u64,
    ended: bool,
}

/// A column that is kept.
pub(super) struct Column {
    name: String,
    pub(super) form: Form,
}

impl Column {
    /// The cell of a value as the database sends it.
    pub(super) fn cell<'v>(&self, bytes: &'v [u8]) -> Result<(CellKind, Cow<'v, str>), String> {
        // Before another form of it is made.
        if bytes.len() > LONGEST_ROW {
            return Err(format!("has more than {} MiB, which no value of a person has", LONGEST_ROW >> 20));
        }
        self.form.cell(bytes)
    }
}

/// The cell of a value; `None` for NULL.
pub(super) type Value<'v> = Option<(CellKind, Cow<'v, str>)>;

impl<'c> RowReader<'c> {
    pub(super) fn new(setting: &'c str, conditions: &'c Conditions<'c>) -> Self {
        let builder = TableBuilder::new(0);
        Self { setting, conditions, names: Vec::new(), columns: Vec::new(), builder, rows: 0, ended: false }
    }

    /// Sets the columns: their names, the database's names of their types, and their forms.
    pub(super) fn columns(
        &mut self,
        columns: impl IntoIterator<Item = (String, String, Option<Form>)>,
    ) -> Result<(), ConfigError> {
        let wrong = |problem: String| Err(ConfigError::Invalid(format!("{}: {problem}", self.setting)));
        let (mut seen, mut all) = (HashSet::new(), Vec::new());
        self.columns.clear();
        for (name, kind, form) in columns {
            let name = normal_text(&name).into_owned();
            if name.is_empty() {
                return wrong("a column of its result has no name; give it one with AS".to_owned());
            }
            if !seen.insert(name.clone()) {
                return wrong(format!("its result has the column {name:?} twice; rename one of them with AS"));
            }
            let column = match form {
                Some(form) => Some(Column { name: name.clone(), form }),
                None if [self.conditions.columns, self.conditions.perhaps].iter().any(|used| used.contains(&*name)) => {
                    return wrong(format!(
                        "its column {name:?} has the type {kind}, which has no text form here; cast it to a text in the \
                         query"
                    ));
                }
                None => None,
            };
            self.columns.push(column);
            all.push(name);
        }
        if self.columns.is_empty() {
            return wrong("it is not a query that returns rows; a source is one SELECT".to_owned());
        }
        let names = self.columns.iter().flatten().map(|column| column.name.clone()).collect();
        self.names = all;
        self.builder = TableBuilder::with_columns(names, 0).up_to(self.conditions.max_rows);
        Ok(())
    }

    /// Whether no row has come.
    pub(super) fn is_at_start(&self) -> bool {
        self.rows == 0
    }

    /// Refuses a result with other columns than the prepared query has: they are read by their place. A table or a view
    /// may be changed between the two.
    pub(super) fn same_columns<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<(), String> {
        if names.into_iter().map(normal_text).eq(self.names.iter().map(|name| Cow::Borrowed(&**name))) {
            return Ok(());
        }
        Err("the columns of the result were changed while it was read; run it again".to_owned())
    }

    /// Refuses a query with placeholders, which would have no values.
    pub(super) fn no_parameters(&self, number: usize) -> Result<(), ConfigError> {
        if number == 0 {
            return Ok(());
        }
        Err(ConfigError::Invalid(format!(
            "{}: it has a place for a parameter, such as ?, $1 or :name, and there are none; write the value itself",
            self.setting
        )))
    }

    /// Refuses a text with more than one statement.
    pub(super) fn one_statement(&self, is_several: bool) -> Result<(), ConfigError> {
        if is_several {
            return Err(ConfigError::Invalid(format!("{}: it is more than one statement", self.setting)));
        }
        Ok(())
    }

    /// Adds the next row; `value` returns the value of a column by its index.
    pub(super) fn row<'v>(
        &mut self,
        value: impl Fn(usize, &Column) -> Result<Value<'v>, String>,
    ) -> Result<(), String> {
        if self.ended {
            return Err(more_than_one());
        }
        self.rows += 1;
        let mut length = 0;
        for (place, column) in self.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let value = value(place, column).map_err(|problem| {
                let Column { name, form: _ } = column;
                format!("row {} of the result, as it came: the column {name:?} {problem}", self.rows)
            })?;
            length += value.as_ref().map_or(0, |(_, text)| text.len());
            // Before it is copied.
            if length > LONGEST_ROW {
                return Err(too_long(self.rows));
            }
            match value {
                Some((kind, text)) => self.builder.cell(kind, &text),
                None => self.builder.cell(CellKind::Text, ""),
            }
        }
        self.builder.end_row(self.rows)?;
        if self.rows.is_multiple_of(STEP) {
            self.conditions.came(self.rows, None)?;
        }
        Ok(())
    }

    /// Ends the result, with the number of its rows, if the database tells it.
    pub(super) fn end(&mut self, rows: Option<u64>) -> Result<(), String> {
        if std::mem::replace(&mut self.ended, true) {
            return Err(more_than_one());
        }
        match rows {
            Some(rows) if rows != self.rows => {
                Err(format!("the database has sent {} rows and says that there are {rows}", self.rows))
            }
            _ => Ok(()),
        }
    }

    /// The table, if the database has said that the result is complete.
    pub(super) fn finish(self) -> Result<Table, ReadError> {
        if !self.ended {
            return Err("the result has no end".to_owned().into());
        }
        self.conditions.came(self.rows, Some(self.rows))?;
        Ok(self.builder.finish())
    }
}

fn more_than_one() -> String {
    "the query gives more than one result; a source is one SELECT".to_owned()
}
