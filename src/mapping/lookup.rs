//! Finds the branches, custom fields and choices of an account by their names.

use rustc_hash::FxHashMap;

use super::values::{self, Problem, shown};
use crate::employee::possible::impossible;
use crate::employee::{Branch, BranchId, ChoiceOption, CustomField, CustomFieldKind, CustomValue, Text, normal_text};
use crate::setting::{ConfigError, Template, nearest};

/// The branches by external identifier, else id, else name.
#[derive(Debug, Clone)]
pub(super) struct Branches {
    by_identifier: FxHashMap<String, Found>,
    by_id: FxHashMap<String, Found>,
    by_name: FxHashMap<String, Found>,
}

/// What a name refers to.
#[derive(Debug, Clone)]
enum Found {
    One(BranchId),
    Several,
}

/// Why no branch was found for a name.
#[derive(Debug, PartialEq, Eq)]
enum Missed {
    Unknown,
    Ambiguous,
}

impl Branches {
    pub(super) fn new(branches: &[Branch]) -> Self {
        fn add(names: &mut FxHashMap<String, Found>, name: &str, id: &BranchId) {
            let name = normal_text(name);
            if !name.is_empty() {
                let found = names.entry(name.into_owned());
                found.and_modify(|found| *found = Found::Several).or_insert_with(|| Found::One(id.clone()));
            }
        }
        let mut all =
            Self { by_identifier: FxHashMap::default(), by_id: FxHashMap::default(), by_name: FxHashMap::default() };
        for Branch { id, name, identifier } in branches {
            add(&mut all.by_identifier, identifier.as_deref().unwrap_or_default(), id);
            add(&mut all.by_id, id.as_str(), id);
            add(&mut all.by_name, name, id);
        }
        all
    }

    fn find(&self, name: &str) -> Result<&BranchId, Missed> {
        let found = self.by_identifier.get(name).or_else(|| self.by_id.get(name)).or_else(|| self.by_name.get(name));
        match found {
            Some(Found::One(id)) => Ok(id),
            Some(Found::Several) => Err(Missed::Ambiguous),
            None => Err(Missed::Unknown),
        }
    }

    /// The branch that a record names.
    pub(super) fn of_record(&self, name: &str) -> Result<BranchId, Problem> {
        self.find(name).cloned().map_err(|missed| match missed {
            Missed::Unknown => Problem::new(
                "branch_unknown",
                format!("no branch has the external identifier, id or name {}", shown(name)),
            ),
            Missed::Ambiguous => {
                Problem::new("branch_ambiguous", format!("several branches are called {}", shown(name)))
            }
        })
    }

    /// The branch that the settings name.
    pub(super) fn in_settings(&self, name: &str) -> Result<BranchId, ConfigError> {
        self.find(&normal_text(name)).cloned().map_err(|missed| {
            let problem = match missed {
                Missed::Ambiguous => "is the name of several branches; give its external identifier or id".to_owned(),
                Missed::Unknown => {
                    let mut names: Vec<&str> =
                        self.by_identifier.keys().chain(self.by_name.keys()).map(String::as_str).collect();
                    names.sort_unstable();
                    format!("is no branch's external identifier, id or name{}", hint(name, &names))
                }
            };
            ConfigError::Invalid(format!("`branches` in [scope]: {name:?} {problem}"))
        })
    }
}

/// The custom field that the settings name.
pub(super) fn custom_field<'f>(
    name: &str,
    template: &Template,
    fields: &'f [CustomField],
) -> Result<&'f CustomField, ConfigError> {
    let field = named_field(name, template, fields)?;
    match &field.kind {
        CustomFieldKind::Unusable(reason) => Err(ConfigError::Invalid(format!(
            "{}: the custom field cannot be managed: it is {reason}",
            template.setting
        ))),
        _ => Ok(field),
    }
}

fn named_field<'f>(name: &str, template: &Template, fields: &'f [CustomField]) -> Result<&'f CustomField, ConfigError> {
    if let Some(field) = fields.iter().find(|field| field.id.as_str() == name) {
        return Ok(field);
    }
    let wanted = normal_text(name);
    let found: Vec<&CustomField> = fields.iter().filter(|field| normal_text(&field.name) == wanted).collect();
    let problem = match found[..] {
        [field] => return Ok(field),
        [] => {
            let names: Vec<&str> = fields.iter().flat_map(|field| [&*field.name, field.id.as_str()]).collect();
            format!("Skovik has no custom field with that name or id{}", hint(name, &names))
        }
        _ => {
            let ids: Vec<&str> = found.iter().map(|field| field.id.as_str()).collect();
            format!("several custom fields have that name; use one of their ids, {}", ids.join(", "))
        }
    };
    Err(ConfigError::Invalid(format!("{}: {problem}", template.setting)))
}

fn hint(name: &str, known: &[&str]) -> String {
    nearest(name, known.iter().copied()).map_or_else(String::new, |near| format!("; did you mean {near:?}?"))
}

/// The values that a custom field can hold, indexed for many look-ups.
#[derive(Debug, Clone)]
pub(super) enum FieldValues {
    Text,
    Boolean,
    Choice {
        /// `None` if the values of several options differ only in their Unicode form or in white space around them.
        by_value: FxHashMap<String, Option<Text>>,
        /// `None` if several options have the same label.
        by_label: FxHashMap<String, Option<Text>>,
    },
}

impl FieldValues {
    pub(super) fn new(kind: &CustomFieldKind) -> Self {
        match kind {
            CustomFieldKind::Text
            | CustomFieldKind::UncheckedChoice
            | CustomFieldKind::Unknown(_)
            | CustomFieldKind::Unusable(_) => Self::Text,
            CustomFieldKind::Boolean => Self::Boolean,
            CustomFieldKind::MultipleChoice(options) => {
                fn add(names: &mut FxHashMap<String, Option<Text>>, name: &str, value: &str) {
                    let known = names.entry(normal_text(name).into_owned()).or_insert_with(|| Some(value.into()));
                    if known.as_deref() != Some(value) {
                        *known = None;
                    }
                }
                let (mut by_value, mut by_label) = (FxHashMap::default(), FxHashMap::default());
                for ChoiceOption { label, value } in options {
                    add(&mut by_value, value, value);
                    add(&mut by_label, label, value);
                }
                Self::Choice { by_value, by_label }
            }
        }
    }

    /// The value of a text that is not empty.
    pub(super) fn value(&self, setting: &str, text: &str) -> Result<CustomValue, Problem> {
        match self {
            Self::Text => Ok(CustomValue::Text(text.into())),
            Self::Boolean => values::boolean(text).map(CustomValue::Boolean).ok_or_else(|| {
                Problem::new(
                    "boolean_invalid",
                    format!("{setting} gives {}, which is neither true nor false", shown(text)),
                )
            }),
            Self::Choice { by_value, by_label } => {
                let problem =
                    |what: &str| Problem::new("choice_unknown", format!("{setting} gives {}, {what}", shown(text)));
                match (by_value.get(text), by_label.get(text)) {
                    (Some(Some(value)), _) | (None, Some(Some(value))) => match impossible(value) {
                        None => Ok(CustomValue::Text(value.clone())),
                        Some(what) => Err(problem(&format!(
                            "an option whose value {} is {what}, which cannot be written; change the option in Skovik",
                            shown(value)
                        ))),
                    },
                    (Some(None), _) => Err(problem(
                        "and the values of several options differ from it only in Unicode form or white space",
                    )),
                    (None, Some(None)) => Err(problem("a label that several options have; give the option's value")),
                    (None, None) => Err(problem("which is not among the options of the field")),
                }
            }
        }
    }
}
