//! Plans as people read them: pure functions of a plan, each in a module of its own.
//!
//! Nothing here looks at a terminal, the environment or a clock: whether there is colour, and how wide a line may be,
//! comes in with the options. Whatever a source or Skovik holds is shown by [`escape`], so that no value can forge a
//! line, recolour the terminal or hide a letter from the reviewer.

pub mod explain;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod hostile;
pub mod html;
pub mod json;
pub mod markdown;
pub mod redact;
mod shown;
pub mod since;
pub mod text;

pub use self::shown::Shown;

use std::borrow::Cow;

/// A value with everything that cannot be seen written out: control characters, line breaks, white space that is no
/// plain space, marks that change the direction of writing, and characters without any shape of their own. A backslash
/// is doubled, so that what reads `\u{200b}` is never the value's own text.
#[must_use]
pub fn escape(value: &str) -> Cow<'_, str> {
    escape_where(value, |c| c == '\\' || is_unseen(c))
}

/// The same for a sentence, in which a backslash is no more than that.
#[must_use]
pub fn printable(sentence: &str) -> Cow<'_, str> {
    escape_where(sentence, is_unseen)
}

/// A value with all that is not ASCII written out, for two values that look the same and are not.
pub(crate) fn escape_to_ascii(value: &str) -> Cow<'_, str> {
    escape_where(value, |c| c == '\\' || !c.is_ascii() || c.is_ascii_control())
}

fn escape_where(text: &str, unsafe_char: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&unsafe_char) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if unsafe_char(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Whether a character shows nothing, moves the cursor, or changes how its neighbours are shown: Unicode's controls,
/// white space and `Default_Ignorable_Code_Point`, and the two that look like a space without being one.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_seen_stays_and_is_not_copied() {
        for text in ["Anna Berg", "O'Brien", "Đặng Thị", "李小龙", "García Márquez", "Müßig → ~ + -", ""]
        {
            assert!(matches!(escape(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        for (text, expected) in [
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\u{1b}[31mred", r"\u{1b}[31mred"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("\u{202e}gnp.exe", r"\u{202e}gnp.exe"),
            ("\u{2066}x\u{2069}", r"\u{2066}x\u{2069}"),
            ("a\u{200b}b\u{feff}", r"a\u{200b}b\u{feff}"),
            ("a\u{a0}b\u{3000}c", r"a\u{a0}b\u{3000}c"),
            ("a\u{2028}b\u{2029}c\u{85}d", r"a\u{2028}b\u{2029}c\u{85}d"),
            ("a\u{ad}b\u{fe0f}\u{e0041}", r"a\u{ad}b\u{fe0f}\u{e0041}"),
        ] {
            assert_eq!(escape(text), expected, "{text:?}");
            assert_eq!(printable(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_escape_cannot_be_mistaken_for_the_text_that_reads_like_it() {
        assert_eq!(escape(r"a\u{200b}"), r"a\\u{200b}");
        assert_eq!(printable(r"C:\hr"), r"C:\hr");
    }

    #[test]
    fn to_ascii_leaves_nothing_else() {
        assert_eq!(escape_to_ascii("é e\u{301} \\ x"), r"\u{e9} e\u{301} \\ x");
    }
}
