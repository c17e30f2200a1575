//! How much the parts beside the cells may hold. The library keeps them in memory as a whole, many times their size in
//! the file, and believes the number of texts that a part declares.
//!
//! These parts are read with the same reader of XML as the library's and the same settings, so both see the same
//! elements. What this reader cannot read, the library refuses at the same place.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

/// The largest part with relationships, names of sheets or formats, in bytes.
pub(super) const MOST_OF_FRAME: u64 = 32 * 1024 * 1024;
/// The most sheets, and the longest tag of a relationship, in bytes: the library copies the target for each sheet.
const MOST_SHEETS: u64 = 4096;
const LONGEST_RELATIONSHIP: u64 = 32 * 1024;
/// How many texts a workbook may have: 16 for each row that a sheet can have.
const MOST_TEXTS: u64 = 1 << 24;
/// This many texts may be declared whatever the part holds: some programs declare how many cells have a text.
const FREE_TEXTS: u64 = 1 << 20;
/// The least that a text takes in its part, in bytes: `<si/>`.
const LEAST_TEXT: u64 = 5;
/// How many formats, fonts, fills and borders there may be. Excel has at most 65,490 formats of cells.
const MOST_STYLES: u64 = 1 << 19;
/// The library copies the font, fill, border and number format of each format of cells: what all copies may take, as
/// they are written, in bytes. With all formats that Excel can have, each a kilobyte, it is a quarter of this.
const MOST_COPIED: u64 = 256 * 1024 * 1024;
/// What a format of cells, a font, a fill, a border and a number format are called.
const STYLES: [&str; 5] = ["xf", "font", "fill", "border", "numFmt"];

/// What is wrong with a part, as a part of a sentence about it; `Break(None)` if the rest of it does not matter.
type Verdict = ControlFlow<Option<String>>;

/// What the library reads a part as. It goes by the name, in which the case of letters makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Texts,
    Styles,
    Relationships,
    Workbook,
    /// A sheet, or what the library does not read.
    Other,
}

impl Role {
    /// The role of the part of this name, in lower case. `targets` are the parts of which one is the workbook.
    pub(super) fn of(name: &str, targets: &HashSet<String>) -> Self {
        match name {
            name if name.ends_with("sharedstrings.xml") => Self::Texts,
            name if name.ends_with("styles.xml") => Self::Styles,
            name if name.ends_with(".rels") => Self::Relationships,
            name if name.ends_with("workbook.xml") || targets.contains(name) => Self::Workbook,
            _ => Self::Other,
        }
    }

    /// Whether such a part is bounded as a whole.
    pub(super) fn is_frame(self) -> bool {
        matches!(self, Self::Styles | Self::Relationships | Self::Workbook)
    }

    /// What is wrong with the part, which unpacked has this size.
    pub(super) fn problem(self, size: u64, part: impl Read) -> Option<String> {
        match self {
            Self::Texts => texts(size, part, MOST_TEXTS),
            Self::Styles => styles(part),
            Self::Relationships => relationships(part).err(),
            Self::Workbook => sheets(part),
            Self::Other => None,
        }
    }
}

/// The values in a part with relationships, in lower case, without the `/` of an absolute path.
pub(super) fn relationships(part: impl Read) -> Result<HashSet<String>, String> {
    let mut values = HashSet::new();
    let problem = each_tag(part, |tag, (from, to)| {
        let Tag::Start(tag) = tag else { return Verdict::Continue(()) };
        if to - from > LONGEST_RELATIONSHIP {
            return Verdict::Break(Some("has a relationship that is too long".to_owned()));
        }
        for attribute in tag.attributes().with_checks(false) {
            let Ok(attribute) = attribute else { return no_xml() };
            if let Ok(value) = unescape(&attribute.value) {
                values.insert(value.replace('\\', "/").trim_start_matches('/').to_lowercase());
            }
        }
        Verdict::Continue(())
    });
    problem.map_or(Ok(values), Err)
}

fn sheets(part: impl Read) -> Option<String> {
    let mut number = 0;
    each_tag(part, |tag, _| {
        number += u64::from(matches!(tag, Tag::Start(tag) if tag.local_name().as_ref() == "sheet"));
        at_most(number, MOST_SHEETS, "sheets")
    })
}

/// The texts of cells.
fn texts(size: u64, part: impl Read, most: u64) -> Option<String> {
    let (mut is_begun, mut number) = (false, 0);
    each_tag(part, |tag, _| {
        let Tag::Start(tag) = tag else { return Verdict::Continue(()) };
        if tag.local_name().as_ref() == "sst" && !std::mem::replace(&mut is_begun, true) {
            check_declared(&tag, size)?;
            if size / LEAST_TEXT <= most {
                return Verdict::Break(None);
            }
        }
        number += u64::from(tag.local_name().as_ref() == "si");
        at_most(number, most, "texts")
    })
}

/// Checks the number of texts that the part declares: the library makes room for as many at once.
fn check_declared(tag: &BytesStart<'_>, size: u64) -> Verdict {
    for attribute in tag.attributes().with_checks(false) {
        let Ok(attribute) = attribute else { return no_xml() };
        let digits = attribute.value.trim().trim_start_matches('+');
        if attribute.key.as_ref() != "uniqueCount" || digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        // The only number that is none is one that is too large.
        let number = digits.parse().unwrap_or(u64::MAX);
        if number > FREE_TEXTS && number > (size / LEAST_TEXT).min(MOST_TEXTS) {
            return Verdict::Break(Some(format!("declares {digits} texts, which its {size} bytes cannot hold")));
        }
    }
    Verdict::Continue(())
}

/// The formats of cells, and what they consist of.
fn styles(part: impl Read) -> Option<String> {
    let (mut number, mut copies, mut is_of_cells) = (0, 0, false);
    let mut longest = [0; STYLES.len()];
    let mut open: Option<(usize, u64)> = None;
    each_tag(part, |tag, (from, to)| {
        let (name, is_start) = match &tag {
            Tag::Start(tag) => (tag.local_name(), true),
            Tag::End(tag) => (tag.local_name(), false),
        };
        is_of_cells |= name.as_ref() == "cellXfs";
        let kind = STYLES.iter().position(|style| *style == name.as_ref());
        if is_start && kind.is_some() {
            number += 1;
            copies += u64::from(is_of_cells && kind == Some(0));
            open = open.or(kind.map(|kind| (kind, from)));
        }
        // One that does not end is as long as what there is of it.
        if let Some((kind, from)) = open {
            longest[kind] = to.saturating_sub(from).max(longest[kind]);
        }
        if !is_start && open.map(|(kind, _)| kind) == kind {
            open = None;
        }
        at_most(number, MOST_STYLES, "formats, fonts, fills and borders")?;
        if longest.iter().sum::<u64>().saturating_mul(copies) > MOST_COPIED {
            return Verdict::Break(Some(format!(
                "holds formats that are too long, for as many as there are: {copies}"
            )));
        }
        Verdict::Continue(())
    })
}

fn at_most(number: u64, most: u64, of: &str) -> Verdict {
    if number > most {
        return Verdict::Break(Some(format!("holds more than {most} {of}")));
    }
    Verdict::Continue(())
}

fn no_xml() -> Verdict {
    Verdict::Break(Some("has a tag that is no XML".to_owned()))
}

enum Tag<'a> {
    Start(BytesStart<'a>),
    End(quick_xml::events::BytesEnd<'a>),
}

/// The first problem that `look` finds; it is told of each tag, and from where to where it is.
fn each_tag(part: impl Read, mut look: impl FnMut(Tag<'_>, (u64, u64)) -> Verdict) -> Option<String> {
    let mut xml = reader(BufReader::new(part));
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let from = xml.buffer_position();
        let event = xml.read_event_into(&mut buffer);
        let place = (from, xml.buffer_position());
        let verdict = match event {
            Ok(Event::Start(tag)) => look(Tag::Start(tag), place),
            Ok(Event::End(tag)) => look(Tag::End(tag), place),
            Ok(Event::Eof) | Err(_) => return None,
            Ok(_) => continue,
        };
        if let Verdict::Break(problem) = verdict {
            return problem;
        }
    }
}

fn reader<R: BufRead>(part: R) -> Reader<R> {
    let mut xml = Reader::from_reader(part);
    let config = xml.config_mut();
    config.check_end_names = false;
    config.trim_text(false);
    config.check_comments = false;
    config.expand_empty_elements = true;
    xml
}

#[cfg(test)]
mod tests {
    #[test]
    fn texts_are_counted_if_there_could_be_too_many() {
        for texts in ["<si/><si/><si/>", "<x:si></x:si><si/><r><si><t>a</t></si></r>", "<si><si><si/></si></si>"] {
            let part = format!("<?xml version='1.0'?><x:sst a='>'>{texts}</x:sst>");
            let found = |most| super::texts(part.len() as u64, part.as_bytes(), most);
            assert_eq!(found(3), None, "{part}");
            assert_eq!(found(2).as_deref(), Some("holds more than 2 texts"), "{part}");
        }
    }
}
