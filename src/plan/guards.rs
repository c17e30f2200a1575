//! Whether the guards of a plan match its operations and the settings.
//!
//! The hash does not prove that: an edited plan with a new hash could leave a guard out, or state a count of no deletes
//! above ten deletes. So the guards are counted again from the operations.

use std::collections::{BTreeMap, HashSet};

use super::guard_counts::branch_key;
use super::{
    Action, BranchRef, Change, Content, Field, GuardResult, ManagerRef, Operation, SourceSummary, Subject, Target,
    Value,
};
use crate::employee::{BranchId, Managed, UserId};
use crate::guard::{
    self, Count, Earlier, Effect, GUARDS, Guard, IgnoreBelow, Kind, Limits, ManagerLoss, NamedField, Of, People, Tally,
    Unit,
};

/// What the operations of a plan do, as the guards see it. A link is part of a create.
///
/// Each operation states the branch that its user is in now, unless branches are not managed.
pub fn effects<'o>(operations: &'o [Operation]) -> impl Iterator<Item = Effect<'o>> {
    let removed: HashSet<&UserId> = operations
        .iter()
        .filter_map(|operation| match &operation.action {
            Action::Delete { user_id, .. } => Some(user_id),
            Action::Create { .. } | Action::Update { .. } | Action::Link { .. } => None,
        })
        .collect();
    let effect = move |operation: &'o Operation| {
        let (kind, branch, changes) = match &operation.action {
            // Somebody who is made active again is one more user, as if created.
            Action::Create { .. } => (Kind::Create, None, &[][..]),
            Action::Update { .. } if operation.reactivates() => (Kind::Create, None, &[][..]),
            Action::Update { user_id: _, before_hash: _, branch, roles: _, changes } => {
                let branch = branch.as_ref().map(|branch| branch.as_ref().map(|branch| &branch.branch_id));
                (Kind::Update, branch, &changes[..])
            }
            Action::Delete { user_id: _, before_hash: _, before, roles: _, missing_since: _, reason: _ } => {
                let branch = before.branch.as_ref().map(|branch| branch.as_ref().map(|branch| &branch.branch_id));
                (Kind::Delete, branch, &[][..])
            }
            Action::Link { .. } => return None,
        };
        Some(Effect {
            kind,
            branch,
            changed: changes.iter().map(|change| &change.field).collect(),
            emptied: changes.iter().filter(|change| change.empties()).map(|change| &change.field).collect(),
            manager_loss: manager_loss(changes, &removed),
        })
    };
    operations.iter().filter_map(effect)
}

fn manager_loss(changes: &[Change], removed: &HashSet<&UserId>) -> ManagerLoss {
    let Some(change) = changes.iter().find(|change| change.field == Field::Manager) else { return ManagerLoss::None };
    match (&change.before, &change.after) {
        (Some(Value::Manager(ManagerRef::User(manager))), after) if removed.contains(&manager.user_id) => {
            if after.is_some() { ManagerLoss::Replaced } else { ManagerLoss::LeftWithout }
        }
        _ => ManagerLoss::None,
    }
}

/// Finds what is impossible about the guards of a plan, whatever the settings: a count below that of the operations, or
/// of more people than there are; an outcome that does not follow from the counts; a part of the account that the guard
/// never looks at; the same part twice.
///
/// # Errors
/// The problem, for a message.
pub fn check_guards(content: &Content) -> Result<(), String> {
    let tally = Tally::of(guards_of(content), effects(&content.operations));
    let mut seen = HashSet::new();
    for result in &content.guards {
        let Some(guard) = guard::find(&result.id) else { continue };
        check_result(guard, result, content, &tally)?;
        if !seen.insert((guard.id, part_of(result))) {
            return Err(format!("the guard {} looks twice at the same", result.id));
        }
    }
    for guard in guards_of(content).filter(|guard| matches!(guard.count, Count::InEachBranch(_))) {
        let counted = content.guards.iter().filter(|result| result.id == guard.id).map(GuardResult::own);
        if counted.fold(0, u64::saturating_add) < tally.all(guard) {
            return Err(format!("the guard {} counts less than the operations amount to", guard.id));
        }
    }
    Ok(())
}

/// The guards that a plan has and that this version knows.
fn guards_of(content: &Content) -> impl Iterator<Item = &'static Guard> {
    let ids: HashSet<&str> = content.guards.iter().map(|result| result.id.as_str()).collect();
    GUARDS.iter().copied().filter(move |guard| ids.contains(guard.id))
}

/// What makes two results of one guard the same.
fn part_of(result: &GuardResult) -> Option<PartOf<'_>> {
    result.subject.as_ref().map(|subject| match subject {
        Subject::Branch(branch) => PartOf::Branch(branch.as_ref().map(|branch| &branch.branch_id)),
        Subject::Field(field) => PartOf::Field(field),
        Subject::Source(name) => PartOf::Source(name),
    })
}

/// The part of the account that a guard looks at, without labels.
#[derive(PartialEq, Eq, Hash)]
enum PartOf<'a> {
    Branch(Option<&'a BranchId>),
    Field(&'a Field),
    Source(&'a str),
}

fn check_result(guard: &Guard, result: &GuardResult, content: &Content, tally: &Tally<'_>) -> Result<(), String> {
    let GuardResult { id, subject, count, of, earlier, limit: _, ignore_below, outcome, parts: _ } = result;
    if !guard.looks_at(subject.as_ref()) {
        return Err(format!("the guard {id} looks at something else than it should"));
    }
    if ignore_below.is_some() == (guard.ignore_below == IgnoreBelow::Nothing) {
        return Err(format!("the guard {id} ignores other counts than it should"));
    }
    if guard::outcome(result) != Some(*outcome) {
        return Err(format!("the figures of the guard {id} do not lead to its outcome"));
    }
    let before = earlier.map_or(0, |earlier| earlier.count);
    let is_possible = match earlier {
        None => true,
        Some(Earlier { window, count: before, now: _ }) => {
            guard.over_window.is_some() && *window > 0 && (1..=*count).contains(before)
        }
    };
    if !is_possible {
        return Err(format!("the guard {id} counts what was done before in a way that it cannot be"));
    }
    if result.own() < least(guard, subject.as_ref(), content, tally) {
        return Err(format!("the guard {id} counts less than the operations amount to"));
    }
    let Target { managed, users, .. } = content.target;
    let now = result.of_now();
    let is_right = match (&guard.of, guard.unit, subject) {
        // The plan does not say how many people a branch has.
        (Of::Managed, Unit::Percent, Some(Subject::Branch(_))) => true,
        (Of::Managed, Unit::Percent, _) => now == managed,
        (Of::Users, ..) => now == users,
        (Of::WithValue, ..) => now <= managed,
        (Of::Managed | Of::People(_) | Of::Operations(_), ..) => true,
    };
    // Everybody who is not there any more, or was not there before, was counted.
    let is_before = match guard.of {
        Of::Users => (now.saturating_sub(before)..=now).contains(of),
        _ => (now..=now.saturating_add(before)).contains(of),
    };
    if !is_right || !is_before {
        return Err(format!("the guard {id} is not of the users that may be changed"));
    }
    Ok(())
}

/// The least that a guard must have counted. `--only` leaves operations out, but does not make the counts smaller.
fn least(guard: &Guard, subject: Option<&Subject>, content: &Content, tally: &Tally<'_>) -> u64 {
    match guard.count {
        Count::Operations(_) | Count::InEachBranch(_) | Count::InEachField { .. } => tally.count(guard, subject),
        Count::Records { count, named_by: _ } => {
            count(&People { set_aside: content.summary.set_aside, ..People::default() })
        }
        Count::InEachSource => {
            let is_of =
                |source: &&SourceSummary| matches!(subject, Some(Subject::Source(name)) if *name == source.name);
            let join = content.sources.iter().find(is_of).and_then(|source| source.join);
            join.map_or(0, |join| join.people.saturating_sub(join.with_row))
        }
    }
}

/// The id of a guard that is not in the plan as the settings require. Required is each guard that has a limit, exactly
/// once (for each managed field, and for each branch that has managed users), in the order of the table, with the
/// limits of the settings and a count of at least that of the operations; and no other guard.
#[must_use]
pub fn not_as_demanded<'c>(limits: &Limits, managed: &Managed, content: &'c Content) -> Option<&'c str> {
    let demanded = || GUARDS.iter().copied().filter(|guard| limits.demand(guard));
    let tally = Tally::of(demanded(), effects(&content.operations));
    let mut rest = &content.guards[..];
    for guard in demanded() {
        let end = rest.iter().position(|result| result.id != guard.id).unwrap_or(rest.len());
        let (results, others) = rest.split_at(end);
        rest = others;
        if !is_as_demanded(guard, results, (limits, managed), content, &tally) {
            return Some(guard.id);
        }
    }
    rest.first().map(|result| result.id.as_str())
}

fn is_as_demanded(
    guard: &'static Guard,
    results: &[GuardResult],
    (limits, managed): (&Limits, &Managed),
    content: &Content,
    tally: &Tally<'_>,
) -> bool {
    let fits = |result: &GuardResult| {
        let is_of_window = result.earlier.is_none_or(|earlier| earlier.window == limits.window());
        is_of_window
            && result.ignore_below == limits.ignore_below(guard)
            && check_result(guard, result, content, tally).is_ok()
    };
    let has_limit = |result: &GuardResult| limits.get(guard) == Some(result.limit);
    results.iter().all(fits)
        && match guard.count {
            Count::Operations(_) | Count::Records { .. } => results.len() == 1 && results.iter().all(has_limit),
            Count::InEachBranch(_) => results.iter().all(has_limit) && has_branches(guard, results, content, tally),
            Count::InEachField { .. } => has_fields(guard, results, limits, managed, content),
            Count::InEachSource => has_sources(guard, results, limits),
        }
}

/// Whether there is one result for each joined source, with its limit.
fn has_sources(guard: &Guard, results: &[GuardResult], limits: &Limits) -> bool {
    let found: BTreeMap<&str, u64> = results
        .iter()
        .filter_map(|result| match &result.subject {
            Some(Subject::Source(name)) => Some((name.as_str(), result.limit)),
            Some(Subject::Branch(_) | Subject::Field(_)) | None => None,
        })
        .collect();
    found.len() == results.len() && found == limits.source_limits(guard).collect()
}

/// Whether there is one result for each branch that has managed users, and no second result for a branch. A plan does
/// not list its branches, but their users add up to the managed users of the account, and each guard looks at the same
/// branches in the same order.
fn has_branches(guard: &Guard, results: &[GuardResult], content: &Content, tally: &Tally<'_>) -> bool {
    let mut branches = HashSet::new();
    let are_distinct = results.iter().all(|result| branches.insert(part_of(result)));
    let is_there = |branch| branches.contains(&Some(PartOf::Branch(branch)));
    let users = results.iter().map(GuardResult::of_now).fold(0, u64::saturating_add);
    // An undo only estimates its branches. `apply` compares it as a whole with the one that the state makes.
    let has_all = match content.undone() {
        None => users == content.target.managed && are_branches_with_users(results, content),
        Some(_) => content.target.managed == 0 || !results.is_empty(),
    };
    let counted = results.iter().map(GuardResult::own).fold(0, u64::saturating_add);
    are_distinct && has_all && tally.branches(guard).all(is_there) && counted >= tally.all(guard)
}

fn are_branches_with_users(results: &[GuardResult], content: &Content) -> bool {
    let key = |result| branch_key(branch_of(result).flatten());
    let are_sorted = results.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]));
    let are_possible = results.iter().all(|result| result.of_now() > 0 && result.own() <= result.of_now());
    let with_users = |result| Some((branch_of(result)?, result.of_now()));
    let mut of_branches = content.guards.iter().filter(|result| branch_of(result).is_some()).peekable();
    let first = of_branches.peek().map(|result| &*result.id);
    let of_first = of_branches.take_while(|result| first == Some(&*result.id)).map(with_users);
    are_sorted && are_possible && of_first.eq(results.iter().map(with_users))
}

/// The branch that a result is about, if it is about one.
fn branch_of(result: &GuardResult) -> Option<Option<&BranchRef>> {
    match &result.subject {
        Some(Subject::Branch(branch)) => Some(branch.as_ref()),
        Some(Subject::Field(_) | Subject::Source(_)) | None => None,
    }
}

/// Whether there is one result for each managed field that has a limit, in order, and with that limit.
fn has_fields(guard: &Guard, results: &[GuardResult], limits: &Limits, managed: &Managed, content: &Content) -> bool {
    let names = &content.target.custom_fields;
    let fields: Vec<NamedField> = Field::managed(managed)
        .filter(|field| guard.looks_at(Some(&Subject::Field(field.clone()))))
        .map(|field| NamedField { name: field.label(names), field, with_value: 0 })
        .collect();
    let found = results.iter().map(|result| match &result.subject {
        Some(Subject::Field(field)) => Some((field, result.limit)),
        Some(Subject::Branch(_) | Subject::Source(_)) | None => None,
    });
    let demanded = limits.for_fields(guard, &fields).into_iter();
    found.eq(demanded.map(|(named, limit)| Some((&named.field, limit))))
}
