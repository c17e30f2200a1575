//! Whether a record that matches a user is somebody else's: pure comparisons of names and e-mails.

use std::collections::hash_map::Entry;
use std::hash::Hash;

use rustc_hash::{FxHashMap, FxHashSet};

use super::inactive::ByValue;
use super::keys::keys;
use super::{Comparison, Person};
use crate::employee::possible::check_email;
use crate::employee::{Desired, Email, Employee, ExternalIdentifier, SetAside, Text, User, full_name, name_key};
use crate::text::name_words::{may_be_one_first_name, share_a_script, share_a_word};

/// Separates a name from an e-mail. It is invisible, and invisible characters are refused in both.
const BETWEEN: char = '\u{1f}';

/// What a record says of a person.
#[derive(Clone, Copy)]
pub(super) struct Described<'r> {
    pub(super) identifier: Option<&'r str>,
    pub(super) email: Option<&'r Email>,
    first_name: &'r str,
    last_name: &'r str,
    /// Whether the record is set aside, or may be.
    is_aside: bool,
}

impl Described<'_> {
    pub(super) fn without_email(self) -> Self {
        Self { email: None, ..self }
    }

    pub(super) fn full_name(&self) -> Text {
        full_name(self.first_name, self.last_name)
    }

    /// The name as names are compared, if it is whole.
    pub(super) fn name_key(&self) -> Option<String> {
        name_key(self.first_name, self.last_name)
    }

    /// Whether two first names and two e-mails tell of two people. People who change both keep their first name. It may stand with
    /// the last name, or the two may have changed places.
    fn has_other_first_name(&self, owner: &User) -> bool {
        let (own, full) = (self.full_name(), owner.full_name());
        let first = |first: &str, full: &str| if first.trim().is_empty() { full.to_owned() } else { first.to_owned() };
        let is_whole =
            ![self.first_name, self.last_name, &*owner.first_name, &*owner.last_name].map(str::trim).contains(&"");
        let has_changed_places = is_whole
            && may_be_one_first_name(self.first_name, &owner.last_name)
            && may_be_one_first_name(self.last_name, &owner.first_name);
        !(has_changed_places || may_be_one_first_name(&first(self.first_name, &own), &first(&owner.first_name, &full)))
    }
}

impl<'r> From<&'r Employee> for Described<'r> {
    fn from(employee: &'r Employee) -> Self {
        Self {
            identifier: Some(employee.identifier.as_str()),
            email: Some(&employee.email),
            first_name: &employee.first_name,
            last_name: &employee.last_name,
            is_aside: false,
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
            is_aside: true,
        }
    }
}

/// The names of users and of records, as they are compared. Who has the same name on the other side under the same identifier
/// is not alone.
#[derive(Debug)]
pub(super) struct Names<'a> {
    of_users: FxHashSet<String>,
    /// The names of users who are alone, with the place of an active one.
    pub(super) of_lone_users: FxHashMap<String, Option<u32>>,
    /// The same names, with what stands before the `@` of their e-mails.
    with_email: FxHashSet<String>,
    of_lone_records: FxHashSet<String>,
    /// The names of records that do not count.
    of_others: FxHashMap<String, Whose<'a>>,
    /// The same with what stands before the `@` of their e-mails, of those outside the scope.
    outside_with_email: FxHashMap<String, Whose<'a>>,
    /// The e-mails of records that do not count, or that are set aside.
    emails_of_others: FxHashMap<&'a str, Whose<'a>>,
}

/// The identifiers of records that do not count and say the same.
#[derive(Debug)]
enum Whose<'a> {
    One(Option<&'a ExternalIdentifier>),
    Several,
}

impl<'a> Whose<'a> {
    /// Notes one more record.
    fn note<K: Eq + Hash>(all: &mut FxHashMap<K, Self>, key: Option<K>, identifier: Option<&'a ExternalIdentifier>) {
        let Some(key) = key else { return };
        match all.entry(key) {
            Entry::Vacant(new) => drop(new.insert(Self::One(identifier))),
            Entry::Occupied(mut known) => {
                if !matches!(known.get(), Self::One(one) if *one == identifier) {
                    known.insert(Self::Several);
                }
            }
        }
    }

    /// Whether one of the records is another one than this. A record with the identifier of the user tells who had it before; one
    /// with the identifier of somebody who is found by e-mail is an earlier one of that person. One that is set aside may be among
    /// them itself.
    fn is_another(&self, record: &Described<'_>, owner: &User, may_be_itself: bool) -> bool {
        let of_owner = owner.identifier.as_ref().map(ExternalIdentifier::as_str);
        match self {
            Self::One(identifier) => {
                (of_owner == record.identifier && !may_be_itself)
                    || identifier.map(ExternalIdentifier::as_str) != record.identifier
            }
            Self::Several => true,
        }
    }
}

impl<'a> Comparison<'a> {
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
                let has_email_of_another = || has_other_email == Some(true) || self.is_of_one_outside(&record, owner);
                record.has_other_first_name(owner) && has_email_of_another()
                    || name.as_ref().is_some_and(|name| self.names().of_lone_users.contains_key(name))
                    || self.has_doubtful_email(&record, owner) && self.is_mixed_up(&record, name.as_deref(), owner)
            }
        }
    }

    fn is_surely_another(&self, record: &Described<'_>, name: Option<&str>, owner: &User) -> bool {
        let is_other_user = || {
            let key = name_and_email(name?, record.email?);
            Some(self.names().with_email.contains(&key))
        };
        let is_other_record =
            || self.others_with_email_of(owner, record).any(|other| other.name_key() == owner.name_key());
        // A name that comes by a wrong key is that of the key's user, and the e-mail tells who the record is of.
        let is_of_lost_user = || {
            let user = self.user(self.owner_of_email(record.email?.key()).filter(|_| self.desired.names_come_by_key)?);
            let person = user.identifier.as_ref().and_then(|identifier| self.person(identifier.as_str()));
            Some(user.id != owner.id && !matches!(person, Some(Person::Employee(_))))
        };
        [is_other_user(), is_of_lost_user()].contains(&Some(true))
            || is_other_record()
            || self.is_of_one_outside(record, owner)
    }

    /// The good records under another identifier than a record's that have the e-mail of a user.
    fn others_with_email_of<'s>(&'s self, owner: &User, record: &Described<'_>) -> impl Iterator<Item = &'s Employee> {
        let with_email = self.people.all_with_email(owner.email.key(), &self.desired.employees);
        let identifier = record.identifier;
        with_email.map(|index| self.employee(index)).filter(move |other| Some(other.identifier.as_str()) != identifier)
    }

    /// Whether a record outside the scope, under another identifier than this one, has the name and the e-mail of a user.
    fn is_of_one_outside(&self, record: &Described<'_>, owner: &User) -> bool {
        let key = owner.name_key().map(|name| name_and_email(&name, &owner.email));
        match key.and_then(|key| self.names().outside_with_email.get(&key)) {
            Some(Whose::One(identifier)) => identifier.map(ExternalIdentifier::as_str) != record.identifier,
            Some(Whose::Several) => true,
            None => false,
        }
    }

    /// Whether the e-mail of a record does not confirm that a user is of this person: it is another one; it comes by the key, as the
    /// identifier does; or it is all that the two have in common.
    fn has_doubtful_email(&self, record: &Described<'_>, owner: &User) -> bool {
        record.email.is_none_or(|email| email.local_part() != owner.email.local_part())
            || self.desired.identity_comes_by_key
            || owner.identifier.as_ref().map(ExternalIdentifier::as_str) != record.identifier
    }

    fn is_mixed_up(&self, record: &Described<'_>, name: Option<&str>, owner: &User) -> bool {
        let Names { of_lone_users, of_lone_records, of_others, emails_of_others, .. } = self.names();
        let is_of_other = |whose: Option<&Whose<'_>>, may_be_itself| {
            whose.is_some_and(|whose| whose.is_another(record, owner, may_be_itself))
        };
        self.others_with_email_of(owner, record).next().is_some()
            || name.is_some_and(|name| of_lone_users.contains_key(name))
            || owner
                .name_key()
                .is_some_and(|name| of_lone_records.contains(&name) || is_of_other(of_others.get(&name), false))
            || is_of_other(emails_of_others.get(owner.email.key()), record.is_aside)
    }

    /// Whether a record that is set aside does not tell whose it is: what it has of a user is somebody else's, or it has
    /// nothing of a user and lacks a usable identifier or e-mail. `written` are users by their keys.
    pub(super) fn is_unidentified(
        &self,
        record: Described<'_>,
        inactive: &ByValue<'_>,
        written: &FxHashMap<String, Vec<u32>>,
    ) -> bool {
        let shares = |owner: &User| share_a_word(&record.full_name(), &owner.full_name()) != Some(false);
        let by_identifier = record.identifier.and_then(|identifier| self.owner_of_identifier(identifier));
        let by_email = record.email.and_then(|email| self.owner_of_email(email.key()));
        let active = [by_identifier, by_email].into_iter().flatten().map(|user| self.user(user));
        let inactive = record.identifier.and_then(|identifier| inactive.get(identifier)).into_iter().flatten();
        let mut owners = active.chain(inactive.map(|&user| self.inactive_user(user))).peekable();
        match owners.peek() {
            Some(_) => owners.all(|owner| !shares(owner) || self.is_another(record, owner)),
            None => {
                let keys = keys(record.identifier, record.email);
                let mut written = keys.iter().filter_map(|key| written.get(key)).flatten().peekable();
                (written.peek().is_some() && written.all(|&owner| !shares(self.user(owner))))
                    || record.identifier.is_none()
                    || record.email.is_none_or(|email| check_email(email.as_str()).is_err())
            }
        }
    }

    /// The names on both sides.
    pub(super) fn names(&self) -> &Names<'a> {
        self.names.get_or_init(|| {
            let Desired { employees, elsewhere, set_aside, doubtful, outside, strays, .. } = self.desired;
            let has_user = |identifier: &ExternalIdentifier, name: &str| {
                let user = self.owner_of_identifier(identifier.as_str()).map(|user| self.user(user));
                user.and_then(User::name_key).is_some_and(|of_user| of_user == name)
            };
            let good = employees.iter().chain(elsewhere).map(|one| (Some(&one.identifier), one.name_key()));
            let bad = set_aside.iter().chain(doubtful).map(|one| (one.identifier.as_ref(), one.name_key()));
            let alone = |(identifier, name): (Option<&ExternalIdentifier>, Option<String>)| {
                name.filter(|name| !identifier.is_some_and(|identifier| has_user(identifier, name)))
            };
            let (mut of_others, mut emails_of_others) = (FxHashMap::default(), FxHashMap::default());
            let mut outside_with_email = FxHashMap::default();
            // An e-mail that comes by the key is that of the record which counts.
            let email_of = |email: &'a Option<Email>| {
                email.as_ref().filter(|_| !self.desired.identity_comes_by_key).map(Email::key)
            };
            for one in outside {
                let identifier = one.identifier.as_ref();
                let name = name_key(&one.first_name, &one.last_name);
                let both = one.email.as_ref().filter(|_| !self.desired.identity_comes_by_key).zip(name.as_ref());
                let both = both.map(|(email, name)| name_and_email(name, email));
                Whose::note(&mut outside_with_email, both, identifier);
                Whose::note(&mut of_others, name, identifier);
                Whose::note(&mut emails_of_others, email_of(&one.email), identifier);
            }
            let passed_over = strays.iter().filter(|stray| stray.is_passed_over).map(|stray| &stray.record);
            for record in passed_over.clone() {
                Whose::note(&mut of_others, record.name_key(), record.identifier.as_ref());
            }
            for record in passed_over.chain(set_aside).chain(doubtful) {
                Whose::note(&mut emails_of_others, email_of(&record.email), record.identifier.as_ref());
            }
            let has_record = |user: &User, name: &str| {
                let person = user.identifier.as_ref().and_then(|identifier| self.person(identifier.as_str()));
                let Some(Person::Employee(index)) = person else { return false };
                self.employee(index).name_key().is_some_and(|of_record| of_record == name)
            };
            let mut names = Names {
                of_users: FxHashSet::default(),
                of_lone_users: FxHashMap::default(),
                with_email: FxHashSet::default(),
                of_lone_records: good.chain(bad).filter_map(alone).collect(),
                of_others,
                outside_with_email,
                emails_of_others,
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
