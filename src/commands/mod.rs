//! The commands, one file each. They only connect the parts; the core decides.

mod all;
pub mod apply;
pub mod approve;
mod begun;
pub mod check;
mod common;
pub mod completions;
pub mod demo;
pub mod init;
mod inverse;
mod job;
mod kept_plan;
mod keys;
mod places;
pub mod plan;
mod recent;
mod retention;
pub mod run;
pub mod sandbox;
pub mod serve;
mod service;
pub mod show;
mod signals;
pub mod snapshot;
mod state_place;
pub mod undo;
pub mod verify;

use std::path::Path;

pub use self::signals::status_at_end;
use crate::cli::{Cli, Command, Global, RunOneOrAll};
use crate::exit::ExitStatus;
use crate::ui::Ui;

/// Runs the command that the command line names.
///
/// # Errors
/// The command's error; [`crate::exit::status_of`] gives its exit code.
pub async fn run(cli: &Cli, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let Cli { global, command } = cli;
    signals::survive_limits_of_size();
    state_place::protect_store(global);
    places::spare_files(global, plan_of(command))?;
    // These wait for nothing but people, so a signal may end them anywhere.
    let _signals = match command {
        Command::Show(_) | Command::Approve(_) | Command::Undo(_) => Some(signals::end_with(ExitStatus::Interrupted)?),
        _ => None,
    };
    match command {
        Command::Init(args) => init::command(args, global, ui),
        Command::Check(args) => check::run(args, global, ui).await,
        Command::Plan(args) => plan::run(args, global, ui).await,
        Command::Show(args) => show::run(args, global, ui),
        Command::Approve(args) => approve::run(args, global, ui),
        Command::Verify(args) => verify::run(args, global, ui),
        Command::Apply(args) => apply::run(args, global, ui).await,
        Command::Run(RunOneOrAll { one: _, all: Some(folder), plans }) => {
            all::run(folder, plans.as_deref(), global, ui).await
        }
        Command::Run(RunOneOrAll { one, all: None, plans: _ }) => job::command(one, global, ui).await,
        Command::Serve(args) => serve::run(args, global, ui).await,
        Command::Undo(args) => undo::run(args, global, ui),
        Command::Snapshot(args) => snapshot::run(args, global, ui).await,
        Command::Sandbox(args) => sandbox::run(args, global, &mut std::io::stdout(), &mut std::io::stderr()).await,
        Command::Demo(args) => demo::run(args, global, ui).await,
        Command::Completions(args) => completions::run(args, ui),
    }
}

/// Removes what is not written completely, when the program ends: a thread that nobody waits for may be writing it.
pub fn leave_nothing_half_written() {
    // Until the end, so that such a thread begins nothing more.
    std::mem::forget(crate::files::remove_under_way());
}

/// Refuses to print what is said of a command line (the help, the version, what is wrong with it) into a plan, an approval or the
/// usual settings file.
///
/// # Errors
/// Exit code 3.
pub fn spare_files() -> anyhow::Result<()> {
    places::spare_files(&Global::default(), None)
}

/// The plan that a command reads.
fn plan_of(command: &Command) -> Option<&Path> {
    match command {
        Command::Show(args) => Some(&args.plan),
        Command::Approve(args) => Some(&args.plan),
        Command::Verify(args) => Some(&args.plan),
        Command::Apply(args) => Some(&args.plan),
        Command::Undo(args) => Some(&args.plan),
        _ => None,
    }
}
