//! What a change of branch has emptied whose outcome is unknown, and that nobody gives back. Pure functions.

use super::journal::{Progress, Replay};
use crate::employee::{Managed, UserId};
use crate::plan::{Action, Digest, Plan};
use crate::provider::{Dialect, Rest, StoredUser};

/// A change of branch whose outcome is unknown.
#[derive(Debug)]
pub struct OpenMove {
    plan: Digest,
    /// Whose branch it changes.
    name: String,
    /// The whole user before it.
    before: StoredUser,
}

impl OpenMove {
    /// Those of an apply, by its journal.
    #[must_use]
    pub fn of(plan: &Plan, replay: &Replay, dialect: &dyn Dialect) -> Vec<Self> {
        let open = plan.content().operations.iter().filter(|operation| !replay.outdated.contains(&operation.id));
        open.filter_map(|operation| {
            let (Action::Update { changes, .. }, Some(Progress::InDoubt(doubt))) =
                (&operation.action, replay.operations.get(&operation.id))
            else {
                return None;
            };
            let before = doubt.before.clone().filter(|_| dialect.may_empty_others(changes))?;
            let employee = operation.employee.as_ref().map(|employee| format!("{employee} ")).unwrap_or_default();
            Some(Self { plan: plan.hash(), name: format!("{employee}{}", operation.name), before })
        })
        .collect()
    }

    /// Whose branch it changes.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        self.before.id()
    }

    /// Which values, and custom fields among them, the user lacks that had them before it; in words.
    #[must_use]
    pub fn lost(&self, held: &StoredUser, dialect: &dyn Dialect, managed: &Managed) -> Option<String> {
        // Without a custom field among them it is no move that emptied them.
        if let Ok(None) = dialect.restore_request(&self.before, held, &[], Rest::AsHeld) {
            return None;
        }
        let gone = gone_since(&self.before, held, dialect, managed)?;
        Some(format!("{} (the user {}, moved by the plan {}): {gone}", self.name, self.user_id(), self.plan))
    }
}

/// Which values that the settings do not manage a user had then and does not have now, in words.
pub(super) fn gone_since(
    then: &StoredUser,
    held: &StoredUser,
    dialect: &dyn Dialect,
    managed: &Managed,
) -> Option<String> {
    let sent = dialect.update_request(then, &[]).ok()?;
    let lost = dialect.losses(&sent.over(then), held, managed);
    let gone: Vec<&str> = lost.iter().map(String::as_str).filter(|words| words.contains(" is gone")).collect();
    (!gone.is_empty()).then(|| gone.join(", "))
}
