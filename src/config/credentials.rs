//! The key of Skovik's API: read when it is needed, held where it is not shown, in no message.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use secrecy::SecretString;

use super::{ConfigError, TargetSettings};

/// Where the key of the API is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// In an environment variable.
    Variable(String),
    /// In a file.
    File(PathBuf),
    /// A program prints it. It is started without a shell.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
        /// Where it is started: the folder of the settings file.
        folder: PathBuf,
    },
}

impl TargetSettings {
    /// Reads the key. What surrounds it on its line is taken off.
    ///
    /// # Errors
    /// Where there is none, or more than one line; the message names the variable, file or command, never the key.
    pub fn token(&self) -> Result<SecretString, ConfigError> {
        self.token.read(|name| env::var_os(name)).map_err(ConfigError::Invalid)
    }
}

impl TokenSource {
    fn read(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<SecretString, String> {
        let (place, text) = match self {
            Self::Variable(name) => {
                let value = variable(name).ok_or_else(|| {
                    format!("the environment variable {name} is not set; put the key of Skovik's API into it, or set token_file or token_command in [target]")
                })?;
                (format!("the environment variable {name}"), value.into_encoded_bytes())
            }
            Self::File(path) => {
                warn_if_others_can_read(path);
                let text =
                    fs::read(path).map_err(|error| format!("cannot read token_file {}: {error}", path.display()))?;
                (format!("token_file {}", path.display()), text)
            }
            Self::Command { argv, folder } => ("what token_command printed".to_owned(), run(argv, folder)?),
        };
        let text = String::from_utf8(text).map_err(|_| format!("{place} is not UTF-8"))?;
        let token = text.trim();
        if token.is_empty() {
            return Err(format!("{place} is empty; the key of Skovik's API is expected there"));
        }
        if !token.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            return Err(format!(
                "{place} is no key: it has more than one line, or characters that no HTTP header can hold"
            ));
        }
        Ok(SecretString::from(token))
    }
}

fn run(argv: &[String], folder: &Path) -> Result<Vec<u8>, String> {
    let [program, arguments @ ..] = argv else { return Err("token_command is empty".to_owned()) };
    // A program that is named by a path is, like every path of the settings, relative to their folder.
    let path = if program.contains('/') { folder.join(program) } else { PathBuf::from(program) };
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::null());
    if !folder.as_os_str().is_empty() {
        command.current_dir(folder);
    }
    let output = command.output().map_err(|error| format!("cannot run token_command ({program}): {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = shortened(&String::from_utf8_lossy(&output.stderr));
    let said = if said.is_empty() { "nothing on standard error".to_owned() } else { said };
    Err(format!("token_command ({program}) failed with {}: {said}", output.status))
}

/// The start of what a program said, on one line.
fn shortened(text: &str) -> String {
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(unix)]
fn warn_if_others_can_read(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o044 != 0) {
        tracing::warn!("others can read token_file {path}; chmod 600 it", path = path.display());
    }
}

#[cfg(not(unix))]
fn warn_if_others_can_read(_: &Path) {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn command(argv: &[&str]) -> TokenSource {
        TokenSource::Command { argv: argv.iter().map(|&part| part.to_owned()).collect(), folder: PathBuf::new() }
    }

    #[test]
    fn variables_are_trimmed_and_must_hold_something() {
        let source = TokenSource::Variable("KEY".to_owned());
        let read = |value: Option<&str>| source.read(|name| value.filter(|_| name == "KEY").map(Into::into));
        assert_eq!(read(Some("secret\r\n")).unwrap().expose_secret(), "secret");
        for (value, expected) in [
            (None, "the environment variable KEY is not set"),
            (Some(" \n"), "the environment variable KEY is empty"),
            (Some("two\nlines"), "no key"),
            (Some("schlüssel"), "no key"),
        ] {
            let error = read(value).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("two") && !error.contains("schl"), "{error}");
        }
    }

    #[test]
    fn files_are_read_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let source = TokenSource::File(path.clone());
        assert!(source.read(|_| None).unwrap_err().contains("token_file"));
        fs::write(&path, "secret\n").unwrap();
        assert_eq!(source.read(|_| None).unwrap().expose_secret(), "secret");
    }

    #[test]
    fn commands_run_without_a_shell() {
        let token = command(&["printf", "%s", "$HOME;x"]).read(|_| None).unwrap();
        assert_eq!(token.expose_secret(), "$HOME;x");
    }

    #[test]
    fn failing_commands_show_their_errors_but_not_their_output() {
        let error = command(&["sh", "-c", "echo hidden; printf 'no\\nvault' >&2; exit 7"]).read(|_| None).unwrap_err();
        assert!(error.contains("exit status: 7") && error.contains("no vault"), "{error}");
        assert!(!error.contains("hidden"), "{error}");
        assert!(command(&["/no/such/program"]).read(|_| None).unwrap_err().contains("cannot run token_command"));
        assert!(shortened(&"x".repeat(500)).chars().count() == 201);
    }
}
