//! The guards of a plan, evaluated again for the account as it is now. Pure functions.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Live, few_of};
use crate::apply::journal::{Progress, Replay};
use crate::employee::{BranchId, User, UserId};
use crate::guard::{self, Of, RecentPast, UsersNow};
use crate::plan::{Action, BranchRef, Field, Fields, GuardResult, Operation, Plan, Subject, Value};

/// Evaluates the plan's guards again: the counts of the whole plan, against the users that the live account has in all,
/// in each branch and with a value of each field, and with what other plans have done since. What this plan has done
/// already is subtracted first.
#[must_use]
pub fn guards(plan: &Plan, replay: &Replay, live: Live<'_>, memory: &RecentPast) -> Vec<GuardResult> {
    let Live { directory, managed, .. } = live;
    // What this plan has done is subtracted, so that its users are not as the list shows them.
    let begun = plan.content().operations.iter().filter(|operation| replay.operations.contains_key(&operation.id));
    let own: HashSet<&UserId> = begun.filter_map(Operation::user_id).collect();
    let memory = memory.clone().as_listed(
        |id| directory.user(id).filter(|_| !own.contains(id)),
        |user, field| Value::of_user(user, field, managed, directory).is_some(),
    );
    guard::evaluate_again(&plan.content().guards, &headcount(plan, replay, live), &memory)
}

/// The branches that the plan's guards judge although they have no users who may be changed, or far fewer than the plan
/// says. Before the plan's first write only, and not for an undo, which only estimates its branches.
#[must_use]
pub fn emptied_branches(plan: &Plan, live: Live<'_>) -> Vec<String> {
    let people = headcount(plan, &Replay::default(), live);
    let mut problems = BTreeSet::new();
    for result in plan.content().guards.iter().filter(|_| plan.content().undone().is_none()) {
        let Some(subject @ Subject::Branch(branch)) = &result.subject else { continue };
        let (then, now) = (result.of_now(), people.managed_in(branch.as_ref().map(|branch| &branch.branch_id)));
        if now == 0 || then.saturating_sub(now) > few_of(then) {
            let label = subject.label(&plan.content().target.custom_fields);
            problems
                .insert(format!("the plan says that {label} has {then} users who may be changed, and it has {now}"));
        }
    }
    problems.into_iter().collect()
}

/// How many users of the live account may be changed, not counting what this plan has done already.
#[must_use]
pub fn managed_now(plan: &Plan, replay: &Replay, live: Live<'_>) -> u64 {
    headcount(plan, replay, live).managed()
}

fn headcount(plan: &Plan, replay: &Replay, live: Live<'_>) -> Headcount {
    let fields: Vec<&Field> = plan
        .content()
        .guards
        .iter()
        .filter(|result| guard::find(&result.id).is_some_and(|guard| matches!(guard.of, Of::WithValue)))
        .filter_map(|result| match &result.subject {
            Some(Subject::Field(field)) => Some(field),
            Some(Subject::Branch(_) | Subject::Source(_)) | None => None,
        })
        .collect();
    let mut people = Headcount::default();
    // Whoever this plan has made active was not there before it.
    let begun = plan.content().operations.iter().filter(|operation| replay.operations.contains_key(&operation.id));
    let returned: HashSet<&UserId> =
        begun.filter(|operation| operation.reactivates()).filter_map(Operation::user_id).collect();
    for user in live.directory.users.iter().filter(|user| !returned.contains(&user.id)) {
        people.users += 1;
        let in_branch =
            live.branches.is_none_or(|branches| user.branch.as_ref().is_some_and(|id| branches.contains(id)));
        if in_branch && !live.protect.covers(user) {
            people.add(user.branch.as_ref(), 1);
            for field in &fields {
                if Value::of_user(user, field, live.managed, live.directory).is_some() {
                    people.add_value(field, 1);
                }
            }
        }
    }
    let by_identifier: HashMap<&str, &User> =
        live.directory.users.iter().filter_map(|user| Some((user.identifier.as_ref()?.as_str(), user))).collect();
    for operation in &plan.content().operations {
        let Some(progress) = replay.operations.get(&operation.id) else { continue };
        let (is_done, made) = match progress {
            Progress::Done { user_id, differs: _ } => (true, user_id.as_ref().and_then(|id| live.directory.user(id))),
            Progress::InDoubt(_) => (false, None),
        };
        // An unknown outcome is decided by what the account shows: a delete that was carried out must not trip the
        // guard of its own plan.
        match &operation.action {
            Action::Create { after } => {
                let there = after.external_identifier.as_ref().and_then(|id| by_identifier.get(id.as_str()).copied());
                // Whoever is gone again is not counted.
                if let Some(user) = made.or(there) {
                    people.take_back(&operation.action, Some(user));
                }
            }
            Action::Delete { user_id, .. } if live.directory.user(user_id).is_none() => {
                people.take_back(&operation.action, None);
            }
            Action::Update { .. } if is_done && made.is_some() && !operation.reactivates() => {
                people.take_back(&operation.action, made)
            }
            Action::Update { .. } | Action::Link { .. } | Action::Delete { .. } => {}
        }
    }
    people
}

/// How many users there are, and how many of them may be changed: in all, in each branch, and with a value of each
/// field.
#[derive(Default)]
struct Headcount {
    users: i64,
    all: i64,
    by_branch: HashMap<Option<BranchId>, i64>,
    by_field: HashMap<Field, i64>,
}

impl UsersNow for Headcount {
    fn users(&self) -> u64 {
        count(self.users)
    }
    fn managed(&self) -> u64 {
        count(self.all)
    }
    fn managed_in(&self, branch: Option<&BranchId>) -> u64 {
        count(self.by_branch.get(&branch.cloned()).copied().unwrap_or(0))
    }
    fn with_value(&self, field: &Field) -> u64 {
        count(self.by_field.get(field).copied().unwrap_or(0))
    }
}

fn count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

impl Headcount {
    fn add(&mut self, branch: Option<&BranchId>, by: i64) {
        self.all += by;
        *self.by_branch.entry(branch.cloned()).or_default() += by;
    }

    fn add_value(&mut self, field: &Field, by: i64) {
        match self.by_field.get_mut(field) {
            Some(count) => *count += by,
            None => drop(self.by_field.insert(field.clone(), by)),
        }
    }

    /// Counts the values of a user who is created or deleted.
    fn add_values(&mut self, fields: &Fields, by: i64) {
        if fields.manager.as_ref().is_some_and(Option::is_some) {
            self.add_value(&Field::Manager, by);
        }
        for (id, _) in fields.custom_fields.iter().filter(|(_, value)| value.is_some()) {
            self.add_value(&Field::Custom(id.clone()), by);
        }
    }

    /// Subtracts a finished operation; `user` is the user that it created or changed, as they are now.
    fn take_back(&mut self, action: &Action, user: Option<&User>) {
        let id = |branch: &Option<BranchRef>| branch.as_ref().map(|branch| branch.branch_id.clone());
        match action {
            Action::Create { after } => {
                let planned = after.branch.as_ref().and_then(id);
                self.users -= 1;
                self.add_values(after, -1);
                self.add(user.map_or(planned.as_ref(), |user| user.branch.as_ref()), -1);
            }
            Action::Delete { before, .. } => {
                self.users += 1;
                self.add_values(before, 1);
                self.add(before.branch.as_ref().and_then(id).as_ref(), 1);
            }
            Action::Update { changes, .. } => {
                let branch = |value: &Option<Value>| match value {
                    Some(Value::Branch(branch)) => Some(branch.branch_id.clone()),
                    _ => None,
                };
                for change in changes {
                    let by = i64::from(change.before.is_some()) - i64::from(change.after.is_some());
                    self.add_value(&change.field, by);
                }
                for change in changes.iter().filter(|change| change.field == Field::Branch) {
                    self.add(branch(&change.before).as_ref(), 1);
                    self.add(branch(&change.after).as_ref(), -1);
                }
            }
            Action::Link { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::{Change, Digest};

    fn branch(id: &str) -> BranchRef {
        BranchRef { branch_id: id.into(), external_identifier: None, name: "".into() }
    }

    fn user(id: &str, branch: &str) -> User {
        User {
            id: id.into(),
            identifier: None,
            email: id.into(),
            first_name: "".into(),
            last_name: "".into(),
            branch: Some(branch.into()),
            manager: None,
            custom_fields: Box::new([]),
            roles: None,
        }
    }

    #[test]
    fn what_is_done_is_taken_back_in_all_and_in_its_branch() {
        let fields = |at: &str| Fields {
            external_identifier: Some("1".into()),
            primary_email: "a@example.com".into(),
            first_name: "A".into(),
            last_name: "B".into(),
            branch: Some(Some(branch(at))),
            manager: None,
            custom_fields: BTreeMap::new(),
        };
        let hash = Digest::of(b"");
        let value = |at: &str| Some(Value::Branch(branch(at)));
        let create = Action::Create { after: Box::new(fields("no")) };
        let delete = Action::Delete {
            user_id: "d".into(),
            before_hash: hash,
            before: Box::new(fields("no")),
            roles: None,
            missing_since: None,
            reason: String::new(),
        };
        let change = Change { field: Field::Branch, before: value("no"), after: value("se") };
        let moved = Action::Update {
            user_id: "m".into(),
            before_hash: hash,
            branch: Some(Some(branch("no"))),
            roles: None,
            changes: vec![change],
        };
        for (action, user, no, se) in [
            (&create, Some(user("c", "no")), 9, 10),
            // Somebody has moved the new user since.
            (&create, Some(user("c", "se")), 10, 9),
            (&delete, None, 11, 10),
            (&moved, Some(user("m", "se")), 11, 9),
        ] {
            let mut people = Headcount::default();
            people.add(Some(&"no".into()), 10);
            people.add(Some(&"se".into()), 10);
            people.take_back(action, user.as_ref());
            let in_branch = |id: &str| people.by_branch[&Some(id.into())];
            assert_eq!((in_branch("no"), in_branch("se"), people.all), (no, se, no + se), "{action:?}");
        }
    }
}
