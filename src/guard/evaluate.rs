//! Evaluates the guards: from the effects of operations to results.

use rustc_hash::{FxHashMap, FxHashSet};

use super::recent_past::Remembered;
use super::{
    BranchCount, Count, Effect, GUARDS, Guard, GuardOutcome, GuardResult, IgnoreBelow, Join, Limits, NamedField, Of,
    People, RecentPast, Subject, Unit, find,
};
use crate::employee::BranchId;
use crate::field::Field;

/// Evaluates every guard that has a limit, over what the operations do and what was done before them. The results include
/// the guards that pass.
#[must_use]
pub fn evaluate<'e>(
    limits: &Limits,
    people: &People,
    effects: impl IntoIterator<Item = Effect<'e>>,
    memory: &RecentPast,
) -> Vec<GuardResult> {
    let demanded = || GUARDS.iter().copied().filter(|guard| limits.demand(guard) || guard.is_set_per_source());
    let tally = Tally::of(demanded(), effects);
    let remembered = Remembered::of(demanded(), memory);
    let results = |row: &Row<'e>| {
        let guard = row.guard;
        let results = row.results(limits, people).into_iter();
        results.map(|result| judged(remembered.add_to(guard, result))).collect::<Vec<_>>()
    };
    tally.rows.iter().flat_map(results).collect()
}

/// How many users an account has now.
pub trait UsersNow {
    /// In all.
    fn users(&self) -> u64;
    /// Those who may be changed.
    fn managed(&self) -> u64;
    /// Those who may be changed, in a branch.
    fn managed_in(&self, branch: Option<&BranchId>) -> u64;
    /// Those who may be changed and have a value of a field.
    fn with_value(&self, field: &Field) -> u64;
}

/// Evaluates the guards of a plan again, for an account that may have fewer users than when the plan was made: in all,
/// in each branch, with a value of each field; and for what was done since then. The plan's own counts and the limits
/// stay as in the plan.
#[must_use]
pub fn evaluate_again(results: &[GuardResult], now: &impl UsersNow, memory: &RecentPast) -> Vec<GuardResult> {
    let of_now = |guard: &Guard, found: &GuardResult| {
        let now = match (&guard.of, &found.subject) {
            _ if guard.unit != Unit::Percent => return found.of_now(),
            (Of::Managed, Some(Subject::Branch(branch))) => {
                now.managed_in(branch.as_ref().map(|branch| &branch.branch_id))
            }
            (Of::Managed, _) => now.managed(),
            (Of::Users, _) => now.users(),
            (Of::WithValue, Some(Subject::Field(field))) => now.with_value(field),
            (Of::WithValue | Of::People(_) | Of::Operations(_), _) => return found.of_now(),
        };
        found.of_now().min(now)
    };
    again(results, memory, of_now)
}

/// Evaluates the guards of a plan again for what was done since it was made, without a look at the account.
#[must_use]
pub fn evaluate_since(results: &[GuardResult], memory: &RecentPast) -> Vec<GuardResult> {
    // Whoever was removed since then is in the whole that the plan has.
    let again = again(results, memory, |_, found| found.of_now()).into_iter().zip(results);
    again.map(|(again, planned)| judged(GuardResult { of: planned.of, ..again })).collect()
}

fn again(
    results: &[GuardResult],
    memory: &RecentPast,
    of_now: impl Fn(&Guard, &GuardResult) -> u64,
) -> Vec<GuardResult> {
    let remembered = Remembered::of(guards_of(results), memory);
    let again = |found: &GuardResult| {
        let Some(guard) = find(&found.id) else { return found.clone() };
        let own = GuardResult { count: found.own(), of: of_now(guard, found), earlier: None, ..found.clone() };
        judged(remembered.add_to(guard, own))
    };
    results.iter().map(again).collect()
}

/// The guards that are among the results, each once.
fn guards_of(results: &[GuardResult]) -> impl Iterator<Item = &'static Guard> {
    let ids: FxHashSet<&str> = results.iter().map(|result| result.id.as_str()).collect();
    GUARDS.iter().copied().filter(move |guard| ids.contains(guard.id)).collect::<Vec<_>>().into_iter()
}

/// The outcome that follows from the counts; `None` for a guard that this version does not know.
#[must_use]
pub fn outcome(result: &GuardResult) -> Option<GuardOutcome> {
    let GuardResult { id, subject: _, count, of, earlier, limit, ignore_below, outcome: _, parts: _ } = result;
    let guard = find(id)?;
    // A plan must not make a guard ignore counts that its row does not ignore.
    let is_ignored = guard.ignore_below != IgnoreBelow::Nothing && ignore_below.is_some_and(|least| *count < least);
    let is_new_account = matches!(guard.of, Of::Users) && result.of_now() == 0;
    // A plan that adds nothing is not held up by what was done before it.
    let adds = earlier.is_none() || result.own() > 0;
    let blocks = adds && !is_ignored && !is_new_account && guard.unit.is_beyond(*count, *of, *limit);
    Some(if blocks { GuardOutcome::Block } else { GuardOutcome::Pass })
}

fn judged(result: GuardResult) -> GuardResult {
    let outcome = outcome(&result).unwrap_or(GuardOutcome::Block);
    GuardResult { outcome, ..result }
}

/// How many operations each of the given guards counts.
#[derive(Debug)]
pub struct Tally<'e> {
    rows: Vec<Row<'e>>,
}

/// What one guard counts.
#[derive(Debug)]
struct Row<'e> {
    guard: &'static Guard,
    /// In all branches and fields.
    all: u64,
    /// The whole that a percentage is taken of, if it is a number of operations.
    of: u64,
    by_branch: FxHashMap<Option<&'e BranchId>, u64>,
    by_field: FxHashMap<&'e Field, u64>,
}

impl<'e> Tally<'e> {
    /// Counts for these guards. Linear in the operations and the fields that change.
    #[must_use]
    pub fn of(guards: impl IntoIterator<Item = &'static Guard>, effects: impl IntoIterator<Item = Effect<'e>>) -> Self {
        Self::of_people(guards, effects.into_iter().map(|effect| [effect]))
    }

    /// Counts people: a guard counts a person once, and in each branch and field once, whatever was done to them.
    pub(super) fn of_people(
        guards: impl IntoIterator<Item = &'static Guard>,
        people: impl IntoIterator<Item = impl AsRef<[Effect<'e>]>>,
    ) -> Self {
        let mut rows: Vec<Row<'e>> = guards.into_iter().map(Row::new).collect();
        for effects in people {
            rows.iter_mut().for_each(|row| row.add(effects.as_ref()));
        }
        Self { rows }
    }

    /// How many operations a guard counts, in the branch or field that is its subject.
    #[must_use]
    pub fn count(&self, guard: &Guard, subject: Option<&Subject>) -> u64 {
        self.row(guard).map_or(0, |row| row.count(subject))
    }

    /// How many operations a guard counts in all of its branches, known or not.
    #[must_use]
    pub fn all(&self, guard: &Guard) -> u64 {
        self.row(guard).map_or(0, |row| row.all)
    }

    /// The branches in which a guard counts anything.
    pub fn branches(&self, guard: &Guard) -> impl Iterator<Item = Option<&'e BranchId>> {
        self.row(guard).into_iter().flat_map(|row| row.by_branch.keys().copied())
    }

    /// The fields in which a guard counts anything.
    pub fn fields(&self, guard: &Guard) -> impl Iterator<Item = &'e Field> {
        self.row(guard).into_iter().flat_map(|row| row.by_field.keys().copied())
    }

    fn row(&self, guard: &Guard) -> Option<&Row<'e>> {
        self.rows.iter().find(|row| row.guard.id == guard.id)
    }
}

impl<'e> Row<'e> {
    fn new(guard: &'static Guard) -> Self {
        Self { guard, all: 0, of: 0, by_branch: FxHashMap::default(), by_field: FxHashMap::default() }
    }

    /// Counts what is done to one person.
    fn add(&mut self, effects: &[Effect<'e>]) {
        match self.guard.count {
            Count::Operations(counts) => self.all += u64::from(effects.iter().any(counts)),
            Count::InEachBranch(counts) => {
                self.all += u64::from(effects.iter().any(counts));
                let counted = effects.iter().filter(|effect| counts(effect));
                for branch in each_once(counted.filter_map(|effect| effect.branch)) {
                    *self.by_branch.entry(branch).or_default() += 1;
                }
            }
            Count::InEachField { counts, fields } => {
                let changed =
                    effects.iter().flat_map(|effect| effect.changed.iter().map(move |field| (effect, *field)));
                let counted = changed.filter(|(effect, field)| fields(field) && counts(effect, field));
                for field in each_once(counted.map(|(_, field)| field)) {
                    *self.by_field.entry(field).or_default() += 1;
                }
            }
            Count::Records { .. } | Count::InEachSource => {}
        }
        if let Of::Operations(counts) = self.guard.of {
            self.of += u64::from(effects.iter().any(counts));
        }
    }

    fn count(&self, subject: Option<&Subject>) -> u64 {
        match subject {
            None => self.all,
            Some(Subject::Branch(branch)) => {
                self.by_branch.get(&branch.as_ref().map(|branch| &branch.branch_id)).copied().unwrap_or(0)
            }
            Some(Subject::Field(field)) => self.by_field.get(field).copied().unwrap_or(0),
            Some(Subject::Source(_)) => 0,
        }
    }

    /// The counts, not judged yet.
    fn results(&self, limits: &Limits, people: &People) -> Vec<GuardResult> {
        let guard = self.guard;
        let of = match guard.of {
            Of::Managed | Of::WithValue => people.managed,
            Of::Users => people.users,
            Of::People(of) => of(people),
            Of::Operations(_) => self.of,
        };
        let result = |subject: Option<Subject>, count: u64, of: u64, limit: u64| GuardResult {
            id: guard.id.to_owned(),
            subject,
            count,
            of,
            earlier: None,
            limit,
            ignore_below: limits.ignore_below(guard),
            outcome: GuardOutcome::Pass,
            parts: Vec::new(),
        };
        let limit = limits.get(guard);
        match guard.count {
            Count::Operations(_) => limit.map(|limit| result(None, self.all, of, limit)).into_iter().collect(),
            Count::Records { count, named_by: _ } => {
                limit.map(|limit| result(None, count(people), of, limit)).into_iter().collect()
            }
            Count::InEachBranch(_) => {
                let of_branch = |branch: &BranchCount| {
                    let of = if matches!(guard.of, Of::Managed) { branch.managed } else { of };
                    let subject = Subject::Branch(branch.branch.clone());
                    limit.map(|limit| result(Some(subject.clone()), self.count(Some(&subject)), of, limit))
                };
                people.branches.iter().filter_map(of_branch).collect()
            }
            Count::InEachField { counts: _, fields } => {
                let of_field = |(named, limit): (&NamedField, u64)| {
                    let of = if matches!(guard.of, Of::WithValue) { named.with_value } else { of };
                    let subject = Subject::Field(named.field.clone());
                    result(Some(subject.clone()), self.count(Some(&subject)), of, limit)
                };
                let looked_at = limits.for_fields(guard, &people.fields).into_iter();
                looked_at.filter(|(named, _)| fields(&named.field)).map(of_field).collect()
            }
            Count::InEachSource => {
                let of_join = |join: &Join| {
                    let Join { source, people, without_row, limit_percent } = join;
                    result(Some(Subject::Source(source.clone())), *without_row, *people, *limit_percent)
                };
                people.joins.iter().map(of_join).collect()
            }
        }
    }
}

/// There are few of them.
fn each_once<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.fold(Vec::new(), |mut once, item| {
        if !once.contains(&item) {
            once.push(item);
        }
        once
    })
}
