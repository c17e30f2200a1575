//! One source: read within its time, held against its proofs, and with one record for each key.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::ValueKind;
use tokio::time::timeout;

use super::records::value_of;
use super::table::Table;
use super::{Conditions, ReadError, Reading, SourceError, blocking, no_such_column, untrusted};
use crate::config::{Missing, SourceSettings};
use crate::plan::SourceSummary;
use crate::setting::template::{ColumnName, Compiled, Engine, Template, said};
use crate::setting::{Calendar, ConfigError};
use crate::template_cost::{Progress, in_time};

/// How many rows a message names.
const ROWS_SHOWN: usize = 10;
/// How many characters of a key it shows.
const KEY_SHOWN: usize = 100;

/// A source that was read, with no key twice.
pub(crate) struct Listing {
    pub(super) name: Arc<str>,
    pub(super) table: Table,
    /// The columns that the settings use.
    pub(super) used: BTreeSet<Box<str>>,
    /// The place of the key column.
    pub(super) key: usize,
    pub(super) without_key: u64,
    /// The records that `prefer` has decided against, where there are any.
    pub(super) passed_over: Option<Table>,
    /// Whether everybody in scope must have a record here.
    pub(super) everybody: bool,
    pub(super) summary: SourceSummary,
}

impl Listing {
    /// Reads a source.
    pub(super) async fn read(source: &SourceSettings, conditions: &Conditions<'_>) -> Result<Self, SourceError> {
        let name = Arc::clone(&source.name);
        Self::read_whole(source, conditions).await.map_err(|error| untrusted(&name, error))
    }

    async fn read_whole(source: &SourceSettings, conditions: &Conditions<'_>) -> Result<Self, ReadError> {
        let reading = timeout(conditions.timeout, source.kind.read(conditions)).await;
        let Reading { table, proof } = reading.map_err(|_| {
            let limit = jiff::SignedDuration::try_from(conditions.timeout).unwrap_or_default();
            format!(
                "was not read within its timeout of {limit:#}; set a longer `timeout` in its [[source]] if it needs one"
            )
        })??;
        let records = table.len() as u64;
        conditions.not_too_many(records)?;
        if let Some(expected) = source.expect_records.filter(|&expected| expected != records) {
            return Err(format!("has {records} records, but expect_records says {expected}").into());
        }
        let proofs: Vec<&str> = source.expect_records.map(|_| "expect_records").into_iter().chain(proof).collect();
        let proof = if proofs.is_empty() { "trusted".to_owned() } else { proofs.join("+") };
        let key = key_column(&table, source)?;
        let (name, kind) = (Arc::clone(&source.name), source.kind.kind());
        let (used, calendar) = (conditions.columns.clone(), conditions.calendar.clone());
        let (prefer, everybody) = (source.prefer.clone(), source.missing == Missing::Error);
        blocking(move || {
            let (order, without_key) = table.sorted_by(key)?;
            let fingerprint = table.fingerprint(&order);
            let (table, passed_over) = passed_over_in_time(table, key, order, without_key, &name, calendar, prefer)?;
            let (table, passed_over) = if passed_over.is_empty() {
                (table, None)
            } else {
                let (table, passed_over) = table.split(&passed_over)?;
                (table, Some(passed_over))
            };
            let summary = SourceSummary { name: name.to_string(), kind: kind.to_owned(), records, proof, fingerprint };
            let without_key = without_key as u64;
            Ok(Self { name, table, used, key, without_key, passed_over, everybody, summary })
        })
        .await
    }

    /// What the plan says about it.
    pub(crate) fn summary(&self) -> &SourceSummary {
        &self.summary
    }

    /// How many of its records have no key.
    pub(crate) fn without_key(&self) -> u64 {
        self.without_key
    }

    /// How many records `prefer` has decided against.
    pub(crate) fn passed_over(&self) -> usize {
        self.passed_over.as_ref().map_or(0, Table::len)
    }
}

/// The place of the key column; a place beyond the last column where an empty list does not tell its columns.
fn key_column(table: &Table, source: &SourceSettings) -> Result<usize, ConfigError> {
    if let Some(column) = table.column(&source.key) {
        return Ok(column);
    }
    if !table.knows_its_columns() {
        return Ok(usize::MAX);
    }
    let setting = format!("`key` in [[source]] `{}`", source.name);
    Err(no_such_column(&setting, &source.name, &source.key, table))
}

/// The same, for a preference that must not take for ever.
fn passed_over_in_time(
    table: Table,
    key: usize,
    order: Vec<u32>,
    without_key: usize,
    source: &Arc<str>,
    calendar: Calendar,
    prefer: Option<Template>,
) -> Result<(Table, Vec<u32>), ReadError> {
    let Some(prefer) = prefer else {
        let passed_over = passed_over(&table, key, &order[without_key..], source, &calendar, None)?;
        return Ok((table, passed_over));
    };
    let (source, setting) = (Arc::clone(source), Arc::clone(&prefer.setting));
    let decided = in_time(move |progress| {
        let passed_over =
            passed_over(&table, key, &order[without_key..], &source, &calendar, Some((&prefer, progress)))?;
        Ok((table, passed_over))
    });
    decided.map_err(|problem| ConfigError::Invalid(format!("{setting} {problem}")))?
}

/// The rows that stand behind another one with the same key, in ascending order. `order` are the rows with a key, sorted
/// by it. Which one stands in front is for `prefer` to say, and it must say so of exactly one.
fn passed_over(
    table: &Table,
    key: usize,
    order: &[u32],
    source: &str,
    calendar: &Calendar,
    prefer: Option<(&Template, &Progress)>,
) -> Result<Vec<u32>, ReadError> {
    let engine = Engine::new(calendar);
    let preference = prefer.map(|(prefer, _)| Preference::new(prefer, table, source, &engine)).transpose()?;
    let mut passed_over = Vec::new();
    let key_of = |row: u32| table.cell(row as usize, key).text;
    for rows in order.chunk_by(|&a, &b| key_of(a) == key_of(b)).filter(|rows| rows.len() > 1) {
        let twins =
            || format!("{} have the same {} {:?}", listed(table, rows), table.columns()[key], shown(key_of(rows[0])));
        let Some(preference) = &preference else {
            let hint =
                "`prefer` in its [[source]], such as prefer = \"is_primary == 'Y'\", can say which of them counts";
            return Err(format!("{}; {hint}", twins()).into());
        };
        let before = passed_over.len();
        for &row in rows {
            if !preference.holds(row).map_err(|problem| format!("{}, and {problem}", twins()))? {
                passed_over.push(row);
            }
            if let Some((_, progress)) = prefer {
                progress.step();
            }
        }
        let preferred = rows.len() - (passed_over.len() - before);
        if preferred != 1 {
            let problem = format!("{}; `prefer` is true of {preferred} of them, and must be true of just one", twins());
            return Err(problem.into());
        }
    }
    passed_over.sort_unstable();
    Ok(passed_over)
}

/// Rows by their numbers, of many the first ones.
fn listed(table: &Table, rows: &[u32]) -> String {
    let mut numbers: Vec<u64> = rows.iter().map(|&row| table.row_number(row as usize)).collect();
    numbers.sort_unstable();
    match numbers[..] {
        [one, other] => format!("rows {one} and {other}"),
        _ => {
            let shown: Vec<String> = numbers.iter().take(ROWS_SHOWN).map(u64::to_string).collect();
            let more = if numbers.len() > ROWS_SHOWN { ", …" } else { "" };
            format!("rows {}{more}", shown.join(", "))
        }
    }
}

/// The beginning of a long key.
fn shown(key: &str) -> &str {
    key.char_indices().nth(KEY_SHOWN).map_or(key, |(end, _)| &key[..end])
}

/// `prefer` of a source: an expression over the columns of one record.
struct Preference<'t> {
    expression: Compiled<'t>,
    table: &'t Table,
    source: &'t str,
    /// The columns that it uses, with their places.
    columns: Vec<(&'t str, usize)>,
}

impl<'t> Preference<'t> {
    fn new(prefer: &'t Template, table: &'t Table, source: &'t str, engine: &'t Engine) -> Result<Self, ConfigError> {
        let place = |name: &'t ColumnName| match table.column(&name.column) {
            Some(place) => Ok((&*name.column, place)),
            None => Err(no_such_column(&prefer.setting, source, &name.column, table)),
        };
        // An empty list need not know its columns; nothing stands twice in it.
        let columns =
            prefer.columns.iter().filter(|_| table.knows_its_columns()).map(place).collect::<Result<_, _>>()?;
        let expression = engine
            .condition(&prefer.text)
            .map_err(|error| ConfigError::Invalid(format!("{}: {error}", prefer.setting)))?;
        Ok(Self { expression, table, source, columns })
    }

    fn holds(&self, row: u32) -> Result<bool, String> {
        let cells = || {
            let cell = |place| self.table.cell(row as usize, place);
            self.columns.iter().map(move |&(name, place)| (name, value_of(cell(place), self.source, name, false)))
        };
        let record = Value::from_pairs(cells().chain([(self.source, Value::from_pairs(cells()))]));
        let value = self.expression.eval(record).map_err(|error| format!("`prefer` fails: {}", said(&error)))?;
        match value.kind() {
            ValueKind::Bool => Ok(value.is_true()),
            kind => Err(format!("`prefer` gives {kind} and neither true nor false; compare it with something")),
        }
    }
}
