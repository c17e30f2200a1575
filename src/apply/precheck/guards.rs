//! The guards of a plan, evaluated again for the account as it is now. Pure functions.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Live, few_of};
use crate::apply::expected_state::{Made, before_update, differences, resolve, resolved, updated};
use crate::apply::headcount::Headcount;
use crate::apply::journal::{Progress, Replay};
use crate::employee::{BranchId, Managed, User, UserId};
use crate::guard::{self, Of, RecentPast, UsersNow as _};
use crate::plan::{Action, Change, Field, Fields, GuardResult, Operation, OperationId, Plan, Subject, Value};

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

fn headcount<'a>(plan: &Plan, replay: &Replay, live: Live<'a>) -> Headcount<'a> {
    let fields = plan
        .content()
        .guards
        .iter()
        .filter(|result| guard::find(&result.id).is_some_and(|guard| matches!(guard.of, Of::WithValue)))
        .filter_map(|result| match &result.subject {
            Some(Subject::Field(field)) => Some(field.clone()),
            Some(Subject::Branch(_) | Subject::Source(_)) | None => None,
        });
    before(&plan.content().operations, &replay.operations, fields, live)
}

/// The users that there were before these operations: without whom they created or made active, and with whom they
/// deleted. Whoever they changed is counted, and judged by `[scope] protect`, as they were.
fn before<'a>(
    operations: &[Operation],
    progress: &HashMap<OperationId, Progress>,
    fields: impl Iterator<Item = Field>,
    live: Live<'a>,
) -> Headcount<'a> {
    let mut people = Headcount::of(fields, live.managed);
    let Earlier { others, gone } = Earlier::by(operations, progress, live);
    let may_be_changed = |user: &User| {
        let is_in = |branches: &BTreeSet<BranchId>| user.branch.as_ref().is_some_and(|id| branches.contains(id));
        live.branches.is_none_or(is_in) && !live.protect.covers(user)
    };
    for user in &live.directory.users {
        match others.get(&user.id) {
            None => people.add(user, may_be_changed(user), 1),
            Some(None) => {}
            Some(Some(changes)) => {
                let user = before_update(user, changes.iter().copied(), live.managed);
                people.add(&user, may_be_changed(&user), 1);
            }
        }
    }
    for before in gone {
        let manager = before.manager.iter().flatten().find_map(|manager| resolve(manager, &Made::new()).cloned());
        people.add(&before.to_user(manager, live.managed), true, 1);
    }
    people
}

/// Who was otherwise before a plan.
struct Earlier<'a> {
    /// The users whom it changed, with the changes; `None` for those who were not there.
    others: HashMap<&'a UserId, Option<Vec<&'a Change>>>,
    /// Those whom it deleted.
    gone: Vec<&'a Fields>,
}

impl<'a> Earlier<'a> {
    fn by(operations: &'a [Operation], progress: &'a HashMap<OperationId, Progress>, live: Live<'a>) -> Self {
        let directory = live.directory;
        let (mut others, mut gone) = (HashMap::new(), Vec::new());
        let mut by_identifier: Option<HashMap<&str, &User>> = None;
        for operation in operations {
            let Some(known) = progress.get(&operation.id) else { continue };
            // An unknown outcome is decided by what the account shows: what was carried out must not trip the guard of its own
            // plan.
            match (&operation.action, known) {
                (Action::Create { after }, known) => {
                    let made = match known {
                        Progress::Done { user_id: Some(made), .. } => directory.user(made),
                        _ => None,
                    };
                    let by_identifier = by_identifier.get_or_insert_with(|| {
                        let entry = |user: &'a User| Some((user.identifier.as_ref()?.as_str(), user));
                        directory.users.iter().filter_map(entry).collect()
                    });
                    let there = || by_identifier.get(after.external_identifier.as_ref()?.as_str()).copied();
                    if let Some(user) = made.or_else(there) {
                        others.insert(&user.id, None);
                    }
                }
                (Action::Update { user_id, .. }, _) if operation.reactivates() => drop(others.insert(user_id, None)),
                (Action::Update { user_id, changes, .. }, Progress::Done { .. }) => {
                    others.insert(user_id, Some(changes.iter().collect()));
                }
                (Action::Update { user_id, changes, .. }, Progress::InDoubt(_)) => {
                    if let Some(user) = directory.user(user_id) {
                        others.insert(user_id, Some(shown(changes, user, progress, live.managed)));
                    }
                }
                (Action::Delete { user_id, before, .. }, _) if directory.user(user_id).is_none() => {
                    gone.push(&**before)
                }
                (Action::Link { .. } | Action::Delete { .. }, _) => {}
            }
        }
        Self { others, gone }
    }
}

/// Those of these changes that the user shows.
fn shown<'a>(
    changes: &'a [Change],
    user: &User,
    progress: &HashMap<OperationId, Progress>,
    managed: &Managed,
) -> Vec<&'a Change> {
    let made: Made = progress
        .iter()
        .filter_map(|(id, progress)| match progress {
            Progress::Done { user_id, .. } => Some((*id, user_id.clone()?)),
            Progress::InDoubt(_) => None,
        })
        .collect();
    let is_shown = |change: &&Change| {
        resolved(std::slice::from_ref(*change), &made)
            .is_ok_and(|change| differences(&updated(user, &change, managed), user, managed).is_empty())
    };
    changes.iter().filter(is_shown).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::apply::journal::Doubt;
    use crate::diff::Protect;
    use crate::employee::{CustomValue, Directory};
    use crate::plan::{BranchRef, CreateRef, Digest, ManagerRef, UserRef};

    fn branch(id: &str) -> BranchRef {
        BranchRef { branch_id: id.into(), external_identifier: None, name: "".into() }
    }

    fn user(id: &str, email: &str, branch: &str) -> User {
        User {
            id: id.into(),
            identifier: Some(id.into()),
            email: email.into(),
            first_name: "".into(),
            last_name: "".into(),
            branch: Some(branch.into()),
            manager: None,
            custom_fields: Box::new([]),
            roles: None,
        }
    }

    fn live<'a>(directory: &'a Directory, managed: &'a Managed, protect: &'a Protect) -> Live<'a> {
        Live { directory, managed, protect, branches: None, takes_back: false, reactivates: false }
    }

    /// What the account shows of an update in doubt is taken back, and nothing else.
    #[test]
    fn what_is_in_doubt_is_taken_back_as_far_as_it_is_shown() {
        let custom = |text: &str| (!text.is_empty()).then(|| CustomValue::Text(text.into()));
        let value = |at: &str| Some(Value::Branch(branch(at)));
        let cost_center = Field::Custom("cf".into());
        let boss = UserRef { user_id: "s".into(), employee: None, name: "".into() };
        let made = ManagerRef::Create(CreateRef { create: OperationId(1), employee: "n".into(), name: "".into() });
        let changes = vec![
            Change { field: Field::Branch, before: value("no"), after: value("se") },
            Change {
                field: Field::Manager,
                before: Some(Value::Manager(ManagerRef::User(boss))),
                after: Some(Value::Manager(made)),
            },
            Change { field: cost_center.clone(), before: Some(Value::Text("1".into())), after: None },
        ];
        let (user_id, before_hash, branch_now) = ("x".into(), Digest::of(b""), Some(Some(branch("no"))));
        let action = Action::Update { user_id, before_hash, branch: branch_now, roles: None, changes };
        let id = OperationId(2);
        let operations = [Operation { id, employee: None, name: "".into(), depends_on: Vec::new(), action }];
        let progress = HashMap::from([
            (OperationId(1), Progress::Done { user_id: Some("n".into()), differs: Vec::new() }),
            (id, Progress::InDoubt(Doubt::default())),
        ]);
        let managed = Managed { branch: true, manager: true, custom_fields: vec!["cf".into()] };
        let protect = Protect::new(&["root"]);
        // Who has which manager and value now; how many are in the two branches and have a value, with nobody else there.
        for (at, manager, held, expected) in [
            ("no", "s", "1", (1, 0, 1)),
            ("se", "n", "", (1, 0, 1)),
            // Another client has filled the field again, or moved the user, or emptied it without the rest.
            ("se", "n", "2", (1, 0, 1)),
            ("dk", "n", "", (0, 0, 1)),
            ("no", "s", "", (1, 0, 1)),
        ] {
            let x =
                User { manager: Some(manager.into()), custom_fields: Box::new([custom(held)]), ..user("x", "x", at) };
            let directory = Directory { users: vec![x], ..Directory::default() };
            let live = live(&directory, &managed, &protect);
            let people = before(&operations, &progress, [cost_center.clone()].into_iter(), live);
            let found = [people.managed_in(Some(&"no".into())), people.managed_in(Some(&"se".into()))];
            assert_eq!((found[0], found[1], people.with_value(&cost_center)), expected, "{at} {manager} {held}");
        }
    }

    #[test]
    fn what_is_done_is_taken_back_in_all_and_in_its_branch() {
        let fields = |at: &str| Fields {
            external_identifier: Some("x".into()),
            primary_email: "x".into(),
            first_name: "A".into(),
            last_name: "B".into(),
            branch: Some(Some(branch(at))),
            manager: None,
            custom_fields: BTreeMap::new(),
        };
        let hash = Digest::of(b"");
        let value = |at: &str| Some(Value::Branch(branch(at)));
        let text = |text: &str| Some(Value::Text(text.into()));
        let create = Action::Create { after: Box::new(fields("no")) };
        let delete = Action::Delete {
            user_id: "x".into(),
            before_hash: hash,
            before: Box::new(fields("no")),
            roles: None,
            missing_since: None,
            reason: String::new(),
        };
        let update = |changes: Vec<Change>| Action::Update {
            user_id: "x".into(),
            before_hash: hash,
            branch: Some(Some(branch("no"))),
            roles: None,
            changes,
        };
        let moved = update(vec![Change { field: Field::Branch, before: value("no"), after: value("se") }]);
        let made_one = update(vec![Change { field: Field::PrimaryEmail, before: text("x"), after: text("root") }]);
        let protect = Protect::new(&["root"]);
        let managed = Managed { branch: true, ..Managed::default() };
        for (action, user_now, users, no, se) in [
            (&create, Some(user("x", "x", "no")), 2, 1, 1),
            // Somebody has moved the new user since.
            (&create, Some(user("x", "x", "se")), 2, 1, 1),
            // Whoever is protected was not counted with those who are there.
            (&create, Some(user("x", "root", "no")), 2, 1, 1),
            (&create, None, 2, 1, 1),
            (&delete, None, 3, 2, 1),
            (&delete, Some(user("x", "x", "no")), 3, 2, 1),
            (&moved, Some(user("x", "x", "se")), 3, 2, 1),
            (&made_one, Some(user("x", "root", "no")), 3, 2, 1),
        ] {
            let listed = [user("n", "n", "no"), user("s", "s", "se")].into_iter().chain(user_now).collect();
            let directory = Directory { users: listed, ..Directory::default() };
            let id = OperationId(1);
            let operation =
                Operation { id, employee: None, name: "".into(), depends_on: Vec::new(), action: action.clone() };
            let done = Progress::Done { user_id: Some("x".into()), differs: Vec::new() };
            let progress = HashMap::from([(id, done)]);
            let live = live(&directory, &managed, &protect);
            let people = before(&[operation], &progress, std::iter::empty(), live);
            let in_branch = |id: &str| people.managed_in(Some(&id.into()));
            assert_eq!((people.users(), in_branch("no"), in_branch("se")), (users, no, se), "{action:?}");
            assert_eq!(people.managed(), no + se, "{action:?}");
        }
    }
}
