//! Compiled templates. Most templates are just one column, perhaps in lower case. These are evaluated without the
//! template engine, which gives the same result much more slowly. All others go to the engine, which is not asked again about
//! the same cells.

use std::borrow::Cow;
use std::cell::OnceCell;

use minijinja::{Error, Value};

use crate::employee::normal_text;
use crate::setting::ConfigError;
use crate::setting::template::{Compiled, Engine, Template, said};
use crate::source::{CellView, Records};
use crate::template_cost::not_too_large;

use super::direct_condition::{DirectCondition, column};
use super::memo::Memo;

/// A record that templates are applied to. Its form for the engine is made at most once.
pub(super) struct Context<'r> {
    records: &'r Records,
    record: usize,
    /// Whether every source has its own row of the person here.
    is_as_joined: bool,
    value: OnceCell<Value>,
}

/// A template, ready to be rendered.
pub(super) struct CompiledTemplate<'t> {
    template: &'t Template,
    compiled: Compiled<'t>,
    direct: Option<Direct>,
    memo: Option<Memo<Box<str>>>,
}

/// An expression, ready to be evaluated.
pub(super) struct Condition<'t> {
    template: &'t Template,
    compiled: Compiled<'t>,
    direct: Option<DirectCondition>,
    memo: Option<Memo<bool>>,
}

/// A template that is only a column, with or without a filter.
#[derive(Debug, PartialEq, Eq)]
struct Direct {
    source: usize,
    column: usize,
    filters: Vec<Filter>,
}

/// A filter that needs no engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    Lower,
    Upper,
    Trim,
}

impl<'r> Context<'r> {
    pub(super) fn new(records: &'r Records, record: usize) -> Self {
        Self { records, record, is_as_joined: true, value: OnceCell::new() }
    }

    /// A context in which this row of a source counts as the person's.
    pub(super) fn with_row(records: &'r Records, record: usize, source: usize, row: u32) -> Self {
        let value = OnceCell::from(records.context_with(record, source, row));
        Self { records, record, is_as_joined: false, value }
    }

    /// A row of a source by itself.
    pub(super) fn of_row(records: &'r Records, source: usize, row: u32) -> Self {
        Self { records, record: 0, is_as_joined: false, value: OnceCell::from(records.context_of_row(source, row)) }
    }

    /// A context in which it is an error to use a source that may have a row of the person. Only expressions are evaluated
    /// with it. `instead` is a row of a source that counts as the person's.
    pub(super) fn in_doubt(records: &'r Records, record: usize, instead: Option<(usize, u32)>) -> Self {
        let value = OnceCell::from(records.context_in_doubt(record, instead));
        Self { records, record, is_as_joined: false, value }
    }

    /// A context in which it is an error to use a source that has no row of the person.
    pub(super) fn in_part(records: &'r Records, record: usize) -> Self {
        Self { records, record, is_as_joined: false, value: OnceCell::from(records.context_in_part(record)) }
    }

    /// A context of the record's row in the first source alone, in which it is an error to use another source.
    pub(super) fn of_first_row(records: &'r Records, record: usize) -> Self {
        Self { records, record, is_as_joined: false, value: OnceCell::from(records.context_of_first_row(record)) }
    }

    fn value(&self) -> &Value {
        self.value.get_or_init(|| self.records.context(self.record))
    }
}

impl<'t> CompiledTemplate<'t> {
    pub(super) fn new(template: &'t Template, records: &Records, engine: &'t Engine) -> Result<Self, ConfigError> {
        let compiled = engine.template(&template.text).map_err(|error| broken(template, &error))?;
        let direct = Direct::of(template, records);
        let memo = if direct.is_some() { None } else { Memo::of(template, records) };
        Ok(Self { template, compiled, direct, memo })
    }

    /// The setting, for messages.
    pub(super) fn setting(&self) -> &str {
        &self.template.setting
    }

    /// Its text.
    pub(super) fn text(&self) -> &str {
        &self.template.text
    }

    /// Whether it may use columns of a source.
    pub(super) fn may_use(&self, source: usize) -> bool {
        self.template.may_use(source)
    }

    /// The result of the template for a record, trimmed and in NFC; or why it fails.
    pub(super) fn render<'r>(&self, context: &Context<'r>) -> Result<Cow<'r, str>, String> {
        if let Some(direct) = &self.direct
            && context.is_as_joined
            && let CellView::Text(text) = context.records.cell(context.record, direct.source, direct.column)
        {
            let text = direct.filters.iter().fold(normal_text(text), |text, filter| filter.apply(text));
            return self.not_too_large(normal(text));
        }
        match &self.memo {
            Some(memo) if context.is_as_joined => {
                let by_the_engine = || self.by_the_engine(context).map(Box::from);
                memo.get_or(context.records, context.record, by_the_engine).map(|text| Cow::Owned(text.into_string()))
            }
            _ => self.by_the_engine(context).map(Cow::Owned),
        }
    }

    /// The same, as the engine renders it.
    pub(super) fn by_the_engine(&self, context: &Context<'_>) -> Result<String, String> {
        match self.compiled.render(context.value().clone()) {
            Ok(text) => self.not_too_large(normal(Cow::Owned(text))).map(Cow::into_owned),
            Err(error) => Err(format!("{} fails: {}", self.template.setting, said(&error))),
        }
    }

    /// Whether results are remembered.
    #[cfg(test)]
    pub(super) fn remembers(&self) -> bool {
        self.memo.is_some()
    }

    fn not_too_large<'c>(&self, text: Cow<'c, str>) -> Result<Cow<'c, str>, String> {
        not_too_large(&text).map_err(|problem| format!("{} {problem}", self.template.setting))?;
        Ok(text)
    }
}

impl<'t> Condition<'t> {
    pub(super) fn new(template: &'t Template, records: &Records, engine: &'t Engine) -> Result<Self, ConfigError> {
        let compiled = engine.condition(&template.text).map_err(|error| broken(template, &error))?;
        let direct = DirectCondition::of(template, records);
        let memo = if direct.is_some() { None } else { Memo::of(template, records) };
        Ok(Self { template, compiled, direct, memo })
    }

    /// The setting, for messages.
    pub(super) fn setting(&self) -> &str {
        &self.template.setting
    }

    /// Its text.
    pub(super) fn text(&self) -> &str {
        &self.template.text
    }

    /// Whether it is true for a record; an error unless the result is exactly true or false. Otherwise a text such as
    /// `"0"` or `"false"` would count as true.
    pub(super) fn holds(&self, context: &Context<'_>) -> Result<bool, String> {
        if let Some(direct) = &self.direct
            && context.is_as_joined
            && let Some(holds) = direct.holds(context.records, context.record)
        {
            return Ok(holds);
        }
        match &self.memo {
            Some(memo) if context.is_as_joined => {
                memo.get_or(context.records, context.record, || self.by_the_engine(context))
            }
            _ => self.by_the_engine(context),
        }
    }

    /// The same, as the engine answers it.
    pub(super) fn by_the_engine(&self, context: &Context<'_>) -> Result<bool, String> {
        let setting = &self.template.setting;
        match self.compiled.eval(context.value().clone()) {
            Ok(value) => bool::try_from(value.clone()).ok().filter(|_| value.kind() == minijinja::value::ValueKind::Bool).ok_or_else(|| {
                format!("{setting} gives {} and neither true nor false; compare it with something, as in `hr.status == 'active'`", value.kind())
            }),
            Err(error) => Err(format!("{setting} fails: {}", said(&error))),
        }
    }
}

impl Direct {
    /// Recognises `{{ source.column | filter }}` and `{{ source["column"] | filter }}` for an existing column.
    fn of(template: &Template, records: &Records) -> Option<Self> {
        let code = template.text.strip_prefix("{{")?.strip_suffix("}}")?;
        // A longer template contains braces. A template that trims the text around it has a sign here.
        if code.contains(['{', '}']) || code.starts_with(['-', '+']) || code.ends_with(['-', '+']) {
            return None;
        }
        let (source, column, rest) = column(code, template, records)?;
        let filters = match rest.trim() {
            "" => Vec::new(),
            rest => rest.strip_prefix('|')?.split('|').map(Filter::named).collect::<Option<_>>()?,
        };
        Some(Self { source, column, filters })
    }
}

impl Filter {
    fn named(name: &str) -> Option<Self> {
        match name.trim() {
            "lower" => Some(Self::Lower),
            "upper" => Some(Self::Upper),
            "trim" => Some(Self::Trim),
            _ => None,
        }
    }

    fn apply(self, text: Cow<'_, str>) -> Cow<'_, str> {
        match self {
            Self::Lower if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) => text,
            Self::Lower => Cow::Owned(text.to_lowercase()),
            Self::Upper => Cow::Owned(text.to_uppercase()),
            Self::Trim => trimmed(text),
        }
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// Text as it is compared and written. Joining or cutting texts can give letters that are not composed.
fn normal(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => normal_text(text),
        Cow::Owned(text) => match normal_text(&text) {
            Cow::Borrowed(same) if same.len() == text.len() => Cow::Owned(text),
            other => Cow::Owned(other.into_owned()),
        },
    }
}

fn broken(template: &Template, error: &Error) -> ConfigError {
    ConfigError::Invalid(format!("{}: {error}", template.setting))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::source::tests::{Fixture, source};

    fn direct(text: &str, records: &Records) -> Option<Direct> {
        let sources: Vec<Arc<str>> = vec!["hr".into(), "ad".into()];
        Direct::of(&Template::parse("x", text, &sources).unwrap(), records)
    }

    fn records(hr: &[u8], ad: &[u8]) -> Records {
        let sources = source("hr", "json", "hr", "id") + &source("ad", "csv", "ad", "id");
        Fixture::new(&sources, &[("hr", hr), ("ad", ad)]).read().unwrap()
    }

    #[test]
    fn only_plain_columns_are_answered_directly() {
        let records = records(br#"[{"id": 1, "mail": "x", "e mail": "y"}]"#, b"id,m\n1,z\n");
        let found = |source, column, filters: &[Filter]| Some(Direct { source, column, filters: filters.to_vec() });
        for (text, expected) in [
            ("{{ hr.mail }}", found(0, 1, &[])),
            ("{{hr.mail|lower}}", found(0, 1, &[Filter::Lower])),
            ("{{ hr['e mail'] | trim | upper }}", found(0, 2, &[Filter::Trim, Filter::Upper])),
            ("{{ ad[\"m\"] }}", found(1, 1, &[])),
            ("{{ hr.mail }} ", None),
            ("x{{ hr.mail }}", None),
            ("{{- hr.mail -}}", None),
            ("{{ hr.mail }}{{ ad.m }}", None),
            ("{{ hr.mail }}{{ hr.mail }}", None),
            ("{{ hr.mail | title }}", None),
            ("{{ hr.mail | trim('x') }}", None),
            ("{{ hr.mail == 'x' }}", None),
            ("{{ hr.mail.x }}", None),
            ("{{ hr.mail or ad.m }}", None),
            ("{{ (hr.mail) }}", None),
            ("{{ hr.none }}", None),
            ("x", None),
        ] {
            assert_eq!(direct(text, &records), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_direct_answer_is_that_of_the_engine(
            cell in prop_oneof!["[ -~]{0,12}", "[a-z\u{c0}-\u{17f}\u{300}-\u{310}\u{130}\u{3a3}\u{df} \u{a0}]{0,8}", any::<String>()],
            filters in prop::collection::vec(prop::sample::select(vec!["lower", "upper", "trim"]), 0..4),
            column in prop::sample::select(vec!["hr.v", "hr['v']", "hr.n", "hr.b", "hr.l", "ad.m", "ad['m']"]),
        ) {
            let row = serde_json::json!([
                {"id": 1, "v": cell, "n": 12, "b": true, "l": [1]}, {"id": 2, "v": "", "n": 1.5, "b": null, "l": ""},
            ]);
            let records = records(row.to_string().as_bytes(), b"id,m\n2,x\n");
            let text = format!("{{{{ {} }}}}", [&[column], &filters[..]].concat().join(" | "));
            let template = Template::parse("x", &text, &["hr".into(), "ad".into()]).unwrap();
            let engine = Engine::new(records.calendar());
            let quick = CompiledTemplate::new(&template, &records, &engine).unwrap();
            prop_assert!(quick.direct.is_some());
            let mut slow = CompiledTemplate::new(&template, &records, &engine).unwrap();
            slow.direct = None;
            for record in 0..records.len() {
                let context = Context::new(&records, record);
                prop_assert_eq!(quick.render(&context), slow.render(&context));
            }
        }
    }
}
