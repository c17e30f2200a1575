//! Names, for the reader and for comparison.

use super::{Employee, SetAside, Text, User};
use crate::text::likeness;
use crate::text::name_words::name_words;

impl Employee {
    /// First and last name, for the reader.
    #[must_use]
    pub fn full_name(&self) -> Text {
        full_name(&self.first_name, &self.last_name)
    }

    /// The name as it is compared with others; see [`User::name_key`].
    #[must_use]
    pub fn name_key(&self) -> Option<String> {
        name_key(&self.first_name, &self.last_name)
    }
}

impl User {
    /// First and last name, for the reader.
    #[must_use]
    pub fn full_name(&self) -> Text {
        full_name(&self.first_name, &self.last_name)
    }

    /// A key that two people share if a reader would take their names for the same: without case, accents, order and
    /// script. `None` if neither is there. All may stand in one of the two.
    #[must_use]
    pub fn name_key(&self) -> Option<String> {
        name_key(&self.first_name, &self.last_name).or_else(|| {
            let words = name_words(&self.full_name());
            (!words.is_empty()).then(|| words.join(" "))
        })
    }
}

impl SetAside {
    /// First and last name, as far as the record has them.
    #[must_use]
    pub fn names(&self) -> [Option<&str>; 2] {
        [self.first_name.as_deref(), self.last_name.as_deref()]
    }

    /// First and last name, for the reader.
    #[must_use]
    pub fn full_name(&self) -> Text {
        let [first, last] = self.names().map(Option::unwrap_or_default);
        full_name(first, last)
    }

    /// The name as it is compared with others; see [`User::name_key`].
    #[must_use]
    pub fn name_key(&self) -> Option<String> {
        let [first, last] = self.names().map(Option::unwrap_or_default);
        name_key(first, last)
    }
}

/// A name as it is compared with others; see [`User::name_key`].
#[must_use]
pub fn name_key(first_name: &str, last_name: &str) -> Option<String> {
    let (first, last) = (likeness(first_name), likeness(last_name));
    if first.is_empty() || last.is_empty() {
        return None;
    }
    // Without order, accents and script: whoever types a name by hand writes it in another way.
    let words = name_words(&format!("{first} {last}"));
    Some(if words.is_empty() { format!("{first} {last}") } else { words.join(" ") })
}

/// First and last name joined for the reader.
#[must_use]
pub fn full_name(first_name: &str, last_name: &str) -> Text {
    let mut name = Text::from(first_name);
    if !first_name.is_empty() && !last_name.is_empty() {
        name.push(' ');
    }
    name.push_str(last_name);
    name
}
