//! Arguments in, exit code out.

use std::process::ExitCode;

use clap::error::ErrorKind;
use skovik_sync::cli::{Cli, Global};
use skovik_sync::commands;
use skovik_sync::exit::ExitStatus;
use skovik_sync::runtime;
use skovik_sync::ui::Ui;

fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            if let Err(refusal) = commands::spare_files() {
                Ui::new(&Global::default()).error(&refusal);
                return ExitStatus::Usage.into();
            }
            // Where the terminal is gone there is nobody to tell.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitStatus::Done.into(),
                _ => ExitStatus::Usage.into(),
            };
        }
    };
    let ui = Ui::new(&cli.global);
    let result = run(&cli, &ui).unwrap_or_else(|error| {
        ui.error(&error);
        commands::status_at_end(&error)
    });
    ui.outcome(result);
    result.into()
}

fn run(cli: &Cli, ui: &Ui) -> anyhow::Result<ExitStatus> {
    ui.start_logging(&cli.global)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = runtime::build("worker", cores.max(runtime::LEAST_THREADS))?;
    let result = runtime.block_on(commands::run(cli, ui));
    // A task that hangs in a blocking call must not keep the program from ending.
    runtime.shutdown_background();
    commands::leave_nothing_half_written();
    result
}
