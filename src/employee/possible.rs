//! Which texts are valid values. If a list holds another one, its person is set aside; a plan file that holds one is
//! refused.

use email_address::{EmailAddress, Options};

use super::normal_text;
use crate::text::is_unseen;

/// Longer than any name, address or code that a person would have chosen.
pub const MAX_CHARACTERS: usize = 1_000;

/// What makes it impossible to write a text, as the end of a sentence about it.
#[must_use]
pub fn impossible(text: &str) -> Option<&'static str> {
    Some(match text {
        "" => "an empty text",
        _ if normal_text(text) != text => "a text with outer white space, or not in its normal form",
        _ if deceptive(text).is_some() => "a text with a control character",
        _ if is_too_long(text) => "a text that is too long",
        _ => return None,
    })
}

/// The first control character, character that turns the direction of the text around it, or sign that a letter was lost on the
/// way (U+FFFD).
#[must_use]
pub fn deceptive(text: &str) -> Option<char> {
    let is_deceptive =
        |c: &char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffd}');
    if is_plain(text) { None } else { text.chars().find(is_deceptive) }
}

/// The text without the characters that [`deceptive`] finds.
#[must_use]
pub fn without_deceptive(text: &str) -> String {
    text.chars().filter(|c| deceptive(c.encode_utf8(&mut [0; 4])).is_none()).collect()
}

/// Whether it has more than [`MAX_CHARACTERS`].
#[must_use]
pub fn is_too_long(text: &str) -> bool {
    // A text has at most as many characters as bytes, which need no counting.
    text.len() > MAX_CHARACTERS && text.chars().nth(MAX_CHARACTERS).is_some()
}

/// The first invisible character. A value that distinguishes people must not have one.
#[must_use]
pub fn unseen(text: &str) -> Option<char> {
    if is_plain(text) { None } else { text.chars().find(|&c| is_unseen(c)) }
}

/// Refuses an e-mail that nobody can have.
///
/// # Errors
/// Says why.
pub fn check_email(email: &str) -> Result<(), email_address::Error> {
    if is_ordinary(email) {
        return Ok(());
    }
    let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
    EmailAddress::parse_with_options(email, options).map(drop)
}

/// Whether it is a common e-mail: words of letters, digits and inner hyphens. Others may be valid too, and take longer
/// to check.
fn is_ordinary(email: &str) -> bool {
    let is_word = |word: &str, longest: usize, others: &[u8]| {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
        word.len() <= longest
            && word.bytes().all(is_good)
            && word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    let Some((local, domain)) = email.split_once('@') else { return false };
    email.len() <= 254
        && local.len() <= 64
        && local.split('.').all(|word| is_word(word, 64, b"-_+"))
        && domain.contains('.')
        && domain.split('.').all(|label| is_word(label, 63, b"-"))
}

/// Whether it is nothing but ASCII's visible characters and spaces, as most texts are.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_ordinary_email_is_a_possible_one(email in "[aZ9._+-]{1,70}@[aZ9.-]{1,140}|[aZ9._+@-]{0,9}") {
            let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
            let is_possible = EmailAddress::parse_with_options(&email, options).is_ok();
            prop_assert!(is_possible || !is_ordinary(&email), "{email}");
        }
    }

    #[test]
    fn most_emails_are_ordinary() {
        for (email, is_one) in [
            ("anna.lind@example.com", true),
            ("A+b_c-d1@mail.example.co.uk", true),
            ("anna@example", false),
            ("anna..lind@example.com", false),
            ("anna@-example.com", false),
            ("anna@lind@example.com", false),
            ("\u{e5}sa@example.com", false),
            ("@example.com", false),
        ] {
            assert_eq!(is_ordinary(email), is_one, "{email}");
        }
    }
}
