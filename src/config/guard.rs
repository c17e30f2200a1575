//! `[guard]`, with `[guard.per_branch]` and `[guard.fields]`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::{ConfigError, EmployeeSettings, MOST_PEOPLE};
use crate::field::Field;
use crate::guard::{GUARDS, Guard, IgnoreBelow, Limits, Needs, Unit, WINDOW};
use crate::setting::nearest;
use crate::setting::section::Section;

/// The key that says for how long what was done counts with a plan.
const WINDOW_KEY: &str = "window";
/// The shortest window, in seconds.
const SHORTEST_WINDOW: u64 = 60;
/// The longest: 30 days.
const LONGEST_WINDOW: u64 = 30 * 24 * 60 * 60;

/// Reads the limits of all guards and the window, and refuses any other key.
pub(super) fn limits(section: Section<'_>, employee: &EmployeeSettings) -> Result<Limits, ConfigError> {
    let own = || GUARDS.iter().copied().filter(|guard| guard.setting.table.is_none() && !guard.is_set_per_source());
    let mut tables: Vec<&str> = Vec::new();
    for table in GUARDS.iter().filter_map(|guard| guard.setting.table) {
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    let mut known: Vec<&str> = own().map(|guard| guard.setting.key).collect();
    known.extend(own().filter_map(|guard| guard.setting.fields));
    known.extend(&tables);
    known.push(WINDOW_KEY);
    let section = section.only(&known)?;
    // A field that is not managed needs no limit.
    let needless = GUARDS.iter().filter(|guard| lacks(guard, employee).is_some());
    let mut limits = needless.fold(Limits::default(), |limits, guard| limits.without(guard));
    for guard in own() {
        limits = common(&section, guard, limits, employee)?;
        if let Some(key) = guard.setting.fields {
            for (field, limit) in fields(&section.section(key, &format!("[guard.{key}]"))?, guard, employee)? {
                limits = limits.with_field(guard, field, limit);
            }
        }
    }
    for name in tables.into_iter().filter(|name| section.has(name)) {
        limits = table(&section, name, limits, employee)?;
    }
    Ok(limits.with_window(window(&section)?))
}

/// Reads for how long what was done counts with a plan.
fn window(section: &Section<'_>) -> Result<u64, ConfigError> {
    let seconds = section.period(WINDOW_KEY)?.map_or(WINDOW, |window| window.as_secs());
    if seconds != 0 && !(SHORTEST_WINDOW..=LONGEST_WINDOW).contains(&seconds) {
        let problem = "must be between \"1m\" and \"30d\", or \"0h\" to count each plan by itself";
        return Err(section.problem(WINDOW_KEY, problem));
    }
    Ok(seconds)
}

/// Reads the limits of the guards that have a table of their own.
fn table(
    section: &Section<'_>,
    name: &'static str,
    mut limits: Limits,
    employee: &EmployeeSettings,
) -> Result<Limits, ConfigError> {
    let guards = || GUARDS.iter().copied().filter(|guard| guard.setting.table == Some(name));
    let keys: Vec<&str> = guards().map(|guard| guard.setting.key).collect();
    let mut known = keys.clone();
    known.extend(guards().filter_map(|guard| match guard.ignore_below {
        IgnoreBelow::Setting { key, default: _ } => Some(key),
        IgnoreBelow::Nothing | IgnoreBelow::Fixed(_) => None,
    }));
    let table = section.section(name, &format!("[guard.{name}]"))?.only(&known)?;
    for guard in guards() {
        // Without it the whole table would have no effect.
        check_needs(section, name, guard, employee)?;
        limits = common(&table, guard, limits, employee)?;
        if let IgnoreBelow::Setting { key, default: _ } = guard.ignore_below
            && let Some(count) = table.number(key, 1..=MOST_PEOPLE)?
        {
            limits = limits.with_ignore_below(guard, count);
        }
    }
    if !guards().any(|guard| limits.demand(guard)) {
        let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        return Err(section.problem(name, format!("sets no limit: give at least one of {}", keys.join(", "))));
    }
    Ok(limits)
}

/// Reads the common limit of a guard.
fn common(
    section: &Section<'_>,
    guard: &'static Guard,
    limits: Limits,
    employee: &EmployeeSettings,
) -> Result<Limits, ConfigError> {
    let key = guard.setting.key;
    let Some(limit) = section.number(key, range(guard.unit))? else { return Ok(limits) };
    check_needs(section, key, guard, employee)?;
    Ok(limits.with(guard, limit))
}

fn range(unit: Unit) -> RangeInclusive<u64> {
    match unit {
        Unit::Percent => 0..=100,
        Unit::AtMost => 0..=MOST_PEOPLE,
        Unit::AtLeast => 1..=MOST_PEOPLE,
    }
}

fn check_needs(
    section: &Section<'_>,
    key: &str,
    guard: &Guard,
    employee: &EmployeeSettings,
) -> Result<(), ConfigError> {
    match lacks(guard, employee) {
        Some(Needs::Branch) => {
            Err(section.problem(key, "needs `branch` in [employee], which says where everybody belongs"))
        }
        Some(Needs::Manager) => Err(section.problem(key, "needs `manager` in [employee]")),
        None => Ok(()),
    }
}

/// The setting that a guard needs and that `[employee]` lacks.
fn lacks(guard: &Guard, employee: &EmployeeSettings) -> Option<Needs> {
    guard.setting.needs.filter(|needs| match needs {
        Needs::Branch => employee.branch.is_none(),
        Needs::Manager => employee.manager.is_none(),
    })
}

/// The limits of certain fields. A limit of a field that is not managed is an error, because it would do nothing.
fn fields(
    section: &Section<'_>,
    guard: &Guard,
    employee: &EmployeeSettings,
) -> Result<BTreeMap<String, u64>, ConfigError> {
    let is_managed = |field: &Field| match field {
        Field::Branch => employee.branch.is_some(),
        Field::Manager => employee.manager.is_some(),
        _ => true,
    };
    let standard = Field::STANDARD.into_iter().filter(is_managed).filter_map(|field| field.standard_name());
    let known: Vec<&str> = standard.chain(employee.custom_fields.keys().map(String::as_str)).collect();
    let limit = |key: &str| {
        if !known.contains(&key) {
            let hint = nearest(key, known.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
            let problem = format!("is not a field that [employee] manages{}", hint.unwrap_or_default());
            return Err(section.problem(key, problem));
        }
        Ok((key.to_owned(), section.number(key, range(guard.unit))?.unwrap_or(0)))
    };
    section.names().map(limit).collect()
}
