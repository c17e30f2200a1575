//! What identifiers and e-mails are read as, in whatever way they are written.

use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHashSet};
use unicode_security::skeleton;

use crate::employee::{Email, User};
use crate::side_by_side::side_by_side;
use crate::text::near::meaning;
use crate::text::{is_unseen, likeness};

/// How many owners of a key are kept. Some may not count: the person, and whoever only has the same number.
const KEPT: usize = 8;

pub(super) fn identifier_of(user: &User) -> Option<&str> {
    user.identifier.as_ref().map(|identifier| identifier.as_str())
}

/// A text whose numbers have no zeros at their beginning, such as `e17` for `e0017`.
fn without_leading_zeros(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut is_in_number = false;
    while let Some(letter) = rest.next() {
        let is_leading = letter == '0' && !is_in_number && rest.peek().is_some_and(char::is_ascii_digit);
        if !is_leading {
            bare.push(letter);
            is_in_number = letter.is_ascii_digit();
        }
    }
    bare
}

/// A text with one letter for those that look the same.
fn looks(text: &str) -> String {
    /// What each ASCII character looks like: looking it up one by one takes most of the time.
    static ASCII: LazyLock<Vec<String>> = LazyLock::new(|| {
        (0..128_u8).map(|byte| skeleton(char::from(byte).encode_utf8(&mut [0; 4])).collect()).collect()
    });
    if text.is_ascii() {
        return text.bytes().map(|byte| ASCII[usize::from(byte)].as_str()).collect();
    }
    skeleton(text).collect()
}

/// What an identifier and an e-mail are read as: without zeros at the beginning of numbers and the `.0` of a spreadsheet, and
/// with one letter for those that look the same.
pub(super) fn keys(identifier: Option<&str>, email: Option<&Email>) -> Vec<String> {
    let together = |text: &str| text.replace(' ', "");
    let mut keys = Vec::new();
    if let Some(identifier) = identifier {
        let plain = together(&likeness(identifier));
        let meant = without_leading_zeros(&meaning(&plain));
        // In upper case, an I is an l, and an O is a zero.
        let seen: String = identifier.chars().filter(|c| !c.is_whitespace() && !is_unseen(*c)).collect();
        keys.extend([looks(&meant), looks(&seen).to_lowercase(), plain, meant]);
    }
    if let Some(email) = email {
        let text = likeness(email.as_str());
        let address = together(&text);
        let address = address.trim_end_matches('.');
        keys.extend([looks(address), address.to_owned()]);
        // `Anna Berg <anna@example.com>`, `mailto:anna@example.com`, or several addresses.
        let parts = text.split(|c: char| c.is_whitespace() || "<>()[]\"',;:|".contains(c));
        keys.extend(parts.filter(|part| part.contains('@')).map(str::to_owned));
    }
    keys.retain(|key| !key.is_empty());
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Whether two e-mails are of letters that everybody can type, and some of these are others.
pub(super) fn is_typed_otherwise(one: &Email, other: &Email) -> bool {
    let typed = |email: &Email| {
        let address = email.as_str().is_ascii().then(|| email.as_str().to_ascii_lowercase().replace(' ', ""))?;
        Some(address.trim_end_matches('.').to_owned())
    };
    typed(one).is_some_and(|one| typed(other).is_some_and(|other| one != other))
}

/// A few of the items by each key of theirs, in their order; only by these keys, if not all are wanted.
pub(super) fn few_by_key(
    items: u32,
    wanted: Option<&FxHashSet<String>>,
    keys_of: impl Fn(u32) -> Vec<String> + Sync,
) -> FxHashMap<String, Vec<u32>> {
    let is_wanted = |key: &String| wanted.is_none_or(|wanted| wanted.contains(key));
    let parts = side_by_side(items, |range| {
        let of_item = |item| keys_of(item).into_iter().filter(is_wanted).map(move |key| (key, item));
        range.flat_map(of_item).collect::<Vec<_>>()
    });
    let mut by_key: FxHashMap<String, Vec<u32>> = FxHashMap::default();
    for (key, item) in parts.into_iter().flatten() {
        let kept = by_key.entry(key).or_default();
        if kept.len() < KEPT {
            kept.push(item);
        }
    }
    by_key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_looks_as_it_does_to_the_library() {
        let all: String = (0..128_u8).map(char::from).collect();
        for text in ["", "1IlO0m|", "anna.berg@example.com", &all] {
            assert_eq!(looks(text), skeleton(text).collect::<String>(), "{text:?}");
        }
        assert_eq!(looks("\u{430}1"), looks("al"), "a Cyrillic letter");
    }
}
