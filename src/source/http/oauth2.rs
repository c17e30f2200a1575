//! OAuth 2 tokens for client credentials (RFC 6749, section 4.4). A token is fetched when needed, and again if it
//! expires in the middle of a long list.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::carriage::{Carriage, hint, no_answer, place};
use super::header::{basic_value, sensitive};
use crate::http::{Repeat, Request, Transport, Wants};
use crate::setting::section::Section;
use crate::setting::{ConfigError, Secret, SecretShape, secure_url};
use crate::source::ReadError;

/// A token is not used this shortly before it expires: it could expire on the way.
const LAST_MOMENTS: Duration = Duration::from_secs(30);

/// `[source.auth]` with `kind = "oauth2"`.
#[derive(Debug, Clone)]
pub(super) struct OAuth2 {
    token_url: Url,
    client_id: String,
    client_secret: Secret,
    client_auth: ClientAuth,
    /// Scope, audience and other parameters, in the order of the settings.
    parameters: Vec<(String, String)>,
}

/// Where the client's credentials go in the request for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientAuth {
    Basic,
    Body,
}

/// Where tokens come from, and the one in use.
pub(super) struct TokenServer {
    transport: Transport,
    url: Url,
    headers: HeaderMap,
    body: SecretString,
    token: Option<Token>,
}

struct Token {
    header: HeaderValue,
    ends: Option<Instant>,
    /// Whether the server has accepted it once.
    worked: bool,
}

/// A longer answer holds no token. Looking for a very long secret in all that is shown would take too long.
const MOST_BYTES: usize = 64 * 1024;

/// The needed part of the answer (RFC 6749, section 5.1).
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    token_type: Option<String>,
    /// A number; some servers write it as a text.
    expires_in: Option<serde_json::Value>,
    /// Others, which a server may give without being asked, such as a `refresh_token`.
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

impl OAuth2 {
    pub(super) const KEYS: &[&str] = &[
        "token_url",
        "client_id",
        "client_secret_env",
        "client_secret_file",
        "client_secret_command",
        "client_auth",
        "scope",
        "audience",
        "parameters",
    ];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let secret = Secret::from_section(section, "client_secret", "the secret of the client", SecretShape::Password)?;
        let client_secret =
            secret.ok_or_else(|| section.missing("client_secret_env", "the name of the environment variable with the secret of the client (or client_secret_file, or client_secret_command)"))?;
        let mut parameters = Vec::new();
        for key in ["scope", "audience"] {
            parameters.extend(section.text(key)?.map(|text| (key.to_owned(), text.to_owned())));
        }
        let more = section.section("parameters", &format!("`parameters` in {}", section.label()))?;
        for (name, value) in more.text_entries()? {
            if ["grant_type", "client_id", "client_secret", "scope", "audience"].contains(&name) {
                return Err(more.problem(name, "cannot be set here; it has a setting of its own"));
            }
            parameters.push((name.to_owned(), value.to_owned()));
        }
        let words = [("basic", ClientAuth::Basic), ("body", ClientAuth::Body)];
        Ok(Self {
            token_url: secure_url(section, "token_url", "the address that gives out tokens")?,
            client_id: section.required("client_id", "by which the server knows this client")?.to_owned(),
            client_secret,
            client_auth: section.word("client_auth", &words)?.unwrap_or(ClientAuth::Basic),
            parameters,
        })
    }

    pub(super) async fn open(&self, carriage: &Carriage) -> Result<TokenServer, ReadError> {
        let secret = self.client_secret.fetch().await?;
        let redactor = carriage.redactor();
        // RFC 6749, section 2.3.1: both are form-encoded before they become a user and a password.
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let encoded_secret = encoded(secret.expose_secret());
        redactor.add(secret.clone());
        redactor.add(encoded_secret.as_str().into());
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials").extend_pairs(&self.parameters);
        let mut headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("application/json")),
            (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
        ]);
        match self.client_auth {
            ClientAuth::Basic => {
                headers.insert(AUTHORIZATION, basic_value(&encoded(&self.client_id), &encoded_secret, redactor)?);
            }
            ClientAuth::Body => {
                form.append_pair("client_id", &self.client_id).append_pair("client_secret", secret.expose_secret());
            }
        }
        let body = form.finish().into();
        Ok(TokenServer {
            transport: carriage.transport(&self.token_url, refusal)?,
            url: self.token_url.clone(),
            headers,
            body,
            token: None,
        })
    }
}

/// What the body of an error says: the members of RFC 6749, section 5.2, and no others, which may be tokens.
#[expect(clippy::unnecessary_wraps, reason = "without words, the body would be shown")]
fn refusal(body: &[u8]) -> Option<String> {
    #[derive(Default, Deserialize)]
    struct Refusal {
        error: Option<String>,
        error_description: Option<String>,
    }
    let Refusal { error, error_description } = serde_json::from_slice(body).unwrap_or_default();
    let words: Vec<String> = [error, error_description].into_iter().flatten().collect();
    Some(if words.is_empty() { "no reason given".to_owned() } else { words.join(": ") })
}

impl TokenServer {
    /// The header with a valid token.
    pub(super) async fn header(&mut self) -> Result<HeaderValue, ReadError> {
        let good = self.token.take().filter(|token| token.ends.is_none_or(|ends| Instant::now() < ends));
        let token = match good {
            Some(token) => token,
            None => self.fetch().await?,
        };
        let header = token.header.clone();
        self.token = Some(token);
        Ok(header)
    }

    /// Records how the server answered the token, and returns whether the answer counts. If a token that worked before
    /// is refused, the answer does not count, because the token may have expired early.
    pub(super) fn settle(&mut self, status: StatusCode) -> bool {
        let Some(token) = &mut self.token else { return true };
        if status == StatusCode::UNAUTHORIZED && token.worked {
            self.token = None;
            return false;
        }
        token.worked |= status.is_success();
        true
    }

    async fn fetch(&self) -> Result<Token, ReadError> {
        let request = Request {
            method: Method::POST,
            url: &self.url,
            headers: self.headers.clone(),
            body: Some(self.body.expose_secret()),
            // An additional token does no harm.
            repeat: Repeat::Always,
            wants: Wants::Json,
            may_begin_late: true,
            based_on: None,
        };
        let failed = |problem: String| format!("no token from {}: {problem}", place(&self.url));
        let answer = self.transport.send(&request).await.map_err(|failure| failed(no_answer(&failure)))?;
        if !answer.status.is_success() {
            let (status, words) = (answer.status.as_u16(), self.transport.words(&answer.body));
            let advice = match status {
                400 | 401 | 403 => "; check client_id, its secret, scope, and client_auth",
                status => hint(status),
            };
            return Err(failed(format!("it answers {status}: {words}{advice}")).into());
        }
        if answer.body.len() > MOST_BYTES {
            return Err(failed("its answer has more than 64 KiB, which no token has".to_owned()).into());
        }
        let TokenAnswer { access_token, token_type, expires_in, others } = serde_json::from_slice(&answer.body)
            .map_err(|_| failed("its answer holds no access_token; is token_url the right address?".to_owned()))?;
        let access_token = SecretString::from(access_token);
        let redactor = self.transport.redactor();
        redactor.add(access_token.clone());
        let others = others.iter().filter(|(name, _)| name.to_lowercase().ends_with("token"));
        others.filter_map(|(_, value)| value.as_str()).for_each(|secret| redactor.add(secret.into()));
        if let Some(kind) = token_type.filter(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            let kind = redactor.clean(&kind);
            return Err(
                failed(format!("it gives a token of type {kind:?}, and only bearer tokens are understood")).into()
            );
        }
        let seconds = expires_in.and_then(|value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()));
        let life = seconds.map(|seconds| Duration::from_secs(seconds.min(86_400)));
        // A token with a shorter life is used until the server refuses it.
        let ends = life.and_then(|life| life.checked_sub(LAST_MOMENTS)).map(|life| Instant::now() + life);
        Ok(Token { header: sensitive(&format!("Bearer {}", access_token.expose_secret()))?, ends, worked: false })
    }
}
