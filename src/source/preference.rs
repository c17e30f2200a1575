//! `prefer`: which of several records with the same key counts. It decides only clear cases; a tie stays undecided.

use std::cmp::Ordering;

use jiff::civil::{Date, DateTime};
use minijinja::Value;
use minijinja::value::ValueKind;

use super::cell::value_of;
use super::no_such_column;
use super::settings::Prefer;
use super::table::Table;
use crate::setting::ConfigError;
use crate::setting::template::{ColumnName, Compiled, Engine, said};
use crate::text::shortened;

/// How many characters of a value a message shows.
const VALUE_SHOWN: usize = 60;

/// `prefer` of a source, compiled.
pub(super) struct Preference<'t> {
    rule: Option<Rule<'t>>,
    table: &'t Table,
    source: &'t str,
}

struct Rule<'t> {
    is_ranking: bool,
    expression: Compiled<'t>,
    /// The columns that it uses, with their places.
    columns: Vec<(&'t str, usize)>,
}

/// A value that records are ranked by. Values of different kinds have no order.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rank {
    Number(f64),
    /// A date without a time is the start of its day.
    Date(DateTime),
}

impl<'t> Preference<'t> {
    /// # Errors
    /// If it uses a column that the source does not have.
    pub(super) fn new(
        prefer: Option<&'t Prefer>,
        table: &'t Table,
        source: &'t str,
        engine: &'t Engine,
    ) -> Result<Self, ConfigError> {
        let rule = prefer.map(|prefer| Rule::new(prefer, table, source, engine)).transpose()?;
        Ok(Self { rule, table, source })
    }

    /// Chooses the row that counts.
    ///
    /// # Errors
    /// Says why it is not clear which one counts.
    pub(super) fn choose(&self, rows: &[u32]) -> Result<u32, String> {
        let Some(rule) = &self.rule else {
            return Err(
                "`prefer` in its [[source]], such as prefer = \"is_primary == 'Y'\", can say which of them counts"
                    .to_owned(),
            );
        };
        if rule.is_ranking { self.greatest(rule, rows) } else { self.only_one(rule, rows) }
    }

    fn only_one(&self, rule: &Rule<'t>, rows: &[u32]) -> Result<u32, String> {
        let mut chosen = Vec::new();
        for &row in rows {
            let value = self.value(rule, row)?;
            match value.kind() {
                ValueKind::Bool if value.is_true() => chosen.push(row),
                ValueKind::Bool => {}
                kind => {
                    return Err(format!("`prefer` gives {kind} and neither true nor false; compare it with something"));
                }
            }
        }
        match chosen[..] {
            [row] => Ok(row),
            _ => Err(format!("`prefer` is true of {} of them, and must be true of just one", chosen.len())),
        }
    }

    fn greatest(&self, rule: &Rule<'t>, rows: &[u32]) -> Result<u32, String> {
        let mut best: Option<(u32, Rank, bool)> = None;
        for &row in rows {
            let rank = Rank::of(&self.value(rule, row)?)?;
            best = Some(match best {
                None => (row, rank, false),
                Some((first, before, tied)) => match rank.compare(before) {
                    None => return Err("`prefer` ranks a date and a number, which have no order".to_owned()),
                    Some(Ordering::Less) => (first, before, tied),
                    Some(Ordering::Equal) => (first, before, true),
                    Some(Ordering::Greater) => (row, rank, false),
                },
            });
        }
        match best {
            Some((row, _, false)) => Ok(row),
            Some(_) => Err("several of them have the greatest value that `prefer` ranks by".to_owned()),
            None => Err("there is nothing to choose from".to_owned()),
        }
    }

    fn value(&self, rule: &Rule<'t>, row: u32) -> Result<Value, String> {
        let cells = || {
            rule.columns
                .iter()
                .map(|&(name, place)| (name, value_of(self.table.cell(row as usize, place), self.source, name)))
        };
        let record = Value::from_pairs(cells().chain([(self.source, Value::from_pairs(cells()))]));
        rule.expression.eval(record).map_err(|error| format!("`prefer` fails: {}", said(&error)))
    }
}

impl<'t> Rule<'t> {
    fn new(prefer: &'t Prefer, table: &'t Table, source: &'t str, engine: &'t Engine) -> Result<Self, ConfigError> {
        let template = prefer.template();
        let columns = columns(prefer, table, source)?;
        let expression = match prefer {
            Prefer::When(_) => engine.condition(&template.text),
            Prefer::Greatest(_) => engine.expression(&template.text),
        };
        let expression = expression.map_err(|error| ConfigError::Invalid(format!("{}: {error}", template.setting)))?;
        Ok(Self { is_ranking: matches!(prefer, Prefer::Greatest(_)), expression, columns })
    }
}

/// The columns that `prefer` uses, with their places.
///
/// # Errors
/// If the source does not have one of them.
pub(super) fn columns<'t>(
    prefer: &'t Prefer,
    table: &Table,
    source: &str,
) -> Result<Vec<(&'t str, usize)>, ConfigError> {
    let template = prefer.template();
    let place = |name: &'t ColumnName| match table.column(&name.column) {
        Some(place) => Ok((&*name.column, place)),
        None => Err(no_such_column(&template.setting, source, &name.column, table)),
    };
    // The columns of an empty list may be unknown; it has no repeated keys.
    template.columns.iter().filter(|_| table.knows_its_columns()).map(place).collect()
}

impl Rank {
    /// # Errors
    /// If the value is neither a number nor an ISO 8601 date, so that its order is not certain.
    fn of(value: &Value) -> Result<Self, String> {
        let text = match value.kind() {
            ValueKind::Number => {
                let number = f64::try_from(value.clone()).map_err(|error| said(&error))?;
                let is_one = number.is_finite();
                return is_one.then_some(Self::Number(number)).ok_or_else(|| format!("`prefer` ranks by {number}"));
            }
            _ => value.to_string(),
        };
        let text = text.trim();
        if let Some(date) = date_of(text) {
            return Ok(Self::Date(date));
        }
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
        if let Some(number) = text.parse().ok().filter(|number: &f64| is_plain && number.is_finite()) {
            return Ok(Self::Number(number));
        }
        Err(format!(
            "`prefer` ranks by {:?}, which is neither a number nor a date such as 2026-11-28",
            shortened(text, VALUE_SHOWN)
        ))
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.partial_cmp(&other),
            (Self::Date(one), Self::Date(other)) => Some(one.cmp(&other)),
            (Self::Number(_), Self::Date(_)) | (Self::Date(_), Self::Number(_)) => None,
        }
    }
}

/// An ISO 8601 date or time. A time with an offset is converted to UTC.
pub(super) fn date_of(text: &str) -> Option<DateTime> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    if bytes.len() == 10 {
        return text.parse::<Date>().ok().map(|date| date.to_datetime(jiff::civil::Time::midnight()));
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.to_zoned(jiff::tz::TimeZone::UTC).datetime());
    }
    text.parse::<DateTime>().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_an_order_is_ranked() {
        let rank = |text: &str| Rank::of(&Value::from(text));
        let compare = |one: &str, other: &str| rank(one).unwrap().compare(rank(other).unwrap());
        assert_eq!(compare("2026-01-31", "2025-12-31"), Some(Ordering::Greater));
        assert_eq!(compare("2026-01-31T08:00:00", "2026-01-31"), Some(Ordering::Greater));
        assert_eq!(compare("2026-01-31T00:00:00Z", "2026-01-31T02:00:00+02:00"), Some(Ordering::Equal));
        assert_eq!(compare("9", "10"), Some(Ordering::Less));
        assert_eq!(compare("-1.5", "0"), Some(Ordering::Less));
        assert_eq!(compare("20260131", "2026-01-31"), None, "a number and a date");
        for text in ["", "01.12.2026", "12/01/2026", "main", "2026-13-01", "1,5", "inf", "NaN", "1e3"] {
            assert!(rank(text).is_err_and(|problem| problem.contains("neither a number nor a date")), "{text}");
        }
    }
}
