//! What clap says about a command line that it does not understand: it repeats words of the line, which another program
//! may have put there.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use crate::setting::quoting::{length, word};
use crate::text::PRIVATE_KEY;

/// Refuses a line with a private key in it: a pipeline may give the key where the name of its file belongs. Whatever would be
/// said of such a file would show it.
pub(super) fn of_a_key(line: &[OsString], command: impl FnOnce() -> Command) -> Result<(), Error> {
    let mut words = line.iter().map(|word| word.to_string_lossy());
    let Some(key) = words.find(|word| word.contains(PRIVATE_KEY)) else { return Ok(()) };
    let problem = format!(
        "a word of the command line holds a key ({}, not shown): write it into a file that nobody else can read, and give the name of that file",
        length(&key)
    );
    Err(command().error(ErrorKind::InvalidValue, problem))
}

/// The same error, with everything invisible escaped in the words that it repeats, and without keys.
pub(super) fn shown(mut error: Error) -> Error {
    let context: Vec<(ContextKind, ContextValue)> =
        error.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in context {
        let escaped = |words: Vec<String>| words.iter().map(|text| word(text).into_owned()).collect();
        let value = match value {
            ContextValue::String(text) => ContextValue::String(word(&text).into_owned()),
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

    /// Somebody may paste a key where the name of its file belongs.
    #[test]
    fn a_key_on_the_command_line_is_not_repeated() {
        let lines = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gt\n";
        let pem = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}-----END OPENSSH PRIVATE KEY-----\n");
        for key in [pem.as_str(), lines, "eyJhbGciOiJSUzI1NiJ9eyJzdWIiOiIxMjM0NTY3ODkwIn0"] {
            for line in [
                &["approve", "plan.json", "--sign-key", "f", key][..],
                &["plan", "--as-of", key],
                &["approve", "p", "--sign-key", key, "--no-such"],
            ] {
                let error = Cli::read([&["skovik-sync"], line].concat()).unwrap_err().to_string();
                assert!(!error.contains("AAAA") && !error.contains("JzdWIi"), "{error}");
            }
        }
        // A hash is no key.
        let hash = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let error = Cli::read(["skovik-sync", "plan", hash]).unwrap_err().to_string();
        assert!(error.contains(hash), "{error}");
    }

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
