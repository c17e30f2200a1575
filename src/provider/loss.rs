//! Compares a value that was sent with the value that a service holds afterwards. Pure functions over raw JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::stored::{Request, compact};
use crate::strict_json::{Properties, Text};
use crate::text::{printable, shortened};

/// Whether a value means "no value": null, or an empty text, list or object. White space alone is no text.
pub(super) fn is_empty(raw: &RawValue) -> bool {
    let inner = |open, close| raw.get().strip_prefix(open)?.strip_suffix(close);
    let is_blank = |text: &str| text.trim().is_empty();
    match inner('"', '"') {
        Some(text) if text.contains('\\') => {
            serde_json::from_str::<String>(raw.get()).is_ok_and(|text| is_blank(&text))
        }
        Some(text) => is_blank(text),
        None => raw.get() == "null" || inner('[', ']').or_else(|| inner('{', '}')).is_some_and(is_blank),
    }
}

/// How the held value differs from the one that was sent, unless `may` says that the server may have changed it itself.
pub(super) fn loss(
    name: &str,
    sent: &RawValue,
    held: Option<&RawValue>,
    may: impl Fn(&str, &str) -> bool,
) -> Option<String> {
    let Some(held) = held.filter(|held| !is_empty(held)) else {
        return (!is_empty(sent)).then(|| format!("{name} is gone, it was {}", excerpt(sent)));
    };
    let (then, now) = (compact(sent.get()), compact(held.get()));
    let is_same = then == now || is_same(&then, &now, 0) || may(&then, &now);
    if is_same || is_empty(sent) {
        return None;
    }
    Some(format!("{name} is {}, not {}", excerpt(held), excerpt(sent)))
}

/// Whether a server may have changed an attribute itself: a number that grew and whose name says that it counts, or a
/// time that became later, such as that of the last change.
pub(super) fn counts_upwards(name: &str, then: &str, now: &str) -> bool {
    const COUNTERS: [&str; 5] = ["version", "revision", "count", "counter", "sequence"];
    let number = |json: &str| json.parse::<f64>().ok();
    let time = |json: &str| serde_json::from_str::<String>(json).ok()?.parse::<jiff::Timestamp>().ok();
    match (number(then), number(now)) {
        (Some(then), Some(now)) => now > then && COUNTERS.iter().any(|counter| ends_with(name, counter)),
        _ => matches!((time(then), time(now)), (Some(then), Some(now)) if now > then),
    }
}

/// Whether the last word of a name is this one: `lock_version` and `lockVersion` end with `version`.
fn ends_with(name: &str, word: &str) -> bool {
    let Some(start) = name.len().checked_sub(word.len()).filter(|start| name.is_char_boundary(*start)) else {
        return false;
    };
    let (before, last) = name.split_at(start);
    let begins_a_word = last.starts_with(char::is_uppercase) || !before.ends_with(char::is_alphanumeric);
    begins_a_word && last.eq_ignore_ascii_case(word)
}

/// How deep values are taken apart. What is deeper is compared as a text.
const MAX_DEPTH: usize = 64;

/// A value, taken apart. Its numbers stay literals, because no float holds all of them.
enum Parts<'a> {
    Object(BTreeMap<Cow<'a, str>, &'a RawValue>),
    List(Vec<&'a RawValue>),
    Text(Cow<'a, str>),
    Null,
    /// A number or a boolean.
    Other(&'a str),
}

/// `None` if a value is nested too deep or is not proper JSON.
fn parts(json: &str, depth: usize) -> Option<Parts<'_>> {
    Some(match json.as_bytes().first()? {
        _ if depth > MAX_DEPTH => return None,
        b'{' => Parts::Object(serde_json::from_str::<Properties<'_>>(json).ok()?.0.into_iter().collect()),
        b'[' => Parts::List(serde_json::from_str(json).ok()?),
        b'"' => Parts::Text(serde_json::from_str::<Text<'_>>(json).ok()?.0),
        b'n' => Parts::Null,
        _ => Parts::Other(json),
    })
}

fn is_same(then: &str, now: &str, depth: usize) -> bool {
    let same = |then: &RawValue, now: &RawValue| is_same(then.get(), now.get(), depth + 1);
    then == now
        || match (parts(then, depth), parts(now, depth)) {
            (Some(Parts::Object(then)), Some(Parts::Object(now))) => {
                then.len() == now.len()
                    && then.iter().all(|(name, then)| now.get(name).is_some_and(|now| same(then, now)))
            }
            (Some(Parts::List(then)), Some(Parts::List(now))) => {
                then.len() == now.len() && then.iter().zip(&now).all(|(then, now)| same(then, now))
            }
            (Some(Parts::Text(then)), Some(Parts::Text(now))) => then == now,
            (Some(Parts::Other(then)), Some(Parts::Other(now))) => is_same_number(then, now),
            _ => false,
        }
}

/// Whether two literals are one number, such as `1.5` and `1.50`. Ones with more digits than a float holds are not.
fn is_same_number(then: &str, now: &str) -> bool {
    const DIGITS_OF_A_FLOAT: usize = 15;
    let number = |literal: &str| {
        let digits = literal.split(['e', 'E']).next()?.replace(['-', '.'], "");
        let is_exact = literal.contains(['.', 'e', 'E']) && digits.trim_matches('0').len() <= DIGITS_OF_A_FLOAT;
        literal.parse::<f64>().ok().filter(|number| is_exact && number.is_normal())
    };
    number(then).is_some_and(|then| number(now) == Some(then))
}

/// The JSON Pointers where one complete request has values and the other has none, or what cannot be compared with it. A
/// partial request is not compared: it leaves the rest of the user alone.
#[must_use]
pub fn unshown(listed: &Request, read: &Request) -> Vec<String> {
    let mut found = Vec::new();
    if !listed.is_partial() && !read.is_partial() {
        find_unshown("", listed.as_json(), read.as_json(), 0, &mut found);
    }
    found
}

fn find_unshown(at: &str, listed: &str, read: &str, depth: usize, found: &mut Vec<String>) {
    if listed == read {
        return;
    }
    let now = parts(read, depth);
    match (parts(listed, depth), &now) {
        (Some(Parts::Object(members)), now) if !matches!(now, Some(Parts::Null)) => {
            for (name, value) in members {
                let held = match now {
                    Some(Parts::Object(held)) => held.get(&name).map_or("null", |held| held.get()),
                    _ => "null",
                };
                let token = name.replace('~', "~0").replace('/', "~1");
                find_unshown(&format!("{at}/{token}"), value.get(), held, depth + 1, found);
            }
        }
        (Some(Parts::List(items)), now) if !matches!(now, Some(Parts::Null)) => {
            for (place, value) in items.iter().enumerate() {
                let held = match now {
                    Some(Parts::List(held)) => held.get(place).map_or("null", |held| held.get()),
                    _ => "null",
                };
                find_unshown(&format!("{at}/{place}"), value.get(), held, depth + 1, found);
            }
        }
        (None, _) => found.push(printable(at).into_owned()),
        _ if has_value(listed, depth).unwrap_or(true) && !has_value(read, depth).unwrap_or(false) => {
            found.push(printable(at).into_owned());
        }
        _ => {}
    }
}

fn any_has_value<'v>(values: impl IntoIterator<Item = &'v RawValue>, depth: usize) -> Option<bool> {
    values.into_iter().try_fold(false, |any, value| Some(any || has_value(value.get(), depth + 1)?))
}

/// Whether a value contains anything but null and empty texts, lists and objects; `None` if nobody can tell.
fn has_value(json: &str, depth: usize) -> Option<bool> {
    match parts(json, depth)? {
        Parts::Null => Some(false),
        Parts::Text(text) => Some(!text.trim().is_empty()),
        Parts::List(items) => any_has_value(items, depth),
        Parts::Object(members) => any_has_value(members.into_values(), depth),
        Parts::Other(_) => Some(true),
    }
}

/// The start of a value, for a report.
fn excerpt(raw: &RawValue) -> Cow<'_, str> {
    const SHOWN: usize = 80;
    shortened(raw.get(), SHOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("JSON")
    }

    #[test]
    fn numbers_are_compared_with_all_their_digits() {
        for (sent, held, is_same) in [
            ("12345678901234567890123", "12345678901234567999999", false),
            ("0.12345678901234567890", "0.12345678901234567891", false),
            ("1e400", "2e400", false),
            ("1e400", "1e400", true),
            ("1.5", "1.50", true),
            ("1e2", "100.0", true),
            ("5", "6", false),
            (r#"{"a":[1e400,"\u00e9"],"b":{}}"#, r#"{"b":{},"a":[1e400,"é"]}"#, true),
            (r#"{"a":[1e400]}"#, r#"{"a":[1e401]}"#, false),
        ] {
            let lost = loss("n", &raw(sent), Some(&raw(held)), |_, _| false);
            assert_eq!(lost.is_none(), is_same, "{sent} {held}: {lost:?}");
        }
    }

    #[test]
    fn only_counters_and_times_grow_by_themselves() {
        for (name, then, now, may) in [
            ("limit", "5", "5000000", false),
            ("account", "5", "6", false),
            ("lock_version", "5", "6", true),
            ("signInCount", "5", "6", true),
            ("version", "6", "5", false),
            ("updated_at", r#""2026-01-01T00:00:00Z""#, r#""2026-01-02T00:00:00Z""#, true),
            ("updated_at", r#""2026-01-02T00:00:00Z""#, r#""2026-01-01T00:00:00Z""#, false),
        ] {
            assert_eq!(counts_upwards(name, then, now), may, "{name} {then} {now}");
        }
    }

    /// A number that no float holds, or a deep value, must not hide what else is missing.
    #[test]
    fn odd_values_do_not_hide_what_is_not_shown() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for odd in ["1e400", &deep] {
            let listed = Request::new(format!(r#"{{"odd":{odd},"phone":"1"}}"#));
            assert_eq!(unshown(&listed, &Request::new(format!(r#"{{"odd":{odd}}}"#))), ["/phone"]);
            assert!(unshown(&listed, &listed).is_empty());
            assert!(!unshown(&listed, &Request::new(r#"{"phone":"1"}"#.to_owned())).is_empty());
        }
        // What cannot be compared counts as not shown.
        let listed = Request::new(r#"{"a":{"b":1}}"#.to_owned());
        assert_eq!(unshown(&listed, &Request::new("{".to_owned())), ["/a"]);
    }

    #[test]
    fn what_one_read_shows_and_another_does_not_is_named() {
        let listed = json!({"a": {"phone": "1", "tags": ["x", "y"], "note": "", "none": null, "a/b": 0}, "is": false});
        let request = |value: &Value| Request::new(value.to_string());
        for (read, expected) in [
            (listed.clone(), vec![]),
            (json!({"a": {"phone": "2", "tags": ["z", "z"], "a/b": 1}, "is": true}), vec![]),
            (json!({"a": {"tags": ["x", "y"], "a/b": 0}, "is": false}), vec!["/a/phone"]),
            (json!({"a": {"phone": " ", "tags": ["y"]}}), vec!["/a/phone", "/a/tags/1", "/a/a~1b", "/is"]),
            (json!({"a": null, "is": false}), vec!["/a"]),
        ] {
            let mut found = unshown(&request(&listed), &request(&read));
            let mut expected: Vec<_> = expected.into_iter().map(str::to_owned).collect();
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{read}");
        }
        assert!(unshown(&Request::partial(listed.to_string()), &Request::partial("{}".to_owned())).is_empty());
    }
}
