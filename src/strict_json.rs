//! Reading JSON strictly: helpers that tell a missing key, a null and a value apart, and see repeated names.
//!
//! Never guesses a value: a wrong or missing one is an error of the type that is read.

mod pointer;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) use pointer::{Pointer, escaped_step};

/// The members of an object in its order. A repeated name appears twice; the caller decides what that means.
pub(crate) struct Properties<'a>(pub(crate) Vec<Property<'a>>);

/// A name, and the JSON of its value.
pub(crate) type Property<'a> = (Cow<'a, str>, &'a RawValue);

/// A text of a document, borrowed if it holds no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Properties<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Most records have about this many members, and there are many records.
        let mut all = Vec::with_capacity(8);
        each_member(deserializer, |Text(name): Text<'de>, value: &'de RawValue| {
            all.push((name, value));
            Ok(())
        })?;
        Ok(Self(all))
    }
}

/// Reads an object member by member, repeated names too, and hands each to `take`; its error says what is wrong with
/// it. A plain map would silently keep the last of two.
pub(crate) fn each_member<'de, D, K, V>(
    deserializer: D,
    take: impl FnMut(K, V) -> Result<(), String>,
) -> Result<(), D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de>,
    V: Deserialize<'de>,
{
    struct Each<F, K, V>(F, PhantomData<(K, V)>);
    impl<'de, F, K, V> Visitor<'de> for Each<F, K, V>
    where
        F: FnMut(K, V) -> Result<(), String>,
        K: Deserialize<'de>,
        V: Deserialize<'de>,
    {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
            while let Some((name, value)) = members.next_entry()? {
                (self.0)(name, value).map_err(A::Error::custom)?;
            }
            Ok(())
        }
    }
    deserializer.deserialize_map(Each(take, PhantomData))
}

/// A value for a message: a short one as it is, else only its kind. A list or an object may hold people.
pub(crate) fn shown(value: &RawValue) -> &str {
    let value = value.get().trim();
    match value.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        _ if value.len() <= 40 => value,
        _ => "a long text",
    }
}

/// Reads a key that may be null but must be there.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// Reads a key that may be missing, but whose value, if it is there, is the value.
pub(crate) fn managed<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads a key that is left out if it has its usual value, so that no two documents say the same.
pub(crate) fn unusual<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + PartialEq,
{
    let value = T::deserialize(deserializer)?;
    if value == T::default() {
        Err(D::Error::custom("this value is the usual one, which is left out"))
    } else {
        Ok(value)
    }
}

/// Whether a document has an object wherever the value that was read from it is written as an object. serde also reads
/// a struct from a list of its values, in which a reader does not see their names.
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
