//! The custom fields of a row.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Members, unexpected};
use crate::employee::{CustomValue, Managed, normal_text};

/// The values of the managed fields.
pub(super) struct CustomFields<'m> {
    managed: &'m Managed,
    pub(super) values: Box<[Option<CustomValue>]>,
    /// Which of the values were read, null included.
    read: Box<[bool]>,
}

/// A value whose spelling does not matter.
struct Plain(Option<CustomValue>);

impl<'m> CustomFields<'m> {
    pub(super) fn of(managed: &'m Managed) -> Self {
        Self { managed, values: no_values(managed), read: managed.custom_fields.iter().map(|_| false).collect() }
    }
}

/// What a user has whose row says nothing of custom fields.
pub(super) fn no_values(managed: &Managed) -> Box<[Option<CustomValue>]> {
    managed.custom_fields.iter().map(|_| None).collect()
}

impl<'de> Members<'de> for CustomFields<'_> {
    fn read<A: MapAccess<'de>>(&mut self, name: &str, entries: &mut A) -> Result<bool, A::Error> {
        let Ok(place) = self.managed.custom_fields.binary_search_by(|id| id.as_str().cmp(name)) else {
            return Ok(false);
        };
        if std::mem::replace(&mut self.read[place], true) {
            return Err(unexpected());
        }
        let Plain(value) = entries.next_value()?;
        self.values[place] = value;
        Ok(true)
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;
        impl Visitor<'_> for Value {
            type Value = Plain;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a boolean or null")
            }

            fn visit_unit<E: Error>(self) -> Result<Plain, E> {
                Ok(Plain(None))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Plain, E> {
                Ok(Plain(Some(CustomValue::Boolean(value))))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Plain, E> {
                let text = normal_text(text);
                Ok(Plain((!text.is_empty()).then(|| CustomValue::Text(text.into()))))
            }
        }
        deserializer.deserialize_any(Value)
    }
}
