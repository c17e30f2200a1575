//! How a value that was sent differs from what a service holds afterwards. Pure functions over raw JSON.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::stored::compact;
use crate::text::shortened;

/// Whether a value says "no value": null, or an empty text, list or object.
pub(super) fn is_empty(raw: &RawValue) -> bool {
    let inner = |open, close| raw.get().strip_prefix(open)?.strip_suffix(close);
    let inner = inner('"', '"').or_else(|| inner('[', ']')).or_else(|| inner('{', '}'));
    raw.get() == "null" || inner.is_some_and(|inner| inner.trim().is_empty())
}

/// How a value that was sent is held, if it is not as it was sent and the server `may` not have moved it on.
pub(super) fn loss(
    name: &str,
    sent: &RawValue,
    held: Option<&RawValue>,
    may: impl Fn(&serde_json::Value, &serde_json::Value) -> bool,
) -> Option<String> {
    let Some(held) = held.filter(|held| !is_empty(held)) else {
        return (!is_empty(sent)).then(|| format!("{name} is gone, it was {}", excerpt(sent)));
    };
    let parse = |raw: &RawValue| serde_json::from_str::<serde_json::Value>(raw.get());
    let is_same = match (parse(sent), parse(held)) {
        (Ok(then), Ok(now)) => then == now || may(&then, &now),
        // Such as a number that is beyond what a float holds.
        _ => compact(sent.get()) == compact(held.get()),
    };
    if is_same || is_empty(sent) {
        return None;
    }
    Some(format!("{name} is {}, not {}", excerpt(held), excerpt(sent)))
}

/// Whether a server may have moved a value on by itself: a number that grew, or a time that became later, such as that of
/// the last change.
pub(super) fn counts_upwards(then: &serde_json::Value, now: &serde_json::Value) -> bool {
    let time = |value: &serde_json::Value| value.as_str()?.parse::<jiff::Timestamp>().ok();
    match (then.as_f64(), now.as_f64()) {
        (Some(then), Some(now)) => now > then,
        _ => matches!((time(then), time(now)), (Some(then), Some(now)) if now > then),
    }
}

/// The start of a value, for a report.
fn excerpt(raw: &RawValue) -> Cow<'_, str> {
    const SHOWN: usize = 80;
    shortened(raw.get(), SHOWN)
}
