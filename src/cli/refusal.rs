//! What clap says about a command line that it does not understand: it repeats words of the line, which another program
//! may have put there.

use clap::Error;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

use crate::text::printable;

/// The same error, with everything invisible escaped in the words that it repeats.
pub(super) fn shown(mut error: Error) -> Error {
    let context: Vec<(ContextKind, ContextValue)> =
        error.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in context {
        let escaped = |words: Vec<String>| words.iter().map(|word| printable(word).into_owned()).collect();
        let value = match value {
            ContextValue::String(word) => ContextValue::String(printable(&word).into_owned()),
            ContextValue::Strings(words) => ContextValue::Strings(escaped(words)),
            // Without its colours: a word could have some of its own among them.
            ContextValue::StyledStrs(tips) => {
                let tips: Vec<String> = escaped(tips.iter().map(ToString::to_string).collect());
                ContextValue::StyledStrs(tips.into_iter().map(StyledStr::from).collect())
            }
            _ => continue,
        };
        error.insert(kind, value);
    }
    error
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use crate::cli::Cli;
    use crate::text::is_unseen;

    #[test]
    fn a_word_of_the_command_line_hides_nothing_in_an_error() {
        let hostile =
            "A\u{202e}\u{200b}\u{e000}\u{9b}31m\r\nerror: \u{1b}[31mB\u{a0}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}";
        for line in [
            &["show", "plan.json", "--format", hostile][..],
            &["show", "plan.json", hostile],
            &["plan", hostile],
            &["plan", &format!("--{hostile}")],
            &["plan", "--as-of", hostile],
            &["plan", &format!("--all={hostile}")],
            &["sandbox", "--port", hostile],
            &["sandbox", "--host", hostile],
            &["completions", hostile],
            &[hostile],
            &[&format!("--{hostile}")],
        ] {
            let error = Cli::read([&["skovik-sync"], line].concat()).unwrap_err();
            // As on a terminal; the sequences that are left are clap's own.
            let text = error.render().ansi().to_string();
            let own = console::strip_ansi_codes(&text);
            assert!(!own.chars().any(|c| c != '\n' && is_unseen(c)), "{own:?}");
            assert!(own.contains("\\u{202e}") && own.contains("\\u{1b}[31mB\\u{a0}"), "{own}");
            assert!(!text.contains("\u{1b}[31mB") && own.matches("\nerror:").count() == 0, "{text:?}");
        }
    }
}
