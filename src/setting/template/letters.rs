//! The letters that `trim`, `trim_start` and `trim_end` take off a text.

use std::collections::BTreeSet;

use minijinja::{Error, State};

/// How many bytes of letters are one unit of work.
const BYTES_FOR_A_UNIT: usize = 8;

/// The letters that a filter takes off the ends of a text.
pub(super) enum Letters {
    WhiteSpace,
    /// As a set: a text of many letters would be searched for each letter of the other.
    These(BTreeSet<char>),
}

impl Letters {
    /// White space, if none are named. Their number is counted as work.
    pub(super) fn of(state: &State<'_, '_>, letters: Option<&str>) -> Result<Self, Error> {
        let Some(letters) = letters else { return Ok(Self::WhiteSpace) };
        state.consume_fuel((letters.len() / BYTES_FOR_A_UNIT) as u64)?;
        Ok(Self::These(letters.chars().collect()))
    }

    pub(super) fn have(&self, c: char) -> bool {
        match self {
            Self::WhiteSpace => c.is_whitespace(),
            Self::These(letters) => letters.contains(&c),
        }
    }
}
