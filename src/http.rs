//! Requests over HTTP, tried again if that is safe. The clients of Skovik and of the sources share it.
//!
//! It knows no API: its callers decide what a status or a body means. It never follows a redirect, never sends a
//! request that no caller asked for, and never shows a secret that its [`Redactor`] knows. It never repeats a request
//! that may have been carried out, unless the caller says that this does no harm.

mod client;
mod error_messages;
mod errors_beside;
mod escapes;
mod failure;
mod gzip;
pub(crate) mod link;
mod part;
mod redactor;
mod retry;
mod spelling;
mod throttle;
mod tls;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::HeaderMap;
use reqwest::{Certificate, Method, Response, StatusCode};
use serde_json::value::RawValue;
use url::Url;

pub(crate) use error_messages::error_message;
pub(crate) use errors_beside::{errors_in, is_error, words_instead};
pub(crate) use failure::Failure;
pub(crate) use part::{is_part, is_whole};
pub(crate) use redactor::Redactor;
use throttle::{Throttle, Turn};
pub(crate) use tls::{Trust, tls_error, tls_words};

/// A wait that is longer than this is logged.
const WAIT_WORTH_TELLING: Duration = Duration::from_secs(3);

/// How old the read may be that a write is based on.
const FRESH: Duration = Duration::from_secs(2);

/// How requests are sent.
pub(crate) struct Options {
    /// An address of the server; requests may name others.
    pub(crate) url: Url,
    /// How many requests may be under way at once; at least one.
    pub(crate) max_in_flight: usize,
    /// How many requests may begin in a second; 0 for no limit.
    pub(crate) requests_per_second: u32,
    /// How long one request may take, from the connection to the end of the answer.
    pub(crate) timeout: Duration,
    /// How often a request is tried again, if that is safe.
    pub(crate) retries: u32,
    /// The largest answer, in bytes; a larger one is an error.
    pub(crate) largest_answer: usize,
    /// The CA certificates for the server, instead of the system's.
    pub(crate) authorities: Option<Vec<Certificate>>,
    /// Which setting can name CA certificates, if any; for advice.
    pub(crate) trust: Trust,
    /// Finds the message in the body of an error; without one, the start of the body is shown.
    pub(crate) words: fn(&[u8]) -> Option<String>,
    /// What must not be shown.
    pub(crate) redactor: Arc<Redactor>,
}

/// Sends requests. All of them share the limits of [`Options`], and one pause when the server asks for it.
pub(crate) struct Transport {
    client: reqwest::Client,
    throttle: Throttle,
    retries: u32,
    largest_answer: usize,
    trust: Trust,
    words: fn(&[u8]) -> Option<String>,
    redactor: Arc<Redactor>,
    may_write: OnceLock<MayWrite>,
}

/// Whether a request that changes something may leave now; the error says why not.
pub type MayWrite = Arc<dyn Fn() -> std::io::Result<()> + Send + Sync>;

/// One request.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<&'a str>,
    pub(crate) repeat: Repeat,
    pub(crate) wants: Wants,
    /// Whether it may leave after waits were ended.
    pub(crate) may_begin_late: bool,
    /// When what it is based on was read. It leaves before this is old, and otherwise ends as [`Failure::Late`].
    pub(crate) based_on: Option<Instant>,
}

/// When a request may be sent again without asking its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Whenever that may help: the request changes nothing.
    Always,
    /// Only if the server surely did nothing.
    IfNotDone,
    /// Never: the caller reads again before each attempt.
    Never,
}

/// What the body of a good answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// One JSON value; with anything else, the outcome of the request is unknown.
    Json,
    /// JSON that the caller reads at once: only its first and last bracket are looked at here.
    Brackets,
    /// Anything: the status is enough.
    Nothing,
}

impl Wants {
    fn takes(self, body: &[u8]) -> bool {
        match self {
            Self::Json => is_json(body),
            Self::Brackets => matches!(body.trim_ascii(), [b'{', .., b'}'] | [b'[', .., b']']),
            Self::Nothing => true,
        }
    }
}

/// An answer with a status that trying again would not change.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty if it could not be read and is not needed.
    pub(crate) body: Vec<u8>,
}

/// Why an attempt failed.
struct Trouble {
    problem: String,
    /// Whether the server may have done what was asked.
    maybe_done: bool,
    /// How long the server asks the client to wait.
    wish: Option<Duration>,
    /// Whether all requests must wait, not only this one.
    everybody: bool,
    /// Whether another attempt may succeed.
    passing: bool,
}

impl Transport {
    /// Makes a transport; sends nothing yet.
    ///
    /// # Errors
    /// If the HTTP library cannot be set up, for example because the system's certificates are missing.
    pub(crate) fn new(options: Options) -> Result<Self, String> {
        let client = client::client(&options)?;
        let Options { max_in_flight, requests_per_second, retries, largest_answer, trust, words, redactor, .. } =
            options;
        let throttle = Throttle::new(max_in_flight, requests_per_second);
        let may_write = OnceLock::new();
        Ok(Self { client, throttle, retries, largest_answer, trust, words, redactor, may_write })
    }

    /// Removes secrets from a text that will be shown.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The message in the body of an error, safe to show.
    pub(crate) fn words(&self, body: &[u8]) -> String {
        let words = (self.words)(body).map(|words| self.redactor.clean(&words)).filter(|words| !words.is_empty());
        let words = words.unwrap_or_else(|| self.redactor.clean_body(body));
        if words.is_empty() { "no reason given".to_owned() } else { words }
    }

    /// Ends every wait of this transport, now and later, and lets only those requests begin that may begin late. Requests that
    /// were sent still get their answers.
    pub(crate) fn end_waits(&self) {
        self.throttle.end_waits();
    }

    /// Asks before each request that changes something, repetitions too, just before it leaves. Can be set once.
    pub(crate) fn write_only_while(&self, may_write: MayWrite) {
        drop(self.may_write.set(may_write));
    }

    /// Waits before another attempt.
    ///
    /// # Errors
    /// If waits have been ended.
    pub(crate) async fn wait(&self, delay: Duration) -> Result<(), Failure> {
        self.throttle.sleep(delay).await.ok_or(Failure::Stopped { maybe_done: false })
    }

    /// Makes a request, as often as it takes and the limits allow.
    ///
    /// # Errors
    /// If no readable answer came, or only answers that ask to try again (408, 429, 5xx).
    pub(crate) async fn send(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let mut maybe_done = false;
        let mut attempt = 0;
        loop {
            let turn = self.throttle.turn(request.based_on.is_some()).await.ok_or(Failure::Stopped { maybe_done })?;
            if !request.may_begin_late && self.throttle.is_ended() {
                return Err(Failure::Stopped { maybe_done });
            }
            if request.based_on.is_some_and(|read| read.elapsed() > FRESH) {
                return Err(Failure::Late);
            }
            if request.repeat != Repeat::Always
                && let Some(Err(error)) = self.may_write.get().map(|may_write| may_write())
            {
                // Such a request is not repeated if it may have been carried out.
                return Err(Failure::NotSent { problem: error.to_string(), again: None });
            }
            let began = Instant::now();
            let trouble = match self.attempt(request).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            let Trouble { problem, maybe_done: this_one, wish, everybody, passing } = trouble;
            let delay = retry::delay(attempt, wish, fastrand::f64());
            if passing && attempt < self.retries {
                self.tell_wait(request.url, &problem, began.elapsed(), delay, wish);
            }
            if everybody {
                self.pause(delay, turn);
            } else {
                drop(turn);
            }
            maybe_done |= this_one;
            let may_repeat = match request.repeat {
                Repeat::Always => true,
                Repeat::IfNotDone => !maybe_done,
                Repeat::Never => false,
            };
            if attempt == self.retries || !passing || !may_repeat {
                let problem = if attempt == 0 { problem } else { format!("{problem} (tried {} times)", attempt + 1) };
                let again = (passing && attempt < self.retries).then_some(delay);
                return Err(match maybe_done {
                    true => Failure::Unclear { problem, again },
                    false => Failure::NotSent { problem, again },
                });
            }
            // A server may put anything into the address of the next page.
            let path = self.redactor.clean(request.url.path());
            tracing::info!(method = %request.method, path, problem, ?delay, "trying again");
            if !everybody {
                self.throttle.sleep(delay).await.ok_or(Failure::Stopped { maybe_done })?;
            }
            attempt += 1;
        }
    }

    /// How often a request is tried again, if that is safe.
    pub(crate) fn retries(&self) -> u32 {
        self.retries
    }

    /// Lets no request begin for this long. The turn ends only afterwards, so that no request can begin in between.
    fn pause(&self, delay: Duration, turn: Turn<'_>) {
        self.throttle.pause(delay);
        drop(turn);
    }

    /// Logs a long wait, with its reason, and a request that took long in vain.
    fn tell_wait(&self, url: &Url, problem: &str, took: Duration, delay: Duration, wish: Option<Duration>) {
        let is_long = delay > WAIT_WORTH_TELLING;
        if (!is_long && took <= WAIT_WORTH_TELLING) || (is_long && self.throttle.is_paused_for(delay)) {
            return; // short, or logged already for another request
        }
        let host = self.redactor.clean(url.host_str().unwrap_or_default());
        let why = match wish {
            _ if !is_long => return tracing::warn!("asking {host} again: {problem}"),
            Some(wish) if wish >= retry::LONGEST_WISH => {
                format!("as {host} asks for (shortened to the longest wait)")
            }
            Some(wish) if wish >= delay => format!("as {host} asks for"),
            _ => format!("before {host} is asked again"),
        };
        tracing::warn!("waiting {} s, {why}: {problem}. Ctrl-C ends the wait", delay.as_secs_f64().ceil());
    }

    async fn attempt(&self, request: &Request<'_>) -> Result<Answer, Trouble> {
        let Request { method, url, headers, body, repeat: _, wants, may_begin_late: _, based_on: _ } = request;
        let mut builder = self.client.request(method.clone(), (*url).clone()).headers(headers.clone());
        if let Some(body) = body {
            builder = builder.body((*body).to_owned());
        }
        let started = Instant::now();
        let answer = builder.send().await;
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        let answer = match answer {
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                Ok((status, headers, self.read(response).await))
            }
            Err(error) => Err(error),
        };
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(%method, path = self.redactor.clean(url.path()), status, ms, "request");
        match answer {
            Ok((status, headers, body)) => self.judge(*wants, status, headers, body),
            Err(error) => Err(Trouble {
                problem: match tls_error(&error) {
                    Some(error) => self.redactor.hide(&tls_words(error, self.trust)),
                    None => self.redactor.clean(&chain(&error)),
                },
                maybe_done: !error.is_connect(),
                wish: None,
                everybody: false,
                // An invalid certificate will be invalid next time too.
                passing: !matches!(tls_error(&error), Some(rustls::Error::InvalidCertificate(_))),
            }),
        }
    }

    /// Whether an answer is final, or another attempt may succeed.
    fn judge(
        &self,
        wants: Wants,
        status: StatusCode,
        headers: HeaderMap,
        body: Result<Vec<u8>, String>,
    ) -> Result<Answer, Trouble> {
        let code = status.as_u16();
        let trouble = |problem: String, maybe_done, everybody| {
            let wish = retry::wish(status, &headers, SystemTime::now());
            Err(Trouble { problem, maybe_done, wish, everybody, passing: true })
        };
        let body = match body {
            Ok(body) if status.is_success() && !wants.takes(&body) => Err("it is not JSON".to_owned()),
            body => body,
        };
        match (code, body) {
            (200..=299, Err(problem)) if wants != Wants::Nothing => {
                trouble(self.redactor.clean(&format!("its answer ({code}): {problem}")), true, false)
            }
            (429, _) => trouble("it answers 429, too many requests".to_owned(), false, true),
            (408 | 500..=599, body) => {
                let words = self.words(&body.unwrap_or_default());
                trouble(format!("it answers {code}: {words}"), true, false)
            }
            (_, body) => Ok(Answer { status, headers, body: body.unwrap_or_default() }),
        }
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, String> {
        let largest = self.largest_answer;
        let too_large = || format!("it is larger than {} MiB", largest / (1024 * 1024));
        if response.content_length().is_some_and(|length| length > largest as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > largest => return Err(too_large()),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(format!("it broke off: {}", chain(&error))),
            }
        }
        gzip::unpacked(response.headers(), body, largest)?.ok_or_else(too_large)
    }
}

/// Without secrets or requests.
impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

/// Whether an address leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_host)
}

/// Whether a host, as an address has it, is this machine.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a body is one JSON value.
pub(crate) fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(body).is_ok()
}

/// An error with its causes, without the URL, which the library adds to each of its own.
fn chain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "timed out".to_owned() } else { String::new() };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = if text.is_empty() { words } else { format!("{text}: {words}") };
        }
        cause = error.source();
    }
    if text.is_empty() { "the request failed".to_owned() } else { text }
}
