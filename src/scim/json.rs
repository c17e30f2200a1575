//! SCIM's objects: the name of an attribute may be in any case, and may appear only once.

use std::fmt;

use serde_json::value::RawValue;

use crate::strict_json::{Properties, Property};

/// An attribute that appears more than once.
#[derive(Debug)]
pub(crate) struct Twice;

/// Why a value is not an object.
#[derive(Debug)]
pub(crate) struct NotAnObject(pub(crate) serde_json::Error);

/// Without the line and column, which count within an excerpt.
impl fmt::Display for NotAnObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.0.to_string();
        let problem = message.split(" at line ").next().unwrap_or_default();
        write!(f, "it is not an object, as a record must be: {problem}")
    }
}

/// The attributes of an object, in its order.
///
/// # Errors
/// If it is not an object.
pub(crate) fn properties(raw: &RawValue) -> Result<Vec<Property<'_>>, NotAnObject> {
    let Properties(properties) = serde_json::from_str(raw.get()).map_err(NotAnObject)?;
    Ok(properties)
}

/// The value of an attribute, whose name may be in any case (RFC 7643, section 2.1).
///
/// # Errors
/// If it appears more than once.
pub(crate) fn attribute<'a>(properties: &[Property<'a>], name: &str) -> Result<Option<&'a RawValue>, Twice> {
    let mut named = properties.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    match (named.next(), named.next()) {
        (_, Some(_)) => Err(Twice),
        (value, None) => Ok(value),
    }
}
