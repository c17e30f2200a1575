//! What `check` says about the people: how they are joined, who their managers are, and what would stop a plan.

use std::collections::{BTreeMap, HashSet};

use crate::commands::plan::{BothSides, Facts, no_plan};
use crate::config::Settings;
use crate::diff::Population;
use crate::employee::DesiredManager;
use crate::plan::{Diagnostic, Plan, Severity};
use crate::setting::Secrets;
use crate::text::{escape, printable};
use crate::ui::Ui;

/// How many messages of one kind are listed.
const SHOWN: usize = 5;

/// Compares both sides as `plan` does, because good records can still be in conflict with each other.
pub(super) fn show(settings: &Settings, both: &BothSides, secrets: &Secrets, ui: &Ui) -> anyhow::Result<()> {
    show_joins(settings, both, ui)?;
    let facts = Facts::new(settings, both, &[], &[])?;
    let (settled, input) = facts.compare(settings, &both.desired, &both.directory)?;
    let Population { in_scope, set_aside, .. } = settled.comparison().population();
    ui.line(format!("people    {in_scope} in scope, {} of them good, {set_aside} set aside", in_scope - set_aside))?;
    show_problems(settled.comparison().diagnostics(), Severity::Error, secrets, ui)?;
    show_managers(both, ui)?;
    // Making the plan finds the other problems.
    let plan = Plan::of(&settled, input).map_err(no_plan)?;
    show_problems(&plan.content().diagnostics, Severity::Warning, secrets, ui)
}

/// How the people in scope are joined with each later source.
fn show_joins(settings: &Settings, both: &BothSides, ui: &Ui) -> anyhow::Result<()> {
    for (place, (source, join)) in (1..).zip(settings.sources.iter().skip(1).zip(&both.desired.joins)) {
        let limit = source.max_unmatched_percent;
        let is_too_few = u128::from(join.without_row()) * 100 > u128::from(join.people) * u128::from(limit);
        let mark = if is_too_few { format!(" (! max_unmatched_percent is {limit})") } else { String::new() };
        ui.line(format!("join      {}: {join}{mark}", source.name))?;
        for near in both.records.near_joins(place) {
            ui.line(format!("  ! {near}"))?;
        }
    }
    Ok(())
}

/// How many of the people in scope name a manager, and how many of these are people in scope or in Skovik.
fn show_managers(both: &BothSides, ui: &Ui) -> anyhow::Result<()> {
    let people = || both.desired.employees.iter().chain(&both.desired.elsewhere);
    let users = both.directory.users.iter().filter_map(|user| user.identifier.as_ref());
    let known: HashSet<&str> =
        people().map(|person| person.identifier.as_str()).chain(users.map(|identifier| identifier.as_str())).collect();
    let (mut named, mut found) = (0_u64, 0_u64);
    for person in people() {
        let is_found = match &person.manager {
            DesiredManager::Nobody => continue,
            DesiredManager::Employee(manager) => known.contains(manager.as_str()),
            DesiredManager::Unresolved { .. } => false,
        };
        named += 1;
        found += u64::from(is_found);
    }
    if named > 0 {
        ui.line(format!("managers  {named} people name one; {found} of these managers are found"))?;
    }
    Ok(())
}

/// Lists the messages by kind, only the first few of each.
fn show_problems(diagnostics: &[Diagnostic], severity: Severity, secrets: &Secrets, ui: &Ui) -> anyhow::Result<()> {
    let mut kinds: BTreeMap<&str, Vec<&Diagnostic>> = BTreeMap::new();
    for found in diagnostics.iter().filter(|found| found.severity == severity) {
        kinds.entry(&found.code).or_default().push(found);
    }
    for (code, mut found) in kinds {
        found.sort_unstable();
        ui.line(format!("  ! {} ({})", escape(code), found.len()))?;
        for Diagnostic { message, .. } in found.iter().take(SHOWN) {
            ui.line(printable(&format!("      {}", secrets.hide(message))))?;
        }
        if found.len() > SHOWN {
            ui.line(format!("      … and {} more; `plan` names them all", found.len() - SHOWN))?;
        }
    }
    Ok(())
}
