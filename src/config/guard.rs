//! `[guard]`, with `[guard.per_branch]` and `[guard.fields]`.

use std::collections::BTreeMap;

use super::read::MOST_PEOPLE;
use super::section::Section;
use super::{ConfigError, EmployeeSettings, nearest};
use crate::guard::{BranchLimits, Limits};

/// The fields that every user has, by the name that `[employee]` gives them.
const OWN_FIELDS: [&str; 6] = ["external_identifier", "primary_email", "first_name", "last_name", "branch", "manager"];

pub(super) fn limits(section: Section<'_>, employee: &EmployeeSettings) -> Result<Limits, ConfigError> {
    let section = section.only(&[
        "max_delete_percent",
        "max_change_percent",
        "max_invalid_percent",
        "min_employees",
        "max_creates",
        "max_updates",
        "max_deletes",
        "max_left_without_manager",
        "max_field_percent",
        "fields",
        "per_branch",
    ])?;
    let defaults = Limits::default();
    let percent = |key| section.number(key, 0..=100);
    let count = |key| section.number(key, 0..=MOST_PEOPLE);
    if section.has("max_left_without_manager") && employee.manager.is_none() {
        return Err(section.problem("max_left_without_manager", "needs `manager` in [employee]"));
    }
    Ok(Limits {
        max_delete_percent: percent("max_delete_percent")?.unwrap_or(defaults.max_delete_percent),
        max_change_percent: percent("max_change_percent")?.unwrap_or(defaults.max_change_percent),
        max_invalid_percent: percent("max_invalid_percent")?.unwrap_or(defaults.max_invalid_percent),
        min_employees: section.number("min_employees", 1..=MOST_PEOPLE)?.unwrap_or(defaults.min_employees),
        max_creates: count("max_creates")?,
        max_updates: count("max_updates")?,
        max_deletes: count("max_deletes")?,
        max_left_without_manager: count("max_left_without_manager")?,
        max_field_percent: percent("max_field_percent")?,
        fields: fields(&section.section("fields", "[guard.fields]")?, employee)?,
        per_branch: if section.has("per_branch") { Some(per_branch(&section, employee)?) } else { None },
    })
}

/// The limits of certain fields; only of those that are managed, so that no limit is written down in vain.
fn fields(section: &Section<'_>, employee: &EmployeeSettings) -> Result<BTreeMap<String, u64>, ConfigError> {
    let is_managed = |name: &str| match name {
        "branch" => employee.branch.is_some(),
        "manager" => employee.manager.is_some(),
        _ => true,
    };
    let own = OWN_FIELDS.into_iter().filter(|name| is_managed(name));
    let known: Vec<&str> = own.chain(employee.custom_fields.keys().map(String::as_str)).collect();
    let limit = |key: &str| {
        if !known.contains(&key) {
            let hint = nearest(key, known.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
            let problem = format!("is no field that [employee] manages{}", hint.unwrap_or_default());
            return Err(section.problem(key, problem));
        }
        Ok((key.to_owned(), section.number(key, 0..=100)?.unwrap_or(0)))
    };
    section.names().map(limit).collect()
}

fn per_branch(guard: &Section<'_>, employee: &EmployeeSettings) -> Result<BranchLimits, ConfigError> {
    let label = "[guard.per_branch]";
    let section =
        guard.section("per_branch", label)?.only(&["max_delete_percent", "max_change_percent", "ignore_below"])?;
    if employee.branch.is_none() {
        return Err(guard.problem("per_branch", "needs `branch` in [employee], which says where everybody belongs"));
    }
    let limits = BranchLimits {
        max_delete_percent: section.number("max_delete_percent", 0..=100)?,
        max_change_percent: section.number("max_change_percent", 0..=100)?,
        ignore_below: section.number("ignore_below", 1..=MOST_PEOPLE)?.unwrap_or(BranchLimits::IGNORE_BELOW),
    };
    if limits.max_delete_percent.is_none() && limits.max_change_percent.is_none() {
        return Err(
            guard.problem("per_branch", "sets no limit: give `max_delete_percent`, `max_change_percent` or both")
        );
    }
    Ok(limits)
}
