//! `serve --all FOLDER`: many customers in one process, one settings file each. Each has a port, a queue, a page and a
//! schedule of its own. Their runs come one after the other, so that a signal ends one run and no more.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::{Signal, start};
use crate::cli::{self, Global};
use crate::commands::all::{Customer, prepare};
use crate::commands::signals::{ended, remember};
use crate::exit::{ExitStatus, refused};
use crate::text::printable;
use crate::ui::Ui;

/// Runs until it is asked to end.
///
/// # Errors
/// Exit code 3 if the folder holds no settings, two files would use one key for one address, or none of them can be
/// started. An error in one file is reported, and does not stop the others.
pub(super) async fn run(folder: &Path, plans: Option<&Path>, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    // Signals are caught before anything is started, so that none is missed.
    remember()?;
    let mut signal: Signal = Box::pin(ended()?);
    let prepared = tokio::select! {
        biased;
        () = signal.as_mut() => {
            ui.note("asked to end before anything had started");
            return Ok(ExitStatus::Done);
        }
        prepared = prepare(folder, plans, global) => prepared,
    };
    let (customers, plans) = prepared?;
    let one = |customer: &Customer| {
        let [out, report] = customer.outputs(&plans);
        let args = cli::Serve { out, report: Some(report), all: None, plans: None };
        let global = Global { config: customer.config.clone(), ..global.clone() };
        let ui = ui.named(&printable(&customer.name)).for_options(&global);
        (args, global, ui)
    };
    let each: Vec<_> = customers.iter().map(one).collect();
    let mut running = Vec::new();
    let turn = Arc::new(Semaphore::new(1));
    for ((args, global, ui), customer) in each.iter().zip(&customers) {
        if let Some(problem) = customer.refusal() {
            ui.error(&problem);
            continue;
        }
        let mut signal: Signal = Box::pin(ended()?);
        let started = tokio::select! {
            biased;
            () = signal.as_mut() => {
                ui.note("asked to end before it had started");
                return Ok(ExitStatus::Done);
            }
            started = start::start(args, global, customer.settings.as_ref(), Arc::clone(&turn), ui) => started,
        };
        match started {
            Ok(started) => running.push((started, signal)),
            Err(error) => ui.error(&error),
        }
    }
    let failed = each.len() - running.len();
    if running.is_empty() {
        return Err(refused(ExitStatus::Usage, "none of the settings files could be started"));
    }
    if failed > 0 {
        ui.warn(format!("settings files that could not be started, and are not served: {failed}"));
    }
    let until = running.into_iter().map(|((mut running, server), mut signal)| async move {
        let status = running.until(&mut signal).await;
        server.stop().await;
        status
    });
    let ended = join_all(until).await;
    ui.note("ended");
    Ok(if ended.contains(&ExitStatus::Interrupted) { ExitStatus::Interrupted } else { ExitStatus::Done })
}
