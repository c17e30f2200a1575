//! A snapshot: all of a Skovik account that planning needs, as a file of JSON lines.
//!
//! The first line is a header with the format and the account's URL; then each branch, custom field and user as the
//! API gave it, to the letter; the last line counts them and carries the SHA-256 of all the bytes before it. A file
//! without that line was cut, and is refused as a list that was not read whole.

use std::io::{self, BufRead, Read as _, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::Digest as _;

use crate::plan::Digest;

/// What a snapshot says that it is.
pub const FORMAT: &str = "skovik-sync/snapshot";
/// The version that this program writes, and the only one that it reads.
pub const FORMAT_VERSION: u64 = 1;

/// How long a line may be, in bytes, with its line break: as long as the largest answer of Skovik that is read.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;

/// One thing of an account, as the API gave it.
#[derive(Debug, Clone, Copy)]
pub enum Item<'a> {
    /// A branch.
    Branch(&'a RawValue),
    /// The definition of a custom field.
    CustomField(&'a RawValue),
    /// A user.
    User(&'a RawValue),
}

/// How many of each a snapshot holds.
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

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("this is not a {FORMAT:?} file of version {FORMAT_VERSION}")]
    NotASnapshot,
    /// A line is not what it should be.
    #[error("line {line}: {problem}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// Its end is missing, or does not fit.
    #[error("it is not whole: {0}; take a new snapshot")]
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
    End { counts: Counts, sha256: Digest },
}

/// Writes a snapshot. Without [`Writer::finish`] the file counts as cut.
pub struct Writer<W: Write> {
    out: W,
    hasher: sha2::Sha256,
    counts: Counts,
}

impl<W: Write> Writer<W> {
    /// Begins a snapshot of the account at this URL.
    ///
    /// # Errors
    /// Where `out` fails.
    pub fn new(out: W, url: &str) -> io::Result<Self> {
        let mut writer = Self { out, hasher: sha2::Sha256::new(), counts: Counts::default() };
        let header = Header { format: FORMAT.to_owned(), format_version: FORMAT_VERSION, url: url.to_owned() };
        writer.line(&header)?;
        Ok(writer)
    }

    /// Adds one thing.
    ///
    /// # Errors
    /// Where the output fails.
    pub fn item(&mut self, item: Item<'_>) -> io::Result<()> {
        match item {
            Item::Branch(raw) => {
                self.counts.branches += 1;
                self.line(&Line::Branch(raw))
            }
            Item::CustomField(raw) => {
                self.counts.custom_fields += 1;
                self.line(&Line::CustomField(raw))
            }
            Item::User(raw) => {
                self.counts.users += 1;
                self.line(&Line::User(raw))
            }
        }
    }

    /// Writes the last line, and gives the output back with what was counted.
    ///
    /// # Errors
    /// Where the output fails.
    pub fn finish(mut self) -> io::Result<(W, Counts)> {
        let sha256 = Digest::from_bytes(self.hasher.clone().finalize().into());
        self.line(&Line::<&RawValue>::End { counts: self.counts, sha256 })?;
        self.out.flush()?;
        Ok((self.out, self.counts))
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        // A raw value keeps the line breaks that the server sent, outside its strings; a line may not.
        line.retain(|byte| !matches!(byte, b'\n' | b'\r'));
        line.push(b'\n');
        self.hasher.update(&line);
        self.out.write_all(&line)
    }
}

/// Reads a snapshot, giving each thing to `each`, and at the end the URL of the account with what was counted. What was
/// given counts for nothing where this returns an error: only the last line proves that the file is whole.
///
/// # Errors
/// See [`SnapshotError`].
pub fn read(
    from: impl BufRead,
    mut each: impl FnMut(Item<'_>) -> Result<(), String>,
) -> Result<(String, Counts), SnapshotError> {
    let mut lines = Lines::new(from)?;
    let mut counts = Counts::default();
    loop {
        let before = lines.hasher.clone();
        let number = lines.number + 1;
        let problem = |problem: String| SnapshotError::Line { line: number, problem };
        let (counter, item) = match lines.next()? {
            Line::Branch(_) | Line::CustomField(_) if counts.users > 0 => {
                return Err(problem("branches and custom fields stand before the users".to_owned()));
            }
            Line::Branch(raw) => (&mut counts.branches, Item::Branch(raw)),
            Line::CustomField(raw) => (&mut counts.custom_fields, Item::CustomField(raw)),
            Line::User(raw) => (&mut counts.users, Item::User(raw)),
            Line::End { counts: stated, sha256 } => {
                if stated != counts || sha256 != Digest::from_bytes(before.finalize().into()) {
                    return Err(SnapshotError::NotWhole("its last line does not fit the others".to_owned()));
                }
                if !lines.from.fill_buf()?.is_empty() {
                    return Err(SnapshotError::NotWhole("something stands behind its last line".to_owned()));
                }
                return Ok((lines.url, counts));
            }
        };
        *counter += 1;
        each(item).map_err(problem)?;
    }
}

/// Reads what stands before the users, and the URL of the account. This proves nothing; reading the users does.
///
/// # Errors
/// See [`SnapshotError`].
pub fn read_shape(
    from: impl BufRead,
    mut each: impl FnMut(Item<'_>) -> Result<(), String>,
) -> Result<String, SnapshotError> {
    let mut lines = Lines::new(from)?;
    loop {
        let number = lines.number + 1;
        let item = match lines.next()? {
            Line::Branch(raw) => Item::Branch(raw),
            Line::CustomField(raw) => Item::CustomField(raw),
            Line::User(_) | Line::End { .. } => return Ok(lines.url),
        };
        each(item).map_err(|problem| SnapshotError::Line { line: number, problem })?;
    }
}

/// The lines of a snapshot behind its header.
struct Lines<R> {
    from: R,
    url: String,
    line: Vec<u8>,
    number: u64,
    /// Of all lines read so far.
    hasher: sha2::Sha256,
}

impl<R: BufRead> Lines<R> {
    fn new(mut from: R) -> Result<Self, SnapshotError> {
        let mut line = Vec::new();
        read_line(&mut from, &mut line)?;
        let header: Header = serde_json::from_slice(&line).map_err(|_| SnapshotError::NotASnapshot)?;
        if header.format != FORMAT || header.format_version != FORMAT_VERSION {
            return Err(SnapshotError::NotASnapshot);
        }
        let mut hasher = sha2::Sha256::new();
        hasher.update(&line);
        Ok(Self { from, url: header.url, line, number: 1, hasher })
    }

    fn next(&mut self) -> Result<Line<&RawValue>, SnapshotError> {
        self.line.clear();
        self.number += 1;
        let number = self.number;
        read_line(&mut self.from, &mut self.line)?;
        if self.line.last() != Some(&b'\n') {
            return Err(SnapshotError::NotWhole(format!("it breaks off in line {number}, before its last line")));
        }
        self.hasher.update(&self.line);
        serde_json::from_slice(&self.line)
            .map_err(|error| SnapshotError::Line { line: number, problem: error.to_string() })
    }
}

/// Reads a line, or as much of one as no line of a snapshot has.
fn read_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    from.by_ref().take(LONGEST_LINE).read_until(b'\n', line)?;
    Ok(())
}
