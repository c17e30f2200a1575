//! Secrets: the key of Skovik's API, the passwords of sources. Each is read when it is needed, is held in a type that
//! does not show it, and is in no message.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use super::ConfigError;
use super::program::{self, Running};
use super::quoting::{is_variable_name, length, may_be_secret, variable};
use super::secret_file::text_of;
use super::secrets::Secrets;
use super::section::Section;
use crate::http::Redactor;
use crate::text;

/// How long a program may take to print a secret; somebody may have to type something first.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many bytes a secret may have, and how many of what a program says are kept.
const KEPT: usize = 64 * 1024;
/// How many characters of what a program says are shown.
const SHOWN: usize = 200;

/// A secret: what it is for, and where it is kept. It does not hold the secret itself.
#[derive(Debug, Clone)]
pub struct Secret {
    /// The table of the settings that it belongs to, such as `[target]`.
    label: String,
    /// The start of its settings, such as `token` in `token_env`.
    prefix: &'static str,
    /// Its name in messages, such as `the key of Skovik's API`.
    what: &'static str,
    shape: SecretShape,
    place: SecretPlace,
    /// The name of the file or the program in messages.
    name: String,
    /// The redactor that learns it.
    secrets: Arc<Secrets>,
}

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
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

/// The possible forms of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretShape {
    /// It goes into an HTTP header: visible ASCII and spaces, without white space around it.
    Key,
    /// It is one line; only the line break at its end is taken off.
    Password,
}

impl Secret {
    /// Reads `…_env`, `…_file` or `…_command` of a table, of which at most one may be there.
    pub(crate) fn from_section(
        section: &Section<'_>,
        prefix: &'static str,
        what: &'static str,
        shape: SecretShape,
    ) -> Result<Option<Self>, ConfigError> {
        let keys = ["env", "file", "command"].map(|kind| format!("{prefix}_{kind}"));
        let given: Vec<&String> = keys.iter().filter(|key| section.has(key)).collect();
        if let [first, second, ..] = given[..] {
            return Err(
                section.problem(second, format!("is set together with `{first}`; only one of them can hold {what}"))
            );
        }
        let [variable, file, command] = &keys;
        let mut name = String::new();
        let place = if let Some(path) = section.path(file)? {
            // The text as written is judged: the folder of the settings is not a secret.
            let written = section.text(file)?.unwrap_or_default();
            name = if may_be_pasted(written) {
                format!("that is named there ({}, not shown, as they may be the secret itself)", length(written))
            } else {
                path.display().to_string()
            };
            SecretPlace::File(path)
        } else if let Some(argv) = section.program(command, "[\"pass\", \"show\", \"skovik\"]")? {
            section.starts(command, &argv);
            name = if may_be_pasted(&argv[0]) { length(&argv[0]) } else { argv[0].clone() };
            SecretPlace::Command { argv, folder: section.folder().to_owned() }
        } else if let Some(named) = section.text(variable)? {
            let named = named.trim();
            if !is_variable_name(named) {
                let problem = format!(
                    "is not the name of an environment variable (letters, digits and _). Its {} are not shown, as they \
                     may be {what} itself, which belongs in a variable; name that variable here",
                    length(named)
                );
                return Err(section.problem(variable, problem));
            }
            section.secrets().protect(named);
            SecretPlace::Variable(named.to_owned())
        } else {
            return Ok(None);
        };
        let secrets = Arc::clone(section.secrets());
        Ok(Some(Self { label: section.label().to_owned(), prefix, what, shape, place, name, secrets }))
    }

    /// A secret in its default place, an environment variable.
    pub(crate) fn in_variable(
        section: &Section<'_>,
        prefix: &'static str,
        what: &'static str,
        shape: SecretShape,
        variable: &str,
    ) -> Self {
        section.secrets().protect(variable);
        let place = SecretPlace::Variable(variable.to_owned());
        let (label, secrets) = (section.label().to_owned(), Arc::clone(section.secrets()));
        Self { label, prefix, what, shape, place, name: String::new(), secrets }
    }

    /// Where it is kept.
    #[must_use]
    pub fn place(&self) -> &SecretPlace {
        &self.place
    }

    /// Reads it. If this is dropped, a program that prints it is ended.
    ///
    /// # Errors
    /// If it is missing or not valid; the message names its place and its table, and never holds the secret.
    pub async fn fetch(&self) -> Result<SecretString, ConfigError> {
        let read = self.read_with(|name| env::var_os(name)).await;
        if let Ok(secret) = &read {
            self.secrets.remember(secret.clone());
        }
        read.map_err(|problem| ConfigError::Invalid(format!("{}: {problem}", self.label)))
    }

    async fn read_with(&self, value_of: impl Fn(&str) -> Option<OsString>) -> Result<SecretString, String> {
        let Self { label: _, prefix, what, shape, place, name: shown, secrets } = self;
        let (place, text) = match place {
            SecretPlace::Variable(name) => {
                let value = value_of(name);
                let name = variable(name);
                let value = value.ok_or_else(|| {
                    format!(
                        "the environment variable {name} is not set; put {what} into it, or set {prefix}_env, \
                    {prefix}_file or {prefix}_command"
                    )
                })?;
                (format!("the environment variable {name}"), value.into_encoded_bytes())
            }
            SecretPlace::File(path) => {
                warn_if_others_can_read(path, prefix, shown);
                let text = text_of(path, KEPT, PATIENCE).await;
                let text = text.map_err(|error| format!("cannot read {prefix}_file {shown}: {error}"))?;
                (format!("{prefix}_file {shown}"), text)
            }
            SecretPlace::Command { argv, folder } => {
                let printed = printed_by(argv, folder, PATIENCE, shown, secrets).await;
                let printed = printed.map_err(|problem| format!("{prefix}_command {problem}"))?;
                (format!("what {prefix}_command printed"), printed)
            }
        };
        let text = String::from_utf8(text).map_err(|_| format!("{place} is not UTF-8"))?;
        let secret = match shape {
            SecretShape::Key => text.trim(),
            SecretShape::Password => {
                text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line))
            }
        };
        if secret.trim().is_empty() {
            return Err(format!("{place} is empty; {what} is expected there"));
        }
        match shape {
            SecretShape::Key if !secret.chars().all(|c| c.is_ascii_graphic() || c == ' ') => Err(format!(
                "{place} cannot be a key: it has more than one line, or characters that no HTTP header can hold"
            )),
            SecretShape::Password if secret.chars().any(char::is_control) => {
                Err(format!("{place} cannot be a password: it has more than one line, or control characters"))
            }
            _ => Ok(SecretString::from(secret)),
        }
    }
}

/// Whether a text that should be the name of a file or a program looks like the secret itself: a key, a UUID as many services
/// give for one, or a passphrase.
fn may_be_pasted(text: &str) -> bool {
    const UUID: [usize; 5] = [8, 4, 4, 4, 12];
    let is_uuid = |part: &str| {
        part.split('-').map(str::len).eq(UUID) && part.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
    };
    let is_of_names = |c: char| c.is_alphanumeric() || "._-+~ /\\:".contains(c);
    may_be_secret(text) || text.split(['/', '.']).any(is_uuid) || !(text.contains('/') || text.chars().all(is_of_names))
}

/// The output of a program, which may ask on the terminal.
async fn printed_by(
    argv: &[String],
    folder: &Path,
    patience: Duration,
    name: &str,
    secrets: &Secrets,
) -> Result<Vec<u8>, String> {
    let started = program::command(argv, folder, secrets, &[]).and_then(|mut command| {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::start_to_ask(command)
    });
    let mut running = started.map_err(|error| format!("({name}) cannot be run: {error}"))?;
    let (output, errors) = (running.child.stdout.take(), running.child.stderr.take());
    let (mut printed, mut said) = (Vec::new(), Vec::new());
    let talk = async {
        tokio::join!(beginning(output, &mut printed), beginning(errors, &mut said));
    };
    let status = timeout(patience, running.ended(talk))
        .await
        .map_err(|_| format!("({name}) did not end within {} seconds", patience.as_secs()))?;
    let status = status.map_err(|error| format!("({name}) was lost: {error}"))?;
    if status.success() {
        let too_long = || format!("({name}) printed more than {} KiB, which no secret has", KEPT >> 10);
        return if printed.len() > KEPT { Err(too_long()) } else { Ok(printed) };
    }
    // It may have printed the secret before it failed, and say it again on standard error.
    let known = Redactor::default();
    known.learn(secrets.of_all_variables());
    String::from_utf8_lossy(&printed).lines().for_each(|line| known.add(SecretString::from(line.trim())));
    let said = known.clean_body(&said);
    let said = if said.is_empty() { "nothing on standard error".to_owned() } else { said };
    Err(format!("({name}) failed with {status}: {said}"))
}

/// Reads the beginning of a program's output, up to a byte more than [`KEPT`]. The rest is read and dropped.
pub(crate) async fn beginning(output: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let mut part = [0; 4096];
    let Some(mut output) = output else { return };
    while let Ok(length @ 1..) = output.read(&mut part).await {
        let room = (KEPT + 1).saturating_sub(kept.len()).min(length);
        kept.extend_from_slice(&part[..room]);
    }
}

/// The start of what a program or a server said, on one line.
pub(crate) fn shortened(text: &str) -> String {
    text::shortened_line(text, SHOWN)
}

#[cfg(unix)]
fn warn_if_others_can_read(path: &Path, prefix: &str, name: &str) {
    use std::os::unix::fs::PermissionsExt;
    if fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o044 != 0) {
        // Without the path, if it may be the secret itself.
        let typed = if path.display().to_string() == name { crate::text::shell_path(path) } else { "it".to_owned() };
        tracing::warn!("others can read {prefix}_file {name}; chmod 600 {typed}");
    }
}

#[cfg(not(unix))]
fn warn_if_others_can_read(_: &Path, _: &str, _: &str) {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn secret(shape: SecretShape, place: SecretPlace) -> Secret {
        let name = match &place {
            SecretPlace::Variable(_) => String::new(),
            SecretPlace::File(path) => path.display().to_string(),
            SecretPlace::Command { argv, .. } => argv[0].clone(),
        };
        let (label, what) = ("[target]".to_owned(), "the key of Skovik's API");
        Secret { label, prefix: "token", what, shape, place, name, secrets: Arc::default() }
    }

    fn variable(shape: SecretShape, value: Option<&str>) -> Result<String, String> {
        let source = secret(shape, SecretPlace::Variable("KEY".to_owned()));
        let read = now(source.read_with(|name| value.filter(|_| name == "KEY").map(Into::into)));
        read.map(|secret| secret.expose_secret().to_owned())
    }

    fn command(argv: &[&str]) -> Result<SecretString, String> {
        let argv = argv.iter().map(|&part| part.to_owned()).collect();
        now(secret(SecretShape::Key, SecretPlace::Command { argv, folder: PathBuf::new() }).read_with(|_| None))
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn keys_are_trimmed_and_must_hold_something() {
        assert_eq!(variable(SecretShape::Key, Some("secret\r\n")).unwrap(), "secret");
        for (value, expected) in [
            (None, "the environment variable KEY is not set"),
            (Some(" \n"), "the environment variable KEY is empty"),
            (Some("two\nlines"), "cannot be a key"),
            (Some("schlüssel"), "cannot be a key"),
        ] {
            let error = variable(SecretShape::Key, value).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("two") && !error.contains("schl"), "{error}");
        }
    }

    #[test]
    fn passwords_may_hold_what_people_type() {
        for (value, expected) in [("schlüssel", "schlüssel"), (" p w \r\n", " p w "), ("x\n", "x")] {
            assert_eq!(variable(SecretShape::Password, Some(value)).unwrap(), expected);
        }
        for (value, expected) in
            [("two\nlines", "cannot be a password"), ("two\n\n", "cannot be a password"), (" \n", "is empty")]
        {
            let error = variable(SecretShape::Password, Some(value)).unwrap_err();
            assert!(error.contains(expected) && !error.contains("two"), "{error}");
        }
    }

    #[test]
    fn files_are_read_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let source = secret(SecretShape::Key, SecretPlace::File(path.clone()));
        let error = now(source.fetch()).unwrap_err().to_string();
        assert!(error.starts_with("[target]: cannot read token_file"), "{error}");
        fs::write(&path, "secret\n").unwrap();
        assert_eq!(now(source.fetch()).unwrap().expose_secret(), "secret");
    }

    #[test]
    fn commands_run_without_a_shell() {
        assert_eq!(command(&["printf", "%s", "$HOME;x"]).unwrap().expose_secret(), "$HOME;x");
    }

    #[test]
    fn failing_commands_show_their_errors_but_not_their_output() {
        let error = command(&["sh", "-c", "echo hidden; printf 'no\\nvault' >&2; exit 7"]).unwrap_err();
        assert!(error.contains("exit status: 7") && error.contains("no vault"), "{error}");
        assert!(!error.contains("hidden"), "{error}");
        let error = command(&["sh", "-c", "set -x; T=sk_live_0123456789; echo $T; exit 7"]).unwrap_err();
        assert!(error.contains("echo") && !error.contains("sk_live"), "{error}");
        assert!(command(&["/no/such/program"]).unwrap_err().contains("token_command (/no/such/program) cannot be run"));
        assert!(shortened(&"x".repeat(500)).chars().count() == 201);
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let argv = ["sh", "-c", "echo $$ >process; exec sleep 60"].map(str::to_owned);
        let begun = std::time::Instant::now();
        let error =
            now(printed_by(&argv, folder.path(), Duration::from_millis(300), "sh", &Secrets::default())).unwrap_err();
        assert!(error.contains("(sh) did not end within") && begun.elapsed() < Duration::from_secs(20), "{error}");
        let process = fs::read_to_string(folder.path().join("process")).unwrap();
        let goes_on = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim()));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        while goes_on() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it goes on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// An agent, for example.
    #[test]
    fn what_a_program_leaves_behind_is_not_waited_for() {
        let begun = std::time::Instant::now();
        assert_eq!(command(&["sh", "-c", "sleep 60 & echo a-secret"]).unwrap().expose_secret(), "a-secret");
        assert!(
            command(&["sh", "-c", "sleep 60 & echo lost >&2; exit 3"]).unwrap_err().ends_with("exit status: 3: lost")
        );
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }

    #[test]
    fn endless_output_is_no_secret() {
        let letters = |count: usize| command(&["sh", "-c", &format!("head -c {count} /dev/zero | tr '\\0' a")]);
        assert_eq!(letters(KEPT).unwrap().expose_secret().len(), KEPT);
        for count in [KEPT + 1, 300_000] {
            assert!(letters(count).unwrap_err().ends_with("(sh) printed more than 64 KiB, which no secret has"));
        }
    }
}
