//! Rules for single values: what a text may be.

use email_address::{EmailAddress, Options};

use crate::text::{is_unseen, start};

/// How many characters of a value are shown.
const SHOWN: usize = 60;
/// Longer than any name, address or code that a person would have chosen.
const MAX_CHARACTERS: usize = 1_000;

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

/// Refuses what could deceive a reader, or comes from a broken file.
pub(super) fn check_text(setting: &str, text: &str) -> Result<(), Problem> {
    if !is_plain(text)
        && let Some(found) = text.chars().find(|&c| is_deceptive(c))
    {
        let reason =
            format!("{setting} gives a text with the control character U+{:04X}: {}", u32::from(found), shown(text));
        return Err(Problem::new("control_character", reason));
    }
    // A text has at most as many characters as bytes, which need no counting.
    if text.len() > MAX_CHARACTERS && text.chars().nth(MAX_CHARACTERS).is_some() {
        let reason = format!("{setting} gives a text of more than {MAX_CHARACTERS} characters: {}", shown(text));
        return Err(Problem::new("too_long", reason));
    }
    Ok(())
}

/// Whether it is nothing but ASCII's visible characters and spaces, as most texts are.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Control characters, and characters that change the direction of text.
fn is_deceptive(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Refuses what looks like something else, in a value that tells people apart.
pub(super) fn check_seen(setting: &str, text: &str) -> Result<(), Problem> {
    if is_plain(text) {
        return Ok(());
    }
    let Some(found) = text.chars().find(|&c| is_unseen(c)) else { return Ok(()) };
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
    let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
    match EmailAddress::parse_with_options(email, options) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Problem::new("email_impossible", format!("{} is not an e-mail address: {error}", shown(email))))
        }
    }
}

/// A yes or no, in the words that lists use.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Some(true),
        "false" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// A value for a message: in quotes, with what cannot be shown escaped, and short.
pub(super) fn shown(text: &str) -> String {
    match start(text, SHOWN) {
        (start, true) => format!("{start:?}…"),
        (text, false) => format!("{text:?}"),
    }
}
