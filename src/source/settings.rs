//! The settings of every source, whatever its kind. `sections` reads them.

use std::sync::Arc;
use std::time::Duration;

use super::Source;
use crate::setting::Template;

/// `[[source]]`: one list of records.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// What templates call it.
    pub name: Arc<str>,
    /// What joins its records with those of the others.
    pub key: Key,
    /// How many records it must have.
    pub expect_records: Option<u64>,
    /// How many records it may have; a longer list is not believed.
    pub max_rows: u64,
    /// How long reading it may take.
    pub timeout: Duration,
    /// How old the list may be.
    pub max_age: Option<MaxAge>,
    /// What it means that a later source has no record of somebody in scope.
    pub missing: Missing,
    /// Of how many of a hundred people in scope a later source may have no record.
    pub max_unmatched_percent: u64,
    /// Which one counts of several records with one key.
    pub prefer: Option<Prefer>,
    /// What kind of list it is, with that kind's own settings.
    pub(crate) kind: Arc<dyn Source>,
}

/// What joins records (`key` in `[[source]]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The values of these columns together; most often it is one.
    Columns(Vec<Box<str>>),
    /// What this template gives, which names columns of the source alone.
    Template(Template),
}

/// Which one counts of several records with one key (`prefer` in `[[source]]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prefer {
    /// The only one that this is true of.
    When(Template),
    /// The one for which this is greatest.
    Greatest(Template),
}

/// How old a list may be (`max_age` and `newest` in `[[source]]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxAge {
    /// The most.
    pub age: Duration,
    /// The column whose latest value is the list's date; `None` for the time of the file or of the answer.
    pub newest: Option<Box<str>>,
}

/// What it means that a later source has no record of somebody in scope (`missing` in `[[source]]`).
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
    /// The columns that it is made of.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        let (columns, template) = match self {
            Self::Columns(columns) => (Some(columns), None),
            Self::Template(template) => (None, Some(template)),
        };
        let columns = columns.into_iter().flatten().map(|column| &**column);
        columns.chain(template.into_iter().flat_map(|template| &template.columns).map(|name| &*name.column))
    }

    /// What messages call it.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Columns(columns) => columns.join(", "),
            Self::Template(_) => "key".to_owned(),
        }
    }
}

impl SourceSettings {
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
    /// What is worked out of each record.
    pub(crate) fn template(&self) -> &Template {
        match self {
            Self::When(template) | Self::Greatest(template) => template,
        }
    }
}
