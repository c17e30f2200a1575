//! A snapshot: everything in a Skovik account that planning needs, as a file of JSON lines.
//!
//! The first line is a header with the format and the account's URL. Then comes each branch, custom field and user
//! exactly as the API sent it. The last line has their counts, the lists that nothing proves to be complete, and the
//! SHA-256 of all bytes before it. A file without
//! that line is truncated, and is refused as an incomplete list.

mod blocks;

use std::io::{self, BufRead, Read as _, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::Digest as _;

use super::Collection;
use crate::plan::Digest;
use crate::text::said;
use blocks::{Block, Blocks, Rest};

/// The name of the format, as a snapshot states it.
pub const FORMAT: &str = "skovik-sync/snapshot";
/// The version that this program writes, and the only one that it reads.
pub const FORMAT_VERSION: u64 = 1;

/// The longest line, in bytes, with its line break: as long as the largest answer that is read from Skovik.
const LONGEST_LINE: usize = 64 * 1024 * 1024;

/// An entry of a snapshot, as the API sent it. An entry that is read from a file is text that is not parsed yet.
#[derive(Debug, Clone, Copy)]
pub enum Item<J> {
    /// A branch.
    Branch(J),
    /// The definition of a custom field.
    CustomField(J),
    /// A user.
    User(J),
}

impl<J> Item<J> {
    /// The same kind of entry in another form.
    ///
    /// # Errors
    /// If `form` fails.
    pub fn try_map<K, E>(self, form: impl FnOnce(J) -> Result<K, E>) -> Result<Item<K>, E> {
        Ok(match self {
            Self::Branch(json) => Item::Branch(form(json)?),
            Self::CustomField(json) => Item::CustomField(form(json)?),
            Self::User(json) => Item::User(form(json)?),
        })
    }

    /// The content, of any kind.
    pub fn json(&self) -> &J {
        let (Self::Branch(json) | Self::CustomField(json) | Self::User(json)) = self;
        json
    }
}

/// How many entries of each kind a snapshot has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Branches.
    pub branches: u64,
    /// Custom fields.
    pub custom_fields: u64,
    /// Users.
    pub users: u64,
}

impl Counts {
    fn of<J>(&mut self, item: &Item<J>) -> &mut u64 {
        match item {
            Item::Branch(_) => &mut self.branches,
            Item::CustomField(_) => &mut self.custom_fields,
            Item::User(_) => &mut self.users,
        }
    }
}

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is another kind of file.
    #[error("this is not a {FORMAT:?} file of version {FORMAT_VERSION}")]
    NotASnapshot,
    /// A line is not valid.
    #[error("line {line}: {problem}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// Its last line is missing or does not match.
    #[error("it is truncated or altered: {0}; take a new snapshot")]
    NotWhole(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    format_version: u64,
    url: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line<R> {
    Branch(R),
    CustomField(R),
    User(R),
    End {
        counts: Counts,
        /// Left out if all lists are proven complete.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unproven: Vec<Collection>,
        sha256: Digest,
    },
}

/// What a snapshot says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Whole {
    /// The URL of the account.
    pub url: String,
    /// How many entries it has.
    pub counts: Counts,
    /// The lists that were read to their last page, but that nothing proves to be complete.
    pub unproven: Vec<Collection>,
}

/// Writes a snapshot. Without [`Writer::finish`] the file counts as truncated.
pub struct Writer<W: Write> {
    out: W,
    hasher: sha2::Sha256,
    counts: Counts,
    unproven: Vec<Collection>,
}

impl<W: Write> Writer<W> {
    /// Begins a snapshot of the account at this URL.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn new(out: W, url: &str) -> io::Result<Self> {
        let mut writer = Self { out, hasher: sha2::Sha256::new(), counts: Counts::default(), unproven: Vec::new() };
        let header = Header { format: FORMAT.to_owned(), format_version: FORMAT_VERSION, url: url.to_owned() };
        writer.line(&header)?;
        Ok(writer)
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// If the output fails.
    pub fn item(&mut self, item: Item<&RawValue>) -> io::Result<()> {
        *self.counts.of(&item) += 1;
        self.line(&match item {
            Item::Branch(raw) => Line::Branch(raw),
            Item::CustomField(raw) => Line::CustomField(raw),
            Item::User(raw) => Line::User(raw),
        })
    }

    /// Notes that nothing proves a list to be complete.
    pub fn unproven(&mut self, what: Collection) {
        self.unproven.push(what);
    }

    /// Writes the last line, and returns the output and the counts.
    ///
    /// # Errors
    /// If the output fails.
    pub fn finish(mut self) -> io::Result<(W, Counts)> {
        let sha256 = Digest::from_bytes(self.hasher.clone().finalize().into());
        let unproven = std::mem::take(&mut self.unproven);
        self.line(&Line::<&RawValue>::End { counts: self.counts, unproven, sha256 })?;
        self.out.flush()?;
        Ok((self.out, self.counts))
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        // A raw value keeps the line breaks that the server sent between its tokens; a line must not contain them.
        if memchr::memchr2(b'\n', b'\r', &line).is_some() {
            line.retain(|byte| !matches!(byte, b'\n' | b'\r'));
        }
        line.push(b'\n');
        self.hasher.update(&line);
        self.out.write_all(&line)
    }
}

/// Reads a snapshot. `parse` gets each entry, on several threads at once; `take` gets the results in the order of the
/// file. If it returns an error, discard everything that was taken: only
/// the last line proves that the file is complete.
///
/// # Errors
/// See [`SnapshotError`].
pub fn read<T: Send>(
    mut from: impl BufRead,
    parse: impl Fn(Item<&str>) -> Result<T, String> + Sync,
    mut take: impl FnMut(T) -> Result<(), String>,
) -> Result<Whole, SnapshotError> {
    let (header, url) = read_header(&mut from)?;
    let mut counts = Counts::default();
    let mut take = |part: Part<T>| {
        for (line, (item, thing)) in (part.first_line..).zip(part.things) {
            if counts.users > 0 && !matches!(item, Item::User(())) {
                return Err(bad_line(line, "branches and custom fields come before the users".to_owned()));
            }
            *counts.of(&item) += 1;
            take(thing).map_err(|problem| bad_line(line, problem))?;
        }
        part.problem.map_or(Ok(()), Err)
    };
    let blocks = Blocks::behind(&header, from, LONGEST_LINE);
    let Rest { line, text, sha256 } = blocks.parse(|block| Part::parse(block, &parse), &mut take)?;
    let Some(end) = text.iter().position(|byte| *byte == b'\n') else { return Err(breaks_off(line)) };
    let (last, behind) = text.split_at(end + 1);
    let last = Block { first_line: line, text: last.to_vec() };
    match parse_line(line, utf8(&last)?.trim_end_matches('\n'))? {
        Line::End { counts: stated, unproven, sha256: of } => {
            if stated != counts || of != sha256 {
                Err(SnapshotError::NotWhole("its last line does not match the others".to_owned()))
            } else if behind.is_empty() {
                Ok(Whole { url, counts, unproven })
            } else {
                Err(something_behind_the_end())
            }
        }
        _ => take(Part::parse(&last, &parse)).and(Err(breaks_off(line + 1))),
    }
}

/// Reads everything before the users, and the URL of the account. Only reading the users proves that the file is
/// complete.
///
/// # Errors
/// See [`SnapshotError`].
pub fn read_shape(
    mut from: impl BufRead,
    mut each: impl FnMut(Item<&str>) -> Result<(), String>,
) -> Result<String, SnapshotError> {
    let (_, url) = read_header(&mut from)?;
    for number in 2.. {
        let line = Block { first_line: number, text: read_line(&mut from)? };
        let Some(text) = utf8(&line)?.strip_suffix('\n') else { return Err(breaks_off(number)) };
        let item = match parse_line(number, text)? {
            Line::Branch(json) => Item::Branch(json),
            Line::CustomField(json) => Item::CustomField(json),
            Line::User(_) | Line::End { .. } => break,
        };
        each(item).map_err(|problem| bad_line(number, problem))?;
    }
    Ok(url)
}

/// The result of a block: the entries of its lines, up to the first invalid line.
struct Part<T> {
    first_line: u64,
    things: Vec<(Item<()>, T)>,
    problem: Option<SnapshotError>,
}

impl<T> Part<T> {
    fn parse(block: &Block, parse: &impl Fn(Item<&str>) -> Result<T, String>) -> Self {
        let mut part = Self { first_line: block.first_line, things: Vec::new(), problem: None };
        part.problem = part.fill(block, parse).err();
        part
    }

    fn fill(&mut self, block: &Block, parse: &impl Fn(Item<&str>) -> Result<T, String>) -> Result<(), SnapshotError> {
        for (number, line) in (block.first_line..).zip(utf8(block)?.split_terminator('\n')) {
            let (kind, item) = match parse_line(number, line)? {
                Line::Branch(json) => (Item::Branch(()), Item::Branch(json)),
                Line::CustomField(json) => (Item::CustomField(()), Item::CustomField(json)),
                Line::User(json) => (Item::User(()), Item::User(json)),
                Line::End { .. } => return Err(something_behind_the_end()),
            };
            self.things.push((kind, parse(item).map_err(|problem| bad_line(number, problem))?));
        }
        Ok(())
    }
}

/// Parses a line. If the line has the form that this program writes, the JSON of a user is not checked here: the caller
/// parses it and finds what is wrong with it.
fn parse_line(number: u64, line: &str) -> Result<Line<&str>, SnapshotError> {
    if let Some(json) = line.strip_prefix("{\"user\":").and_then(|rest| rest.strip_suffix('}')) {
        return Ok(Line::User(json));
    }
    let line: Line<&RawValue> = serde_json::from_str(line).map_err(|error| bad_line(number, said(&error)))?;
    Ok(match line {
        Line::Branch(raw) => Line::Branch(raw.get()),
        Line::CustomField(raw) => Line::CustomField(raw.get()),
        Line::User(raw) => Line::User(raw.get()),
        Line::End { counts, unproven, sha256 } => Line::End { counts, unproven, sha256 },
    })
}

/// The text of a block; an error if it is not UTF-8.
fn utf8(block: &Block) -> Result<&str, SnapshotError> {
    str::from_utf8(&block.text).map_err(|error| {
        let lines = block.text[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        bad_line(block.first_line + lines as u64, "it is not UTF-8".to_owned())
    })
}

/// Reads the first line, and the URL that it names.
fn read_header(from: &mut impl BufRead) -> Result<(Vec<u8>, String), SnapshotError> {
    let line = read_line(from)?;
    match serde_json::from_slice(&line) {
        Ok(Header { format, format_version: FORMAT_VERSION, url }) if format == FORMAT => Ok((line, url)),
        _ => Err(SnapshotError::NotASnapshot),
    }
}

/// Reads a line, or the part of a longer line that still fits the limit.
fn read_line(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.take(LONGEST_LINE as u64).read_until(b'\n', &mut line)?;
    Ok(line)
}

fn bad_line(line: u64, problem: String) -> SnapshotError {
    SnapshotError::Line { line, problem }
}

fn breaks_off(line: u64) -> SnapshotError {
    SnapshotError::NotWhole(format!("it breaks off in line {line}, before its last line"))
}

fn something_behind_the_end() -> SnapshotError {
    SnapshotError::NotWhole("there is something after its last line".to_owned())
}
