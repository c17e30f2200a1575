//! Reads the settings from the tables of the file, table by table.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use toml::de::DeTable;

use super::employee::employee;
use super::escalation::Escalation;
use super::notify::notifications;
use super::serve::{schedule, serve, webhooks};
use super::state::state;
use super::target::target;
use super::{
    ApprovalSettings, ConfigError, EmployeeSettings, Invalid, ManagerSettings, Require, ScopeSettings, Settings,
    Unresolved,
};
use crate::diff::{Remove, Renumber};
use crate::guard::MAX_UNMATCHED_PERCENT;
use crate::plan::Digest;
use crate::setting::section::{Document, Section};
use crate::setting::template::Sources;
use crate::source::{SourceSettings, sources, tables};

/// The longest time that somebody may have to be missing: ten years.
const LONGEST_ABSENCE: Duration = Duration::from_secs(3653 * 24 * 60 * 60);

pub(super) fn settings(document: Document<'_>, table: &DeTable<'_>) -> Result<Settings, ConfigError> {
    let root = Section::root(document, table).only(&[
        "target", "source", "employee", "scope", "manager", "guard", "approval", "state", "table", "schedule", "serve",
        "webhook", "notify",
    ])?;
    let target = target(&root.section("target", "[target]")?)?;
    let sources = sources(&root)?;
    let tables = tables(&root)?;
    let names = template_sources(&sources, &tables);
    let employee = employee(root.section("employee", "[employee]")?, &names)?;
    let scope = scope(root.section("scope", "[scope]")?, &names, &employee)?;
    let manager = manager(root.section("manager", "[manager]")?)?;
    let limits = super::guard::limits(root.section("guard", "[guard]")?, &employee)?;
    // Each source that is joined to the first has a limit of its own.
    let guard = sources.iter().skip(1).fold(limits, |limits, source| {
        limits.with_source(&MAX_UNMATCHED_PERCENT, &*source.name, source.max_unmatched_percent)
    });
    let approval = approval(root.section("approval", "[approval]")?)?;
    let state = state(root.section("state", "[state]")?)?;
    // The hash is computed over the rest as soon as that is complete.
    let (hash, secrets) = (Digest::from_bytes([0; 32]), Arc::clone(document.secrets));
    Ok(Settings {
        target,
        sources,
        tables,
        employee,
        scope,
        manager,
        guard,
        approval,
        state,
        schedule: schedule(&root)?,
        serve: serve(&root)?,
        webhooks: webhooks(&root)?,
        notify: notifications(&root)?,
        hash,
        files: Vec::new(),
        secrets,
    })
}

/// The lists as templates see them.
fn template_sources(sources: &[SourceSettings], tables: &[SourceSettings]) -> Sources {
    let only_texts = sources.iter().filter(|source| source.kind.has_only_texts());
    Sources {
        // After the name of a table comes the key of a row, not a column.
        with_columns: sources.len(),
        names: sources.iter().chain(tables).map(|list| Arc::clone(&list.name)).collect(),
        only_texts: only_texts.map(|source| Arc::clone(&source.name)).collect(),
    }
}

fn scope(section: Section<'_>, names: &Sources, employee: &EmployeeSettings) -> Result<ScopeSettings, ConfigError> {
    let section = section.only(&[
        "include",
        "branches",
        "match",
        "renumber",
        "remove",
        "remove_after",
        "protect",
        "invalid",
        "time_zone",
    ])?;
    let include = match section.text("include")? {
        None => None,
        Some(text) => {
            Some(names.condition("`include` in [scope]", text).map_err(|problem| section.problem("include", problem))?)
        }
    };
    let branches = section.texts("branches")?;
    if branches.as_ref().is_some_and(Vec::is_empty) {
        return Err(section.problem("branches", "is empty; leave it out to manage every branch"));
    }
    if branches.is_some() && employee.branch.is_none() {
        return Err(section.problem("branches", "needs `branch` in [employee], which says where everybody belongs"));
    }
    Ok(ScopeSettings {
        include,
        branches,
        match_email: match_email(&section)?,
        renumber: section
            .word("renumber", &[("ask", Renumber::Ask), ("same-person", Renumber::SamePerson)])?
            .unwrap_or_default(),
        remove: section
            .word("remove", &[("identified", Remove::Identified), ("all", Remove::All), ("none", Remove::None)])?
            .unwrap_or_default(),
        protect: section.texts("protect")?,
        invalid: section.word("invalid", &[("skip", Invalid::Skip), ("error", Invalid::Error)])?.unwrap_or_default(),
        remove_after: remove_after(&section)?,
        time_zone: time_zone(&section)?,
    })
}

fn remove_after(section: &Section<'_>) -> Result<u64, ConfigError> {
    let period = section.period("remove_after")?.unwrap_or_default();
    if period > LONGEST_ABSENCE {
        return Err(section.problem("remove_after", "is more than ten years; to remove nobody, set remove = \"none\""));
    }
    Ok(period.as_secs())
}

fn time_zone(section: &Section<'_>) -> Result<TimeZone, ConfigError> {
    match section.text("time_zone")? {
        None | Some("UTC") => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name).map_err(|_| {
            let problem = format!(
                "is {name:?}, which the time zones of this system do not have; give a name such as \"Europe/Stockholm\", or \
                 install the package `tzdata`"
            );
            section.problem("time_zone", problem)
        }),
    }
}

fn match_email(section: &Section<'_>) -> Result<bool, ConfigError> {
    let Some(keys) = section.texts("match")? else { return Ok(true) };
    match keys.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["external_identifier"] => Ok(false),
        ["external_identifier", "primary_email"] => Ok(true),
        _ => Err(section.problem(
            "match",
            "must be [\"external_identifier\"] or [\"external_identifier\", \"primary_email\"]: an e-mail changes and is \
             given to somebody else in time, so that it comes second, and nothing else is unique",
        )),
    }
}

fn manager(section: Section<'_>) -> Result<ManagerSettings, ConfigError> {
    let section = section.only(&["unresolved"])?;
    let words = [("warn", Unresolved::Warn), ("error", Unresolved::Error)];
    Ok(ManagerSettings { unresolved: section.word("unresolved", &words)?.unwrap_or_default() })
}

fn approval(section: Section<'_>) -> Result<ApprovalSettings, ConfigError> {
    let section = section.only(&["require", "approvers", "max_age", "automatic", "allowed_signers", "rule"])?;
    let require =
        section.word("require", &[("hash", Require::Hash), ("signature", Require::Signature)])?.unwrap_or_default();
    let approvers = approvers(&section, require)?.unwrap_or(1);
    let allowed_signers = section.path("allowed_signers")?;
    if require == Require::Signature && allowed_signers.is_none() {
        return Err(section.problem("require", "needs `allowed_signers`, the file that says whose signatures count"));
    }
    let rules = section.sections("rule", "[[approval.rule]]")?.into_iter().map(|rule| escalation(rule, require));
    Ok(ApprovalSettings {
        require,
        approvers,
        rules: rules.collect::<Result<_, _>>()?,
        max_age: section.duration("max_age")?.unwrap_or(Duration::from_secs(24 * 60 * 60)),
        automatic: section.flag("automatic")?.unwrap_or(false),
        allowed_signers,
    })
}

fn escalation(section: Section<'_>, require: Require) -> Result<Escalation, ConfigError> {
    let section = section.only(&["when", "approvers"])?;
    let when = section.required("when", "an expression such as \"deletes > 0\"")?;
    let approvers = approvers(&section, require)?
        .ok_or_else(|| section.missing("approvers", "how many people must approve such a plan"))?;
    Escalation::new(when, approvers).map_err(|problem| section.problem("when", problem))
}

fn approvers(section: &Section<'_>, require: Require) -> Result<Option<usize>, ConfigError> {
    let approvers = section.number("approvers", 1..=100)?.and_then(|n| usize::try_from(n).ok());
    if require == Require::Hash && approvers.is_some_and(|number| number > 1) {
        return Err(section.problem(
            "approvers",
            "above 1 needs `require = \"signature\"`: without signatures, one person could approve under two names",
        ));
    }
    Ok(approvers)
}
