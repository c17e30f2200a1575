//! Headers that carry a secret, and headers that must say one thing.

use base64ct::{Base64, Encoding as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::http::Redactor;
use crate::source::ReadError;
use crate::text::shortened_line;

/// How many characters of a value are shown.
const VALUE_SHOWN: usize = 60;

/// The value of a header that must not be shown.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, ReadError> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| "the token holds characters that no HTTP header can".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// A user and a password by RFC 7617. The encoding hides neither, so the result is redacted too.
pub(super) fn basic_value(user: &str, password: &str, redactor: &Redactor) -> Result<HeaderValue, ReadError> {
    let pair = Base64::encode_string(format!("{user}:{password}").as_bytes());
    let value = sensitive(&format!("Basic {pair}"))?;
    redactor.add(pair.into());
    Ok(value)
}

/// The value of a header that has one meaning. Whoever sends it twice must mean the same both times: to take the first
/// would be a guess.
///
/// # Errors
/// If it says two different things.
pub(super) fn said_once<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h HeaderValue>, String> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    let Some((first, other)) = first.and_then(|first| Some((first, values.find(|other| *other != first)?))) else {
        return Ok(first);
    };
    let [first, other] =
        [first, other].map(|value| shortened_line(&String::from_utf8_lossy(value.as_bytes()), VALUE_SHOWN));
    Err(format!(
        "its `{name}` header says two things, {first:?} and {other:?}; correct the server, or the proxy before it"
    ))
}
