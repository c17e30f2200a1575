//! The names of approvers: what a name must contain, and when two names look the same.

use std::collections::BTreeSet;

use unicode_security::skeleton;

use crate::text::{is_unseen, likeness};

/// Whether a name has a visible letter or digit.
#[must_use]
pub(super) fn is_readable(name: &str) -> bool {
    name.chars().any(|c| c.is_alphanumeric() && !is_unseen(c))
}

/// The ways to read a name. Two names that share one of these count as one person: they differ only in case and spaces,
/// or in letters of another script that look alike (UTS 39), such as the Cyrillic and the Latin `o`.
#[must_use]
pub(super) fn readings(name: &str) -> BTreeSet<String> {
    let folded = likeness(name);
    let bare = |text: &str| skeleton(text).collect::<String>();
    // Some letters look alike only in one case: the Cyrillic `В` looks like a Latin `B`, `в` does not look like `b`.
    [bare(&folded), bare(name), likeness(&bare(name)), folded].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_share_a_reading() {
        for (one, other) in [
            ("bob", "b\u{43e}b"),
            ("Bob", "\u{412}ob"),
            ("anna", "\u{430}nn\u{430}"),
            ("eve", "\u{435}v\u{435}"),
            ("Anna  Berg", "anna berg"),
            ("pop", "\u{440}\u{43e}\u{440}"),
        ] {
            assert!(!readings(one).is_disjoint(&readings(other)), "{one} {other}");
        }
        for (one, other) in [("anna", "ben"), ("anna berg", "anna borg"), ("Ольга", "Анна"), ("Åsa", "Asa")] {
            assert!(readings(one).is_disjoint(&readings(other)), "{one} {other}");
        }
    }

    #[test]
    fn a_name_has_a_letter_that_is_seen() {
        for name in ["", " ", "\u{3164}", "\u{2800}\u{2800}", "\u{ffa0}", "\u{115f}", "...", "\u{200b}"] {
            assert!(!is_readable(name), "{name:?}");
        }
        for name in ["a", "7", "Ольга", "李"] {
            assert!(is_readable(name), "{name:?}");
        }
    }
}
