//! Reading JSON strictly: the helpers by which a missing key, a null and a value are told apart.
//!
//! Never guesses a value; what is not exactly there is an error of the type that is read.

use serde::{Deserialize, Deserializer};

/// Reads a key that may be null but must be there.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// Reads a key that may be missing, but whose value, if it is there, is the value.
pub(crate) fn managed<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
