//! Values as one line of text: what they are, and what of them changes.

use std::fmt::Display;

use similar::{ChangeTag, InlineChangeMode, InlineChangeOptions, TextDiff};
use unicode_normalization::UnicodeNormalization;

use super::layout::Palette;
use crate::employee::CustomValue;
use crate::plan::{BranchRef, ManagerRef, Value};
use crate::render::{escape, escape_to_ascii};

/// What stands for no value.
const NONE: &str = "(none)";
/// Parts of longer texts are not marked: the comparison is more than linear, and nobody would find the mark.
const LONGEST_MARKED: usize = 2_000;

/// How much of a value is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// What people know it by.
    Plain,
    /// Whatever sets it apart from one that looks the same.
    Exact,
}

/// A text from outside on its way to a line, quoted where it could be taken for something else there: for no value, for
/// two values, for the next column.
pub(super) fn shown_text(text: &str) -> String {
    let escaped = escape(text);
    let unclear = text.is_empty()
        || text.starts_with([' ', '(', '"'])
        || text.ends_with(' ')
        || text.contains("  ")
        || text.contains('→');
    if unclear { quoted(&escaped) } else { escaped.into_owned() }
}

/// The value of a custom field, or that there is none.
pub(super) fn shown_custom(value: Option<&CustomValue>) -> String {
    match value {
        None => NONE.to_owned(),
        Some(CustomValue::Boolean(value)) => value.to_string(),
        Some(CustomValue::Text(text)) => shown_text(text),
    }
}

/// A branch, or that there is none.
pub(super) fn shown_branch(branch: Option<&BranchRef>) -> String {
    branch.map_or_else(|| NONE.to_owned(), |branch| branch_text(branch, Detail::Plain))
}

/// A manager, or that there is none.
pub(super) fn shown_manager(manager: Option<&ManagerRef>) -> String {
    manager.map_or_else(|| NONE.to_owned(), |manager| manager_text(manager, Detail::Plain))
}

/// Both sides of a change, which never read the same.
pub(super) fn shown_pair(before: Option<&Value>, after: Option<&Value>) -> (String, String) {
    let (old, new) = (shown(before, Detail::Plain), shown(after, Detail::Plain));
    if old == new || old.nfkc().eq(new.nfkc()) {
        (shown(before, Detail::Exact), shown(after, Detail::Exact))
    } else {
        (old, new)
    }
}

/// The two sides of a change in colour, the parts that differ marked where the two have enough in common. Without
/// colour they stand as they are: the arrow between them says all.
pub(super) fn colored_pair(palette: Palette, old: &str, new: &str) -> (String, String) {
    if !palette.is_on() || old.len().max(new.len()) > LONGEST_MARKED {
        return (palette.red(old).to_string(), palette.green(new).to_string());
    }
    let diff = TextDiff::from_lines(old, new);
    let mut options = InlineChangeOptions::new();
    options.mode(InlineChangeMode::Graphemes).semantic_cleanup(true);
    let (mut colored_old, mut colored_new) = (String::new(), String::new());
    for change in diff.iter_all_inline_changes_with_options(options) {
        for (marked, part) in change.iter_strings_lossy() {
            match (change.tag(), marked) {
                (ChangeTag::Delete, false) => push(&mut colored_old, palette.red(part)),
                (ChangeTag::Delete, true) => push(&mut colored_old, palette.removed(part)),
                (ChangeTag::Insert, false) => push(&mut colored_new, palette.green(part)),
                (ChangeTag::Insert, true) => push(&mut colored_new, palette.added(part)),
                (ChangeTag::Equal, _) => {
                    push(&mut colored_old, &part);
                    push(&mut colored_new, &part);
                }
            }
        }
    }
    (colored_old, colored_new)
}

fn push(text: &mut String, part: impl Display) {
    text.push_str(&part.to_string());
}

fn shown(value: Option<&Value>, detail: Detail) -> String {
    match value {
        None => NONE.to_owned(),
        Some(Value::Boolean(value)) => value.to_string(),
        Some(Value::Text(text)) if detail == Detail::Exact => quoted(&escape_to_ascii(text)),
        Some(Value::Text(text)) => shown_text(text),
        Some(Value::Branch(branch)) => branch_text(branch, detail),
        Some(Value::Manager(manager)) => manager_text(manager, detail),
    }
}

fn branch_text(branch: &BranchRef, detail: Detail) -> String {
    let BranchRef { branch_id, external_identifier, name } = branch;
    let (name, id) = (shown_text(name), escape(branch_id.as_str()));
    match (external_identifier, detail) {
        (Some(identifier), Detail::Plain) => format!("{name} ({})", escape(identifier)),
        (Some(identifier), Detail::Exact) => format!("{name} ({}, id {id})", escape(identifier)),
        (None, _) => format!("{name} (id {id})"),
    }
}

fn manager_text(manager: &ManagerRef, detail: Detail) -> String {
    let name = match manager.name() {
        "" => "(no name)".to_owned(),
        name => shown_text(name),
    };
    let user_id = |manager: &ManagerRef| match manager {
        ManagerRef::User(user) => format!("user {}", escape(user.user_id.as_str())),
        ManagerRef::Create(_) => "new".to_owned(),
    };
    match (manager, manager.employee(), detail) {
        (ManagerRef::User(_), Some(employee), Detail::Plain) => format!("{name} ({})", escape(employee.as_str())),
        (_, Some(employee), _) => format!("{name} ({}, {})", escape(employee.as_str()), user_id(manager)),
        (_, None, _) => format!("{name} ({})", user_id(manager)),
    }
}

fn quoted(escaped: &str) -> String {
    format!("\"{}\"", escaped.replace('"', "\\\""))
}
