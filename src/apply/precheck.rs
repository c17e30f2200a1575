//! Before anything is written: is the live account still as the plan expects? Pure functions.
//!
//! The names in the plan are compared with the users and branches that its ids refer to (`labels`), so that the plan
//! changes the people that reviewers saw. Before the plan's first write, any difference refuses the whole plan. After
//! it, a difference stops only its own operation. If a crash lost the end of the journal, an operation may turn out to
//! be done already. Operations that the journal calls done are checked against the list, too.

mod account;
mod done;
mod guards;
mod labels;
mod remarks;
mod settings;
mod taken;
mod values;

use std::collections::{BTreeSet, HashMap, HashSet};

use super::admins::Admins;
use super::confirm::{Contradiction, contradiction};
use super::expected_state::{Made, already_holds, hash_of, is_elsewhere, made_already};
use super::journal::{Progress, Replay};
use super::known::Known;
use super::list::List;
use super::newcomers::Newcomers;
use super::settle::may_be;
use crate::diff::{Protect, Untrusted};
use crate::employee::{BranchId, Directory, ExternalIdentifier, Managed, User, UserId};
use crate::plan::{Action, BranchRef, Change, Digest, Field, Fields, ManagerRef, Operation, OperationId, Plan, Value};

pub use account::account;
pub use done::all_done;
pub use guards::{emptied_branches, guards, managed_now};
pub use settings::{policy, settings};

/// This many users may have come or gone since the plan, even in a small account.
const FEW_USERS: u64 = 25;

/// How many of so many users may have come or gone since the plan.
fn few_of(users: u64) -> u64 {
    (users / 2).max(FEW_USERS)
}

/// The live account, and the settings that say what of it may be touched.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    /// The account, read whole.
    pub directory: &'a Directory,
    /// Which fields are managed.
    pub managed: &'a Managed,
    /// Who is never touched.
    pub protect: &'a Protect,
    /// The only branches that are managed; all, if `None`.
    pub branches: Option<&'a BTreeSet<BranchId>>,
    /// Whether the plan is the undo that the state folder makes: then it may touch users who have no branch since its
    /// plan.
    pub takes_back: bool,
    /// Whether inactive users are made active again.
    pub reactivates: bool,
}

impl Live<'_> {
    /// Whether a user is in none of the managed branches.
    fn is_elsewhere(self, user: &User) -> bool {
        is_elsewhere(user, self.branches, self.takes_back)
    }
}

/// The state of the operations, by the journal and the list.
#[derive(Debug, Default)]
pub struct Standing {
    /// Operations that cannot be begun because a precondition fails, and operations that were done and no longer are;
    /// in the plan's order.
    pub conflicts: Vec<Conflict>,
    /// How users differ from what finished operations should have left.
    pub differing: HashMap<OperationId, Vec<String>>,
    /// Operations whose result is there already although the journal does not call them done, in an apply that was
    /// begun; with the user that they created or changed.
    pub already: HashMap<OperationId, Option<UserId>>,
    /// For operations with an unknown outcome: what stands in the way of a repetition, such as a manager or branch that
    /// differs from what is shown. They are not repeated.
    pub mislabelled: HashMap<OperationId, Vec<String>>,
    /// The admins, of whom one must stay.
    pub admins: Admins,
    /// Why nothing is begun any more, though the apply has written: what is in doubt is settled and completed, no more.
    pub bar: Option<String>,
    /// All users, if the plan creates somebody: the id that answers a create must be none of theirs.
    pub users: HashMap<UserId, Option<ExternalIdentifier>>,
    /// Who was active when the run began. A list that lacks most of them proves nothing.
    pub there: Known,
}

/// Why an operation cannot be carried out.
#[derive(Debug)]
pub struct Conflict {
    /// The operation.
    pub operation: OperationId,
    /// What is wrong.
    pub problems: Vec<String>,
    /// Whether the rest of the plan can be carried out all the same: an undo removes nobody who has become protected since, to
    /// whom somebody reports or who is the only admin, and cannot know that they were so even before its plan made them active.
    pub is_apart: bool,
}

impl Standing {
    /// Every problem, with the operation and the person.
    pub fn problems<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = String> + 'a {
        let conflicts = self.conflicts.iter().map(|conflict| (conflict.operation, &conflict.problems));
        let mut problems: Vec<_> = conflicts.chain(self.differing.iter().map(|(id, differs)| (*id, differs))).collect();
        problems.sort_by_key(|(id, _)| *id);
        let operations = problems.into_iter().filter_map(|(id, problems)| Some((plan.operation(id)?, problems)));
        operations.flat_map(|(operation, problems)| problems.iter().map(|problem| in_words(operation, problem)))
    }
}

/// A problem, with the operation and the person.
fn in_words(Operation { id, name, employee, action, .. }: &Operation, problem: &str) -> String {
    let who = employee.as_ref().map_or_else(|| name.to_string(), |employee| format!("{employee} {name}"));
    format!("operation {id}, {} {who}: {problem}", action.name())
}

/// Checks the preconditions of operations that were not begun yet, and whether finished operations still hold.
///
/// # Errors
/// If the list contradicts itself, or does not tell roles.
pub fn standing(plan: &Plan, replay: &Replay, live: Live<'_>) -> Result<Standing, Untrusted> {
    let index = Index::new(plan, live)?;
    let there = Known::of(live.directory.users.iter().map(|user| &user.id));
    let mut standing = Standing { there, ..Standing::default() };
    if plan.content().summary.create > 0 {
        let entry = |user: &User| (user.id.clone(), user.identifier.clone());
        standing.users = live.directory.users.iter().chain(&live.directory.inactive).map(entry).collect();
    }
    let has_written = replay.has_written();
    let is_begun = |operation: &Operation| replay.operations.contains_key(&operation.id);
    let altered = labels::Altered::by(&plan.content().operations, is_begun);
    let mut made: Option<Made> = None;
    let mut newcomers: Option<Newcomers<'_>> = None;
    for operation in &plan.content().operations {
        match replay.operations.get(&operation.id) {
            Some(Progress::InDoubt(_)) => {
                // Judged like what was not begun. Whether it was carried out, a later list shows, and who has by then what it
                // gives.
                let mut problems = index.unfit(operation);
                problems.extend(labels::of_references(operation, live, &altered));
                if !problems.is_empty() {
                    standing.mislabelled.insert(operation.id, problems);
                }
                continue;
            }
            Some(Progress::Done { .. }) => {
                let made = made.get_or_insert_with(|| made_so_far(plan, replay, live.directory));
                match contradiction(operation, &index.list, live.managed, made, None) {
                    Some(Contradiction::Undone(problem)) => {
                        let problem = format!("an earlier run did this, but {problem}");
                        standing.conflicts.push(Conflict {
                            operation: operation.id,
                            problems: vec![problem],
                            is_apart: false,
                        });
                    }
                    Some(Contradiction::Differs(differs)) => drop(standing.differing.insert(operation.id, differs)),
                    None => {}
                }
                continue;
            }
            None => {}
        }
        let mut problems = index.problems_of(operation);
        problems.extend(labels::of_references(operation, live, &altered));
        if let Action::Create { after } = &operation.action
            && replay.failed.contains(&operation.id)
        {
            let newcomers = newcomers.get_or_insert_with(|| {
                let everybody = live.directory.users.iter().chain(&live.directory.inactive);
                let was_there = |user: &User| replay.was_there(&user.id) || replay.has_made(&user.id);
                Newcomers::new(&plan.content().operations, everybody, was_there)
            });
            problems.extend(newcomers.who_may_be(after).map(|user| format!("it was refused, and {}", may_be(user))));
        }
        if problems.is_empty() {
            continue;
        }
        let made = made.get_or_insert_with(|| made_so_far(plan, replay, live.directory));
        if has_written && !moves_branch(operation) && already_holds(operation, live.directory, live.managed, made) {
            let user = match &operation.action {
                Action::Create { .. } => made.get(&operation.id),
                Action::Link { create, .. } => made.get(create),
                Action::Update { user_id, .. } => Some(user_id),
                Action::Delete { .. } => None,
            };
            standing.already.insert(operation.id, user.cloned());
        } else {
            let is_apart = live.takes_back && index.may_be_left_out(operation, &problems);
            standing.conflicts.push(Conflict { operation: operation.id, problems, is_apart });
        }
    }
    standing.admins = index.admins;
    Ok(standing)
}

/// Whether an operation changes the branch. That may empty unmanaged fields, which only a journal remembers, so the
/// managed fields alone do not prove that it is done.
fn moves_branch(operation: &Operation) -> bool {
    matches!(&operation.action, Action::Update { changes, .. }
        if changes.iter().any(|change| change.field == Field::Branch))
}

fn made_so_far(plan: &Plan, replay: &Replay, directory: &Directory) -> Made {
    let mut made = made_already(&plan.content().operations, directory);
    for (id, progress) in &replay.operations {
        if let Progress::Done { user_id: Some(user_id), .. } = progress {
            made.insert(*id, user_id.clone());
        }
    }
    made
}

struct Index<'a> {
    plan: &'a Plan,
    live: Live<'a>,
    list: List<'a>,
    reports: HashMap<&'a UserId, Vec<&'a User>>,
    /// Those who count as gone, by the e-mails that they keep.
    inactive: HashMap<&'a str, Vec<&'a User>>,
    /// Those who count as gone, by their identifiers, if inactive users are made active again.
    kept_identifiers: HashMap<&'a str, Vec<&'a User>>,
    /// Who is an admin.
    admins: Admins,
}

impl<'a> Index<'a> {
    fn new(plan: &'a Plan, live: Live<'a>) -> Result<Self, Untrusted> {
        let users = &live.directory.users;
        if live.protect.needs_roles()
            && let Some(user) = users.iter().find(|user| user.roles.is_none())
        {
            return Err(Untrusted::NoRoles { user: user.id.to_string() });
        }
        let removed: HashSet<&UserId> = plan
            .content()
            .operations
            .iter()
            .filter_map(|operation| match &operation.action {
                Action::Delete { user_id, .. } => Some(user_id),
                _ => None,
            })
            .collect();
        let mut reports: HashMap<&UserId, Vec<&User>> = HashMap::new();
        for user in users {
            if let Some(manager) = &user.manager
                && removed.contains(manager)
            {
                reports.entry(manager).or_default().push(user);
            }
        }
        let admins = Admins::of(users, |user| removed.contains(user));
        let mut inactive: HashMap<&str, Vec<&User>> = HashMap::new();
        for user in &live.directory.inactive {
            inactive.entry(user.email.key()).or_default().push(user);
        }
        let mut kept_identifiers: HashMap<&str, Vec<&User>> = HashMap::new();
        for user in live.directory.inactive.iter().filter(|_| live.reactivates) {
            if let Some(identifier) = &user.identifier {
                kept_identifiers.entry(identifier.as_str()).or_default().push(user);
            }
        }
        Ok(Self { plan, live, list: List::new(users)?, reports, inactive, kept_identifiers, admins })
    }

    /// What an operation gives that nobody can have, or an inactive user may have.
    fn unfit(&self, operation: &Operation) -> Vec<String> {
        let mut problems = Vec::new();
        // An undo restores values that Skovik held before.
        if !self.live.takes_back {
            problems.extend(values::of_operation(operation, self.live.directory));
        }
        problems.extend(self.kept_identifier(operation));
        let branch = match &operation.action {
            Action::Create { after } => after.branch.iter().flatten().next(),
            Action::Update { changes, .. } => changes.iter().find_map(|change| match &change.after {
                Some(Value::Branch(branch)) => Some(branch),
                _ => None,
            }),
            Action::Link { .. } | Action::Delete { .. } => None,
        };
        problems.extend(branch.and_then(|branch| self.missing_branch(branch)));
        problems
    }

    fn problems_of(&self, operation: &Operation) -> Vec<String> {
        let mut problems = self.unfit(operation);
        match &operation.action {
            Action::Create { after } => {
                let Fields { external_identifier, primary_email, manager, .. } = &**after;
                problems.extend(
                    external_identifier.as_ref().and_then(|id| self.taken_identifier(operation, id.as_str(), None)),
                );
                problems.extend(self.taken_email(operation, primary_email, None));
                problems
                    .extend(manager.iter().flatten().filter_map(|manager| self.missing_manager(operation, manager)));
            }
            Action::Update { user_id, before_hash, branch: _, roles: _, changes } => {
                problems.extend(self.changed(operation, user_id, *before_hash));
                problems.extend(self.there_already(operation, user_id, changes));
                for Change { field, before: _, after } in changes {
                    problems.extend(match (field, after) {
                        (Field::PrimaryEmail, Some(Value::Text(email))) => {
                            self.taken_email(operation, email, Some(user_id))
                        }
                        (Field::ExternalIdentifier, Some(Value::Text(identifier))) => {
                            self.taken_identifier(operation, identifier, Some(user_id))
                        }
                        (Field::Manager, Some(Value::Manager(manager))) => self.missing_manager(operation, manager),
                        _ => None,
                    });
                }
            }
            Action::Link { .. } => {}
            Action::Delete { user_id, before_hash, .. } => {
                problems.extend(self.changed(operation, user_id, *before_hash));
                problems.extend(self.last_admin(user_id));
                problems.extend(self.new_report(operation, user_id));
            }
        }
        problems
    }

    fn changed(&self, operation: &Operation, user_id: &UserId, before_hash: Digest) -> Vec<String> {
        let directory = self.live.directory;
        let active = directory.user(user_id);
        let user = match (operation.reactivates(), active) {
            (false, active) => active,
            (true, None) => directory.inactive_user(user_id),
            (true, Some(_)) => return vec![format!("the user {user_id} is active in Skovik by now")],
        };
        let Some(user) = user else { return vec![format!("the user {user_id} is not in Skovik any more")] };
        if self.live.protect.covers(user) {
            return vec![format!("the user {user_id} is protected now")];
        }
        if self.live.is_elsewhere(user) {
            return vec![format!("the user {user_id} is in no branch that [scope] branches names")];
        }
        if hash_of(user, self.live.managed) != before_hash {
            return vec![format!("the user {user_id} has changed in Skovik since the plan")];
        }
        labels::of_user(operation, user, self.live)
    }

    fn new_report(&self, operation: &Operation, user_id: &UserId) -> Option<String> {
        let reports = self.reports.get(user_id)?;
        let leave: HashSet<&UserId> = self.gives_up(operation, &Field::Manager).collect();
        let report = reports.iter().find(|report| !leave.contains(&report.id))?;
        Some(format!("the user {} ({}) reports to them now", report.id, report.full_name()))
    }

    /// Whether an undo can do without an operation that has these problems. It leaves a user alone who has become protected
    /// since it was made. And it does not delete a user who was made active, if the only problems are that
    /// somebody reports to them, or that nobody else is an admin.
    fn may_be_left_out(&self, operation: &Operation, problems: &[String]) -> bool {
        let user = operation.user_id().and_then(|user_id| self.live.directory.user(user_id));
        if user.is_some_and(|user| self.live.protect.covers(user)) {
            return true;
        }
        let Action::Delete { user_id, .. } = &operation.action else { return false };
        if !self.live.reactivates {
            return false;
        }
        let needed = [self.new_report(operation, user_id), self.last_admin(user_id)];
        problems.iter().all(|problem| needed.iter().flatten().any(|needed| needed == problem))
    }

    fn last_admin(&self, user_id: &UserId) -> Option<String> {
        let is_admin = self.live.directory.user(user_id).is_some_and(User::is_admin);
        (is_admin && self.admins.leaves_none())
            .then(|| format!("the user {user_id} is an admin now, and nobody else would be one afterwards"))
    }

    fn missing_branch(&self, branch: &BranchRef) -> Option<String> {
        let id = &branch.branch_id;
        self.live.directory.branch(id).is_none().then(|| format!("the branch {id} is not in Skovik any more"))
    }

    fn missing_manager(&self, operation: &Operation, manager: &ManagerRef) -> Option<String> {
        let ManagerRef::User(user) = manager else { return None };
        let id = &user.user_id;
        let is_there = self.live.directory.user(id).is_some() || self.is_reactivated_before(operation, id);
        (!is_there).then(|| format!("the manager {} (user {id}) is not in Skovik any more", user.name))
    }

    /// Whether an operation that comes before this one makes an inactive user active again.
    fn is_reactivated_before(&self, operation: &Operation, user: &UserId) -> bool {
        let mut needed = operation.depends_on.iter().filter_map(|&needed| self.plan.operation(needed));
        needed.any(|needed| needed.reactivates() && needed.user_id() == Some(user))
            && self.live.directory.inactive_user(user).is_some()
    }
}
