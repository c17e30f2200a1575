//! What the columns of a source hold, without personal data: texts, numbers, booleans, dates and their format, and how
//! many records have no value.

use std::fmt;

use super::Listing;
use super::cell::{Cell, CellKind};
use super::preference::date_of;

/// A column is called mostly empty if fewer than one in this many records have a value.
const MOSTLY_EMPTY: usize = 10;

/// What the cells of a column hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// How many records hold something of each shape, and the first row that does.
    shapes: Vec<(Shape, usize, u64)>,
    records: usize,
    filled: usize,
    has_leading_zeros: bool,
}

/// What a cell holds, as templates see it, and what a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Text,
    Digits,
    Decimal,
    BooleanText,
    Date(&'static str),
    Number,
    Boolean,
    Structure,
    Unreadable,
}

impl Listing {
    /// What each column holds, in the order of the columns.
    pub(crate) fn profiles(&self) -> Vec<Profile> {
        (0..self.table.columns().len()).map(|column| self.profile(column)).collect()
    }

    fn profile(&self, column: usize) -> Profile {
        let mut profile = Profile { records: self.table.len(), ..Profile::default() };
        for row in 0..self.table.len() {
            let cell = self.table.cell(row, column);
            if cell.text.is_empty() {
                continue;
            }
            profile.filled += 1;
            let shape = Shape::of(cell);
            profile.has_leading_zeros |= shape == Shape::Digits && cell.text.len() > 1 && cell.text.starts_with('0');
            match profile.shapes.iter_mut().find(|(known, ..)| *known == shape) {
                Some((_, count, _)) => *count += 1,
                None => profile.shapes.push((shape, 1, self.table.row_number(row))),
            }
        }
        profile.shapes.sort_by_key(|(shape, count, _)| (std::cmp::Reverse(*count), *shape));
        profile
    }
}

impl Shape {
    fn of(cell: Cell<'_>) -> Self {
        match cell.kind {
            CellKind::Integer | CellKind::Float => Self::Number,
            CellKind::Boolean => Self::Boolean,
            CellKind::Structured => Self::Structure,
            CellKind::Unreadable => Self::Unreadable,
            CellKind::Text => Self::of_text(cell.text),
        }
    }

    fn of_text(text: &str) -> Self {
        if let Some(format) = date_format(text) {
            return Self::Date(format);
        }
        let bytes = text.as_bytes();
        if bytes.iter().all(u8::is_ascii_digit) {
            return Self::Digits;
        }
        let number = text.strip_prefix(['-', '+']).unwrap_or(text);
        let is_decimal = number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
            && number.starts_with(|c: char| c.is_ascii_digit())
            && number.ends_with(|c: char| c.is_ascii_digit());
        if is_decimal {
            return Self::Decimal;
        }
        if ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Self::BooleanText;
        }
        Self::Text
    }

    fn name(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Digits => "text of digits".to_owned(),
            Self::Decimal => "text of numbers".to_owned(),
            Self::BooleanText => "text true or false".to_owned(),
            Self::Date(format) => format!("text of dates, {format}"),
            Self::Number => "number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Structure => "list or object".to_owned(),
            Self::Unreadable => "unreadable".to_owned(),
        }
    }

    /// The kind of value for a template, which cannot compare values of different kinds.
    fn kind(self) -> u8 {
        match self {
            Self::Text | Self::Digits | Self::Decimal | Self::BooleanText | Self::Date(_) => 0,
            Self::Number => 1,
            Self::Boolean => 2,
            Self::Structure => 3,
            Self::Unreadable => 4,
        }
    }
}

/// The format of a date, if a text looks like one.
fn date_format(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let is_like = |form: &[u8]| {
        form.len() == bytes.len()
            && form
                .iter()
                .zip(bytes)
                .all(|(form, byte)| if *form == b'9' { byte.is_ascii_digit() } else { form == byte })
    };
    let month_first = || text[..2] <= *"12" && text[3..5] > *"12";
    match () {
        () if date_of(text).is_some() => Some(if text.len() == 10 { "%Y-%m-%d" } else { "ISO 8601" }),
        () if is_like(b"99.99.9999") => Some("%d.%m.%Y"),
        () if is_like(b"99-99-9999") => Some("%d-%m-%Y"),
        () if is_like(b"99/99/9999") && month_first() => Some("%m/%d/%Y"),
        () if is_like(b"99/99/9999") => Some("%d/%m/%Y or %m/%d/%Y"),
        () if bytes.len() >= 15 && bytes[..14].iter().all(u8::is_ascii_digit) && bytes.ends_with(b"Z") => {
            Some("LDAP time")
        }
        () if is_like(b"999999999999999999") && text.starts_with('1') => Some("Windows time"),
        () => None,
    }
}

/// One line: what the column holds, and what is unusual about it.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shapes, records, filled, has_leading_zeros } = self;
        let Some((first, ..)) = shapes.first() else { return f.write_str("always empty") };
        // Texts of all shapes are of one kind.
        let is_mixed = shapes.iter().any(|(shape, ..)| shape.kind() != first.kind());
        if is_mixed {
            f.write_str("! mixed: ")?;
            for (index, (shape, count, row)) in shapes.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                write!(f, "{comma}{} in {count} (row {row})", shape.name())?;
            }
        } else if shapes.len() == 1 {
            f.write_str(&first.name())?;
        } else if shapes.iter().all(|(shape, ..)| matches!(shape, Shape::Date(_))) {
            f.write_str("! text of dates in several forms: ")?;
            for (index, (shape, count, row)) in shapes.iter().enumerate() {
                let Shape::Date(format) = shape else { continue };
                write!(f, "{}{format} in {count} (row {row})", if index == 0 { "" } else { ", " })?;
            }
        } else {
            f.write_str("text")?;
        }
        if *has_leading_zeros {
            f.write_str(", some with zeros in front")?;
        }
        match records - filled {
            0 => Ok(()),
            empty if filled * MOSTLY_EMPTY < *records => write!(f, ", mostly empty ({empty} of {records})"),
            empty => write!(f, ", empty in {empty} of {records}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_by_their_form() {
        for (text, expected) in [
            ("2026-11-28", Some("%Y-%m-%d")),
            ("2026-11-28T08:30:00Z", Some("ISO 8601")),
            ("2026-11-28T08:30:00", Some("ISO 8601")),
            ("2026-13-28", None),
            ("28.11.2026", Some("%d.%m.%Y")),
            ("28-11-2026", Some("%d-%m-%Y")),
            ("28/11/2026", Some("%d/%m/%Y or %m/%d/%Y")),
            ("11/28/2026", Some("%m/%d/%Y")),
            ("20261128083000Z", Some("LDAP time")),
            ("20261128083000.0Z", Some("LDAP time")),
            ("133774560000000000", Some("Windows time")),
            ("20261128", None),
            ("", None),
            ("Berg", None),
        ] {
            assert_eq!(date_format(text), expected, "{text}");
        }
    }

    #[test]
    fn a_profile_says_what_is_odd() {
        let profile = |shapes: &[(Shape, usize, u64)], records, has_leading_zeros| {
            let filled = shapes.iter().map(|(_, count, _)| count).sum();
            Profile { shapes: shapes.to_vec(), records, filled, has_leading_zeros }.to_string()
        };
        assert_eq!(profile(&[], 3, false), "always empty");
        assert_eq!(profile(&[(Shape::Digits, 3, 2)], 3, true), "text of digits, some with zeros in front");
        assert_eq!(profile(&[(Shape::Text, 2, 2), (Shape::Digits, 1, 3)], 3, false), "text");
        assert_eq!(profile(&[(Shape::Number, 2, 2)], 3, false), "number, empty in 1 of 3");
        assert_eq!(profile(&[(Shape::Text, 2, 2)], 30, false), "text, mostly empty (28 of 30)");
        let mixed = [(Shape::Boolean, 17, 1), (Shape::BooleanText, 3, 4)];
        assert_eq!(profile(&mixed, 20, false), "! mixed: true or false in 17 (row 1), text true or false in 3 (row 4)");
        let dates = [(Shape::Date("%Y-%m-%d"), 2, 2), (Shape::Date("%d.%m.%Y"), 1, 9)];
        let expected = "! text of dates in several forms: %Y-%m-%d in 2 (row 2), %d.%m.%Y in 1 (row 9)";
        assert_eq!(profile(&dates, 3, false), expected);
    }
}
