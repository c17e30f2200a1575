//! The terminal: results to standard output, everything else to standard error, colour, progress, prompts, logs.
//!
//! All output of the program goes through [`Ui`]; what is printed is decided elsewhere. Whether there is a terminal,
//! and what the environment says about colour, is read once, in [`Ui::new`]. Nothing here knows what a plan is, and no
//! question is asked if nobody can answer.

mod color;
mod log;
mod progress;
mod screen;
mod stream;

use std::env;
use std::ffi::OsStr;
use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use console::{Style, Term};
use indicatif::{MultiProgress, ProgressDrawTarget};
use secrecy::SecretString;

pub use self::progress::Progress;
pub(crate) use self::stream::Waiting;
use crate::cli::{CONFIG_DEFAULT, Global, LogFormat};
use crate::exit::{ExitStatus, refused};
use crate::state::FOLDER_VARIABLE;
use crate::text::{joined, message, printable, shell_path};

/// The width of lines without a terminal.
const WIDTH_WITHOUT_TERMINAL: usize = 100;
/// A narrower terminal counts as this wide.
const NARROWEST: usize = 40;

/// How long a result waits for a reader that reads nothing, if the command does more than to print it.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// Terminal output and prompts.
#[derive(Debug, Clone)]
pub struct Ui {
    color: Streams<bool>,
    width: usize,
    quiet: bool,
    /// Whether results are printed.
    prints: bool,
    /// The start of messages: with several customers, the name of theirs.
    whose: String,
    log_format: LogFormat,
    can_ask: bool,
    bars: MultiProgress,
    /// See [`Ui::options`].
    options: String,
}

/// Something of each stream.
#[derive(Debug, Clone, Copy)]
struct Streams<T> {
    stdout: T,
    stderr: T,
}

/// What a line on standard error is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Note,
    Warning,
    Hint,
}

impl Ui {
    /// Asks the environment and the terminal, once.
    #[must_use]
    pub fn new(global: &Global) -> Self {
        let environment = color::Environment::read(|name| env::var_os(name));
        let terminal = Streams { stdout: io::stdout().is_terminal(), stderr: io::stderr().is_terminal() };
        let width = Term::stdout().size_checked().map_or(WIDTH_WITHOUT_TERMINAL, |(_, width)| usize::from(width));
        // Bars hide themselves if standard error is not a terminal, or a dumb one.
        let target = if global.quiet { ProgressDrawTarget::hidden() } else { screen::bars() };
        Self {
            color: Streams {
                stdout: environment.color(global.color, terminal.stdout),
                stderr: environment.color(global.color, terminal.stderr),
            },
            width: width.max(NARROWEST),
            quiet: global.quiet,
            prints: true,
            whose: String::new(),
            log_format: global.log_format,
            can_ask: io::stdin().is_terminal() && terminal.stderr,
            bars: MultiProgress::with_draw_target(target),
            options: repeated_options(global, env::var_os(FOLDER_VARIABLE).as_deref()),
        }
    }

    /// The options of this command that a suggested next command needs too, each with a space before it: without
    /// `--config` it would read other settings, or none.
    #[must_use]
    pub fn options(&self) -> &str {
        &self.options
    }

    /// A plan file as it is typed in the next command, followed by [`Ui::options`].
    #[must_use]
    pub fn typed(&self, plan: &Path) -> String {
        format!("{}{}", shell_path(plan), self.options)
    }

    /// Whether results are coloured.
    #[must_use]
    pub fn color(&self) -> bool {
        self.color.stdout
    }

    /// How many columns a line of a result has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether only results and errors are printed.
    #[must_use]
    pub fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether somebody is there to answer a question.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// Prints a result as it is; see [`Ui::line`] for one that needs a line break.
    ///
    /// # Errors
    /// If standard output fails. A reader that has read enough (`… | head`) is not an error.
    pub fn print(&self, result: impl Display) -> anyhow::Result<()> {
        if !self.prints {
            return Ok(());
        }
        let written = self.bars.suspend(|| stream::write_stdout_within(result, Duration::MAX));
        stream::forgive_broken_pipe(written).context("cannot write to standard output")
    }

    /// Prints a result of a command that does more than to print it. If it cannot be printed, there is a warning. A reader that
    /// has read enough is no reason for one.
    pub fn print_or_warn(&self, result: impl Display) {
        if let Err(error) = stream::forgive_broken_pipe(self.print_within(result)) {
            self.warn_of_output(&error);
        }
    }

    /// Prints a result and a line break.
    ///
    /// # Errors
    /// As [`Ui::print`].
    pub fn line(&self, result: impl Display) -> anyhow::Result<()> {
        self.print(format_args!("{result}\n"))
    }

    /// Prints the last result of a run whose outcome is decided. If it cannot be printed, there is a warning, and the
    /// outcome stays.
    pub fn last(&self, lines: &[impl AsRef<str>]) {
        if let Err(error) = self.print_within(format_args!("{}\n", joined(lines))) {
            self.warn_of_output(&error);
        }
    }

    /// Prints a result, as long as somebody reads it.
    fn print_within(&self, result: impl Display) -> io::Result<()> {
        if !self.prints {
            return Ok(());
        }
        self.bars.suspend(|| stream::write_stdout_within(result, LONGEST_SILENCE))
    }

    fn warn_of_output(&self, error: &io::Error) {
        self.warn(format!("the result could not be written to standard output: {error}"));
    }

    /// Says what was done, unless quiet.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            self.say(Kind::Note, &message(&text.to_string()));
        }
    }

    /// The same in several lines.
    pub fn notes(&self, lines: &[impl AsRef<str>]) {
        if !self.quiet {
            self.say(Kind::Note, &joined(lines));
        }
    }

    /// Warns, unless quiet.
    pub fn warn(&self, text: impl Display) {
        if !self.quiet {
            self.say(Kind::Warning, &message(&text.to_string()));
        }
    }

    /// Says what went wrong, with its causes.
    pub fn error(&self, error: &anyhow::Error) {
        match self.log_format {
            LogFormat::Json => {
                tracing::error!(target: log::TARGET, "{}{}", self.whose, message(&format!("{error:#}")));
            }
            LogFormat::Text => self.write_stderr(&error_text(error, &self.whose, self.color.stderr)),
        }
    }

    /// If logs are JSON, ends the log with the outcome of the command, also when quiet: a program that reads the log
    /// needs a line that is always there.
    pub fn outcome(&self, status: ExitStatus) {
        if self.log_format == LogFormat::Json {
            let (name, exit_code) = (status.name(), status as u8);
            tracing::info!(target: log::OUTCOME, outcome = name, exit_code, "ended: {name}");
        }
    }

    /// Says, after an error, what to do about it.
    pub fn hint(&self, text: impl Display) {
        self.say(Kind::Hint, &message(&text.to_string()));
    }

    /// Shows progress: a bar once the total is known. Silent if standard error is not a terminal, and when quiet.
    #[must_use]
    pub fn progress(&self, label: impl Into<String>) -> Progress {
        Progress::new(&self.bars, printable(&label.into()).into_owned())
    }

    /// The same, but for results and errors only.
    #[must_use]
    pub fn quieter(&self) -> Self {
        Self { quiet: true, ..self.clone() }
    }

    /// The same, but without results and questions: for a service, whose log must not hold the people in a plan.
    #[must_use]
    pub fn unprinted(&self) -> Self {
        Self { prints: false, can_ask: false, ..self.clone() }
    }

    /// The same, but all messages begin with this name.
    #[must_use]
    pub fn named(&self, whose: &str) -> Self {
        Self { whose: format!("{whose}: "), ..self.clone() }
    }

    /// The same, but the commands that it suggests are for these options.
    #[must_use]
    pub fn for_options(&self, global: &Global) -> Self {
        Self { options: repeated_options(global, env::var_os(FOLDER_VARIABLE).as_deref()), ..self.clone() }
    }

    /// Asks for a word that nobody types by accident. Returns whether it was typed.
    ///
    /// # Errors
    /// If nobody is there to ask: exit code 3, and `instead` says what to do, such as "give --yes". If the person
    /// interrupts: exit code 130.
    pub fn confirm(&self, question: &str, expected: &str, instead: &str) -> anyhow::Result<bool> {
        let answer = self.ask(&format!("{question} Type {expected} to go on"), None, instead)?;
        Ok(answer.trim() == expected)
    }

    /// Asks for a text; an empty answer is the default, if there is one.
    ///
    /// # Errors
    /// As [`Ui::confirm`].
    pub fn input(&self, question: &str, default: Option<&str>, instead: &str) -> anyhow::Result<String> {
        self.ask(question, default, instead)
    }

    /// Asks for a passphrase, which is not shown while it is typed.
    ///
    /// # Errors
    /// As [`Ui::confirm`].
    pub fn passphrase(&self, question: &str, instead: &str) -> anyhow::Result<SecretString> {
        self.can_ask_for(question, instead)?;
        let prompt = dialoguer::Password::new().with_prompt(message(question)).allow_empty_password(true);
        let typed = self.bars.suspend(|| prompt.interact()).map(SecretString::from);
        answer(typed)
    }

    /// Starts the logs: to standard error, `-v` for what is done, `-vv` for every request, `-q` for errors only.
    ///
    /// # Errors
    /// If they were started already.
    pub fn start_logging(&self, global: &Global) -> anyhow::Result<()> {
        log::start(global, self.color.stderr, self.bars.clone())
    }

    fn ask(&self, question: &str, default: Option<&str>, instead: &str) -> anyhow::Result<String> {
        self.can_ask_for(question, instead)?;
        let mut prompt = dialoguer::Input::<String>::new().with_prompt(message(question)).allow_empty(true);
        if let Some(default) = default {
            prompt = prompt.default(default.to_owned());
        }
        answer(self.bars.suspend(|| prompt.interact_text()))
    }

    fn can_ask_for(&self, question: &str, instead: &str) -> anyhow::Result<()> {
        if self.can_ask {
            return Ok(());
        }
        let problem = format!("there is no terminal to ask on ({}); {instead}", printable(question));
        Err(refused(ExitStatus::Usage, problem))
    }

    fn say(&self, kind: Kind, text: &str) {
        let text = format!("{}{text}", self.whose);
        match (self.log_format, kind) {
            (LogFormat::Json, Kind::Note) => tracing::info!(target: log::TARGET, "{text}"),
            // It belongs to an error, and like one is never suppressed.
            (LogFormat::Json, Kind::Hint) => tracing::error!(target: log::TARGET, "{text}"),
            (LogFormat::Json, Kind::Warning) => tracing::warn!(target: log::TARGET, "{text}"),
            (LogFormat::Text, Kind::Note) => self.write_stderr(&format!("{text}\n")),
            (LogFormat::Text, Kind::Warning) => {
                let label = Style::new().yellow().bold().force_styling(self.color.stderr).apply_to("warning:");
                self.write_stderr(&format!("{label} {text}\n"));
            }
            (LogFormat::Text, Kind::Hint) => {
                let label = Style::new().cyan().bold().force_styling(self.color.stderr).apply_to("hint:");
                self.write_stderr(&format!("{label} {text}\n"));
            }
        }
    }

    /// If standard error fails, nobody can be told.
    fn write_stderr(&self, text: &str) {
        self.bars.suspend(|| stream::write_stderr(text.as_bytes()));
    }
}

fn answer<T>(typed: dialoguer::Result<T>) -> anyhow::Result<T> {
    typed.map_err(io::Error::from).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => refused(ExitStatus::Interrupted, "interrupted at the question"),
        _ => anyhow::Error::new(error).context("cannot read the answer from the terminal"),
    })
}

fn error_text(error: &anyhow::Error, whose: &str, color: bool) -> String {
    let label = Style::new().red().bold().force_styling(color).apply_to("error:");
    let mut text = format!("{label} {whose}{}\n", message(&error.to_string()));
    for cause in error.chain().skip(1) {
        // A string takes everything.
        let _ = writeln!(text, "  caused by: {}", message(&cause.to_string()));
    }
    text
}

/// The text of [`Ui::options`]. A folder that the environment names is left out: the next command finds it there too.
fn repeated_options(global: &Global, folder: Option<&OsStr>) -> String {
    let config = (global.config != Path::new(CONFIG_DEFAULT)).then_some(("--config", &global.config));
    let state = global.state.as_ref().filter(|state| Some(state.as_os_str()) != folder).map(|state| ("--state", state));
    config.into_iter().chain(state).map(|(option, path)| format!(" {option} {}", shell_path(path))).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::exit::status_of;

    fn silent() -> Ui {
        Ui {
            color: Streams { stdout: false, stderr: false },
            width: 80,
            quiet: true,
            prints: true,
            whose: String::new(),
            log_format: LogFormat::Text,
            can_ask: false,
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
            options: String::new(),
        }
    }

    #[test]
    fn nobody_is_asked_where_nobody_can_answer() {
        let error = silent().confirm("Apply this plan?", "yes", "give --approved-hash").unwrap_err();
        assert_eq!(status_of(&error), ExitStatus::Usage);
        assert!(error.to_string().contains("give --approved-hash"), "{error}");
        let error = silent().input("Which file?", Some("employees.csv"), "give --yes").unwrap_err();
        assert_eq!(status_of(&error), ExitStatus::Usage);
    }

    #[test]
    fn an_error_is_shown_with_its_causes_and_cannot_recolour_the_terminal() {
        let error = anyhow::anyhow!("row 7: \u{1b}[32mfine\u{1b}[0m\nhint: type x")
            .context("cannot read employees.csv\nerror: at all:\n  row 7\n");
        assert_eq!(
            error_text(&error, "", false),
            "error: cannot read employees.csv\\nerror: at all:\n  row 7\n  caused by: row 7: \\u{1b}[32mfine\\u{1b}[0m\\nhint: \
             type x\n"
        );
        assert!(error_text(&error, "", true).starts_with("\u{1b}[31m\u{1b}[1merror:\u{1b}[0m "));
    }

    #[test]
    fn only_a_broken_pipe_is_forgiven() {
        assert!(stream::forgive_broken_pipe(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(stream::forgive_broken_pipe(Err(io::ErrorKind::StorageFull.into())).is_err());
        assert!(stream::forgive_broken_pipe(Ok(())).is_ok());
    }

    #[test]
    fn tasks_can_share_it() {
        fn shared<T: Send + Sync + Clone + 'static>() {}
        shared::<Ui>();
        shared::<Progress>();
    }
}
