//! `[schedule]`, `[serve]` and `[[webhook]]`: when `serve` runs, where it listens, and whose events it accepts.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::Time;
use reqwest::header::HeaderName;

use super::ConfigError;
use crate::setting::section::Section;
use crate::setting::{Secret, SecretShape};
use crate::strict_json::Pointer;

/// The default address of `serve`.
const LISTEN: &str = "127.0.0.1:8600";
/// The default time that `serve` waits for more events.
const DEBOUNCE: Duration = Duration::from_secs(10);
/// The default for how far a sender's clock may be off; from Standard Webhooks.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// The default for how many events of one webhook are accepted in a second.
const MOST_A_SECOND: u64 = 500;
/// The longest time that a setting may give.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// The paths of `serve` itself.
const OWN_PATHS: [&str; 5] = ["/", "/plan", "/healthz", "/readyz", "/metrics"];

/// `[schedule]`: when `serve` runs without being asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// When.
    pub when: When,
    /// Each run begins up to this much later, so that many customers do not ask one server at the same moment.
    pub jitter: Duration,
}

/// The times of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// So long after the last run began.
    Every(Duration),
    /// At these times of the day by `[scope] time_zone`, ascending.
    At(Vec<Time>),
}

/// `[serve]`
#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How long it waits for more events after the first one.
    pub debounce: Duration,
    /// The token for readers of the page and of the metrics.
    pub token: Option<Secret>,
    /// The certificate chain and its key, in PEM.
    pub tls: Option<TlsFiles>,
}

/// The certificate chain and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `tls_cert`
    pub certificate: PathBuf,
    /// `tls_key`
    pub key: PathBuf,
}

/// `[[webhook]]`: one sender of events.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Its name in messages and metrics.
    pub name: String,
    /// Where it sends its events.
    pub path: String,
    /// How its events are verified.
    pub verify: Verification,
    /// The secret that it shares with us.
    pub secret: Secret,
    /// Where the body names the people; `*` means every element of a list. Without it, an event concerns everybody.
    pub(crate) ids: Option<Pointer>,
    /// How many events are accepted in a second.
    pub most_a_second: u64,
    /// The status of the answer to an accepted event.
    pub answer: u16,
}

impl WebhookSettings {
    /// How long an event can come again as it is: its signed time may lie ahead and behind by the tolerance. Senders also
    /// repeat events for which they got no answer, so it is ten minutes at least.
    #[must_use]
    pub fn repeatable(&self) -> SignedDuration {
        let tolerance = match &self.verify {
            Verification::Hmac(Hmac { tolerance, .. }) | Verification::StandardWebhooks { tolerance } => *tolerance,
            Verification::Bearer | Verification::MicrosoftGraph => TOLERANCE,
        };
        SignedDuration::try_from(2 * tolerance.max(TOLERANCE)).unwrap_or(SignedDuration::MAX)
    }
}

/// How an event proves where it comes from.
#[derive(Debug, Clone)]
pub enum Verification {
    /// A keyed hash of the body, in a header.
    Hmac(Hmac),
    /// The scheme of <https://www.standardwebhooks.com>.
    StandardWebhooks {
        /// How far its timestamp may be off.
        tolerance: Duration,
    },
    /// The secret itself, as a bearer token.
    Bearer,
    /// `clientState` in the body, after a handshake.
    MicrosoftGraph,
}

/// A keyed hash in a header.
#[derive(Debug, Clone)]
pub struct Hmac {
    /// Which hash.
    pub hash: Hash,
    /// The header with the code.
    pub(crate) header: HeaderName,
    /// What is hashed.
    pub signed: Vec<Part>,
    /// The header with the time at which it was sent.
    pub(crate) timestamp: Option<HeaderName>,
    /// How far that may be off.
    pub tolerance: Duration,
}

/// The hash of a keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256
    Sha256,
    /// SHA-512
    Sha512,
}

/// A part of what is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// `{body}`
    Body,
    /// `{timestamp}`: the text of the header.
    Timestamp,
    /// Anything else.
    Text(String),
}

/// `[schedule]`; without it, only events start runs.
pub(super) fn schedule(root: &Section<'_>) -> Result<Option<ScheduleSettings>, ConfigError> {
    if !root.has("schedule") {
        return Ok(None);
    }
    let section = root.section("schedule", "[schedule]")?.only(&["every", "at", "jitter"])?;
    let when = match (bounded(&section, "every")?, section.texts("at")?) {
        (Some(_), Some(_)) => return Err(section.problem("at", "does not go with `every`; give one of them")),
        (None, None) => {
            return Err(section.missing("every", "such as \"3h\", or `at`, such as [\"06:00\", \"12:00\"]"));
        }
        (Some(every), None) if every < Duration::from_secs(60) => {
            return Err(section.problem("every", "must be at least \"1m\": each run reads every list and all users"));
        }
        (Some(every), None) => When::Every(every),
        (None, Some(times)) => When::At(times_of_day(&section, &times)?),
    };
    let jitter = bounded(&section, "jitter")?.unwrap_or_default();
    if let When::Every(every) = when
        && jitter > every
    {
        return Err(section.problem("jitter", "must not be longer than `every`"));
    }
    Ok(Some(ScheduleSettings { when, jitter }))
}

fn times_of_day(section: &Section<'_>, texts: &[String]) -> Result<Vec<Time>, ConfigError> {
    let time = |text: &String| {
        let digits = |part: &str, most: i8| {
            let number = part.parse::<i8>().ok().filter(|number| (0..=most).contains(number));
            number.filter(|_| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let read = text.split_once(':').and_then(|(hour, minute)| Some((digits(hour, 23)?, digits(minute, 59)?)));
        let read = read.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok());
        read.ok_or_else(|| {
            section.problem("at", "must hold times of the day such as \"06:00\", from \"00:00\" to \"23:59\"")
        })
    };
    let times = texts.iter().map(time).collect::<Result<BTreeSet<_>, _>>()?;
    if times.is_empty() {
        return Err(section.problem("at", "is empty; give at least one time, such as \"06:00\""));
    }
    if times.len() < texts.len() {
        return Err(section.problem("at", "holds the same time twice"));
    }
    Ok(times.into_iter().collect())
}

/// `[serve]`
pub(super) fn serve(root: &Section<'_>) -> Result<ServeSettings, ConfigError> {
    let section = root.section("serve", "[serve]")?.only(&[
        "listen",
        "debounce",
        "token_env",
        "token_file",
        "token_command",
        "tls_cert",
        "tls_key",
        "plain_http",
    ])?;
    let text = section.text("listen")?.unwrap_or(LISTEN);
    let listen: SocketAddr = text.trim().parse().map_err(|_| {
        section.problem("listen", "must be an IP address and a port, such as \"127.0.0.1:8600\" or \"[::]:8600\"")
    })?;
    let what = "the token for readers of the page and of the metrics";
    let token = Secret::from_section(&section, "token", what, SecretShape::Key)?;
    let tls = match (section.path("tls_cert")?, section.path("tls_key")?) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        (Some(_), None) => return Err(section.problem("tls_cert", "needs `tls_key`, the key of that certificate")),
        (None, Some(_)) => return Err(section.problem("tls_key", "needs `tls_cert`, the certificate of that key")),
    };
    let plain_http = section.flag("plain_http")?.unwrap_or(false);
    if plain_http && tls.is_some() {
        return Err(section.problem("plain_http", "does not go with `tls_cert`"));
    }
    if !listen.ip().is_loopback() {
        if token.is_none() {
            let problem = "is an address that other machines can reach: that needs `token_env`, `token_file` or \
                           `token_command`, because the page shows personal data";
            return Err(section.problem("listen", problem));
        }
        if tls.is_none() && !plain_http {
            let problem = "is an address that other machines can reach: that needs `tls_cert` and `tls_key`, or \
                           `plain_http = true` if something in front of it does TLS";
            return Err(section.problem("listen", problem));
        }
    }
    Ok(ServeSettings { listen, debounce: bounded(&section, "debounce")?.unwrap_or(DEBOUNCE), token, tls })
}

/// `[[webhook]]`
pub(super) fn webhooks(root: &Section<'_>) -> Result<Vec<WebhookSettings>, ConfigError> {
    let mut found: Vec<WebhookSettings> = Vec::new();
    for section in root.sections("webhook", "[[webhook]]")? {
        let webhook = webhook(section.clone())?;
        if found.iter().any(|other| other.name == webhook.name) {
            return Err(section.problem("name", "is the name of another [[webhook]], too"));
        }
        if found.iter().any(|other| other.path == webhook.path) {
            return Err(section.problem("path", "is the path of another [[webhook]], too"));
        }
        found.push(webhook);
    }
    Ok(found)
}

fn webhook(section: Section<'_>) -> Result<WebhookSettings, ConfigError> {
    let name = section.required("name", "what messages and metrics call it, such as \"hr\"")?.trim().to_owned();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.chars().all(is_plain) || name.len() > 64 {
        return Err(section.problem("name", "must be up to 64 letters, digits, - and _"));
    }
    let section = section.named(format!("[[webhook]] `{name}`")).only(&[
        "name",
        "path",
        "verify",
        "header",
        "signed",
        "timestamp_header",
        "tolerance",
        "secret_env",
        "secret_file",
        "secret_command",
        "ids",
        "max_per_second",
        "answer",
    ])?;
    let path = section.required("path", "where it sends its events, such as \"/hr\"")?.trim().to_owned();
    let is_path = |c: char| c.is_ascii_alphanumeric() || "-_./~".contains(c);
    if !path.starts_with('/') || !path.chars().all(is_path) || path.len() > 200 {
        return Err(section.problem("path", "must be a path such as \"/hr\": letters, digits and -_./~"));
    }
    if OWN_PATHS.contains(&&*path) {
        return Err(section.problem("path", "is a path of `serve` itself; choose another one"));
    }
    let secret = Secret::from_section(&section, "secret", "the secret of the webhook", SecretShape::Key)?;
    let secret = secret.ok_or_else(|| {
        section.missing("secret_env", "the environment variable with its secret (or `secret_file`, `secret_command`)")
    })?;
    Ok(WebhookSettings {
        verify: verification(&section)?,
        ids: section.pointer("ids")?,
        most_a_second: section.number("max_per_second", 1..=100_000)?.unwrap_or(MOST_A_SECOND),
        answer: answer(&section)?,
        name,
        path,
        secret,
    })
}

/// The status that its sender treats as success.
fn answer(section: &Section<'_>) -> Result<u16, ConfigError> {
    let answer = section.number("answer", 200..=204)?.and_then(|answer| u16::try_from(answer).ok());
    match answer {
        None => Ok(202),
        Some(answer @ (200 | 202 | 204)) => Ok(answer),
        Some(_) => Err(section.problem("answer", "must be 200, 202 or 204")),
    }
}

/// The words of `verify`.
#[derive(Clone, Copy)]
enum Scheme {
    Hmac(Hash),
    Standard,
    Bearer,
    Graph,
}

fn verification(section: &Section<'_>) -> Result<Verification, ConfigError> {
    let words = [
        ("hmac-sha256", Scheme::Hmac(Hash::Sha256)),
        ("hmac-sha512", Scheme::Hmac(Hash::Sha512)),
        ("standard-webhooks", Scheme::Standard),
        ("bearer", Scheme::Bearer),
        ("microsoft-graph", Scheme::Graph),
    ];
    let scheme = section.word("verify", &words)?.ok_or_else(|| {
        section.missing("verify", "how its events prove where they come from, such as \"hmac-sha256\"")
    })?;
    let only_hmac = ["header", "signed", "timestamp_header"];
    if !matches!(scheme, Scheme::Hmac(_))
        && let Some(key) = only_hmac.into_iter().find(|key| section.has(key))
    {
        return Err(section.problem(key, "goes with `verify = \"hmac-sha256\"` and \"hmac-sha512\" only"));
    }
    let has_time = match scheme {
        Scheme::Hmac(_) => section.has("timestamp_header"),
        Scheme::Standard => true,
        Scheme::Bearer | Scheme::Graph => false,
    };
    if section.has("tolerance") && !has_time {
        return Err(section.problem("tolerance", "needs a timestamp: `timestamp_header`, or Standard Webhooks"));
    }
    let tolerance = bounded(section, "tolerance")?.unwrap_or(TOLERANCE);
    Ok(match scheme {
        Scheme::Standard => Verification::StandardWebhooks { tolerance },
        Scheme::Bearer => Verification::Bearer,
        Scheme::Graph => Verification::MicrosoftGraph,
        Scheme::Hmac(hash) => {
            let header = header(section, "header")?
                .ok_or_else(|| section.missing("header", "which holds the signature, such as \"X-Signature\""))?;
            let timestamp = self::header(section, "timestamp_header")?;
            let signed = match section.text("signed")? {
                None => vec![Part::Body],
                Some(text) => parts(text).map_err(|problem| section.problem("signed", problem))?,
            };
            if signed.contains(&Part::Timestamp) != timestamp.is_some() {
                let problem = "and `timestamp_header` go together: a time that is not signed proves nothing, so that \
                               `signed` must hold {timestamp}, as in \"{body}{timestamp}\"";
                return Err(section.problem("signed", problem));
            }
            Verification::Hmac(Hmac { hash, header, signed, timestamp, tolerance })
        }
    })
}

fn header(section: &Section<'_>, key: &str) -> Result<Option<HeaderName>, ConfigError> {
    let Some(text) = section.text(key)? else { return Ok(None) };
    let name = HeaderName::try_from(text.trim());
    name.map(Some).map_err(|_| section.problem(key, "is not the name of an HTTP header, such as \"X-Signature\""))
}

/// The parts of what is signed.
fn parts(text: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, named)) = rest.split_once('{') {
        let (name, after) = named.split_once('}').ok_or("has a { without its }")?;
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(match name {
            "body" => Part::Body,
            "timestamp" => Part::Timestamp,
            _ => return Err("may hold {body} and {timestamp}, and nothing else in braces"),
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    if parts.iter().filter(|part| **part == Part::Body).count() != 1 {
        return Err("must hold {body} once");
    }
    Ok(parts)
}

/// A duration of at most a month.
fn bounded(section: &Section<'_>, key: &str) -> Result<Option<Duration>, ConfigError> {
    let duration = section.duration(key)?;
    match duration {
        Some(duration) if duration > LONGEST => Err(section.problem(key, "must be at most \"744h\", a month")),
        duration => Ok(duration),
    }
}
