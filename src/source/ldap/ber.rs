//! The encoding of messages: the part of BER that LDAP uses (RFC 4511, 5.1).
//!
//! Decoding borrows from the bytes of the message. It never panics, and it does not recurse: a part is only looked into if
//! its place in the protocol says what it holds, so that nesting cannot go deeper than the protocol does.

use thiserror::Error;

/// The tags of the universal types that LDAP uses.
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Marks the long form of a length; the other bits are the number of bytes that follow.
const LONG_FORM: u8 = 0x80;
/// The number in a tag that says that the tag goes on in the next byte.
const LONG_TAG: u8 = 0x1f;

/// What is wrong with the bytes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Malformed {
    #[error("an element is longer than what it is in")]
    CutOff,
    #[error("an element has no definite length")]
    Indefinite,
    #[error("the length of an element has more than 8 bytes")]
    LongLength,
    #[error("the tag of an element has more than one byte")]
    LongTag,
    #[error("an element has the tag {found:#04x} instead of {expected:#04x}")]
    Tag { expected: u8, found: u8 },
    #[error("a number is empty, negative or too large")]
    Number,
    #[error("a text is not UTF-8")]
    NotText,
    #[error("an element is there twice")]
    Twice,
    #[error("a result means success and leads to another server")]
    Referral,
    #[error("an element is followed by another one that does not belong there")]
    Excess,
}

/// A tag and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'m> {
    pub(super) tag: u8,
    pub(super) content: &'m [u8],
}

/// Elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elements<'m>(pub(super) &'m [u8]);

/// The beginning of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) tag: u8,
    /// How many bytes tag and length take.
    pub(super) size: usize,
    /// How many bytes follow.
    pub(super) length: u64,
}

impl Header {
    /// The header at the start of some bytes; `None` if they end before it does.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some(&tag) = bytes.first() else { return Ok(None) };
        if tag & LONG_TAG == LONG_TAG {
            return Err(Malformed::LongTag);
        }
        let Some(&first) = bytes.get(1) else { return Ok(None) };
        if first < LONG_FORM {
            return Ok(Some(Self { tag, size: 2, length: u64::from(first) }));
        }
        let count = usize::from(first & !LONG_FORM);
        match count {
            0 => return Err(Malformed::Indefinite),
            1..=8 => {}
            _ => return Err(Malformed::LongLength),
        }
        let Some(digits) = bytes.get(2..2 + count) else { return Ok(None) };
        let length = digits.iter().fold(0, |length, &digit| length << 8 | u64::from(digit));
        Ok(Some(Self { tag, size: 2 + count, length }))
    }
}

impl<'m> Elements<'m> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next element, which must be there.
    pub(super) fn take(&mut self) -> Result<Element<'m>, Malformed> {
        let header = Header::read(self.0)?.ok_or(Malformed::CutOff)?;
        let rest = self.0.get(header.size..).ok_or(Malformed::CutOff)?;
        let length = usize::try_from(header.length).map_err(|_| Malformed::CutOff)?;
        let (content, after) = rest.split_at_checked(length).ok_or(Malformed::CutOff)?;
        self.0 = after;
        Ok(Element { tag: header.tag, content })
    }

    /// The content of the next element, which must have this tag.
    pub(super) fn expect(&mut self, expected: u8) -> Result<&'m [u8], Malformed> {
        let Element { tag: found, content } = self.take()?;
        if found == expected { Ok(content) } else { Err(Malformed::Tag { expected, found }) }
    }

    /// The content of the next element if it has this tag.
    pub(super) fn take_if(&mut self, tag: u8) -> Result<Option<&'m [u8]>, Malformed> {
        if self.0.first() == Some(&tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// The next element, which must be a text.
    pub(super) fn text(&mut self) -> Result<&'m str, Malformed> {
        text(self.expect(OCTET_STRING)?)
    }

    /// Makes sure that nothing follows.
    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed::Excess) }
    }
}

pub(super) fn text(content: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(content).map_err(|_| Malformed::NotText)
}

/// A number of at most 31 bits; the protocol has no other ones, and no negative ones, in answers.
pub(super) fn number(content: &[u8]) -> Result<u32, Malformed> {
    match content {
        [] | [0x80..=0xff, ..] => Err(Malformed::Number),
        digits if digits.len() <= 4 => Ok(digits.iter().fold(0, |number, &digit| number << 8 | u32::from(digit))),
        _ => Err(Malformed::Number),
    }
}

/// Writes an element.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = Vec::with_capacity(length + 2 + size_of::<usize>());
    bytes.push(tag);
    let digits = length.to_be_bytes();
    let digits = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
    match digits {
        [] => bytes.push(0),
        &[short @ ..LONG_FORM] => bytes.push(short),
        long => {
            // There are at most 8.
            bytes.push(LONG_FORM | u8::try_from(long.len()).unwrap_or_default());
            bytes.extend_from_slice(long);
        }
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// Writes a number that is not negative.
pub(super) fn whole(tag: u8, number: u32) -> Vec<u8> {
    let digits = u64::from(number).to_be_bytes();
    // A byte whose first bit is set would be that of a negative number: a zero before it stays.
    let spare = digits.windows(2).take_while(|pair| pair[0] == 0 && pair[1] < 0x80).count();
    element(tag, &[&digits[spare..]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_definite_and_not_longer_than_the_message() {
        let header = |bytes: &[u8]| Header::read(bytes);
        let read = |size, length| Ok(Some(Header { tag: SEQUENCE, size, length }));
        assert_eq!(header(&[0x30, 0x05]), read(2, 5));
        assert_eq!(header(&[0x30, 0x81, 0x05]), read(3, 5));
        // As Active Directory writes all lengths.
        assert_eq!(header(&[0x30, 0x84, 0, 0, 1, 2]), read(6, 258));
        assert_eq!(header(&[0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255]), read(10, u64::MAX));
        for cut in [&[][..], &[0x30], &[0x30, 0x84, 0, 0, 1]] {
            assert_eq!(header(cut), Ok(None));
        }
        assert_eq!(header(&[0x30, 0x80, 0, 0]), Err(Malformed::Indefinite));
        assert_eq!(header(&[0x30, 0x89]), Err(Malformed::LongLength));
        assert_eq!(header(&[0x3f, 0x81, 0x05]), Err(Malformed::LongTag));
        let huge = [0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(Elements(&huge).take(), Err(Malformed::CutOff));
        assert_eq!(Elements(&[4, 2, 1]).take(), Err(Malformed::CutOff));
        assert_eq!(Elements(&[4, 1, 1]).expect(SEQUENCE), Err(Malformed::Tag { expected: 0x30, found: 4 }));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let written = element(OCTET_STRING, &[&content[..length / 2], &content[length / 2..], b""]);
            let mut elements = Elements(&written);
            assert_eq!(elements.expect(OCTET_STRING), Ok(&content[..]));
            assert_eq!(elements.end(), Ok(()));
        }
        for (expected, bytes) in [
            (0, &[2, 1, 0][..]),
            (127, &[2, 1, 127]),
            (128, &[2, 2, 0, 128]),
            (500, &[2, 2, 1, 244]),
            (100_000, &[2, 3, 1, 134, 160]),
            (i32::MAX as u32, &[2, 4, 127, 255, 255, 255]),
        ] {
            assert_eq!(whole(INTEGER, expected), bytes);
            assert_eq!(number(&bytes[2..]), Ok(expected));
        }
        for wrong in [&[][..], &[0x80], &[255, 0], &[0, 0, 0, 0, 1]] {
            assert_eq!(number(wrong), Err(Malformed::Number));
        }
    }
}
