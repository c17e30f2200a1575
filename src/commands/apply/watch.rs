//! What a user sees of an apply while it runs: the progress bar, the event stream and the report file.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use super::super::common::now;
use super::super::signals::{EndedBySignals, end_with};
use super::events::Events;
use crate::apply::engine::Stop;
use crate::apply::journal::Replay;
use crate::apply::{Ended, Halt, Observer, Outcome, Report};
use crate::cli;
use crate::employee::{ExternalIdentifier, UserId};
use crate::exit::ExitStatus;
use crate::files::PrivateFile;
use crate::plan::{Digest, Operation, OperationId, Plan};
use crate::provider::StoredUser;
use crate::text::printable_json;
use crate::ui::{Progress, Ui};

/// The name of the format, as a report file states it.
const REPORT_FORMAT: &str = "skovik-sync/report";
/// The version of the report and of the events.
const VERSION: u64 = 1;

/// Shows and records what happens.
pub(super) struct Watch {
    plan_hash: Digest,
    ui: Ui,
    bar: Progress,
    events: Option<Events>,
    report: Option<ReportFile>,
    began: Instant,
    failed: Option<io::Error>,
}

struct ReportFile {
    out: PrivateFile,
    first: bool,
}

/// One line of the event stream.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    ApplyStart {
        version: u64,
        at: Timestamp,
        plan_hash: Digest,
        operations: usize,
        done_before: usize,
    },
    OperationStart {
        at: Timestamp,
        operation: OperationId,
        action: &'a str,
        employee: Option<&'a str>,
        attempt: u32,
    },
    OperationDone {
        at: Timestamp,
        operation: OperationId,
        action: &'a str,
        employee: Option<&'a str>,
        differs: &'a [String],
    },
    OperationFailed {
        at: Timestamp,
        operation: OperationId,
        action: &'a str,
        employee: Option<&'a str>,
        outcome: &'a str,
        problem: &'a str,
    },
    Settling {
        at: Timestamp,
        unclear: usize,
        wait_ms: u128,
    },
    Confirming {
        at: Timestamp,
        done: usize,
    },
    Summary {
        at: Timestamp,
        outcome: &'a str,
        done: usize,
        done_before: usize,
        failed: usize,
        in_doubt: usize,
        not_attempted: usize,
        /// How many people the plan does not remove yet.
        waiting: u64,
        halt: Option<String>,
        /// Whom another apply may have moved, with the custom fields that they lack since.
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        emptied: &'a [String],
        duration_ms: u128,
    },
}

/// One operation of the report file.
#[derive(Serialize)]
struct Entry<'a> {
    operation: OperationId,
    action: &'a str,
    employee: Option<&'a str>,
    name: &'a str,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    differs: &'a [String],
    user_id: Option<&'a str>,
    attempts: u32,
    duration_ms: u128,
    before: Option<&'a StoredUser>,
    after: Option<&'a StoredUser>,
}

impl<'a> Entry<'a> {
    fn of(operation: &'a Operation, outcome: &'a Outcome) -> Self {
        let (problem, differs, user_id): (_, &[String], _) = match outcome {
            Outcome::Done { user_id, differs } => (None, differs, user_id.as_ref()),
            Outcome::DoneBefore { differs } => (None, differs, None),
            Outcome::Failed { problem } | Outcome::InDoubt { problem } => (Some(problem.as_str()), &[], None),
            Outcome::NotAttempted { because } => (Some(because.as_str()), &[], None),
        };
        Self {
            operation: operation.id,
            action: operation.action.name(),
            employee: operation.employee.as_ref().map(ExternalIdentifier::as_str),
            name: &operation.name,
            outcome: outcome.name(),
            problem,
            differs,
            user_id: user_id.map(UserId::as_str),
            attempts: 0,
            duration_ms: 0,
            before: None,
            after: None,
        }
    }
}

impl Watch {
    /// Opens the files that the options name; `stop` interrupts that.
    pub(super) async fn new(
        args: &cli::Apply,
        plan: &Plan,
        replay: &Replay,
        stop: &watch::Receiver<Stop>,
        ui: &Ui,
    ) -> anyhow::Result<Self> {
        let events = match &args.events {
            Some(path) => Some(Events::open(path, stop).await?),
            None => None,
        };
        let report = match &args.report {
            Some(path) => {
                let out = PrivateFile::create(path).with_context(|| super::named("--report", path))?;
                Some(ReportFile { out, first: true })
            }
            None => None,
        };
        let bar = ui.progress("applying");
        bar.set_total(plan.content().operations.len() as u64);
        bar.set(replay.done() as u64);
        let mut watch =
            Self { plan_hash: plan.hash(), ui: ui.clone(), bar, events, report, began: Instant::now(), failed: None };
        let operations = plan.content().operations.len();
        watch.tell(&Event::ApplyStart {
            version: VERSION,
            at: now(),
            plan_hash: plan.hash(),
            operations,
            done_before: replay.done(),
        });
        watch.begin_report();
        Ok(watch)
    }

    /// Completes the report and the events. It runs last, and reports what could not be written. The outcome of the
    /// apply is final by then: a signal while this waits for a reader ends the program with that status.
    pub(super) fn finish(
        mut self,
        plan: &Plan,
        report: &Report,
        emptied: &[String],
        status: ExitStatus,
    ) -> anyhow::Result<EndedBySignals> {
        self.bar.finish();
        for (operation, outcome) in plan.content().operations.iter().zip(&report.outcomes) {
            if matches!(outcome, Outcome::DoneBefore { .. }) {
                self.write_entry(&Entry::of(operation, outcome));
            }
        }
        let count = |name: &str| report.outcomes.iter().filter(|outcome| outcome.name() == name).count();
        let summary = Event::Summary {
            at: now(),
            outcome: status.name(),
            done: count("done"),
            done_before: count("done_before"),
            failed: count("failed"),
            in_doubt: count("in_doubt"),
            not_attempted: count("not_attempted"),
            waiting: plan.content().waiting_people(),
            halt: report.halt.as_ref().map(ToString::to_string),
            emptied,
            duration_ms: self.began.elapsed().as_millis(),
        };
        self.tell(&summary);
        if let Some(ReportFile { mut out, .. }) = self.report.take() {
            let written = write!(out, "\n],\"summary\":")
                .and_then(|()| out.write_all(one_line(&summary)?.as_bytes()))
                .and_then(|()| writeln!(out, "}}"))
                .and_then(|()| out.keep());
            self.failed = self.failed.take().or(written.err());
        }
        let signals = end_with(status)?;
        let events = self.events.map_or(Ok(()), Events::finish);
        if let Some(error) = self.failed.or(events.err()) {
            self.ui.warn(format!("the event stream or the report file could not be written completely: {error}"));
        }
        Ok(signals)
    }

    fn tell(&mut self, event: &Event<'_>) {
        let Some(events) = &self.events else { return };
        match one_line(event) {
            Ok(line) => events.push((line + "\n").into_bytes()),
            Err(error) => {
                self.failed.get_or_insert(error);
            }
        }
    }

    fn begin_report(&mut self) {
        let hash = self.plan_hash;
        self.write_report(|out| {
            write!(
                out,
                r#"{{"format":"{REPORT_FORMAT}","format_version":{VERSION},"plan_hash":"{hash}","operations":["#
            )
        });
    }

    fn write_entry(&mut self, entry: &Entry<'_>) {
        if let Some(report) = &mut self.report {
            let separator: &[u8] = if std::mem::take(&mut report.first) { b"\n" } else { b",\n" };
            self.write_report(|out| {
                out.write_all(separator)?;
                out.write_all(one_line(entry)?.as_bytes())
            });
        }
    }

    fn write_report(&mut self, write: impl FnOnce(&mut PrivateFile) -> io::Result<()>) {
        if let Some(report) = &mut self.report
            && let Err(error) = write(&mut report.out)
        {
            self.report = None;
            self.failed.get_or_insert(error);
        }
    }
}

impl Observer for Watch {
    fn started(&mut self, operation: &Operation, attempt: u32) {
        let (action, employee) =
            (operation.action.name(), operation.employee.as_ref().map(|employee| employee.as_str()));
        self.tell(&Event::OperationStart { at: now(), operation: operation.id, action, employee, attempt });
    }

    fn ended(&mut self, ended: Ended<'_>) {
        let Ended { operation, outcome, attempts, took, before, after } = ended;
        let entry = Entry { attempts, duration_ms: took.as_millis(), before, after, ..Entry::of(operation, outcome) };
        let Entry { operation, action, employee, outcome, problem, differs, .. } = entry;
        self.tell(&match problem {
            None => Event::OperationDone { at: now(), operation, action, employee, differs },
            Some(problem) => Event::OperationFailed { at: now(), operation, action, employee, outcome, problem },
        });
        self.write_entry(&entry);
        self.bar.inc(1);
    }

    fn settling(&mut self, unclear: usize, wait: Duration) {
        self.tell(&Event::Settling { at: now(), unclear, wait_ms: wait.as_millis() });
        let seconds = wait.as_millis().div_ceil(1000);
        self.ui.note(format!(
            "unknown outcomes: {unclear}; waiting {seconds} s, then reading Skovik's complete list to see what was \
            carried out"
        ));
    }

    fn confirming(&mut self, done: usize) {
        self.tell(&Event::Confirming { at: now(), done });
        self.bar.finish();
        self.bar = self.ui.progress("confirming with Skovik's complete list");
    }

    fn halt(&self) -> Option<Halt> {
        self.events.as_ref().and_then(Events::halt)
    }
}

/// Writes a value as JSON on one line, with invisible characters escaped.
fn one_line(value: &impl Serialize) -> io::Result<String> {
    Ok(printable_json(&serde_json::to_string(value)?).into_owned())
}

/// Writes the report of a run that began no operation.
///
/// # Errors
/// If the file cannot be written.
pub(in crate::commands) fn report_without_apply(
    path: &Path,
    plan_hash: Option<Digest>,
    waiting: u64,
    status: ExitStatus,
    problem: Option<&str>,
) -> io::Result<()> {
    let report = json!({
        "format": REPORT_FORMAT,
        "format_version": VERSION,
        "plan_hash": plan_hash,
        "operations": [],
        "summary": {
            "type": "summary",
            "at": now(),
            "outcome": status.name(),
            "problem": problem,
            "done": 0,
            "done_before": 0,
            "failed": 0,
            "in_doubt": 0,
            "not_attempted": 0,
            "waiting": waiting,
            "halt": null,
            "duration_ms": 0,
        },
    });
    let mut out = PrivateFile::create(path)?;
    writeln!(out, "{}", one_line(&report)?)?;
    out.keep()
}
