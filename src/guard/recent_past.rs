//! What was done to an account before a plan, within `[guard] window`. It counts with the plan's own operations, so that
//! many small plans cannot do together what one of them may not do.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::result::Earlier;
use super::{Effect, Guard, GuardResult, Kind, ManagerLoss, Of, Subject, Tally};
use crate::employee::BranchId;
use crate::field::Field;

/// What was done within the window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecentPast {
    /// The length of the window in seconds; 0 if it is switched off.
    pub window: u64,
    /// What was done in it.
    pub past: Vec<Past>,
    /// Whether it cannot be told what was done. Then `past` is empty.
    pub is_unknown: bool,
}

/// What was done to one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// What happened to the user.
    pub kind: Kind,
    /// The branch of the user before; as in [`Effect`].
    pub branch: Option<Option<BranchId>>,
    /// The fields that changed.
    pub changed: Vec<Field>,
    /// Those of them that had a value and have none now.
    pub emptied: Vec<Field>,
    /// Whether the user was created by a plan for an account without users.
    pub in_new_account: bool,
}

impl RecentPast {
    /// What nobody remembers, with a window of no length.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What was done in these branches, if only they are managed. Creates are measured by the whole account.
    #[must_use]
    pub fn of_branches(mut self, branches: Option<&BTreeSet<BranchId>>) -> Self {
        if let Some(branches) = branches {
            self.past.retain(|past| match &past.branch {
                Some(branch) => branch.as_ref().is_some_and(|branch| branches.contains(branch)),
                None => true,
            });
        }
        self
    }
}

impl Past {
    fn effect(&self) -> Effect<'_> {
        let Self { kind, branch, changed, emptied, in_new_account: _ } = self;
        Effect {
            kind: *kind,
            branch: branch.as_ref().map(Option::as_ref),
            changed: changed.iter().collect(),
            emptied: emptied.iter().collect(),
            manager_loss: ManagerLoss::None,
        }
    }
}

/// What each guard counts in a memory.
#[derive(Debug)]
pub(super) struct Remembered<'m> {
    window: u64,
    /// For the guards that take a share of all users: without the creates in a new account, which they do not judge.
    of_users: Tally<'m>,
    /// For the others.
    others: Tally<'m>,
    removed: u64,
    removed_in: FxHashMap<Option<&'m BranchId>, u64>,
}

impl<'m> Remembered<'m> {
    pub(super) fn of(guards: impl Iterator<Item = &'static Guard>, memory: &'m RecentPast) -> Self {
        let (of_users, others): (Vec<_>, Vec<_>) =
            guards.filter(|guard| guard.over_window.is_some()).partition(|guard| matches!(guard.of, Of::Users));
        let past = &memory.past;
        let mut removed_in: FxHashMap<_, u64> = FxHashMap::default();
        for gone in past.iter().filter(|past| past.kind == Kind::Delete) {
            if let Some(branch) = &gone.branch {
                *removed_in.entry(branch.as_ref()).or_default() += 1;
            }
        }
        Self {
            window: memory.window,
            of_users: Tally::of(of_users, past.iter().filter(|past| !past.in_new_account).map(Past::effect)),
            others: Tally::of(others, past.iter().map(Past::effect)),
            removed: past.iter().filter(|past| past.kind == Kind::Delete).count() as u64,
            removed_in,
        }
    }

    /// Adds what is remembered to the plan's own count, and takes the share of those who were there before.
    pub(super) fn add_to(&self, guard: &Guard, result: GuardResult) -> GuardResult {
        let subject = result.subject.as_ref();
        let tally = if matches!(guard.of, Of::Users) { &self.of_users } else { &self.others };
        let count = tally.count(guard, subject);
        if count == 0 {
            return result;
        }
        let now = result.of;
        // Those who were removed are not in the list any more. A guard that does not count them must not be weaker
        // because of them: the whole never grows by more than the count does.
        let removed = match subject {
            Some(Subject::Branch(branch)) => {
                let branch = branch.as_ref().map(|branch| &branch.branch_id);
                self.removed_in.get(&branch).copied().unwrap_or(0)
            }
            _ => self.removed,
        };
        let of = match &guard.of {
            Of::Managed => now.saturating_add(removed.min(count)),
            // Those who were created were not there before.
            Of::Users => now.saturating_add(self.removed).saturating_sub(count).min(now),
            Of::WithValue => now.saturating_add(count),
            Of::People(_) | Of::Operations(_) => now,
        };
        let earlier = Some(Earlier { window: self.window, count, now });
        GuardResult { count: result.count.saturating_add(count), of, earlier, ..result }
    }
}
