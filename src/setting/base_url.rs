//! URLs to which a key is sent: checked once, where they are read.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::http::is_loopback;

/// The base URL of an API: `https`, or `http` on this machine only; no credentials, no query, no fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    url: Url,
    /// Without a slash at its end.
    text: String,
}

/// Why a URL cannot be used. No message shows the URL, which may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It cannot be read.
    #[error("is not a URL: {0}")]
    Syntax(#[from] url::ParseError),
    /// It holds credentials.
    #[error("must not hold a user or a password; they have settings of their own")]
    Credentials,
    /// It has no host.
    #[error("names no host")]
    NoHost,
    /// The key would be sent unencrypted.
    #[error("must be https: plain http would show the key to the network; only 127.0.0.1 and localhost are exempt")]
    PlainHttp,
    /// Neither http nor https.
    #[error("must begin with https, not {0}")]
    Scheme(String),
    /// It is more than a base.
    #[error("must end with its path, without ? or #")]
    NotABase,
}

/// Reads a URL that holds no secret itself, and that sends none unencrypted.
pub(crate) fn secure(text: &str) -> Result<Url, UrlError> {
    let url = Url::parse(text)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    if url.host().is_none() {
        return Err(UrlError::NoHost);
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(UrlError::PlainHttp),
        other => Err(UrlError::Scheme(other.to_owned())),
    }
}

impl BaseUrl {
    /// Without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL itself.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl FromStr for BaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let url = secure(text)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(UrlError::NotABase);
        }
        let text = url.as_str().trim_end_matches('/').to_owned();
        // Read again, so that a slash at the end makes no difference.
        Ok(Self { url: Url::parse(&text)?, text })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_that_keep_the_key_secret() {
        for (url, expected) in [
            ("https://api.skovik.com/v1", Ok("https://api.skovik.com/v1")),
            ("https://api.skovik.com/v1/", Ok("https://api.skovik.com/v1")),
            ("http://127.0.0.1:8480/v1", Ok("http://127.0.0.1:8480/v1")),
            ("http://127.9.9.9/v1", Ok("http://127.9.9.9/v1")),
            ("http://[::1]:8480/", Ok("http://[::1]:8480")),
            ("http://localhost:8480", Ok("http://localhost:8480")),
            ("http://api.skovik.com/v1", Err(UrlError::PlainHttp)),
            ("http://localhost.example.com/v1", Err(UrlError::PlainHttp)),
            ("http://192.168.1.1/v1", Err(UrlError::PlainHttp)),
            ("http://0.0.0.0/v1", Err(UrlError::PlainHttp)),
            ("https://anna:pa55@api.skovik.com/v1", Err(UrlError::Credentials)),
            ("https://anna@api.skovik.com/v1", Err(UrlError::Credentials)),
            ("https://api.skovik.com/v1?key=pa55", Err(UrlError::NotABase)),
            ("https://api.skovik.com/v1#pa55", Err(UrlError::NotABase)),
            ("ftp://127.0.0.1/v1", Err(UrlError::Scheme("ftp".to_owned()))),
            ("file:///v1", Err(UrlError::NoHost)),
            ("api.skovik.com", Err(UrlError::Syntax(url::ParseError::RelativeUrlWithoutBase))),
        ] {
            let read = url.parse::<BaseUrl>();
            if let Err(error) = &read {
                assert!(!error.to_string().contains("pa55"), "{url}: {error}");
            }
            assert_eq!(read.as_ref().map(BaseUrl::as_str), expected.as_ref().copied(), "{url}");
        }
    }
}
