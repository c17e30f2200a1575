//! The names of cells in a sheet. The library that reads the cells panics on a name beyond any sheet, so these are
//! looked for first.
//!
//! This is no reader of XML: it knows only what is a tag and what is an attribute. What it takes for one in a comment is
//! refused too, and what it overlooks still meets the library.

use std::io::{self, Write};

use memchr::memchr;

/// The last column, `XFD`, and the last row.
const LAST: (u32, u32) = (16_384, 1_048_576);
/// A longer tag, attribute or value is not looked at: a name of a cell that long begins with more letters or digits
/// than any sheet has, and so do its first bytes.
const LONGEST: usize = 64;

/// Takes the bytes of a part, and remembers the first name of a cell that no sheet has.
#[derive(Debug, Default)]
pub(super) struct References {
    place: Place,
    /// The name of the tag or attribute, or the value, that is being read; no more than [`LONGEST`] bytes.
    word: Vec<u8>,
    /// Whether the value that is being read may name cells.
    names_cells: bool,
    /// Whether the part is a sheet; unknown before its first tag.
    is_sheet: Option<bool>,
    impossible: Option<String>,
}

/// Where the next byte is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    /// In the name of a tag.
    Tag,
    /// In a tag, before or in the name of an attribute, or after its value.
    Attribute,
    /// In a value that this quote ends.
    Value(u8),
}

impl References {
    /// The first name of a cell or a row that no sheet has.
    pub(super) fn impossible(&self) -> Option<&str> {
        self.impossible.as_deref()
    }

    fn add(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while self.is_sheet != Some(false) && self.impossible.is_none() {
            if self.place == Place::Outside {
                let Some(at) = memchr(b'<', rest) else { return };
                rest = &rest[at + 1..];
                self.begin(Place::Tag);
            }
            let Some((&byte, after)) = rest.split_first() else { return };
            rest = after;
            self.step(byte);
        }
    }

    /// Takes a byte within a tag.
    fn step(&mut self, byte: u8) {
        match (self.place, byte) {
            (Place::Value(quote), _) if byte == quote => {
                self.impossible = impossible(&self.word).filter(|_| self.names_cells);
                self.begin(Place::Attribute);
            }
            (Place::Value(_), _) => self.note(byte),
            (Place::Tag, b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n') => {
                // A declaration or a comment comes before the first element.
                if self.is_sheet.is_none() && self.word.first().is_some_and(|first| !matches!(first, b'?' | b'!')) {
                    let name = self.word.rsplit(|byte| *byte == b':').next();
                    self.is_sheet = Some(name == Some(b"worksheet"));
                }
                self.begin(if byte == b'>' { Place::Outside } else { Place::Attribute });
            }
            (Place::Attribute, b'>') => self.begin(Place::Outside),
            (Place::Attribute, b'"' | b'\'') => {
                self.names_cells = matches!(&*self.word, b"r" | b"ref");
                self.begin(Place::Value(byte));
            }
            (Place::Attribute, b' ' | b'\t' | b'\r' | b'\n' | b'=') => {}
            (Place::Tag | Place::Attribute, _) => self.note(byte),
            (Place::Outside, _) => {}
        }
    }

    fn begin(&mut self, place: Place) {
        self.place = place;
        self.word.clear();
    }

    fn note(&mut self, byte: u8) {
        if self.word.len() < LONGEST {
            self.word.push(byte);
        }
    }
}

impl Write for References {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The corner of a name, a row or an area such as `B7`, `7` or `A1:B7` that has too large a column or row. What is no
/// name at all, the library refuses.
fn impossible(value: &[u8]) -> Option<String> {
    value.split(|byte| *byte == b':').find_map(|corner| {
        let letters = corner.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (letters, rest) = corner.split_at(letters);
        let digits = &rest[..rest.iter().take_while(|byte| byte.is_ascii_digit()).count()];
        let column = letters.iter().fold(0, |column, letter| add(column, 26, letter.to_ascii_uppercase() - b'A' + 1));
        let row = digits.iter().fold(0, |row, digit| add(row, 10, digit - b'0'));
        let is_beyond = column > LAST.0 || row > LAST.1;
        is_beyond.then(|| letters.iter().chain(digits).map(|byte| char::from(*byte)).collect())
    })
}

fn add(number: u32, base: u32, digit: u8) -> u32 {
    number.saturating_mul(base).saturating_add(u32::from(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(xml: &str, at_once: usize) -> Option<String> {
        let mut references = References::default();
        xml.as_bytes().chunks(at_once).for_each(|bytes| references.add(bytes));
        references.impossible().map(str::to_owned)
    }

    #[test]
    fn names_beyond_a_sheet_are_found_and_no_others() {
        let sheet =
            |inner: &str| format!("<?xml version=\"1.0\"?>\n<!-- a --><x:worksheet xmlns:x='u'>{inner}</x:worksheet>");
        for (inner, expected) in [
            ("<c r=\"A1\" s=\"1\"/><row r='1048576'/><dimension ref=\"A1:XFD1048576\"/><a r='A:D'/>", None),
            ("<c r=\"ZZZZZZZZ2\" t=\"n\"/>", Some("ZZZZZZZZ2")),
            ("<c\n r = 'XFE1'/>", Some("XFE1")),
            ("<row spans=\"1:2\" r=\"1048577\">", Some("1048577")),
            ("<dimension ref=\"A1:ZZZZZZZ99999999999\"/>", Some("ZZZZZZZ99999999999")),
            ("<c r=\"A4294967297\"/>", Some("A4294967297")),
            ("<t>r=\"ZZZZZZZZ2\"</t><t a='r=\"ZZZZZZZZ2\"' ar='ZZZZZZZZ2' b='>'/>", None),
        ] {
            for at_once in [1, 7, 10_000] {
                assert_eq!(found(&sheet(inner), at_once).as_deref(), expected, "{inner}");
            }
        }
        assert_eq!(found("<theme><fillRect r=\"9999999\"/></theme>", 5), None, "no sheet");
    }
}
