//! The locks of an apply: one for the account, and one for the plan file.

use std::io::ErrorKind;
use std::path::Path;

use super::super::common::{misplaced, now};
use crate::apply::journal::JournalError;
use crate::apply::lock::{self, Holder, Lock, LockError};
use crate::config::Settings;
use crate::exit::{ExitStatus, refused};
use crate::files::WRONG_KIND;
use crate::plan::Digest;
use crate::state::State;
use crate::ui::Ui;

/// Takes the target's lock, for a plan or for one that is still to be made.
pub(in crate::commands) fn take_lock(
    settings: &Settings,
    state: &State,
    plan_hash: Option<Digest>,
    ui: &Ui,
) -> anyhow::Result<Lock> {
    let holder = Holder { pid: std::process::id(), since: now(), plan_hash };
    let account = settings.target.account();
    let waiting = |holder: Option<Holder>| {
        let holder = holder.map_or_else(|| "somebody".to_owned(), |holder| holder.to_string());
        ui.note(format!("the lease of the account is held by {holder}: waiting to see whether it is renewed"));
    };
    lock::take(state, &account, &holder, &waiting).map_err(not_locked)
}

/// Takes the lock of the plan file too: another apply of it may keep its state elsewhere.
pub(in crate::commands) fn take_plan_lock(settings: &Settings, plan: &Path) -> anyhow::Result<Lock> {
    lock::take_plan(plan, &settings.target.account()).map_err(not_locked)
}

pub(in crate::commands) fn not_locked(error: LockError) -> anyhow::Error {
    match error {
        LockError::Held { .. } => refused(ExitStatus::Locked, format!("{error}; wait for it, then try again")),
        LockError::Io { ref path, error: ref cause } if cause.kind() == WRONG_KIND => misplaced(path, cause),
        LockError::Io { .. } => error.into(),
    }
}

/// Why nothing was sent: the journal cannot be written, or in a store it is not what was read.
pub(super) fn not_begun(error: JournalError) -> anyhow::Error {
    match error {
        JournalError::Io { ref error, .. } if error.kind() == ErrorKind::AlreadyExists => {
            let problem = format!("another apply of this plan is under way: {error}; wait for it, then try again");
            refused(ExitStatus::Locked, problem)
        }
        JournalError::Io { ref error, .. } if error.kind() == ErrorKind::InvalidData => {
            refused(ExitStatus::Damaged, error.to_string())
        }
        error => anyhow::Error::new(error).context("nothing was written"),
    }
}
