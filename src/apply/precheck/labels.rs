//! Compares what a reviewer reads in a plan (names, identifiers, branches, former values) with the user, manager,
//! branch or field that the plan's ids refer to in the live account. Pure functions.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Display;

use super::Live;
use crate::apply::expected_state::updated;
use crate::apply::labels::{Renamed, label, other_person, person, renamed, shown};
use crate::employee::{Branch, Directory, Text, User, UserId, full_name};
use crate::plan::{
    Action, BranchRef, Change, Common, Field, Fields, ManagerRef, Operation, Part, Plan, Subject, UserRef, Value,
    WaitingPerson, display_name,
};

/// How the plan's names of custom fields and guarded branches differ from the account's.
pub(super) fn of_plan(plan: &Plan, directory: &Directory) -> Vec<String> {
    let content = plan.content();
    let fields = content.target.custom_fields.iter().filter_map(|(id, name)| {
        let field = directory.custom_fields.iter().find(|field| field.id == *id);
        let Some(field) = field else { return Some(format!("the custom field {id} is not in Skovik any more")) };
        (*field.name != **name).then(|| shown("custom field", id, name, &field.name))
    });
    let branches = content.guards.iter().filter_map(|guard| match &guard.subject {
        Some(Subject::Branch(Some(branch))) => of_branch(branch, directory, true),
        _ => None,
    });
    fields.chain(branches).collect()
}

/// How the names of people who wait, and of people and branches in a blocking guard, differ from the account's.
pub(super) fn of_parts(plan: &Plan, directory: &Directory) -> Vec<String> {
    let parts = plan.content().guards.iter().flat_map(|guard| &guard.parts);
    // A plan whose journal was lost may have renamed or removed people already.
    let Altered { renamed, removed, touched: _ } = Altered::by(&plan.content().operations, |_| true);
    let problem = |Part { common, name, id, count: _ }: &Part| {
        let id = id.as_deref()?;
        let (kind, held) = match common {
            Common::Branch => ("branch", directory.branch(&id.into()).map(branch_label)),
            Common::Manager | Common::Person if renamed.contains_key(&UserId::from(id)) => return None,
            Common::Manager | Common::Person => {
                let user = directory.user(&id.into()).or_else(|| directory.inactive_user(&id.into()));
                let label = |user: &User| {
                    let identifier = user.identifier.as_ref().map_or("", |identifier| identifier.as_str());
                    full_name(identifier, &display_name(user)).into()
                };
                ("user", user.map(label))
            }
            Common::Field => {
                let field = directory.custom_fields.iter().find(|field| field.id.as_str() == id);
                ("custom field", field.map(|field| field.name.to_string()))
            }
            Common::Reason => return None,
        };
        match held {
            Some(held) => (held != *name).then(|| shown(kind, &id, name, &held)),
            None => (!removed.contains(&UserId::from(id)) && !name.is_empty() && name != id)
                .then(|| unlisted(kind, &id, name)),
        }
    };
    let waiting = plan.content().waiting.iter().flat_map(|waiting| &waiting.people);
    let waiting = waiting.filter_map(|WaitingPerson { user_id, employee, name, wait: _, reason: _ }| {
        let user = directory.user(user_id)?;
        let (planned, held) = (person(employee.as_ref(), name), person(user.identifier.as_ref(), &display_name(user)));
        (planned != held).then(|| shown("user", user_id, &planned, &held))
    });
    let problems: BTreeSet<String> = parts.filter_map(problem).chain(waiting).collect();
    problems.into_iter().collect()
}

fn branch_label(branch: &Branch) -> String {
    let Branch { id, name, identifier } = branch;
    let (external_identifier, name) = (identifier.as_deref().map(Text::from), name.as_ref().into());
    BranchRef { branch_id: id.clone(), external_identifier, name }.label()
}

/// The people of a plan whom the account may show otherwise by now, because of the plan itself.
pub(super) struct Altered<'a> {
    /// Who may have been renamed.
    renamed: Renamed<'a>,
    /// Who is to be removed, and may be gone. As long as they are there, they are compared.
    removed: HashSet<&'a UserId>,
    /// Whom the plan changes or removes.
    touched: HashSet<&'a UserId>,
}

impl<'a> Altered<'a> {
    /// Those of a plan of which these operations were begun. Of a removal the end of a journal may have been lost.
    pub(super) fn by(operations: &'a [Operation], is_begun: impl Fn(&Operation) -> bool) -> Self {
        let removed = |operation: &'a Operation| match &operation.action {
            Action::Delete { user_id, .. } => Some(user_id),
            Action::Create { .. } | Action::Update { .. } | Action::Link { .. } => None,
        };
        let begun = operations.iter().filter(|operation| is_begun(operation));
        let touched = operations.iter().filter_map(Operation::user_id).collect();
        Self { renamed: renamed(begun), removed: operations.iter().filter_map(removed).collect(), touched }
    }
}

/// How an operation's labels of people and branches that it refers to differ from the account's.
pub(super) fn of_references(operation: &Operation, live: Live<'_>, altered: &Altered<'_>) -> Vec<String> {
    let of_manager = |manager: &ManagerRef| of_manager(manager, live, altered);
    let of_branch = |branch: &BranchRef| of_branch(branch, live.directory, live.takes_back);
    let fields = |fields: &Fields| {
        let branch = fields.branch.iter().flatten().filter_map(&of_branch);
        let manager = fields.manager.iter().flatten().filter_map(&of_manager);
        branch.chain(manager).collect()
    };
    match &operation.action {
        Action::Create { after } => fields(after),
        Action::Delete { before, .. } => fields(before),
        Action::Link { manager, .. } => of_manager(manager).into_iter().collect(),
        Action::Update { changes, branch, .. } => {
            let branch = branch.iter().flatten().filter_map(&of_branch);
            let values = changes.iter().flat_map(|change| change.before.iter().chain(&change.after));
            let values = values.filter_map(|value| match value {
                Value::Branch(branch) => of_branch(branch),
                Value::Manager(manager) => of_manager(manager),
                Value::Text(_) | Value::Boolean(_) => None,
            });
            // A user's former branch is shown twice.
            branch.chain(values).collect::<BTreeSet<_>>().into_iter().collect()
        }
    }
}

/// How an operation's labels of the user that it changes or deletes differ from the account's.
pub(super) fn of_user(operation: &Operation, user: &User, live: Live<'_>) -> Vec<String> {
    let Operation { employee, name, action, .. } = operation;
    let mut problems = Vec::new();
    // An update may show the person's name from before it or after it.
    let mut known_as = vec![(user.identifier.clone(), display_name(user))];
    match action {
        Action::Update { changes, branch, roles, .. } => {
            let shown = branch.as_ref().map(|branch| branch.as_ref().map(|branch| &branch.branch_id));
            if shown != live.managed.branch.then_some(user.branch.as_ref()) {
                problems.push(format!("the plan shows another branch than the user {} is in", user.id));
            }
            problems.extend(of_roles(roles.as_deref(), user, live.takes_back));
            let after = updated(user, changes, live.managed);
            known_as.push((after.identifier.clone(), display_name(&after)));
            problems.extend(changes.iter().filter_map(|change| of_value(change, user, live)));
        }
        Action::Delete { before, roles, .. } => {
            problems.extend(of_roles(roles.as_deref(), user, live.takes_back));
            let held = Fields::of_user(user, live.managed, live.directory);
            if before.hash() != held.hash() {
                problems.push(format!("the plan shows other values than the user {} has", user.id));
            }
        }
        Action::Create { .. } | Action::Link { .. } => {}
    }
    if !known_as.iter().any(|(identifier, known)| identifier == employee && known == name) {
        let (identifier, held) = &known_as[0];
        problems.push(shown("user", &user.id, &person(employee.as_ref(), name), &person(identifier.as_ref(), held)));
    }
    problems
}

/// A plan must show a user's roles if the account tells them: leaving them out could hide any role. Only an undo may
/// leave them out, for a user who is no admin, because its journal knows only what single answers told.
fn of_roles(shown: Option<&[String]>, user: &User, takes_back: bool) -> Option<String> {
    let held = user.special_roles();
    let same = shown == held.as_deref() || (takes_back && shown.is_none() && !user.is_admin());
    let told = |roles: &[String]| if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
    let held = held.as_deref().map_or_else(|| "no roles that are told".to_owned(), told);
    let shown = shown.map_or_else(|| "no roles".to_owned(), told);
    (!same).then(|| format!("the plan shows the user {} with {shown}, but in Skovik they have {held}", user.id))
}

fn of_value(Change { field, before, after: _ }: &Change, user: &User, live: Live<'_>) -> Option<String> {
    if *field == Field::Active {
        // Only inactive users are looked up for such a change.
        return None;
    }
    let held = Value::of_user(user, field, live.managed, live.directory);
    let same = match (before, &held) {
        (Some(Value::Branch(shown)), Some(Value::Branch(held))) => shown.branch_id == held.branch_id,
        (Some(Value::Manager(ManagerRef::User(shown))), Some(Value::Manager(ManagerRef::User(held)))) => {
            shown.user_id == held.user_id
        }
        (before, held) => before == held,
    };
    let name = match field {
        Field::Custom(id) => format!("custom field {id}"),
        field => field.to_string(),
    };
    (!same).then(|| format!("the plan shows another value of {name} than the user {} has", user.id))
}

/// `may_hide` says whether a branch that Skovik lists may be shown by its id alone, as an undo does that knows no more.
/// Otherwise no reviewer could see which one it is.
fn of_branch(
    BranchRef { branch_id, external_identifier, name }: &BranchRef,
    directory: &Directory,
    may_hide: bool,
) -> Option<String> {
    let is_hidden = external_identifier.is_none() && name.is_empty();
    let planned = label(external_identifier.as_deref(), name);
    let Some(branch) = directory.branch(branch_id) else {
        return (!is_hidden).then(|| unlisted("branch", branch_id, &planned));
    };
    let is_shown = *branch.name == **name && branch.identifier.as_deref() == external_identifier.as_deref();
    if is_shown || is_hidden && may_hide {
        return None;
    }
    Some(shown("branch", branch_id, &planned, &label(branch.identifier.as_deref(), &branch.name)))
}

/// As with branches, nobody whom Skovik lists is shown by the id alone, but in an undo. When the plan was made, it did not list
/// those who are inactive, or whom the plan itself makes active.
fn of_manager(manager: &ManagerRef, live: Live<'_>, altered: &Altered<'_>) -> Option<String> {
    let ManagerRef::User(planned) = manager else { return None };
    let UserRef { user_id, employee, name } = planned;
    let is_hidden = employee.is_none() && name.is_empty();
    let may_hide = live.takes_back || altered.touched.contains(user_id);
    match (live.directory.user(user_id), live.directory.inactive_user(user_id)) {
        (Some(user), _) if is_hidden && !may_hide => {
            Some(shown("manager", user_id, "", &person(user.identifier.as_ref(), &display_name(user))))
        }
        (Some(user), _) | (None, Some(user)) => other_person(planned, user, &altered.renamed),
        (None, None) if altered.removed.contains(user_id) || is_hidden => None,
        (None, None) => Some(unlisted("manager", user_id, &person(employee.as_ref(), name))),
    }
}

/// Nobody can tell whether the labels of what Skovik does not list are right. Such a plan shows the id alone.
fn unlisted(kind: &str, id: &dyn Display, planned: &str) -> String {
    format!("the plan shows the {kind} {id} as {planned:?}, but Skovik does not list it (any more)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::settle::tests::user;
    use crate::diff::Protect;
    use crate::employee::Managed;

    /// A move away from a branch and a manager, as a plan shows them.
    fn moved(branch: &str, manager: &str) -> Operation {
        let hash = crate::plan::Digest::of(b"");
        let branch = format!(r#"{{"branch_id": "br_gone", {branch}}}"#);
        let here = r#"{"branch_id": "br_se", "external_identifier": null, "name": ""}"#;
        let text = format!(
            r#"{{"id": "1", "action": "update", "employee": "1001", "name": "Bo Ek", "user_id": "u1", "depends_on": [],
            "before_hash": "{hash}", "branch": {branch}, "changes": [
            {{"field": "branch", "before": {branch}, "after": {here}}},
            {{"field": "manager", "before": {{"user_id": "ghost", {manager}}}, "after": null}}]}}"#
        );
        serde_json::from_str(&text).expect("an operation")
    }

    fn with_live<T>(directory: &Directory, takes_back: bool, then: impl FnOnce(Live<'_>) -> T) -> T {
        let (managed, protect) = (Managed::default(), Protect::default());
        then(Live { directory, managed: &managed, protect: &protect, branches: None, takes_back, reactivates: false })
    }

    /// Nobody could see whom or what it means.
    #[test]
    fn what_is_listed_is_not_shown_by_its_id_alone() {
        let ghost = user("ghost", "1006", "eva@example.com", "Eva");
        let branch = Branch { id: "br_se".into(), name: "Example AB".into(), identifier: Some("SE01".into()) };
        let operation = moved(r#""external_identifier": null, "name": """#, r#""employee": null, "name": """#);
        let problems = |directory: &Directory, touched: bool, takes_back: bool| {
            let touched = touched.then_some(&ghost.id).into_iter().collect();
            let altered = Altered { renamed: Renamed::new(), removed: HashSet::new(), touched };
            with_live(directory, takes_back, |live| of_references(&operation, live, &altered))
        };
        let listed = Directory { users: vec![ghost.clone()], branches: vec![branch], ..Directory::default() };
        let found = problems(&listed, false, false);
        assert!(found.len() == 2 && found[0].contains("SE01 Example AB") && found[1].contains("1006 Eva"), "{found:?}");
        assert_eq!(problems(&listed, true, false).len(), 1, "the manager may have come back by this plan");
        assert_eq!(problems(&listed, false, true), Vec::<String>::new(), "an undo may not know the names");
        let inactive = Directory { inactive: vec![ghost.clone()], ..Directory::default() };
        assert_eq!(problems(&inactive, false, false), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_listed_is_shown_by_its_id_alone() {
        let nobody = Directory::default();
        let ghost = UserId::from("ghost");
        let problems = |branch: &str, manager: &str, is_removed: bool| {
            let removed = is_removed.then_some(&ghost).into_iter().collect();
            let altered = Altered { renamed: Renamed::new(), removed, touched: HashSet::new() };
            with_live(&nobody, false, |live| of_references(&moved(branch, manager), live, &altered))
        };
        let [no_branch, no_manager] = [r#""external_identifier": null, "name": """#, r#""employee": null, "name": """#];
        assert_eq!(problems(no_branch, no_manager, false), Vec::<String>::new());
        for branch in
            [r#""external_identifier": null, "name": "Example AB""#, r#""external_identifier": "SE01", "name": """#]
        {
            let found = problems(branch, no_manager, false);
            assert!(found.len() == 1 && found[0].contains("the branch br_gone as"), "{found:?}");
            assert!(found[0].ends_with("but Skovik does not list it (any more)"), "{found:?}");
        }
        for manager in [r#""employee": null, "name": "Eva Alm""#, r#""employee": "1006", "name": """#] {
            let found = problems(no_branch, manager, false);
            assert!(found.len() == 1 && found[0].contains("the manager ghost as"), "{found:?}");
            // The plan itself removes them.
            assert_eq!(problems(no_branch, manager, true), Vec::<String>::new());
        }
    }
}
