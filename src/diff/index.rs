//! Who has which identifier and which e-mail, on each side. Neither side looks at the other, so both can be made at the
//! same time.

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::{Person, Untrusted};
use crate::employee::{Desired, Directory, Employee, User};

/// Skovik's side.
#[derive(Debug)]
pub struct UserIndex<'a> {
    pub(super) users_by_identifier: FxHashMap<&'a str, u32>,
    pub(super) users_by_email: FxHashMap<&'a str, u32>,
    /// Of each user, their manager among the users.
    pub(super) managers: Vec<Option<u32>>,
}

/// The company's side.
#[derive(Debug)]
pub struct PeopleIndex<'a> {
    /// Records that have an identifier to themselves.
    pub(super) people: FxHashMap<&'a str, Person>,
    /// Good records by e-mail.
    pub(super) employees_by_email: FxHashMap<&'a str, u32>,
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

impl<'a> UserIndex<'a> {
    /// Indexes Skovik's users.
    ///
    /// # Errors
    /// If two of them have the same identifier or e-mail, or there are too many.
    pub fn of(directory: &'a Directory) -> Result<Self, Untrusted> {
        let users = &directory.users;
        not_too_many(users.len())?;
        let twice = |what, value: &str, first: u32, second: u32| Untrusted::Twice {
            what,
            value: value.to_owned(),
            first: users[first as usize].id.to_string(),
            second: users[second as usize].id.to_string(),
        };
        let mut index = Self {
            users_by_identifier: map_for(users.len()),
            users_by_email: map_for(users.len()),
            managers: Vec::new(),
        };
        let mut by_id: FxHashMap<&str, u32> = map_for(users.len());
        for (place, user) in (0..).zip(users) {
            by_id.insert(user.id.as_str(), place);
            if let Some(identifier) = &user.identifier
                && let Some(first) = index.users_by_identifier.insert(identifier.as_str(), place)
            {
                return Err(twice("external identifier", identifier.as_str(), first, place));
            }
            if let Some(first) = index.users_by_email.insert(user.email.key(), place) {
                return Err(twice("e-mail", user.email.as_str(), first, place));
            }
        }
        let manager = |user: &User| by_id.get(user.manager.as_ref()?.as_str()).copied();
        index.managers = users.iter().map(manager).collect();
        Ok(index)
    }
}

impl<'a> PeopleIndex<'a> {
    /// Indexes the company's records.
    ///
    /// # Errors
    /// If there are too many.
    pub fn of(desired: &'a Desired) -> Result<Self, Untrusted> {
        not_too_many(desired.employees.len())?;
        let employee_at = |index: u32| &desired.employees[index as usize];
        let mut people: FxHashMap<&'a str, Person> = map_for(desired.employees.len());
        let mut emails: FxHashMap<&'a str, u32> = map_for(desired.employees.len());
        let mut rivals: FxHashMap<u32, (&'static str, String)> = FxHashMap::default();
        for (index, employee) in (0..).zip(&desired.employees) {
            if let Some(before) = people.insert(employee.identifier.as_str(), Person::Employee(index)) {
                let reason = |other: &Employee| {
                    format!("the external identifier {} also belongs to {}", employee.identifier, describe(other))
                };
                if let Person::Employee(first) = before {
                    rivals.entry(first).or_insert_with(|| ("identifier_claimed_twice", reason(employee)));
                    rivals.insert(index, ("identifier_claimed_twice", reason(employee_at(first))));
                }
            }
            if let Some(first) = emails.insert(employee.email.key(), index) {
                let reason =
                    |other: &Employee| format!("the e-mail {} also belongs to {}", employee.email, describe(other));
                rivals.entry(first).or_insert_with(|| ("email_claimed_twice", reason(employee)));
                rivals.entry(index).or_insert_with(|| ("email_claimed_twice", reason(employee_at(first))));
            }
        }
        let others =
            desired.set_aside.iter().map(|record| (record.identifier.as_ref(), record.email.as_ref(), &record.origin));
        let elsewhere = desired.elsewhere.iter().map(|e| (Some(&e.identifier), Some(&e.email), &e.origin));
        for (identifier, email, origin) in others.chain(elsewhere) {
            if let Some(identifier) = identifier
                && let Some(Person::Employee(index)) = people.insert(identifier.as_str(), Person::Other)
            {
                let reason = || format!("the external identifier {identifier} also belongs to {origin}");
                rivals.entry(index).or_insert_with(|| ("identifier_claimed_twice", reason()));
            }
            if let Some(email) = email
                && let Some(index) = emails.get(email.key())
            {
                let reason = || format!("the e-mail {email} also belongs to {origin}");
                rivals.entry(*index).or_insert_with(|| ("email_claimed_twice", reason()));
            }
        }
        let mut rivals: Vec<Rival> =
            rivals.into_iter().map(|(employee, (code, reason))| Rival { employee, code, reason }).collect();
        rivals.sort_unstable_by_key(|rival| rival.employee);
        for rival in &rivals {
            people.insert(employee_at(rival.employee).identifier.as_str(), Person::Other);
        }
        Ok(Self { people, employees_by_email: emails, rivals })
    }
}

/// # Errors
/// If places in a list of so many do not fit 32 bits.
fn not_too_many(people: usize) -> Result<(), Untrusted> {
    if people >= u32::MAX as usize { Err(Untrusted::TooMany) } else { Ok(()) }
}

fn map_for<K, V>(people: usize) -> FxHashMap<K, V> {
    FxHashMap::with_capacity_and_hasher(people, FxBuildHasher)
}

/// An employee for a message: the name and the place of the record.
pub(super) fn describe(employee: &Employee) -> String {
    format!("{} ({})", employee.full_name(), employee.origin)
}
