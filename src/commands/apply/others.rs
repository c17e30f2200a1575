//! What applies of other plans have left: requests that may still be under way, and custom fields that a change of branch in
//! doubt has emptied.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use crate::apply::emptied::OpenMove;
use crate::apply::journal::Replay;
use crate::commands::begun::head;
use crate::commands::common::kept_apply;
use crate::commands::state_place::unusable_state;
use crate::config::Settings;
use crate::employee::{Managed, UserId};
use crate::plan::{Action, Digest, Plan};
use crate::provider::{Dialect, StoredUser};
use crate::state::{State, account_file};
use crate::ui::Ui;

/// How long after the last line of a journal a request of it may have left: it waits for its turn, and as long as the server
/// wishes. The clock of a file system or a store may be behind, too.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Waits until nothing of another plan's apply can still be under way: as long as a request may take. A list that is read
/// earlier may lack whom a request in doubt is about to create. Returns the changes of branch in doubt that no apply has
/// named yet.
///
/// # Errors
/// If the state cannot be read.
pub(super) async fn wait_for_others(
    plan: Digest,
    dialect: &dyn Dialect,
    settings: &Settings,
    state: &State,
    ui: &Ui,
) -> anyhow::Result<Vec<OpenMove>> {
    let settles = settings.target.access.timeout;
    let Left { in_doubt, open } = left(plan, settings, state)?;
    if let Some(other) = in_doubt {
        ui.note(format!(
            "the apply of the plan {other} is in doubt: waiting {} s, as long as one of its requests may still be under way",
            settles.as_secs_f64().ceil()
        ));
        tokio::time::sleep(settles).await;
    }
    Ok(open.iter().flat_map(|(theirs, replay)| OpenMove::of(theirs, replay, dialect)).collect())
}

/// What to say of the applies of other plans where Skovik is not read, because nothing is to do.
///
/// # Errors
/// If the state cannot be read.
pub(super) fn warning_of_others(plan: Digest, settings: &Settings, state: &State) -> anyhow::Result<Option<String>> {
    let Left { in_doubt, open } = left(plan, settings, state)?;
    let other = in_doubt.or_else(|| open.first().map(|(theirs, _)| theirs.hash()));
    Ok(other.map(|other| {
        format!(
            "the apply of the plan {other} is not finished. What it has done in Skovik, and whether it has emptied custom fields, \
             was not looked at: run it again"
        )
    }))
}

/// What the applies of other plans have left.
#[derive(Default)]
struct Left {
    /// One of which a request may still be under way.
    in_doubt: Option<Digest>,
    /// Those that were not finished and that no apply has named yet.
    open: Vec<(Plan, Replay)>,
}

fn left(plan: Digest, settings: &Settings, state: &State) -> anyhow::Result<Left> {
    let settles = settings.target.access.timeout;
    let oldest = SystemTime::now().checked_sub(settles + LONGEST).unwrap_or(SystemTime::UNIX_EPOCH);
    let account = account_file(&settings.target.account());
    let mut journals = state.journals().map_err(unusable_state)?;
    journals.sort_by_key(|journal| Reverse(journal.modified));
    let (mut left, mut complete) = (Left::default(), None);
    for journal in journals.iter().filter(|journal| journal.plan != plan) {
        let (other, is_recent) = (journal.plan, journal.modified >= oldest);
        // A complete apply has named what those before it left, unless it was killed before its end.
        let is_named = complete.is_some_and(|complete| journal.modified < complete);
        if is_named && (left.in_doubt.is_some() || !is_recent) {
            break;
        }
        let Some(head) = head(journal, state)?.filter(|head| head.account == account) else { continue };
        match kept_apply(state, other)? {
            // Without a copy of its plan it is not known what came of it.
            None => left.in_doubt = left.in_doubt.or(is_recent.then_some(other)),
            Some((theirs, replay))
                if replay.begun_at == Some(head.at) && (replay.is_in_doubt() || replay.is_cut_short(&theirs)) =>
            {
                left.in_doubt = left.in_doubt.or((is_recent && replay.is_in_doubt()).then_some(other));
                if !is_named {
                    left.open.push((theirs, replay));
                }
            }
            Some((_, replay)) if replay.is_told => complete = complete.or(Some(journal.modified)),
            Some(_) => {}
        }
    }
    Ok(left)
}

/// What the moved users lack by the list, in words. Whom the plan deletes needs nothing.
pub(super) fn emptied(
    moves: &[OpenMove],
    plan: &Plan,
    listed: &HashMap<UserId, StoredUser>,
    dialect: &dyn Dialect,
    managed: &Managed,
) -> Vec<String> {
    let operations = plan.content().operations.iter();
    let deleted: HashSet<&UserId> = operations
        .filter_map(|operation| match &operation.action {
            Action::Delete { user_id, .. } => Some(user_id),
            Action::Create { .. } | Action::Update { .. } | Action::Link { .. } => None,
        })
        .collect();
    let left = moves.iter().filter(|open| !deleted.contains(open.user_id()));
    left.filter_map(|open| open.lost(listed.get(open.user_id())?, dialect, managed)).collect()
}
