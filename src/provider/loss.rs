//! Compares a value that was sent with the value that a service holds afterwards. Pure functions over raw JSON.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::stored::{Request, compact};
use crate::text::{printable, shortened};

/// Whether a value means "no value": null, or an empty text, list or object.
pub(super) fn is_empty(raw: &RawValue) -> bool {
    let inner = |open, close| raw.get().strip_prefix(open)?.strip_suffix(close);
    let inner = inner('"', '"').or_else(|| inner('[', ']')).or_else(|| inner('{', '}'));
    raw.get() == "null" || inner.is_some_and(|inner| inner.trim().is_empty())
}

/// How the held value differs from the one that was sent, unless `may` says that the server may have changed it itself.
pub(super) fn loss(
    name: &str,
    sent: &RawValue,
    held: Option<&RawValue>,
    may: impl Fn(&Value, &Value) -> bool,
) -> Option<String> {
    let Some(held) = held.filter(|held| !is_empty(held)) else {
        return (!is_empty(sent)).then(|| format!("{name} is gone, it was {}", excerpt(sent)));
    };
    let parse = |raw: &RawValue| serde_json::from_str::<Value>(raw.get());
    let is_same = match (parse(sent), parse(held)) {
        (Ok(then), Ok(now)) => then == now || may(&then, &now),
        // Such as a number that does not fit a float.
        _ => compact(sent.get()) == compact(held.get()),
    };
    if is_same || is_empty(sent) {
        return None;
    }
    Some(format!("{name} is {}, not {}", excerpt(held), excerpt(sent)))
}

/// Whether a server may have changed a value itself: a number that grew, or a time that became later, such as that of
/// the last change.
pub(super) fn counts_upwards(then: &Value, now: &Value) -> bool {
    let time = |value: &Value| value.as_str()?.parse::<jiff::Timestamp>().ok();
    match (then.as_f64(), now.as_f64()) {
        (Some(then), Some(now)) => now > then,
        _ => matches!((time(then), time(now)), (Some(then), Some(now)) if now > then),
    }
}

/// The JSON Pointers where one complete request has values and the other has none. A partial request is not compared:
/// it leaves the rest of the user alone.
#[must_use]
pub fn unshown(listed: &Request, read: &Request) -> Vec<String> {
    let parse = |request: &Request| serde_json::from_str(request.as_json()).unwrap_or_default();
    if listed.is_partial() || read.is_partial() || listed.as_json() == read.as_json() {
        return Vec::new();
    }
    let mut found = Vec::new();
    find_unshown("", &parse(listed), &parse(read), &mut found);
    found
}

fn find_unshown(at: &str, listed: &Value, read: &Value, found: &mut Vec<String>) {
    match (listed, read) {
        (Value::Object(members), read) if !read.is_null() => {
            for (name, value) in members {
                let token = name.replace('~', "~0").replace('/', "~1");
                find_unshown(&format!("{at}/{token}"), value, read.get(name).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(items), read) if !read.is_null() => {
            for (place, value) in items.iter().enumerate() {
                find_unshown(&format!("{at}/{place}"), value, read.get(place).unwrap_or(&Value::Null), found);
            }
        }
        (listed, read) if has_value(listed) && !has_value(read) => found.push(printable(at).into_owned()),
        _ => {}
    }
}

/// Whether a value contains anything but null and empty texts, lists and objects.
fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => items.iter().any(has_value),
        Value::Object(members) => members.values().any(has_value),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The start of a value, for a report.
fn excerpt(raw: &RawValue) -> Cow<'_, str> {
    const SHOWN: usize = 80;
    shortened(raw.get(), SHOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
