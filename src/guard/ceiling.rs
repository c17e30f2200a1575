//! Ceilings: which limits an approval can raise, and up to which count.
//!
//! A ceiling counts over the whole plan: `deletes=40` says that the plan may delete forty people, whichever guard on
//! deletes blocked. If it applied to each branch, the count of the larger of two branches would allow the deletes of
//! both, and the approval would state fewer deletes than are made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{GuardOutcome, GuardResult, find};

/// What an approval can allow, up to a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ceiling {
    /// `--allow deletes=N`: users deleted.
    Deletes,
    /// `--allow changes=N`: users deleted or changed.
    Changes,
    /// `--allow creates=N`: users created.
    Creates,
    /// `--allow emptied=N`: values of fields lost.
    Emptied,
    /// `--allow unresolved=N`: managers who cannot be found.
    Unresolved,
}

impl Ceiling {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Deletes, Self::Changes, Self::Creates, Self::Emptied, Self::Unresolved];

    /// Its name on the command line and in approvals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deletes => "deletes",
            Self::Changes => "changes",
            Self::Creates => "creates",
            Self::Emptied => "emptied",
            Self::Unresolved => "unresolved",
        }
    }

    /// All of them, as a user types them: `deletes=N, changes=N …`.
    #[must_use]
    pub fn forms() -> String {
        let forms = Self::ALL.map(|ceiling| format!("{}=N", ceiling.name()));
        let (last, others) = forms
            .split_last()
            .map_or((String::new(), String::new()), |(last, others)| (last.clone(), others.join(", ")));
        format!("{others} or {last}")
    }

    /// The ceiling that raises the limit of the guard with this id, if there is one.
    #[must_use]
    pub fn lifting(guard: &str) -> Option<Self> {
        find(guard)?.lifted_by
    }
}

/// The plan's own total count of a kind, from all guards that count it, blocking or not. What was done before the plan is
/// not in it: an approval allows what this plan does.
#[must_use]
pub fn whole(guards: &[GuardResult], kind: Ceiling) -> u64 {
    let counts = guards.iter().filter(|guard| Ceiling::lifting(&guard.id) == Some(kind)).map(GuardResult::own);
    match kind {
        // Each field has its own values, so the counts add up.
        Ceiling::Emptied => counts.fold(0, u64::saturating_add),
        // There is always a guard on the whole account, and its count is the highest.
        Ceiling::Deletes | Ceiling::Changes | Ceiling::Creates | Ceiling::Unresolved => counts.max().unwrap_or(0),
    }
}

/// The ceilings that are needed for all blocking guards of a plan that an approval can allow.
#[must_use]
pub fn needed_ceilings(guards: &[GuardResult]) -> BTreeMap<Ceiling, u64> {
    let blocking = guards.iter().filter(|guard| guard.outcome == GuardOutcome::Block);
    let mut needed: BTreeMap<Ceiling, u64> = BTreeMap::new();
    for kind in blocking.filter_map(|guard| Ceiling::lifting(&guard.id)) {
        needed.entry(kind).or_insert_with(|| whole(guards, kind));
    }
    needed
}
