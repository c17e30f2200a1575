//! The company's lists: one file for each kind of source, and what holds for all of them.
//!
//! A source gives all of its records or an error; it never gives a part. To add a kind, write its file and name it in
//! [`SourceKind`].

mod csv;
mod decode;
mod file;
mod json;
mod jsonl;
mod records;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::config::section::Section;
use crate::config::{ConfigError, Settings, SourceSettings, nearest};
use crate::exit::ExitStatus;
use crate::plan::SourceSummary;

pub use csv::CsvSource;
pub(crate) use csv::header as csv_header;
pub use file::FileSettings;
pub use json::JsonSource;
pub use jsonl::JsonlSource;
pub(crate) use records::CellView;
use records::Listing;
pub use records::Records;
use table::Table;

/// The kinds of source, each with its own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// `csv`
    Csv(CsvSource),
    /// `json`
    Json(JsonSource),
    /// `jsonl`
    Jsonl(JsonlSource),
}

/// Why the sources give no records.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The settings do not fit the source.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The source could not be read whole, or contradicts itself or its proof.
    #[error("source `{name}`: {problem}")]
    Untrusted {
        /// The source's name in the settings.
        name: Arc<str>,
        /// What is wrong, with file and row.
        problem: String,
    },
}

/// A source as it was read.
struct Reading {
    table: Table,
    /// What, besides `expect_records`, proves that it is whole.
    proof: Option<&'static str>,
}

impl SourceError {
    /// The exit code that it leads to.
    #[must_use]
    pub fn status(&self) -> ExitStatus {
        match self {
            Self::Settings(_) => ExitStatus::Usage,
            Self::Untrusted { .. } => ExitStatus::Untrusted,
        }
    }
}

impl SourceKind {
    /// Reads the settings of whichever kind `kind` names; `common` are the keys that every kind has.
    pub(crate) fn from_section(section: &Section<'_>, common: &[&str]) -> Result<Self, ConfigError> {
        type Read = fn(&Section<'_>) -> Result<SourceKind, ConfigError>;
        let kinds: [(&str, (&[&str], Read)); 3] = [
            ("csv", (CsvSource::KEYS, |section| CsvSource::from_section(section).map(SourceKind::Csv))),
            ("json", (JsonSource::KEYS, |section| JsonSource::from_section(section).map(SourceKind::Json))),
            ("jsonl", (JsonlSource::KEYS, |section| JsonlSource::from_section(section).map(SourceKind::Jsonl))),
        ];
        let kind = section.word("kind", &kinds)?;
        let (keys, read) = kind.ok_or_else(|| section.missing("kind", "such as \"csv\""))?;
        read(&section.clone().only(&[common, keys].concat())?)
    }

    /// Its name in the settings.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Json(_) => "json",
            Self::Jsonl(_) => "jsonl",
        }
    }

    /// The settings that decide what its records say, with defaults filled in, as opposed to where they are kept.
    pub(crate) fn identity(&self) -> BTreeMap<&'static str, String> {
        match self {
            Self::Csv(source) => source.identity(),
            Self::Json(source) => source.identity(),
            Self::Jsonl(_) => BTreeMap::new(),
        }
    }

    async fn read(&self) -> Result<Reading, String> {
        match self.clone() {
            Self::Csv(source) => blocking(move || source.read()).await,
            Self::Json(source) => blocking(move || source.read()).await,
            Self::Jsonl(source) => blocking(move || source.read()).await,
        }
    }
}

/// Reads all sources side by side and joins their records on their keys.
///
/// # Errors
/// Of the first source, in the order of the settings, that is not whole, contradicts itself or its proof, or has no
/// column that its `key` names. Nothing of the others is used then.
pub async fn read_all(settings: &Settings) -> Result<Records, SourceError> {
    // All are read to their end, so that the error does not depend on which of them is the fastest.
    let listings: Vec<Listing> =
        join_all(settings.sources.iter().map(read)).await.into_iter().collect::<Result<_, _>>()?;
    let joining = blocking(move || Ok(Records::join(listings))).await;
    let first = || Arc::clone(&settings.sources[0].name);
    let records = joining.map_err(|problem| SourceError::Untrusted { name: first(), problem })?;
    for (source, count) in records.without_key() {
        tracing::warn!("source `{source}`: {count} records have no key and are not used");
    }
    Ok(records)
}

async fn read(source: &SourceSettings) -> Result<Listing, SourceError> {
    let untrusted = |problem| SourceError::Untrusted { name: Arc::clone(&source.name), problem };
    let Reading { table, proof } = source.kind.read().await.map_err(untrusted)?;
    let records = table.len() as u64;
    if let Some(expected) = source.expect_records.filter(|&expected| expected != records) {
        return Err(untrusted(format!("has {records} records, but expect_records says {expected}")));
    }
    let key = key_column(&table, source)?;
    let proofs: Vec<&str> = source.expect_records.map(|_| "expect_records").into_iter().chain(proof).collect();
    let proof = if proofs.is_empty() { "trusted".to_owned() } else { proofs.join("+") };
    let (name, kind) = (Arc::clone(&source.name), source.kind.name());
    let index = move || {
        let (order, without_key) = table.sorted_by(key)?;
        let fingerprint = table.fingerprint(&order);
        let summary = SourceSummary { name: name.to_string(), kind: kind.to_owned(), records, proof, fingerprint };
        Ok(Listing { name, table, key, without_key, summary })
    };
    blocking(index).await.map_err(untrusted)
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

/// The error of a setting that uses a column which no record has.
pub(crate) fn no_such_column(setting: &str, source: &str, column: &str, table: &Table) -> ConfigError {
    let hint = match nearest(column, table.columns().iter().map(|column| &**column)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let known: Vec<&str> = table.columns().iter().take(20).map(|column| &**column).collect();
            format!("it has {}", known.join(", "))
        }
    };
    ConfigError::Invalid(format!(
        "{setting} uses `{source}.{column}`, but no record of source `{source}` has the column `{column}`; {hint}"
    ))
}

/// Does work that takes long on a thread where it holds nobody up.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(format!("reading it stopped: {error}")))
}
