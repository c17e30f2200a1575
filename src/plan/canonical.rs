//! Canonical JSON, as RFC 8785 defines it: what hashes and signatures are made over.
//!
//! The text is written once, into one buffer. An object whose members are not in order is put in order when it ends.

mod serializer;
mod shape;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt::Display;
use std::io::Write as _;
use std::ops::Range;

use serde::{Serialize, ser};

pub(super) use shape::Shape;

/// Up to here every whole number is a double too, and is written as it is.
const EXACT: u128 = 1 << 53;
/// Room for what is written, in bytes: most values are a person.
const AT_FIRST: usize = 1_024;

/// Why a value has no canonical JSON.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotCanonical(String);

impl ser::Error for NotCanonical {
    fn custom<T: Display>(problem: T) -> Self {
        Self(problem.to_string())
    }
}

/// The canonical JSON of a value, and how many objects and lists it opens.
///
/// # Errors
/// If it has none: a number that is not finite or that no double stands for, or a map whose keys are not texts.
pub(super) fn shaped(value: &(impl Serialize + ?Sized)) -> Result<(Vec<u8>, Shape), NotCanonical> {
    let mut writer = Writer { out: Vec::with_capacity(AT_FIRST), ..Writer::default() };
    value.serialize(&mut writer)?;
    Ok((writer.out, writer.shape))
}

#[derive(Default)]
struct Writer {
    out: Vec<u8>,
    /// The members of all objects that have not ended, in the order in which they were written.
    members: Vec<Member>,
    /// Where an object is put in order.
    scratch: Vec<u8>,
    shape: Shape,
}

struct Member {
    /// The key as it is written, without its quotes.
    key: Range<usize>,
    /// How it begins; see [`beginning`].
    begins: Option<u64>,
    /// The key and the value, as they are written.
    written: Range<usize>,
}

/// An object that has not ended.
struct Object<'w> {
    writer: &'w mut Writer,
    /// The place of its first member in [`Writer::members`].
    first: usize,
    is_sorted: bool,
    end: &'static [u8],
}

/// A list that has not ended.
struct List<'w> {
    writer: &'w mut Writer,
    is_empty: bool,
    end: &'static [u8],
}

/// Whether bytes of written keys have the order of the UTF-16 code units of their texts.
fn is_plain(bytes: &[u8]) -> bool {
    /// The first byte of U+E000, and of all code points behind it, is this one or a greater one. Only there can the order
    /// differ from that of the bytes.
    const HIGH: u8 = 0xee;
    bytes.iter().fold(true, |plain, byte| plain & (*byte != b'\\') & (*byte < HIGH))
}

/// The first bytes of a written key as a number, if they are ASCII without an escape. Two such numbers that differ have
/// the order of the keys: what fills up a short one is less than every byte that a text has without an escape.
fn beginning(key: &[u8]) -> Option<u64> {
    let mut first = [0; 8];
    match key.first_chunk() {
        Some(whole) => first = *whole,
        None => first[..key.len()].copy_from_slice(key),
    }
    (first.is_ascii() && !first.contains(&b'\\')).then(|| u64::from_be_bytes(first))
}

/// The order of written members: by the UTF-16 code units of the texts of their keys.
fn order(out: &[u8], a: &Member, b: &Member) -> Ordering {
    match (a.begins, b.begins) {
        (Some(a), Some(b)) if a != b => a.cmp(&b),
        _ => order_of_keys(&out[a.key.clone()], &out[b.key.clone()]),
    }
}

fn order_of_keys(a: &[u8], b: &[u8]) -> Ordering {
    if is_plain(a) && is_plain(b) {
        return a.cmp(b);
    }
    let units = |key: &[u8]| -> Vec<u16> {
        let text: String = serde_json::from_slice(&[b"\"", key, b"\""].concat()).expect("a text was written");
        text.encode_utf16().collect()
    };
    units(a).cmp(&units(b))
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn put_text(&mut self, text: &str) {
        self.out.push(b'"');
        let is_special = |byte: &u8| (*byte < b' ') | (*byte == b'"') | (*byte == b'\\');
        // Without a way out of the loop it is done for many bytes at a time.
        if text.as_bytes().iter().fold(false, |found, byte| found | is_special(byte)) {
            text.bytes().for_each(|byte| self.put_escaped(byte));
        } else {
            self.put(text.as_bytes());
        }
        self.out.push(b'"');
    }

    fn put_escaped(&mut self, byte: u8) {
        self.put(match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\x08' => b"\\b",
            b'\x0c' => b"\\f",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            // Memory takes everything.
            ..b' ' => return write!(self.out, "\\u{byte:04x}").unwrap_or_default(),
            _ => return self.out.push(byte),
        });
    }

    fn put_whole(&mut self, is_negative: bool, number: u128) -> Result<(), NotCanonical> {
        if number > EXACT {
            // RFC 8785 knows no numbers but doubles, of which one would stand for several of these.
            return Err(ser::Error::custom(format_args!("the whole number {number} is beyond {EXACT}")));
        }
        let sign = if is_negative { "-" } else { "" };
        write!(self.out, "{sign}{number}").map_err(ser::Error::custom)
    }

    fn put_double(&mut self, number: f64) -> Result<(), NotCanonical> {
        if !number.is_finite() {
            return Err(ser::Error::custom("a number that is not finite"));
        }
        self.put(ryu_js::Buffer::new().format_finite(number).as_bytes());
        Ok(())
    }

    /// Begins a list whose end is written as `end`.
    fn list(&mut self, end: &'static [u8]) -> List<'_> {
        self.out.push(b'[');
        self.shape.lists += 1;
        List { writer: self, is_empty: true, end }
    }

    /// Begins an object whose end is written as `end`.
    fn object(&mut self, end: &'static [u8]) -> Object<'_> {
        self.out.push(b'{');
        self.shape.objects += 1;
        Object { first: self.members.len(), writer: self, is_sorted: true, end }
    }

    /// Begins the object of an enum's variant, whose only member is the variant's.
    fn variant(&mut self, variant: &str) {
        self.out.push(b'{');
        self.shape.objects += 1;
        self.put_text(variant);
        self.out.push(b':');
    }
}

impl Object<'_> {
    fn begin_member(&mut self, key: &(impl Serialize + ?Sized)) -> Result<(), NotCanonical> {
        let Self { writer, first, is_sorted, end: _ } = self;
        if writer.members.len() > *first {
            writer.out.push(b',');
        }
        let at = writer.out.len();
        key.serialize(&mut **writer)?;
        let Writer { out, members, .. } = &mut **writer;
        if out.get(at) != Some(&b'"') {
            return Err(ser::Error::custom("a key that is not a text"));
        }
        let key = at + 1..out.len() - 1;
        let member = Member { begins: beginning(&out[key.clone()]), key, written: at..at };
        let before = members[*first..].last();
        *is_sorted = *is_sorted && before.is_none_or(|before| order(out, before, &member).is_lt());
        out.push(b':');
        members.push(member);
        Ok(())
    }

    fn end_member(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), NotCanonical> {
        value.serialize(&mut *self.writer)?;
        let end = self.writer.out.len();
        self.writer.members.last_mut().into_iter().for_each(|member| member.written.end = end);
        Ok(())
    }

    fn close(self) {
        let Writer { out, members, scratch, .. } = self.writer;
        if !self.is_sorted {
            let unsorted = &mut members[self.first..];
            let begin = unsorted[0].written.start;
            unsorted.sort_by(|a, b| order(out, a, b));
            scratch.clear();
            for (index, member) in unsorted.iter().enumerate() {
                scratch.extend_from_slice(if index == 0 { b"" } else { b"," });
                scratch.extend_from_slice(&out[member.written.clone()]);
            }
            out[begin..].copy_from_slice(scratch);
        }
        members.truncate(self.first);
        out.extend_from_slice(self.end);
    }
}

impl List<'_> {
    fn item(&mut self, item: &(impl Serialize + ?Sized)) -> Result<(), NotCanonical> {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.writer.out.push(b',');
        }
        item.serialize(&mut *self.writer)
    }

    fn close(self) {
        self.writer.put(self.end);
    }
}
