//! `check --contract`: whether the service behaves as this program assumes, as a text or as JSON that can be handed on.

use anyhow::Context as _;
use serde::Serialize;

use super::trial;
use crate::cli::{self, CheckFormat, Global};
use crate::commands::common::{load_settings, without_secrets};
use crate::commands::service::contract;
use crate::commands::signals::unless_interrupted;
use crate::config::Settings;
use crate::exit::{ExitStatus, refused};
use crate::provider::{Finding, Verdict};
use crate::text::printable;
use crate::ui::Ui;

/// The name of the format in the document.
const FORMAT: &str = "skovik-sync/contract";
const FORMAT_VERSION: u64 = 1;

/// The findings as a document.
#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    format_version: u64,
    generator: &'static str,
    kind: &'static str,
    /// Without the path, which in some services identifies the account.
    origin: String,
    holds: usize,
    does_not_hold: usize,
    cannot_be_told: usize,
    findings: &'a [Finding],
}

/// Tests the service, and prints what it found.
///
/// # Errors
/// Exit codes 3 and 4.
pub(super) async fn run(args: &cli::Check, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let settings = load_settings(&global.config)?;
    let service = contract(&settings).await?;
    let reading = async { Ok(service.contract().await) };
    let (mut findings, signals) = unless_interrupted(reading).await?;
    drop(signals);
    let mut left = None;
    // No person is made if even reading does not work.
    if args.write && !findings.iter().any(Finding::is_broken) {
        let (writes, problem) = without_secrets(&settings, trial::run(args, &settings, global, ui).await)?;
        findings.extend(writes);
        left = problem;
    }
    // A service may give the key as a name.
    let findings: Vec<Finding> =
        findings.into_iter().map(|finding| finding.map_texts(|text| settings.secrets().mask(text))).collect();
    show(&settings, &findings, args, ui)?;
    match left {
        Some(problem) => without_secrets(&settings, Err(problem)),
        None => broken(&findings, args.write),
    }
}

fn show(settings: &Settings, findings: &[Finding], args: &cli::Check, ui: &Ui) -> anyhow::Result<()> {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (holds, not, unknown) = (count(Verdict::Holds), count(Verdict::DoesNotHold), count(Verdict::CannotTell));
    let kind = settings.target.kind();
    let origin = settings.target.url.url().origin().ascii_serialization();
    match args.format {
        CheckFormat::Json => {
            let document = Document {
                format: FORMAT,
                format_version: FORMAT_VERSION,
                generator: concat!("skovik-sync ", env!("CARGO_PKG_VERSION")),
                kind,
                origin,
                holds,
                does_not_hold: not,
                cannot_be_told: unknown,
                findings,
            };
            ui.line(serde_json::to_string_pretty(&document).context("the findings")?)?;
        }
        CheckFormat::Text => {
            let how = if args.write { "and by writes on one made-up person" } else { "only" };
            ui.line(format!("contract  {kind} at {origin}, by GET requests {how}"))?;
            for finding in findings {
                ui.line(printable(&line(finding)))?;
            }
            ui.line(format!("{holds} hold, {not} do not hold, {unknown} cannot be told"))?;
        }
    }
    Ok(())
}

/// Refuses a service that the program cannot work with.
fn broken(findings: &[Finding], writes: bool) -> anyhow::Result<ExitStatus> {
    let broken = findings.iter().filter(|finding| finding.is_broken()).count();
    if broken == 0 {
        return Ok(ExitStatus::Done);
    }
    let problem = format!(
        "Skovik does not behave as this program assumes: {broken} of {} do not hold; correct the settings that are named{}",
        findings.len(),
        if writes { ", or hand the findings on" } else { "" }
    );
    Err(refused(ExitStatus::Untrusted, problem))
}

/// A finding as a line of text.
fn line(finding: &Finding) -> String {
    let Finding { id, expected, verdict, seen, settings, otherwise } = finding;
    let (verdict, is_so) = match verdict {
        Verdict::Holds => ("holds         ", true),
        Verdict::DoesNotHold => ("DOES NOT HOLD ", false),
        Verdict::CannotTell => ("cannot be told", true),
    };
    let mut line = format!("  {verdict}  {id}: {expected}: {seen}");
    if !is_so {
        if let Some(otherwise) = otherwise {
            line.push_str(&format!("; so {otherwise}"));
        }
        if !settings.is_empty() {
            line.push_str(&format!("; see {}", settings.join(", ")));
        }
    }
    line
}
