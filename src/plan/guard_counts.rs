//! Counts for the guards in a comparison, and finds the people behind the count of a guard that blocks. Linear in the
//! people, plus, for each blocking guard, in the people that it counted. This module knows no single guard: each
//! guard's row says what it counts.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::fields::{branch_ref, display_name};
use super::{BranchRef, Common, Field, GuardOutcome, GuardResult, Part, Subject, Value};
use crate::diagnostic::{Diagnostic, Severity};
use crate::diff::{Changed, Comparison, Draft, Drafts, ManagerTarget, Population};
use crate::employee::{BranchId, CustomFieldId, Text, full_name};
use crate::guard::{self, BranchCount, Count, Effect, Join, Kind, Limits, ManagerLoss, NamedField, People, RecentPast};

/// How many of the counted people are named one by one.
const PEOPLE_NAMED: usize = 5;

/// A comparison, its operations and its diagnostics.
pub(super) struct GuardCounts<'a, 'c> {
    comparison: &'a Comparison<'c>,
    drafts: &'a Drafts,
    diagnostics: &'a [Diagnostic],
    /// The managed fields.
    fields: FxHashMap<Changed, Field>,
}

/// The name and id of a person, or of something that people have in common.
struct Named {
    name: Text,
    id: Option<String>,
}

impl Named {
    /// Something without an id of Skovik's.
    fn only(name: &str) -> Self {
        Self { name: name.into(), id: None }
    }
}

/// A draft with its effect.
struct Step<'d, 'e> {
    draft: &'d Draft,
    effect: Effect<'e>,
}

impl<'a, 'c> GuardCounts<'a, 'c> {
    pub(super) fn of(comparison: &'a Comparison<'c>, drafts: &'a Drafts, diagnostics: &'a [Diagnostic]) -> Self {
        let managed = &comparison.policy().managed;
        let places = 0..managed.custom_fields.len() as u32;
        let fields = Changed::managed_with(managed, places).zip(Field::managed(managed)).collect();
        Self { comparison, drafts, diagnostics, fields }
    }

    /// Evaluates the guards, over what was done before too. For each that blocks, names what most of the counted people have in common, and some of
    /// these people.
    pub(super) fn evaluate(
        &self,
        limits: &Limits,
        population: Population,
        joins: &[Join],
        memory: &RecentPast,
    ) -> Vec<GuardResult> {
        let effects = self.drafts.drafts.iter().map(|draft| self.effect(draft));
        let (directory, managed) = (self.comparison.directory(), &self.comparison.policy().managed);
        let memory = memory.clone().as_listed(
            |id| directory.user(id),
            |user, field| Value::of_user(user, field, managed, directory).is_some(),
        );
        let mut guards = guard::evaluate(limits, &self.people(population, joins), effects, &memory);
        self.name_parts(&mut guards);
        guards
    }

    /// What a draft does, as the guards see it.
    fn effect(&self, draft: &Draft) -> Effect<'_> {
        let kind = match draft {
            // Somebody who is made active again is one more user, as if created.
            Draft::Create { .. } | Draft::Reactivate { .. } => Kind::Create,
            Draft::Update { .. } => Kind::Update,
            Draft::Delete { .. } => Kind::Delete,
        };
        Effect {
            kind,
            branch: self.branch_of(draft),
            changed: changed(draft).iter().map(|changed| self.field(*changed)).collect(),
            emptied: self.emptied(draft).map(|changed| self.field(changed)).collect(),
            manager_loss: self.manager_loss(draft),
        }
    }

    fn people(&self, population: Population, joins: &[Join]) -> People {
        let Population { managed, employees, in_scope, set_aside } = population;
        let Drafts { naming_managers, unresolved_managers, .. } = *self.drafts;
        People {
            users: self.comparison.directory().users.len() as u64,
            managed,
            employees,
            in_scope,
            set_aside,
            naming_managers,
            unresolved_managers,
            joins: joins.to_vec(),
            fields: self.named_fields(),
            branches: self.branches(),
        }
    }

    /// The managed fields, and how many of the managed users have a value of each that may be empty.
    fn named_fields(&self) -> Vec<NamedField> {
        let managed = &self.comparison.policy().managed;
        let (mut with_manager, mut with_custom) = (0, vec![0; managed.custom_fields.len()]);
        for user in self.comparison.managed_users() {
            with_manager += u64::from(user.manager.is_some());
            for (count, value) in with_custom.iter_mut().zip(&user.custom_fields) {
                *count += u64::from(value.is_some());
            }
        }
        let places = 0..managed.custom_fields.len() as u32;
        let named = |changed: Changed| {
            let field = self.field(changed);
            let with_value = match changed {
                Changed::Manager => with_manager,
                Changed::Custom(place) => with_custom[place as usize],
                _ => 0,
            };
            NamedField { field: field.clone(), name: self.field_name(field), with_value }
        };
        Changed::managed_with(managed, places).map(named).collect()
    }

    /// The fields that have a value now and none afterwards.
    fn emptied<'d>(&'d self, draft: &'d Draft) -> impl Iterator<Item = Changed> + 'd {
        let emptied = move |changed: &Changed| match (draft, changed) {
            (Draft::Update { manager, user, .. }, Changed::Manager) => {
                manager.is_none() && self.comparison.user(*user).manager.is_some()
            }
            (Draft::Update { employee, .. }, Changed::Custom(place)) => {
                self.comparison.employee(*employee).custom_fields[*place as usize].is_none()
            }
            _ => false,
        };
        changed(draft).iter().copied().filter(emptied)
    }

    fn branches(&self) -> Vec<BranchCount> {
        let mut counts: FxHashMap<Option<&BranchId>, BranchCount> = FxHashMap::default();
        for user in self.comparison.managed_users() {
            let branch = user.branch.as_ref();
            let new = || BranchCount { branch: self.branch_ref(branch), managed: 0 };
            counts.entry(branch).or_insert_with(new).managed += 1;
        }
        let mut counts: Vec<BranchCount> = counts.into_values().collect();
        counts.sort_unstable_by(|a, b| branch_key(a.branch.as_ref()).cmp(&branch_key(b.branch.as_ref())));
        counts
    }

    /// Reports for each field how many people would lose their value. This shows a column that is empty by mistake even
    /// if no guard blocks.
    pub(super) fn losses(&self) -> Vec<Diagnostic> {
        let mut people: FxHashMap<Changed, Vec<&Draft>> = FxHashMap::default();
        for draft in &self.drafts.drafts {
            for changed in self.emptied(draft) {
                people.entry(changed).or_default().push(draft);
            }
        }
        let named = self.named_fields();
        let loss = |(changed, drafts): (Changed, Vec<&Draft>)| {
            let field = named.iter().find(|named| named.field == *self.field(changed));
            let (name, of) = field.map_or(("", 0), |named| (named.name.as_str(), named.with_value));
            let shown: Vec<Text> = drafts.iter().take(PEOPLE_NAMED).map(|draft| self.whom(draft).name).collect();
            let more = drafts.len().saturating_sub(PEOPLE_NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let (count, shown) = (drafts.len(), shown.join(", "));
            Diagnostic {
                severity: Severity::Warning,
                code: "values_lost".to_owned(),
                employee: None,
                message: format!("{name}: {count} of the {of} users who have a value would have none: {shown}{more}"),
            }
        };
        people.into_iter().map(loss).collect()
    }

    fn name_parts(&self, guards: &mut [GuardResult]) {
        let blocks = |result: &GuardResult| result.outcome == GuardOutcome::Block;
        if !guards.iter().any(blocks) {
            return;
        }
        let steps: Vec<Step<'_, '_>> =
            self.drafts.drafts.iter().map(|draft| Step { draft, effect: self.effect(draft) }).collect();
        let mut by_branch: Option<FxHashMap<Option<&BranchId>, Vec<&Step<'_, '_>>>> = None;
        for result in guards.iter_mut().filter(|result| blocks(result)) {
            let Some(guard) = guard::find(&result.id) else { continue };
            let subject = result.subject.as_ref();
            let counts = |step: &&Step<'_, '_>| guard.counts(&step.effect, subject);
            result.parts = match (&guard.count, subject) {
                (Count::Records { count: _, named_by }, _) => named_by.map_or_else(Vec::new, |by| self.reasons(by)),
                (Count::InEachSource, _) => Vec::new(),
                (_, Some(Subject::Branch(branch))) => {
                    let by_branch = by_branch.get_or_insert_with(|| grouped_by_branch(&steps));
                    let of_branch = by_branch.get(&branch.as_ref().map(|branch| &branch.branch_id));
                    self.parts(subject, of_branch.into_iter().flatten().copied().filter(counts))
                }
                _ => self.parts(subject, steps.iter().filter(counts)),
            };
        }
    }

    fn parts<'s>(&self, subject: Option<&Subject>, counted: impl Iterator<Item = &'s Step<'s, 's>>) -> Vec<Part> {
        let counted: Vec<&Draft> = counted.map(|step| step.draft).collect();
        let mut parts = Vec::new();
        if !matches!(subject, Some(Subject::Branch(_))) {
            let branch = most(&counted, |draft| self.branch_after_or_before(draft));
            let part = |(branch, count)| self.part(Common::Branch, self.branch_label(branch), count);
            parts.extend(branch.map(part));
        }
        let manager = most(&counted, |draft| self.manager_of(draft));
        parts.extend(manager.map(|(manager, count)| self.part(Common::Manager, self.person(manager), count)));
        if !matches!(subject, Some(Subject::Field(_))) {
            let field = most_of_all(counted.len(), counted.iter().flat_map(|draft| changed(draft)).copied());
            parts.extend(field.map(|(field, count)| self.part(Common::Field, self.named(self.field(field)), count)));
        }
        parts.extend(counted.iter().take(PEOPLE_NAMED).map(|draft| self.part(Common::Person, self.whom(draft), 1)));
        parts
    }

    fn part(&self, common: Common, Named { name, id }: Named, count: u64) -> Part {
        Part { common, name: name.into(), id, count }
    }

    /// The most common reasons in the diagnostics of these people, and some of the people.
    fn reasons(&self, named_by: fn(&Diagnostic) -> bool) -> Vec<Part> {
        let found = || self.diagnostics.iter().filter(|found| named_by(found));
        let commonest = most_of_all(found().count(), found().map(|found| found.code.as_str()));
        let mut parts: Vec<Part> =
            commonest.iter().map(|(code, count)| self.part(Common::Reason, Named::only(code), *count)).collect();
        let people = found().filter_map(|found| found.employee.as_deref()).take(PEOPLE_NAMED);
        parts.extend(people.map(|employee| self.part(Common::Person, Named::only(employee), 1)));
        parts
    }

    fn manager_loss(&self, draft: &Draft) -> ManagerLoss {
        let Draft::Update { user, manager, changed, employee: _ } = draft else { return ManagerLoss::None };
        if !self.comparison.manager_of(*user).is_some_and(|manager| self.comparison.leaves(manager)) {
            return ManagerLoss::None;
        }
        if manager.is_none() && changed.contains(&Changed::Manager) {
            ManagerLoss::LeftWithout
        } else {
            ManagerLoss::Replaced
        }
    }

    /// The branch of a user who would be changed or deleted.
    fn branch_of(&self, draft: &Draft) -> Option<Option<&'c BranchId>> {
        match draft {
            Draft::Create { .. } | Draft::Reactivate { .. } => None,
            Draft::Update { user, .. } | Draft::Delete { user } => Some(self.comparison.user(*user).branch.as_ref()),
        }
    }

    fn branch_after_or_before(&self, draft: &Draft) -> Option<&'c BranchId> {
        match draft {
            Draft::Create { employee, .. } | Draft::Reactivate { employee, .. } => {
                self.comparison.employee(*employee).branch.as_ref()
            }
            Draft::Update { .. } | Draft::Delete { .. } => self.branch_of(draft).flatten(),
        }
    }

    fn manager_of(&self, draft: &Draft) -> Option<ManagerTarget> {
        match draft {
            Draft::Create { manager, .. } | Draft::Reactivate { manager, .. } => *manager,
            Draft::Update { user, .. } | Draft::Delete { user } => {
                self.comparison.manager_of(*user).map(ManagerTarget::User)
            }
        }
    }

    fn whom(&self, draft: &Draft) -> Named {
        match draft {
            Draft::Create { employee, .. } | Draft::Reactivate { employee, .. } => {
                self.person(ManagerTarget::Create(*employee))
            }
            Draft::Update { user, .. } | Draft::Delete { user } => self.person(ManagerTarget::User(*user)),
        }
    }

    fn person(&self, person: ManagerTarget) -> Named {
        let (identifier, name, id) = match person {
            ManagerTarget::User(user) => {
                let user = self.comparison.user(user);
                (user.identifier.as_ref(), display_name(user), Some(user.id.to_string()))
            }
            ManagerTarget::Create(employee) | ManagerTarget::Inactive(employee) => {
                let employee = self.comparison.employee(employee);
                (Some(&employee.identifier), employee.full_name(), None)
            }
        };
        Named { name: full_name(identifier.map_or("", |identifier| identifier.as_str()), &name), id }
    }

    fn branch_ref(&self, branch: Option<&BranchId>) -> Option<BranchRef> {
        branch.map(|branch| branch_ref(branch, self.comparison.directory()))
    }

    fn branch_label(&self, branch: &BranchId) -> Named {
        Named { name: branch_ref(branch, self.comparison.directory()).label().into(), id: Some(branch.to_string()) }
    }

    fn field(&self, changed: Changed) -> &Field {
        &self.fields[&changed]
    }

    fn named(&self, field: &Field) -> Named {
        let id = match field {
            Field::Custom(id) => Some(id.to_string()),
            _ => None,
        };
        Named { name: self.field_name(field).into(), id }
    }

    fn field_name(&self, field: &Field) -> String {
        let name_of = |id: &CustomFieldId| {
            let found = self.comparison.directory().custom_fields.iter().find(|field| field.id == *id);
            found.map_or_else(|| id.to_string(), |field| field.name.to_string())
        };
        match field {
            Field::Custom(id) => name_of(id),
            standard => standard.to_string(),
        }
    }
}

fn grouped_by_branch<'s, 'd, 'e>(steps: &'s [Step<'d, 'e>]) -> FxHashMap<Option<&'e BranchId>, Vec<&'s Step<'d, 'e>>> {
    let mut groups: FxHashMap<_, Vec<_>> = FxHashMap::default();
    for step in steps {
        if let Some(branch) = step.effect.branch {
            groups.entry(branch).or_default().push(step);
        }
    }
    groups
}

fn changed(draft: &Draft) -> &[Changed] {
    match draft {
        Draft::Update { changed, .. } => changed,
        // The guards that count changes are about users who are active now.
        Draft::Create { .. } | Draft::Reactivate { .. } | Draft::Delete { .. } => &[],
    }
}

/// Branches in a reader's order; users without a branch come last.
pub(super) fn branch_key(branch: Option<&BranchRef>) -> (bool, Option<&str>, &str, &str) {
    let Some(BranchRef { branch_id, external_identifier, name }) = branch else { return (true, None, "", "") };
    (false, external_identifier.as_deref(), name, branch_id.as_str())
}

/// What most of the counted people have in common.
fn most<K: Hash + Eq>(counted: &[&Draft], of: impl Fn(&Draft) -> Option<K>) -> Option<(K, u64)> {
    most_of_all(counted.len(), counted.iter().filter_map(|draft| of(draft)))
}

/// The most common key, if several people have it and they are at least a fifth of all; of two equally common keys, the
/// first.
fn most_of_all<K: Hash + Eq>(all: usize, keys: impl Iterator<Item = K>) -> Option<(K, u64)> {
    let mut counts: FxHashMap<K, (u64, usize)> = FxHashMap::default();
    for (place, key) in keys.enumerate() {
        counts.entry(key).or_insert((0, place)).0 += 1;
    }
    let (key, (count, _)) = counts.into_iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)))?;
    (count > 1 && count.saturating_mul(5) >= all as u64).then_some((key, count))
}
