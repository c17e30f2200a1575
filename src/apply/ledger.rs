//! What was applied to an account lately, by its ledger and its journals.
//!
//! The journal comes first: it is durable before a request leaves. When an apply ends, its lines are added to the ledger.
//! Until then, and after a crash, what a journal says counts all the same, requests of unknown outcome too. So a count is
//! never lowered by a crash, by a ledger that lost its end, or by one that is missing, as long as the journals are there.

#[cfg(test)]
mod tests;
mod witnesses;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::journal::{Head, JournalError, Record, read_head, read_lines_of};
use crate::employee::{ExternalIdentifier, UserId};
use crate::field::Field;
use crate::guard::{Done, Kind, Past, RecentPast};
use crate::plan::{Action, Digest, Operation, OperationId, Plan, PlanError};
use crate::state::ledger::{Applied, ApplyId, Entry, Ledger, Reversed};
use crate::state::{JournalFile, State, StateError};

/// How far the clock of a file system or a store may be behind.
const SLACK: Duration = Duration::from_secs(60 * 60);

/// Why it is not known what was applied.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The ledger cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// A journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The plan of a journal is missing or cannot be read.
    #[error("the copy of the plan {plan} in the state cannot be read: {problem}; restore it from a copy")]
    Plan {
        /// Its hash.
        plan: Digest,
        /// Why.
        problem: String,
    },
    /// A journal is missing.
    #[error(
        "the ledger says that an apply of the plan {} was begun at {:.0}, and its journal is missing: restore it from a copy. Or \
         look in Skovik what was changed, and move the ledger of this account away",
        .0.plan,
        .0.begun
    )]
    Missing(ApplyId),
}

pub use self::witnesses::{Fate, Touched, Witnesses};

/// What was applied to an account since some time.
#[derive(Debug)]
pub struct Recent {
    ledger: Ledger,
    since: Timestamp,
    /// Whatever the ledger or a journal says, each operation of an apply once.
    applied: Vec<Applied>,
    /// How many of these, from the first on, the ledger has.
    written: usize,
}

impl Recent {
    /// Reads what was applied to the account at a URL since that time, as of `now`. To go on with an apply that began earlier, the
    /// ledger is read from there. Nothing is written.
    ///
    /// # Errors
    /// If it is not known.
    pub fn read(
        state: &State,
        url: &str,
        since: Timestamp,
        now: Timestamp,
        begun: Option<Timestamp>,
    ) -> Result<Self, LedgerError> {
        let mut ledger = state.ledger(url, begun.map_or(since, |begun| begun.min(since)))?;
        let (mut open, mut closed, mut applied) = (HashSet::new(), HashMap::new(), Vec::new());
        // The clock may have been behind: nothing was done before what stands in front of it.
        let mut earliest = Timestamp::MIN;
        for entry in ledger.take_entries() {
            let at = entry.at().max(earliest);
            earliest = at.min(now);
            match entry {
                Entry::Begun { at: _, apply } => {
                    if at >= since {
                        open.insert(apply);
                    }
                }
                Entry::Applied(line) => applied.push(Applied { at, ..line }),
                Entry::Closed { at: _, apply, length } => {
                    open.remove(&apply);
                    closed.insert(apply, length);
                }
            }
        }
        let written = applied.len();
        let mut recent = Self { ledger, since, applied, written };
        let wanted: HashSet<Digest> = open.iter().map(|apply| apply.plan).collect();
        let oldest = SystemTime::from(since).checked_sub(SLACK).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut found: Vec<(JournalFile, ApplyId)> = Vec::new();
        for journal in state.journals()? {
            if journal.modified < oldest && !wanted.contains(&journal.plan) {
                continue;
            }
            // Without a first line nothing was sent.
            let head = head(state, &journal)?.filter(|head| head.account == recent.ledger.account());
            let Some(head) = head else { continue };
            let apply = ApplyId { plan: journal.plan, begun: head.at };
            open.remove(&apply);
            if closed.get(&apply) != Some(&journal.length) {
                found.push((journal, apply));
            }
        }
        if let Some(missing) = open.iter().min_by_key(|apply| (apply.begun, apply.plan)) {
            return Err(LedgerError::Missing(*missing));
        }
        // What an undo takes back must be known before the undo.
        found.sort_by_key(|(_, apply)| (apply.begun, apply.plan));
        for (journal, apply) in found {
            let said = Said::read(state, &journal)?;
            if !said.is_empty() {
                recent.take(&said, &kept_plan(state, apply.plan)?, apply, state);
            }
        }
        Ok(recent)
    }

    /// What the guards remember of it, in a window of so many seconds, but for an apply that is itself under way. What is
    /// dated in the future counts.
    #[must_use]
    pub fn memory(&self, window: u64, but: Option<ApplyId>) -> RecentPast {
        let others = self.applied.iter().filter(|applied| applied.at >= self.since && Some(applied.apply) != but);
        RecentPast { window, past: by_user(&standing(others)), is_unknown: false }
    }

    /// How many operations that count the ledger lacks, and a journal tells. What is older than the window was not looked for
    /// in the ledger.
    #[must_use]
    pub fn from_journals(&self) -> usize {
        self.applied.iter().skip(self.written).filter(|applied| applied.at >= self.since).count()
    }

    /// How many operations are dated later than that.
    #[must_use]
    pub fn after(&self, now: Timestamp) -> usize {
        self.applied.iter().filter(|applied| applied.at > now).count()
    }

    /// Writes that an apply begins or resumes. Its journal must be there.
    ///
    /// # Errors
    /// If it cannot be written; then nothing may be sent.
    pub fn begin(&mut self, state: &State, apply: ApplyId, at: Timestamp) -> Result<(), StateError> {
        state.add_to_ledger(&mut self.ledger, vec![Entry::Begun { at, apply }])
    }

    /// Writes what an apply has done so far, each operation once; and if nothing is in doubt, that this is all.
    ///
    /// # Errors
    /// If its journal cannot be read or the ledger not be written. Then the journal counts.
    pub fn close(&mut self, state: &State, plan: &Plan, apply: ApplyId, at: Timestamp) -> Result<(), LedgerError> {
        for journal in state.journals()?.into_iter().filter(|journal| journal.plan == apply.plan) {
            if head(state, &journal)?.is_none_or(|head| head.at != apply.begun) {
                continue;
            }
            let said = Said::read(state, &journal)?;
            // What only the journals of other applies tell stays: an undo may take it back.
            let mut theirs = self.applied.split_off(self.written);
            theirs.retain(|applied| applied.apply != apply);
            self.applied.append(&mut theirs);
            let known = self.applied.len();
            self.take(&said, plan, apply, state);
            let new = self.applied.split_off(known).into_iter();
            let done = new.filter(|applied| said.done.contains_key(&applied.operation));
            let mut entries: Vec<Entry> = done.map(Entry::Applied).collect();
            if said.doubts.is_empty() {
                entries.push(Entry::Closed { at, apply, length: journal.length });
            }
            return Ok(state.add_to_ledger(&mut self.ledger, entries)?);
        }
        Err(LedgerError::Missing(apply))
    }

    /// Adds what a journal says and is not known yet.
    fn take(&mut self, said: &Said, plan: &Plan, apply: ApplyId, state: &State) {
        let known: HashSet<OperationId> =
            self.applied.iter().filter(|applied| applied.apply == apply).map(|applied| applied.operation).collect();
        // Without the plan that it takes back, an undo counts as what it does.
        let undone = plan.content().undone().and_then(|undone| kept_plan(state, undone).ok());
        let reversals = undone.as_ref().map(|undone| Reversals::of(undone, &self.applied));
        let mut new = Vec::new();
        for operation in &plan.content().operations {
            let (at, made) = match (said.done.get(&operation.id), said.doubts.get(&operation.id)) {
                (Some((at, user_id)), _) => (*at, user_id.clone()),
                (None, Some(at)) => (*at, None),
                (None, None) => continue,
            };
            if known.contains(&operation.id) {
                continue;
            }
            // What may not have been done, or was not in the end, has taken nothing back.
            let reversals = reversals.as_ref().filter(|_| said.is_certain(operation.id));
            if let Some(applied) = applied(operation, at, made, plan, apply, reversals) {
                new.push(Applied { unconfirmed: !said.is_certain(operation.id) || !said.is_finished, ..applied });
            }
        }
        self.applied.append(&mut new);
    }
}

/// An operation as the ledger has it; a link is part of its create.
fn applied(
    operation: &Operation,
    at: Timestamp,
    made: Option<UserId>,
    plan: &Plan,
    apply: ApplyId,
    reversals: Option<&Reversals<'_>>,
) -> Option<Applied> {
    let id = |branch: &Option<crate::plan::BranchRef>| branch.as_ref().map(|branch| branch.branch_id.clone());
    let (kind, user_id, branch, changes) = match &operation.action {
        Action::Create { .. } => (Kind::Create, made, None, &[][..]),
        // For the guards, whoever comes back is created.
        Action::Update { user_id, .. } if operation.reactivates() => {
            (Kind::Create, Some(user_id.clone()), None, &[][..])
        }
        Action::Update { user_id, branch, changes, .. } => {
            (Kind::Update, Some(user_id.clone()), branch.as_ref().map(id), &changes[..])
        }
        Action::Delete { user_id, before, .. } => {
            (Kind::Delete, Some(user_id.clone()), before.branch.as_ref().map(id), &[][..])
        }
        Action::Link { .. } => return None,
    };
    let fields = |emptied: bool| -> Vec<Field> {
        changes.iter().filter(|change| !emptied || change.empties()).map(|change| change.field.clone()).collect()
    };
    Some(Applied {
        at,
        apply,
        operation: operation.id,
        kind,
        branch,
        changed: fields(false),
        emptied: fields(true),
        in_new_account: kind == Kind::Create && plan.content().target.users == 0,
        unconfirmed: false,
        reverses: reversals.and_then(|reversals| reversals.find(kind, user_id.as_ref(), operation.employee.as_ref())),
        user_id,
    })
}

/// What a journal says of its operations: when each was done, or sent with an unknown outcome.
#[derive(Debug, Default)]
struct Said {
    done: HashMap<OperationId, (Timestamp, Option<UserId>)>,
    doubts: HashMap<OperationId, Timestamp>,
    /// Which of these are done by an answer, and by no list, or may be done.
    contradicted: HashSet<OperationId>,
    /// Whether a list at the end has shown all of it.
    is_finished: bool,
}

impl Said {
    fn read(state: &State, journal: &JournalFile) -> Result<Self, LedgerError> {
        let text = state.journal_text(journal, false)?;
        let mut said = Self::default();
        read_lines_of(text, &journal.path(state), state.key(), journal.plan, |_, record| {
            said.take(record);
            Ok(())
        })?;
        Ok(said)
    }

    fn is_certain(&self, operation: OperationId) -> bool {
        self.done.contains_key(&operation) && !self.contradicted.contains(&operation)
    }

    fn is_empty(&self) -> bool {
        self.done.is_empty() && self.doubts.is_empty()
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Intent { at, operation, .. } => {
                self.doubts.entry(operation).or_insert(at);
            }
            Record::Done { at, operation, user_id, .. } => {
                self.doubts.remove(&operation);
                self.done.insert(operation, (at, user_id));
            }
            Record::Doubted { at, operation, .. } => {
                self.done.remove(&operation);
                self.doubts.insert(operation, at);
            }
            Record::NotDone { operation, .. } => {
                self.doubts.remove(&operation);
                // It may have been outdated before.
                self.done.remove(&operation);
            }
            // What is contradicted was done at one time.
            Record::Contradicted { operation, .. } => drop(self.contradicted.insert(operation)),
            // It may have been done: it counts, and takes nothing back.
            Record::Outdated { at, operation, problem: _, user_id } => {
                let at = self.doubts.remove(&operation).unwrap_or(at);
                self.done.insert(operation, (at, user_id));
                self.contradicted.insert(operation);
            }
            Record::Journal { .. } | Record::Run { .. } | Record::Known { .. } | Record::Ended { .. } => {}
            Record::Finished { .. } => self.is_finished = true,
        }
    }
}

/// Which operation of a plan an operation of its undo takes back.
struct Reversals<'a> {
    plan: Digest,
    /// Whom its creates made, by the ledger.
    by_user: HashMap<(Kind, &'a UserId), OperationId>,
    /// Whom it deleted: they come back as other users.
    deleted: HashMap<&'a ExternalIdentifier, OperationId>,
}

impl<'a> Reversals<'a> {
    fn of(undone: &'a Plan, applied: &'a [Applied]) -> Self {
        let plan = undone.hash();
        let own = applied.iter().filter(|applied| applied.apply.plan == plan);
        let by_user = own.filter_map(|applied| Some(((applied.kind, applied.user_id.as_ref()?), applied.operation)));
        let deletes =
            undone.content().operations.iter().filter(|operation| matches!(operation.action, Action::Delete { .. }));
        let deleted = deletes.filter_map(|operation| Some((operation.employee.as_ref()?, operation.id)));
        Self { plan, by_user: by_user.collect(), deleted: deleted.collect() }
    }

    fn find(&self, kind: Kind, user: Option<&UserId>, employee: Option<&ExternalIdentifier>) -> Option<Reversed> {
        let operation = match kind {
            Kind::Create => self.deleted.get(employee?),
            Kind::Update => self.by_user.get(&(Kind::Update, user?)),
            Kind::Delete => self.by_user.get(&(Kind::Create, user?)),
        };
        operation.map(|operation| Reversed { plan: self.plan, operation: *operation })
    }
}

/// The operations that count. One that an undo took back does not, and neither does what took it back; one whose undo was
/// taken back counts again. An undo of something older than the window counts as what it does.
fn standing<'a>(applied: impl Iterator<Item = &'a Applied>) -> Vec<&'a Applied> {
    let mut all: Vec<&Applied> = applied.collect();
    all.sort_by_key(|applied| applied.at);
    let mut counts: Vec<bool> = Vec::with_capacity(all.len());
    let mut last: HashMap<(Digest, OperationId), usize> = HashMap::new();
    let mut takes_back: Vec<Option<usize>> = Vec::with_capacity(all.len());
    for (place, applied) in all.iter().enumerate() {
        let reversed = applied.reverses.and_then(|reversed| last.get(&(reversed.plan, reversed.operation)).copied());
        counts.push(reversed.is_none());
        takes_back.push(reversed);
        // What an undo of an undo takes back is what the undo took back.
        let mut next = reversed;
        while let Some(place) = next {
            next = takes_back[place];
            if next.is_none() {
                counts[place] = !counts[place];
            }
        }
        last.insert((applied.apply.plan, applied.operation), place);
    }
    all.into_iter().zip(counts).filter(|(_, counts)| *counts).map(|(applied, _)| applied).collect()
}

/// What was done to each person, in the order of time.
fn by_user(applied: &[&Applied]) -> Vec<Past> {
    let mut past: Vec<Past> = Vec::new();
    let mut places: HashMap<&UserId, usize> = HashMap::new();
    for Applied { kind, user_id, branch, changed, emptied, in_new_account, .. } in applied.iter().copied() {
        let (branch, changed, emptied) = (branch.clone(), changed.clone(), emptied.clone());
        let done = Done { kind: *kind, branch, changed, emptied, in_new_account: *in_new_account };
        let place = user_id.as_ref().map_or(past.len(), |user| *places.entry(user).or_insert(past.len()));
        match past.get_mut(place) {
            Some(past) => past.add(done),
            None => past.push(Past::of(user_id.clone(), done)),
        }
    }
    past
}

/// The copy of a plan that the state keeps.
fn kept_plan(state: &State, plan: Digest) -> Result<Plan, LedgerError> {
    let problem = |problem: String| LedgerError::Plan { plan, problem };
    let text = state.kept_plan(plan)?.ok_or_else(|| problem("it is missing".to_owned()))?;
    let kept = Plan::read(&text).map_err(|error: PlanError| problem(error.to_string()))?;
    if kept.hash() == plan { Ok(kept) } else { Err(problem("it is another plan".to_owned())) }
}

/// The first line of a journal, if it has one.
fn head(state: &State, journal: &JournalFile) -> Result<Option<Head>, LedgerError> {
    let text = state.journal_text(journal, true)?;
    Ok(read_head(text, &journal.path(state), state.key(), journal.plan)?)
}
