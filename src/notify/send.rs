//! Delivers a message: by a request, or to a program.

use std::env;
use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::ExposeSecret as _;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Message;
use crate::config::notify::{Channel, Form};
use crate::http::{Failure, Options, Repeat, Request, Transport, Trust, Wants};
use crate::setting::quoting::{length, may_be_secret};
use crate::setting::{Secret, Secrets, beginning, program_path, secure};

/// Set for the programs that are told.
const TOLD: &str = "SKOVIK_SYNC_NOTIFIED";
/// How long a receiver may take in all.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the last words of a program that has ended are waited for.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(10);
/// How often a request is tried again if it was surely not taken.
const RETRIES: u32 = 2;
/// The longest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024;

/// Delivers a message.
///
/// # Errors
/// If it was not taken, or that is not known. The text holds no secret, and not the URL, which may be one.
pub(crate) async fn send(channel: &Channel, message: &Message<'_>, secrets: &Arc<Secrets>) -> Result<(), String> {
    let sent = async {
        match channel {
            Channel::Url { url, form } => post(url, message.body(*form), secrets).await,
            Channel::Command { argv, folder } => start(argv, folder, message.body(Form::Json), secrets).await,
        }
    };
    let late = || Err(format!("nobody took it within {} seconds", PATIENCE.as_secs()));
    timeout(PATIENCE, sent).await.unwrap_or_else(|_| late())
}

async fn post(url: &Secret, body: String, secrets: &Arc<Secrets>) -> Result<(), String> {
    let text = url.fetch().await.map_err(|error| error.to_string())?;
    let url = secure(text.expose_secret()).map_err(|error| format!("the URL {error}"))?;
    // The path under which a request is logged.
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    for secret in [url.path().to_owned(), path].into_iter().filter(|path| path.len() > 1) {
        secrets.redactor().add(secret.into());
    }
    let transport = Transport::new(Options {
        url: url.clone(),
        max_in_flight: 1,
        requests_per_second: 0,
        timeout: REQUEST,
        retries: RETRIES,
        largest_answer: LARGEST_ANSWER,
        authorities: None,
        trust: Trust::System,
        words: |_| None,
        redactor: Arc::clone(secrets.of_all_variables()),
    })?;
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let request = Request {
        method: Method::POST,
        url: &url,
        headers,
        body: Some(&body),
        repeat: Repeat::IfNotDone,
        wants: Wants::Nothing,
        may_begin_late: true,
    };
    match transport.send(&request).await {
        Ok(answer) if answer.status.is_success() => Ok(()),
        Ok(answer) => Err(format!("the receiver answers {}", answer.status.as_u16())),
        Err(Failure::NotSent { problem, .. } | Failure::Unclear { problem, .. }) => Err(problem),
        Err(Failure::Stopped { .. }) => Err("it was stopped".to_owned()),
    }
}

async fn start(argv: &[String], folder: &Path, body: String, secrets: &Secrets) -> Result<(), String> {
    let [program, arguments @ ..] = argv else { return Err("there is no program".to_owned()) };
    if env::var_os(TOLD).is_some() {
        return Err(format!(
            "a program of [[notify]] started this command ({TOLD} is set), which starts no such program itself: it could go on \
             without end"
        ));
    }
    let path = program_path(program, folder);
    // The settings may name what belongs into `url_file`.
    let program = if may_be_secret(program) { format!("the program ({})", length(program)) } else { program.clone() };
    let path = path.map_err(|error| format!("{program} cannot be found: {error}"))?;
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    secrets.withhold(&mut command, &[]);
    command.env(TOLD, "1");
    command.process_group(0).kill_on_drop(true);
    if !folder.as_os_str().is_empty() {
        command.current_dir(folder);
    }
    let mut running = Running(command.spawn().map_err(|error| format!("{program} cannot be started: {error}"))?);
    let (input, errors) = (running.0.stdin.take(), running.0.stderr.take());
    let write = async {
        // A program that does not read it may still end well.
        if let Some(mut input) = input {
            let _ = input.write_all(body.as_bytes()).await;
        }
    };
    let talk = async { tokio::join!(write, beginning(errors)).1 };
    let mut talk = pin!(talk);
    let (said, status) = tokio::select! {
        said = &mut talk => (said, running.0.wait().await),
        // What it has started may go on, and hold its input and its standard error open.
        status = running.0.wait() => (timeout(LAST_WORDS, talk).await.unwrap_or_default(), status),
    };
    let status = status.map_err(|error| format!("{program} was lost: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{program} failed with {status}: {}", secrets.clean(&said)))
}

/// A program. Dropping this before the program has ended ends it and everything that it started.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
