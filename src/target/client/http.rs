//! One request, tried again where that is safe.
//!
//! GET, PUT and DELETE mean the same when they are repeated. A POST does not: it is repeated only where the server
//! surely did nothing (no connection, or 429).

use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use serde_json::value::RawValue;
use url::Url;

use super::error::{ApiError, Refusal};
use super::{Client, retry};
use crate::target::wire::{self, Body};

/// The largest answer that is read; a server that sends more is not believed.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// One request.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<&'a Body>,
}

/// What came of one attempt, short of success.
enum Failure {
    /// That is the answer.
    Final(ApiError),
    /// It may be better next time.
    Passing(Trouble),
}

/// Why an attempt failed that may succeed next time.
struct Trouble {
    problem: String,
    /// Whether the server may have done what was asked.
    maybe_done: bool,
    /// How long the server wants to be left alone.
    wish: Option<Duration>,
    /// Whether that holds for all requests.
    everybody: bool,
}

impl Client {
    /// Makes a request and gives the body of its answer, which is JSON unless the request was a DELETE.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
        let mut maybe_done = false;
        let mut attempt = 0;
        loop {
            let turn = self.throttle.turn().await;
            let trouble = match self.attempt(call).await {
                Ok(body) => return Ok(body),
                Err(Failure::Final(error)) => return Err(after_unclear(error, maybe_done, &call.method)),
                Err(Failure::Passing(trouble)) => trouble,
            };
            let Trouble { problem, maybe_done: this_one, wish, everybody } = trouble;
            let delay = retry::delay(attempt, wish, fastrand::f64());
            if everybody {
                // Before the turn ends, so that nobody slips through in between.
                self.throttle.pause(delay);
            }
            drop(turn);
            maybe_done |= this_one;
            if attempt == self.retries || (maybe_done && call.method == Method::POST) {
                let problem = if attempt == 0 { problem } else { format!("{problem} (tried {} times)", attempt + 1) };
                return Err(if maybe_done { ApiError::Unclear { problem } } else { ApiError::NotSent { problem } });
            }
            tracing::info!(method = %call.method, path = call.url.path(), problem, ?delay, "trying again");
            if !everybody {
                tokio::time::sleep(delay).await;
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Vec<u8>, Failure> {
        let Call { method, url, body } = call;
        let (name, value) = &self.key_header;
        let mut request =
            self.http.request(method.clone(), url.clone()).header(ACCEPT, wire::ACCEPT).header(name, value);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, wire::CONTENT_TYPE).body(body.as_json().to_owned());
        }
        let started = Instant::now();
        let answer = request.send().await;
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        let answer = match answer {
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                Ok((status, headers, read(response).await))
            }
            Err(error) => Err(error),
        };
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(%method, path = url.path(), status, ms, "request");
        match answer {
            Ok((status, headers, body)) => self.judge(call, status, &headers, body),
            Err(error) => Err(Failure::Passing(Trouble {
                problem: self.said.clean(&chain(&error)),
                maybe_done: !error.is_connect(),
                wish: None,
                everybody: false,
            })),
        }
    }

    /// Says what an answer means.
    fn judge(
        &self,
        call: &Call<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        body: Result<Vec<u8>, String>,
    ) -> Result<Vec<u8>, Failure> {
        let code = status.as_u16();
        let passing = |problem: String, maybe_done, everybody| {
            let wish = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let wish = wish.and_then(|wish| retry::wish(wish, SystemTime::now()));
            Err(Failure::Passing(Trouble { problem, maybe_done, wish, everybody }))
        };
        if status.is_success() {
            let readable = body.and_then(|body| {
                let json = call.method == Method::DELETE || serde_json::from_slice::<&RawValue>(&body).is_ok();
                if json { Ok(body) } else { Err("it is not JSON".to_owned()) }
            });
            return match readable {
                Ok(body) => Ok(body),
                // Gone is gone, whatever the server wanted to say about it.
                Err(_) if call.method == Method::DELETE => Ok(Vec::new()),
                Err(problem) => passing(self.said.clean(&format!("its answer ({code}): {problem}")), true, false),
            };
        }
        let body = body.unwrap_or_default();
        match code {
            code if wire::refuses_the_key(code) => Err(Failure::Final(ApiError::Credentials {
                status: code,
                said: self.said.words(code, &body),
                unclear: false,
            })),
            429 => passing("it answers 429, too many requests".to_owned(), false, true),
            408 | 500..=599 => {
                let words = self.said.words(code, &body);
                passing(format!("it answers {code}: {words}"), true, false)
            }
            300..=399 => Err(Failure::Final(self.redirect(call, code, headers))),
            _ => Err(Failure::Final(ApiError::Refused(self.said.refusal(code, &body)))),
        }
    }

    /// A redirect is never followed: the key must not reach another host, and a write must not become something else.
    fn redirect(&self, call: &Call<'_>, status: u16, headers: &HeaderMap) -> ApiError {
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let there = location.and_then(|location| call.url.join(location).ok());
        let there = there.map_or_else(|| "nowhere".to_owned(), |url| url.origin().ascii_serialization());
        let said = self.said.clean(&format!(
            "it redirects to {there}, and redirects are not followed: give the final address as the target's url"
        ));
        if call.method == Method::GET {
            return ApiError::Refused(Refusal { status, errors: Vec::new(), taken: false, said });
        }
        // Some servers redirect after having done what was asked.
        ApiError::Unclear { problem: format!("({status}) {said}") }
    }
}

/// A refusal does not undo an earlier attempt that may have got through. That the user is not there needs no such care,
/// nor does a read.
fn after_unclear(error: ApiError, maybe_done: bool, method: &Method) -> ApiError {
    match error {
        ApiError::Refused(refusal) if maybe_done && *method != Method::GET && refusal.status != 404 => {
            ApiError::Unclear { problem: format!("{refusal}, after an attempt that may have got through") }
        }
        ApiError::Credentials { status, said, .. } => {
            ApiError::Credentials { status, said, unclear: maybe_done && *method != Method::GET }
        }
        error => error,
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let too_large = || format!("it is larger than {} MiB", LARGEST_ANSWER / (1024 * 1024));
    if response.content_length().is_some_and(|length| length > LARGEST_ANSWER as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST_ANSWER => return Err(too_large()),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(format!("it broke off: {}", chain(&error))),
        }
    }
}

/// An error with its causes, without the URL, which the library adds to each of its own.
pub(super) fn chain(error: &reqwest::Error) -> String {
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
