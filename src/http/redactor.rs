//! Makes a server's words safe to show: short, on one line, without characters that could control a terminal, and
//! without secrets that the server may echo.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use secrecy::{ExposeSecret as _, SecretString};

use super::spelling::{Spellings, mask_beginning, mask_spelt};
use crate::text::{is_unseen, shortened};

/// How many characters of a server's words are shown.
const LONGEST: usize = 300;
/// How many bytes of them are read for that. Finding a secret in every spelling takes time, and an answer may have many MiB.
const LOOKED_AT: usize = 64 * 1024;
/// How many bytes a letter of a secret has at most, however it is spelt: `&#x0000000000041;` has 17.
const LONGEST_SPELLING: usize = 18;
/// A run of letters and digits of a secret that has this length is removed everywhere, whatever is around it.
const TELLING: usize = 8;
/// A shorter secret of this length that mixes letters with other characters is not a common word either.
const TELLING_IF_MIXED: usize = 5;
/// The text that replaces a secret.
const MASK: &str = "[key]";

/// Cleans what a server said. It knows the secrets, in order to take them out.
#[derive(Default)]
pub(crate) struct Redactor {
    /// The longest first: if one secret is a part of another, no rest of the longer one must stay.
    secrets: RwLock<Vec<Spellings>>,
}

impl Redactor {
    /// Removes this secret too from now on.
    pub(crate) fn add(&self, secret: SecretString) {
        if secret.expose_secret().is_empty() {
            return;
        }
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        if secrets.iter().any(|known| known.secret() == secret.expose_secret()) {
            return;
        }
        secrets.push(Spellings::of(secret));
        secrets.sort_by_key(|known| std::cmp::Reverse(known.secret().len()));
    }

    /// Adds all secrets of another one.
    pub(crate) fn learn(&self, other: &Self) {
        let secrets = other.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let known: Vec<SecretString> = secrets.iter().map(|known| known.secret().into()).collect();
        drop(secrets);
        known.into_iter().for_each(|secret| self.add(secret));
    }

    /// One clean line. Where a long text is cut, the beginning of a secret could stand, which nobody would know; so
    /// nothing of its end is shown.
    pub(crate) fn clean(&self, text: &str) -> String {
        let seen = &text[..text.floor_char_boundary(LOOKED_AT)];
        let mut known = self.without_secrets(seen);
        if seen.len() < text.len() {
            let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
            let longest = secrets.iter().map(|known| known.secret().len()).max().unwrap_or_default();
            let end = known.len().saturating_sub(longest.saturating_mul(LONGEST_SPELLING));
            known.truncate(known.floor_char_boundary(end));
        }
        // Both before and after: white space or control characters in the text could hide a secret, or removing them
        // could make one.
        shortened(&self.without_secrets(&visible(&known)), LONGEST).into_owned()
    }

    /// The same of a body, or of what a program printed: it may be anything.
    pub(crate) fn clean_body(&self, body: &[u8]) -> String {
        // One byte more tells that there is more.
        self.clean(&String::from_utf8_lossy(body.get(..=LOOKED_AT).unwrap_or(body)))
    }

    /// A message of this program that quotes others: unchanged, except that secrets, and their beginnings where a quote
    /// was cut, are removed unless they may be common words.
    pub(crate) fn hide(&self, message: &str) -> String {
        self.without(message, is_telling)
    }

    /// The same text without any secret.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        self.without(text, |_| true)
    }

    /// Without the secrets that `which` selects, and without long runs of any secret, in every spelling; also without the
    /// long beginning of one that a server cut.
    fn without(&self, text: &str, which: impl Fn(&str) -> bool) -> String {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let those = secrets.iter().filter(|known| which(known.secret()));
        let whole = those.fold(text.to_owned(), |text, known| known.mask(text, MASK));
        let runs = secrets.iter().flat_map(|known| known.secret().split(|c: char| !c.is_ascii_alphanumeric()));
        let rest = runs.filter(|run| run.len() >= TELLING).fold(whole, |text, run| mask_spelt(text, run, MASK));
        // An address begins like others do.
        let cut = secrets.iter().filter(|known| !known.secret().contains("://"));
        cut.fold(rest, |text, known| mask_beginning(text, known.secret(), MASK))
    }
}

impl From<SecretString> for Redactor {
    fn from(secret: SecretString) -> Self {
        let redactor = Self::default();
        redactor.add(secret);
        redactor
    }
}

/// Without the secrets.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// Whether a secret cannot be a common word that a message may hold anyway.
fn is_telling(secret: &str) -> bool {
    let is_mixed = || secret.chars().any(char::is_alphabetic) && !secret.chars().all(char::is_alphabetic);
    secret.len() >= TELLING || (secret.len() >= TELLING_IF_MIXED && is_mixed())
}

/// Without terminal sequences and invisible characters, white space as single spaces.
fn visible(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    let mut space = false;
    while let Some(c) = chars.next() {
        if c == '\u{1b}' || c == '\u{9b}' {
            skip_sequence(c, &mut chars);
        } else if c.is_whitespace() {
            space = !out.is_empty();
        } else if !is_unseen(c) {
            if std::mem::take(&mut space) {
                out.push(' ');
            }
            out.push(c);
        }
    }
    out
}

/// Skips the rest of a control sequence (`ESC [ … letter`) or of another escape (`ESC x`).
fn skip_sequence(start: char, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if start == '\u{1b}' && chars.next_if_eq(&'[').is_none() {
        chars.next_if(|c| c.is_ascii_graphic());
        return;
    }
    while chars.next_if(|c| matches!(c, '\u{20}'..='\u{3f}')).is_some() {}
    chars.next_if(|c| matches!(c, '\u{40}'..='\u{7e}'));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Redactor {
        SecretString::from("s3cret-key").into()
    }

    #[test]
    fn shows_nothing_that_steers_a_terminal() {
        for (text, expected) in [
            ("\u{1b}[31mNo\u{1b}[0m  \r\n\t way ", "No way"),
            ("a\u{9b}2Jb\u{1b}]0;title\u{7}c\u{1b}", "ab0;titlec"),
            ("abc\u{202e}txt.exe\u{200b}", "abctxt.exe"),
            ("", ""),
        ] {
            assert_eq!(said().clean(text), expected, "{text:?}");
        }
    }

    #[test]
    fn takes_the_key_out_even_where_it_is_hidden() {
        for text in ["Bearer s3cret-key!", "Bearer s3c\u{1b}[1mret-key!", "Bearer s3cret\u{200b}-key!"] {
            assert_eq!(said().clean(text), "Bearer [key]!");
        }
    }

    #[test]
    fn takes_the_key_out_however_it_is_written() {
        let said = Redactor::from(SecretString::from("id/0123456789abcdef+Zyxwvutsrq=="));
        for text in [
            "id/0123456789abcdef+Zyxwvutsrq==",
            "id%2F0123456789abcdef%2BZyxwvutsrq%3D%3D",
            r"id\/0123456789abcdef\u002bZyxwvutsrq\u003d\u003d",
            "id&#x2F;0123456789abcdef&#43;Zyxwvutsrq&#61;&#61;",
        ] {
            let shown = said.clean(text);
            assert!(!shown.contains("0123456789") && !shown.contains("Zyxwvutsrq"), "{shown}");
        }
        assert_eq!(Redactor::from(SecretString::from("a-b")).clean("a or b"), "a or b", "a short run tells nothing");
    }

    #[test]
    fn takes_the_key_out_in_base64_in_escapes_and_in_other_case() {
        for text in ["Bearer S3CRET-KEY!", "Bearer s3cret%2Dkey!", "Bearer s3cret&#45;key!", "Bearer czNjcmV0LWtle!"] {
            assert_eq!(said().clean(text), "Bearer [key]!", "{text}");
        }
        // `u:s3cret-key`, as in basic authentication.
        let shown = said().clean("Basic dTpzM2NyZXQta2V5");
        assert!(shown.starts_with("Basic dT") && shown.contains("[key]") && shown.len() < 18, "{shown}");
    }

    #[test]
    fn the_beginning_of_a_key_at_the_end_of_what_is_read_is_not_shown() {
        let key = "s3cret-key-0123456789";
        let said = Redactor::from(SecretString::from(key));
        let escaped: String = key.bytes().map(|byte| format!("&#x{byte:012x};")).collect();
        // Every place of an escape of sixteen letters is tried, though not of each one.
        for (spelt, step) in [(key, 1), (&*escaped, 15)] {
            for shown in (0..=spelt.len()).step_by(step) {
                let body = format!("No{}{spelt} and more", " ".repeat(LOOKED_AT - 2 - shown));
                let cleaned = said.clean_body(body.as_bytes());
                assert!(["No", "No [key]"].contains(&&*cleaned), "{shown}: {cleaned}");
            }
        }
        let long = format!("{} {}", "word".repeat(100), "x".repeat(LOOKED_AT));
        assert_eq!(said.clean_body(long.as_bytes()), format!("{}…", "word".repeat(LONGEST / 4)));
        assert_eq!(said.clean_body(b"the key s3cret-key-0123456789"), "the key [key]");
    }

    #[test]
    fn a_long_text_is_cleaned_in_a_moment() {
        let said = said();
        for part in ["&", "&#", "&lt;", "%", "%41", "\\", "\\u0041", "s", "&s", "73 "] {
            let begun = std::time::Instant::now();
            said.clean(&part.repeat(8_000_000 / part.len()));
            // A loaded machine and a debug build are slow; what this is about took minutes on an idle one.
            assert!(begun.elapsed().as_secs() < 60, "{part}: {:?}", begun.elapsed());
        }
        let cleaned = said.clean(&format!("No{}s3cret-key", " ".repeat(LOOKED_AT - 5)));
        assert_eq!(cleaned, "No", "nothing of the beginning of a key that is cut");
    }

    #[test]
    fn the_beginning_of_a_key_before_a_cut_is_removed() {
        let key = "s3cret-key/0123456789";
        let said = Redactor::from(SecretString::from(key));
        let escaped: String = key.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let number: String = key.bytes().map(|byte| format!("&#{byte};")).collect();
        let digits: Vec<String> = key.bytes().map(|byte| format!("{byte:02x}")).collect();
        let base64 = "czNjcmV0LWtleS8wMTIzNDU2Nzg5";
        for spelt in [key, &key.to_uppercase(), &escaped, &number, &digits.concat(), &digits.join(":"), base64] {
            // A cut after so few letters tells nothing; an escape of HTML has five.
            for cut in 30.min(spelt.len() - 1)..spelt.len() {
                let hidden = said.hide(&format!("it says {:?} (7)", format!("a {}…", &spelt[..cut])));
                assert_eq!(hidden, "it says \"a [key]…\" (7)", "{}", &spelt[..cut]);
            }
        }
        assert_eq!(said.hide("it says s3cr…"), "it says [key]…");
        for text in ["it says s3c…", "it says s3cret-ke, …", "it says s3cre"] {
            assert_eq!(said.hide(text), text);
        }
        // Only a part of it is quoted.
        assert_eq!(said.hide("it says 01234567…"), "it says [key]…");
        assert_eq!(Redactor::from(SecretString::from("winter")).hide("in winte…"), "in winte…");
    }

    #[test]
    fn a_long_beginning_of_a_key_is_removed_whatever_follows() {
        let said = Redactor::from(SecretString::from("AccessTok3nQwXyZ1"));
        for (text, expected) in [
            ("token AccessTok3nQ... is bad", "token [key]... is bad"),
            ("'AccessTok3nQwXyZ'", "'[key]'"),
            ("accesstok3nqw?", "[key]?"),
            ("AccessTok3n, AccessToken", "AccessTok3n, AccessToken"),
        ] {
            assert_eq!((said.clean(text), said.hide(text)), (expected.to_owned(), expected.to_owned()));
        }
    }

    #[test]
    fn a_short_secret_is_hidden_unless_it_is_a_word() {
        let hidden = |secret: &str| Redactor::from(SecretString::from(secret)).hide("the column hunter2 or winter");
        assert_eq!(hidden("hunter2"), "the column [key] or winter");
        assert_eq!(hidden("winter"), "the column hunter2 or winter");
    }

    #[test]
    fn is_short_and_cut_between_characters() {
        let shown = said().clean(&"ö".repeat(1000));
        assert_eq!(shown, format!("{}…", "ö".repeat(LONGEST)));
        assert_eq!(said().clean(&"ö".repeat(LONGEST)).chars().count(), LONGEST);
    }

    #[test]
    fn takes_out_every_secret_and_the_longer_one_first() {
        let redactor = Redactor::from(SecretString::from("abc"));
        redactor.add("abcdef".into());
        redactor.add(String::new().into());
        assert_eq!(redactor.clean("abcdef abc xyz"), "[key] [key] xyz");
        redactor.add("longer/0123456789".into());
        redactor.add("t-0123456789".into());
        assert_eq!(redactor.clean("t-0123456789"), "[key]", "a part of one is taken out after the whole of another");
        assert!(!format!("{redactor:?}").contains("abc"));
    }
}
