//! The HTTP server: it listens on loopback only, lets faults strike, and hands requests to the API.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::Options;
use super::account::Account;
use super::answer::Answer;
use super::api::{self, Api};
use super::call::{Call, Keys, lock};
use super::fault::{Effect, Fault, Faults, Rule};
use super::log::{Entry, RequestLog};
use super::mode::{Archived, Rules};
use super::page::Pages;
use super::rename::Renaming;
use super::scim::{self, Scim};
use super::twist::Twist;
use crate::exit::{ExitStatus, refused};

/// The largest body that a request may have.
const MAX_BODY: usize = 1 << 20;
/// How long requests that are under way may still take when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// A running simulator of Skovik. Dropping it ends it at once; [`Server::stop`] returns the account.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    keys: Keys,
    api: Api,
    scim: Scim,
    latency: Duration,
    account: Mutex<Account>,
    faults: Mutex<Faults>,
    requests: AtomicU64,
    log: Option<RequestLog>,
}

/// The interface that a request speaks, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// `/v1`, and whatever is outside both.
    Json,
    /// `/scim/v2`
    Scim,
}

/// How a request is answered.
enum Reply {
    Send(Answer),
    /// Half of the answer is sent.
    Cut(Answer),
    /// The connection is dropped without an answer.
    Drop,
}

/// Ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
struct Dropped;

impl Server {
    /// Starts to listen, and serves in the background.
    ///
    /// # Errors
    /// If the address is not a loopback one or cannot be listened on, or the request log cannot be written.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let Options {
            host,
            port,
            mut account,
            key,
            read_key,
            paging,
            page_cap,
            total,
            put,
            branch_move,
            manager_delete,
            identifiers,
            paths,
            field_options,
            names,
            scim,
            latency,
            faults,
            fault_seed,
            request_log,
        } = options;
        if !host.is_loopback() {
            let message = format!("the sandbox listens on loopback addresses only, such as 127.0.0.1, not on {host}");
            return Err(refused(ExitStatus::Usage, message));
        }
        let listener = TcpListener::bind((host, port)).await.map_err(|error| {
            let advice = "choose another --port, or 0 for a free one";
            refused(ExitStatus::Usage, format!("the sandbox cannot listen on {host} port {port} ({error}); {advice}"))
        })?;
        let log = request_log.map(|path| {
            RequestLog::create(&path).map_err(|error| {
                refused(ExitStatus::Usage, format!("the request log {} cannot be written: {error}", path.display()))
            })
        });
        let pages = Pages { paging, cap: page_cap.get(), total };
        let rules = Rules { put, branch_move, manager_delete, identifiers };
        if scim.archived != Archived::Reversible {
            account.users.archive_inactive();
        }
        let shared = Arc::new(Shared {
            keys: Keys { key, read_key },
            api: Api { pages, rules, paths, options: field_options, renaming: Renaming::new(api::BASE, names) },
            scim: Scim::new(
                &account,
                scim::Behaviour { modes: scim, page_cap: page_cap.get(), rules, seed: fault_seed },
            ),
            latency,
            account: Mutex::new(account),
            faults: Mutex::new(Faults::new(faults, fault_seed)),
            requests: AtomicU64::new(0),
            log: log.transpose()?,
        });
        let address = listener.local_addr().context("the sandbox's own address cannot be read")?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, Arc::clone(&shared), stopped));
        Ok(Self { address, shared, stop, task: Some(task) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of its API, such as `http://127.0.0.1:8480/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, api::BASE)
    }

    /// The base URL of its SCIM interface, such as `http://127.0.0.1:8480/scim/v2`.
    #[must_use]
    pub fn scim_url(&self) -> String {
        format!("http://{}{}", self.address, scim::BASE)
    }

    /// Lets `look` see the account between two requests.
    pub fn inspect<T>(&self, look: impl FnOnce(&Account) -> T) -> T {
        look(&lock(&self.shared.account))
    }

    /// Stops listening, lets the requests that are under way end (for two seconds at most), and returns the account.
    ///
    /// # Errors
    /// If the server had ended before, which only a defect of the sandbox can cause.
    pub async fn stop(mut self) -> anyhow::Result<Account> {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            task.await.context("the sandbox had ended before")?;
        }
        Ok(std::mem::take(&mut *lock(&self.shared.account)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&shared), stopped.clone()));
                }
                // Such as too many open files: others will be closed.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, drained).await.is_err() {
        connections.shutdown().await;
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    // Without it, only small answers are slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| serve(Arc::clone(&shared), request));
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    // An error of a connection is the client's doing, or a rule asked for it.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

async fn serve(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
    let n = shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map(|body| body.to_bytes().to_vec());
    let (call, too_large) = match body {
        Ok(body) => (Call { parts, body }, false),
        Err(error) if error.is::<LengthLimitError>() => (Call { parts, body: Vec::new() }, true),
        Err(_) => return Err(Dropped),
    };
    let (door, below_base) = Door::of(call.parts.uri.path());
    let rule = lock(&shared.faults).strike(call.parts.method.as_str(), below_base);
    let reply = if too_large {
        let (status, detail) = (StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB");
        Reply::Send(door.problem(status, "too_large", detail))
    } else {
        shared.reply(door, n, &call, rule.as_ref().map(|rule| &rule.fault.effect))
    };
    shared.note(n, &call, &reply, rule.as_ref());
    let slow = rule.map_or(Duration::ZERO, |Rule { fault: Fault { slow, .. }, .. }| slow);
    let wait = shared.latency + slow;
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    match reply {
        Reply::Send(answer) => Ok(response(answer)),
        Reply::Cut(answer) => Ok(cut(answer)),
        Reply::Drop => Err(Dropped),
    }
}

impl Door {
    /// The interface, and the path below its base.
    fn of(path: &str) -> (Self, &str) {
        let below = |base: &str| path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        match (below(scim::BASE), below(api::BASE)) {
            (Some(rest), _) => (Self::Scim, rest),
            (None, Some(rest)) => (Self::Json, rest),
            (None, None) => (Self::Json, path),
        }
    }

    fn problem(self, status: StatusCode, code: &'static str, detail: &'static str) -> Answer {
        match self {
            Self::Json => Answer::problem(status, code, detail),
            Self::Scim => scim::problem(status, detail),
        }
    }
}

impl Shared {
    fn reply(&self, door: Door, n: u64, call: &Call, effect: Option<&Effect>) -> Reply {
        let carry_out = || {
            let (twist, account) = (Twist::of(effect), &self.account);
            match door {
                Door::Json => self.api.answer(account, &self.keys, call, twist),
                Door::Scim => self.scim.answer(account, &self.keys, call, twist, n),
            }
        };
        match effect {
            Some(&Effect::Status { status, body, retry, executed }) => {
                if executed {
                    carry_out();
                }
                let json = |status, detail| door.problem(status, "fault", detail);
                Reply::Send(Answer::fault(status, body, retry, json))
            }
            Some(Effect::Redirect(url)) => Reply::Send(Answer::redirect(url)),
            Some(Effect::Reset { executed }) => {
                if *executed {
                    carry_out();
                }
                Reply::Drop
            }
            Some(Effect::Cut) => match carry_out() {
                answer if answer.body.is_empty() => Reply::Drop,
                answer => Reply::Cut(answer),
            },
            Some(
                Effect::Slow
                | Effect::Lie(_)
                | Effect::Drop(_)
                | Effect::Lose(_)
                | Effect::Change { .. }
                | Effect::AnswerAs(_),
            )
            | None => Reply::Send(carry_out()),
        }
    }

    fn note(&self, n: u64, call: &Call, reply: &Reply, rule: Option<&Rule>) {
        let Some(log) = &self.log else { return };
        let uri = &call.parts.uri;
        let status = match reply {
            Reply::Send(answer) | Reply::Cut(answer) => Some(answer.status.as_u16()),
            Reply::Drop => None,
        };
        log.write(&Entry {
            n,
            method: call.parts.method.as_str(),
            path: uri.path_and_query().map_or(uri.path(), |whole| whole.as_str()),
            status,
            fault: rule.map(|rule| rule.text.as_str()),
        });
    }
}

fn response(answer: Answer) -> Response<Body> {
    let Answer { status, headers, body } = answer;
    with_head(status, headers, Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync())
}

/// A response that promises the whole body, sends half of it, and breaks off.
fn cut(answer: Answer) -> Response<Body> {
    let Answer { status, mut headers, body } = answer;
    headers.push((CONTENT_LENGTH, body.len().into()));
    let half = body.slice(..body.len() / 2);
    let frames = stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) => Some((Ok(Frame::data(half)), None)),
            None => {
                // Lets the half leave before the connection breaks.
                tokio::task::yield_now().await;
                Some((Err(io::ErrorKind::ConnectionAborted.into()), None))
            }
        }
    });
    with_head(status, headers, StreamBody::new(frames).boxed_unsync())
}

fn with_head(status: StatusCode, headers: Vec<(HeaderName, HeaderValue)>, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}
