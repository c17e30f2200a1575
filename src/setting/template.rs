//! The templates and expressions of the settings: their text, checked for syntax, and the columns that they use.
//! [`crate::mapping`] evaluates them for a person.

mod arguments;
mod calendar;
mod compare;
mod date_form;
mod day;
mod defined;
mod disabled;
mod engine;
mod expressions;
mod in_order;
mod joining;
mod kinds;
mod letters;
mod lists;
mod numbers;
mod slices;
mod text_filters;
mod text_order;
mod types;
mod uses;

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::value::{Object, Value};
use minijinja::{Environment, Error, ErrorKind};
use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

use super::nearest;
use crate::template_cost::{in_time, not_too_long};

pub use calendar::Calendar;
pub(crate) use calendar::NAMES as DAY_NAMES;
use calendar::TODAY;
pub(crate) use engine::{Compiled, Engine, is_empty_part};
pub(crate) use uses::Uses;

/// A template or an expression that compiles and refers to sources that exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The name of the setting in messages, such as `` `branch` in [employee] ``. It has no line number: it may get
    /// into a plan, and a new comment in the settings file must not change the plan.
    pub(crate) setting: Arc<str>,
    /// Its text in NFC, so that names of columns and cells match in any Unicode form.
    pub(crate) text: Arc<str>,
    /// The columns that it names.
    pub(crate) columns: BTreeSet<ColumnName>,
    /// The sources of which it may read other columns too.
    pub(crate) whole: BTreeSet<usize>,
    /// The names that these columns may have, unless the template works them out.
    pub(crate) perhaps: BTreeSet<Box<str>>,
    /// Whether it uses the current day.
    pub(crate) uses_today: bool,
}

/// A template is written as its text.
impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A column as a template names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ColumnName {
    /// The place of the source in the settings.
    pub(crate) source: usize,
    /// The column.
    pub(crate) column: Box<str>,
}

/// The sources that a template may refer to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// How many of them have columns: the joined sources, which come first. The others are tables.
    pub(crate) with_columns: usize,
    /// Their names, in the order of the settings.
    pub(crate) names: Vec<Arc<str>>,
    /// Those whose cells are all texts, such as a CSV file's.
    pub(crate) only_texts: BTreeSet<Arc<str>>,
}

impl Sources {
    /// Checks a template such as `{{ hr.email | lower }}`, also for comparisons that are always wrong.
    pub(crate) fn template(&self, setting: &str, text: &str) -> Result<Template, String> {
        self.consistent(Template::parse(setting, text, &self.names)?, false)
    }

    /// Checks an expression such as `hr.status == 'active'` in the same way.
    pub(crate) fn condition(&self, setting: &str, text: &str) -> Result<Template, String> {
        self.consistent(Template::parse_expression(setting, text, &self.names)?, true)
    }

    fn consistent(&self, mut template: Template, is_condition: bool) -> Result<Template, String> {
        // What is named of a table is a row of it. Which of its columns are used, a template says elsewhere.
        let tables = template.columns.iter().map(|name| name.source).filter(|source| *source >= self.with_columns);
        template.whole.extend(tables);
        template.columns.retain(|name| name.source < self.with_columns);
        let (text, sources) = (Arc::clone(&template.text), self.clone());
        let problem = in_time(move |_| types::contradiction(&text, is_condition, &sources))?;
        problem.map_or(Ok(template), Err)
    }
}

impl Template {
    /// Whether it may use columns of a source.
    pub(crate) fn may_use(&self, source: usize) -> bool {
        self.whole.contains(&source) || self.columns.iter().any(|name| name.source == source)
    }

    /// Checks a template such as `{{ hr.email | lower }}`.
    pub(crate) fn parse(setting: &str, text: &str, sources: &[Arc<str>]) -> Result<Self, String> {
        Self::within_limits(setting, text, sources, Self::checked)
    }

    /// Runs a check of a template on its text in NFC, within the limits of length and time.
    fn within_limits(
        setting: &str,
        text: &str,
        sources: &[Arc<str>],
        check: impl FnOnce(&str, &str, &[Arc<str>]) -> Result<Self, String> + Send + 'static,
    ) -> Result<Self, String> {
        not_too_long(text)?;
        let text: String = text.nfc().collect();
        let (setting, sources) = (setting.to_owned(), sources.to_vec());
        in_time(move |_| check(&setting, &text, &sources))?
    }

    fn checked(setting: &str, text: &str, sources: &[Arc<str>]) -> Result<Self, String> {
        let engine = Engine::new(&Calendar::any());
        let compiled = engine.template(text).map_err(|error| broken(&error))?;
        let uses = Uses::of_template(text, sources).map_err(|error| broken(&error))?;
        check_names(engine.environment(), &uses.names, sources)?;
        check_functions(compiled.render(anybody(sources)).err())?;
        Ok(Self::using(setting, text, uses))
    }

    fn using(setting: &str, text: &str, uses: Uses) -> Self {
        let Uses { names, columns, whole, texts: perhaps } = uses;
        let uses_today = names.contains(TODAY);
        Self { setting: setting.into(), text: text.into(), columns, whole, perhaps, uses_today }
    }

    /// Checks an expression such as `hr.status == 'active'`.
    pub(crate) fn parse_expression(setting: &str, text: &str, sources: &[Arc<str>]) -> Result<Self, String> {
        Self::within_limits(setting, text, sources, Self::checked_expression)
    }

    fn checked_expression(setting: &str, text: &str, sources: &[Arc<str>]) -> Result<Self, String> {
        let engine = Engine::new(&Calendar::any());
        let compiled = engine.condition(text).map_err(|error| broken(&error))?;
        let uses = Uses::of_expression(text, sources).map_err(|error| broken(&error))?;
        check_names(engine.environment(), &uses.names, sources)?;
        check_functions(compiled.eval(anybody(sources)).err())?;
        Ok(Self::using(setting, text, uses))
    }
}

impl Template {
    /// Checks an expression over the columns of one source, which it may name without the source, such as
    /// `is_primary == 'Y'`.
    pub(crate) fn parse_preference(
        setting: &str,
        text: &str,
        place: usize,
        sources: &[Arc<str>],
    ) -> Result<Self, String> {
        Self::within_limits(setting, text, sources, move |setting, text, sources| {
            Self::checked_preference(setting, text, place, sources)
        })
    }

    fn checked_preference(setting: &str, text: &str, place: usize, sources: &[Arc<str>]) -> Result<Self, String> {
        let engine = Engine::new(&Calendar::any());
        let environment = engine.environment();
        let but = environment.globals().map(|(name, _)| name.to_owned()).collect();
        let compiled = engine.condition(text).map_err(|error| broken(&error))?;
        check_functions(compiled.eval(Value::from_object(Anything { but })).err())?;
        let uses = Uses::of_expression(text, &sources[..=place]).map_err(|error| broken(&error))?;
        Ok(Self::over_own(setting, text, place, sources, environment, uses))
    }
}

impl Template {
    /// Checks a template over the columns of one source, which it names without the source, such as
    /// `{{ number | trim }}`.
    pub(crate) fn parse_own(setting: &str, text: &str, place: usize, sources: &[Arc<str>]) -> Result<Self, String> {
        Self::within_limits(setting, text, sources, move |setting, text, sources| {
            Self::checked_own(setting, text, place, sources)
        })
    }

    fn checked_own(setting: &str, text: &str, place: usize, sources: &[Arc<str>]) -> Result<Self, String> {
        let engine = Engine::new(&Calendar::any());
        let environment = engine.environment();
        let but = environment.globals().map(|(name, _)| name.to_owned()).collect();
        let compiled = engine.template(text).map_err(|error| broken(&error))?;
        check_functions(compiled.render(Value::from_object(Anything { but })).err())?;
        let uses = Uses::of_template(text, &sources[..=place]).map_err(|error| broken(&error))?;
        Ok(Self::over_own(setting, text, place, sources, environment, uses))
    }

    /// The columns that are named with the source in front, and without.
    fn over_own(
        setting: &str,
        text: &str,
        place: usize,
        sources: &[Arc<str>],
        environment: &Environment<'_>,
        mut uses: Uses,
    ) -> Self {
        let bare = uses.names.iter().filter(|name| ***name != *sources[place] && !is_global(environment, name));
        let bare = bare.map(|name| ColumnName { source: place, column: name.as_str().into() });
        uses.columns.retain(|name| name.source == place);
        uses.columns.extend(bare);
        Self::using(setting, text, uses)
    }
}

fn check_names(environment: &Environment<'_>, used: &BTreeSet<String>, sources: &[Arc<str>]) -> Result<(), String> {
    let is_known = |name: &str| sources.iter().any(|source| **source == *name) || is_global(environment, name);
    let Some(unknown) = used.iter().find(|name| !is_known(name)) else { return Ok(()) };
    let hint = match nearest(unknown, sources.iter().map(|source| &**source)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the sources are {}", sources.join(", ")),
    };
    Err(format!("refers to `{unknown}`, but no source has that name; {hint}"))
}

fn is_global(environment: &Environment<'_>, name: &str) -> bool {
    environment.globals().any(|(global, _)| global == name)
}

/// A record that has every column, all of them empty.
#[derive(Debug, Default)]
struct Anything {
    /// Names that are functions of the engine, not columns.
    but: BTreeSet<String>,
}

impl Object for Anything {
    fn get_value(self: &Arc<Self>, name: &Value) -> Option<Value> {
        let is_function = name.as_str().is_some_and(|name| self.but.contains(name));
        (!is_function).then(|| Value::from(""))
    }
}

/// A record whose sources have every column, as templates see it.
fn anybody(sources: &[Arc<str>]) -> Value {
    Value::from_pairs(sources.iter().map(|source| (&**source, Value::from_object(Anything::default()))))
}

/// Only at run time does the engine notice that a filter does not exist, or that a template takes too much work even if
/// every column is empty. Other failures with this made-up record say nothing about the template.
fn check_functions(error: Option<Error>) -> Result<(), String> {
    use ErrorKind::{OutOfFuel, UnknownFilter, UnknownFunction, UnknownTest};
    match error {
        Some(error) if error.kind() == OutOfFuel || is_too_deep(&error) => Err(format!("fails: {}", said(&error))),
        Some(error) if matches!(error.kind(), UnknownFilter | UnknownFunction | UnknownTest) => Err(broken(&error)),
        _ => Ok(()),
    }
}

/// Whether macros call one another without end.
fn is_too_deep(error: &Error) -> bool {
    error.detail().is_some_and(|detail| detail.contains("recursion limit"))
}

/// The engine's message, without the places in the template that it adds for developers.
pub(crate) fn said(error: &Error) -> String {
    match error.detail() {
        _ if error.kind() == ErrorKind::OutOfFuel => {
            "it takes more work than a template may: a loop, a repetition or a value is too large".to_owned()
        }
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

fn broken(error: &Error) -> String {
    format!("cannot be compiled: {error}")
}

/// A literal without escapes at the start of a text, and what follows it.
pub(crate) fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (literal, rest) = text[1..].split_once(quote)?;
    (!literal.contains('\\')).then_some((literal, rest))
}
