//! The key of each record: the value of a column, the values of several, or the result of a template.
//!
//! Keys are in NFC, as all texts are that are compared.
//!
//! An uncertain key does not count as a key: a list, a cell with an error, a text with invisible characters. It would
//! join nobody or the wrong record, and nobody could see why.

use std::borrow::Cow;

use minijinja::Value;
use rustc_hash::FxHashMap;

use super::cell::{Cell, CellKind, value_of};
use super::no_such_column;
use super::settings::Key;
use super::spreadsheet::is_error;
use super::table::Table;
use crate::employee::normal_text;
use crate::setting::Calendar;
use crate::setting::ConfigError;
use crate::setting::quoting::quoted;
use crate::setting::template::{Engine, Template, is_empty_part, said};
use crate::template_cost::{Progress, in_time, not_too_large};
use crate::text::{is_unseen, shortened};

/// How many characters of a key a message shows.
const KEY_SHOWN: usize = 100;
/// Separates the parts of a key of several columns. It is invisible, and invisible characters are refused in keys.
const BETWEEN: char = '\u{1f}';

/// Columns with their places in a table.
type Places = Vec<(Box<str>, usize)>;

/// The keys of the records of a table.
pub(super) struct Keys {
    made: Made,
    /// The records whose key cannot be used, and why. A record without a key is not among them.
    problems: FxHashMap<u32, Box<str>>,
}

enum Made {
    /// The keys are the cells of this column.
    Column(usize),
    /// The keys are parts of one text; each ends at one of these places.
    Texts { text: String, ends: Vec<usize> },
    /// There is no record.
    Nothing,
}

impl Keys {
    /// Makes the keys of a table.
    ///
    /// # Errors
    /// If the table has no such column, or a template does not finish.
    pub(super) fn of(table: Table, key: &Key, source: &str, calendar: &Calendar) -> Result<(Self, Table), ConfigError> {
        let places = places(&table, key, source)?;
        let Some(places) = places else {
            return Ok((Self { made: Made::Nothing, problems: FxHashMap::default() }, table));
        };
        match key {
            Key::Columns(_) if places.len() == 1 && are_normal(&table, places[0].1) => {
                let mut keys = Self { made: Made::Column(places[0].1), problems: FxHashMap::default() };
                for (row, record) in (0..).zip(0..table.len()) {
                    if let Err(problem) = usable(table.cell(record, places[0].1)) {
                        keys.problems.insert(row, problem.into());
                    }
                }
                Ok((keys, table))
            }
            Key::Columns(_) => {
                let keys = Self::made(table.len(), |record| joined(&table, &places, record));
                Ok((keys, table))
            }
            Key::Template(template) => {
                let (template, setting, source) = (template.clone(), template.setting.clone(), source.to_owned());
                let calendar = calendar.clone();
                let made = in_time(move |progress| {
                    let engine = Engine::for_keys(&calendar);
                    let keys = Self::rendered(&template, &engine, &table, &places, &source, progress)?;
                    Ok((keys, table))
                });
                made.map_err(|problem| ConfigError::Invalid(format!("{setting} {problem}")))?
            }
        }
    }

    fn rendered(
        template: &Template,
        engine: &Engine,
        table: &Table,
        places: &[(Box<str>, usize)],
        source: &str,
        progress: &Progress,
    ) -> Result<Self, ConfigError> {
        let compiled = engine
            .template(&template.text)
            .map_err(|error| ConfigError::Invalid(format!("{}: {error}", template.setting)))?;
        let needs_all = !chooses(&template.text);
        Ok(Self::made(table.len(), |record| {
            progress.step();
            let is_empty = |cell: Cell<'_>| cell.kind != CellKind::Unreadable && cell.text.is_empty();
            let empty = places.iter().filter(|(_, place)| is_empty(table.cell(record, *place))).count();
            if empty > 0 && (needs_all || empty == places.len()) {
                return Ok(Cow::Borrowed(""));
            }
            let cells =
                || places.iter().map(|(name, place)| (&**name, value_of(table.cell(record, *place), source, name)));
            let own = (source, Value::from_pairs(cells()));
            let key = match compiled.render(Value::from_pairs(cells().chain([own]))) {
                Ok(key) => key,
                Err(error) if is_empty_part(&error) => return Ok(Cow::Borrowed("")),
                Err(error) => return Err(format!("`key` cannot be made of it: {}", said(&error))),
            };
            not_too_large(&key).map_err(|problem| format!("`key` {problem}"))?;
            seen(key.trim())?;
            Ok(Cow::Owned(normal_text(&key).into_owned()))
        }))
    }

    fn made<'t>(records: usize, key: impl Fn(usize) -> Result<Cow<'t, str>, String>) -> Self {
        let (mut text, mut ends, mut problems) = (String::new(), Vec::with_capacity(records), FxHashMap::default());
        for (row, record) in (0..).zip(0..records) {
            match key(record) {
                Ok(key) => text.push_str(&key),
                Err(problem) => drop(problems.insert(row, problem.into())),
            }
            ends.push(text.len());
        }
        Self { made: Made::Texts { text, ends }, problems }
    }

    /// The key of a record; empty if it has no usable key.
    pub(super) fn key<'t>(&'t self, table: &'t Table, record: usize) -> &'t str {
        match &self.made {
            Made::Column(_) if self.problem(record).is_some() => "",
            Made::Column(column) => table.cell(record, *column).text,
            Made::Texts { text, ends } => {
                let start = record.checked_sub(1).map_or(0, |before| ends[before]);
                &text[start..ends[record]]
            }
            Made::Nothing => "",
        }
    }

    /// Why the key of a record cannot be used.
    pub(super) fn problem(&self, record: usize) -> Option<&str> {
        if self.problems.is_empty() {
            return None;
        }
        self.problems.get(&u32::try_from(record).ok()?).map(|problem| &**problem)
    }

    /// Whether there are keys that cannot be used.
    pub(super) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// The groups of records whose keys cannot be used and are the same text. A key counts here if all of its columns can
    /// be read and none is empty.
    pub(super) fn repeated_problems(&self, table: &Table, key: &Key) -> Vec<Box<[u32]>> {
        let columns: Vec<usize> = key.columns().filter_map(|column| table.column(column)).collect();
        let texts = |row: u32| {
            let cells = columns.iter().map(|&column| table.cell(row as usize, column));
            let text = |cell: Cell<'_>| cell.kind != CellKind::Unreadable && !cell.text.is_empty();
            cells.clone().all(text).then(|| cells.map(|cell| cell.text).collect::<Vec<_>>())
        };
        let mut rows: Vec<(Vec<&str>, u32)> =
            self.problems.keys().filter_map(|&row| Some((texts(row)?, row))).collect();
        rows.sort_unstable();
        let groups = rows.chunk_by(|(a, _), (b, _)| a == b).filter(|rows| rows.len() > 1);
        groups.map(|rows| rows.iter().map(|(_, row)| *row).collect()).collect()
    }

    /// How many keys cannot be used, and why the first one cannot.
    pub(super) fn problems(&self) -> Option<(usize, u32, &str)> {
        let first = self.problems.iter().min_by_key(|(row, _)| **row)?;
        Some((self.problems.len(), *first.0, first.1))
    }
}

/// Whether a template may do without one of its columns: it has a condition, or takes one of several values. Any other is made
/// of all of its columns, as a key of several columns is.
fn chooses(template: &str) -> bool {
    const WORDS: &str = "if elif else for or and not is default d select selectattr reject rejectattr";
    let mut words = template.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.any(|word| WORDS.split(' ').any(|choosing| choosing == word))
}

/// A key for a message: quoted and shortened.
pub(super) fn shown(key: &str) -> String {
    let key = key.replace(BETWEEN, " / ");
    format!("{:?}", shortened(&key, KEY_SHOWN))
}

/// The columns of a key, with their indexes; `None` for an empty list whose columns are unknown.
fn places(table: &Table, key: &Key, source: &str) -> Result<Option<Places>, ConfigError> {
    if !table.knows_its_columns() {
        return Ok(None);
    }
    let setting = format!("`key` in [[source]] `{source}`");
    let place = |column: &str| match table.column(column) {
        Some(place) => Ok((column.into(), place)),
        None => Err(no_such_column(&setting, source, column, table)),
    };
    key.columns().map(place).collect::<Result<_, _>>().map(Some)
}

/// Whether all cells of a column are in NFC, so that they are keys as they are.
fn are_normal(table: &Table, column: usize) -> bool {
    (0..table.len()).all(|record| {
        let text = table.cell(record, column).text;
        text.is_ascii() || normal_text(text) == text
    })
}

/// One or several columns as one key. If one of them is empty, there is no key.
fn joined<'t>(table: &'t Table, places: &[(Box<str>, usize)], record: usize) -> Result<Cow<'t, str>, String> {
    let mut key = String::new();
    for (name, place) in places {
        let part = table.cell(record, *place);
        usable(part).map_err(|problem| format!("{problem} (`{name}`)"))?;
        if part.text.is_empty() {
            return Ok(Cow::Borrowed(""));
        }
        if !key.is_empty() {
            key.push(BETWEEN);
        }
        key.push_str(&normal_text(part.text));
    }
    Ok(Cow::Owned(key))
}

/// # Errors
/// If the cell is no text or number, holds a spreadsheet's error, or has invisible characters.
fn usable(cell: Cell<'_>) -> Result<(), String> {
    match cell.kind {
        CellKind::Structured => Err("its key is a list or an object".to_owned()),
        CellKind::Unreadable => Err(format!("its key cannot be read: {}", cell.text)),
        CellKind::Text if is_error(cell.text) => {
            Err(format!("its key is {}, which is an error of a spreadsheet and no value", cell.text))
        }
        CellKind::Text | CellKind::Integer | CellKind::Float | CellKind::Boolean => seen(cell.text),
    }
}

/// # Errors
/// If a key has an invisible character. White space other than a plain space counts as invisible. The text may be no key at
/// all: the list may be any file.
fn seen(key: &str) -> Result<(), String> {
    if key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Ok(());
    }
    key.chars().find(|c| is_unseen(*c)).map_or(Ok(()), |found| {
        Err(format!("its key holds the invisible character U+{:04X}: {}", u32::from(found), quoted(key)))
    })
}
