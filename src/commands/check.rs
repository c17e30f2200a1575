//! `check`: reads the settings, reaches every source and the account, and says what it found. It writes nothing. If one
//! of them fails, it still checks the others.

mod contract;
mod people;
mod trial;

use console::measure_text_width;

use super::common::{calendar, load_settings, now, shown, without_secrets};
use super::plan::{BothSides, SourceProgress, open_account, read_account};
use super::signals::unless_interrupted;
use crate::cli::{self, Global};
use crate::config::Settings;
use crate::employee::{CustomField, CustomFieldKind, Directory};
use crate::exit::{ExitStatus, refused, status_of};
use crate::mapping::ResolvedMapper;
use crate::plan::SourceSummary;
use crate::setting::Secrets;
use crate::source::{Listing, SampleColumn, SourceError, join, read_each};
use crate::text::{escape, printable};
use crate::ui::Ui;

/// The greatest width of the column of names.
const WIDEST_NAME: usize = 28;

/// Runs `check`.
///
/// # Errors
/// Exit codes 3 and 4, as `plan`.
pub async fn run(args: &cli::Check, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    if args.contract {
        return contract::run(args, global, ui).await;
    }
    let settings = load_settings(&global.config)?;
    ui.line(format!("settings  {}: valid, hash {}", shown(&global.config), settings.hash()))?;
    let lines = SourceProgress::new(&settings, ui);
    let told = |place, so_far, total| lines.told(place, so_far, total);
    let calendar = calendar(&settings, None)?;
    let to_read = settings.to_read(now().into(), &calendar);
    let reading = async {
        Ok(match open_account(&settings, None).await {
            Ok(account) => tokio::join!(read_account(account, &settings, ui), read_each(&to_read, &told)),
            // Without a key the account cannot be reached, but the sources can.
            Err(error) => (Err(error), read_each(&to_read, &told).await),
        })
    };
    let ((account, sources), _signals) = unless_interrupted(reading).await?;
    drop(lines);
    let mut problems: Vec<anyhow::Error> = Vec::new();
    let mut listings = Vec::new();
    for (source, listing) in to_read.lists().zip(sources) {
        match listing {
            Ok(listing) => {
                show_source(&listing, to_read.secrets, ui)?;
                listings.push(listing);
            }
            Err(error) => {
                ui.line(format!("source    {}: FAILED", source.name))?;
                problems.push(refused(error.status(), error));
            }
        }
    }
    match account {
        Ok((resolved, directory)) => {
            show_account(&settings, &resolved, &directory, ui)?;
            if problems.is_empty() {
                let records =
                    join(&to_read, listings).await.map_err(|error: SourceError| refused(error.status(), error))?;
                let shown = BothSides::new(records, resolved, directory)
                    .and_then(|both| people::show(&settings, &both, to_read.secrets, ui));
                without_secrets(&settings, shown)?;
            }
        }
        Err(error) => {
            ui.line(format!("target    {}: FAILED", settings.target.account()))?;
            problems.extend(without_secrets(&settings, Err::<(), _>(error)).err());
        }
    }
    problems.iter().for_each(|problem| ui.error(problem));
    Ok(problems.first().map_or(ExitStatus::Done, status_of))
}

fn show_source(listing: &Listing, secrets: &Secrets, ui: &Ui) -> anyhow::Result<()> {
    let summary = listing.summary();
    let SourceSummary { name, kind, records, proof, fingerprint: _, join: _ } = summary;
    let proof = summary.unproven().map_or_else(|| format!("proof: {proof}"), str::to_owned);
    ui.line(format!("source    {name}: {records} records ({kind}, {proof})"))?;
    let (columns, profiles) = (listing.sample(), listing.profiles());
    let names: Vec<String> = columns.iter().map(|column| escape(&secrets.hide(&column.name)).into_owned()).collect();
    let width = names.iter().map(|name| measure_text_width(name)).max().unwrap_or(0).min(WIDEST_NAME);
    for ((name, SampleColumn { shapes, .. }), profile) in names.iter().zip(&columns).zip(&profiles) {
        let padding = " ".repeat(width.saturating_sub(measure_text_width(name)));
        let shapes = shapes.join("  |  ");
        ui.line(format!("  column        {name}{padding}  {}  ({profile})", escape(&shapes)))?;
    }
    for remark in listing.key_remarks() {
        ui.line(printable(&format!("  keys          {}", secrets.hide(&remark))))?;
    }
    Ok(())
}

fn show_account(settings: &Settings, resolved: &ResolvedMapper, directory: &Directory, ui: &Ui) -> anyhow::Result<()> {
    let account = settings.target.account();
    let shown = |text: &str| printable(&settings.secrets().hide(text)).into_owned();
    let unproven = match directory.unproven[..] {
        [] => String::new(),
        ref lists => format!(" (read to the last page, not proven: {})", lists.join(", ")),
    };
    ui.line(format!("target    {account}: {} users{unproven}", directory.users.len()))?;
    for branch in &directory.branches {
        let identifier = branch.identifier.as_deref().unwrap_or("(no external identifier)");
        ui.line(shown(&format!("  branch        {identifier}: {} ({})", branch.name, branch.id)))?;
    }
    for CustomField { id, name, kind } in &directory.custom_fields {
        let kind = match kind {
            CustomFieldKind::Text => "text".to_owned(),
            CustomFieldKind::Boolean => "boolean".to_owned(),
            CustomFieldKind::MultipleChoice(options) => format!("multiple choice of {}", options.len()),
            CustomFieldKind::UncheckedChoice => "multiple choice, whose options Skovik does not list".to_owned(),
            CustomFieldKind::Unknown(kind) => format!("{kind}, a type that this version does not know"),
            CustomFieldKind::Unusable(reason) => format!("{reason}, cannot be managed"),
        };
        let managed = if resolved.managed().custom_fields.contains(id) { ", managed" } else { "" };
        ui.line(shown(&format!("  custom field  {name} ({id}): {kind}{managed}")))?;
    }
    Ok(())
}
