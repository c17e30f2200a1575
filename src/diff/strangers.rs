//! Whether a record that matches a user is somebody else's: pure comparisons of names and e-mails.

use rustc_hash::{FxHashMap, FxHashSet};

use super::inactive::ByValue;
use super::{Comparison, Person};
use crate::employee::possible::check_email;
use crate::employee::{Desired, Email, Employee, ExternalIdentifier, SetAside, Text, User, full_name, name_key};
use crate::text::name_words::{share_a_script, share_a_word};

/// Separates a name from an e-mail. It is invisible, and invisible characters are refused in both.
const BETWEEN: char = '\u{1f}';

/// What a record says of a person.
#[derive(Clone, Copy)]
pub(super) struct Described<'r> {
    identifier: Option<&'r str>,
    email: Option<&'r Email>,
    first_name: &'r str,
    last_name: &'r str,
}

impl Described<'_> {
    pub(super) fn full_name(&self) -> Text {
        full_name(self.first_name, self.last_name)
    }

    /// Whether two first names and two e-mails tell of two people. People who change both keep their first name.
    fn has_other_first_name(&self, owner: &User) -> bool {
        share_a_word(self.first_name, &owner.full_name()) == Some(false)
            && share_a_word(&owner.first_name, &self.full_name()) == Some(false)
    }
}

impl<'r> From<&'r Employee> for Described<'r> {
    fn from(employee: &'r Employee) -> Self {
        Self {
            identifier: Some(employee.identifier.as_str()),
            email: Some(&employee.email),
            first_name: &employee.first_name,
            last_name: &employee.last_name,
        }
    }
}

impl<'r> From<&'r SetAside> for Described<'r> {
    fn from(record: &'r SetAside) -> Self {
        Self {
            identifier: record.identifier.as_ref().map(|identifier| identifier.as_str()),
            email: record.email.as_ref(),
            first_name: record.first_name.as_deref().unwrap_or_default(),
            last_name: record.last_name.as_deref().unwrap_or_default(),
        }
    }
}

/// The names of users and of records, as they are compared. Who has the same name on the other side under the same identifier
/// is not alone.
#[derive(Debug)]
pub(super) struct Names {
    of_users: FxHashSet<String>,
    /// The names of users who are alone, with the place of an active one.
    pub(super) of_lone_users: FxHashMap<String, Option<u32>>,
    /// The same names, with what stands before the `@` of their e-mails.
    with_email: FxHashSet<String>,
    /// The names of records that are alone, and of all that do not count.
    of_lone_records: FxHashSet<String>,
}

impl Comparison<'_> {
    /// Whether a record that has the identifier or the e-mail of a user is somebody else's.
    ///
    /// - Whoever has the name and the e-mail of another user is that user. If another record has the name and the e-mail of
    ///   the user, it is that record's.
    /// - Otherwise the same name is the same person.
    /// - A part of the name is enough, unless something tells of a mix-up: another user, of whom there is no record, has the
    ///   record's name; or the e-mail is another one, and so is the first name, or another record has the user's name or e-mail.
    /// - Who has no word of the name is somebody else, unless the e-mail is the same, nobody else has the record's name, and
    ///   nothing tells of a mix-up. An e-mail that comes by a key, as the identifier does, tells nothing if the names could have
    ///   a word in common.
    /// - Who has no name at all is told by the e-mail.
    ///
    /// Of an e-mail, what stands before the `@` counts: a company may move to another domain.
    pub(super) fn is_another<'r>(&self, record: impl Into<Described<'r>>, owner: &User) -> bool {
        let record = record.into();
        let has_other_email = record.email.map(|email| email.local_part() != owner.email.local_part());
        let has_same_texts = (record.first_name, record.last_name) == (&*owner.first_name, &*owner.last_name);
        if has_same_texts && has_other_email == Some(false) {
            return false;
        }
        let name = name_key(record.first_name, record.last_name);
        if has_other_email == Some(true) && self.is_surely_another(&record, name.as_deref(), owner) {
            return true;
        }
        if has_same_texts || name.is_some() && name == owner.name_key() {
            return has_other_email == Some(true) && record.first_name.is_empty() && record.last_name.is_empty();
        }
        let (of_record, of_owner) = (record.full_name(), owner.full_name());
        match share_a_word(&of_record, &of_owner) {
            None => has_other_email == Some(true),
            Some(false) => {
                has_other_email != Some(false)
                    || self.desired.identity_comes_by_key && share_a_script(&of_record, &of_owner)
                    || name.as_ref().is_some_and(|name| self.names().of_users.contains(name))
                    || self.is_mixed_up(&record, name.as_deref(), owner)
            }
            Some(true) => {
                has_other_email == Some(true) && record.has_other_first_name(owner)
                    || name.as_ref().is_some_and(|name| self.names().of_lone_users.contains_key(name))
                    || (has_other_email != Some(false) || self.desired.identity_comes_by_key)
                        && self.is_mixed_up(&record, name.as_deref(), owner)
            }
        }
    }

    fn is_surely_another(&self, record: &Described<'_>, name: Option<&str>, owner: &User) -> bool {
        let is_other_user = || {
            let key = name_and_email(name?, record.email?);
            Some(self.names().with_email.contains(&key))
        };
        let is_other_record = || {
            let other = self.employee(self.people.with_email(owner.email.key(), &self.desired.employees)?);
            let is_other = Some(other.identifier.as_str()) != record.identifier;
            Some(is_other && other.name_key() == owner.name_key())
        };
        is_other_user() == Some(true) || is_other_record() == Some(true)
    }

    fn is_mixed_up(&self, record: &Described<'_>, name: Option<&str>, owner: &User) -> bool {
        let Names { of_lone_users, of_lone_records, .. } = self.names();
        let other = self.people.with_email(owner.email.key(), &self.desired.employees);
        other.is_some_and(|index| Some(self.employee(index).identifier.as_str()) != record.identifier)
            || name.is_some_and(|name| of_lone_users.contains_key(name))
            || owner.name_key().is_some_and(|name| of_lone_records.contains(&name))
    }

    /// Whether a record that is set aside does not tell whose it is: what it has of a user is somebody else's, or it has
    /// nothing of a user and lacks a usable identifier or e-mail.
    pub(super) fn is_unidentified(&self, record: Described<'_>, inactive: &ByValue<'_>) -> bool {
        let by_identifier = record.identifier.and_then(|identifier| self.owner_of_identifier(identifier));
        let by_email = record.email.and_then(|email| self.owner_of_email(email.key()));
        let active = [by_identifier, by_email].into_iter().flatten().map(|user| self.user(user));
        let inactive = record.identifier.and_then(|identifier| inactive.get(identifier)).into_iter().flatten();
        let mut owners = active.chain(inactive.map(|&user| self.inactive_user(user))).peekable();
        match owners.peek() {
            Some(_) => owners.all(|owner| {
                let has_its_name = share_a_word(&record.full_name(), &owner.full_name()) != Some(false);
                !has_its_name || self.is_another(record, owner)
            }),
            None => {
                record.identifier.is_none() || record.email.is_none_or(|email| check_email(email.as_str()).is_err())
            }
        }
    }

    /// The names on both sides.
    pub(super) fn names(&self) -> &Names {
        self.names.get_or_init(|| {
            let Desired { employees, elsewhere, set_aside, doubtful, names_outside, strays, .. } = self.desired;
            let has_user = |identifier: &ExternalIdentifier, name: &str| {
                let user = self.owner_of_identifier(identifier.as_str()).map(|user| self.user(user));
                user.and_then(User::name_key).is_some_and(|of_user| of_user == name)
            };
            let good = employees.iter().chain(elsewhere).map(|one| (Some(&one.identifier), one.name_key()));
            let bad = set_aside.iter().chain(doubtful).map(|one| (one.identifier.as_ref(), one.name_key()));
            let alone = |(identifier, name): (Option<&ExternalIdentifier>, Option<String>)| {
                name.filter(|name| !identifier.is_some_and(|identifier| has_user(identifier, name)))
            };
            // Records that do not count are nobody's, so that whoever has their user is somebody else.
            let outside = names_outside.iter().filter_map(|[first, last]| name_key(first, last));
            let passed_over = strays.iter().filter(|stray| stray.is_passed_over);
            let others = outside.chain(passed_over.filter_map(|stray| stray.record.name_key()));
            let has_record = |user: &User, name: &str| {
                let person = user.identifier.as_ref().and_then(|identifier| self.person(identifier.as_str()));
                let Some(Person::Employee(index)) = person else { return false };
                self.employee(index).name_key().is_some_and(|of_record| of_record == name)
            };
            let mut names = Names {
                of_users: FxHashSet::default(),
                of_lone_users: FxHashMap::default(),
                with_email: FxHashSet::default(),
                of_lone_records: good.chain(bad).filter_map(alone).chain(others).collect(),
            };
            let inactive = self.directory.inactive.iter().map(|user| (user, None));
            for (user, place) in inactive.chain(self.directory.users.iter().zip((0..).map(Some))) {
                let Some(name) = user.name_key() else { continue };
                if !has_record(user, &name) {
                    names.with_email.insert(name_and_email(&name, &user.email));
                    names.of_lone_users.insert(name.clone(), place);
                }
                names.of_users.insert(name);
            }
            names
        })
    }
}

fn name_and_email(name: &str, email: &Email) -> String {
    format!("{name}{BETWEEN}{}", email.local_part())
}
