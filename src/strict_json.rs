//! Reading JSON strictly: the helpers by which a missing key, a null and a value are told apart.
//!
//! Never guesses a value; what is not exactly there is an error of the type that is read.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads a key that may be null but must be there.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// Reads a key that may be missing, but whose value, if it is there, is the value.
pub(crate) fn managed<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Whether a document has an object wherever what was read of it is written as one. A list of the members alone can be
/// read too, and says to nobody what they are.
pub(crate) fn names_its_members(document: &Value, written: &Value) -> bool {
    match (document, written) {
        (Value::Object(document), Value::Object(written)) => {
            written.iter().all(|(name, value)| document.get(name).is_some_and(|found| names_its_members(found, value)))
        }
        (Value::Array(document), Value::Array(written)) => {
            document.len() == written.len()
                && document.iter().zip(written).all(|(found, value)| names_its_members(found, value))
        }
        (Value::Array(_), Value::Object(_)) | (Value::Object(_), Value::Array(_)) => false,
        _ => true,
    }
}
