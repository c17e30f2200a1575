//! The settings that every kind of source has. `sections` reads them.

use std::sync::Arc;
use std::time::Duration;

use super::Source;
use crate::setting::Template;

/// `[[source]]`: one list of records.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Its name in templates.
    pub name: Arc<str>,
    /// The key that joins its records with those of other sources.
    pub key: Key,
    /// How many records it must have.
    pub expect_records: Option<u64>,
    /// How many records it may have; a longer list is an error.
    pub max_rows: u64,
    /// How long reading it may take.
    pub timeout: Duration,
    /// How old the list may be.
    pub max_age: Option<MaxAge>,
    /// What to do if a later source has no record of somebody in scope.
    pub missing: Missing,
    /// The percentage of people in scope who may have no record in a later source.
    pub max_unmatched_percent: u64,
    /// Decides which of several records with one key counts.
    pub prefer: Option<Prefer>,
    /// The kind of list, with its own settings.
    pub(crate) kind: Arc<dyn Source>,
}

/// The key that joins records (`key` in `[[source]]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The values of these columns together; usually one column.
    Columns(Vec<Box<str>>),
    /// The result of this template, which uses only columns of the source.
    Template(Template),
}

/// Decides which of several records with one key counts (`prefer` in `[[source]]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prefer {
    /// The only record for which this is true.
    When(Template),
    /// The record for which this is greatest.
    Greatest(Template),
}

/// How old a list may be (`max_age` and `newest` in `[[source]]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxAge {
    /// The greatest age.
    pub age: Duration,
    /// The column whose latest value is the list's date; `None` for the time of the file or of the answer.
    pub newest: Option<Box<str>>,
}

/// What to do if a later source has no record of somebody in scope (`missing` in `[[source]]`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missing {
    /// Its columns are undefined.
    #[default]
    Undefined,
    /// No plan is made.
    Error,
}

impl SourceSettings {
    /// The default of `max_unmatched_percent`.
    pub const MAX_UNMATCHED_PERCENT: u64 = crate::guard::UNMATCHED_DEFAULT;
}

impl Key {
    /// The columns that it consists of.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        let (columns, template) = match self {
            Self::Columns(columns) => (Some(columns), None),
            Self::Template(template) => (None, Some(template)),
        };
        let columns = columns.into_iter().flatten().map(|column| &**column);
        columns.chain(template.into_iter().flat_map(|template| &template.columns).map(|name| &*name.column))
    }

    /// Its name for messages.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Columns(columns) => columns.join(", "),
            Self::Template(_) => "key".to_owned(),
        }
    }
}

impl SourceSettings {
    /// The column with its date, if `newest` names one.
    pub(super) fn newest(&self) -> Option<&str> {
        self.max_age.as_ref().and_then(|max_age| max_age.newest.as_deref())
    }

    /// The templates that are applied to its own records.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        let key = match &self.key {
            Key::Template(template) => Some(template),
            Key::Columns(_) => None,
        };
        self.prefer.as_ref().map(Prefer::template).into_iter().chain(key)
    }
}

impl Prefer {
    /// The template that is evaluated for each record.
    pub(crate) fn template(&self) -> &Template {
        match self {
            Self::When(template) | Self::Greatest(template) => template,
        }
    }
}
