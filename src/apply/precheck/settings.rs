//! Whether a plan does only what its settings allow. The hash of the settings in a plan proves nothing: an edited plan
//! can state the right hash. So the operations themselves are checked: no unmanaged field, no delete that the settings
//! rule out, no other branch. Pure functions.
//!
//! An undo may do more: it deletes the users that its plan created, and creates deleted users again with all that they
//! had. That applies only to an undo that equals, byte for byte, the one that the state folder makes.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Invalid, Settings};
use crate::diff::{Policy, Remove};
use crate::employee::{BranchId, CustomFieldId, Managed, normal_text};
use crate::plan::{Action, BranchRef, Change, Content, Field, Fields, Operation, Plan, Value};
use crate::side_by_side::some_side_by_side;

/// Checks what the settings alone can tell, without the account.
///
/// # Errors
/// The first thing that the settings do not allow, for a message.
pub fn settings(plan: &Plan, settings: &Settings) -> Result<(), String> {
    let Content { as_of, target, summary, waiting, operations, .. } = plan.content();
    match (as_of, settings.use_today()) {
        (Some(_), true) | (None, false) => {}
        (Some(_), false) => return Err("it has a day (as_of), but no setting asks for `today`".to_owned()),
        (None, true) => return Err("it has no day (as_of), but settings ask for `today`".to_owned()),
    }
    let remove_after = waiting.as_ref().map_or(0, |waiting| waiting.remove_after);
    if remove_after != settings.scope.remove_after && plan.content().undone().is_none() {
        return Err("people wait in it for another time than [scope] remove_after says".to_owned());
    }
    check_field_names(settings, &target.custom_fields)?;
    if settings.scope.invalid == Invalid::Error && summary.set_aside > 0 {
        return Err("it set records aside, which [scope] invalid = \"error\" does not allow".to_owned());
    }
    let allowed = Allowed {
        branch: settings.employee.branch.is_some(),
        manager: settings.employee.manager.is_some(),
        custom_fields: &target.custom_fields,
        adopt: settings.scope.match_email,
        remove: settings.scope.remove,
        reactivate: settings.target.reactivates(),
        branches: None,
        takes_back: plan.content().undone().is_some(),
    };
    let problem_of_some = |operations: &[Operation]| operations.iter().find_map(|one| problem_of(one, &allowed));
    some_side_by_side(operations, problem_of_some, |problem| problem.map_or(Ok(()), Err))
}

/// Checks what needs the account too: the fields and branches that the settings name. `takes_back` says that the plan
/// is the undo that the state folder makes.
#[must_use]
pub fn policy(plan: &Plan, policy: &Policy, takes_back: bool) -> Vec<String> {
    let Policy {
        managed,
        adopt,
        renumber: _,
        same_person: _,
        remove,
        reactivate,
        leavers_keep_emails: _,
        protect: _,
        branches,
        absences: _,
    } = policy;
    let Content { target, operations, .. } = plan.content();
    let mut problems = other_fields(managed, &target.custom_fields);
    let allowed = Allowed {
        branch: managed.branch,
        manager: managed.manager,
        custom_fields: &target.custom_fields,
        adopt: *adopt,
        remove: *remove,
        reactivate: *reactivate,
        branches: branches.as_ref(),
        takes_back,
    };
    problems.extend(operations.iter().filter_map(|operation| problem_of(operation, &allowed)));
    problems
}

/// What operations may do.
struct Allowed<'a> {
    /// Whether the branch is managed.
    branch: bool,
    /// Whether the manager is managed.
    manager: bool,
    /// The managed custom fields.
    custom_fields: &'a BTreeMap<CustomFieldId, String>,
    /// Whether an operation may give an external identifier to a user without one.
    adopt: bool,
    remove: Remove,
    /// Whether inactive users are made active again.
    reactivate: bool,
    /// The only branches that are managed; all, if `None`.
    branches: Option<&'a BTreeSet<BranchId>>,
    /// Whether this is an undo.
    takes_back: bool,
}

/// Checks that the settings manage these custom fields, by name or by id.
fn check_field_names(settings: &Settings, shown: &BTreeMap<CustomFieldId, String>) -> Result<(), String> {
    let named = &settings.employee.custom_fields;
    let is_shown = |wanted: &str| {
        let name = normal_text(wanted);
        shown.iter().any(|(id, shown)| id.as_str() == wanted || normal_text(shown) == name)
    };
    if named.len() == shown.len() && named.keys().all(|name| is_shown(name)) {
        return Ok(());
    }
    Err("its custom fields are not those that the settings manage".to_owned())
}

fn other_fields(managed: &Managed, shown: &BTreeMap<CustomFieldId, String>) -> Vec<String> {
    let is_managed = |id: &CustomFieldId| managed.custom_fields.binary_search(id).is_ok();
    let more = shown.keys().filter(|id| !is_managed(id));
    let more = more.map(|id| format!("the plan manages the custom field {id}, which the settings do not name"));
    let missing = managed.custom_fields.iter().filter(|id| !shown.contains_key(*id));
    let missing = missing.map(|id| format!("the settings manage the custom field {id}, which the plan does not have"));
    more.chain(missing).collect()
}

fn problem_of(operation: &Operation, allowed: &Allowed<'_>) -> Option<String> {
    let Operation { id, employee, name, depends_on: _, action } = operation;
    let problem = match action {
        Action::Create { after } => {
            let branch = after.branch.iter().flatten().find_map(|branch| allowed.other_branch(branch));
            allowed.other_shape(after, allowed.takes_back).or(branch)
        }
        Action::Update { changes, .. } => changes.iter().find_map(|change| allowed.other_change(change)),
        Action::Link { .. } => (!allowed.manager).then(|| sets("the manager")),
        Action::Delete { before, .. } => {
            allowed.other_shape(before, false).or_else(|| allowed.not_removable(before)).or_else(|| {
                let branch = before.branch.iter().flatten().find_map(|branch| allowed.other_branch(branch));
                branch.filter(|_| !allowed.takes_back)
            })
        }
    }?;
    let who = employee.as_ref().map_or_else(|| name.to_string(), |employee| format!("{employee} {name}"));
    Some(format!("operation {id}, {} {who}: {problem}", action.name()))
}

impl Allowed<'_> {
    /// Says so if the fields are not exactly the managed ones, or, with `more`, not at least the managed ones.
    fn other_shape(&self, fields: &Fields, more: bool) -> Option<String> {
        let Fields { branch, manager, custom_fields, .. } = fields;
        let other = |name: &str, managed: bool, there: bool| match (managed, there) {
            (true, false) => Some(format!("it leaves out {name}, which the settings manage")),
            (false, true) if !more => Some(sets(name)),
            _ => None,
        };
        other("the branch", self.branch, branch.is_some())
            .or_else(|| other("the manager", self.manager, manager.is_some()))
            .or_else(|| {
                let missing = self.custom_fields.keys().find(|id| !custom_fields.contains_key(*id));
                missing.and_then(|id| other(&format!("the custom field {id}"), true, false))
            })
            .or_else(|| {
                let unknown = custom_fields.keys().find(|id| !self.custom_fields.contains_key(*id));
                unknown.and_then(|id| other(&format!("the custom field {id}"), false, true))
            })
    }

    fn other_change(&self, Change { field, before, after }: &Change) -> Option<String> {
        match field {
            // An undo makes nobody active.
            Field::Active => (!self.reactivate || self.takes_back)
                .then(|| "it makes a user active, but [target] reactivate is not true".to_owned()),
            Field::ExternalIdentifier => (before.is_none() && !self.adopt).then(|| {
                "it gives an external identifier to a user without one, but [scope] match does not name primary_email"
                    .to_owned()
            }),
            Field::PrimaryEmail | Field::FirstName | Field::LastName => None,
            Field::Branch if !self.branch => Some(sets("the branch")),
            Field::Branch => match after {
                Some(Value::Branch(branch)) => self.other_branch(branch),
                _ => None,
            },
            Field::Manager => (!self.manager).then(|| sets("the manager")),
            Field::Custom(id) => {
                (!self.custom_fields.contains_key(id)).then(|| sets(&format!("the custom field {id}")))
            }
        }
    }

    fn other_branch(&self, branch: &BranchRef) -> Option<String> {
        let id = &branch.branch_id;
        self.branches
            .is_some_and(|branches| !branches.contains(id))
            .then(|| format!("the branch {id} is not one that [scope] branches names"))
    }

    fn not_removable(&self, before: &Fields) -> Option<String> {
        match self.remove {
            Remove::None if !self.takes_back => Some("[scope] remove = \"none\" removes nobody".to_owned()),
            Remove::Identified if before.external_identifier.is_none() => {
                Some("[scope] remove = \"identified\" removes nobody without an external identifier".to_owned())
            }
            Remove::None | Remove::Identified | Remove::All => None,
        }
    }
}

fn sets(what: &str) -> String {
    format!("it sets {what}, which the settings do not manage")
}
