//! The settings file, `skovik-sync.toml`: read, and checked as far as possible without a source or Skovik.
//!
//! An invalid setting is an error that names the setting and its line. Reading the settings reads nothing else: no
//! source, and not the key of the API.

mod employee;
pub mod escalation;
mod guard;
mod hash;
mod named_variables;
mod names;
pub mod notify;
mod read;
pub mod serve;
mod state;
mod target;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use toml::de::DeTable;

use self::escalation::Escalation;
use self::notify::NotifySettings;
use self::serve::{ScheduleSettings, ServeSettings, WebhookSettings};
use crate::diff::{Remove, Renumber};
use crate::files::{Links, read_regular_text};
use crate::guard::Limits;
use crate::plan::Digest;
use crate::setting::{Calendar, Secrets, section};
use crate::source::ToRead;

pub(crate) use crate::plan::Removal;
pub use employee::{EmployeeSettings, ManagerReference};
pub(crate) use named_variables::protect_variables_named_in;
pub(crate) use names::Name;
pub use names::Names;
pub use state::StateSettings;
pub use target::{Access, ScimSettings, TargetKind, TargetSettings};

pub use crate::setting::{BaseUrl, ConfigError, NamedFile, Secret, SecretPlace, Template};
pub use crate::source::{Key, MaxAge, Missing, Prefer, SourceSettings};

/// No absolute limit needs to be higher, and every number up to here is exact in any JSON.
const MOST_PEOPLE: u64 = 1_000_000_000;
/// How long a settings file may be, in bytes.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// The settings. [`Settings::load`] makes sure that they fit together.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[target]`
    pub target: TargetSettings,
    /// `[[source]]`, at least one; the first one lists the people.
    pub sources: Vec<SourceSettings>,
    /// `[[table]]`: what templates look values up in.
    pub tables: Vec<SourceSettings>,
    /// `[employee]`
    pub employee: EmployeeSettings,
    /// `[scope]`
    pub scope: ScopeSettings,
    /// `[manager]`
    pub manager: ManagerSettings,
    /// `[guard]`
    pub guard: Limits,
    /// `[approval]`
    pub approval: ApprovalSettings,
    /// `[state]`
    pub state: StateSettings,
    /// `[schedule]`
    pub schedule: Option<ScheduleSettings>,
    /// `[serve]`
    pub serve: ServeSettings,
    /// `[[webhook]]`
    pub webhooks: Vec<WebhookSettings>,
    /// `[[notify]]`
    pub notify: Vec<NotifySettings>,
    hash: Digest,
    secrets: Arc<Secrets>,
    files: Vec<NamedFile>,
}

/// `[scope]`: the people that this configuration manages.
#[derive(Debug, Clone)]
pub struct ScopeSettings {
    /// Which records count as employed; all if it is not set.
    pub include: Option<Template>,
    /// The branches to manage; all if it is not set.
    pub branches: Option<Vec<String>>,
    /// Whether people who are not found by external identifier are matched by e-mail.
    pub match_email: bool,
    /// What to do if a new identifier comes with a known e-mail.
    pub renumber: Renumber,
    /// Who may be deleted.
    pub remove: Remove,
    /// Who is never touched: e-mails, external identifiers, ids, and `role:…`.
    pub protect: Option<Vec<String>>,
    /// What to do about a bad record.
    pub invalid: Invalid,
    /// For how long somebody must be missing before they are removed, in seconds; 0: they are removed at once.
    pub remove_after: u64,
    /// The time zone that decides which day it is.
    pub time_zone: TimeZone,
}

/// What to do about a bad record (`[scope] invalid`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Invalid {
    /// The person is set aside.
    #[default]
    Skip,
    /// No plan is made.
    Error,
}

/// `[manager]`
#[derive(Debug, Clone, Default)]
pub struct ManagerSettings {
    /// What to do about a manager who cannot be found.
    pub unresolved: Unresolved,
}

/// What to do about a manager who cannot be found (`[manager] unresolved`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unresolved {
    /// The manager stays as it is, and the plan says so.
    #[default]
    Warn,
    /// No plan is made.
    Error,
}

/// `[approval]`: what a plan needs before it is applied.
#[derive(Debug, Clone)]
pub struct ApprovalSettings {
    /// What proves an approval.
    pub require: Require,
    /// How many different people must approve every plan.
    pub approvers: usize,
    /// Which plans need more.
    pub rules: Vec<Escalation>,
    /// How long an approval is valid.
    pub max_age: Duration,
    /// Whether `run` may approve a plan that passes every guard.
    pub automatic: bool,
    /// Whose signatures count, in OpenSSH's format.
    pub allowed_signers: Option<PathBuf>,
}

/// What proves an approval (`[approval] require`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Require {
    /// That it names the plan's hash.
    #[default]
    Hash,
    /// An SSH signature over it.
    Signature,
}

impl Settings {
    /// Reads and checks a settings file.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read_regular_text(path, MOST_BYTES, Links::Follow)
            .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
        Self::parse(&text, path)
    }

    /// Checks the text of a settings file. Relative paths start at the folder of `path`, and messages name it.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let (files, secrets) = (RefCell::default(), Arc::default());
        let document = section::Document { text, path, files: &files, secrets: &secrets };
        let table = DeTable::parse(text).map_err(|error| {
            let (line, column) = document.position(error.span().map_or(0, |span| span.start));
            let problem = error.message().replace('\n', ", ");
            ConfigError::Syntax { path: path.to_owned(), line, column, problem }
        })?;
        let mut settings = read::settings(document, table.get_ref())?;
        settings.files = files.take();
        settings.hash = hash::hash(&settings)
            .map_err(|error| ConfigError::Invalid(format!("{}: no hash: {error}", path.display())))?;
        Ok(settings)
    }

    /// The templates and expressions that are applied to joined records.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.employee.templates().chain(&self.scope.include)
    }

    /// Whether a template or an expression asks which day it is.
    #[must_use]
    pub fn use_today(&self) -> bool {
        let lists = self.sources.iter().chain(&self.tables).flat_map(SourceSettings::templates);
        self.templates().chain(lists).any(|template| template.uses_today)
    }

    /// What is needed to read the sources at this time, for the people of this day.
    #[must_use]
    pub fn to_read(&self, now: SystemTime, calendar: &Calendar) -> ToRead<'_> {
        ToRead {
            sources: &self.sources,
            tables: &self.tables,
            templates: self.templates().collect(),
            secrets: &self.secrets,
            now,
            calendar: calendar.clone(),
        }
    }

    /// Every file that the settings name: lists, queries, secrets, certificates, signers, programs.
    #[must_use]
    pub fn files(&self) -> &[NamedFile] {
        &self.files
    }

    /// The secrets that the settings name.
    pub(crate) fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }

    /// Covers every setting that a plan depends on; see `docs/configuration.md`.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }
}
