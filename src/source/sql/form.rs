//! The text form of each type, the same for all databases.

use std::borrow::Cow;
use std::fmt::Write as _;

use minijinja::Value;

use super::array;
use crate::source::cell::{CellKind, cell_of};

/// How the printed value of a database becomes a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// Unchanged but trimmed. Includes decimal numbers and dates: no digit is lost or added.
    Text,
    /// `t` and `f`, or 1 and 0, as `true` and `false`.
    Boolean,
    /// Digits.
    Integer,
    /// The bits of a number.
    Bits,
    /// A floating-point number.
    Float,
    /// `2026-11-27 08:00:00.50` as `2026-11-27T08:00:00.5`.
    Timestamp,
    /// The same in UTC, with a `Z`.
    TimestampUtc,
    /// `08:00:00.50` as `08:00:00.5`.
    Time,
    /// Lists and objects stay JSON; other values are read by their own kind.
    Json,
    /// `\x4f…` as lower-case hexadecimal digits.
    Hexadecimal,
    /// Bytes as lower-case hexadecimal digits.
    Bytes,
    /// An array of PostgreSQL as a list.
    List(Box<Form>),
}

impl Form {
    /// The cell of a value.
    pub(super) fn cell<'b>(&self, bytes: &'b [u8]) -> Result<(CellKind, Cow<'b, str>), String> {
        match self {
            Self::Bytes => return Ok((CellKind::Text, hexadecimal(bytes).into())),
            Self::Bits => {
                let number = bytes.iter().fold(0u128, |number, &byte| (number << 8) | u128::from(byte));
                return Ok((CellKind::Integer, number.to_string().into()));
            }
            _ => {}
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            format!(
                "is not UTF-8 from its byte {} on; the database does not know its encoding",
                error.valid_up_to() + 1
            )
        })?;
        self.text_cell(text)
    }

    /// The cell of a value that is a text already.
    pub(super) fn text_cell<'b>(&self, text: &'b str) -> Result<(CellKind, Cow<'b, str>), String> {
        let (kind, text) = match self {
            Self::Text | Self::Bytes | Self::Bits => (CellKind::Text, text.trim().into()),
            Self::Boolean => return Ok(boolean(text)),
            Self::Integer => return Ok(integer(text)),
            Self::Float => return Ok(float(text)),
            Self::Timestamp => (CellKind::Text, timestamp(text, "").into()),
            Self::TimestampUtc => {
                let form = timestamp(text, "Z");
                // After the date, a sign can only be that of an offset.
                if form.split_once('T').is_some_and(|(_, time)| time.contains(['+', '-'])) {
                    return Err("is not in UTC".to_owned());
                }
                (CellKind::Text, form.into())
            }
            Self::Time => (CellKind::Text, trimmed(text).into()),
            Self::Json => return Ok(cell_of(text)),
            Self::Hexadecimal => (CellKind::Text, text.strip_prefix("\\x").unwrap_or(text).into()),
            Self::List(form) => array::cell(text, &|element| form.text_cell(element))?,
        };
        Ok((kind, text))
    }
}

/// A floating-point number in the form that templates print.
pub(super) fn float_cell(number: f64) -> (CellKind, Cow<'static, str>) {
    if number.is_finite() {
        (CellKind::Float, Value::from(number).to_string().into())
    } else {
        (CellKind::Text, number.to_string().into())
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A value other than 0 and 1 stays a number, because MySQL's booleans are numbers.
fn boolean(text: &str) -> (CellKind, Cow<'_, str>) {
    match text {
        "t" | "1" | "true" => (CellKind::Boolean, "true".into()),
        "f" | "0" | "false" => (CellKind::Boolean, "false".into()),
        _ => integer(text),
    }
}

/// Removes the leading zeros that MySQL may print, so that the text is what templates print.
fn integer(text: &str) -> (CellKind, Cow<'_, str>) {
    match text.parse::<i128>() {
        Ok(number) => {
            let letters = number.to_string();
            (CellKind::Integer, if letters == text { text.into() } else { letters.into() })
        }
        Err(_) => (CellKind::Text, text.trim().into()),
    }
}

fn float(text: &str) -> (CellKind, Cow<'_, str>) {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => float_cell(number),
        _ => (CellKind::Text, text.trim().into()),
    }
}

/// Date and time with a `T` between them. Other values, such as PostgreSQL's `infinity`, stay as they are.
fn timestamp(text: &str, zone: &str) -> String {
    let Some((date, time)) = text.split_once(' ') else { return text.to_owned() };
    // PostgreSQL writes the era of dates before Christ after the time.
    let (time, era) = time.split_once(' ').map_or((time, String::new()), |(time, era)| (time, format!(" {era}")));
    let time = if zone.is_empty() { time } else { time.strip_suffix("+00").unwrap_or(time) };
    format!("{date}T{}{zone}{era}", trimmed(time))
}

/// A time without zeros at the end of its fraction; a zone after it stays.
fn trimmed(time: &str) -> String {
    let Some((whole, rest)) = time.split_once('.') else { return time.to_owned() };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (fraction, zone) = rest.split_at(digits);
    match fraction.trim_end_matches('0') {
        "" => format!("{whole}{zone}"),
        fraction => format!("{whole}.{fraction}{zone}"),
    }
}
