//! Who has which identifier and which e-mail, on each side. Neither side looks at the other, so both can be made at the
//! same time.

use std::hash::BuildHasher as _;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::{Person, Untrusted};
use crate::employee::{Desired, Directory, Employee, KEY_CLAIMED_TWICE, User};
use crate::side_by_side::side_by_side;

/// The code of a person whose identifier several records have.
const IDENTIFIER_CLAIMED_TWICE: &str = "identifier_claimed_twice";

/// Skovik's side.
#[derive(Debug)]
pub struct UserIndex {
    by_identifier: Places,
    by_email: Places,
    /// Of each user, their manager among the users.
    pub(super) managers: Vec<Option<u32>>,
}

/// The company's side.
#[derive(Debug)]
pub struct PeopleIndex<'a> {
    /// Good records by identifier.
    by_identifier: Places,
    /// Good records by e-mail. Of several with one e-mail, this is the last; the others are in `shared_emails`.
    by_email: Places,
    shared_emails: FxHashMap<&'a str, Vec<u32>>,
    /// Identifiers that belong to no good record, or to more than one record in scope; also those of records that may be in
    /// scope.
    others: FxHashSet<&'a str>,
    /// The identifiers of which it is not known whose they are: of several records, or of one of several with one key.
    claimed_twice: FxHashSet<&'a str>,
    /// In the order of the records.
    pub(super) rivals: Vec<Rival>,
}

/// A good record whose identifier or e-mail another record in scope has too.
#[derive(Debug)]
pub(super) struct Rival {
    pub(super) employee: u32,
    pub(super) code: &'static str,
    pub(super) reason: String,
}

/// The places of people in their list, by a text that each of them has. It keeps four bytes for each person and no text:
/// who looks something up says where the texts are.
#[derive(Debug)]
struct Places(HashTable<u32>);

impl Places {
    fn for_people(people: usize) -> Self {
        Self(HashTable::with_capacity(people))
    }

    /// The place of the person with this text.
    fn get<'t>(&self, text: &str, text_at: impl Fn(u32) -> Option<&'t str>) -> Option<u32> {
        self.0.find(hash(text), |&place| text_at(place) == Some(text)).copied()
    }

    /// Adds a person. Returns the place of another one with the same text, which is forgotten.
    fn insert<'t>(&mut self, text: &str, place: u32, text_at: impl Fn(u32) -> Option<&'t str>) -> Option<u32> {
        let is_same = |&other: &u32| text_at(other) == Some(text);
        match self.0.entry(hash(text), is_same, |&other| hash(text_at(other).unwrap_or_default())) {
            Entry::Occupied(mut same) => Some(std::mem::replace(same.get_mut(), place)),
            Entry::Vacant(free) => {
                free.insert(place);
                None
            }
        }
    }
}

fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}

impl UserIndex {
    /// Indexes Skovik's users.
    ///
    /// # Errors
    /// If two of them have the same identifier or e-mail, or there are too many.
    pub fn of(directory: &Directory) -> Result<Self, Untrusted> {
        let users = &directory.users;
        not_too_many(users.len())?;
        let twice = |what, value: &str, first: u32, second: u32| Untrusted::Twice {
            what,
            value: value.to_owned(),
            first: users[first as usize].id.to_string(),
            second: users[second as usize].id.to_string(),
        };
        let mut by_identifier = Places::for_people(users.len());
        let mut by_email = Places::for_people(users.len());
        let mut by_id = Places::for_people(users.len());
        let id_at = |place: u32| Some(users[place as usize].id.as_str());
        for (place, user) in (0..).zip(users) {
            by_id.insert(user.id.as_str(), place, id_at);
            if let Some(identifier) = &user.identifier
                && let Some(first) = by_identifier.insert(identifier.as_str(), place, identifier_of(users))
            {
                return Err(twice("external identifier", identifier.as_str(), first, place));
            }
            if let Some(first) = by_email.insert(user.email.key(), place, email_of(users)) {
                return Err(twice("e-mail", user.email.as_str(), first, place));
            }
        }
        let manager = |user: u32| by_id.get(users[user as usize].manager.as_ref()?.as_str(), id_at);
        let managers = side_by_side(users.len() as u32, |range| range.map(manager).collect::<Vec<_>>()).concat();
        Ok(Self { by_identifier, by_email, managers })
    }

    /// The user with an identifier; `users` are those that were indexed.
    pub(super) fn with_identifier(&self, identifier: &str, users: &[User]) -> Option<u32> {
        self.by_identifier.get(identifier, identifier_of(users))
    }

    /// The user with an e-mail, which is given by its key; `users` are those that were indexed.
    pub(super) fn with_email(&self, email_key: &str, users: &[User]) -> Option<u32> {
        self.by_email.get(email_key, email_of(users))
    }
}

fn identifier_of<'u>(users: &'u [User]) -> impl Fn(u32) -> Option<&'u str> {
    |place| users[place as usize].identifier.as_ref().map(|identifier| identifier.as_str())
}

fn email_of<'u>(users: &'u [User]) -> impl Fn(u32) -> Option<&'u str> {
    |place| Some(users[place as usize].email.key())
}

impl<'a> PeopleIndex<'a> {
    /// Indexes the company's records.
    ///
    /// # Errors
    /// If there are too many.
    pub fn of(desired: &'a Desired) -> Result<Self, Untrusted> {
        let employees = &desired.employees;
        not_too_many(employees.len())?;
        let employee_at = |index: u32| &employees[index as usize];
        let identifier_at = |index: u32| Some(employee_at(index).identifier.as_str());
        let email_at = |index: u32| Some(employee_at(index).email.key());
        let mut by_identifier = Places::for_people(employees.len());
        let mut by_email = Places::for_people(employees.len());
        let mut shared_emails: FxHashMap<&'a str, Vec<u32>> = FxHashMap::default();
        let mut rivals: FxHashMap<u32, (&'static str, String)> = FxHashMap::default();
        for (index, employee) in (0..).zip(employees) {
            if let Some(first) = by_identifier.insert(employee.identifier.as_str(), index, identifier_at) {
                let reason = |other: &Employee| {
                    format!("the external identifier {} also belongs to {}", employee.identifier, describe(other))
                };
                rivals.entry(first).or_insert_with(|| (IDENTIFIER_CLAIMED_TWICE, reason(employee)));
                rivals.insert(index, (IDENTIFIER_CLAIMED_TWICE, reason(employee_at(first))));
            }
            if let Some(first) = by_email.insert(employee.email.key(), index, email_at) {
                shared_emails.entry(employee.email.key()).or_default().push(first);
                let reason =
                    |other: &Employee| format!("the e-mail {} also belongs to {}", employee.email, describe(other));
                rivals.entry(first).or_insert_with(|| ("email_claimed_twice", reason(employee)));
                rivals.entry(index).or_insert_with(|| ("email_claimed_twice", reason(employee_at(first))));
            }
        }
        let mut others: FxHashSet<&'a str> = FxHashSet::default();
        let set_aside =
            desired.set_aside.iter().map(|record| (record.identifier.as_ref(), record.email.as_ref(), &record.origin));
        let elsewhere = desired.elsewhere.iter().map(|e| (Some(&e.identifier), Some(&e.email), &e.origin));
        for (identifier, email, origin) in set_aside.chain(elsewhere) {
            if let Some(identifier) = identifier
                && others.insert(identifier.as_str())
                && let Some(index) = by_identifier.get(identifier.as_str(), identifier_at)
            {
                let reason = || format!("the external identifier {identifier} also belongs to {origin}");
                rivals.entry(index).or_insert_with(|| (IDENTIFIER_CLAIMED_TWICE, reason()));
            }
            if let Some(email) = email
                && let Some(index) = by_email.get(email.key(), email_at)
            {
                let reason = || format!("the e-mail {email} also belongs to {origin}");
                rivals.entry(index).or_insert_with(|| ("email_claimed_twice", reason()));
            }
        }
        let mut rivals: Vec<Rival> =
            rivals.into_iter().map(|(employee, (code, reason))| Rival { employee, code, reason }).collect();
        rivals.sort_unstable_by_key(|rival| rival.employee);
        others.extend(rivals.iter().map(|rival| employee_at(rival.employee).identifier.as_str()));
        let of_rivals = rivals.iter().filter(|rival| rival.code == IDENTIFIER_CLAIMED_TWICE);
        let mut claimed_twice: FxHashSet<&'a str> =
            of_rivals.map(|rival| employee_at(rival.employee).identifier.as_str()).collect();
        let same_key = desired.set_aside.iter().filter(|record| record.code == KEY_CLAIMED_TWICE);
        claimed_twice.extend(same_key.filter_map(|record| record.identifier.as_ref()).map(|id| id.as_str()));
        // Somebody who may be in scope is a person of their own, unless a good record is theirs.
        let doubtful = desired.doubtful.iter().filter_map(|record| record.identifier.as_ref());
        let is_good = |identifier: &str| by_identifier.get(identifier, identifier_at).is_some();
        others.extend(doubtful.map(|identifier| identifier.as_str()).filter(|identifier| !is_good(identifier)));
        Ok(Self { by_identifier, by_email, shared_emails, others, claimed_twice, rivals })
    }

    /// Whose record an identifier belongs to; `employees` are those that were indexed.
    pub(super) fn with_identifier(&self, identifier: &str, employees: &[Employee]) -> Option<Person> {
        if self.others.contains(identifier) {
            return Some(Person::Other);
        }
        let identifier_at = |index: u32| Some(employees[index as usize].identifier.as_str());
        self.by_identifier.get(identifier, identifier_at).map(Person::Employee)
    }

    /// Whether a good record has an identifier; `employees` are those that were indexed.
    pub(super) fn is_of_good_record(&self, identifier: &str, employees: &[Employee]) -> bool {
        self.by_identifier.get(identifier, |index| Some(employees[index as usize].identifier.as_str())).is_some()
    }

    /// Whether it is not known whose an identifier is.
    pub(super) fn is_claimed_twice(&self, identifier: &str) -> bool {
        self.claimed_twice.contains(identifier)
    }

    /// The good record with an e-mail, which is given by its key; `employees` are those that were indexed. Of several, the last:
    /// all of them are set aside.
    pub(super) fn with_email(&self, email_key: &str, employees: &[Employee]) -> Option<u32> {
        self.by_email.get(email_key, |index| Some(employees[index as usize].email.key()))
    }

    /// All good records with an e-mail, which is given by its key; `employees` are those that were indexed.
    pub(super) fn all_with_email(&self, email_key: &str, employees: &[Employee]) -> impl Iterator<Item = u32> {
        let others = self.shared_emails.get(email_key).into_iter().flatten().copied();
        self.with_email(email_key, employees).into_iter().chain(others)
    }
}

/// # Errors
/// If places in a list of so many do not fit 32 bits.
fn not_too_many(people: usize) -> Result<(), Untrusted> {
    if people >= u32::MAX as usize { Err(Untrusted::TooMany) } else { Ok(()) }
}

/// An employee for a message: the name and the place of the record.
pub(super) fn describe(employee: &Employee) -> String {
    format!("{} ({})", employee.full_name(), employee.origin)
}
