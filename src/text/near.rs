//! Keys that are probably meant to be the same: `1001.0` and `1001`, `00100` and `100`, `ANNA` and `anna`. Keys are
//! still compared exactly; this only explains a key that is not found.

use super::is_unseen;

/// The probable meaning of a key. [`Difference`] says how two keys with the same meaning differ.
#[must_use]
pub fn meaning(key: &str) -> String {
    let seen: String =
        key.chars().filter(|c| !c.is_whitespace() && !is_unseen(*c)).flat_map(char::to_lowercase).collect();
    without_zeros(without_fraction(&seen)).to_owned()
}

/// How two keys with the same meaning differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Difference {
    fraction: bool,
    zeros: bool,
    case: bool,
    space: bool,
}

impl Difference {
    /// How two keys differ, if they have the same meaning.
    #[must_use]
    pub fn between(one: &str, other: &str) -> Option<Self> {
        if one == other || meaning(one) != meaning(other) {
            return None;
        }
        let seen = |key: &str| key.chars().filter(|c| !c.is_whitespace() && !is_unseen(*c)).collect::<String>();
        let (a, b) = (seen(one), seen(other));
        let (short_a, short_b) = (without_fraction(&a), without_fraction(&b));
        let (bare_a, bare_b) = (without_zeros(short_a), without_zeros(short_b));
        Some(Self {
            fraction: a.len() - short_a.len() != b.len() - short_b.len(),
            zeros: short_a.len() - bare_a.len() != short_b.len() - bare_b.len(),
            case: bare_a != bare_b,
            space: a.len() != one.len() || b.len() != other.len(),
        })
    }

    /// The difference in words, such as "the `.0` at the end".
    #[must_use]
    pub fn words(self) -> String {
        let Self { fraction, zeros, case, space } = self;
        let parts = [
            (fraction, "the `.0` at the end"),
            (zeros, "zeros at the beginning"),
            (case, "upper and lower case"),
            (space, "white space, or characters that nobody sees"),
        ];
        parts.into_iter().filter_map(|(differs, words)| differs.then_some(words)).collect::<Vec<_>>().join(" and ")
    }

    /// What makes the two equal, as filters of a template.
    #[must_use]
    pub fn filters(self) -> String {
        let Self { fraction, zeros, case, space } = self;
        let parts = [
            (space, "| visible"),
            (fraction, "| regex_replace('[.]0+$', '')"),
            (zeros, "| trim_start('0')"),
            (case, "| lower"),
        ];
        parts.into_iter().filter_map(|(differs, filter)| differs.then_some(filter)).collect::<Vec<_>>().join(" ")
    }
}

/// A spreadsheet may append `.0` to a whole number.
fn without_fraction(key: &str) -> &str {
    match key.split_once('.') {
        Some((whole, zeros))
            if !whole.is_empty()
                && !zeros.is_empty()
                && all_digits(whole)
                && zeros.bytes().all(|byte| byte == b'0') =>
        {
            whole
        }
        _ => key,
    }
}

fn all_digits(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_digit())
}

fn without_zeros(key: &str) -> &str {
    let bare = key.trim_start_matches('0');
    if bare.is_empty() && !key.is_empty() { &key[key.len() - 1..] } else { bare }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_meant_to_be_the_same_are_found() {
        for (one, other, words) in [
            ("1001.0", "1001", "the `.0` at the end"),
            ("1001.00", "1001", "the `.0` at the end"),
            ("00100", "100", "zeros at the beginning"),
            ("ANNA", "anna", "upper and lower case"),
            ("10 01", "1001", "white space, or characters that nobody sees"),
            ("1001\u{200b}", "1001", "white space, or characters that nobody sees"),
            ("0a-1", "A-1", "zeros at the beginning and upper and lower case"),
            ("0000", "0", "zeros at the beginning"),
        ] {
            assert_eq!(
                Difference::between(one, other).map(Difference::words).as_deref(),
                Some(words),
                "{one:?} {other:?}"
            );
            assert_eq!(
                Difference::between(other, one).map(Difference::words).as_deref(),
                Some(words),
                "{one:?} {other:?}"
            );
        }
        for (one, other) in [("1001", "1001"), ("1001", "1002"), ("1001.5", "1001"), ("a.0", "a"), ("", "0"), ("0", "")]
        {
            assert_eq!(Difference::between(one, other), None, "{one:?} {other:?}");
        }
    }
}
