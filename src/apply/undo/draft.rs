//! The inverse of each operation, not in order yet.

mod again;
mod deactivate;
mod held;

use std::collections::{BTreeSet, HashMap, HashSet};

use super::History;
use super::Input;
use super::history::{Contradicted, Done};
use super::names::{known_branch, own_label};
use crate::apply::expected_state::{Made, created, hash_of, updated, user_of};
use crate::employee::{Directory, ExternalIdentifier, Managed, Text, User, UserId};
use crate::plan::{
    self, BranchRef, Change, CreateRef, Diagnostic, Digest, Field, Fields, ManagerRef, Operation, OperationId,
    Severity, UserRef, Value,
};
use crate::provider::{Dialect, StoredUser};

pub(super) use held::{Fact, Held};

/// A future operation. Managers are always users; a user who is created again is referred to by the former id.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) employee: Option<ExternalIdentifier>,
    pub(super) name: Text,
    pub(super) action: Action,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    Create {
        was: UserId,
        after: Fields,
    },
    Update {
        user_id: UserId,
        before_hash: Digest,
        branch: Option<Option<BranchRef>>,
        roles: Option<Vec<String>>,
        changes: Vec<Change>,
    },
    Delete {
        user_id: UserId,
        before: Fields,
        roles: Option<Vec<String>>,
        /// Whom the user reports to, whether or not the settings manage that.
        manager: Option<UserId>,
        reason: String,
    },
}

/// All drafts, with diagnostics for the reader.
#[derive(Debug)]
pub(super) struct Drafts {
    pub(super) drafts: Vec<Draft>,
    pub(super) held: Vec<Held>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

struct Maker<'a> {
    history: &'a History,
    managed: &'a Managed,
    dialect: &'a dyn Dialect,
    /// Whether the account has more than one branch.
    has_branches: bool,
    /// The users whom `[scope] protect` protects now.
    protected: &'a HashSet<UserId>,
    made: Made,
    /// The manager that a link sets for a new user, and the link; by create.
    links: HashMap<OperationId, (&'a Operation, &'a ManagerRef)>,
    /// Deleted users who cannot be created again.
    lost: BTreeSet<&'a UserId>,
    diagnostics: Vec<Diagnostic>,
}

impl Drafts {
    pub(super) fn of(input: &Input<'_>, protected: &HashSet<UserId>) -> Result<Self, String> {
        let Input { plan, history, managed, dialect, protect: _, limits: _ } = *input;
        let operations = &plan.content().operations;
        let mut maker = Maker {
            history,
            managed,
            dialect,
            has_branches: plan.content().target.anchors.branches.len() > 1,
            protected,
            made: super::made(plan, history),
            links: HashMap::new(),
            lost: BTreeSet::new(),
            diagnostics: Vec::new(),
        };
        for operation in operations {
            match &operation.action {
                plan::Action::Link { create, manager } => {
                    maker.links.insert(*create, (operation, manager));
                }
                plan::Action::Delete { user_id, .. } if history.may_be_done(operation.id) => {
                    let before = history.entry(operation.id).and_then(|entry| {
                        entry
                            .before
                            .as_ref()
                            .filter(|_| entry.done.as_ref().is_some_and(|done| entry.says_enough(operation, done)))
                    });
                    let is_lost = match before {
                        Some(before) => maker.why_lost(operation, user_id, before)?.is_some(),
                        None => true,
                    };
                    if is_lost {
                        maker.lost.insert(user_id);
                    }
                }
                _ => {}
            }
        }
        let (mut drafts, mut held) = (Vec::new(), Vec::new());
        for operation in operations {
            let draft = maker.draft(operation)?;
            held.extend(maker.held(operation, draft.is_some().then_some(drafts.len()))?);
            drafts.extend(draft);
        }
        Ok(Self { drafts, held, diagnostics: maker.diagnostics })
    }
}

impl<'a> Maker<'a> {
    fn draft(&mut self, operation: &'a Operation) -> Result<Option<Draft>, String> {
        let Some(entry) = self.history.entry(operation.id) else {
            let message = format!(
                "operation {} of the plan, {} {}, is not in the journal and not taken back; if the end of the journal \
                was lost, run that apply again, and undo then",
                operation.id,
                operation.action.name(),
                operation.name
            );
            self.say(operation, "undo_not_begun", message);
            return Ok(None);
        };
        let Some(done) = &entry.done else {
            let so = match entry.outdated {
                true => "the user has changed since; look at them in Skovik",
                false => "run that apply again, which settles it, and undo then",
            };
            let message = format!(
                "operation {} of the plan, {} {}, has an unknown outcome and is not taken back: {so}",
                operation.id,
                operation.action.name(),
                operation.name
            );
            self.say(operation, "undo_in_doubt", message);
            return Ok(None);
        };
        if let Some(Contradicted { problem, listed: _ }) = &entry.contradicted {
            let message = format!(
                "operation {} of the plan, {} {}, was called done, and Skovik's list contradicted that ({problem}): it \
                is not taken back; look at that user in Skovik",
                operation.id,
                operation.action.name(),
                operation.name
            );
            self.say(operation, "undo_contradicted", message);
            return Ok(None);
        }
        if !entry.says_enough(operation, done) {
            let message = format!(
                "operation {} of the plan, {} {}, is done, and the journal does not have what was there before or who did \
                it: it is not taken back. If the end of the journal was lost, take it back in Skovik",
                operation.id,
                operation.action.name(),
                operation.name
            );
            self.say(operation, "undo_not_known", message);
            return Ok(None);
        }
        if user_of(operation, &self.made).is_some_and(|user_id| self.protected.contains(user_id)) {
            let message = format!("{} is left unchanged: [scope] protect protects them now", operation.name);
            self.say(operation, "undo_left_out", message);
            return Ok(None);
        }
        let wrong = |problem: String| format!("operation {} in the journal: {problem}", operation.id);
        let made = match &operation.action {
            plan::Action::Create { after } => self.remove(operation, after, done).map_err(wrong)?,
            plan::Action::Update { user_id, changes, .. } if operation.reactivates() => match &done.after {
                Some(after) => self.deactivate(operation, user_id, changes, after).map_err(wrong)?,
                None => None,
            },
            plan::Action::Update { user_id, changes, .. } => match (&entry.before, &done.after) {
                (Some(before), Some(after)) => {
                    self.restore(operation, user_id, changes, [before, after]).map_err(wrong)?
                }
                _ => None,
            },
            plan::Action::Delete { user_id, before, .. } => match &entry.before {
                Some(resource) => self.make_again(operation, user_id, before, resource).map_err(wrong)?,
                None => None,
            },
            plan::Action::Link { .. } => None, // Part of the create.
        };
        Ok(made)
    }

    /// Deletes the user that a create made.
    fn remove(&mut self, operation: &Operation, after: &Fields, done: &Done) -> Result<Option<Draft>, String> {
        let Some(user_id) = &done.user_id else { return Ok(None) };
        let mut asked = after.clone();
        let mut last = done.after.as_ref();
        if let Some((link, manager)) = self.links.get(&operation.id)
            && let Some(entry) = self.history.entry(link.id)
        {
            if !self.history.is_done(link.id) {
                let message = format!("{} is not removed: who their manager is, is not known", operation.name);
                self.say(operation, "undo_left_out", message);
                return Ok(None);
            }
            asked.manager = Some(Some((*manager).clone()));
            last = entry.done.as_ref().and_then(|done| done.after.as_ref());
        }
        if let Some(Some(ManagerRef::Create(create))) = &asked.manager {
            asked.manager = Some(Some(self.by_id(create)?));
        }
        let user = match last {
            Some(resource) => self.dialect.user(resource.raw().get(), self.managed)?,
            None => User { id: user_id.clone(), ..created(&asked, self.managed, &self.made)? },
        };
        // The plan knows the names of branches and managers, the server what it stored.
        let stored = Fields::of_user(&user, self.managed, &Directory::default());
        let before = if stored.hash() == asked.hash() { asked } else { stored };
        let reason = format!("undo: made by operation {} of the plan", operation.id);
        let (roles, manager) = (user.special_roles(), user.manager);
        let action = Action::Delete { user_id: user_id.clone(), before, roles, manager, reason };
        Ok(Some(Draft::of(operation, action)))
    }

    /// Gives changed fields their former values.
    fn restore(
        &mut self,
        operation: &Operation,
        user_id: &UserId,
        changes: &[Change],
        [before, after]: [&StoredUser; 2],
    ) -> Result<Option<Draft>, String> {
        let (was, is) =
            (self.dialect.user(before.raw().get(), self.managed)?, self.dialect.user(after.raw().get(), self.managed)?);
        let mut back = Vec::new();
        for change in changes {
            let Change { field, before: then, after: now } = change;
            let now = self.value(&is, field, now.as_ref())?;
            let mut then = self.value(&was, field, then.as_ref())?;
            if let Some(Value::Manager(ManagerRef::User(manager))) = &then
                && let Some(why) = self.why_no_manager(manager)
            {
                self.say(operation, "undo_incomplete", format!("{} gets no manager: {why}", operation.name));
                then = None;
            }
            // Skovik does not take a user out of their branch into none.
            let can_be_empty = matches!(field, Field::Manager | Field::Custom(_));
            if then.is_none() && !can_be_empty {
                let message = format!("{} keeps {field}, which cannot be taken away again", operation.name);
                self.say(operation, "undo_incomplete", message);
            } else if now != then {
                back.push(Change { field: field.clone(), before: now, after: then });
            }
        }
        if back.is_empty() {
            return Ok(None);
        }
        let before_hash = hash_of(&is, self.managed);
        let named = back.iter().find(|change| change.field == Field::Branch).and_then(|change| change.before.clone());
        let (employee, name) = own_label(operation, [&is, &updated(&is, &back, self.managed)]);
        let action = Action::Update {
            user_id: user_id.clone(),
            before_hash,
            branch: self.managed.branch.then(|| is.branch.as_ref().map(|id| known_branch(id, named.as_ref()))),
            roles: is.special_roles(),
            changes: back,
        };
        Ok(Some(Draft { employee, name, action }))
    }

    /// The value of a user's field. If the plan's own value means the same, its names are used for the reader.
    fn value(&self, user: &User, field: &Field, named: Option<&Value>) -> Result<Option<Value>, String> {
        let held = Value::of_user(user, field, self.managed, &Directory::default());
        Ok(match (held, named) {
            (Some(Value::Branch(held)), Some(Value::Branch(named))) if named.branch_id == held.branch_id => {
                Some(Value::Branch(named.clone()))
            }
            (Some(Value::Manager(held)), Some(Value::Manager(named))) => {
                let named = match named {
                    ManagerRef::Create(create) => self.by_id(create)?,
                    ManagerRef::User(_) => named.clone(),
                };
                let is_same = |held: &UserRef| matches!(&named, ManagerRef::User(user) if user.user_id == held.user_id);
                let same = matches!(&held, ManagerRef::User(held) if is_same(held));
                Some(Value::Manager(if same { named } else { held }))
            }
            (held, _) => held,
        })
    }

    fn by_id(&self, CreateRef { create, employee, name }: &CreateRef) -> Result<ManagerRef, String> {
        let user_id = self.made.get(create).ok_or_else(|| format!("operation {create} created nobody"))?.clone();
        Ok(ManagerRef::User(UserRef { user_id, employee: Some(employee.clone()), name: name.clone() }))
    }

    fn say(&mut self, operation: &Operation, code: &str, message: String) {
        let employee = operation.employee.as_ref().map(ToString::to_string);
        self.diagnostics.push(Diagnostic { severity: Severity::Warning, code: code.to_owned(), employee, message });
    }
}

impl Draft {
    fn of(Operation { employee, name, .. }: &Operation, action: Action) -> Self {
        // Skovik may hold another name than the plan shows.
        let name = match &action {
            Action::Create { after: shown, .. } | Action::Delete { before: shown, .. } => shown.display_name(),
            Action::Update { .. } => name.clone(),
        };
        Self { employee: employee.clone(), name, action }
    }

    pub(super) fn diagnostic(&self, code: &str, message: String) -> Diagnostic {
        let employee = self.employee.as_ref().map(ToString::to_string);
        Diagnostic { severity: Severity::Error, code: code.to_owned(), employee, message }
    }
}

impl Action {
    /// The finished action: each new manager as `person` gives them, each former one by their name `now`.
    pub(super) fn with_managers(
        self,
        person: impl Fn(&ManagerRef) -> ManagerRef,
        now: impl Fn(&ManagerRef) -> ManagerRef,
    ) -> plan::Action {
        match self {
            Self::Create { was: _, mut after } => {
                after.manager = after.manager.map(|manager| manager.as_ref().map(&person));
                plan::Action::Create { after: Box::new(after) }
            }
            Self::Update { user_id, before_hash, branch, roles, mut changes } => {
                for change in &mut changes {
                    if let Some(Value::Manager(manager)) = &mut change.before {
                        *manager = now(manager);
                    }
                    if let Some(Value::Manager(manager)) = &mut change.after {
                        *manager = person(manager);
                    }
                }
                plan::Action::Update { user_id, before_hash, branch, roles, changes }
            }
            Self::Delete { user_id, mut before, roles, manager: _, reason } => {
                before.manager = before.manager.map(|manager| manager.as_ref().map(&now));
                plan::Action::Delete {
                    user_id,
                    before_hash: before.hash(),
                    before: Box::new(before),
                    roles,
                    missing_since: None,
                    reason,
                }
            }
        }
    }
}
