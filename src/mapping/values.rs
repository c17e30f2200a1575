//! Rules for single values.

use crate::employee::possible::{self, MAX_CHARACTERS};
use crate::text::start;

/// How many characters of a value are shown.
const SHOWN: usize = 60;

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The code of the diagnostic.
    pub(super) code: &'static str,
    /// What is wrong, for the reader.
    pub(super) reason: String,
}

impl Problem {
    pub(super) fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

/// Refuses a text that could deceive a reader, or that comes from a broken file.
pub(super) fn check_text(setting: &str, text: &str) -> Result<(), Problem> {
    if let Some(found) = possible::deceptive(text) {
        let reason =
            format!("{setting} gives a text with the control character U+{:04X}: {}", u32::from(found), shown(text));
        return Err(Problem::new("control_character", reason));
    }
    if possible::is_too_long(text) {
        let reason = format!("{setting} gives a text of more than {MAX_CHARACTERS} characters: {}", shown(text));
        return Err(Problem::new("too_long", reason));
    }
    Ok(())
}

/// Refuses characters that are invisible or look like others, in a value that identifies people.
pub(super) fn check_seen(setting: &str, text: &str) -> Result<(), Problem> {
    let Some(found) = possible::unseen(text) else { return Ok(()) };
    let reason = format!(
        "{setting} gives {}, with the character U+{:04X}, which nobody sees; take it out of the list, or write `| visible` in \
         the template",
        shown(text),
        u32::from(found)
    );
    Err(Problem::new("unseen_character", reason))
}

/// Refuses an e-mail that nobody can have.
pub(super) fn check_email(email: &str) -> Result<(), Problem> {
    possible::check_email(email).map_err(|error| {
        Problem::new("email_impossible", format!("{} is not an e-mail address: {error}", shown(email)))
    })
}

/// A yes or no, in the words that lists use.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Some(true),
        "false" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// A value for a message: in quotes, shortened, with invisible characters escaped.
pub(super) fn shown(text: &str) -> String {
    match start(text, SHOWN) {
        (start, true) => format!("{start:?}…"),
        (text, false) => format!("{text:?}"),
    }
}
