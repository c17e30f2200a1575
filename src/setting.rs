//! The parts that settings are read with: a table of the file with its typed values, templates, secrets and their
//! places, and errors. Each kind of source and of target reads its own settings with these.

mod base_url;
mod credentials;
pub(crate) mod program;
pub(crate) mod quoting;
mod secret_file;
mod secrets;
pub(crate) mod section;
pub(crate) mod template;

use std::io;
use std::path::PathBuf;

use url::Url;

use section::Section;

pub(crate) use base_url::secure;
pub use base_url::{BaseUrl, UrlError};
pub(crate) use credentials::SecretShape;
pub use credentials::{Secret, SecretPlace};
pub(crate) use credentials::{beginning, shortened};
pub(crate) use secrets::{Secrets, TOKEN_VARIABLE, protect_of_all};
pub use template::{Calendar, Template};

/// A file that a setting names and that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The setting, for messages, such as `` `path` of [[source]] `hr` ``.
    pub setting: String,
    /// The file.
    pub path: PathBuf,
}

/// An error in the settings. Each means exit code 3.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the settings file {}: {error}; name another one with --config, or write one with `skovik-sync init`",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is not TOML.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// A setting is invalid, or does not fit the sources or the account. The message names it.
    #[error("{0}")]
    Invalid(String),
}

/// The candidate that a misspelt word most likely means.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let lower = word.to_lowercase();
    // A much longer word is never near enough, and may be as long as a file.
    let most = word.len().saturating_mul(8);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= most)
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// Reads a setting that is a URL to which a secret may be sent.
pub(crate) fn secure_url(section: &Section<'_>, key: &str, why: &str) -> Result<Url, ConfigError> {
    base_url::secure(section.required(key, why)?).map_err(|error| section.problem(key, error.to_string()))
}

/// Reads a setting that is the base URL of an API.
pub(crate) fn base_url(section: &Section<'_>, key: &str, why: &str) -> Result<BaseUrl, ConfigError> {
    section.required(key, why)?.parse().map_err(|error: UrlError| section.problem(key, error.to_string()))
}
