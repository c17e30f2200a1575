//! Reports why managers cannot be found, in few lines, and which managers report to one another in a cycle.
//!
//! One wrong column makes every manager unresolvable. The reader then needs one line that says so and what to do, not
//! one line for each person.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use rustc_hash::FxHashMap;

use super::index::describe;
use super::{Changed, Claim, Comparison, Draft, Drafts, Person};
use crate::diagnostic::{Diagnostic, Severity};
use crate::employee::{DesiredManager, Employee, ExternalIdentifier, Text};
use crate::text::near::{Difference, meaning};

/// From this many people on, the same reason is reported once for all of them.
const TOLD_ONCE: usize = 4;
/// How many managers such a line names.
const MANAGERS_SHOWN: usize = 5;
/// How many cycles are reported, and how many people of each.
const CYCLES_SHOWN: usize = 10;
const PEOPLE_SHOWN: usize = 6;

/// A manager who could not be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// The index of the employee.
    pub employee: u32,
    /// What the record calls the manager.
    pub manager: Box<str>,
    /// Why there is no such manager.
    pub(super) why: Why,
    /// What happens to the person's manager.
    pub(super) consequence: Consequence,
}

/// Why somebody cannot be a person's manager.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// The record names the person as their own manager.
    Own,
    /// This plan deletes the manager.
    Leaves,
    /// The manager's own record was set aside, and Skovik has no such user.
    SetAside,
    /// The manager's record is outside `[scope] include`.
    OutOfScope,
    /// The manager is in a branch that another configuration manages, and not in Skovik.
    Elsewhere,
    /// It nearly is the name or identifier of somebody: the difference, and that person.
    Near(Difference, Box<str>),
    /// There is nobody like that.
    Nowhere,
    /// The reason that was found when the records were read.
    Other(Box<str>),
}

/// What happens to the manager in Skovik of a person whose listed manager cannot be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Consequence {
    /// The user's manager stays.
    Keeps(Text),
    /// The user's manager is removed.
    Loses(Text),
    /// There is none.
    None,
}

impl Why {
    /// The reason for one person.
    fn words(&self, manager: &str) -> String {
        match self {
            Self::Own => "is named as their own manager".to_owned(),
            Self::Leaves => format!("the manager {manager} is not in scope and is deleted"),
            Self::SetAside => format!("the record of the manager {manager} was set aside"),
            Self::OutOfScope => format!("the manager {manager} is outside [scope] include"),
            Self::Elsewhere => format!("the manager {manager} is outside [scope] branches, and not in Skovik"),
            Self::Near(difference, meant) => format!(
                "the manager {manager:?} cannot be found, but {meant:?} can, which differs in {}; write `{}` in the \
                template",
                difference.words(),
                difference.filters()
            ),
            Self::Nowhere => format!("the manager {manager} is neither in scope nor in Skovik"),
            Self::Other(reason) => format!("the manager {manager:?} cannot be found: {reason}"),
        }
    }

    /// The reason for many people.
    fn words_for_many(&self, example: &str) -> String {
        match self {
            Self::Own => "they are named as their own managers".to_owned(),
            Self::Leaves => "these are not in scope and are deleted".to_owned(),
            Self::SetAside => "the records of these were set aside".to_owned(),
            Self::OutOfScope => "these are outside [scope] include".to_owned(),
            Self::Elsewhere => "these are outside [scope] branches, and not in Skovik".to_owned(),
            Self::Near(difference, meant) => format!(
                "each nearly matches somebody, except for {}: {example:?} is not {meant:?}; write `{}` in the template",
                difference.words(),
                difference.filters()
            ),
            Self::Nowhere => "these are neither in scope nor in Skovik".to_owned(),
            Self::Other(reason) => reason.to_string(),
        }
    }

    /// The reason without its details: people with the same one are reported together.
    fn kind(&self) -> Self {
        match self {
            Self::Near(difference, _) => Self::Near(*difference, "".into()),
            other => other.clone(),
        }
    }
}

impl Comparison<'_> {
    /// Reports the managers who were not found, many people in one message.
    pub(super) fn tell_unresolved(&self, result: &mut Drafts) {
        self.find_near_misses(&mut result.unresolved);
        let mut by_kind: BTreeMap<Why, Vec<&Unresolved>> = BTreeMap::new();
        for unresolved in &result.unresolved {
            by_kind.entry(unresolved.why.kind()).or_default().push(unresolved);
        }
        for people in by_kind.values() {
            if people.len() >= TOLD_ONCE {
                result.diagnostics.push(told_once(people));
            } else {
                result.diagnostics.extend(people.iter().map(|unresolved| self.told(unresolved)));
            }
        }
    }

    /// Warns of new e-mails with letters that many mail servers do not accept.
    pub(super) fn tell_foreign_emails(&self, result: &mut Drafts) {
        let written = result.drafts.iter().filter_map(|draft| match draft {
            Draft::Create { employee, .. } => Some(*employee),
            Draft::Update { employee, changed, .. } | Draft::Reactivate { employee, changed, .. } => {
                changed.contains(&Changed::PrimaryEmail).then_some(*employee)
            }
            Draft::Delete { .. } => None,
        });
        let foreign: Vec<&Employee> =
            written.map(|index| self.employee(index)).filter(|employee| !employee.email.as_str().is_ascii()).collect();
        let Some(first) = foreign.first() else { return };
        let mut shown: Vec<&str> =
            foreign.iter().take(MANAGERS_SHOWN).map(|employee| employee.email.as_str()).collect();
        let more = format!("{} more", foreign.len().saturating_sub(MANAGERS_SHOWN));
        if foreign.len() > MANAGERS_SHOWN {
            shown.push(&more);
        }
        let (noun, identifier) = match foreign.len() {
            1 => ("e-mail has", Some(first.identifier.to_string())),
            _ => ("e-mails have", None),
        };
        result.diagnostics.push(Diagnostic {
            severity: Severity::Warning,
            code: "email_not_ascii".to_owned(),
            employee: identifier,
            message: format!(
                "{} {noun} letters beyond ASCII, which many mail servers do not take: {}; if they are made from names, \
                 write `| ascii` in the template",
                foreign.len(),
                shown.join(", ")
            ),
        });
    }

    /// The diagnostic for one person whose manager was not found.
    #[must_use]
    pub fn told(&self, unresolved: &Unresolved) -> Diagnostic {
        let employee = self.employee(unresolved.employee);
        let consequence = match &unresolved.consequence {
            Consequence::Keeps(name) => format!("they keep {name}"),
            Consequence::Loses(name) => format!("they have none, because {name} is deleted"),
            Consequence::None => "they have none".to_owned(),
        };
        let problem = unresolved.why.words(&unresolved.manager);
        Diagnostic {
            severity: Severity::Warning,
            code: "manager_unresolved".to_owned(),
            employee: Some(employee.identifier.to_string()),
            message: format!("{}: {problem}; {consequence}", describe(employee)),
        }
    }

    /// Why no record or user has an identifier, as far as the records tell.
    pub(super) fn why_nobody(&self, identifier: &str) -> Why {
        match self.person(identifier) {
            Some(Person::Employee(_)) => Why::SetAside,
            Some(Person::Other) if self.people.is_of_good_record(identifier, &self.desired.employees) => Why::SetAside,
            Some(Person::Other) if self.set_aside_identifiers().contains(identifier) => Why::SetAside,
            Some(Person::Other) | None if self.desired.out_of_scope.contains(identifier) => Why::OutOfScope,
            Some(Person::Other) => Why::Elsewhere,
            None => Why::Nowhere,
        }
    }

    fn set_aside_identifiers(&self) -> &HashSet<&str> {
        let identifiers = || self.desired.set_aside.iter().filter_map(|record| record.identifier.as_ref());
        self.set_aside.get_or_init(|| identifiers().map(ExternalIdentifier::as_str).collect())
    }

    fn find_near_misses(&self, unresolved: &mut [Unresolved]) {
        if !unresolved.iter().any(|unresolved| unresolved.why == Why::Nowhere) {
            return;
        }
        let mut by_meaning: FxHashMap<String, Option<&str>> = FxHashMap::default();
        let employees = self.desired.employees.iter().map(|employee| employee.identifier.as_str());
        let users = self.directory.users.iter().filter_map(|user| user.identifier.as_ref());
        let users = users.map(ExternalIdentifier::as_str).filter(|identifier| self.person(identifier).is_none());
        for identifier in employees.chain(users) {
            by_meaning.entry(meaning(identifier)).and_modify(|one| *one = None).or_insert(Some(identifier));
        }
        for Unresolved { manager, why, .. } in unresolved {
            if *why == Why::Nowhere
                && let Some(Some(meant)) = by_meaning.get(&meaning(manager))
                && let Some(difference) = Difference::between(manager, meant)
            {
                *why = Why::Near(difference, (*meant).into());
            }
        }
    }

    /// Warns of managers who report to one another in a cycle.
    pub(super) fn tell_cycles(&self, diagnostics: &mut Vec<Diagnostic>) {
        if !self.policy.managed.manager {
            return;
        }
        // Each person has at most one manager, so a walk upwards ends or comes back to a person it has seen.
        const UNSEEN: u32 = 0;
        let mut walk_of = vec![UNSEEN; self.desired.employees.len()];
        let mut cycles: Vec<Vec<u32>> = Vec::new();
        for (start, walk) in (0..).zip(1..).take(walk_of.len()) {
            let (mut at, mut path) = (Some(start), Vec::new());
            while let Some(person) = at.filter(|&person| walk_of[person as usize] == UNSEEN) {
                walk_of[person as usize] = walk;
                path.push(person);
                at = self.manager_in_scope(person);
            }
            if let Some(first) = at.filter(|&person| walk_of[person as usize] == walk)
                && let Some(begin) = path.iter().position(|&person| person == first)
            {
                cycles.push(path.split_off(begin));
            }
        }
        let more = cycles.len().saturating_sub(CYCLES_SHOWN);
        for (index, cycle) in cycles.iter().take(CYCLES_SHOWN).enumerate() {
            let mut names: Vec<String> =
                cycle.iter().take(PEOPLE_SHOWN).map(|&person| self.short_name(person)).collect();
            if cycle.len() > PEOPLE_SHOWN {
                names.push(format!("{} more", cycle.len() - PEOPLE_SHOWN));
            }
            let others = if more > 0 && index + 1 == CYCLES_SHOWN {
                format!("; {more} more cycles are not shown")
            } else {
                String::new()
            };
            diagnostics.push(Diagnostic {
                severity: Severity::Warning,
                code: "manager_cycle".to_owned(),
                employee: None,
                message: format!(
                    "these report to one another in a cycle: {} → {}{others}",
                    names.join(" → "),
                    self.short_name(cycle[0])
                ),
            });
        }
    }

    fn short_name(&self, person: u32) -> String {
        let employee = self.employee(person);
        format!("{} {}", employee.identifier, employee.full_name())
    }

    /// The manager that a record names, if that is another good record.
    fn manager_in_scope(&self, person: u32) -> Option<u32> {
        let DesiredManager::Employee(identifier) = &self.employee(person).manager else { return None };
        match self.person(identifier.as_str()) {
            Some(Person::Employee(manager)) if manager != person => {
                let stays = |person: u32| !matches!(self.claims[person as usize], Claim::Aside(_));
                (stays(person) && stays(manager)).then_some(manager)
            }
            _ => None,
        }
    }
}

/// One line for many people.
fn told_once(people: &[&Unresolved]) -> Diagnostic {
    let mut by_manager: BTreeMap<&str, usize> = BTreeMap::new();
    for unresolved in people {
        *by_manager.entry(&unresolved.manager).or_default() += 1;
    }
    let mut managers: Vec<(&str, usize)> = by_manager.into_iter().collect();
    managers.sort_by_key(|&(_, reports)| Reverse(reports));
    let mut shown: Vec<String> = managers
        .iter()
        .take(MANAGERS_SHOWN)
        .map(|(manager, reports)| {
            format!("{manager:?} ({reports} {})", if *reports == 1 { "person" } else { "people" })
        })
        .collect();
    if managers.len() > MANAGERS_SHOWN {
        shown.push(format!("{} more", managers.len() - MANAGERS_SHOWN));
    }
    let count = |which: fn(&Consequence) -> bool| people.iter().filter(|one| which(&one.consequence)).count();
    let consequences = [
        (count(|one| matches!(one, Consequence::Keeps(_))), "keep their present manager"),
        (count(|one| matches!(one, Consequence::Loses(_))), "lose their manager, who is deleted"),
        (count(|one| matches!(one, Consequence::None)), "have none"),
    ];
    let consequences: Vec<String> =
        consequences.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let (example, why) = (&people[0].manager, &people[0].why);
    Diagnostic {
        severity: Severity::Warning,
        code: "manager_unresolved".to_owned(),
        employee: None,
        message: format!(
            "the managers of {} people cannot be found: {}; {}; {}",
            people.len(),
            shown.join(", "),
            why.words_for_many(example),
            consequences.join(", ")
        ),
    }
}
