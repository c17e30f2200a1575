//! One value of a record: its kind, the text that a table stores for it, and what templates see.
//!
//! JSON is read strictly: a repeated property in an object is an error, and whole numbers keep all their digits.

use std::borrow::Cow;
use std::collections::HashSet;

use minijinja::{Error, ErrorKind, Value};
use serde_json::value::RawValue;

use super::spreadsheet::is_error;
use crate::employee::normal_text;
use crate::setting::quoting;
use crate::strict_json::Properties;

/// How deep lists and objects may be nested.
pub(super) const MAX_DEPTH: usize = 64;
/// How many bytes a list or an object in a record may have: some ten thousand groups.
const LONGEST_STRUCTURE: usize = 1024 * 1024;

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CellKind {
    /// A text, trimmed; null or a missing value is an empty text.
    Text,
    /// A whole number, with the digits as written.
    Integer,
    /// A number with a fraction or an exponent, in the form that templates print.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A list or an object, as JSON.
    Structured,
    /// A value that cannot be read; the text says why. Using it is an error.
    Unreadable,
}

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell<'t> {
    pub(crate) text: &'t str,
    pub(crate) kind: CellKind,
}

impl Cell<'_> {
    /// What templates see; texts in NFC.
    fn value(self) -> Value {
        match self.kind {
            CellKind::Text => Value::from(&*normal_text(self.text)),
            CellKind::Integer => self.text.parse::<i128>().map_or_else(|_| Value::from(self.text), Value::from),
            CellKind::Float => self.text.parse::<f64>().map_or_else(|_| Value::from(self.text), Value::from),
            CellKind::Boolean => Value::from(self.text == "true"),
            // The JSON was checked when it was read. An error in it must not look like no value.
            CellKind::Structured => structured(self.text).unwrap_or_else(unreadable),
            CellKind::Unreadable => unreadable(self.text.to_owned()),
        }
    }
}

/// The value of a cell for templates. A spreadsheet's error stays an error: a template that uses it sets the person
/// aside.
pub(super) fn value_of(cell: Cell<'_>, source: &str, column: &str) -> Value {
    if cell.kind == CellKind::Text && is_error(cell.text) {
        return unreadable(format!(
            "{} of `{source}` holds {}, which is an error of a spreadsheet and no value; correct the list",
            quoting::column(column),
            cell.text
        ));
    }
    cell.value()
}

/// A value that causes an error when it is used.
pub(crate) fn unreadable(problem: String) -> Value {
    Value::from(Error::new(ErrorKind::InvalidOperation, problem))
}

/// The cell of one value, as JSON. Null is an empty text. Lists and objects are checked and stay JSON. A value that cannot
/// be read is an error only for the templates that use it.
pub(super) fn cell_of(raw: &str) -> (CellKind, Cow<'_, str>) {
    scalar(raw).unwrap_or_else(|problem| (CellKind::Unreadable, problem.into()))
}

fn scalar(raw: &str) -> Result<(CellKind, Cow<'_, str>), String> {
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

/// A whole number keeps its digits. A number that a float cannot represent exactly becomes a text.
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
fn structured(raw: &str) -> Result<Value, String> {
    fn value(raw: &str, depth: usize) -> Result<Value, String> {
        let wrong = |error: serde_json::Error| error.to_string();
        match raw.as_bytes().first() {
            Some(b'[' | b'{') if depth > MAX_DEPTH => {
                Err(format!("lists and objects are nested more than {MAX_DEPTH} deep"))
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(wrong)?;
                let items = items.into_iter().map(|item| value(item.get(), depth + 1));
                Ok(Value::from(items.collect::<Result<Vec<Value>, String>>()?))
            }
            Some(b'{') => {
                let Properties(properties) = serde_json::from_str(raw).map_err(wrong)?;
                let mut pairs = Vec::with_capacity(properties.len());
                let mut seen = HashSet::new();
                for (name, item) in &properties {
                    // As the names of columns are.
                    let name = normal_text(name);
                    if !seen.insert(name.clone()) {
                        return Err(format!("the property {} appears twice in one object", quoting::column(&name)));
                    }
                    pairs.push((name.into_owned(), value(item.get(), depth + 1)?));
                }
                Ok(Value::from_pairs(pairs))
            }
            _ => {
                let (kind, text) = scalar(raw)?;
                if kind == CellKind::Text && is_error(&text) {
                    return Err(format!(
                        "it holds {text}, which is an error of a spreadsheet and no value; correct the list"
                    ));
                }
                Ok(Cell { text: &text, kind }.value())
            }
        }
    }
    value(raw.trim(), 1)
}
