//! Delivers a message: by a request, or to a program.

use std::env;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::Message;
use crate::config::notify::{Channel, Form};
use crate::http::{Failure, Options, Repeat, Request, Transport, Trust, Wants};
use crate::setting::program::{self, Running};
use crate::setting::quoting::{length, may_be_secret};
use crate::setting::{Secret, Secrets, beginning, secure};

/// Set for the programs that are told.
const TOLD: &str = "SKOVIK_SYNC_NOTIFIED";
/// How long a receiver may take in all.
const PATIENCE: Duration = Duration::from_secs(30);
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
        based_on: None,
    };
    match transport.send(&request).await {
        Ok(answer) if answer.status.is_success() => Ok(()),
        Ok(answer) => Err(format!("the receiver answers {}", answer.status.as_u16())),
        Err(Failure::NotSent { problem, .. } | Failure::Unclear { problem, .. }) => Err(problem),
        Err(Failure::Stopped { .. } | Failure::Late) => Err("it was stopped".to_owned()),
    }
}

async fn start(argv: &[String], folder: &Path, body: String, secrets: &Secrets) -> Result<(), String> {
    let Some(program) = argv.first() else { return Err("there is no program".to_owned()) };
    if env::var_os(TOLD).is_some() {
        return Err(format!(
            "a program of [[notify]] started this command ({TOLD} is set), which starts no such program itself: it could go on \
             without end"
        ));
    }
    // The settings may name what belongs into `url_file`.
    let program = if may_be_secret(program) { format!("the program ({})", length(program)) } else { program.clone() };
    let started = program::command(argv, folder, secrets, &[]).and_then(|mut command| {
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).env(TOLD, "1");
        Running::start(command)
    });
    let mut running = started.map_err(|error| format!("{program} cannot be started: {error}"))?;
    let (input, errors) = (running.child.stdin.take(), running.child.stderr.take());
    let write = async {
        // A program that does not read it may still end well.
        if let Some(mut input) = input {
            let _ = input.write_all(body.as_bytes()).await;
        }
    };
    let mut said = Vec::new();
    let talk = async {
        tokio::join!(write, beginning(errors, &mut said));
    };
    let status = running.ended(talk).await;
    let status = status.map_err(|error| format!("{program} was lost: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{program} failed with {status}: {}", secrets.clean(&said)))
}
