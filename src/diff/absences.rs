//! Second thoughts (`[scope] remove_after`): somebody who is missing is deleted only after every reading for that long did
//! not have them.
//!
//! [`Memory`] is what earlier readings left: since when each user has been missing. [`Absences`] is that memory with its
//! days, as it goes into a plan. [`Comparison::reading`] says what this reading adds, and [`Memory::after`] is the memory
//! that it leaves. All of it is pure: when a reading began comes from outside.

use std::collections::BTreeMap;

use super::{Comparison, Event, Moment, Standing, Wait};
use crate::employee::UserId;

/// What readings left until now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// When the last reading began, in seconds since 1970; none if nothing is remembered.
    pub read_at: Option<i64>,
    /// Since when each user has been missing, in the same seconds.
    pub missing: BTreeMap<UserId, i64>,
}

/// How much one reading may change of the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Whoever is missing for the first time begins to wait, and whoever is back is forgotten.
    All,
    /// Only whoever is back is forgotten: this reading is not sure enough to begin a wait.
    Returns,
}

/// What one reading says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The users who are missing: a plan without second thoughts would delete them.
    pub missing: Vec<UserId>,
    /// The users about whom the reading says nothing: their delete would be withheld because of a doubt, or they are in a
    /// branch that other settings manage, which note their own readings of the same account.
    pub unsure: Vec<UserId>,
}

impl Memory {
    /// From when on somebody counts as missing whom a reading that begins now does not have. That is now, but never before
    /// an earlier reading: a clock that went backwards must not make a wait shorter.
    #[must_use]
    pub fn beginning(&self, now: i64) -> i64 {
        self.read_at.map_or(now, |read_at| read_at.max(now))
    }

    /// The memory that a reading leaves which began at this time.
    #[must_use]
    pub fn after(&self, reading: &Reading, now: i64, note: Note) -> Self {
        let beginning = self.beginning(now);
        let known = |user: &UserId| self.missing.get(user).copied();
        let missing = reading.missing.iter().filter_map(|user| {
            let since = match note {
                Note::All => Some(known(user).unwrap_or(beginning)),
                Note::Returns => known(user),
            };
            Some((user.clone(), since?))
        });
        let unsure = reading.unsure.iter().filter_map(|user| Some((user.clone(), known(user)?)));
        let read_at = match note {
            Note::All => Some(beginning),
            Note::Returns => self.read_at,
        };
        Self { read_at, missing: missing.chain(unsure).collect() }
    }
}

/// The memory as a plan needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absences {
    /// For how long somebody must be missing (`[scope] remove_after`), in seconds; more than none.
    pub remove_after: u64,
    /// When this reading began, in seconds since 1970.
    pub now: i64,
    /// The wait of each user whom earlier readings did not have.
    pub known: BTreeMap<UserId, Wait>,
    /// The wait of everybody else, which begins with this reading; none if nobody notes this reading.
    pub new: Option<Wait>,
}

impl Absences {
    /// The memory at the time of a reading. `at` gives a time its offset; `begins` says whether this reading can begin a
    /// wait.
    #[must_use]
    pub fn of(memory: &Memory, remove_after: u64, now: i64, begins: bool, at: impl Fn(i64) -> Moment) -> Self {
        let wait = |since: i64| {
            let leaves = since.saturating_add(i64::try_from(remove_after).unwrap_or(i64::MAX));
            Wait { missing_since: at(since), leaves: at(leaves) }
        };
        let known = memory.missing.iter().map(|(user, &since)| (user.clone(), wait(since))).collect();
        Self { remove_after, now, known, new: begins.then(|| wait(memory.beginning(now))) }
    }

    /// The wait of a user who is missing.
    #[must_use]
    pub fn wait_of(&self, user: &UserId) -> Option<Wait> {
        self.known.get(user).copied().or(self.new)
    }

    /// Whether a user who is missing has been so for long enough. One reading is never enough.
    fn is_over(&self, user: &UserId) -> bool {
        self.known.get(user).is_some_and(|wait| wait.leaves.seconds() <= self.now)
    }
}

impl Comparison<'_> {
    /// Keeps everybody who would be deleted and has not been missing for long enough. Whatever follows from that is
    /// resolved as for other users who stay.
    pub(super) fn think_twice(&mut self) {
        let (policy, directory) = (self.policy, self.directory);
        let Some(absences) = &policy.absences else { return };
        for user in 0..self.standings.len() as u32 {
            let id = &directory.users[user as usize].id;
            match self.standings[user as usize] {
                Standing::Leaving => self.reading.missing.push(id.clone()),
                Standing::Withheld => {
                    self.reading.unsure.push(id.clone());
                    continue;
                }
                Standing::Unmanaged | Standing::Protected => {
                    if absences.known.contains_key(id) && !self.is_in_branches(&directory.users[user as usize]) {
                        self.reading.unsure.push(id.clone());
                    }
                    continue;
                }
                Standing::Claimed(_) | Standing::Held | Standing::Elsewhere | Standing::Waiting => continue,
            }
            if !absences.is_over(id) {
                self.standings[user as usize] = Standing::Waiting;
                self.queue.push(Event::UserStays(user));
            }
        }
        self.settle();
    }

    /// What this reading says about who is missing; empty without second thoughts.
    #[must_use]
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Since when a user has been missing who is missing now.
    #[must_use]
    pub fn wait_of(&self, user: u32) -> Option<Wait> {
        self.policy.absences.as_ref()?.wait_of(&self.user(user).id)
    }

    /// The users who wait, in the order of the account.
    pub fn waiting(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.standings).filter(|(_, standing)| **standing == Standing::Waiting).map(|(user, _)| user)
    }

    /// Until when a user who waits stays, for a message.
    pub(super) fn stays_until(&self, user: u32) -> String {
        match self.wait_of(user) {
            Some(wait) => format!("is missing since {} and stays until {}", wait.since(), wait.until()),
            None => "is missing and waits to be deleted".to_owned(),
        }
    }
}
