//! Turns records into employees: applies the templates of `[employee]` to each record, and decides who is in scope and
//! whose record is bad.
//!
//! A bad record affects only its own person, who is set aside with a reason. This module never compares with the users
//! of Skovik. It looks at two records at once only to find the person that a manager's key means.

mod compiled_template;
mod contradictions;
mod direct_condition;
mod explain;
mod lookup;
mod memo;
mod part;
mod person;
mod references;
mod settle;
mod strays;
#[cfg(test)]
mod tests;
mod values;

use std::collections::HashSet;
use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc::sync_channel;
use std::thread;

use rustc_hash::FxHashSet;

use crate::config::{EmployeeSettings, Settings};
use crate::employee::{
    Branch, BranchId, CustomField, CustomFieldId, Desired, Join, KEY_CLAIMED_TWICE, Managed, SetAside,
};
use crate::exit::ExitStatus;
use crate::setting::template::Engine;
use crate::setting::{ConfigError, Template};
use crate::source::Records;
use crate::template_cost::{Progress, in_time, spawn};

pub use explain::{FoundRecord, Step};

use lookup::{Branches, FieldValues};
use part::Part;
use person::{Outcome, Person, Reader};
use references::settle_managers;

/// How many records a thread reads at a time.
const RECORDS_PER_TURN: usize = 2_048;
/// How many results of a thread may wait.
const TURNS_AHEAD: usize = 2;

/// How many people without a record a message names.
const MISSING_SHOWN: usize = 5;

/// Marks a person who is out of scope only if no record that cannot be joined is theirs.
const SCOPE_DOUBTFUL: &str = "scope_doubtful";

/// Why records give no employees.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The settings do not fit the records.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// A source that must have everybody has no record of somebody.
    #[error("{0}")]
    Missing(String),
}

impl MappingError {
    /// The exit code that it leads to.
    #[must_use]
    pub fn status(&self) -> ExitStatus {
        match self {
            Self::Settings(_) => ExitStatus::Usage,
            Self::Missing(_) => ExitStatus::Untrusted,
        }
    }
}

/// The rules of the settings.
#[derive(Debug, Clone)]
pub struct Mapper {
    employee: EmployeeSettings,
    include: Option<Template>,
    branches: Option<Vec<String>>,
}

/// The rules, fitted to the branches and custom fields of an account.
#[derive(Debug, Clone)]
pub struct ResolvedMapper {
    employee: EmployeeSettings,
    include: Option<Template>,
    managed: Managed,
    branches: Branches,
    scope_branches: Option<HashSet<BranchId>>,
    /// Aligned with [`Managed::custom_fields`].
    custom_fields: Vec<ManagedField>,
}

/// A managed custom field.
#[derive(Debug, Clone)]
struct ManagedField {
    id: CustomFieldId,
    template: Template,
    values: FieldValues,
}

impl Mapper {
    /// The rules of these settings, whose templates were checked when they were loaded.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            employee: settings.employee.clone(),
            include: settings.scope.include.clone(),
            branches: settings.scope.branches.clone(),
        }
    }

    /// Fits the rules to an account.
    ///
    /// # Errors
    /// If the settings name a custom field or a branch that the account does not have, or has twice.
    pub fn resolve(&self, branches: &[Branch], custom_fields: &[CustomField]) -> Result<ResolvedMapper, ConfigError> {
        let Self { employee, include, branches: wanted } = self;
        let branches = Branches::new(branches);
        let in_scope = |wanted: &Vec<String>| wanted.iter().map(|name| branches.in_settings(name)).collect();
        let scope_branches = wanted.as_ref().map(in_scope).transpose()?;
        let mut fields: Vec<ManagedField> = Vec::with_capacity(employee.custom_fields.len());
        for (name, template) in &employee.custom_fields {
            let field = lookup::custom_field(name, template, custom_fields)?;
            fields.push(ManagedField {
                id: field.id.clone(),
                template: template.clone(),
                values: FieldValues::new(&field.kind),
            });
        }
        fields.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(twice) = fields.windows(2).find(|pair| pair[0].id == pair[1].id) {
            let (one, other) = (&twice[0].template.setting, &twice[1].template.setting);
            return Err(ConfigError::Invalid(format!("{one} and {other} are the same custom field; keep one of them")));
        }
        let managed = Managed {
            branch: employee.branch.is_some(),
            manager: employee.manager.is_some(),
            custom_fields: fields.iter().map(|field| field.id.clone()).collect(),
        };
        Ok(ResolvedMapper {
            employee: employee.clone(),
            include: include.clone(),
            managed,
            branches,
            scope_branches,
            custom_fields: fields,
        })
    }
}

impl ResolvedMapper {
    /// Which fields the settings manage.
    #[must_use]
    pub fn managed(&self) -> &Managed {
        &self.managed
    }

    /// The branches that the settings manage; `None` for all.
    #[must_use]
    pub fn scope_branches(&self) -> Option<&HashSet<BranchId>> {
        self.scope_branches.as_ref()
    }

    /// Who should be in Skovik, according to these records.
    ///
    /// # Errors
    /// If a template uses a column that no record of its source has, or a source that must have everybody lacks
    /// somebody.
    pub fn employees(&self, records: &Records) -> Result<Desired, MappingError> {
        self.employee.templates().chain(&self.include).try_for_each(|template| records.check(template))?;
        let records = &self.settle(records)?;
        let (mapper, all) = (self.clone(), records.clone());
        let whole = in_time(move |progress| mapper.read_all(&all, progress)).map_err(too_slow)??;
        let Part { mut desired, answers, passed_over, outside, missing, rows, .. } = whole;
        desired.joins = joins(records, &rows);
        let mut later = 1..records.sources();
        desired.identity_comes_by_key = later.clone().any(|source| self.employee.is_identity_of(source));
        desired.names_come_by_key = later.any(|source| self.employee.is_name_of(source));
        merge_set_aside(&mut desired);
        if let Some(error) = missing_records(records, &missing) {
            return Err(error);
        }
        if self.refers_to().is_some() {
            settle_managers(&mut desired, &answers, &passed_over, &outside);
        }
        Ok(desired)
    }

    fn read_all(&self, records: &Records, progress: &Progress) -> Result<Part, ConfigError> {
        let engine = Engine::new(records.calendar());
        let reader = Reader::new(self, records, &engine)?;
        progress.step();
        let mut whole = self.read_side_by_side(&reader, records.len(), progress);
        whole.desired.of_nobody = strays::of_nobody(&reader, progress);
        let strays = strays::of(&reader, &whole, progress);
        whole.desired.strays.extend(strays);
        whole.desired.same_key = strays::same_key(&reader, progress);
        Ok(whole)
    }

    /// Reads all records on several threads, which take turns; or here, if the system starts none. Results are joined as they
    /// come, so that few wait.
    fn read_side_by_side(&self, reader: &Reader<'_>, records: usize, progress: &Progress) -> Part {
        let turns = records.div_ceil(RECORDS_PER_TURN);
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(turns);
        let turn = |turn: usize| turn * RECORDS_PER_TURN..((turn + 1) * RECORDS_PER_TURN).min(records);
        thread::scope(|scope| {
            // How many threads share the turns is known once they are started.
            let start = |thread: usize| {
                let (begin, threads) = sync_channel::<usize>(1);
                let (done, parts) = sync_channel(TURNS_AHEAD);
                let work = move || {
                    let mut turns = (thread..turns).step_by(threads.recv().unwrap_or(usize::MAX));
                    // Nobody takes more parts after another thread has panicked.
                    turns.all(|number| done.send(self.read(reader, turn(number), progress)).is_ok())
                };
                Some((begin, parts, spawn(scope, work).ok()?))
            };
            let mut workers: Vec<_> = (0..threads).map_while(start).collect();
            let threads = workers.len();
            workers.iter().for_each(|(begin, ..)| begin.send(threads).expect("each waits for this"));
            let mut whole = Part::of_nobody(reader);
            whole.desired.employees.reserve_exact(records);
            for number in 0..turns {
                let Some(place) = number.checked_rem(threads) else {
                    whole.append(self.read(reader, turn(number), progress));
                    continue;
                };
                match workers[place].1.recv() {
                    Ok(part) => whole.append(part),
                    Err(_) => match workers.swap_remove(place).2.join() {
                        Err(panic) => resume_unwind(panic),
                        Ok(_) => unreachable!("a thread ends after its last turn"),
                    },
                }
            }
            whole
        })
    }

    fn read(&self, reader: &Reader<'_>, records: Range<usize>, progress: &Progress) -> Part {
        let mut part = Part::of_nobody(reader);
        let Part { desired, answers, passed_over, outside, missing, undecided, counted, keyless, rows } = &mut part;
        let may_count = reader.records().repeats_keys();
        for record in records {
            progress.step();
            if reader.records().is_passed_over(record) {
                passed_over.extend(reader.answers_of(record));
                continue;
            }
            desired.contradictions.extend(contradictions::of(reader, record));
            let Person { outcome, answers_to, branch } = reader.read(record);
            let in_scope = !matches!(outcome, Outcome::OutOfScope(_) | Outcome::Doubtful(_));
            // A missing record does not put a person out of scope.
            let counts = |&source: &usize| in_scope || self.is_scope_judged_by(source);
            missing.extend(reader.records().lacking(record).find(counts).map(|source| (source, record)));
            let identifier = match outcome {
                Outcome::OutOfScope(one) => {
                    desired.out_of_scope.extend(one.identifier.clone());
                    desired.outside.push(one);
                    outside.extend(answers_to);
                    continue;
                }
                Outcome::Doubtful(person) => {
                    desired.out_of_scope.extend(person.identifier.clone());
                    keyless.extend(strays::keyless(reader.records(), record, &person, &mut desired.strays));
                    // They may be in scope: a key that somebody else answers to is theirs, too.
                    passed_over.extend(answers_to.clone().map(|key| (key, person.identifier.clone())));
                    desired.doubtful.push(person);
                    outside.extend(answers_to);
                    continue;
                }
                Outcome::Good(employee) => {
                    let identifier = answers_to.is_some().then(|| employee.identifier.clone());
                    let is_ours = self.manages(branch.as_ref());
                    let list = if is_ours { &mut desired.employees } else { &mut desired.elsewhere };
                    counted.extend(may_count.then_some(record));
                    if reader.may_be_unjoined(record) {
                        desired.unjoined.insert(employee.identifier.clone());
                    }
                    list.push(employee);
                    identifier
                }
                Outcome::Bad(set_aside) => {
                    desired.has_bad_elsewhere |= !self.manages(branch.as_ref());
                    let records = reader.records();
                    undecided.extend(records.undecided(record).map(|_| record));
                    let identifier = set_aside.identifier.clone().filter(|_| !records.shares_key(record));
                    keyless.extend(strays::keyless(records, record, &set_aside, &mut desired.strays));
                    desired.set_aside.push(set_aside);
                    identifier
                }
            };
            desired.in_scope += 1;
            if !reader.records().is_also(record) {
                for (source, count) in rows.iter_mut().enumerate() {
                    *count += u64::from(reader.records().has_row(record, source));
                }
            }
            answers.extend(answers_to.map(|key| (key, identifier)));
        }
        part
    }

    fn is_scope_judged_by(&self, source: usize) -> bool {
        self.include.iter().any(|include| include.may_use(source))
    }

    fn manages(&self, branch: Option<&BranchId>) -> bool {
        match (&self.scope_branches, branch) {
            (Some(branches), Some(branch)) => branches.contains(branch),
            (None, _) | (_, None) => true,
        }
    }

    fn refers_to(&self) -> Option<&Template> {
        self.employee.manager.as_ref().and_then(|manager| manager.refers_to.as_ref())
    }
}

/// The error of templates that did not finish.
fn too_slow(problem: String) -> ConfigError {
    ConfigError::Invalid(format!("a template in [employee], or `include` in [scope], {problem}"))
}

/// How many people have a record in each later source. Everybody has one in the first source.
fn joins(records: &Records, rows: &[u64]) -> Vec<Join> {
    let Some((&people, later)) = rows.split_first() else { return Vec::new() };
    let join = |(source, &with_row)| Join { people, with_row, rows_of_nobody: records.rows_of_nobody(source) };
    (1..).zip(later).map(join).collect()
}

/// Merges records of one repeated key that say the same: they are one person, who is set aside once.
fn merge_set_aside(desired: &mut Desired) {
    let mut seen = FxHashSet::default();
    let is_new = |aside: &SetAside| {
        aside.code != KEY_CLAIMED_TWICE || {
            let names = aside.names().map(|name| name.map(str::to_owned));
            seen.insert((aside.reason.clone(), aside.identifier.clone(), aside.email.clone(), names))
        }
    };
    let before = desired.set_aside.len();
    desired.set_aside.retain(is_new);
    desired.in_scope -= (before - desired.set_aside.len()) as u64;
}

/// The error for a source that must have a record of everybody in scope, and lacks some.
fn missing_records(records: &Records, missing: &[(usize, usize)]) -> Option<MappingError> {
    let (source, _) = *missing.iter().min()?;
    let of_it: Vec<usize> =
        missing.iter().filter(|(lacking, _)| *lacking == source).map(|&(_, record)| record).collect();
    let named = |&record: &usize| format!("{:?} ({})", records.key(record), records.origin(record));
    let shown: Vec<String> = of_it.iter().take(MISSING_SHOWN).map(named).collect();
    let more = of_it.len().saturating_sub(MISSING_SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let (source, people) = (records.source_name(source), if of_it.len() == 1 { "person" } else { "people" });
    Some(MappingError::Missing(format!(
        "source `{source}` has no record of {} {people}: {}{more}; its `missing = \"error\"` makes that an error",
        of_it.len(),
        shown.join(", ")
    )))
}
