//! Which requests are answered, how, and to whom.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64ct::{Base64, Encoding as _};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use super::board::SharedBoard;
use super::ids::ids;
use super::metrics::{self, Events};
use super::page;
use super::queue::{Accepted, Event, Queue};
use super::rate::Bucket;
use super::verify::{Verifier, bearer, same};
use crate::config::serve::WebhookSettings;
use crate::files::{Links, read_regular};
use crate::http::is_loopback_host;
use crate::plan::Plan;
use crate::render::html;

/// The largest body of an event, in bytes.
const LARGEST_EVENT: usize = 1024 * 1024;
/// The largest plan that is shown as a page, in bytes; for a larger one, use `show`.
const LARGEST_PLAN: u64 = 64 * 1024 * 1024;
/// The longest token of a handshake that is sent back.
const LONGEST_HANDSHAKE: usize = 2048;
/// At most once in this time, refused events of a webhook are logged.
const LOGGED_EVERY: Duration = Duration::from_secs(60);
/// Headers that only something in front of this server sets.
const OF_PROXIES: [&str; 15] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "cf-connecting-ip",
    "cf-ray",
    "akamai-origin-hop",
    "x-cloud-trace-context",
    "x-arr-clientip",
    "true-client-ip",
    "fly-client-ip",
    "fastly-client-ip",
    "x-proxyuser-ip",
    "x-amzn-trace-id",
];
/// The beginnings of the names of others.
const KINDS_OF_PROXIES: [&str; 5] = ["x-forwarded", "x-original-", "x-envoy-", "x-azure-", "x-appengine-"];
/// The results of requests to webhooks, as metrics name them.
const RESULTS: [&str; 4] = ["accepted", "repeated", "refused", "too_many"];

/// Answers requests.
#[derive(Debug)]
pub struct Service {
    webhooks: Vec<Webhook>,
    queue: Queue,
    board: SharedBoard,
    /// Without one, readers must be on this machine.
    token: Option<SecretString>,
    /// One large plan at a time, whether or not its reader still waits.
    rendering: Arc<Semaphore>,
}

/// A webhook, ready to take events.
#[derive(Debug)]
pub struct Webhook {
    settings: WebhookSettings,
    verifier: Verifier,
    bucket: Bucket,
    counts: [AtomicU64; RESULTS.len()],
    logged: Mutex<Option<Instant>>,
}

/// The index of a result in [`RESULTS`].
#[derive(Clone, Copy)]
enum Became {
    Accepted,
    Repeated,
    Refused,
    TooMany,
}

type Answer = Response<Full<Bytes>>;

impl Webhook {
    /// Takes its settings and its secret.
    #[must_use]
    pub fn new(settings: WebhookSettings, verifier: Verifier) -> Self {
        let bucket = Bucket::new(settings.most_a_second, Instant::now());
        Self { settings, verifier, bucket, counts: Default::default(), logged: Mutex::default() }
    }

    fn count(&self, became: Became) {
        self.counts[became as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Logs the reason, but not for every request if many are refused.
    fn refused(&self, why: &dyn std::fmt::Display) {
        self.count(Became::Refused);
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|at| at.elapsed() >= LOGGED_EVERY) {
            *logged = Some(Instant::now());
            tracing::warn!("an event of the webhook {} was refused: {why}", self.settings.name);
        }
    }
}

impl Service {
    /// A service with these parts.
    #[must_use]
    pub fn new(webhooks: Vec<Webhook>, queue: Queue, board: SharedBoard, token: Option<SecretString>) -> Self {
        Self { webhooks, queue, board, token, rendering: Arc::new(Semaphore::new(1)) }
    }

    /// The answer to a request, whose body must be there before `deadline`.
    pub(super) async fn answer(&self, request: Request<Incoming>, deadline: tokio::time::Instant) -> Answer {
        let path = request.uri().path().to_owned();
        if let Some(webhook) = self.webhooks.iter().find(|webhook| webhook.settings.path == path) {
            return match *request.method() {
                Method::POST => self.event(webhook, request, deadline).await,
                _ => not_allowed("POST"),
            };
        }
        let read = |answer: Answer| match *request.method() {
            Method::GET | Method::HEAD => answer,
            _ => not_allowed("GET, HEAD"),
        };
        match &*path {
            "/healthz" => read(text(StatusCode::OK, "ok\n")),
            "/readyz" if self.queue.is_writable() => read(text(StatusCode::OK, "ready\n")),
            "/readyz" => read(text(StatusCode::SERVICE_UNAVAILABLE, "events cannot be written to the state folder\n")),
            "/" | "/plan" | "/metrics" => {
                if let Some(refusal) = self.may_not_read(request.uri(), request.headers()) {
                    return refusal;
                }
                match &*path {
                    "/" => read(self.page()),
                    "/metrics" => read(self.metrics()),
                    _ => read(self.plan().await),
                }
            }
            _ => text(StatusCode::NOT_FOUND, "there is nothing here\n"),
        }
    }

    async fn event(&self, webhook: &Webhook, request: Request<Incoming>, deadline: tokio::time::Instant) -> Answer {
        if webhook.verifier.shakes_hands()
            && let Some(answer) = handshake(request.uri().query().unwrap_or_default())
        {
            return answer;
        }
        let (parts, body) = request.into_parts();
        let body = match timeout_at(deadline, Limited::new(body, LARGEST_EVENT).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                webhook.refused(&"its body is larger than 1 MiB");
                return text(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB\n");
            }
            Ok(Err(_)) | Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body did not come\n"),
        };
        let now = Timestamp::now();
        let identity = match webhook.verifier.verify(&parts.headers, &body, now) {
            Ok(identity) => identity,
            Err(refusal) => {
                webhook.refused(&refusal);
                // The sender must not learn which check failed.
                return text(StatusCode::UNAUTHORIZED, "the event could not be verified\n");
            }
        };
        if !webhook.bucket.take(Instant::now()) {
            webhook.count(Became::TooMany);
            let mut answer = text(StatusCode::TOO_MANY_REQUESTS, "too many events; try again later\n");
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            return answer;
        }
        let ids = ids(webhook.settings.ids.as_ref(), &body);
        let event = Event { webhook: webhook.settings.name.clone(), identity, ids, at: now };
        match self.queue.add(event).await {
            Ok(accepted) => {
                webhook.count(match accepted {
                    Accepted::New => Became::Accepted,
                    Accepted::Repeated => Became::Repeated,
                });
                match StatusCode::from_u16(webhook.settings.answer) {
                    Ok(StatusCode::NO_CONTENT) => text(StatusCode::NO_CONTENT, ""),
                    status => text(status.unwrap_or(StatusCode::ACCEPTED), "accepted\n"),
                }
            }
            Err(error) => {
                tracing::error!("an event of the webhook {} could not be kept: {error}", webhook.settings.name);
                let mut answer =
                    text(StatusCode::SERVICE_UNAVAILABLE, "the event could not be kept; try again later\n");
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
                answer
            }
        }
    }

    /// The refusal for readers without the right to read: the pages hold personal data.
    fn may_not_read(&self, target: &Uri, headers: &HeaderMap) -> Option<Answer> {
        match &self.token {
            Some(token) => {
                let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
                if given.and_then(shown_token).is_some_and(|given| same(token.expose_secret().as_bytes(), &given)) {
                    return None;
                }
                let mut answer = text(StatusCode::UNAUTHORIZED, "the token of [serve] is needed, as a password\n");
                let challenge = HeaderValue::from_static("Basic realm=\"skovik-sync\", charset=\"UTF-8\"");
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                Some(answer)
            }
            None if is_local(target, headers) => None,
            None => {
                let problem = "without a token in [serve], this can be read on the machine itself only: by the address \
                               127.0.0.1, and not through a proxy\n";
                Some(text(StatusCode::FORBIDDEN, problem))
            }
        }
    }

    fn page(&self) -> Answer {
        let page = page::render(&self.board.lock().clone(), self.queue.len(), Timestamp::now());
        html_answer(page, &page::policy())
    }

    fn metrics(&self) -> Answer {
        let counts = self.webhooks.iter().flat_map(|webhook| {
            let counts = webhook.counts.iter().map(|count| count.load(Ordering::Relaxed));
            RESULTS.iter().zip(counts).map(|(result, count)| (webhook.settings.name.clone(), *result, count))
        });
        let events = Events { waiting: self.queue.len(), counts: counts.collect() };
        let mut answer = text(StatusCode::OK, metrics::render(&self.board.lock().clone(), &events));
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
        answer
    }

    /// The page of the waiting plan, as `show --format html` makes it.
    async fn plan(&self) -> Answer {
        let (path, waiting) = {
            let board = self.board.lock();
            (board.plan.clone(), board.runs.waiting().map(|plan| plan.hash.clone()))
        };
        let Some(hash) = waiting else { return text(StatusCode::NOT_FOUND, "no plan waits\n") };
        let Ok(permit) = Arc::clone(&self.rendering).try_acquire_owned() else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "the plan is being shown to somebody else; try again\n");
        };
        let board = self.board.clone();
        let rendered = tokio::task::spawn_blocking(move || {
            // This goes on to its end, also if the reader leaves.
            let _permit = permit;
            if let Some(page) = board.lock().page_of(&hash) {
                return Ok(page);
            }
            let read = read_regular(&path, LARGEST_PLAN, Links::Refuse).context("it cannot be read")?;
            let plan = Plan::read(&read)?;
            anyhow::ensure!(plan.hash().to_string() == hash, "another plan is there by now");
            let page = Bytes::from(html::render(&plan)?);
            board.lock().keep_page(hash, page.clone());
            anyhow::Ok(page)
        });
        match rendered.await {
            // The page has its own policy too; both apply.
            Ok(Ok(page)) => html_answer(page, "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
            Ok(Err(error)) => {
                let problem = format!(
                    "the plan cannot be shown here: {}; use `skovik-sync show`\n",
                    crate::text::printable(&format!("{error:#}"))
                );
                text(StatusCode::CONFLICT, problem)
            }
            Err(_) => {
                text(StatusCode::INTERNAL_SERVER_ERROR, "the plan cannot be shown here; use `skovik-sync show`\n")
            }
        }
    }
}

/// The token that Microsoft Graph expects back before it sends notifications.
fn handshake(query: &str) -> Option<Answer> {
    let token = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "validationToken")?.1;
    let refused = |problem: &'static str| text(StatusCode::BAD_REQUEST, problem);
    Some(match token {
        long if long.len() > LONGEST_HANDSHAKE => refused("the validation token is too long\n"),
        odd if odd.chars().any(char::is_control) => refused("the validation token has a control character\n"),
        token => text(StatusCode::OK, token.into_owned()),
    })
}

/// The token that a reader shows: as a bearer token, or as the password of any user, as browsers ask for it.
fn shown_token(value: &str) -> Option<Vec<u8>> {
    if let Some(token) = bearer(value) {
        return Some(token.as_bytes().to_vec());
    }
    let (scheme, encoded) = value.split_once(' ')?;
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| Base64::decode_vec(encoded.trim()).ok())??;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

/// Whether a request comes from this machine, to one of its own local names, and not through a proxy. A web page whose
/// name was pointed here (DNS rebinding) sends its own name. A proxy adds headers, unless it is set up not to. A target
/// with a host (`GET http://host/plan`) counts before the header `Host` (RFC 9112, section 3.2.2), so both must be local.
fn is_local(target: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).filter(|_| hosts.next().is_none());
    let is_this = host.is_some_and(|host| {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        is_loopback_host(name)
    });
    is_this && target.host().is_none_or(is_loopback_host) && !headers.keys().any(is_of_proxies)
}

fn is_of_proxies(name: &HeaderName) -> bool {
    OF_PROXIES.contains(&name.as_str()) || KINDS_OF_PROXIES.iter().any(|kind| name.as_str().starts_with(kind))
}

fn not_allowed(allowed: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} is answered here\n"));
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    answer
}

fn html_answer(page: impl Into<Bytes>, policy: &str) -> Answer {
    let mut answer = text(StatusCode::OK, page);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// A text, with headers that keep it from being framed, guessed at, kept or loaded by other pages.
fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let fixed: [(HeaderName, &'static str); 7] = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    answer.headers_mut().extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_this_machine_itself_is_local() {
        for host in ["127.0.0.1:8600", "localhost:8600", "LOCALHOST", "[::1]:8600", "[::1]", "127.0.0.1"] {
            assert!(is_local(&Uri::from_static("/plan"), &headers(&[("host", host)])), "{host}");
        }
        for host in
            ["evil.example:8600", "localhost.evil.example", "127.0.0.1.evil.example:8600", "10.0.0.1", "", "::1"]
        {
            assert!(!is_local(&Uri::from_static("/plan"), &headers(&[("host", host)])), "{host}");
        }
        assert!(!is_local(&Uri::from_static("/plan"), &headers(&[])));
        for proxy in
            ["x-forwarded-for", "x-forwarded-port", "x-forwarded", "forwarded", "via", "x-envoy-external-address"]
        {
            let by_proxy = headers(&[("host", "127.0.0.1"), (proxy, "10.0.0.1")]);
            assert!(!is_local(&Uri::from_static("/plan"), &by_proxy), "{proxy}");
        }
        let mut two = headers(&[("host", "127.0.0.1")]);
        two.append("host", HeaderValue::from_static("evil.example"));
        assert!(!is_local(&Uri::from_static("/plan"), &two));
        let by_host = headers(&[("host", "127.0.0.1")]);
        for (target, local) in [
            ("http://127.0.0.1:8600/plan", true),
            ("http://[::1]/plan", true),
            ("http://localhost/plan", true),
            ("http://evil.example/plan", false),
            ("http://127.0.0.1@evil.example/plan", false),
            ("evil.example:443", false),
            ("http://10.0.0.1/plan", false),
        ] {
            assert_eq!(is_local(&Uri::from_static(target), &by_host), local, "{target}");
        }
        let by_other_host = headers(&[("host", "evil.example")]);
        assert!(!is_local(&Uri::from_static("http://127.0.0.1/plan"), &by_other_host));
    }

    #[test]
    fn a_token_is_shown_as_such_or_as_a_password() {
        assert_eq!(shown_token("Bearer abc").as_deref(), Some(&b"abc"[..]));
        assert_eq!(shown_token("Basic YW5uYTphYmM=").as_deref(), Some(&b"abc"[..]));
        assert_eq!(shown_token("basic OmE6Yg==").as_deref(), Some(&b"a:b"[..]));
        for wrong in ["abc", "Basic abc", "Basic YWJj", "Digest abc"] {
            assert_eq!(shown_token(wrong), None, "{wrong}");
        }
    }
}
