//! How fingerprints are made of many values.

use sha2::{Digest as _, Sha256};

use super::Digest;

/// Hash this many bytes at a time.
const BLOCK: usize = 64 * 1024;

/// A SHA-256 over values, one after the other. No value can be taken for another one or for a part of it: a number is
/// eight bytes, lowest first, and every text follows its length in bytes.
#[derive(Debug, Default)]
pub(crate) struct Fingerprint {
    hasher: Sha256,
    /// What was not hashed yet.
    waiting: Vec<u8>,
}

impl Fingerprint {
    pub(crate) fn number(&mut self, number: u64) {
        self.waiting.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.waiting.extend_from_slice(text.as_bytes());
        self.hash_full_blocks();
    }

    /// A byte that says whether there is a text, and the text.
    pub(crate) fn optional(&mut self, text: Option<&str>) {
        self.byte(u8::from(text.is_some()));
        text.into_iter().for_each(|text| self.text(text));
    }

    /// The number of texts, and the texts.
    pub(crate) fn texts<'t>(&mut self, texts: impl ExactSizeIterator<Item = &'t str>) {
        self.number(texts.len() as u64);
        texts.for_each(|text| self.text(text));
    }

    /// Which of a few possibilities it is.
    pub(crate) fn byte(&mut self, byte: u8) {
        self.waiting.push(byte);
    }

    /// The number of digests, and the digests in byte order: the order in which they come has no meaning.
    pub(crate) fn unordered(&mut self, mut digests: Vec<[u8; 32]>) {
        digests.sort_unstable();
        self.number(digests.len() as u64);
        for digest in &digests {
            self.waiting.extend_from_slice(digest);
            self.hash_full_blocks();
        }
    }

    /// The digest of all values, after which it begins anew.
    pub(crate) fn finish(&mut self) -> Digest {
        self.hasher.update(&self.waiting);
        self.waiting.clear();
        Digest::from_bytes(self.hasher.finalize_reset().into())
    }

    fn hash_full_blocks(&mut self) {
        if self.waiting.len() >= BLOCK {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Fn(&mut Fingerprint)) -> Digest {
        let mut fingerprint = Fingerprint::default();
        values(&mut fingerprint);
        let first = fingerprint.finish();
        values(&mut fingerprint);
        assert_eq!(fingerprint.finish(), first, "it begins anew");
        first
    }

    #[test]
    fn it_covers_the_documented_bytes() {
        let digest = of(|values| {
            values.number(258);
            values.text("ab");
            values.optional(None);
            values.optional(Some(""));
            values.texts(["x"].into_iter());
            values.unordered(vec![[9; 32], [7; 32]]);
        });
        let bytes = [
            &[2, 1, 0, 0, 0, 0, 0, 0][..],
            b"\x02\0\0\0\0\0\0\0ab",
            b"\0",
            b"\x01\0\0\0\0\0\0\0\0",
            b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0x",
            b"\x02\0\0\0\0\0\0\0",
            &[7; 32],
            &[9; 32],
        ]
        .concat();
        assert_eq!(digest, Digest::of(&bytes));
    }

    #[test]
    fn long_values_are_hashed_whole() {
        let long = "x".repeat(3 * BLOCK + 1);
        let bytes = [&(long.len() as u64).to_le_bytes()[..], long.as_bytes()].concat();
        assert_eq!(of(|values| values.text(&long)), Digest::of(&bytes));
        let digests = vec![[5; 32]; BLOCK];
        let bytes = [&(BLOCK as u64).to_le_bytes()[..], &[5].repeat(32 * BLOCK)].concat();
        assert_eq!(of(|values| values.unordered(digests.clone())), Digest::of(&bytes));
    }

    #[test]
    fn neighbours_are_told_apart() {
        let texts = |one: &'static str, other: &'static str| {
            of(move |values| {
                values.text(one);
                values.text(other);
            })
        };
        assert_ne!(texts("ab", "c"), texts("a", "bc"));
        assert_ne!(of(|values| values.optional(None)), of(|values| values.optional(Some(""))));
    }
}
