//! Whether a record that matches a user is somebody else's: pure comparisons of names and e-mails.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Comparison;
use crate::employee::{Desired, Email, Employee, SetAside, User, full_name, name_key};
use crate::text::name_words::share_a_word;

/// Separates a name from an e-mail. It is invisible, and invisible characters are refused in both.
const BETWEEN: char = '\u{1f}';

/// What a record says of a person.
pub(super) struct Described<'r> {
    identifier: Option<&'r str>,
    email: Option<&'r Email>,
    first_name: &'r str,
    last_name: &'r str,
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

/// The names of all users and of all records, as they are compared.
#[derive(Debug)]
pub(super) struct Names {
    /// With the place of an active user who has it.
    pub(super) of_users: FxHashMap<String, Option<u32>>,
    /// The names of users, with what stands before the `@` of their e-mails.
    with_email: FxHashSet<String>,
    of_records: FxHashSet<String>,
}

impl Comparison<'_> {
    /// Whether a record that has the identifier or the e-mail of a user is somebody else's.
    ///
    /// - Whoever has the name and the e-mail of another user is that user. If another record has the name and the e-mail of
    ///   the user, it is that record's.
    /// - Otherwise the same name is the same person.
    /// - A part of the name is enough, unless the e-mail is another one and something tells of a mix-up: another user has the
    ///   record's name, or another record has the user's name or e-mail.
    /// - Who has no word of the name is somebody else, unless the e-mail is the same and nothing tells of a mix-up.
    /// - Who has no name at all is told by the e-mail.
    ///
    /// Of an e-mail, what stands before the `@` counts: a company may move to another domain.
    pub(super) fn is_another<'r>(&self, record: impl Into<Described<'r>>, owner: &User) -> bool {
        let record = record.into();
        let name = name_key(record.first_name, record.last_name);
        let has_other_email = record.email.map(|email| email.local_part() != owner.email.local_part());
        if has_other_email == Some(true) && self.is_surely_another(&record, name.as_deref(), owner) {
            return true;
        }
        if (record.first_name, record.last_name) == (&*owner.first_name, &*owner.last_name)
            || name.is_some() && name == owner.name_key()
        {
            return has_other_email == Some(true) && record.first_name.is_empty() && record.last_name.is_empty();
        }
        match share_a_word(&full_name(record.first_name, record.last_name), &owner.full_name()) {
            None => has_other_email == Some(true),
            Some(false) => has_other_email != Some(false) || self.is_mixed_up(&record, name.as_deref(), owner),
            Some(true) => has_other_email != Some(false) && self.is_mixed_up(&record, name.as_deref(), owner),
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
        let Names { of_users, of_records, .. } = self.names();
        let other = self.people.with_email(owner.email.key(), &self.desired.employees);
        other.is_some_and(|index| Some(self.employee(index).identifier.as_str()) != record.identifier)
            || name.is_some_and(|name| of_users.contains_key(name))
            || owner.name_key().is_some_and(|name| of_records.contains(&name))
    }

    /// The names on both sides.
    pub(super) fn names(&self) -> &Names {
        self.names.get_or_init(|| {
            let Desired { employees, elsewhere, set_aside, doubtful, .. } = self.desired;
            let good = employees.iter().chain(elsewhere).filter_map(Employee::name_key);
            let others = set_aside.iter().chain(doubtful).filter_map(SetAside::name_key);
            let inactive = self.directory.inactive.iter().map(|user| (user, None));
            let users = || inactive.clone().chain(self.directory.users.iter().zip((0..).map(Some)));
            Names {
                of_users: users().filter_map(|(user, place)| Some((user.name_key()?, place))).collect(),
                with_email: users()
                    .filter_map(|(user, _)| Some(name_and_email(&user.name_key()?, &user.email)))
                    .collect(),
                of_records: good.chain(others).collect(),
            }
        })
    }
}

fn name_and_email(name: &str, email: &Email) -> String {
    format!("{name}{BETWEEN}{}", email.local_part())
}
