//! Values as one line of text, with the parts that change.

use similar::{DiffOp, DiffTag, TextDiff};
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use super::layout::Palette;
use crate::plan::{BranchRef, ManagerRef, Value};
use crate::text::{escape, escape_to_ascii};

/// The text for no value.
const NONE: &str = "(none)";
/// In longer texts the differing parts are not marked: the comparison is more than linear, and nobody would see the
/// marks.
const LONGEST_MARKED: usize = 2_000;

/// Whether ids are shown beside names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ids {
    /// Only if a name alone would be ambiguous.
    #[default]
    Hidden,
    /// After every person, manager, branch and custom field.
    Shown,
}

impl From<bool> for Ids {
    fn from(shown: bool) -> Self {
        if shown { Self::Shown } else { Self::Hidden }
    }
}

/// How much of a value is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// The name.
    Plain,
    /// The name and the id.
    WithId,
    /// Everything that distinguishes it from a value that looks the same.
    Exact,
}

/// A text from outside for a line. It is quoted if it could be mistaken for something else: for no value, for two
/// values, for the next column.
pub(in crate::render) fn shown_text(text: &str) -> String {
    let escaped = escape(text);
    let unclear = text.is_empty()
        || text.starts_with([' ', '(', '"'])
        || text.ends_with(' ')
        || text.contains("  ")
        || text.contains('→');
    if unclear { quoted(&escaped) } else { escaped.into_owned() }
}

/// A value, or the text for no value.
pub(in crate::render) fn shown_value(value: Option<&Value>, ids: Ids) -> String {
    shown(value, ids.into())
}

/// A branch, or the text for no value.
pub(in crate::render) fn shown_branch(branch: Option<&BranchRef>, ids: Ids) -> String {
    branch.map_or_else(|| NONE.to_owned(), |branch| branch_text(branch, ids.into()))
}

/// A manager, or the text for no value.
pub(in crate::render) fn shown_manager(manager: Option<&ManagerRef>, ids: Ids) -> String {
    manager.map_or_else(|| NONE.to_owned(), |manager| manager_text(manager, ids.into()))
}

/// Both sides of a change; they never look the same.
pub(in crate::render) fn shown_pair(before: Option<&Value>, after: Option<&Value>, ids: Ids) -> (String, String) {
    let (old, new) = (shown(before, ids.into()), shown(after, ids.into()));
    if look(&old) == look(&new) { (shown(before, Detail::Exact), shown(after, Detail::Exact)) } else { (old, new) }
}

/// What two texts have in common that look the same: also letters of different scripts (UTS 39).
fn look(text: &str) -> String {
    skeleton(&text.nfkc().collect::<String>()).collect()
}

/// The two sides of a change in colour. If some words stay the same, the differing words are marked. Without colour
/// nothing is marked.
pub(super) fn colored_pair(palette: Palette, old: &str, new: &str) -> (String, String) {
    if !palette.is_on() {
        return (old.to_owned(), new.to_owned());
    }
    let (mut colored_old, mut colored_new) = (String::new(), String::new());
    for Piece { differs, old, new } in pieces(old, new) {
        let (old, new) = match differs {
            true => (palette.removed(old), palette.added(new)),
            false => (palette.red(old), palette.green(new)),
        };
        colored_old.push_str(&old.to_string());
        colored_new.push_str(&new.to_string());
    }
    (colored_old, colored_new)
}

/// A piece of one side of a change.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::render) struct Piece {
    /// Whether it is marked.
    pub(in crate::render) differs: bool,
    pub(in crate::render) old: String,
    pub(in crate::render) new: String,
}

/// Divides both sides into equal and differing pieces. If no word is equal, nothing is marked.
pub(in crate::render) fn pieces(old: &str, new: &str) -> Vec<Piece> {
    let whole = || vec![Piece { differs: false, old: old.to_owned(), new: new.to_owned() }];
    if old.len().max(new.len()) > LONGEST_MARKED {
        return whole();
    }
    let (old_words, new_words) = (words(old), words(new));
    let diff = TextDiff::from_slices(&old_words, &new_words);
    let word_stays = |op: &DiffOp| {
        op.tag() == DiffTag::Equal && old_words[op.old_range()].iter().any(|word| word.starts_with(in_word))
    };
    if !diff.ops().iter().any(word_stays) {
        return whole();
    }
    let piece = |op: &DiffOp| Piece {
        differs: op.tag() != DiffTag::Equal,
        old: old_words[op.old_range()].concat(),
        new: new_words[op.new_range()].concat(),
    };
    diff.ops().iter().map(piece).collect()
}

/// Splits a text into words and the text between them, so that `anna.berg@example.com` is split into names.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if in_word(first) { rest.find(|c| !in_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (word, tail) = rest.split_at(end);
        words.push(word);
        rest = tail;
    }
    words
}

/// Every character that is not ASCII counts as a letter, so that letters keep their accents.
fn in_word(c: char) -> bool {
    !c.is_ascii() || c.is_ascii_alphanumeric()
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

impl From<Ids> for Detail {
    fn from(ids: Ids) -> Self {
        match ids {
            Ids::Hidden => Self::Plain,
            Ids::Shown => Self::WithId,
        }
    }
}

fn branch_text(branch: &BranchRef, detail: Detail) -> String {
    let BranchRef { branch_id, external_identifier, name } = branch;
    let (name, id) = (shown_text(name), escape(branch_id.as_str()));
    match (external_identifier, detail) {
        (Some(identifier), Detail::Plain) => format!("{name} ({})", escape(identifier)),
        (Some(identifier), Detail::WithId | Detail::Exact) => format!("{name} ({}, id {id})", escape(identifier)),
        (None, _) => format!("{name} (id {id})"),
    }
}

fn manager_text(manager: &ManagerRef, detail: Detail) -> String {
    let name = match manager.name() {
        "" => "(no name)".to_owned(),
        name => shown_text(name),
    };
    let which = match manager {
        ManagerRef::User(user) => format!("user {}", escape(user.user_id.as_str())),
        ManagerRef::Create(_) => "new".to_owned(),
    };
    match (manager, manager.employee(), detail) {
        (ManagerRef::User(_), Some(employee), Detail::Plain) => format!("{name} ({})", escape(employee.as_str())),
        (_, Some(employee), _) => format!("{name} ({}, {which})", escape(employee.as_str())),
        (_, None, _) => format!("{name} ({which})"),
    }
}

fn quoted(escaped: &str) -> String {
    format!("\"{}\"", escaped.replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_change_are_marked() {
        for (old, new, expected_old, expected_new) in [
            ("anna.berg@example.com", "anna.lind@example.com", "anna.[berg]@example.com", "anna.[lind]@example.com"),
            ("García", "García Márquez", "García[]", "García[ Márquez]"),
            ("Holm", r"Holm\u{ad}", "Holm[]", r"Holm[\u{ad}]"),
            ("Berg", "Lind", "Berg", "Lind"),
            ("a-b", "c-d", "a-b", "c-d"),
        ] {
            let (mut marked_old, mut marked_new) = (String::new(), String::new());
            for Piece { differs, old, new } in pieces(old, new) {
                marked_old.push_str(&if differs { format!("[{old}]") } else { old });
                marked_new.push_str(&if differs { format!("[{new}]") } else { new });
            }
            assert_eq!((marked_old.as_str(), marked_new.as_str()), (expected_old, expected_new));
        }
    }

    #[test]
    fn values_that_look_the_same_are_written_out() {
        for (old, new, expected_old, expected_new) in [
            ("P0", "\u{420}0", r#""P0""#, r#""\u{420}0""#),
            ("anna@example.com", "\u{430}nna@example.com", r#""anna@example.com""#, r#""\u{430}nna@example.com""#),
            ("\u{fb01}n", "fin", r#""\u{fb01}n""#, r#""fin""#),
            ("Jos\u{e9}", "Jose\u{301}", r#""Jos\u{e9}""#, r#""Jose\u{301}""#),
            ("Jos\u{e9}", "Jose", "Jos\u{e9}", "Jose"),
            ("\u{420}\u{43e}\u{43c}", "\u{420}\u{43e}\u{434}", "\u{420}\u{43e}\u{43c}", "\u{420}\u{43e}\u{434}"),
        ] {
            let (before, after) = (Value::Text(old.into()), Value::Text(new.into()));
            let pair = shown_pair(Some(&before), Some(&after), Ids::Hidden);
            assert_eq!(pair, (expected_old.to_owned(), expected_new.to_owned()));
        }
    }

    #[test]
    fn very_long_texts_are_not_compared() {
        let long = "word ".repeat(1_000);
        assert_eq!(pieces(&long, "word").len(), 1);
    }

    #[test]
    fn texts_that_could_be_misread_are_quoted() {
        for (text, expected) in [
            ("4100", "4100"),
            ("O'Brien", "O'Brien"),
            ("", r#""""#),
            ("(none)", r#""(none)""#),
            (" x", r#"" x""#),
            ("a  b", r#""a  b""#),
            ("a → b", r#""a → b""#),
            (r#""a""#, r#""\"a\"""#),
        ] {
            assert_eq!(shown_text(text), expected);
        }
    }
}
