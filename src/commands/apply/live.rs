//! Reads the live account once, before the first write of an apply.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::value::RawValue;

use crate::apply::emptied::OpenMove;
use crate::apply::journal::Replay;
use crate::commands::common::policy;
use crate::config::Settings;
use crate::diff::Policy;
use crate::employee::{Branch, BranchId, Directory, User, UserId};
use crate::exit::{ExitStatus, OrRefuse as _};
use crate::mapping::Mapper;
use crate::plan::{Action, Operation, Plan};
use crate::provider::{Provider, StoredUser};
use crate::ui::Ui;

/// The complete account.
pub(super) struct Read {
    pub(super) policy: Policy,
    pub(super) directory: Directory,
    /// The users whom the plan writes as a whole, as the server sent them: those whom an earlier run made are among them. So are
    /// those whom another apply may have moved.
    pub(super) listed: HashMap<UserId, StoredUser>,
}

/// Reads it. `takes_back` says that the plan is the undo that the state folder makes.
///
/// # Errors
/// If the account cannot be read completely, or lacks something that the settings name.
pub(super) async fn read_live(
    provider: &dyn Provider,
    plan: &Plan,
    replay: &Replay,
    takes_back: bool,
    moves: &[OpenMove],
    settings: &Settings,
    ui: &Ui,
) -> anyhow::Result<Read> {
    let mut shape = provider.shape().await.or_refuse(ExitStatus::Untrusted)?;
    // The plan itself, or the one that it takes back, may have moved the last user out of a branch.
    if takes_back || replay.has_written() {
        let operations = plan.content().operations.iter();
        let named: BTreeSet<&BranchId> =
            operations.flat_map(Operation::branches).map(|branch| &branch.branch_id).collect();
        let is_known = |id: &BranchId| shape.branches.iter().any(|branch| branch.id == *id);
        let missing: Vec<Branch> =
            named.into_iter().filter(|id| !is_known(id)).filter_map(|id| provider.branch_of_nobody(id)).collect();
        shape.branches.extend(missing);
        shape.branches.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    }
    let resolved = Mapper::new(settings).resolve(&shape.branches, &shape.custom_fields).or_refuse(ExitStatus::Stale)?;
    let progress = ui.progress("reading Skovik's users");
    let told = |read: u64, total: Option<u64>| {
        if let Some(total) = total {
            progress.set_total(total);
        }
        progress.set(read);
    };
    let keeps_removed = provider.dialect().keeps_removed();
    let written = |operation| written_user(operation, keeps_removed);
    let written = plan.content().operations.iter().filter_map(written);
    let written: HashSet<&UserId> = written.chain(moves.iter().map(OpenMove::user_id)).collect();
    let mut listed = HashMap::new();
    let mut keep = |user: &User, row: &RawValue| {
        if written.contains(&user.id) || replay.has_made(&user.id) {
            listed.insert(user.id.clone(), StoredUser::new(row)?);
        }
        Ok(())
    };
    let users = provider.users(resolved.managed(), &mut keep, &told).await.or_refuse(ExitStatus::Untrusted)?;
    progress.finish();
    let policy = policy(settings, &resolved, BTreeSet::new());
    Ok(Read { policy, directory: shape.with_users(users), listed })
}

/// Whom an operation writes as a whole, if they are in the account before the apply begins. A service that keeps whom it
/// removes is sent the whole user.
fn written_user(operation: &Operation, keeps_removed: bool) -> Option<&UserId> {
    match &operation.action {
        Action::Update { user_id, .. } => Some(user_id),
        Action::Delete { user_id, .. } => keeps_removed.then_some(user_id),
        Action::Create { .. } | Action::Link { .. } => None,
    }
}
