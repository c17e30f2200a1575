//! `completions`: prints a shell's completion script.

use clap::CommandFactory as _;

use crate::cli::{Cli, Completions};
use crate::exit::ExitStatus;
use crate::ui::Ui;

/// Prints the script for the shell that was asked for.
///
/// # Errors
/// If standard output fails.
pub fn run(arguments: &Completions, ui: &Ui) -> anyhow::Result<ExitStatus> {
    ui.print(script(arguments.shell))?;
    Ok(ExitStatus::Done)
}

/// `clap_complete` panics if its output fails, so it writes to memory.
fn script(shell: clap_complete::Shell) -> String {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_learns_every_command() {
        for shell in clap_complete::Shell::value_variants() {
            let script = script(*shell);
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
