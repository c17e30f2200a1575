//! Programs that print their records. The output counts only after the program has ended with success.
//!
//! If the program takes too long, everything that it started is ended with it.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::format::{Format, FormatName};
use super::{Conditions, EXIT_STATUS, ReadError, Reading, Source, blocking};
use crate::files::LARGEST_LIST;
use crate::setting::program::{self, Running};
use crate::setting::quoting::{is_variable_name, length, variable};
use crate::setting::section::Section;
use crate::setting::{ConfigError, Secrets, beginning};
use crate::state;

/// A program that prints records.
#[derive(Debug, Clone)]
pub(super) struct ExecSource {
    argv: Vec<String>,
    /// The folder in which it is started: that of the settings file.
    folder: PathBuf,
    format: Format,
    /// The environment variables with secrets that it gets anyway.
    env: Vec<String>,
    /// The name of its section for messages.
    label: String,
    secrets: Arc<Secrets>,
}

impl ExecSource {
    pub(super) const KEYS: &[&str] =
        &["command", "env", "format", "delimiter", "encoding", "header_row", "columns", "pointer"];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let example = "[\"./employees.sh\", \"--all\"]";
        let missing = || section.missing("command", &format!("the program and its arguments, such as {example}"));
        let argv = section.program("command", example)?.ok_or_else(missing)?;
        section.starts("command", &argv);
        let name = section.word("format", FormatName::WORDS)?;
        let name = name.ok_or_else(|| section.missing("format", "what it prints: \"csv\", \"json\" or \"jsonl\""))?;
        let foreign = ["delimiter", "encoding", "header_row", "columns", "pointer"]
            .into_iter()
            .find(|key| section.has(key) && !name.keys().contains(key));
        let format = Format::from_section(name, section)?;
        if let Some(foreign) = foreign {
            return Err(section.problem(foreign, format!("does not go with format = \"{}\"", format.name())));
        }
        let (folder, label) = (section.folder().to_owned(), section.label().to_owned());
        Ok(Self { argv, folder, format, env: env_of(section)?, label, secrets: Arc::clone(section.secrets()) })
    }

    async fn run(&self, conditions: &Conditions<'_>) -> Result<Reading, ReadError> {
        if let Some(unset) = self.env.iter().find(|name| env::var_os(name).is_none()) {
            let (label, name) = (&self.label, variable(unset));
            let problem = format!("`env` in {label}: the environment variable {name} is not set");
            return Err(ConfigError::Invalid(problem).into());
        }
        let program = &self.argv[0];
        let mut running = self.start().map_err(|error| format!("{program} cannot be started: {error}"))?;
        let (output, errors) = (running.child.stdout.take(), running.child.stderr.take());
        let mut said = Vec::new();
        // What it has started may hold its output open: then nobody knows whether that was all of the list.
        let (printed, ()) = tokio::join!(whole(output, conditions), beginning(errors, &mut said));
        let said = self.secrets.clean(&said);
        let printed = printed.map_err(|problem| format!("{program}: {problem}"))?;
        let status = running.child.wait().await.map_err(|error| format!("{program} was lost: {error}"))?;
        if !status.success() {
            let said = if said.is_empty() { "nothing on standard error".to_owned() } else { said };
            return Err(format!("{program} failed with {status}: {said}").into());
        }
        if printed.is_empty() {
            return Err(format!(
                "{program} printed nothing; a list with nobody in it cannot be told from one that was lost"
            )
            .into());
        }
        let (format, program, most) = (self.format.clone(), program.clone(), conditions.max_rows);
        let table =
            move || format.table(&printed, most).map_err(|problem| format!("what {program} printed: {problem}").into());
        Ok(Reading { table: blocking(table).await?, proof: Some(EXIT_STATUS), modified: None })
    }

    fn start(&self) -> std::io::Result<Running> {
        let mut command = program::command(&self.argv, &self.folder, &self.secrets, &self.env)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::start(command)
    }
}

impl Source for ExecSource {
    fn kind(&self) -> &'static str {
        "exec"
    }

    fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { argv, folder: _, format, env, label: _, secrets: _ } = self;
        let mut identity = format.identity();
        // Each argument in quotes, so that different command lines look different.
        identity.insert("command", format!("{argv:?}"));
        identity.insert("format", format.name().to_owned());
        if !env.is_empty() {
            identity.insert("env", format!("{env:?}"));
        }
        identity
    }

    fn has_only_texts(&self) -> bool {
        self.format.has_only_texts()
    }

    fn read<'a>(&'a self, conditions: &'a Conditions<'a>) -> BoxFuture<'a, Result<Reading, ReadError>> {
        Box::pin(self.run(conditions))
    }
}

/// `env`: the variables with secrets that the program gets.
fn env_of(section: &Section<'_>) -> Result<Vec<String>, ConfigError> {
    let names = section.texts("env")?.unwrap_or_default();
    for name in &names {
        if !is_variable_name(name) {
            let problem = format!("holds {} that are not the name of an environment variable", length(name));
            return Err(section.problem("env", problem));
        }
        if name == state::KEY_VARIABLE {
            return Err(section.problem("env", format!("must not name {name}, with which journals could be forged")));
        }
    }
    Ok(names)
}

/// The complete output of a program.
async fn whole(output: Option<impl AsyncRead + Unpin>, conditions: &Conditions<'_>) -> Result<Vec<u8>, String> {
    let mut printed = Vec::new();
    let Some(output) = output else { return Ok(printed) };
    let mut output = output.take(LARGEST_LIST + 1);
    let mut lines = 0;
    loop {
        let before = printed.len();
        match output.read_buf(&mut printed).await {
            Ok(0) if printed.len() as u64 > LARGEST_LIST => {
                return Err(format!("it prints more than {} GiB", LARGEST_LIST >> 30));
            }
            Ok(0) => return Ok(printed),
            Ok(_) => {
                lines += printed[before..].iter().filter(|&&byte| byte == b'\n').count() as u64;
                (conditions.progress)(lines, None);
            }
            Err(error) => return Err(format!("what it prints cannot be read: {error}")),
        }
    }
}
