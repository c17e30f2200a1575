//! The text of a journal in a store, part after part. Whoever can write there can add parts without end: never more of them
//! are in memory than [`MOST_AT_ONCE`], and the reader stops at the first line that is wrong.

use std::collections::VecDeque;
use std::io::{self, Cursor, Read};
use std::vec;

use super::store::{Object, ObjectKind, Store};

/// How many bytes are in memory at once, unless a single part is larger.
const MOST_AT_ONCE: u64 = 64 << 20;
/// How many parts are read at once.
const PARTS_AT_ONCE: usize = 64;

pub(super) struct JournalText {
    store: Store,
    /// The name and the length of each part that is not read yet.
    left: VecDeque<(String, u64)>,
    read: vec::IntoIter<Vec<u8>>,
    text: Cursor<Vec<u8>>,
    has_failed: bool,
}

impl JournalText {
    pub(super) fn new(store: Store, parts: &[Object]) -> Self {
        let largest = ObjectKind::Part.largest();
        let left = parts.iter().map(|part| (part.name.clone(), part.size.min(largest))).collect();
        Self { store, left, read: Vec::new().into_iter(), text: Cursor::default(), has_failed: false }
    }

    /// Whether the store, and not who writes the text down, is the reason of an error.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// The next part; `None` at the end.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(text) = self.read.next() {
            return Ok(Some(text));
        }
        let group: Vec<_> = self.left.drain(..first(self.left.iter().map(|(_, length)| *length))).collect();
        let texts = self.store.get_all(&group)?;
        // A part is written at once, and ends with the end of a line.
        if let Some(((name, _), _)) = group.iter().zip(&texts).find(|(_, text)| text.last() != Some(&b'\n')) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is cut", self.store.url(name))));
        }
        self.read = texts.into_iter();
        Ok(self.read.next())
    }
}

impl Read for JournalText {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.text.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.next() {
                Ok(Some(text)) => self.text = Cursor::new(text),
                Ok(None) => return Ok(0),
                Err(error) => {
                    self.has_failed = true;
                    return Err(error);
                }
            }
        }
    }
}

/// How many of the parts, whose lengths these are, are read next.
fn first(lengths: impl Iterator<Item = u64>) -> usize {
    let sums = lengths.scan(0_u64, |sum, length| {
        *sum = sum.saturating_add(length);
        Some(*sum)
    });
    sums.take(PARTS_AT_ONCE).enumerate().take_while(|(place, sum)| *place == 0 || *sum <= MOST_AT_ONCE).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_much_is_in_memory_at_once() {
        let of = |lengths: &[u64]| first(lengths.iter().copied());
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[1, 2, 3]), 3);
        assert_eq!(of(&[40 << 20, 24 << 20, 1]), 2);
        assert_eq!(of(&[40 << 20, 40 << 20]), 1);
        assert_eq!(of(&[u64::MAX, u64::MAX]), 1, "one is always read");
        assert_eq!(of(&[0; 1000]), PARTS_AT_ONCE);
    }
}
