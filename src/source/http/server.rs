//! The server of a source: its address, its CA certificates, retries, and the meaning of its answers. All HTTP sources
//! share this.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Certificate, Method};
use url::Url;

use super::auth::{Auth, Credentials};
use super::carriage::{self, Carriage, hint, no_answer, place};
use crate::files::{LARGEST_LIST, Links, MOST_CERTIFICATES, read_regular};
use crate::http::{self, Answer, Repeat, Request, Transport, Wants};
use crate::setting::section::Section;
use crate::setting::{ConfigError, Secrets, secure_url};
use crate::source::{Conditions, ReadError};

/// The settings that all HTTP sources have.
#[derive(Debug, Clone)]
pub(in crate::source) struct Server {
    /// How messages call its section.
    label: String,
    pub(in crate::source) url: Url,
    auth: Auth,
    /// The CA certificates for the server, instead of the system's.
    ca_file: Option<PathBuf>,
    retries: u32,
    requests_per_second: u32,
    /// How long one request may take.
    request_timeout: Duration,
    secrets: Arc<Secrets>,
}

/// A server that is ready for requests.
pub(in crate::source) struct Connection {
    transport: Transport,
    credentials: Credentials,
    /// Whether requests carry no credentials; for messages.
    anonymous: bool,
    /// How many bytes the answers had so far.
    came: u64,
}

/// One request for records.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::source) struct Call {
    pub(in crate::source) url: Url,
    /// If there is a body, the request is a POST.
    pub(in crate::source) body: Option<String>,
}

impl Server {
    pub(in crate::source) const KEYS: &[&str] =
        &["url", "auth", "ca_file", "retries", "requests_per_second", "request_timeout"];

    pub(in crate::source) fn from_section(section: &Section<'_>, why: &str) -> Result<Self, ConfigError> {
        let mut url = secure_url(section, "url", why)?;
        url.set_fragment(None);
        let number = |key, range, default| {
            Ok::<_, ConfigError>(section.number(key, range)?.and_then(|n| u32::try_from(n).ok()).unwrap_or(default))
        };
        Ok(Self {
            label: section.label().to_owned(),
            url,
            auth: Auth::from_section(section)?,
            ca_file: section.path("ca_file")?,
            retries: number("retries", 0..=20, 5)?,
            requests_per_second: number("requests_per_second", 0..=100_000, 0)?,
            request_timeout: section.duration("request_timeout")?.unwrap_or(Duration::from_secs(60)),
            secrets: Arc::clone(section.secrets()),
        })
    }

    /// Reads the secrets and prepares the client; sends no request for records yet.
    pub(in crate::source) async fn connect(&self, conditions: &Conditions<'_>) -> Result<Connection, ReadError> {
        let carriage = Carriage {
            requests_per_second: self.requests_per_second,
            retries: self.retries,
            authorities: self.ca_file.as_ref().map(|path| authorities(path, &self.label)).transpose()?,
            timeout: self.request_timeout.min(conditions.timeout),
            redactor: Arc::clone(self.secrets.redactor()),
        };
        let credentials = self.auth.open(&carriage).await?;
        let anonymous = matches!(credentials, Credentials::None);
        Ok(Connection {
            transport: carriage.transport(&self.url, http::error_message)?,
            credentials,
            anonymous,
            came: 0,
        })
    }
}

impl Connection {
    /// Removes secrets from a text for people.
    pub(in crate::source) fn clean(&self, text: &str) -> String {
        self.transport.redactor().clean(text)
    }

    /// Requests records, and returns the answer with any status; see [`Self::good`].
    pub(in crate::source) async fn ask(&mut self, call: &Call, headers: &HeaderMap) -> Result<Answer, ReadError> {
        let Call { url, body } = call;
        loop {
            let mut headers = headers.clone();
            match &mut self.credentials {
                Credentials::None => None,
                Credentials::Fixed(name, value) => headers.insert(name.clone(), value.clone()),
                Credentials::Fetched(tokens) => headers.insert(reqwest::header::AUTHORIZATION, tokens.header().await?),
            };
            if body.is_some() && !headers.contains_key(CONTENT_TYPE) {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            let method = if body.is_some() { Method::POST } else { Method::GET };
            // Even a POST only reads here, so repeating it does no harm.
            let request = Request {
                method,
                url,
                headers,
                body: body.as_deref(),
                repeat: Repeat::Always,
                wants: Wants::Json,
                may_begin_late: true,
                based_on: None,
            };
            let answer = self.transport.send(&request).await;
            let answer = answer.map_err(|failure| format!("{}: {}", self.clean(&place(url)), no_answer(&failure)))?;
            if let Credentials::Fetched(tokens) = &mut self.credentials
                && !tokens.settle(answer.status)
            {
                continue;
            }
            self.came += answer.body.len() as u64;
            not_too_large(self.came)?;
            return Ok(answer);
        }
    }

    /// The answer, if its status means success.
    pub(in crate::source) fn good(&self, call: &Call, answer: Answer) -> Result<Answer, ReadError> {
        let Answer { status, headers, body } = &answer;
        let place = self.clean(&place(&call.url));
        let problem = match status.as_u16() {
            200 | 201 | 203 | 206 => return Ok(answer),
            code @ 200..=299 => format!("{place} answers {code}, which does not mean that the list is here"),
            300..=399 => {
                let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
                let there = location.and_then(|location| call.url.join(location).ok());
                let there = there.map_or_else(|| "nowhere".to_owned(), |url| self.clean(&carriage::place(&url)));
                format!("{place} redirects to {there}, and redirects are not followed: give the final address as url")
            }
            code @ (401 | 403) => {
                let words = self.transport.words(body);
                let advice = if self.anonymous {
                    "set the credentials in [source.auth]"
                } else {
                    "check what [source.auth] names, and what it may read"
                };
                format!("{place} refuses the credentials ({code}): {words}; {advice}")
            }
            code => format!("{place} answers {code}: {}{}", self.transport.words(body), hint(code)),
        };
        Err(problem.into())
    }
}

/// Bounds the memory for a list: for what is kept of its records, and for the names of its columns.
fn not_too_large(came: u64) -> Result<(), String> {
    if came <= LARGEST_LIST {
        return Ok(());
    }
    Err(format!("the answers up to here have more than {} GiB, which no list of people has", LARGEST_LIST >> 30))
}

/// The certificates in a file.
fn authorities(path: &Path, label: &str) -> Result<Vec<Certificate>, ReadError> {
    let wrong = |problem: String| {
        ReadError::Settings(ConfigError::Invalid(format!("`ca_file` in {label}: {} {problem}", path.display())))
    };
    let text = read_regular(path, MOST_CERTIFICATES, Links::Follow)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let certificates = Certificate::from_pem_bundle(&text).map_err(|_| wrong("is not in PEM".to_owned()))?;
    if certificates.is_empty() {
        return Err(wrong(
            "holds no certificate; it must be in PEM, beginning with -----BEGIN CERTIFICATE-----".to_owned(),
        ));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_size() {
        assert_eq!(not_too_large(LARGEST_LIST), Ok(()));
        assert!(not_too_large(LARGEST_LIST + 1).is_err_and(|problem| problem.contains("more than 2 GiB")));
    }
}
