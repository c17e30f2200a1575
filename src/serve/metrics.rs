//! `/metrics`: the text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write as _};

use jiff::Timestamp;

use super::board::Board;
use crate::runs::Outcome;

/// The content type of the format.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The figures of the queue and the webhooks.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) waiting: usize,
    /// By webhook and result.
    pub(super) counts: Vec<(String, &'static str, u64)>,
}

/// Writes families of metrics.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // A string takes everything.
        let _ = writeln!(self.0, "# HELP skovik_sync_{name} {help}\n# TYPE skovik_sync_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "skovik_sync_{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// A moment; nothing at all if there is none.
    fn moment(&mut self, name: &str, help: &str, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.gauge(name, help, seconds(at));
        }
    }
}

pub(super) fn render(board: &Board, events: &Events) -> String {
    let Board { account: _, started, runs, running, next, ended, seconds: took, untold, plan: _, commands: _, page: _ } =
        board;
    let mut text = Text::default();
    text.family("build_info", "gauge", "The version of the program.");
    text.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.gauge("start_time_seconds", "When the service began.", seconds(*started));
    let success = "When the last run that succeeded ended. Missing if none ever has.";
    text.moment("last_success_timestamp_seconds", success, runs.last_success);
    text.moment("next_run_timestamp_seconds", "When the next run of the schedule is due.", *next);
    text.gauge("run_in_progress", "Whether a run is under way.", u8::from(running.is_some()));
    text.family("runs_total", "counter", "Runs since the service began, by how they ended.");
    for (outcome, count) in Outcome::ALL.iter().zip(ended) {
        text.sample("runs_total", &[("outcome", outcome.name())], count);
    }
    text.family("run_duration_seconds", "summary", "How long the runs since the service began took.");
    text.sample("run_duration_seconds_sum", &[], took);
    text.sample("run_duration_seconds_count", &[], ended.iter().sum::<u64>());
    if let Some(last) = runs.last() {
        text.moment("last_run_timestamp_seconds", "When the last run began.", Some(last.began));
        text.gauge("last_run_exit_code", "The exit code of the last run.", last.exit_code);
        let duration = last.ended.duration_since(last.began).as_secs_f64().max(0.0);
        text.gauge("last_run_duration_seconds", "How long the last run took.", duration);
    }
    if let Some(plan) = runs.last_plan() {
        text.family("people", "gauge", "People in the last plan, by group.");
        let counts = &plan.summary;
        for (group, count) in [
            ("create", counts.create),
            ("update", counts.update),
            ("delete", counts.delete),
            ("unchanged", counts.unchanged),
            ("set_aside", counts.set_aside),
            ("waiting", plan.waiting),
        ] {
            text.sample("people", &[("group", group)], count);
        }
        for (name, help, value) in [
            ("guard_count", "What a guard counted in the last plan.", 0),
            ("guard_of", "Of how many a guard counted.", 1),
            ("guard_limit", "The limit of a guard: percent, or a count, as its name says.", 2),
            ("guard_blocks", "Whether a guard blocks the last plan.", 3),
        ] {
            text.family(name, "gauge", help);
            for guard in &plan.guards {
                let labels = [("guard", &*guard.id), ("subject", &*guard.subject)];
                let values = [guard.count, guard.of, guard.limit, u64::from(guard.blocks)];
                text.sample(name, &labels, values[value]);
            }
        }
    }
    let waiting = runs.waiting();
    text.gauge("plan_waiting", "Whether a plan waits for people: approval, or a guard.", u8::from(waiting.is_some()));
    let operations = waiting.map_or(0, |plan| plan.operations);
    text.gauge("plan_waiting_operations", "How many operations the waiting plan has.", operations);
    text.gauge("queue_events", "Events that wait for a run, or for its end.", events.waiting);
    text.family("events_total", "counter", "Requests to webhooks since the service began, by result.");
    for (webhook, result, count) in &events.counts {
        text.sample("events_total", &[("webhook", webhook), ("result", result)], count);
    }
    text.family("notify_failures_total", "counter", "Notifications since the service began that failed.");
    text.sample("notify_failures_total", &[], untold);
    text.0
}

fn seconds(at: Timestamp) -> String {
    format!("{}.{:03}", at.as_second(), at.subsec_millisecond().max(0))
}

/// A value of a label: only these three need escaping.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
