//! What applies of other plans may still have under way when an apply begins.

use std::time::{Duration, SystemTime};

use crate::commands::begun::begun_since;
use crate::commands::common::kept_apply;
use crate::config::Settings;
use crate::plan::Digest;
use crate::state::State;
use crate::ui::Ui;

/// Waits until nothing of another plan's apply can still be under way: as long after its journal was last written to as a
/// request may take. A list that is read earlier may lack whom a request in doubt is about to create.
///
/// # Errors
/// If the state cannot be read.
pub(super) async fn wait_for_others(plan: Digest, settings: &Settings, state: &State, ui: &Ui) -> anyhow::Result<()> {
    let settles = settings.target.access.timeout;
    let oldest = SystemTime::now().checked_sub(settles).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut wait = Duration::ZERO;
    for (other, _, written) in begun_since(oldest, settings, state)? {
        // Without a copy of its plan it is not known what came of it.
        if other != plan && kept_apply(state, other)?.is_none_or(|(_, replay)| replay.is_in_doubt()) {
            // A time in the future counts as now.
            wait = wait.max(settles.saturating_sub(written.elapsed().unwrap_or_default()));
        }
    }
    if !wait.is_zero() {
        ui.note(format!(
            "the apply of another plan is in doubt: waiting {} s, as long as one of its requests may still be under way",
            wait.as_secs_f64().ceil()
        ));
        tokio::time::sleep(wait).await;
    }
    Ok(())
}
