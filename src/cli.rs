//! The command line: clap types, nothing else.

mod refusal;
mod sandbox;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

pub use sandbox::{Sandbox, SandboxScim};

/// Keeps Skovik's users in step with a company's own employee lists.
///
/// `plan` compares both sides and writes a plan file, a person approves exactly that plan, `apply` executes it.
#[derive(Debug, Parser)]
#[command(name = "skovik-sync", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads a command line.
    ///
    /// # Errors
    /// If it is not understood, or only asks for help.
    pub fn read<T: Into<OsString> + Clone>(line: impl IntoIterator<Item = T>) -> Result<Self, clap::Error> {
        let line: Vec<OsString> = line.into_iter().map(Into::into).collect();
        refusal::of_a_key(&line, Self::command)?;
        let matches = Self::command().try_get_matches_from(line).map_err(refusal::shown)?;
        let mut cli = Self::from_arg_matches(&matches).map_err(refusal::shown)?;
        cli.global.names_config = matches.value_source("config") == Some(ValueSource::CommandLine);
        Ok(cli)
    }
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The settings file
    #[arg(short, long, global = true, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    pub config: PathBuf,
    /// Whether the command line names it.
    #[arg(skip)]
    pub names_config: bool,
    /// When to use colour (NO_COLOR is honoured)
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// Print results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// More logging: -v actions, -vv every request
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// How logs are written to standard error
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// The folder of journals and locks, or a store (s3:, az:, gs:); by default the user's state folder
    #[arg(long, global = true, value_name = "DIR", env = crate::state::FOLDER_VARIABLE, hide_env_values = true)]
    pub state: Option<PathBuf>,
}

/// As if none were given.
impl Default for Global {
    fn default() -> Self {
        Self {
            config: CONFIG_DEFAULT.into(),
            names_config: false,
            color: ColorChoice::Auto,
            quiet: false,
            verbose: 0,
            log_format: LogFormat::Text,
            state: None,
        }
    }
}

/// The default settings file.
pub const CONFIG_DEFAULT: &str = "skovik-sync.toml";

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented settings file that works against the sandbox
    Init(Init),
    /// Read the settings, reach every source and Skovik, and say what was found; writes nothing
    Check(Check),
    /// Compare both sides and write a plan file
    Plan(Plan),
    /// Print a plan again
    Show(Show),
    /// Approve a plan that you have read
    Approve(Approve),
    /// Say, without network, whether apply would accept a plan
    Verify(Verify),
    /// Execute an approved, unchanged plan
    Apply(Apply),
    /// Plan, approve by policy and apply in one go: the scheduled job
    Run(RunOneOrAll),
    /// Run by a schedule and by signed events (webhooks), and show how it went
    Serve(Serve),
    /// Write the plan that takes back what a plan did
    Undo(Undo),
    /// Save everything in Skovik that planning needs
    Snapshot(Snapshot),
    /// Run a simulator of Skovik on this machine
    Sandbox(Sandbox),
    /// Show all steps on the sandbox, with a made-up company
    Demo(Demo),
    /// Print a shell's completion script
    Completions(Completions),
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The folder to write to
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Ask nothing: take the defaults
    #[arg(short, long)]
    pub yes: bool,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Instead, test each thing that this program assumes about Skovik's API, and say whether it holds; sends GET
    /// requests only, and shows no personal data
    #[arg(long)]
    pub contract: bool,
    /// With --contract: test writes too. Makes one made-up person, changes them and deletes them, after a typed
    /// confirmation
    #[arg(long, requires = "contract")]
    pub write: bool,
    /// With --write: do not ask
    #[arg(short, long, requires = "write")]
    pub yes: bool,
    /// How to print what --contract found
    #[arg(long, value_enum, default_value_t = CheckFormat::Text, requires = "contract")]
    pub format: CheckFormat,
}

/// How to print what `check --contract` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// A line for each thing
    Text,
    /// For machines, or to hand on
    Json,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// Where to write the plan
    #[arg(short, long, value_name = "FILE", default_value = "plan.json")]
    pub out: PathBuf,
    /// Compare with a snapshot instead of the live service
    #[arg(long, value_name = "SNAPSHOT")]
    pub users: Option<PathBuf>,
    /// Plan for this day instead of today, such as 2026-12-01: what the settings call `today`
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub as_of: Option<jiff::civil::Date>,
    /// Plan only for the person with this external identifier or key of the first source; repeatable
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,
    /// The employee with this external identifier is the user who has it, or the e-mail, already; repeatable
    #[arg(long, value_name = "ID")]
    pub same_person: Vec<String>,
    /// Exit with 2 if there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Show every change, however many there are
    #[arg(long)]
    pub all: bool,
    /// Show Skovik's ids after each person, manager, branch and custom field
    #[arg(long)]
    pub ids: bool,
    /// Instead of making a plan, show where everything about one person comes from and what happens to them: by the
    /// first source's key, the external identifier, the e-mail or Skovik's id; writes nothing
    #[arg(long, value_name = "KEY", conflicts_with_all = ["out", "only", "detailed_exitcode", "all", "ids"])]
    pub explain: Option<String>,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The plan file
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// How to print it
    #[arg(long, value_enum, default_value_t = ShowFormat::Text)]
    pub format: ShowFormat,
    /// Show every change, however many there are
    #[arg(long)]
    pub all: bool,
    /// Show Skovik's ids after each person, manager, branch and custom field (text and markdown; the others always do)
    #[arg(long)]
    pub ids: bool,
    /// Show only what has changed since this other plan (text and markdown)
    #[arg(long, value_name = "OLD")]
    pub since: Option<PathBuf>,
    /// Mask names, identifiers, e-mails and values; the hash stays that of the whole plan
    #[arg(long)]
    pub redact: bool,
    /// Leave out of a comment what does not fit; GitHub takes 65536, GitLab 1000000 (markdown)
    #[arg(long, value_name = "N")]
    pub max_bytes: Option<usize>,
    /// Write to this file, which only you can read, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// How to print a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// The diff, for a terminal
    Text,
    /// A comment on a pull request
    Markdown,
    /// A page to search and to read, in one file that needs no network
    Html,
    /// For machines; see docs/plan-file.md
    Json,
}

/// Arguments of `approve`.
#[derive(Debug, Args)]
pub struct Approve {
    /// The plan file
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Who approves; by default the user's login name
    #[arg(long, value_name = "NAME")]
    pub approver: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// How long the approval is valid, such as 24h
    #[arg(long, value_name = "DURATION")]
    pub expires: Option<String>,
    /// Show Skovik's ids after each person, manager, branch and custom field
    #[arg(long)]
    pub ids: bool,
    /// Allow this kind of change up to a count: deletes=N, changes=N, creates=N, emptied=N or unresolved=N;
    /// repeatable
    #[arg(long, value_name = "KIND=N")]
    pub allow: Vec<String>,
    /// Sign the approval with this OpenSSH private key
    #[arg(long, value_name = "FILE", conflicts_with_all = ["statement", "signature"])]
    pub sign_key: Option<PathBuf>,
    /// Write the statement to sign to this file, for a key in an agent or in hardware; with --signature, read it from here
    #[arg(long, value_name = "FILE")]
    pub statement: Option<PathBuf>,
    /// Take the signature that ssh-keygen made; the statement is --statement, or this name without .sig
    #[arg(long, value_name = "FILE.sig", conflicts_with_all = ["approver", "comment", "expires", "allow"])]
    pub signature: Option<PathBuf>,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The plan file
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Count this hash as approved, as `apply --approved-hash` would
    #[arg(long, value_name = "HASH")]
    pub approved_hash: Option<String>,
    /// Check first that this comment, made by `show --format markdown`, shows exactly this plan
    #[arg(long, value_name = "FILE")]
    pub rendered: Option<PathBuf>,
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// The plan file
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// The hash of the plan that was approved elsewhere, sha256:…
    #[arg(long, value_name = "HASH")]
    pub approved_hash: Option<String>,
    /// Write the outcome of each operation, with the whole user before and after, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write what happens while it happens, as JSON lines; - for standard output
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
}

/// Arguments of `undo`.
#[derive(Debug, Args)]
pub struct Undo {
    /// The plan that was applied, whose journal is in the state folder
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Where to write the plan that takes it back
    #[arg(short, long, value_name = "FILE", default_value = "undo.json")]
    pub out: PathBuf,
}

/// Arguments of `run`, for one settings file or a folder of them.
#[derive(Debug, Args)]
pub struct RunOneOrAll {
    /// The run of one.
    #[command(flatten)]
    pub one: Run,
    /// Run every settings file of this folder (NAME.toml), one after the other, and sum up
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["out", "report", "events", "only"])]
    pub all: Option<PathBuf>,
    /// With --all: the folder for NAME.plan.json and NAME.report.json [default: plans]
    #[arg(long, value_name = "FOLDER", requires = "all")]
    pub plans: Option<PathBuf>,
}

/// Arguments of a run.
#[derive(Debug, Args)]
pub struct Run {
    /// Where to write the plan, which stays there for a person if the policy does not approve it
    #[arg(short, long, value_name = "FILE", default_value = "plan.json")]
    pub out: PathBuf,
    /// Write the outcome of each operation, with the whole user before and after, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write what happens while it happens, as JSON lines; - for standard output
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Read everything, but plan only for the person with this external identifier or key of the first source;
    /// repeatable
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,
}

impl Run {
    /// The arguments of one run, which writes its plan and its report there.
    #[must_use]
    pub fn to(out: PathBuf, report: Option<PathBuf>) -> Self {
        Self { out, report, events: None, only: Vec::new() }
    }
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where each run writes its plan, which stays there for a person if the policy does not approve it
    #[arg(short, long, value_name = "FILE", default_value = "plan.json")]
    pub out: PathBuf,
    /// Write the outcome of each operation of the last run, with the whole user before and after, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Serve every settings file of this folder (NAME.toml), each with a port of its own
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["out", "report"])]
    pub all: Option<PathBuf>,
    /// With --all: the folder for NAME.plan.json and NAME.report.json [default: plans]
    #[arg(long, value_name = "FOLDER", requires = "all")]
    pub plans: Option<PathBuf>,
}

/// Arguments of `snapshot`.
#[derive(Debug, Args)]
pub struct Snapshot {
    /// Where to write it
    #[arg(short, long, value_name = "FILE", default_value = "users.jsonl")]
    pub out: PathBuf,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Keep the demo's files in this folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// A day such as 2026-12-01.
fn day(text: &str) -> Result<jiff::civil::Date, String> {
    let written = crate::plan::Day::parse(text).and_then(|_| text.parse().ok());
    written.ok_or_else(|| "write the day as 2026-12-01: the year, the month, the day".to_owned())
}
