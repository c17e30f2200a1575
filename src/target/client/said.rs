//! The server's words, made fit to be shown: short, on one line, without what could steer a terminal, and without the
//! key, should the server echo it.

use secrecy::{ExposeSecret, SecretString};

use super::error::Refusal;
use crate::target::wire::{self, ErrorObject};

/// How many characters of the server's words are shown.
const LONGEST: usize = 300;
/// How much of a body is looked at for that.
const LOOKED_AT: usize = 64 * 1024;
/// A run of letters and digits of the key that is so long is taken out wherever it stands: the characters around it may
/// be written otherwise, as `%2F`, `\u002f` or `&amp;`.
const TELLING: usize = 8;

/// Cleans what the server said. It knows the key, in order to take it out.
pub(super) struct Said {
    token: SecretString,
}

impl Said {
    pub(super) fn new(token: SecretString) -> Self {
        Self { token }
    }

    /// One clean line.
    pub(super) fn clean(&self, text: &str) -> String {
        // Before and after: white space or control characters within the text could hide the key, or make it up.
        let text = self.without_key(&visible(&self.without_key(text)));
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    fn without_key(&self, text: &str) -> String {
        let token = self.token.expose_secret();
        let runs = token.split(|c: char| !c.is_ascii_alphanumeric()).filter(|run| run.len() >= TELLING);
        runs.fold(text.replace(token, "[key]"), |text, run| text.replace(run, "[key]"))
    }

    /// The same of a body that may be anything.
    pub(super) fn clean_body(&self, body: &[u8]) -> String {
        self.clean(&String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]))
    }

    pub(super) fn refusal(&self, status: u16, body: &[u8]) -> Refusal {
        let errors: Vec<ErrorObject> = wire::error_objects(body);
        let taken = wire::says_taken(status, &errors);
        let errors: Vec<_> = errors.into_iter().map(|error| error.map(|text| self.clean(&text))).collect();
        let said = if errors.is_empty() { self.clean_body(body) } else { String::new() };
        Refusal { status, errors, taken, said }
    }

    /// What a refusal of the key says.
    pub(super) fn words(&self, status: u16, body: &[u8]) -> String {
        let refusal = self.refusal(status, body);
        let words = refusal.errors.into_iter().find_map(|error| error.detail.or(error.title)).unwrap_or(refusal.said);
        if words.is_empty() { "no reason given".to_owned() } else { words }
    }
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
        } else if !is_invisible(c) {
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

/// Control characters, and those that turn the direction of text or have no width.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Said {
        Said::new("s3cret-key".into())
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
        let said = Said::new("id/0123456789abcdef+Zyxwvutsrq==".into());
        for text in [
            "id/0123456789abcdef+Zyxwvutsrq==",
            "id%2F0123456789abcdef%2BZyxwvutsrq%3D%3D",
            r"id\/0123456789abcdef\u002bZyxwvutsrq\u003d\u003d",
            "id&#x2F;0123456789abcdef&#43;Zyxwvutsrq&#61;&#61;",
        ] {
            let shown = said.clean(text);
            assert!(!shown.contains("0123456789") && !shown.contains("Zyxwvutsrq"), "{shown}");
        }
        assert_eq!(Said::new("a-b".into()).clean("a or b"), "a or b", "a short run tells nothing");
    }

    #[test]
    fn is_short_and_cut_between_characters() {
        let shown = said().clean(&"ö".repeat(1000));
        assert_eq!(shown, format!("{}…", "ö".repeat(LONGEST)));
        assert_eq!(said().clean(&"ö".repeat(LONGEST)).chars().count(), LONGEST);
    }

    #[test]
    fn a_refusal_reads_well() {
        let body = r#"{"errors":[{"title":"Taken","detail":"s3cret-key is\n taken","source":{"pointer":"/data"}},{"code":"x"},{}]}"#;
        let refusal = said().refusal(422, body.as_bytes());
        let expected = "skovik refused it (422): Taken: [key] is taken (/data); x; no reason given";
        assert!(refusal.taken);
        assert_eq!(refusal.to_string(), expected);
        let html = said().refusal(400, b"<h1>Bad\xff\n</h1>").to_string();
        assert_eq!(html, "skovik refused it (400): <h1>Bad\u{fffd} </h1>");
        assert_eq!(said().refusal(400, b"").to_string(), "skovik refused it (400)");
    }
}
