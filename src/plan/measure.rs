//! What the guards look at, measured on the drafts; and, for those that block, whom the count is made of. Linear in the
//! people, and for each guard that blocks, in those whom it counted.

use std::collections::BTreeMap;
use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::operations::{branch_ref, display_name};
use super::{BranchRef, Common, Field, GuardOutcome, GuardResult, Part, Severity, Subject};
use crate::diff::{Changed, Comparison, Draft, ManagerTarget, Population};
use crate::employee::{BranchId, full_name};
use crate::guard::{self, BranchCount, Counts, FieldCount};

/// How many of the counted are named one by one.
const PEOPLE_NAMED: usize = 5;

/// A comparison and what would be written.
pub(super) struct Measure<'a, 'c> {
    comparison: &'a Comparison<'c>,
    drafts: &'a [Draft],
}

impl<'a, 'c> Measure<'a, 'c> {
    pub(super) fn of(comparison: &'a Comparison<'c>, drafts: &'a [Draft]) -> Self {
        Self { comparison, drafts }
    }

    /// Everything that a guard may ask for.
    pub(super) fn counts(&self, population: Population) -> Counts {
        let Population { managed, employees, in_scope, set_aside } = population;
        let count = |which: &dyn Fn(&Draft) -> bool| self.drafts.iter().filter(|draft| which(draft)).count() as u64;
        Counts {
            creates: count(&|draft| matches!(draft, Draft::Create { .. })),
            updates: count(&is_update),
            deletes: count(&is_delete),
            managed,
            employees,
            in_scope,
            set_aside,
            losing_manager: count(&|draft| self.loses_manager(draft)),
            left_without_manager: count(&|draft| self.is_left_without_manager(draft)),
            fields: self.fields(),
            branches: self.branches(),
        }
    }

    fn fields(&self) -> Vec<FieldCount> {
        let managed = &self.comparison.policy().managed;
        let mut all = vec![Changed::ExternalIdentifier, Changed::PrimaryEmail, Changed::FirstName, Changed::LastName];
        all.extend(managed.branch.then_some(Changed::Branch));
        all.extend(managed.manager.then_some(Changed::Manager));
        all.extend((0..managed.custom_fields.len() as u32).map(Changed::Custom));
        let mut updates: BTreeMap<Changed, u64> = BTreeMap::new();
        for field in self.drafts.iter().flat_map(changed) {
            *updates.entry(*field).or_default() += 1;
        }
        let counted = |changed: Changed| FieldCount {
            field: self.field(changed),
            name: self.field_name(changed),
            updates: updates.get(&changed).copied().unwrap_or(0),
        };
        all.into_iter().map(counted).collect()
    }

    fn branches(&self) -> Vec<BranchCount> {
        let mut counts: FxHashMap<Option<&BranchId>, BranchCount> = FxHashMap::default();
        for user in self.comparison.managed_users() {
            let branch = user.branch.as_ref();
            let new = || BranchCount { branch: self.branch_ref(branch), updates: 0, deletes: 0, managed: 0 };
            counts.entry(branch).or_insert_with(new).managed += 1;
        }
        for draft in self.drafts {
            if let Some(count) = self.branch_of(draft).and_then(|branch| counts.get_mut(&branch)) {
                count.updates += u64::from(is_update(draft));
                count.deletes += u64::from(is_delete(draft));
            }
        }
        let mut counts: Vec<BranchCount> = counts.into_values().collect();
        counts.sort_unstable_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        counts
    }

    /// Names, for each guard that blocks, what most of the counted have in common, and some of them.
    pub(super) fn name_parts(&self, guards: &mut [GuardResult]) {
        let mut by_branch: Option<FxHashMap<Option<&BranchId>, Vec<&Draft>>> = None;
        for guard in guards.iter_mut().filter(|guard| guard.outcome == GuardOutcome::Block) {
            guard.parts = if guard.id == guard::MAX_INVALID_PERCENT {
                self.reasons()
            } else if let Some(Subject::Branch(branch)) = &guard.subject {
                let by_branch = by_branch.get_or_insert_with(|| self.by_branch());
                let drafts = by_branch.get(&branch.as_ref().map(|branch| &branch.branch_id));
                self.parts(guard, drafts.into_iter().flatten().copied())
            } else {
                self.parts(guard, self.drafts.iter())
            };
        }
    }

    fn by_branch(&self) -> FxHashMap<Option<&'c BranchId>, Vec<&'a Draft>> {
        let mut drafts: FxHashMap<_, Vec<&Draft>> = FxHashMap::default();
        for draft in self.drafts {
            if let Some(branch) = self.branch_of(draft) {
                drafts.entry(branch).or_default().push(draft);
            }
        }
        drafts
    }

    fn parts<'d>(&self, guard: &GuardResult, drafts: impl Iterator<Item = &'d Draft>) -> Vec<Part> {
        let counted: Vec<&Draft> = drafts.filter(|draft| self.counts_for(guard, draft)).collect();
        let mut parts = Vec::new();
        if !matches!(guard.subject, Some(Subject::Branch(_))) {
            let branch = most(&counted, |draft| self.branch_after_or_before(draft));
            parts.extend(branch.map(|(branch, count)| self.part(Common::Branch, self.branch_label(branch), count)));
        }
        let manager = most(&counted, |draft| self.manager_of(draft));
        parts.extend(manager.map(|(manager, count)| self.part(Common::Manager, self.person(manager), count)));
        if !matches!(guard.subject, Some(Subject::Field(_))) {
            let field = most_of_all(counted.len(), counted.iter().flat_map(|draft| changed(draft)).copied());
            parts.extend(field.map(|(field, count)| self.part(Common::Field, self.field_name(field), count)));
        }
        parts.extend(counted.iter().take(PEOPLE_NAMED).map(|draft| self.part(Common::Person, self.whom(draft), 1)));
        parts
    }

    fn part(&self, common: Common, name: String, count: u64) -> Part {
        Part { common, name, count }
    }

    fn counts_for(&self, guard: &GuardResult, draft: &Draft) -> bool {
        match (guard.id.as_str(), &guard.subject) {
            (guard::MAX_DELETE_PERCENT | guard::MAX_DELETES | guard::BRANCH_DELETE_PERCENT, _) => is_delete(draft),
            (guard::MAX_CHANGE_PERCENT | guard::BRANCH_CHANGE_PERCENT, _) => is_delete(draft) || is_update(draft),
            (guard::MAX_UPDATES, _) => is_update(draft),
            (guard::MAX_CREATES, _) => matches!(draft, Draft::Create { .. }),
            (guard::MAX_LEFT_WITHOUT_MANAGER, _) => self.is_left_without_manager(draft),
            (guard::MAX_FIELD_PERCENT, Some(Subject::Field(field))) => {
                changed(draft).iter().any(|changed| self.field(*changed) == *field)
            }
            _ => false,
        }
    }

    /// The commonest reasons why people were set aside, and some of these people.
    fn reasons(&self) -> Vec<Part> {
        let found = || self.comparison.diagnostics().iter().filter(|found| found.severity == Severity::Error);
        let commonest = most_of_all(found().count(), found().map(|found| found.code.as_str()));
        let mut parts: Vec<Part> =
            commonest.iter().map(|(code, count)| self.part(Common::Reason, (*code).to_owned(), *count)).collect();
        let people = found().filter_map(|found| found.employee.clone()).take(PEOPLE_NAMED);
        parts.extend(people.map(|employee| self.part(Common::Person, employee, 1)));
        parts
    }

    fn loses_manager(&self, draft: &Draft) -> bool {
        match draft {
            Draft::Update { user, .. } => {
                self.comparison.manager_of(*user).is_some_and(|manager| self.comparison.leaves(manager))
            }
            Draft::Create { .. } | Draft::Delete { .. } => false,
        }
    }

    fn is_left_without_manager(&self, draft: &Draft) -> bool {
        self.loses_manager(draft)
            && matches!(draft, Draft::Update { manager: None, changed, .. } if changed.contains(&Changed::Manager))
    }

    /// The branch that a user who would be modified or removed is in now.
    fn branch_of(&self, draft: &Draft) -> Option<Option<&'c BranchId>> {
        match draft {
            Draft::Create { .. } => None,
            Draft::Update { user, .. } | Draft::Delete { user } => Some(self.comparison.user(*user).branch.as_ref()),
        }
    }

    fn branch_after_or_before(&self, draft: &Draft) -> Option<&'c BranchId> {
        match draft {
            Draft::Create { employee, .. } => self.comparison.employee(*employee).branch.as_ref(),
            Draft::Update { .. } | Draft::Delete { .. } => self.branch_of(draft).flatten(),
        }
    }

    fn manager_of(&self, draft: &Draft) -> Option<ManagerTarget> {
        match draft {
            Draft::Create { manager, .. } => *manager,
            Draft::Update { user, .. } | Draft::Delete { user } => {
                self.comparison.manager_of(*user).map(ManagerTarget::User)
            }
        }
    }

    fn whom(&self, draft: &Draft) -> String {
        match draft {
            Draft::Create { employee, .. } => self.person(ManagerTarget::Create(*employee)),
            Draft::Update { user, .. } | Draft::Delete { user } => self.person(ManagerTarget::User(*user)),
        }
    }

    fn person(&self, person: ManagerTarget) -> String {
        let (identifier, name) = match person {
            ManagerTarget::User(user) => {
                let user = self.comparison.user(user);
                (user.identifier.as_ref(), display_name(user))
            }
            ManagerTarget::Create(employee) => {
                let employee = self.comparison.employee(employee);
                (Some(&employee.identifier), employee.full_name())
            }
        };
        full_name(identifier.map_or("", |identifier| identifier.as_str()), &name)
    }

    fn branch_ref(&self, branch: Option<&BranchId>) -> Option<BranchRef> {
        branch.map(|branch| branch_ref(branch, self.comparison.directory()))
    }

    fn branch_label(&self, branch: &BranchId) -> String {
        branch_ref(branch, self.comparison.directory()).label()
    }

    fn field(&self, changed: Changed) -> Field {
        match changed {
            Changed::ExternalIdentifier => Field::ExternalIdentifier,
            Changed::PrimaryEmail => Field::PrimaryEmail,
            Changed::FirstName => Field::FirstName,
            Changed::LastName => Field::LastName,
            Changed::Branch => Field::Branch,
            Changed::Manager => Field::Manager,
            Changed::Custom(place) => {
                Field::Custom(self.comparison.policy().managed.custom_fields[place as usize].clone())
            }
        }
    }

    fn field_name(&self, changed: Changed) -> String {
        let field = self.field(changed);
        let Field::Custom(id) = &field else { return field.to_string() };
        let found = self.comparison.directory().custom_fields.iter().find(|field| field.id == *id);
        found.map_or_else(|| id.to_string(), |field| field.name.to_string())
    }
}

fn is_update(draft: &Draft) -> bool {
    matches!(draft, Draft::Update { .. })
}

fn is_delete(draft: &Draft) -> bool {
    matches!(draft, Draft::Delete { .. })
}

fn changed(draft: &Draft) -> &[Changed] {
    match draft {
        Draft::Update { changed, .. } => changed,
        Draft::Create { .. } | Draft::Delete { .. } => &[],
    }
}

/// Branches as a reader looks for them, those who are in none last.
fn sort_key(count: &BranchCount) -> (bool, Option<&str>, &str, &str) {
    let Some(BranchRef { branch_id, external_identifier, name }) = &count.branch else { return (true, None, "", "") };
    (false, external_identifier.as_deref(), name, branch_id.as_str())
}

/// What most of the counted have in common.
fn most<K: Hash + Eq>(counted: &[&Draft], of: impl Fn(&Draft) -> Option<K>) -> Option<(K, u64)> {
    most_of_all(counted.len(), counted.iter().filter_map(|draft| of(draft)))
}

/// The commonest key, if several have it and they are a fifth of all or more; of two as common, the first.
fn most_of_all<K: Hash + Eq>(all: usize, keys: impl Iterator<Item = K>) -> Option<(K, u64)> {
    let mut counts: FxHashMap<K, (u64, usize)> = FxHashMap::default();
    for (place, key) in keys.enumerate() {
        counts.entry(key).or_insert((0, place)).0 += 1;
    }
    let (key, (count, _)) = counts.into_iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)))?;
    (count > 1 && count.saturating_mul(5) >= all as u64).then_some((key, count))
}
