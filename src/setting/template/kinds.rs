//! The types of values in comparisons, and their names in messages.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::day::{Day, Days};
use crate::text::shortened;

/// How many characters of a value a message shows.
const SHOWN: usize = 60;

/// A type in comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Boolean,
    Date,
    Days,
    List,
    Map,
    Null,
}

impl Type {
    pub(super) fn of(value: &Value) -> Option<Self> {
        Some(match value.kind() {
            ValueKind::String => Self::Text,
            ValueKind::Number => Self::Number,
            ValueKind::Bool => Self::Boolean,
            ValueKind::None => Self::Null,
            ValueKind::Seq | ValueKind::Iterable => Self::List,
            ValueKind::Map => Self::Map,
            ValueKind::Plain if value.downcast_object_ref::<Day>().is_some() => Self::Date,
            ValueKind::Plain if value.downcast_object_ref::<Days>().is_some() => Self::Days,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Date => "a date",
            Self::Days => "a number of days",
            Self::List => "a list",
            Self::Map => "an object",
            Self::Null => "none",
        }
    }
}

impl Type {
    /// Several values of it; for the types that tests are for.
    pub(super) fn plural(self) -> &'static str {
        if self == Self::Number { "numbers" } else { "texts" }
    }
}

/// Whether a number is one, neither infinite nor what is called `NaN`.
pub(super) fn is_finite(number: &Value) -> bool {
    f64::try_from(number.clone()).is_ok_and(f64::is_finite)
}

/// The error of a number that is none.
pub(super) fn not_a_number(value: &Value) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{value} is not a number"))
}

/// A value with its type, for a message.
pub(super) fn described(value: &Value) -> String {
    match Type::of(value) {
        Some(Type::Text) if value.as_str() == Some("") => "an empty text".to_owned(),
        Some(Type::Text) => format!("the text {}", shown(value)),
        Some(Type::Number) => format!("the number {}", shown(value)),
        Some(Type::Date) => format!("the date {value}"),
        Some(Type::Boolean) => shown(value),
        Some(other) => other.name().to_owned(),
        None => value.kind().to_string(),
    }
}

/// A value for a message: texts in quotes, with what cannot be shown escaped, and short.
pub(super) fn shown(value: &Value) -> String {
    let text = match value.as_str() {
        Some(text) => format!("{text:?}"),
        None if value.kind() == ValueKind::Bool => value.is_true().to_string(),
        None => value.to_string(),
    };
    shortened(&text, SHOWN).into_owned()
}
