//! Which texts a value may be. A list that gives any other sets its person aside, and a plan file that holds one is refused.

use email_address::{EmailAddress, Options};

use crate::text::is_unseen;

/// Longer than any name, address or code that a person would have chosen.
pub const MAX_CHARACTERS: usize = 1_000;

/// The first control character, or character that turns the direction of the text around it.
#[must_use]
pub fn deceptive(text: &str) -> Option<char> {
    let is_deceptive = |c: &char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if is_plain(text) { None } else { text.chars().find(is_deceptive) }
}

/// Whether it has more than [`MAX_CHARACTERS`].
#[must_use]
pub fn is_too_long(text: &str) -> bool {
    // A text has at most as many characters as bytes, which need no counting.
    text.len() > MAX_CHARACTERS && text.chars().nth(MAX_CHARACTERS).is_some()
}

/// The first character that nobody sees, which a value that tells people apart must not have.
#[must_use]
pub fn unseen(text: &str) -> Option<char> {
    if is_plain(text) { None } else { text.chars().find(|&c| is_unseen(c)) }
}

/// Refuses an e-mail that nobody can have.
///
/// # Errors
/// Says why.
pub fn check_email(email: &str) -> Result<(), email_address::Error> {
    let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
    EmailAddress::parse_with_options(email, options).map(drop)
}

/// Whether it is nothing but ASCII's visible characters and spaces, as most texts are.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
