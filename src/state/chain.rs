//! Lines that each carry a code over the line before it, as journals and ledgers have. They are read on several threads:
//! a line is compared with the code that the line before it states, so no thread waits for another.

use std::borrow::Cow;
use std::io::{self, Read};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Key;
use crate::plan::{bytes_of, hex};
use crate::side_by_side::each_side_by_side;

/// How many bytes are read before they are shared out.
const BATCH: u64 = 16 << 20;
/// The longest line, in bytes. The longest that is written names a million users in 11 MB.
const LONGEST: usize = 256 << 20;
/// How many bytes of lines a thread takes at a time.
const PART: usize = 128 << 10;

/// A record with the key's code over it and over what comes before it. As a line: `{"mac":"…","record":…}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coded<'a> {
    mac: Cow<'a, str>,
    #[serde(borrow)]
    record: &'a RawValue,
}

impl<'a> Coded<'a> {
    /// The line of a record that follows one with the code `before`, and its own code.
    #[must_use]
    pub fn line(key: &Key, before: &[u8; 32], record: &RawValue) -> (Vec<u8>, [u8; 32]) {
        let code = key.code(before, record.get().as_bytes());
        (format!("{{\"mac\":\"{}\",\"record\":{}}}\n", hex(&code), record.get()).into_bytes(), code)
    }

    /// Reads a line, whose code is not compared yet.
    ///
    /// # Errors
    /// If it is not such a line.
    pub fn read(line: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(line)
    }

    /// The record's JSON and its code; `None` if the code is not that of this record after one with the code `before`.
    #[must_use]
    pub fn authentic(&self, key: &Key, before: &[u8; 32]) -> Option<(&'a str, [u8; 32])> {
        let record = self.record.get();
        let code = self.code().filter(|code| key.is_right(code, before, record.as_bytes()))?;
        Some((record, code))
    }

    /// The code that it states.
    fn code(&self) -> Option<[u8; 32]> {
        bytes_of(&self.mac)
    }
}

/// What is wrong with a line, or with the file at this place.
#[derive(Debug)]
pub enum Flaw {
    /// The file cannot be read.
    Io(io::Error),
    /// The line is not one of a chain.
    Unreadable(serde_json::Error),
    /// The same, and some of its bytes are 0: a crash leaves such a gap if a file has become longer, and not all that makes it longer
    /// was written.
    Gap(serde_json::Error),
    /// Its code is not that of its record after the line before.
    Forged,
    /// It is authentic, but not what is read here.
    Unknown(serde_json::Error),
}

/// Where the lines end that were read.
#[derive(Debug)]
pub struct ChainEnd {
    /// The length of the lines in bytes.
    pub length: u64,
    /// The code of the last one.
    pub code: [u8; 32],
    /// Whether something follows that does not end as a line does.
    pub is_torn: bool,
}

/// Reads lines, the first of which follows the code `seed`. `parse` reads a record, and is told whether it is the first
/// one. `take` gets the records or their flaws, each with the number of its line, from 1 on. Where it takes a flaw, the
/// end is before that line.
///
/// # Errors
/// The first one of `take`.
pub fn read_chain<T: Send, E>(
    reader: impl Read,
    key: &Key,
    seed: [u8; 32],
    parse: impl Fn(bool, &str) -> serde_json::Result<T> + Sync,
    take: impl FnMut(u64, Result<T, Flaw>) -> Result<(), E>,
) -> Result<ChainEnd, E> {
    read_in_batches(reader, BATCH, key, seed, parse, take)
}

fn read_in_batches<T: Send, E>(
    mut reader: impl Read,
    batch: u64,
    key: &Key,
    seed: [u8; 32],
    parse: impl Fn(bool, &str) -> serde_json::Result<T> + Sync,
    mut take: impl FnMut(u64, Result<T, Flaw>) -> Result<(), E>,
) -> Result<ChainEnd, E> {
    let mut end = ChainEnd { length: 0, code: seed, is_torn: false };
    let mut number = 0;
    let mut text = Vec::new();
    loop {
        match reader.by_ref().take(batch).read_to_end(&mut text) {
            Err(error) => return take(number + 1, Err(Flaw::Io(error))).map(|()| end),
            Ok(0) => return Ok(ChainEnd { is_torn: !text.is_empty(), ..end }),
            Ok(_) => {}
        }
        let last = memchr::memrchr(b'\n', &text);
        if last.is_none() && text.len() > LONGEST {
            let problem = format!("line {} is longer than {} MiB", number + 1, LONGEST >> 20);
            return take(number + 1, Err(Flaw::Io(io::Error::new(io::ErrorKind::InvalidData, problem)))).map(|()| end);
        }
        let Some(last) = last else { continue };
        let parts = parts(&text[..=last], end.code, number == 0);
        let read = |part: &Part<'_>| part.read(key, &parse);
        each_side_by_side(&parts, read, |lines| {
            lines.into_iter().try_for_each(|Line { length, read }| {
                number += 1;
                let record = read.map(|(record, code)| {
                    (end.length, end.code) = (end.length + length as u64, code);
                    record
                });
                take(number, record)
            })
        })?;
        text.drain(..=last);
    }
}

/// Some lines.
struct Part<'t> {
    text: &'t [u8],
    before: Before<'t>,
    is_first: bool,
}

/// What is before them.
#[derive(Clone, Copy)]
enum Before<'t> {
    Code([u8; 32]),
    Line(&'t [u8]),
}

struct Line<T> {
    length: usize,
    /// The record and its code.
    read: Result<(T, [u8; 32]), Flaw>,
}

/// Cuts lines into parts.
fn parts(mut text: &[u8], code: [u8; 32], is_first: bool) -> Vec<Part<'_>> {
    let mut before = Before::Code(code);
    let mut parts = Vec::new();
    while !text.is_empty() {
        let end = text.get(PART..).and_then(|behind| memchr::memchr(b'\n', behind)).map(|found| PART + found + 1);
        let (part, rest) = text.split_at(end.unwrap_or(text.len()));
        parts.push(Part { text: part, before, is_first: is_first && parts.is_empty() });
        let line = memchr::memrchr(b'\n', &part[..part.len() - 1]).map_or(0, |found| found + 1);
        before = Before::Line(&part[line..]);
        text = rest;
    }
    parts
}

impl Part<'_> {
    fn read<T>(&self, key: &Key, parse: impl Fn(bool, &str) -> serde_json::Result<T>) -> Vec<Line<T>> {
        let mut before = match self.before {
            Before::Code(code) => Some(code),
            Before::Line(line) => Coded::read(line).ok().and_then(|line| line.code()),
        };
        let lines = self.text.split_inclusive(|byte| *byte == b'\n').enumerate();
        let read = |(index, line): (usize, &[u8])| {
            let is_first = self.is_first && index == 0;
            let read = read_line(line, key, before, |record| parse(is_first, record));
            before = read.as_ref().ok().map(|(_, code)| *code);
            Line { length: line.len(), read }
        };
        lines.map(read).collect()
    }
}

fn read_line<T>(
    line: &[u8],
    key: &Key,
    before: Option<[u8; 32]>,
    parse: impl Fn(&str) -> serde_json::Result<T>,
) -> Result<(T, [u8; 32]), Flaw> {
    let flaw = if memchr::memchr(0, line).is_some() { Flaw::Gap } else { Flaw::Unreadable };
    let coded = Coded::read(line).map_err(flaw)?;
    // Nothing follows a line that has a flaw.
    let (record, code) = before.and_then(|before| coded.authentic(key, &before)).ok_or(Flaw::Forged)?;
    Ok((parse(record).map_err(Flaw::Unknown)?, code))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use secrecy::SecretString;

    use super::*;

    const SEED: [u8; 32] = [7; 32];
    /// Lines are cut into parts several times in each batch.
    const SOME: u64 = 3 * PART as u64;

    fn key() -> Key {
        Key::from_text(&SecretString::from("k".repeat(40))).unwrap()
    }

    /// So many lines, which are longer than a part now and then.
    fn lines(count: usize) -> Vec<Vec<u8>> {
        let mut code = SEED;
        let line = |number: usize| {
            let text = "x".repeat(if number % 97 == 5 { PART + 100 } else { 900 + number % 7 });
            let record = serde_json::value::to_raw_value(&(number, text)).unwrap();
            let (line, next) = Coded::line(&key(), &code, &record);
            code = next;
            line
        };
        (0..count).map(line).collect()
    }

    /// The numbers of the records that came, and the flaw that ended them with its line.
    fn read(text: &[u8]) -> (Vec<usize>, Option<(u64, Flaw)>, Option<ChainEnd>) {
        let (mut came, mut flawed) = (Vec::new(), None);
        let parse = |is_first, record: &str| {
            let (number, _): (usize, String) = serde_json::from_str(record)?;
            assert_eq!(is_first, number == 0);
            Ok(number)
        };
        let end = read_in_batches(text, SOME, &key(), SEED, parse, |line, record| match record {
            Ok(number) => {
                assert_eq!(line, number as u64 + 1);
                came.push(number);
                Ok(())
            }
            Err(flaw) => {
                flawed = Some((line, flaw));
                Err(())
            }
        });
        (came, flawed, end.ok())
    }

    #[test]
    fn every_line_comes_once_and_in_order() {
        for count in [0, 1, 2, 700] {
            let text = lines(count).concat();
            let (came, flaw, end) = read(&text);
            assert_eq!(came, (0..count).collect::<Vec<_>>());
            let end = end.unwrap();
            assert!(flaw.is_none() && end.length == text.len() as u64 && !end.is_torn);
            let torn = [&text[..], b"{\"mac\""].concat();
            let (came, flaw, end) = read(&torn);
            let end = end.unwrap();
            assert!(came.len() == count && flaw.is_none() && end.length == text.len() as u64 && end.is_torn);
        }
    }

    /// Wherever the line is, in its part and in its batch.
    #[test]
    fn a_line_that_was_altered_taken_out_or_put_elsewhere_ends_the_chain() {
        let whole = lines(700);
        let starts: Vec<usize> =
            whole.iter().scan(0, |at, line| Some(std::mem::replace(at, *at + line.len()))).collect();
        // The lines at the borders of batches, and some others.
        let border = |bytes: usize| starts.partition_point(|start| *start < bytes);
        let borders = (1..4).flat_map(|batch| [border(batch * SOME as usize) - 1, border(batch * SOME as usize)]);
        for place in borders.chain([1, 2, 130, 131, 400, 698]) {
            let mut altered = whole.clone();
            let digit = altered[place].len() - 10;
            altered[place][digit] = b'y';
            let mut lacking = whole.clone();
            lacking.remove(place);
            let mut swapped = whole.clone();
            swapped.swap(place, place - 1);
            let mut unreadable = whole.clone();
            unreadable[place][0] = b'[';
            for (lines, first) in [(altered, place), (lacking, place), (swapped, place - 1), (unreadable, place)] {
                let (came, flaw, end) = read(&lines.concat());
                assert!(came == (0..first).collect::<Vec<_>>() && end.is_none(), "{place}: {}", came.len());
                let (line, flaw) = flaw.unwrap();
                assert_eq!(line, first as u64 + 1, "{place}: {flaw:?}");
                assert!(matches!(flaw, Flaw::Forged | Flaw::Unreadable(_)), "{place}: {flaw:?}");
            }
        }
    }
}
