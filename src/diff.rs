//! Who is who, and the four groups: create, update, delete, unchanged.
//!
//! [`Comparison::new`] matches employees with users, sets aside people who cannot be told apart, and withholds every
//! delete that could hit a person whose record is only wrong. [`Comparison::drafts`] then says what would change, and
//! [`crate::order`] finds an order. People in a cycle are set aside, and the order is tried again.
//!
//! Setting somebody aside only removes operations and never adds one. So this ends, and the rules in here may be
//! applied in any order. Each step is linear in the people. Nothing in here does I/O.

mod absences;
mod another;
mod changes;
mod held;
mod inactive;
mod index;
mod keys;
mod look_alikes;
mod matching;
mod moment;
mod nearly_named;
mod outside;
mod own_rows;
mod protect;
mod protected;
mod reasons;
mod references;
mod resembling;
mod second_rows;
mod settle;
mod spellings;
mod strangers;
#[cfg(test)]
pub(crate) mod tests;
mod twins;
mod unchecked;
mod unjoined;

use std::collections::{BTreeSet, HashSet};
use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Severity};
use crate::employee::{BranchId, Desired, Directory, Employee, ExternalIdentifier, Managed, User};

pub use absences::{Absences, Memory, Note, Reading};
pub use changes::{Changed, Draft, Drafts, ManagerTarget};
pub use index::{PeopleIndex, UserIndex};
pub use moment::{Moment, Wait};
pub use protect::Protect;
pub use protected::{ROLES_NOT_TOLD, protection_remarks};
pub use reasons::REASONS_TO_REMOVE;
pub use references::Unresolved;

/// What a new identifier on a known e-mail means (`[scope] renumber`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renumber {
    /// A person must say; both are set aside.
    #[default]
    Ask,
    /// It is the same person, rehired or renumbered; the user is updated.
    SamePerson,
}

/// Who may be deleted (`[scope] remove`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remove {
    /// Users with an external identifier.
    #[default]
    Identified,
    /// All managed users.
    All,
    /// Nobody.
    None,
}

impl Remove {
    /// Whether a user whom no record describes may be deleted.
    fn may_remove(self, user: &User) -> bool {
        match self {
            Self::All => true,
            Self::Identified => user.identifier.is_some(),
            Self::None => false,
        }
    }
}

/// The settings that decide who is who and what may be touched.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Which fields are compared and written.
    pub managed: Managed,
    /// Whether employees without a match by identifier adopt the user with their e-mail.
    pub adopt: bool,
    /// What a new identifier on a known e-mail means.
    pub renumber: Renumber,
    /// The employees whose renumbering a person has decided (`plan --same-person`).
    pub same_person: BTreeSet<ExternalIdentifier>,
    /// Who may be deleted.
    pub remove: Remove,
    /// Whether an inactive user whom a person matches is made active again (`[target] reactivate`).
    pub reactivate: bool,
    /// Whether the e-mail of a deleted user stays taken, so that nobody else can have it.
    pub leavers_keep_emails: bool,
    /// Who is never touched.
    pub protect: Protect,
    /// The only branches that are managed; all, if `None`.
    pub branches: Option<BTreeSet<BranchId>>,
    /// What earlier readings say of who is missing; none without second thoughts (`[scope] remove_after`).
    pub absences: Option<Absences>,
}

/// Why the two sides cannot be compared at all.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// Skovik holds something twice that it promises to hold once.
    #[error("Skovik lists two users with the {what} {value:?}, {first} and {second}; its list cannot be trusted")]
    Twice {
        /// `external identifier` or `e-mail`.
        what: &'static str,
        /// The value.
        value: String,
        /// One user's id.
        first: String,
        /// The other's.
        second: String,
    },
    /// A role is protected, but Skovik does not tell roles.
    #[error(
        "[scope] protect names a role, but Skovik's list has no roles for the user {user}; protection cannot be judged"
    )]
    NoRoles {
        /// The user's id.
        user: String,
    },
    /// There are more people than operation numbers.
    #[error("more than {} people on one side", u32::MAX - 1)]
    TooMany,
}

/// Both sides, and the match status of each person. Indices into `desired.employees` and `directory.users` are `u32`.
#[derive(Debug)]
pub struct Comparison<'a> {
    desired: &'a Desired,
    directory: &'a Directory,
    policy: &'a Policy,
    users: UserIndex,
    people: PeopleIndex<'a>,
    claims: Vec<Claim>,
    standings: Vec<Standing>,
    diagnostics: Vec<Diagnostic>,
    /// Events that are still to be handled; empty between calls.
    queue: Vec<Event>,
    /// Who is missing.
    reading: Reading,
    /// The identifiers of records that were set aside when they were read; made when first needed.
    set_aside: OnceLock<HashSet<&'a str>>,
    /// Whether Skovik tells anybody's roles; found out when first needed.
    tells_roles: OnceLock<bool>,
    /// The employees who were set aside with a user who may be another person: they may be somebody else's record.
    undecided: FxHashSet<u32>,
    /// Users whose identifier a record has that is somebody else's.
    refused: FxHashSet<u32>,
    /// Their names, and those of inactive ones, with a description.
    displaced: FxHashMap<String, String>,
    /// The names on both sides; found out when first needed.
    names: OnceLock<strangers::Names<'a>>,
    /// Users whom a record of a later source names that belongs to nobody in the first source.
    named_later: FxHashSet<u32>,
    /// Users who would be deleted, by name; made when first needed.
    leaving_by_name: Option<FxHashMap<String, Vec<u32>>>,
    /// The same by their keys.
    leaving_by_key: Option<FxHashMap<String, Vec<u32>>>,
}

/// Whose record an identifier belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Person {
    /// A good record.
    Employee(u32),
    /// Any other record in scope: set aside, of another configuration's branch, or one of several with this identifier. Or
    /// a record that may be in scope.
    Other,
}

/// Which user an employee matches. Users are given by their index in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nobody yet.
    New,
    /// This user, who may be changed.
    User(u32),
    /// This user, who must not be changed: protected, or in a branch that is not managed.
    Kept(u32),
    /// This inactive user, by the index among the inactive, who is made active again.
    Inactive(u32),
    /// Set aside, with the user that they match.
    Aside(Option<u32>),
}

/// The match status of a user. Employees are given by their index among the desired ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not this configuration's business: outside its branches, or unmatched and not to be deleted by the settings.
    Unmanaged,
    /// Never touched.
    Protected,
    /// Matched by this employee.
    Claimed(u32),
    /// Matched by a record that was set aside.
    Held,
    /// Matched by a record of another configuration's branch.
    Elsewhere,
    /// To be deleted.
    Leaving,
    /// Would be deleted, but there is a doubt.
    Withheld,
    /// Would be deleted, but has not been missing for long enough.
    Waiting,
}

/// A change of somebody's status that may affect other people.
#[derive(Debug, Clone, Copy)]
enum Event {
    EmployeeAside(u32),
    UserStays(u32),
}

/// How many people of each kind there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Population {
    /// Users that this configuration may change: in its branches, not protected, and matched or deletable.
    pub managed: u64,
    /// Good records in scope, after all conflicts.
    pub employees: u64,
    /// Records in scope.
    pub in_scope: u64,
    /// Records in scope that were set aside.
    pub set_aside: u64,
}

impl<'a> Comparison<'a> {
    /// Decides who is who.
    ///
    /// # Errors
    /// If Skovik's list contradicts what Skovik promises; see [`Untrusted`].
    pub fn new(desired: &'a Desired, directory: &'a Directory, policy: &'a Policy) -> Result<Self, Untrusted> {
        let (people, users) = (PeopleIndex::of(desired)?, UserIndex::of(directory)?);
        Self::with(people, users, desired, directory, policy)
    }

    /// The same, where both sides are indexed already.
    ///
    /// # Errors
    /// As [`Comparison::new`].
    pub fn with(
        people: PeopleIndex<'a>,
        users: UserIndex,
        desired: &'a Desired,
        directory: &'a Directory,
        policy: &'a Policy,
    ) -> Result<Self, Untrusted> {
        let mut comparison = Self::matched(people, users, desired, directory, policy)?;
        comparison.keep_an_admin();
        comparison.find_obstacles();
        comparison.settle();
        comparison.think_twice();
        Ok(comparison)
    }

    /// How many people of each kind there are.
    #[must_use]
    pub fn population(&self) -> Population {
        let aside = self.claims.iter().filter(|claim| matches!(claim, Claim::Aside(_))).count();
        Population {
            managed: self.managed_users().count() as u64,
            employees: (self.claims.len() - aside) as u64,
            in_scope: self.desired.in_scope,
            set_aside: (self.desired.set_aside.len() + aside) as u64,
        }
    }

    /// The users that this configuration may change.
    pub fn managed_users(&self) -> impl Iterator<Item = &'a User> {
        let managed = |standing: &Standing| match standing {
            Standing::Claimed(_) | Standing::Held | Standing::Leaving | Standing::Withheld | Standing::Waiting => true,
            Standing::Unmanaged | Standing::Protected | Standing::Elsewhere => false,
        };
        let pairs = self.standings.iter().zip(&self.directory.users);
        pairs.filter(move |(standing, _)| managed(standing)).map(|(_, user)| user)
    }

    /// The diagnostics found so far.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Sets aside the people of cycles that cannot be ordered, and whoever this affects. Each cycle is a list of
    /// drafts.
    pub fn set_cycles_aside(&mut self, drafts: &[Draft], cycles: &[Vec<u32>]) {
        for cycle in cycles {
            let names: Vec<String> = cycle.iter().map(|&draft| self.draft_name(&drafts[draft as usize])).collect();
            let shown = names.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
            let more = if names.len() > 6 { format!(" and {} more", names.len() - 6) } else { String::new() };
            let reason = format!(
                "these changes depend on each other in a cycle: {shown}{more}; if they are right, make one by hand in Skovik, or in two \
                steps at the source"
            );
            for &draft in cycle {
                match drafts[draft as usize] {
                    Draft::Create { employee, .. }
                    | Draft::Update { employee, .. }
                    | Draft::Reactivate { employee, .. } => {
                        self.set_employee_aside(employee, "cannot_be_ordered", &reason);
                    }
                    Draft::Delete { user } => self.withhold(user, &reason),
                }
            }
        }
        self.settle();
    }

    fn draft_name(&self, draft: &Draft) -> String {
        match *draft {
            Draft::Create { employee, .. } | Draft::Update { employee, .. } | Draft::Reactivate { employee, .. } => {
                let employee = self.employee(employee);
                format!("{} {}", employee.identifier, employee.full_name())
            }
            Draft::Delete { user } => describe_user(self.user(user)),
        }
    }

    /// An employee by index.
    #[must_use]
    pub fn employee(&self, index: u32) -> &'a Employee {
        &self.desired.employees[index as usize]
    }

    /// A user by index.
    #[must_use]
    pub fn user(&self, index: u32) -> &'a User {
        &self.directory.users[index as usize]
    }

    /// Which user an employee matches.
    #[must_use]
    pub fn claim_of(&self, employee: u32) -> Claim {
        self.claims[employee as usize]
    }

    /// The match status of a user.
    #[must_use]
    pub fn standing_of(&self, user: u32) -> Standing {
        self.standings[user as usize]
    }

    /// A user's manager, by index.
    #[must_use]
    pub fn manager_of(&self, user: u32) -> Option<u32> {
        self.users.managers[user as usize]
    }

    /// The user who has an e-mail now.
    #[must_use]
    pub fn owner_of_email(&self, email_key: &str) -> Option<u32> {
        self.users.with_email(email_key, &self.directory.users)
    }

    /// The user who has an identifier now.
    fn owner_of_identifier(&self, identifier: &str) -> Option<u32> {
        self.users.with_identifier(identifier, &self.directory.users)
    }

    /// Whose record an identifier belongs to.
    fn person(&self, identifier: &str) -> Option<Person> {
        self.people.with_identifier(identifier, &self.desired.employees)
    }

    /// The account.
    #[must_use]
    pub fn directory(&self) -> &'a Directory {
        self.directory
    }

    /// The settings.
    #[must_use]
    pub fn policy(&self) -> &'a Policy {
        self.policy
    }

    fn diagnose(&mut self, severity: Severity, code: &str, employee: Option<&ExternalIdentifier>, message: String) {
        let employee = employee.map(ToString::to_string);
        self.diagnostics.push(Diagnostic { severity, code: code.to_owned(), employee, message });
    }
}

/// A user for a message: identifier if there is one, name, e-mail.
fn describe_user(user: &User) -> String {
    let name = user.full_name();
    match &user.identifier {
        Some(identifier) => format!("{identifier} {name} <{}>", user.email),
        None => format!("{name} <{}>, user {}", user.email, user.id),
    }
}
