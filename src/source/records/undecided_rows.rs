//! The rows of later sources that nobody has, or of which it is not known whose they are.

use rustc_hash::FxHashSet;

use super::{Records, SEVERAL, index};

impl Records {
    /// The rows of a source whose key several have.
    pub(crate) fn rows_with_repeated_key(&self, source: usize) -> Vec<u32> {
        let mut rows: Vec<u32> = self.0.sources[source].repeated.iter().flatten().copied().collect();
        rows.sort_unstable();
        rows
    }

    /// Whether a later source has keys that several rows have.
    pub(crate) fn repeats_keys(&self) -> bool {
        self.0.sources.iter().skip(1).any(|source| !source.repeated.is_empty())
    }

    /// The key of a row of a source; empty if it has no usable key.
    pub(crate) fn key_of_row(&self, source: usize, row: u32) -> &str {
        self.0.sources[source].key(row as usize)
    }

    /// The rows of a later source whose key cannot be used.
    pub(crate) fn rows_without_usable_key(&self, source: usize) -> Vec<u32> {
        let source = &self.0.sources[source];
        let all = if source.keys.has_problems() { 0..index(source.table.len()) } else { 0..0 };
        all.filter(|&row| source.keys.problem(row as usize).is_some()).collect()
    }

    /// Whether a later source has rows without a usable key, or with one that nobody has.
    pub(crate) fn has_rows_without_person(&self, source: usize) -> bool {
        self.0.of_nobody[source - 1] > 0 || self.0.sources[source].without_key > 0
    }

    /// The rows of a later source that have no key, or one that nobody has.
    pub(crate) fn rows_without_person(&self, source: usize) -> Vec<u32> {
        let source = &self.0.sources[source];
        let known: FxHashSet<&str> = (0..self.len()).map(|record| self.key(record)).collect();
        let is_without = |row: &u32| match source.key(*row as usize) {
            "" => source.keys.problem(*row as usize).is_none(),
            key => !known.contains(key),
        };
        (0..index(source.table.len())).filter(is_without).collect()
    }

    /// Whether a later source has rows of which it is not known whose they are: their key is repeated or cannot be used.
    pub(crate) fn has_undecided_rows(&self, source: usize) -> bool {
        self.0.sources[source].keys.has_problems() || self.0.rows[source - 1].contains(&SEVERAL)
    }
}
