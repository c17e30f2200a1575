//! What was done to an account before a plan, within `[guard] window`. It counts with the plan's own operations, so that
//! many small plans cannot do together what one of them may not do.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::result::Earlier;
use super::{Effect, Guard, GuardResult, Kind, ManagerLoss, Of, Subject, Tally};
use crate::employee::{BranchId, User, UserId};
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

/// What was done to one person. Each guard counts a person once, and in each branch once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Their user; none for a create of which it is not known whom it made.
    pub user: Option<UserId>,
    /// What was done to them: each kind in each branch once.
    pub done: Vec<Done>,
    /// Whether the account had them before the window.
    pub was_there: bool,
    /// Whether it has them now.
    pub is_there: bool,
    /// The fields of which they lost the value, and have none again.
    pub lacks: Vec<Field>,
}

/// What was done to a person in one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What happened to the user.
    pub kind: Kind,
    /// The branch of the user before; as in [`Effect`].
    pub branch: Option<Option<BranchId>>,
    /// The fields that changed.
    pub changed: Vec<Field>,
    /// Those of them that had a value and were emptied.
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

    /// The same with what a list of users shows: whoever was removed or lost a value may have come back, or have a value
    /// again, by another hand.
    #[must_use]
    pub fn as_listed<'u>(
        mut self,
        listed: impl Fn(&UserId) -> Option<&'u User>,
        has: impl Fn(&User, &Field) -> bool,
    ) -> Self {
        for past in &mut self.past {
            let Some(user) = past.user.as_ref().and_then(&listed) else { continue };
            past.is_there = true;
            let emptied = past.done.iter().flat_map(|done| &done.emptied);
            past.lacks = emptied.filter(|field| !has(user, field)).cloned().collect();
        }
        self
    }

    /// What was done in these branches, if only they are managed. Creates are measured by the whole account.
    #[must_use]
    pub fn of_branches(mut self, branches: Option<&BTreeSet<BranchId>>) -> Self {
        if let Some(branches) = branches {
            for past in &mut self.past {
                past.done.retain(|done| match &done.branch {
                    Some(branch) => branch.as_ref().is_some_and(|branch| branches.contains(branch)),
                    None => true,
                });
            }
            self.past.retain(|past| !past.done.is_empty());
        }
        self
    }
}

impl Past {
    /// The first that was done to a person.
    #[must_use]
    pub fn of(user: Option<UserId>, first: Done) -> Self {
        let was_there = first.kind != Kind::Create || first.in_new_account;
        let mut past = Self { user, done: Vec::new(), was_there, is_there: true, lacks: Vec::new() };
        past.add(first);
        past
    }

    /// Adds what was done next.
    pub fn add(&mut self, next: Done) {
        self.is_there = next.kind != Kind::Delete;
        if next.kind == Kind::Create {
            // Which values they came back with is not known.
            self.lacks.clear();
        }
        self.lacks.retain(|field| !next.changed.contains(field));
        self.lacks.extend(next.emptied.iter().cloned());
        let key = |done: &Done| (done.kind, done.branch.clone(), done.in_new_account);
        let Some(before) = self.done.iter_mut().find(|done| key(done) == key(&next)) else {
            return self.done.push(next);
        };
        for (all, more) in [(&mut before.changed, next.changed), (&mut before.emptied, next.emptied)] {
            let new: Vec<Field> = more.into_iter().filter(|field| !all.contains(field)).collect();
            all.extend(new);
        }
    }

    fn effects(&self, counts: impl Fn(&Done) -> bool) -> Vec<Effect<'_>> {
        self.done.iter().filter(|done| counts(done)).map(Done::effect).collect()
    }

    fn deletes(&self) -> impl Iterator<Item = &Done> {
        self.done.iter().filter(|done| done.kind == Kind::Delete)
    }

    /// The fields that they lost the value of, and do not have now.
    fn lost(&self) -> FxHashSet<&Field> {
        let emptied = self.done.iter().flat_map(|done| &done.emptied);
        emptied.filter(|field| !self.is_there || self.lacks.contains(field)).collect()
    }
}

impl Done {
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
    /// Who was deleted and has not come back.
    removed: u64,
    removed_in: FxHashMap<Option<&'m BranchId>, u64>,
    /// Those of them who were there before the window.
    left: u64,
    /// Who was not there before the window and is there now.
    came: u64,
    /// Who lost the value of a field and does not have it now.
    lost: FxHashMap<&'m Field, u64>,
}

impl<'m> Remembered<'m> {
    pub(super) fn of(guards: impl Iterator<Item = &'static Guard>, memory: &'m RecentPast) -> Self {
        let (of_users, others): (Vec<_>, Vec<_>) =
            guards.filter(|guard| guard.over_window.is_some()).partition(|guard| matches!(guard.of, Of::Users));
        let past = &memory.past;
        let (mut removed_in, mut lost) = (FxHashMap::default(), FxHashMap::default());
        let removed = || past.iter().filter(|past| !past.is_there && past.deletes().next().is_some());
        for branch in removed().flat_map(Past::deletes).filter_map(|done| done.branch.as_ref()) {
            *removed_in.entry(branch.as_ref()).or_default() += 1;
        }
        for field in past.iter().flat_map(Past::lost) {
            *lost.entry(field).or_default() += 1;
        }
        Self {
            window: memory.window,
            of_users: Tally::of_people(of_users, past.iter().map(|past| past.effects(|done| !done.in_new_account))),
            others: Tally::of_people(others, past.iter().map(|past| past.effects(|_| true))),
            removed: removed().count() as u64,
            removed_in,
            left: removed().filter(|past| past.was_there).count() as u64,
            came: past.iter().filter(|past| past.is_there && !past.was_there).count() as u64,
            lost,
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
        // Those who are not in the list any more were there before, if the guard counts them. It must not be weaker
        // because of others: the whole never grows by more than the count does.
        let missing = match (&guard.of, subject) {
            (Of::WithValue, Some(Subject::Field(field))) => self.lost.get(field).copied().unwrap_or(0),
            (_, Some(Subject::Branch(branch))) => {
                let branch = branch.as_ref().map(|branch| &branch.branch_id);
                self.removed_in.get(&branch).copied().unwrap_or(0)
            }
            _ => self.removed,
        };
        let of = match &guard.of {
            Of::Managed | Of::WithValue => now.saturating_add(missing.min(count)),
            // Those who were created were not there before.
            Of::Users => now.saturating_add(self.left).saturating_sub(self.came).min(now),
            Of::People(_) | Of::Operations(_) => now,
        };
        let earlier = Some(Earlier { window: self.window, count, now });
        GuardResult { count: result.count.saturating_add(count), of, earlier, ..result }
    }
}
