//! How a source sends requests, to its own server and to the token server: the settings that both share, and the
//! messages for requests that fail.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Certificate;
use url::Url;

use crate::http::{self, Failure, Redactor, Transport};
use crate::setting::quoting::{length, may_be_secret};
use crate::source::ReadError;

/// The largest page that is read, in bytes; a larger one is an error.
const LARGEST_PAGE: usize = 64 * 1024 * 1024;

/// The settings and secrets that requests to any server of a source need.
pub(super) struct Carriage {
    pub(super) requests_per_second: u32,
    pub(super) retries: u32,
    /// The CA certificates for a server, instead of the system's.
    pub(super) authorities: Option<Vec<Certificate>>,
    /// How long one request may take.
    pub(super) timeout: Duration,
    pub(super) redactor: Arc<Redactor>,
}

impl Carriage {
    pub(super) fn redactor(&self) -> &Arc<Redactor> {
        &self.redactor
    }

    /// `words` finds what a body says of an error.
    pub(super) fn transport(&self, url: &Url, words: fn(&[u8]) -> Option<String>) -> Result<Transport, ReadError> {
        let options = http::Options {
            url: url.clone(),
            max_in_flight: 1,
            requests_per_second: self.requests_per_second,
            timeout: self.timeout,
            retries: self.retries,
            largest_answer: LARGEST_PAGE,
            authorities: self.authorities.clone(),
            trust: http::Trust::CaFile(self.authorities.is_some()),
            words,
            redactor: Arc::clone(&self.redactor),
        };
        Transport::new(options).map_err(|problem| format!("cannot set up HTTPS: {problem}").into())
    }
}

/// What to do about a status.
pub(super) fn hint(status: u16) -> &'static str {
    match status {
        404 => "; check url",
        405 | 415 => "; check method, body and headers",
        400 | 406 | 422 => "; check url and its parameters",
        _ => "",
    }
}

/// An address without its query, which may name people, and without the parts of its path that may be a secret.
pub(in crate::source) fn place(url: &Url) -> String {
    let part = |part| if may_be_secret(part) { format!("[{}]", length(part)) } else { part.to_owned() };
    let path: Vec<String> = url.path().split('/').map(part).collect();
    format!("{}{}", url.origin().ascii_serialization(), path.join("/"))
}

/// Why there is no answer, and what to do about it.
pub(super) fn no_answer(failure: &Failure) -> String {
    let (what, problem) = match failure {
        Failure::NotSent { problem, again: _ } => ("it did not take the request", problem.as_str()),
        Failure::Unclear { problem, again: _ } => ("no usable answer", problem.as_str()),
        Failure::Stopped { .. } | Failure::Late => ("no answer", "the run was ended"),
    };
    let advice = if problem.contains("is not JSON") { "; is this the address of the API?" } else { "" };
    format!("{what}: {problem}{advice}")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_path_of_an_address_is_only_counted() {
        for (url, expected) in [
            ("https://hr.example/oauth2/v2.0/token?q=1", "https://hr.example/oauth2/v2.0/token"),
            ("https://hr.example", "https://hr.example/"),
            (
                "http://127.0.0.1:1/a/sk_live_51Hq7ZpW3xVb9TmR2yLd8JhN5cGf4SaE6u/b",
                "http://127.0.0.1:1/a/[42 characters]/b",
            ),
            ("https://hr.example/73%6b%5f%6c%69%76%65", "https://hr.example/[20 characters]"),
        ] {
            assert_eq!(place(&Url::parse(url).unwrap()), expected);
        }
    }
}
