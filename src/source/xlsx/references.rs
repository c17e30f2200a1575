//! What no spreadsheet program writes into a part of a workbook, and the library that reads the cells reads wrongly or
//! panics on: names of cells beyond any sheet, numbers that are not written in one piece, indexes of shared texts that
//! are no index, and relationships that say one thing twice.
//!
//! This is no reader of XML: it knows only what is a tag, what is an attribute, and what stands right behind a `<v>`.
//! What it takes for one of these in a comment is refused too, and what it overlooks still meets the library.

use std::collections::HashSet;
use std::io::{self, Write};

use memchr::memchr;

/// The last column, `XFD`, and the last row.
const LAST: (u32, u32) = (16_384, 1_048_576);
/// No more of a tag, an attribute or a value is looked at, in bytes.
const LONGEST: usize = 256;
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
}

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
            (Place::Tag | Place::Attribute, _) => self.note(byte),
            (Place::Outside, _) => {}
        }
    }

    fn begin_tag(&mut self) {
        let word = std::mem::take(&mut self.word);
        let is_end = word.starts_with(b"/");
        let ends_value = is_end && matches!(&*word, [b'/', b'v'] | [.., b':', b'v']);
        if std::mem::take(&mut self.is_behind_value) && !ends_value && self.kind != Kind::Other {
            self.problem = Some(format!("has a number in pieces{}", self.at_cell()));
        }
        let name = word.rsplit(|byte| *byte == b':').next().unwrap_or_default().to_vec();
        // A declaration or a comment comes before the first element.
        if self.part == Part::Unknown && word.first().is_some_and(|first| !matches!(first, b'?' | b'!')) {
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
        self.tag = if is_end { Vec::new() } else { name };
    }

    /// Takes an attribute of the tag, whose value is the word.
    fn end_attribute(&mut self) {
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
mod tests {
    use super::*;

    fn found(xml: &str, at_once: usize) -> Option<String> {
        let mut references = References::default();
        xml.as_bytes().chunks(at_once).for_each(|bytes| references.add(bytes));
        references.problem().map(str::to_owned)
    }

    fn finds(part: impl Fn(&str) -> String, inner: &str, expected: Option<&str>) {
        for at_once in [1, 7, 10_000] {
            let found = found(&part(inner), at_once);
            let is_expected = match (&found, expected) {
                (Some(found), Some(expected)) => found.contains(expected),
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(is_expected, "{inner}: {found:?}");
        }
    }

    fn sheet(inner: &str) -> String {
        format!("<?xml version=\"1.0\"?>\n<!-- a --><x:worksheet xmlns:x='u'>{inner}</x:worksheet>")
    }

    #[test]
    fn names_beyond_a_sheet_are_found_and_no_others() {
        for (inner, expected) in [
            ("<c r=\"A1\" s=\"1\"/><row r='1048576'/><dimension ref=\"A1:XFD1048576\"/><a r='A:D'/>", None),
            ("<c r=\"ZZZZZZZZ2\" t=\"n\"/>", Some("the cell ZZZZZZZZ2,")),
            ("<c\n r = 'XFE1'/>", Some("XFE1")),
            ("<row spans=\"1:2\" r=\"1048577\">", Some("1048577")),
            ("<dimension ref=\"A1:ZZZZZZZ99999999999\"/>", Some("ZZZZZZZ99999999999")),
            ("<c r=\"A4294967297\"/>", Some("A4294967297")),
            ("<t>r=\"ZZZZZZZZ2\"</t><t a='r=\"ZZZZZZZZ2\"' ar='ZZZZZZZZ2' b='>'/>", None),
        ] {
            finds(sheet, inner, expected);
        }
        assert_eq!(found("<theme><fillRect r=\"9999999\"/></theme>", 5), None, "no sheet");
    }

    #[test]
    fn a_value_is_in_one_piece_and_of_its_kind() {
        let all = "<c r='A1' t='s'><v>12</v></c><c><v>-1.5E+7</v></c><c r='B1' t='n'><f>1<2</f><v> 3\n</v></c><x:c t='s'><x:v>0</x:v></x:c>\
                   <c t='str'><f>A</f><v>a&amp;b<![CDATA[c]]></v></c><c t='b'><v>1</v></c><c t='inlineStr'><is><t>v</t></is></c><c><v/></c>";
        finds(sheet, all, None);
        for (inner, expected) in [
            ("<c r='A3' t='s'><v> 1 </v></c>", "a text whose number is no number in the cell A3"),
            ("<c t='s'><v>1.0</v></c>", "a text whose number is no number"),
            ("<c r='A3'><v>10</v><v>05</v></c>", "two values in the cell A3"),
            ("<c r='A3' t='inlineStr'><is><t>a</t></is><is/></c>", "two values in the cell A3"),
            ("<c r='A3'><v/><is><t>1</t></is></c>", "two values in the cell A3"),
            ("<c t='s'><v>x</v></c>", "a text whose number"),
            ("<c t='s'><v>1<!--x--></v></c>", "in pieces"),
            ("<c r='A3'><v>2&#48;</v></c>", "a number that is not written as one in the cell A3"),
            ("<c><v>2<!--x-->0</v></c>", "in pieces"),
            ("<c t='n'><v>2<![CDATA[0]]></v></c>", "in pieces"),
            ("<c><v><![CDATA[0]]></v></c>", "in pieces"),
        ] {
            finds(sheet, inner, Some(expected));
        }
    }

    #[test]
    fn a_relationship_says_one_thing() {
        let part = |inner: &str| format!("<?xml version=\"1.0\"?><Relationships xmlns=\"u\">{inner}</Relationships>");
        let texts = "<Relationship Id=\"STYLES\" Type=\"http://x/sharedStrings\" Target=\"SharedStrings.xml\"/>";
        finds(
            part,
            &format!(
                "{texts}<Relationship Id='b' Type='http://x/worksheet' Target='1'/><Relationship Target='2' Type='http://x/worksheet' Id='c'/>"
            ),
            None,
        );
        for (inner, expected) in [
            ("<Relationship Id='a' Type='x'/><Relationship Id=\"a\" Type='y'/>", "uses the id a twice"),
            (
                "<Relationship Id='a' Type='u/officeDocument'/><Relationship Id='b' Type='v/officeDocument'/>",
                "two parts as its officeDocument",
            ),
            ("<Relationship Id='a' Target='strings7.xml' Type='u/sharedStrings'/>", "elsewhere"),
        ] {
            finds(part, inner, Some(expected));
        }
        finds(part, &texts.repeat(2), Some("twice"));
    }
}
