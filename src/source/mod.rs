//! The company's lists: one file for each kind of source, and the rules for all of them.
//!
//! A source returns all of its records or an error, never a part. To add a kind, write its file and name it in `KINDS`.

mod age;
mod apart;
mod cell;
mod csv;
mod decode;
mod exec;
mod file;
mod format;
mod http;
mod json;
mod jsonl;
mod keys;
mod ldap;
mod listing;
mod lookup;
mod near;
mod preference;
mod profile;
mod records;
mod repeated;
mod sample;
mod scim;
mod sections;
mod settings;
mod spreadsheet;
mod sql;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod union;
mod xlsx;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::{BoxFuture, join_all};

use crate::exit::ExitStatus;
use crate::setting::section::Section;
use crate::setting::{Calendar, ConfigError, Secrets, Template, nearest, quoting};

pub(crate) use csv::header as csv_header;
pub(crate) use listing::Listing;
pub(crate) use records::CellView;
pub(crate) use records::TABLE_KIND;
pub use records::{Records, SourceRecord, SourceRow};
pub(crate) use repeated::{Scope, Seen};
pub(crate) use sample::SampleColumn;
pub(crate) use sections::{sources, tables};
pub use settings::{Key, MaxAge, Missing, Prefer, SourceSettings};

use csv::CsvFormat;
use exec::ExecSource;
use file::{FileSettings, FileSource};
use format::FormatName;
use http::{HttpSource, Server};
use json::JsonFormat;
use ldap::LdapSource;
use scim::ScimSource;
use sql::SqlSource;
use table::Table;
use union::UnionSource;
use xlsx::XlsxSource;

/// A kind of source, with its own settings.
pub(crate) trait Source: fmt::Debug + Send + Sync {
    /// Its name in the settings.
    fn kind(&self) -> &'static str;

    /// The settings that decide the content of its records, with defaults filled in; not those that say where they are.
    fn identity(&self) -> BTreeMap<&'static str, String>;

    /// Whether every cell is a text. Then comparing a cell with a number is a mistake in the settings.
    fn has_only_texts(&self) -> bool {
        false
    }

    /// Reads all of its records. If that takes too long, the caller drops the future, and with it the records so far.
    fn read<'a>(&'a self, conditions: &'a Conditions<'a>) -> BoxFuture<'a, Result<Reading, ReadError>>;
}

/// The server said that this was the last page, or sent an empty one. It may have stopped early.
const LAST_PAGE: &str = "last-page";
/// The program ended with the exit status 0. It may have printed a part of the list.
const EXIT_STATUS: &str = "exit-status";

/// The conditions under which a source is read.
pub(crate) struct Conditions<'a> {
    /// The columns that the settings use, in NFC, spelt as in the settings.
    pub(crate) columns: &'a BTreeSet<Box<str>>,
    /// Further columns that are used if the source has them.
    pub(crate) perhaps: &'a BTreeSet<Box<str>>,
    /// How many records it may have.
    pub(crate) max_rows: u64,
    /// The present time, for the age of the list.
    pub(crate) now: SystemTime,
    /// How long reading may take in all. The caller enforces it; sources use it to limit single steps.
    pub(crate) timeout: Duration,
    /// The day that its records are read for.
    pub(crate) calendar: &'a Calendar,
    /// Called with the number of records so far, and the total, if known.
    pub(crate) progress: &'a (dyn Fn(u64, Option<u64>) + Send + Sync),
}

impl Conditions<'_> {
    /// Reports the number of records so far, and the total, if known.
    ///
    /// # Errors
    /// If there are more records than a list may have. This ends a list that never ends.
    pub(crate) fn came(&self, so_far: u64, total: Option<u64>) -> Result<(), String> {
        (self.progress)(so_far, total);
        self.not_too_many(so_far.max(total.unwrap_or_default()))
    }

    /// # Errors
    /// If there are more records than a list may have.
    pub(crate) fn not_too_many(&self, records: u64) -> Result<(), String> {
        if records <= self.max_rows {
            return Ok(());
        }
        Err(table::too_many(records, self.max_rows))
    }
}

/// The result of reading a source.
pub(crate) struct Reading {
    pub(crate) table: Table,
    /// The completeness check that it passed, other than `expect_records`. [`LAST_PAGE`] and [`EXIT_STATUS`] prove
    /// nothing.
    pub(crate) proof: Option<&'static str>,
    /// When it was last changed, if the file system or the server says so.
    pub(crate) modified: Option<SystemTime>,
}

/// Why a source could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The settings are wrong, or a secret is missing.
    Settings(ConfigError),
    /// It could not be read completely, or contradicts itself.
    Untrusted(String),
}

/// Why the sources could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The settings do not fit the source, or a secret is missing.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The source could not be read completely, or contradicts itself or its completeness check.
    #[error("source `{name}`: {problem}")]
    Untrusted {
        /// The source's name in the settings.
        name: Arc<str>,
        /// What is wrong, with file and row.
        problem: String,
    },
}

/// Called with the index of a source, the number of its records so far, and their total, if known.
pub type Progress<'a> = &'a (dyn Fn(usize, u64, Option<u64>) + Send + Sync);

/// How the settings of a kind are read.
#[derive(Clone, Copy)]
struct Kind {
    /// Its own settings.
    keys: &'static [&'static [&'static str]],
    read: fn(&Section<'_>) -> Result<Arc<dyn Source>, ConfigError>,
}

/// The kinds of source by name.
const KINDS: &[(&str, Kind)] = &[
    ("csv", Kind { keys: &[FileSettings::KEYS, CsvFormat::KEYS], read: |section| file(FormatName::Csv, section) }),
    ("json", Kind { keys: &[FileSettings::KEYS, JsonFormat::KEYS], read: |section| file(FormatName::Json, section) }),
    ("jsonl", Kind { keys: &[FileSettings::KEYS], read: |section| file(FormatName::Jsonl, section) }),
    (
        "xlsx",
        Kind {
            keys: &[FileSettings::KEYS, XlsxSource::KEYS],
            read: |section| shared(XlsxSource::from_section(section)),
        },
    ),
    ("exec", Kind { keys: &[ExecSource::KEYS], read: |section| shared(ExecSource::from_section(section)) }),
    ("ldap", Kind { keys: &[LdapSource::KEYS], read: |section| shared(LdapSource::from_section(section)) }),
    ("sql", Kind { keys: &[SqlSource::KEYS], read: |section| shared(SqlSource::from_section(section)) }),
    (
        "http",
        Kind { keys: &[Server::KEYS, HttpSource::KEYS], read: |section| shared(HttpSource::from_section(section)) },
    ),
    (
        "scim",
        Kind { keys: &[Server::KEYS, ScimSource::KEYS], read: |section| shared(ScimSource::from_section(section)) },
    ),
    (
        UnionSource::KIND,
        Kind {
            keys: &[UnionSource::KEYS],
            read: |section| Err(section.problem("kind", "is for a [[source]], which puts other sources together")),
        },
    ),
];

impl From<ConfigError> for ReadError {
    fn from(error: ConfigError) -> Self {
        Self::Settings(error)
    }
}

impl From<String> for ReadError {
    fn from(problem: String) -> Self {
        Self::Untrusted(problem)
    }
}

impl SourceError {
    /// The same error, without secrets in quoted texts.
    fn without_secrets(self, secrets: &Secrets) -> Self {
        match self {
            Self::Untrusted { name, problem } => Self::Untrusted { name, problem: secrets.hide(&problem) },
            Self::Settings(ConfigError::Invalid(problem)) => {
                Self::Settings(ConfigError::Invalid(secrets.hide(&problem)))
            }
            Self::Settings(error) => Self::Settings(error),
        }
    }

    /// The exit code that it leads to.
    #[must_use]
    pub fn status(&self) -> ExitStatus {
        match self {
            Self::Settings(_) => ExitStatus::Usage,
            Self::Untrusted { .. } => ExitStatus::Untrusted,
        }
    }
}

/// Reads the settings of the kind that `kind` names. `common` are the keys that every kind has; `default` is the kind
/// if none is named.
fn from_section(section: &Section<'_>, common: &[&str], default: Option<&str>) -> Result<Arc<dyn Source>, ConfigError> {
    let default = KINDS.iter().find(|(name, _)| default == Some(*name)).map(|(_, kind)| *kind);
    let kind = section.word("kind", KINDS)?.or(default);
    let Kind { keys, read } = kind.ok_or_else(|| section.missing("kind", "such as \"csv\""))?;
    read(&section.clone().only(&[common, &keys.concat()].concat())?)
}

fn file(format: FormatName, section: &Section<'_>) -> Result<Arc<dyn Source>, ConfigError> {
    shared(FileSource::from_section(format, section))
}

fn shared<S: Source + 'static>(source: Result<S, ConfigError>) -> Result<Arc<dyn Source>, ConfigError> {
    Ok(Arc::new(source?))
}

/// What is needed to read the sources.
#[derive(Debug, Clone)]
pub struct ToRead<'s> {
    /// The sources that are joined; the first one lists the people.
    pub(crate) sources: &'s [SourceSettings],
    /// The tables that templates look values up in.
    pub(crate) tables: &'s [SourceSettings],
    /// The templates and expressions that are applied to joined records.
    pub(crate) templates: Vec<&'s Template>,
    pub(crate) secrets: &'s Secrets,
    /// The time, which a list must not be too old for.
    pub(crate) now: SystemTime,
    /// The day on which people are compared.
    pub(crate) calendar: Calendar,
}

impl ToRead<'_> {
    /// Sources and tables.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &SourceSettings> {
        self.sources.iter().chain(self.tables)
    }
}

/// Reads all sources in parallel and joins their records on their keys.
///
/// # Errors
/// The error of the first failing source, in the order of the settings: it is incomplete, contradicts itself or its
/// completeness check, or lacks a column of its `key`. All other sources are discarded.
pub async fn read_all(to_read: &ToRead<'_>, progress: Progress<'_>) -> Result<Records, SourceError> {
    join(to_read, read_each(to_read, progress).await.into_iter().collect::<Result<_, _>>()?).await
}

/// Reads all sources in parallel, each to its end, so that the first error does not depend on which one is fastest.
pub(crate) async fn read_each(to_read: &ToRead<'_>, progress: Progress<'_>) -> Vec<Result<Listing, SourceError>> {
    let read = |place| async move {
        let told = |so_far, total| progress(place, so_far, total);
        let source = to_read.lists().nth(place).unwrap_or(&to_read.sources[0]);
        let [columns, perhaps] = columns_used(source, place, &to_read.templates);
        let (max_rows, timeout) = (source.max_rows, source.timeout);
        let conditions = Conditions {
            columns: &columns,
            perhaps: &perhaps,
            max_rows,
            timeout,
            now: to_read.now,
            calendar: &to_read.calendar,
            progress: &told,
        };
        let listing = Listing::read(source, &conditions).await?;
        if place >= to_read.sources.len() {
            lookup::check(&listing)?;
        }
        let records = listing.summary().records;
        progress(place, records, Some(records));
        Ok(listing)
    };
    let listings = join_all((0..to_read.lists().count()).map(read)).await;
    // After all secrets are known: what is said of one source may quote the secret of another.
    for warning in listings.iter().flatten().filter_map(|listing: &Listing| listing.warning.as_deref()) {
        tracing::warn!("{}", to_read.secrets.hide(warning));
    }
    listings
        .into_iter()
        .map(|listing| listing.map_err(|error: SourceError| error.without_secrets(to_read.secrets)))
        .collect()
}

/// Joins sources, in the order of the settings, on their keys. In `listings` the tables come after the sources.
pub(crate) async fn join(to_read: &ToRead<'_>, mut listings: Vec<Listing>) -> Result<Records, SourceError> {
    let first = listings.first().map(|listing| Arc::clone(&listing.name)).unwrap_or_default();
    let tables = listings.split_off(to_read.sources.len().min(listings.len()));
    let calendar = to_read.calendar.clone();
    let joining = blocking(move || Ok(Records::join(listings, tables, calendar))).await;
    let records = joining.map_err(|error| untrusted(&first, error))?;
    for (source, remark) in records.key_remarks() {
        let remark = to_read.secrets.hide(&remark);
        tracing::warn!("`{source}`: {remark}; such records are not used");
    }
    Ok(records)
}

/// The columns of a source that the settings use by name, and those that they may use besides.
fn columns_used(source: &SourceSettings, place: usize, templates: &[&Template]) -> [BTreeSet<Box<str>>; 2] {
    let prefer = source.prefer.as_ref().map(Prefer::template);
    let named = templates.iter().copied().chain(prefer).flat_map(|template| &template.columns);
    let named = named.filter(|name| name.source == place).map(|name| name.column.clone());
    let named = named.chain(source.key.columns().map(Into::into)).chain(source.newest().map(Into::into)).collect();
    let of_the_whole = templates.iter().filter(|template| template.whole.contains(&place));
    [named, of_the_whole.flat_map(|template| template.perhaps.iter().cloned()).collect()]
}

/// The error of a source that was read.
fn untrusted(name: &Arc<str>, error: ReadError) -> SourceError {
    match error {
        ReadError::Settings(error) => SourceError::Settings(error),
        ReadError::Untrusted(problem) => SourceError::Untrusted { name: Arc::clone(name), problem },
    }
}

/// The error of a setting that uses a column which no record has.
pub(crate) fn no_such_column(setting: &str, source: &str, column: &str, table: &Table) -> ConfigError {
    let hint = match nearest(column, table.columns().iter().map(|column| &**column)) {
        Some(near) => format!("did you mean {}?", quoting::near(near, column)),
        None => quoting::columns(table.columns().iter().map(|column| &**column)),
    };
    ConfigError::Invalid(format!(
        "{setting} uses `{source}.{column}`, but no record of source `{source}` has the column `{column}`; {hint}"
    ))
}

/// Does long work on a thread where it blocks nothing else.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(format!("reading it stopped: {error}").into()))
}
