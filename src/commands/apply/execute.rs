//! The part of an apply that writes: the copy of its plan, its journal, the operations, the ledger and the report.

use std::collections::HashMap;

use anyhow::Context as _;

use super::held::while_held;
use super::locks::not_begun;
use super::watch::Watch;
use super::{Approved, Extent, report, say};
use crate::apply::engine::{self, Options};
use crate::apply::journal::{Head, Journal, Record, Replay};
use crate::apply::operation::Worker;
use crate::apply::precheck::Standing;
use crate::apply::{Halt, Report};
use crate::cli;
use crate::commands::common::{now, read_plan};
use crate::commands::recent::Known;
use crate::commands::state_place::unusable_state;
use crate::diff::Policy;
use crate::employee::UserId;
use crate::exit::ExitStatus;
use crate::provider::{Provider, StoredUser};
use crate::state::State;
use crate::state::ledger::ApplyId;
use crate::ui::Ui;

/// An approved plan, and how far it got.
pub(super) struct Begun<'a> {
    pub(super) approved: Approved<'a>,
    pub(super) replay: &'a Replay,
    pub(super) standing: &'a Standing,
    pub(super) listed: &'a HashMap<UserId, StoredUser>,
    pub(super) takes_back: bool,
    pub(super) known: Known,
    /// The exit status if nothing may be begun any more, see [`Standing::bar`].
    pub(super) barred: Option<ExitStatus>,
    /// Whom another apply may have moved, with the custom fields that they lack since.
    pub(super) emptied: &'a [String],
}

/// Begins or resumes the apply, runs what is left of it, and tells how it ended.
pub(super) async fn execute(
    args: &cli::Apply,
    begun: Begun<'_>,
    options: Options,
    provider: &dyn Provider,
    policy: &Policy,
    state: &State,
    ui: &Ui,
) -> anyhow::Result<ExitStatus> {
    let Begun {
        approved: Approved { plan, granted, begun_by, extent },
        replay,
        standing,
        listed,
        takes_back,
        mut known,
        barred,
        emptied,
    } = begun;
    let mut watch = Watch::new(args, plan, replay, &options.stop, ui).await?;
    let hash = plan.hash();
    if read_plan(&state.plan(hash)).is_ok_and(|copy| copy.hash() == hash) {
        // An earlier run kept it.
    } else {
        let mut text = Vec::new();
        plan.write(&mut text)?;
        state.keep_plan(hash, text).context("nothing was written")?;
    }
    if let Some(undone) = plan.content().undone() {
        // This apply needs its journal until it is finished.
        state.renew(undone).map_err(unusable_state)?;
    }
    let at = now();
    let apply = ApplyId { plan: hash, begun: replay.begun_at.unwrap_or(at) };
    let head = Head::new(begun_by, plan.content().target.url.as_str(), apply.begun);
    let journal = Journal::open(state, replay, hash, head).await.map_err(not_begun)?;
    let run = Record::Run { at, approvers: granted.approvers.clone() };
    journal.write(&run).done().await.map_err(not_begun)?;
    known.begin(state, apply, at).map_err(unusable_state).context("nothing was written")?;
    let worker = Worker {
        provider,
        managed: &policy.managed,
        protect: &policy.protect,
        branches: policy.branches.as_ref(),
        takes_back,
        listed,
        admins: &standing.admins,
        journal: &journal,
        now: &now,
    };
    let run = engine::run(plan, replay, standing, &worker, options, &mut watch);
    let report = while_held(run, state, provider).await;
    drop(journal);
    known.close(state, plan, apply, ui);
    let status = match (status(&report, report.wrote || !replay.operations.is_empty()), barred) {
        (ExitStatus::Partial, Some(barred)) => barred,
        (ExitStatus::Partial, None) if extent == Extent::InDoubt && report.is_settled() && emptied.is_empty() => {
            ExitStatus::Done
        }
        (ExitStatus::Done, _) if !emptied.is_empty() => ExitStatus::Partial,
        (status, _) => status,
    };
    let _signals = watch.finish(plan, &report, emptied, status)?;
    let resumes = (extent == Extent::All).then(|| ui.typed(&args.plan));
    report::print(plan, &report, emptied, resumes.as_deref(), &|text| say(args, ui, text), ui);
    Ok(status)
}

/// The exit status. `wrote` says whether this plan has changed anything so far, in any run.
fn status(report: &Report, wrote: bool) -> ExitStatus {
    match &report.halt {
        Some(Halt::Interrupted) => ExitStatus::Interrupted,
        Some(Halt::Credentials(_)) if !wrote => ExitStatus::Untrusted,
        Some(Halt::Journal(_)) if !wrote => ExitStatus::Unexpected,
        Some(Halt::Overtaken(_)) if !wrote => ExitStatus::Locked,
        None if report.is_complete() => ExitStatus::Done,
        _ => ExitStatus::Partial,
    }
}
