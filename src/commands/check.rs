//! `check`: reads the settings, reaches every source and the account, and says what it found. It writes nothing.

use super::common::load_settings;
use super::plan::read_both_sides;
use crate::cli::{self, Global};
use crate::employee::{CustomField, CustomFieldKind, SetAside};
use crate::exit::ExitStatus;
use crate::render::printable;
use crate::ui::Ui;

/// How many bad records are listed.
const SHOWN: usize = 20;

/// Runs `check`.
///
/// # Errors
/// Exit codes 3 and 4, as `plan`.
pub async fn run(_args: &cli::Check, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let settings = load_settings(&global.config)?;
    ui.line(format!("settings  {}: whole, hash {}", global.config.display(), settings.hash()))?;
    let both = read_both_sides(&settings, None, ui).await?;
    for source in both.records.summaries() {
        ui.line(format!(
            "source    {}: {} records ({}, proof: {})",
            source.name, source.records, source.kind, source.proof
        ))?;
    }
    for (source, count) in both.records.without_key() {
        ui.warn(format!("source {source}: {count} records have no key and are ignored"));
    }
    let directory = &both.directory;
    ui.line(format!("target    {}: {} users", settings.target.url, directory.users.len()))?;
    for branch in &directory.branches {
        let identifier = branch.identifier.as_deref().unwrap_or("(no external identifier)");
        ui.line(printable(&format!("  branch        {identifier}: {} ({})", branch.name, branch.id)))?;
    }
    for CustomField { id, name, kind } in &directory.custom_fields {
        let kind = match kind {
            CustomFieldKind::Text => "text".to_owned(),
            CustomFieldKind::Boolean => "boolean".to_owned(),
            CustomFieldKind::MultipleChoice(options) => format!("multiple choice of {}", options.len()),
            CustomFieldKind::Unknown(kind) => format!("{kind}, a type that this version does not know"),
        };
        let managed = if both.resolved.managed().custom_fields.contains(id) { ", managed" } else { "" };
        ui.line(printable(&format!("  custom field  {name} ({id}): {kind}{managed}")))?;
    }
    let desired = &both.desired;
    ui.line(format!(
        "people    {} in scope, {} of them good, {} set aside",
        desired.in_scope,
        desired.employees.len() + desired.elsewhere.len(),
        desired.set_aside.len()
    ))?;
    for SetAside { identifier, origin, reason, .. } in desired.set_aside.iter().take(SHOWN) {
        let who = identifier.as_ref().map(|identifier| format!(" {identifier}")).unwrap_or_default();
        ui.line(printable(&format!("  {origin}{who}: {reason}")))?;
    }
    if desired.set_aside.len() > SHOWN {
        ui.line(format!("  … and {} more", desired.set_aside.len() - SHOWN))?;
    }
    Ok(ExitStatus::Done)
}
