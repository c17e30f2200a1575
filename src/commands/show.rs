//! `show`: prints a plan again.

use super::common::read_plan;
use crate::cli;
use crate::exit::ExitStatus;
use crate::ui::Ui;

/// Runs `show`.
///
/// # Errors
/// Exit code 8 where the plan is damaged.
pub fn run(args: &cli::Show, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let plan = read_plan(&args.plan)?;
    super::plan::show(&plan, &args.plan, args.all, ui)?;
    Ok(ExitStatus::Done)
}
