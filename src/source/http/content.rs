//! Whether two records say the same. The order of properties, white space and escapes do not count.
//!
//! Numbers count as they are written, with all digits. A value that cannot be read, such as half of a surrogate pair, counts as
//! its text: it is an error only for the templates that use it.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use serde_json::value::RawValue;

use crate::source::cell::MAX_DEPTH;
use crate::strict_json::Properties;

/// The content of a value. Equal contents have the same hash.
pub(super) struct Content<'v>(pub(super) &'v RawValue);

impl Hash for Content<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        add(self.0.get(), 1, state);
    }
}

fn add(raw: &str, depth: usize, state: &mut impl Hasher) {
    let first = raw.as_bytes().first();
    first.hash(state);
    match first {
        Some(b'{') if depth <= MAX_DEPTH => {
            if let Ok(Properties(mut members)) = serde_json::from_str(raw) {
                members.sort_by(|(a, _), (b, _)| a.cmp(b));
                members.len().hash(state);
                for (name, member) in members {
                    name.hash(state);
                    add(member.get(), depth + 1, state);
                }
                return;
            }
        }
        Some(b'[') if depth <= MAX_DEPTH => {
            if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) {
                items.len().hash(state);
                items.into_iter().for_each(|item| add(item.get(), depth + 1, state));
                return;
            }
        }
        Some(b'"') if raw.contains('\\') => {
            let text = serde_json::from_str::<String>(raw).map(|text| format!("\"{text}\""));
            text.map_or(Cow::Borrowed(raw), Cow::Owned).hash(state);
            return;
        }
        _ => {}
    }
    raw.hash(state);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    #[test]
    fn equal_contents_have_one_hash_and_others_have_not() {
        let hasher = RandomState::new();
        let hash = |text: &str| hasher.hash_one(Content(serde_json::from_str(text).unwrap()));
        let deep = |inner: &str| format!("{}{inner}{}", "[".repeat(200), "]".repeat(200));
        let all = [
            vec![r#"{"a":1,"b":{"c":[1,"x"],"d":null}}"#, r#"{ "b": {"d":null, "c": [1, "\u0078"]}, "a":1 }"#],
            vec![r#"{"a":12345678901234567890123}"#],
            vec![r#"{"a":12345678901234567890124}"#],
            vec![r#"{"a":1e999}"#],
            vec![r#"{"a":"\ud800"}"#, r#"{"\u0061": "\ud800"}"#],
            vec![r#"{"a":"\ud801"}"#],
            vec![r#"{"a":["x","y"]}"#],
            vec![r#"{"a":["y","x"]}"#],
            vec![r#"{"a":"null"}"#],
            vec![r#"{"a":null}"#],
            vec![r#"{"a":""}"#],
            vec![r#"{"a":1,"a":2}"#],
            vec![r#"{"a":2,"a":1}"#],
            vec!["{}"],
            vec!["[]"],
        ];
        for (one, same) in all.iter().enumerate() {
            for (other, others) in all.iter().enumerate() {
                for (a, b) in same.iter().flat_map(|a| others.iter().map(move |b| (a, b))) {
                    assert_eq!(hash(a) == hash(b), one == other, "{a} {b}");
                }
            }
        }
        assert_ne!(hash(&deep("1")), hash(&deep("2")));
        assert_eq!(hash(&deep("1")), hash(&deep("1")));
    }
}
