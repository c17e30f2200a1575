//! Whether an event comes from the sender that the settings name: keyed hashes, Standard Webhooks, bearer tokens, and
//! the `clientState` of Microsoft Graph. It decides only by its arguments.
//!
//! Codes and tokens are compared in constant time.

use std::fmt;
use std::time::Duration;

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use hmac::{Hmac as Mac, KeyInit, Mac as _};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use serde::Deserialize;
use sha2::{Sha256, Sha512};

use crate::config::serve::{Hash, Hmac, Part, Verification};
use crate::plan::Digest;

/// The fewest characters of a secret. Anybody who can reach the port may try as many secrets as they like.
const SHORTEST_SECRET: usize = 16;
/// The prefix of the secrets of Standard Webhooks.
const STANDARD_PREFIX: &str = "whsec_";
/// A number above this counts milliseconds since 1970, not seconds.
const MOST_SECONDS: i64 = 100_000_000_000;
/// The longest id of an event that is kept as it is.
const LONGEST_ID: usize = 128;

/// Verifies the events of one sender.
pub struct Verifier {
    verification: Verification,
    key: SecretBox<[u8]>,
}

/// What identifies an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Sent once, or again by a sender who got no answer: the same one never counts twice.
    Once(String),
    /// The same event may be sent again on purpose, with nothing that tells the two apart.
    Content(String),
}

/// Why an event is refused. The sender does not learn the reason.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header is missing or repeated, or cannot be read.
    #[error("the header {0} is missing, repeated or unreadable")]
    Header(String),
    /// Nobody who knows the secret signed it.
    #[error("the signature or the token is not right")]
    Wrong,
    /// The clocks differ, or somebody replays an old event.
    #[error("it was sent at {0}, too long ago or too far ahead of this machine's clock")]
    Time(Timestamp),
    /// It is not a body that such a sender sends.
    #[error("its body is not what Microsoft Graph sends: {0}")]
    Body(&'static str),
}

impl Verifier {
    /// Takes the secret.
    ///
    /// # Errors
    /// If it is too short, or not a secret of that scheme; the message does not show it.
    pub fn new(verification: Verification, secret: &SecretString) -> Result<Self, String> {
        let text = secret.expose_secret();
        let key = match verification {
            Verification::StandardWebhooks { .. } => {
                let encoded = text.strip_prefix(STANDARD_PREFIX).unwrap_or(text).trim_end_matches('=');
                Base64Unpadded::decode_vec(encoded)
                    .map_err(|_| "its secret is not one of Standard Webhooks: whsec_ and base64".to_owned())?
            }
            _ => text.as_bytes().to_vec(),
        };
        if key.len() < SHORTEST_SECRET {
            return Err(format!(
                "its secret has {} characters; take one of at least {SHORTEST_SECRET}, such as `openssl rand -hex 32` prints",
                key.len()
            ));
        }
        Ok(Self { verification, key: SecretBox::new(key.into_boxed_slice()) })
    }

    /// Whether it answers the handshake of Microsoft Graph.
    #[must_use]
    pub fn shakes_hands(&self) -> bool {
        matches!(self.verification, Verification::MicrosoftGraph)
    }

    /// Whether this is an event of the sender.
    ///
    /// # Errors
    /// If it is not, or that cannot be verified.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Identity, Refusal> {
        match &self.verification {
            Verification::Hmac(hmac) => self.hmac(hmac, headers, body, now),
            Verification::StandardWebhooks { tolerance } => self.standard(*tolerance, headers, body, now),
            Verification::Bearer => {
                let value = one(headers, AUTHORIZATION.as_str())?;
                let token = bearer(value).ok_or(Refusal::Wrong)?;
                if !same(self.key.expose_secret(), token.as_bytes()) {
                    return Err(Refusal::Wrong);
                }
                Ok(by_content(&[body]))
            }
            Verification::MicrosoftGraph => self.graph(body),
        }
    }

    fn hmac(&self, hmac: &Hmac, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Identity, Refusal> {
        let Hmac { hash, header, signed, timestamp, tolerance } = hmac;
        let timestamp =
            timestamp.as_ref().map(|name| one(headers, name.as_str()).map(|value| (name, value))).transpose()?;
        let time_text = timestamp.map_or("", |(_, value)| value);
        let parts: Vec<&[u8]> = signed
            .iter()
            .map(|part| match part {
                Part::Body => body,
                Part::Timestamp => time_text.as_bytes(),
                Part::Text(text) => text.as_bytes(),
            })
            .collect();
        let code = one(headers, header.as_str())?;
        let key = self.key.expose_secret();
        let is_right = match hash {
            Hash::Sha256 => is_code::<Mac<Sha256>>(key, &parts, code, "sha256", 32),
            Hash::Sha512 => is_code::<Mac<Sha512>>(key, &parts, code, "sha512", 64),
        };
        if !is_right {
            return Err(Refusal::Wrong);
        }
        match timestamp {
            None => Ok(by_content(&[body])),
            Some((name, value)) => {
                let sent = time(value).ok_or_else(|| Refusal::Header(name.to_string()))?;
                in_time(sent, now, *tolerance)?;
                Ok(Identity::Once(hashed(&parts)))
            }
        }
    }

    fn standard(
        &self,
        tolerance: Duration,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Identity, Refusal> {
        let [id, sent, codes] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| one(headers, name));
        let (id, sent, codes) = (id?, sent?, codes?);
        let parts = [id.as_bytes(), b".", sent.as_bytes(), b".", body];
        let key = self.key.expose_secret();
        let mut codes = codes.split(' ').filter_map(|code| code.strip_prefix("v1,"));
        if !codes.any(|code| is_code::<Mac<Sha256>>(key, &parts, code, "", 32)) {
            return Err(Refusal::Wrong);
        }
        let seconds = sent.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        in_time(seconds.ok_or_else(|| Refusal::Header("webhook-timestamp".to_owned()))?, now, tolerance)?;
        let is_short = id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
        Ok(Identity::Once(if is_short { id.to_owned() } else { hashed(&[id.as_bytes()]) }))
    }

    /// Every notification of a collection must hold the state that the subscription was made with.
    fn graph(&self, body: &[u8]) -> Result<Identity, Refusal> {
        #[derive(Deserialize)]
        struct Collection {
            value: Vec<Notification>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Notification {
            client_state: Option<String>,
        }
        let Collection { value } =
            serde_json::from_slice(body).map_err(|_| Refusal::Body("it is not a collection of notifications"))?;
        if value.is_empty() {
            return Err(Refusal::Body("it has no notifications"));
        }
        let is_ours = |Notification { client_state }: &Notification| {
            client_state.as_ref().is_some_and(|state| same(self.key.expose_secret(), state.as_bytes()))
        };
        if !value.iter().all(is_ours) {
            return Err(Refusal::Wrong);
        }
        Ok(by_content(&[body]))
    }
}

/// Nothing of the secret.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("verification", &self.verification).finish_non_exhaustive()
    }
}

/// Whether two secrets are equal, in constant time.
#[must_use]
pub(super) fn same(secret: &[u8], given: &[u8]) -> bool {
    let code = |key: &[u8]| {
        let Ok(mut mac) = <Mac<Sha256> as KeyInit>::new_from_slice(key) else {
            unreachable!("HMAC takes keys of any length")
        };
        // HMAC fills a short key up with zeros, so the length must be hashed too.
        mac.update(&(key.len() as u64).to_le_bytes());
        mac
    };
    code(secret).verify_slice(&code(given).finalize().into_bytes()).is_ok()
}

/// The token of an `Authorization` header.
#[must_use]
pub(super) fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_code<M: KeyInit + hmac::Mac>(key: &[u8], parts: &[&[u8]], code: &str, name: &str, length: usize) -> bool {
    let Some(code) = decoded(code.trim(), name, length) else { return false };
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return false };
    parts.iter().for_each(|part| mac.update(part));
    mac.verify_slice(&code).is_ok()
}

/// A code in hex or base64, with or without the name of its hash before it.
fn decoded(code: &str, name: &str, length: usize) -> Option<Vec<u8>> {
    let named = code.get(..name.len()).filter(|start| !name.is_empty() && start.eq_ignore_ascii_case(name));
    let code = match named {
        Some(_) => code[name.len()..].strip_prefix(['=', ' '])?,
        None => code,
    };
    if code.len() == 2 * length && code.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let digits = |at: usize| u8::from_str_radix(code.get(at..at + 2)?, 16).ok();
        return (0..length).map(|index| digits(2 * index)).collect();
    }
    let bytes = Base64::decode_vec(code).or_else(|_| Base64Unpadded::decode_vec(code)).ok()?;
    (bytes.len() == length).then_some(bytes)
}

/// The value of a header that appears exactly once.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let (value, more) = (values.next(), values.next());
    let text = value.filter(|_| more.is_none()).and_then(|value| value.to_str().ok());
    text.map(str::trim).filter(|text| !text.is_empty()).ok_or_else(|| Refusal::Header(name.to_owned()))
}

/// Seconds or milliseconds since 1970, or a date and a time as RFC 3339 writes them.
fn time(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(number) if number > MOST_SECONDS => Timestamp::from_millisecond(number).ok(),
        Ok(number) => Timestamp::from_second(number).ok(),
        Err(_) => text.parse().ok(),
    }
}

fn in_time(sent: Timestamp, now: Timestamp, tolerance: Duration) -> Result<(), Refusal> {
    let tolerance = SignedDuration::try_from(tolerance).unwrap_or(SignedDuration::MAX);
    if now.duration_since(sent).abs() > tolerance { Err(Refusal::Time(sent)) } else { Ok(()) }
}

fn by_content(parts: &[&[u8]]) -> Identity {
    Identity::Content(hashed(parts))
}

fn hashed(parts: &[&[u8]]) -> String {
    Digest::of(&parts.concat()).hex()
}

#[cfg(test)]
mod tests;
