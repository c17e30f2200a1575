//! Everything that `serve` needs before its first run: secrets, the queue, the port. Any error is reported now.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use tokio::sync::Semaphore;

use super::Running;
use crate::apply::lock::{self, Holder, Lock, LockError};
use crate::approval::automatic;
use crate::cli::{self, Global};
use crate::commands::apply::not_locked;
use crate::commands::common::{approval_path, load_settings, now, shown};
use crate::commands::job::{History, same_target};
use crate::commands::places::Places;
use crate::commands::retention::kept_since;
use crate::commands::state_place::open_state;
use crate::config::Settings;
use crate::config::serve::{WebhookSettings, When};
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::runs::Outcome;
use crate::serve::{Board, Commands, Port, Queue, SHORTEST_TOKEN, Server, Service, SharedBoard, Verifier, Webhook};
use crate::state::account_file;
use crate::text::shell_path;
use crate::ui::Ui;

/// Starts the service. `before` are the settings that were compared with those
/// of other customers.
pub(super) async fn start<'a>(
    args: &'a cli::Serve,
    global: &'a Global,
    before: Option<&Settings>,
    turn: Arc<Semaphore>,
    ui: &'a Ui,
) -> anyhow::Result<(Running<'a>, Server)> {
    let settings = load_settings(&global.config)?;
    before.map_or(Ok(()), |before| same_target(before, &settings, &global.config))?;
    if settings.schedule.is_none() && settings.webhooks.is_empty() {
        let problem = format!(
            "{} has neither [schedule] nor [[webhook]], so that nothing would ever start a run; see docs/serve.md",
            shown(&global.config)
        );
        return Err(refused(ExitStatus::Usage, problem));
    }
    Places::new(global)
        .settings(&settings)
        .writes_plan(&args.out)
        .writes_approval(&approval_path(&args.out, automatic::APPROVER))
        .writes("--report", args.report.as_deref())
        .check()?;
    let token = match &settings.serve.token {
        None => None,
        Some(secret) => Some(secret.fetch().await.or_refuse(ExitStatus::Usage)?),
    };
    if let Some(length) =
        token.as_ref().map(|token| token.expose_secret().len()).filter(|length| *length < SHORTEST_TOKEN)
    {
        let problem = format!(
            "[serve]: the token has {length} characters; take one of at least {SHORTEST_TOKEN}, such as `openssl rand -hex 32` \
             prints"
        );
        return Err(refused(ExitStatus::Usage, problem));
    }
    let webhooks = webhooks(&settings).await?;
    let state = open_state(global, Some(&settings))?;
    let account = settings.target.account();
    let lock = alone(state.folder(), &account)?;
    // Before the events are touched: a service that cannot be started leaves them as they are.
    let port = Port::open(&settings.serve).await.map_err(|problem| refused(ExitStatus::Usage, problem))?;
    let file = state.folder().join(format!("{}.events.jsonl", account_file(&account)));
    let (path, kept_since) = (file.clone(), kept_since(&settings));
    let remembered = settings.webhooks.iter().map(WebhookSettings::repeatable).max().unwrap_or_default();
    // On a thread of its own, so that a signal is heard meanwhile. The lock goes with it: if nobody waits for it any more, no
    // other service may take the events before it is done.
    let opened = tokio::task::spawn_blocking(move || Queue::open(&path, now(), kept_since, remembered, lock));
    let queue = opened.await.context("the events could not be read")?.map_err(|error| {
        let problem = format!("the waiting events in the state file {}: {error}", shown(&file));
        match error.kind() {
            ErrorKind::InvalidData | ErrorKind::InvalidInput => refused(
                ExitStatus::Damaged,
                format!("{problem}; if it cannot be repaired, remove it: the next scheduled run compares everybody"),
            ),
            _ => refused(
                ExitStatus::Unexpected,
                format!("{problem}. The file is as it was: see that it can be read and written, and start again"),
            ),
        }
    })?;
    let mut history = History::open(&settings, global, ui);
    // If nothing has ever run, silence counts from now.
    history.runs.since.get_or_insert_with(now);
    let board = SharedBoard::new(Board {
        account,
        started: now(),
        runs: history.runs.clone(),
        running: None,
        next: None,
        ended: [0; Outcome::ALL.len()],
        seconds: 0.0,
        untold: 0,
        plan: args.out.clone(),
        commands: commands(&args.out, &global.config),
        page: None,
    });
    let service = Service::new(webhooks, queue.handle(), board.clone(), token);
    let server = port.serve(service);
    tell(&settings, &server, queue.len(), ui);
    let jitter = SignedDuration::ZERO;
    let running =
        Running { args, global, ui, settings, queue, board, history, turn, jitter, since: now(), retry: None };
    Ok((running, server))
}

async fn webhooks(settings: &Settings) -> anyhow::Result<Vec<Webhook>> {
    let mut webhooks = Vec::new();
    for webhook in &settings.webhooks {
        let secret = webhook.secret.fetch().await.or_refuse(ExitStatus::Usage)?;
        let verifier = Verifier::new(webhook.verify.clone(), &secret)
            .map_err(|problem| refused(ExitStatus::Usage, format!("[[webhook]] `{}`: {problem}", webhook.name)))?;
        webhooks.push(Webhook::new(webhook.clone(), verifier));
    }
    Ok(webhooks)
}

/// Two services of one account would take each other's events.
fn alone(folder: &Path, account: &str) -> anyhow::Result<Lock> {
    let holder = Holder { pid: std::process::id(), since: now(), plan_hash: None };
    // No account can have this name.
    lock::take_here(folder, &format!("{account}##serve"), &holder).map_err(|error| match error {
        LockError::Held { holder, .. } => {
            let who = holder
                .map_or_else(String::new, |holder| format!(" (process {}, since {:.0})", holder.pid, holder.since));
            refused(ExitStatus::Locked, format!("another `serve` takes the events of {account}{who}; end it first"))
        }
        error @ LockError::Io { .. } => not_locked(error),
    })
}

/// The commands that the page prints.
fn commands(plan: &Path, config: &Path) -> Commands {
    let config = match config == Path::new("skovik-sync.toml") {
        true => String::new(),
        false => format!("--config {} ", shell_path(config)),
    };
    let typed = shell_path(plan);
    Commands {
        show: format!("skovik-sync {config}show {typed}"),
        approve: format!("skovik-sync {config}approve {typed}"),
    }
}

/// Says where it listens and when it runs.
fn tell(settings: &Settings, server: &Server, events: usize, ui: &Ui) {
    let scheme = if settings.serve.tls.is_some() { "https" } else { "http" };
    ui.note(format!("listening on {scheme}://{}", server.address()));
    match settings.schedule.as_ref().map(|schedule| &schedule.when) {
        None => ui.warn("there is no [schedule]: if a sender loses an event, no later run makes up for it"),
        Some(When::Every(every)) => {
            ui.note(format!("runs every {:#}", jiff::SignedDuration::try_from(*every).unwrap_or_default()))
        }
        Some(When::At(times)) => {
            let times: Vec<String> = times.iter().map(|time| time.strftime("%H:%M").to_string()).collect();
            ui.note(format!("runs at {}", times.join(", ")));
        }
    }
    for webhook in &settings.webhooks {
        ui.note(format!("takes events of {} at {}", webhook.name, webhook.path));
    }
    if settings.serve.token.is_none() && !settings.webhooks.is_empty() {
        ui.warn(
            "[serve] has no token: anybody who can reach this port on this machine can read the page. Set one if a proxy passes \
             requests on, or if others use this machine",
        );
    }
    if events > 0 {
        ui.note(format!("events of an earlier time that wait for a run: {events}"));
    }
}
