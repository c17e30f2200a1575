//! `undo`: writes the plan that takes back what a plan did. It is read, approved and applied like any other. `undo`
//! makes no request.

use std::io::Write as _;

use anyhow::{Context as _, anyhow};

use super::common::{load_settings, read_plan, replay, same_settings, shown, unusable_journal};
use super::inverse::inverse;
use super::places::Places;
use super::state_place::open_state;
use crate::apply::journal::BegunBy;
use crate::apply::undo::History;
use crate::cli::{self, Global};
use crate::exit::{ExitStatus, refused};
use crate::files::write_private;
use crate::plan::Plan;
use crate::render::Ids;
use crate::ui::Ui;

/// Runs `undo`.
///
/// # Errors
/// Exit code 3 if there is no journal, 7 if it belongs to another plan, 10 while an apply is under way.
pub fn run(args: &cli::Undo, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let plan = read_plan(&args.plan)?;
    let settings = load_settings(&global.config)?;
    same_settings(&plan, &settings, &global.config)?;
    Places::new(global).settings(&settings).plan(&args.plan).writes_plan(&args.out).check()?;
    let state = open_state(global, Some(&settings))?;
    // A journal that is being written says too little.
    let _lock = super::apply::take_lock(&settings, &state, Some(plan.hash()), ui)?;
    replay(&state, &plan)?;
    let path = state.journal(plan.hash());
    let Some(history) = History::read(&state, &plan).map_err(unusable_journal)? else {
        let problem = format!(
            "there is no journal {}: the plan was never applied from this machine, or the journal was lost, so it is \
            not known what it did",
            shown(&path)
        );
        return Err(refused(ExitStatus::Usage, problem));
    };
    let undo =
        inverse(&plan, &history, &settings).with_context(|| format!("no undo can be made from {}", shown(&path)))?;
    let mut written = Vec::new();
    undo.write(&mut written)?;
    Plan::read(&written).map_err(|problem| {
        anyhow!(
            "no undo of {} is written, because `apply` would refuse it: {problem}; take the plan back in Skovik",
            shown(&args.plan)
        )
    })?;
    super::plan::put_applied_plan_away(&args.out, &undo, BegunBy::Apply, &settings, global, ui)?;
    write_private(&args.out, |file| file.write_all(&written))
        .with_context(|| format!("cannot write {}", shown(&args.out)))?;
    super::plan::show(&undo, &args.out, Ids::Hidden, ui)?;
    let blocked = undo.blocking_guards().next().is_some();
    ui.notes(&["", &super::plan::next_step(&args.out, blocked, undo.content().operations.is_empty(), ui)]);
    Ok(if blocked { ExitStatus::Blocked } else { ExitStatus::Done })
}
