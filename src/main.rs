//! Arguments in, exit code out.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use skovik_sync::cli::{Cli, Command};
use skovik_sync::exit::{ExitStatus, refused, status_of};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let result = match &cli.command {
        Command::Sandbox(args) => skovik_sync::commands::sandbox::run(args, &mut out, &mut err).await,
        _ => Err(refused(ExitStatus::Unexpected, "this build knows only the sandbox")),
    };
    match result {
        Ok(status) => status.into(),
        Err(error) => {
            let _ = writeln!(err, "error: {error:#}");
            status_of(&error).into()
        }
    }
}
