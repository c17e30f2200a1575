//! What no spreadsheet program writes into a part of a workbook, and the library that reads the cells reads wrongly or
//! panics on: names of cells beyond any sheet, numbers that are not written in one piece, indexes of shared texts that
//! are no index, and relationships that say one thing twice.
//!
//! This is no reader of XML: it knows only what is a tag, a comment, an instruction or raw text, where each of them ends for the
//! library, what is an attribute, and what stands right behind a `<v>`. Where the two could differ, the part is refused.

use std::collections::HashSet;
use std::io::{self, Write};

use memchr::memchr;

/// The last column, `XFD`, and the last row.
const LAST: (u32, u32) = (16_384, 1_048_576);
/// No more of a tag, an attribute or a value is looked at, in bytes.
const LONGEST: usize = 256;
/// No tag has so many names of attributes, in bytes.
const MOST_NAMES: usize = 16 * 1024;
/// The ids of relationships are kept; no part has more of them than a sheet has rows.
const MOST_RELATIONSHIPS: usize = 1_048_576;
/// Where the texts of cells have to be, from the folder of the workbook: elsewhere the library does not look for them. It
/// takes upper and lower case for the same.
const TEXTS: [&[u8]; 2] = [b"sharedStrings.xml", b"/xl/sharedStrings.xml"];

/// Takes the bytes of a part, and remembers what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct References {
    place: Place,
    /// The name of the tag or attribute, or the value, that is being read; no more than [`LONGEST`] bytes.
    word: Vec<u8>,
    part: Part,
    /// The tag that is being read, and the attributes of it that matter.
    tag: Vec<u8>,
    attribute: Vec<u8>,
    /// The names of the attributes of this tag so far, a blank behind each.
    attributes: Vec<u8>,
    cell: Vec<u8>,
    kind: Kind,
    /// Whether the cell has a value already.
    has_value: bool,
    /// Whether the tag that is being read stands right behind a value.
    is_behind_value: bool,
    relationship: Relationship,
    /// The ids of relationships so far.
    ids: HashSet<Vec<u8>>,
    /// The types so far of which a workbook has one relationship.
    single: HashSet<Vec<u8>>,
    problem: Option<String>,
}

/// What a part is, by its first element.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    Unknown,
    Sheet,
    Relationships,
    Other,
}

/// What the value of a cell is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Number,
    /// The place of a text in the list of all texts.
    SharedText,
    Other,
}

/// What one part of a workbook says of another.
#[derive(Debug, Default)]
struct Relationship {
    kind: Vec<u8>,
    target: Vec<u8>,
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
    Quoted(u8),
    /// Behind a `<v>`.
    Value,
    /// In what is no tag, to these bytes.
    Skipped(&'static [u8]),
}

/// What is no tag: how it begins behind its `<`, and ends.
const SKIPPED: [(&[u8], &[u8]); 3] = [(b"!--", b"-->"), (b"![CDATA[", b"]]>"), (b"?", b"?>")];

impl References {
    /// What is wrong, as a part of a sentence about the part.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    fn add(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while self.part != Part::Other && self.problem.is_none() {
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

    /// Takes a byte within a tag or a value.
    fn step(&mut self, byte: u8) {
        match (self.place, byte) {
            (Place::Quoted(quote), _) if byte == quote => {
                self.end_attribute();
                self.begin(Place::Attribute);
            }
            (Place::Quoted(_), _) => self.note(byte),
            (Place::Skipped(end), _) => {
                if self.word.len() == end.len() {
                    self.word.remove(0);
                }
                self.word.push(byte);
                if self.word == end {
                    self.begin(Place::Outside);
                }
            }
            (Place::Value, b'<') => {
                self.problem = self.wrong_value();
                self.begin(Place::Tag);
                self.is_behind_value = true;
            }
            (Place::Value, _) => self.note(byte),
            (Place::Tag, b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n') if !(byte == b'/' && self.word.is_empty()) => {
                self.begin_tag();
                self.begin(Place::Attribute);
                match byte {
                    b'>' => self.end_tag(),
                    b'/' => self.note(byte),
                    _ => {}
                }
            }
            (Place::Attribute, b'>') => self.end_tag(),
            (Place::Attribute, b'"' | b'\'') => {
                self.attribute = std::mem::take(&mut self.word);
                self.begin(Place::Quoted(byte));
            }
            (Place::Attribute, b' ' | b'\t' | b'\r' | b'\n' | b'=') => {}
            (Place::Tag, b'"' | b'\'') => {
                self.problem = Some(format!("has a quotation mark in a name{}", self.at_cell()))
            }
            (Place::Tag, _) => {
                self.note(byte);
                self.skip();
            }
            (Place::Attribute, _) => self.note(byte),
            (Place::Outside, _) => {}
        }
    }

    /// Begins what is no tag, if the word says so.
    fn skip(&mut self) {
        if let Some((begin, end)) = SKIPPED.iter().find(|(begin, _)| self.word == *begin) {
            self.is_in_pieces();
            // The library lets one `?` begin and end an instruction.
            self.place = Place::Skipped(end);
            if *begin != b"?" {
                self.word.clear();
            }
        } else if self.word.starts_with(b"!") && !SKIPPED.iter().any(|(begin, _)| begin.starts_with(&self.word)) {
            self.problem = Some("has a declaration, which no workbook needs".to_owned());
        }
    }

    /// Notes a number that goes on behind something else than its end.
    fn is_in_pieces(&mut self) {
        if std::mem::take(&mut self.is_behind_value) && self.kind != Kind::Other {
            self.problem = Some(format!("has a number in pieces{}", self.at_cell()));
        }
    }

    fn begin_tag(&mut self) {
        let word = std::mem::take(&mut self.word);
        let is_end = word.starts_with(b"/");
        // The name behind its first colon, as the library has it.
        let name = word.strip_prefix(b"/").unwrap_or(&word);
        let name = memchr(b':', name).map_or(name, |colon| &name[colon + 1..]).to_vec();
        if is_end && name == b"v" {
            self.is_behind_value = false;
        }
        self.is_in_pieces();
        if self.part == Part::Unknown {
            self.part = match &*name {
                b"worksheet" => Part::Sheet,
                b"Relationships" => Part::Relationships,
                _ => Part::Other,
            };
        }
        if name == b"c" {
            self.cell.clear();
            self.kind = Kind::Number;
            self.has_value = false;
        }
        self.relationship = Relationship::default();
        self.attributes.clear();
        self.tag = if is_end { Vec::new() } else { name };
    }

    /// Takes an attribute of the tag, whose value is the word.
    fn end_attribute(&mut self) {
        if self.attributes.split(|byte| *byte == b' ').any(|before| before == self.attribute) {
            let name = String::from_utf8_lossy(&self.attribute).escape_debug().to_string();
            self.problem = Some(format!("has a tag with two attributes {name}{}", self.at_cell()));
            return;
        }
        self.attributes.extend(self.attribute.iter().chain(b" "));
        if self.attributes.len() > MOST_NAMES {
            self.problem = Some(format!("has a tag with more attributes than any sheet has{}", self.at_cell()));
            return;
        }
        match (self.part, &*self.attribute) {
            (Part::Sheet, b"r" | b"ref") => {
                if let Some(name) = impossible(&self.word) {
                    self.problem = Some(format!("names the cell {name}, which no sheet has"));
                }
                if self.tag == b"c" {
                    self.cell = self.word.clone();
                }
            }
            (Part::Sheet, b"t") if self.tag == b"c" => {
                self.kind = match &*self.word {
                    b"s" => Kind::SharedText,
                    b"n" => Kind::Number,
                    _ => Kind::Other,
                };
            }
            (Part::Relationships, b"Id") if !self.ids.insert(self.word.clone()) => {
                self.problem =
                    Some(format!("uses the id {} twice", String::from_utf8_lossy(&self.word).escape_debug()));
            }
            (Part::Relationships, b"Id") if self.ids.len() > MOST_RELATIONSHIPS => {
                self.problem = Some(format!("has more than {MOST_RELATIONSHIPS} relationships"));
            }
            (Part::Relationships, b"Type") => self.relationship.kind = self.word.clone(),
            (Part::Relationships, b"Target") => self.relationship.target = self.word.clone(),
            _ => {}
        }
    }

    fn end_tag(&mut self) {
        let is_closed = self.word == b"/";
        if self.part == Part::Sheet
            && matches!(&*self.tag, b"v" | b"is")
            && std::mem::replace(&mut self.has_value, true)
        {
            self.problem = Some(format!("has two values{}", self.at_cell()));
        }
        self.begin(match (self.part, &*self.tag) {
            (Part::Sheet, b"v") if !is_closed => Place::Value,
            _ => Place::Outside,
        });
        let Relationship { kind, target } = std::mem::take(&mut self.relationship);
        let name = kind.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        match name {
            // What a workbook has one of.
            b"officeDocument" | b"sharedStrings" | b"styles" if !self.single.insert(name.to_vec()) => {
                self.problem = Some(format!("names two parts as its {}", String::from_utf8_lossy(name)));
            }
            b"sharedStrings" if !TEXTS.iter().any(|texts| target.eq_ignore_ascii_case(texts)) => {
                self.problem = Some("keeps its texts elsewhere than in sharedStrings.xml".to_owned());
            }
            _ => {}
        }
    }

    /// What is wrong with the value that has ended.
    fn wrong_value(&self) -> Option<String> {
        let is_of = |allowed: &[u8]| self.word.iter().all(|byte| byte.is_ascii_digit() || allowed.contains(byte));
        match self.kind {
            Kind::SharedText if !is_of(b"") => Some(format!("has a text whose number is no number{}", self.at_cell())),
            Kind::Number if !is_of(b"+-.eE \t\r\n") => {
                Some(format!("has a number that is not written as one{}", self.at_cell()))
            }
            Kind::SharedText | Kind::Number | Kind::Other => None,
        }
    }

    fn at_cell(&self) -> String {
        match &*self.cell {
            [] => String::new(),
            cell => format!(" in the cell {}", String::from_utf8_lossy(cell).escape_debug()),
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
mod tests;
