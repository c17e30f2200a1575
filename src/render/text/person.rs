//! One person of the plan: who it is, what changes, and the consequences.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::kind::Kind;
use super::layout::{Palette, column, padding, width_of, wrap};
use super::value::{Ids, colored_pair, shown_branch, shown_manager, shown_pair, shown_text, shown_value};
use super::{Context, TextOptions};
use crate::employee::{CustomFieldId, UserId};
use crate::plan::{Action, BranchRef, Change, Field, Fields, Operation, Removal, Severity, Target, Value};
use crate::text::{escape, likeness, printable};

/// The indent of the lines under a person.
const INDENT: &str = "      ";
/// What a delete means for the person, by Skovik's own pages.
const AFTER_DELETE: &str = "can no longer sign in; unregistered receipts are mailed to them; registered receipts are \
                            sent for approval at once";
/// The same where a removal makes somebody inactive.
const AFTER_DEACTIVATION: &str = "becomes inactive: can no longer sign in, and keeps the e-mail; Skovik archives inactive users \
                            for good";

/// The cells that ` → ` takes.
const ARROW_WIDTH: usize = 3;
/// The texts for an empty name and for an unknown identifier.
pub(super) const NO_NAME: &str = "(no name)";
const NO_IDENTIFIER: &str = "(no identifier)";

/// The names of the fields.
pub(in crate::render) struct Labels<'a> {
    names: &'a BTreeMap<CustomFieldId, String>,
    /// Names that look the same as another field's.
    unclear: BTreeSet<&'a str>,
    ids: Ids,
    removal: Removal,
}

/// The line that says who a person is, in columns.
pub(in crate::render) struct Heading {
    pub(in crate::render) name: String,
    pub(in crate::render) identifier: String,
    /// None for an update: it shows the e-mail below, if it changes.
    pub(in crate::render) email: Option<String>,
    /// The user's id, if ids are shown and the identifier is not that id already.
    pub(in crate::render) user: Option<String>,
    /// The roles beyond those that everybody has.
    pub(in crate::render) roles: Option<String>,
}

/// How wide the columns of a group are.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) name: usize,
    pub(super) identifier: usize,
}

/// The line about one field.
pub(in crate::render) struct Line {
    pub(in crate::render) label: Cow<'static, str>,
    pub(in crate::render) shown: Shown,
}

pub(in crate::render) enum Shown {
    Value(String),
    Change { before: String, after: String },
}

impl<'a> Labels<'a> {
    pub(in crate::render) fn of(target: &'a Target, ids: Ids) -> Self {
        let names = &target.custom_fields;
        let builtin =
            Field::<CustomFieldId>::STANDARD.iter().filter_map(Field::standard_name).chain(["reason", "missing"]);
        let mut seen: BTreeMap<String, usize> = builtin.map(|name| (name.to_owned(), 1)).collect();
        for name in names.values() {
            *seen.entry(likeness(name)).or_default() += 1;
        }
        let unclear =
            names.values().map(String::as_str).filter(|name| seen.get(&likeness(name)).is_some_and(|count| *count > 1));
        Self { names, unclear: unclear.collect(), ids, removal: target.removal }
    }

    /// What a delete means for the person.
    pub(in crate::render) fn after_delete(&self) -> &'static str {
        match self.removal {
            Removal::Delete => AFTER_DELETE,
            Removal::Deactivate => AFTER_DEACTIVATION,
        }
    }

    /// Whether ids are shown.
    pub(in crate::render) fn ids(&self) -> Ids {
        self.ids
    }

    pub(in crate::render) fn field(&self, field: &Field) -> Cow<'static, str> {
        match field {
            Field::Custom(id) => self.custom(id).into(),
            standard => standard.standard_name().unwrap_or_default().into(),
        }
    }

    /// A custom field by its name, with its id if the name looks like another field's.
    fn custom(&self, id: &CustomFieldId) -> String {
        match self.names.get(id).map(String::as_str) {
            None | Some("") => format!("custom_fields.{}", escape(id.as_str())),
            Some(name) if self.ids == Ids::Shown || self.unclear.contains(name) => {
                format!("{} (custom_fields.{})", escape(name), escape(id.as_str()))
            }
            Some(name) => shown_text(name),
        }
    }
}

impl Heading {
    /// The heading of an operation. It shows the values that are written or deleted, if the operation has them; its
    /// `name` and `employee` are only labels.
    pub(in crate::render) fn of(operation: &Operation, ids: Ids) -> Self {
        let email = match &operation.action {
            Action::Create { after: fields } | Action::Delete { before: fields, .. } => {
                Some(shown_text(&fields.primary_email))
            }
            Action::Update { .. } | Action::Link { .. } => None,
        };
        let user = operation.user_id().filter(|_| ids == Ids::Shown && operation.employee.is_some()).map(user_text);
        let roles = roles_text(operation.roles());
        Self { name: Self::name(operation), identifier: Self::identifier(operation), email, user, roles }
    }

    pub(super) fn name(operation: &Operation) -> String {
        let name = match &operation.action {
            Action::Create { after: fields } | Action::Delete { before: fields, .. } => &fields.full_name(),
            Action::Update { .. } | Action::Link { .. } => &operation.name,
        };
        if name.is_empty() { NO_NAME.to_owned() } else { shown_text(name) }
    }

    /// The identifier, or the id of a user who has none.
    pub(super) fn identifier(operation: &Operation) -> String {
        match (&operation.employee, operation.user_id()) {
            (Some(employee), _) => shown_text(employee.as_str()),
            (None, Some(user)) => format!("({})", user_text(user)),
            (None, None) => NO_IDENTIFIER.to_owned(),
        }
    }

    /// All of it in one line.
    pub(in crate::render) fn line(&self) -> String {
        let Self { name, identifier, email, user, roles } = self;
        [Some(name), Some(identifier), email.as_ref(), user.as_ref(), roles.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("  ")
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, kind: Kind, columns: Columns, palette: Palette) -> fmt::Result {
        let Self { name, identifier, email, user, roles } = self;
        write!(f, "  {} {}{}  {identifier}", kind.symbol(palette), palette.bold(name), padding(name, columns.name))?;
        if email.is_some() || user.is_some() || roles.is_some() {
            write!(f, "{}", padding(identifier, columns.identifier))?;
        }
        [email, user].into_iter().flatten().try_for_each(|more| write!(f, "  {more}"))?;
        roles.iter().try_for_each(|roles| write!(f, "  {}", palette.alarm(roles)))?;
        writeln!(f)
    }
}

fn user_text(id: &UserId) -> String {
    format!("user {}", escape(id.as_str()))
}

/// The text for roles next to a person; `None` if there are none.
fn roles_text(roles: &[String]) -> Option<String> {
    let shown: Vec<String> = roles.iter().map(|role| shown_text(role)).collect();
    match shown.len() {
        0 => None,
        1 => Some(format!("role: {}", shown[0])),
        _ => Some(format!("roles: {}", shown.join(", "))),
    }
}

/// Writes a person: the heading, a line for each field, the consequences, and the remarks.
pub(super) fn write(
    f: &mut fmt::Formatter<'_>,
    operation: &Operation,
    kind: Kind,
    columns: Columns,
    context: &Context<'_>,
) -> fmt::Result {
    let Context { labels, remarks, options, palette } = context;
    let palette = *palette;
    Heading::of(operation, labels.ids()).write(f, kind, columns, palette)?;
    let lines = lines(operation, labels);
    let label_width = column(lines.iter().map(|line| line.label.as_ref())) + 1;
    for line in &lines {
        line.write(f, label_width, palette, options)?;
    }
    if let Some(sentence) = consequence_text(operation, labels) {
        remark(f, Severity::Warning, &sentence, options)?;
    }
    for diagnostic in remarks.beside(operation.id) {
        let sentence = format!("{} ({})", printable(&diagnostic.message), escape(&diagnostic.code));
        remark(f, diagnostic.severity, &sentence, options)?;
    }
    Ok(())
}

/// The lines about the fields of an operation.
pub(in crate::render) fn lines(operation: &Operation, labels: &Labels<'_>) -> Vec<Line> {
    match &operation.action {
        Action::Create { after } => created(after, labels),
        Action::Update { changes, .. } => changes.iter().map(|change| changed(change, labels)).collect(),
        Action::Link { create: _, manager } => vec![Line {
            label: labels.field(&Field::Manager),
            shown: Shown::Change {
                before: shown_manager(None, labels.ids),
                after: shown_manager(Some(manager), labels.ids),
            },
        }],
        Action::Delete { reason, missing_since, .. } => {
            let reason = Line { label: "reason".into(), shown: Shown::Value(printable(reason).into_owned()) };
            let missing = missing_since
                .map(|since| Line { label: "missing".into(), shown: Shown::Value(format!("since {}", since.day())) });
            [Some(reason), missing].into_iter().flatten().collect()
        }
    }
}

/// A consequence of an operation beyond the fields that it names, by Skovik's own pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::render) enum Consequence {
    LosesAccess,
    BranchMove,
}

/// The consequence of an operation, if it has one.
pub(in crate::render) fn consequence(operation: &Operation) -> Option<Consequence> {
    match &operation.action {
        Action::Delete { .. } => Some(Consequence::LosesAccess),
        Action::Update { changes, .. } => {
            changes.iter().any(|change| left_branch(change).is_some()).then_some(Consequence::BranchMove)
        }
        Action::Create { .. } | Action::Link { .. } => None,
    }
}

/// The same as a sentence.
pub(in crate::render) fn consequence_text(operation: &Operation, labels: &Labels<'_>) -> Option<Cow<'static, str>> {
    match &operation.action {
        Action::Delete { .. } => Some(labels.after_delete().into()),
        Action::Update { changes, .. } => {
            changes.iter().find_map(left_branch).map(|old| after_move(old, labels.ids).into())
        }
        Action::Create { .. } | Action::Link { .. } => None,
    }
}

impl Line {
    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        label_width: usize,
        palette: Palette,
        options: &TextOptions,
    ) -> fmt::Result {
        let label = format!("{}:", self.label);
        write!(f, "{INDENT}{}{} ", palette.dim(&label), padding(&label, label_width))?;
        match &self.shown {
            Shown::Value(value) => writeln!(f, "{value}"),
            Shown::Change { before, after } => {
                let start = INDENT.len() + label_width.max(width_of(&label)) + 1;
                let one_line = start + width_of(before) + ARROW_WIDTH + width_of(after);
                let (before, after) = colored_pair(palette, before, after);
                if one_line <= options.width {
                    writeln!(f, "{before} → {after}")
                } else {
                    writeln!(f, "{before}\n{}→ {after}", " ".repeat(start - 2))
                }
            }
        }
    }
}

/// The fields of a created or deleted user with their values, except those in the heading.
pub(in crate::render) fn values_below(fields: &Fields, ids: Ids) -> Vec<(Field, String)> {
    let is_below = |field: &Field| match field {
        Field::Active | Field::ExternalIdentifier | Field::PrimaryEmail => false,
        // The heading does not show where the first name ends.
        Field::FirstName | Field::LastName => fields.has_spaced_name(),
        Field::Branch | Field::Manager | Field::Custom(_) => true,
    };
    let values = fields.values().into_iter().filter(|(field, _)| is_below(field));
    values.map(|(field, value)| (field, shown_value(value.as_ref(), ids))).collect()
}

/// The lines of a new user.
fn created(after: &Fields, labels: &Labels<'_>) -> Vec<Line> {
    let values = values_below(after, labels.ids).into_iter();
    values.map(|(field, value)| Line { label: labels.field(&field), shown: Shown::Value(value) }).collect()
}

fn changed(change: &Change, labels: &Labels<'_>) -> Line {
    let Change { field, before, after } = change;
    let (before, after) = shown_pair(before.as_ref(), after.as_ref(), labels.ids);
    Line { label: labels.field(field), shown: Shown::Change { before, after } }
}

/// The branch that a change moves somebody away from; `None` for a user who had no branch.
fn left_branch(change: &Change) -> Option<&BranchRef> {
    match change {
        Change { field: Field::Branch, before: Some(Value::Branch(old)), after: _ } => Some(old),
        _ => None,
    }
}

fn after_move(old: &BranchRef, ids: Ids) -> String {
    format!(
        "what lies in the outbox is sent in as a report to the old branch, {}; Skovik might empty custom fields, which \
         apply then fills again",
        shown_branch(Some(old), ids)
    )
}

fn remark(f: &mut fmt::Formatter<'_>, severity: Severity, sentence: &str, options: &TextOptions) -> fmt::Result {
    let palette = Palette::new(options.color);
    for (index, line) in wrap(sentence, options.width.saturating_sub(INDENT.len() + 2)).into_iter().enumerate() {
        let line = match (index, severity) {
            (0, Severity::Info) => format!("i {line}"),
            (0, _) => format!("! {line}"),
            _ => format!("  {line}"),
        };
        write!(f, "{INDENT}")?;
        match severity {
            Severity::Error => writeln!(f, "{}", palette.red(line))?,
            Severity::Warning => writeln!(f, "{}", palette.yellow(line))?,
            Severity::Info => writeln!(f, "{}", palette.dim(line))?,
        }
    }
    Ok(())
}
