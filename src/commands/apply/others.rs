//! What applies of other plans may still have under way when an apply begins.

use std::time::{Duration, SystemTime};

use crate::commands::begun::begun_since;
use crate::commands::common::kept_apply;
use crate::config::Settings;
use crate::plan::Digest;
use crate::state::State;
use crate::ui::Ui;

/// How long after the last line of a journal a request of it may have left: it waits for its turn, and as long as the server
/// wishes. The clock of a file system or a store may be behind, too.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Waits until nothing of another plan's apply can still be under way: as long as a request may take. A list that is read
/// earlier may lack whom a request in doubt is about to create.
///
/// # Errors
/// If the state cannot be read.
pub(super) async fn wait_for_others(plan: Digest, settings: &Settings, state: &State, ui: &Ui) -> anyhow::Result<()> {
    let settles = settings.target.access.timeout;
    let oldest = SystemTime::now().checked_sub(settles + LONGEST).unwrap_or(SystemTime::UNIX_EPOCH);
    for (other, ..) in begun_since(oldest, settings, state)? {
        // Without a copy of its plan it is not known what came of it.
        if other != plan && kept_apply(state, other)?.is_none_or(|(_, replay)| replay.is_in_doubt()) {
            ui.note(format!(
                "the apply of the plan {other} is in doubt: waiting {} s, as long as one of its requests may still be under way",
                settles.as_secs_f64().ceil()
            ));
            tokio::time::sleep(settles).await;
            break;
        }
    }
    Ok(())
}
