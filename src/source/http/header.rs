//! Headers that carry a secret.

use base64ct::{Base64, Encoding as _};
use reqwest::header::HeaderValue;

use crate::http::Redactor;
use crate::source::ReadError;

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
