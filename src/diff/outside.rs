//! Deletes of people who may not be gone: their record may be outside the scope, or not be found, because of a wrong key.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Comparison;
use super::keys::{identifier_of, keys};
use crate::employee::{
    Contradiction, Desired, Email, Employee, ExternalIdentifier, Origin, Outside, User, full_name, name_key,
};

impl Comparison<'_> {
    /// Withholds the deletes of people whose e-mail or name something has that does not count for them, under another identifier:
    /// that may be a mistake, and what a later source says under it be said of somebody else. Whoever has a whole record of
    /// their own outside the scope is gone.
    pub(super) fn withhold_misnumbered(&mut self) {
        let Desired { outside, elsewhere, contradictions, out_of_scope, .. } = self.desired;
        let parted: FxHashSet<&ExternalIdentifier> = outside
            .iter()
            .filter(|record| record.lacks_a_row)
            .filter_map(|record| record.identifier.as_ref())
            .collect();
        let mut by_email: FxHashMap<String, u32> = FxHashMap::default();
        let mut by_name: FxHashMap<String, Vec<u32>> = FxHashMap::default();
        for user in self.leaving() {
            let described = self.user(user);
            let is_gone =
                |identifier: &ExternalIdentifier| out_of_scope.contains(identifier) && !parted.contains(identifier);
            if described.identifier.as_ref().is_some_and(|identifier| !is_gone(identifier)) {
                by_email.extend(keys(None, Some(&described.email)).into_iter().map(|key| (key, user)));
                by_name.entry(described.name_key().unwrap_or_default()).or_default().push(user);
            }
        }
        if by_email.is_empty() {
            return;
        }
        by_name.remove("");
        let told = outside.iter().map(Told::from).chain(elsewhere.iter().map(Told::from));
        for told in told.chain(contradictions.iter().map(Told::from)) {
            let emails = keys(None, told.email);
            let with_email = emails.iter().filter_map(|key| by_email.get(key));
            let with_name = told.name().and_then(|name| by_name.get(&name)).into_iter().flatten();
            for &user in with_email.chain(with_name) {
                let is_parted = || self.user(user).identifier.as_ref().is_some_and(|own| parted.contains(own));
                // Who it is of has left, unless what it has of the user comes by a key.
                if told.has_surely_left && !is_parted() {
                    continue;
                }
                if self.may_be_told_of(&told, self.user(user)) {
                    self.withhold(user, &told.reason(self.user(user)));
                }
            }
        }
    }

    /// Whether something with the e-mail or the name of a user may be about them, although it has another identifier.
    fn may_be_told_of(&self, told: &Told<'_>, user: &User) -> bool {
        // Somebody may have written it in another way into Skovik.
        let written = keys(identifier_of(user), None);
        if keys(told.identifier.map(ExternalIdentifier::as_str), None).iter().any(|key| written.contains(key)) {
            return false;
        }
        let Desired { identity_comes_by_key, names_come_by_key, .. } = self.desired;
        let name = told.name();
        let owner = told.identifier.and_then(|identifier| self.owner_of_identifier(identifier.as_str()));
        let is_of_owner = name.is_some() && owner.is_some_and(|owner| self.user(owner).name_key() == name);
        if is_of_owner && (told.is_one_row || !names_come_by_key) {
            return false;
        }
        match told.email {
            Some(email) if is_written_like(email, &user.email) => true,
            // Two people may have one name, unless the name or the e-mail comes by a key.
            Some(_) => !told.is_one_row && (*identity_comes_by_key || *names_come_by_key),
            None => true,
        }
    }

    /// Withholds the deletes of people who have two halves of a record under two keys. One is outside the scope, because a source
    /// that decides about it has no record with its key. The other one is of a later source and belongs to nobody; if that source
    /// does not say who people are, it names nobody.
    pub(super) fn withhold_parted(&mut self) {
        let Desired { outside, out_of_scope, .. } = self.desired;
        let mut halves = Halves::default();
        outside.iter().filter(|record| record.may_have_half).for_each(|half| halves.note(half));
        let is_named = self.desired.of_nobody.iter().filter(|_| !halves.is_empty());
        let names: FxHashSet<&str> = is_named.filter_map(|row| row.name.as_deref()).collect();
        let leaving: Vec<u32> = self.leaving().filter(|_| !halves.is_empty()).collect();
        for user in leaving {
            let described = self.user(user);
            let identifier = described.identifier.as_ref();
            let by_email = || halves.written_as(&keys(None, Some(&described.email)));
            let is_named = || described.name_key().is_some_and(|name| names.contains(&*name));
            let half = if self.named_later.contains(&user) || is_named() {
                let by_identifier = halves.written_as(&keys(identifier_of(described), None));
                let by_name = || halves.by_name.get(&described.name_key()?).copied();
                by_identifier.or_else(by_email).or_else(by_name).or(halves.of_anybody)
            } else {
                identifier.filter(|identifier| !out_of_scope.contains(*identifier)).and_then(|_| by_email())
            };
            if let Some(half) = half {
                let reason = format!(
                    "{} may be theirs, and is outside the scope only because a later source has no record with its key: one of \
                     the two keys may be a mistake; correct it at the source",
                    half.origin
                );
                self.withhold(user, &reason);
            }
        }
    }
}

/// Whether two e-mails are the same, or read as the same.
pub(super) fn is_written_like(one: &Email, other: &Email) -> bool {
    let keys_of_other = keys(None, Some(other));
    keys(None, Some(one)).iter().any(|key| keys_of_other.contains(key))
}

/// What says who somebody is, and does not count.
struct Told<'a> {
    identifier: Option<&'a ExternalIdentifier>,
    email: Option<&'a Email>,
    first_name: &'a str,
    last_name: &'a str,
    origin: &'a Origin,
    /// Whether it is said by one row, so that nothing of it comes by a key.
    is_one_row: bool,
    /// Whether it is out of scope whatever later sources say under its key.
    has_surely_left: bool,
    why: &'static str,
}

/// The identifier, the e-mail, and both names.
type Names<'a> = (Option<&'a ExternalIdentifier>, Option<&'a Email>, &'a str, &'a str);

impl<'a> Told<'a> {
    fn new((identifier, email, first_name, last_name): Names<'a>, origin: &'a Origin, why: &'static str) -> Self {
        let (is_one_row, has_surely_left) = (false, false);
        Self { identifier, email, first_name, last_name, origin, is_one_row, has_surely_left, why }
    }

    fn name(&self) -> Option<String> {
        name_key(self.first_name, self.last_name)
    }

    fn reason(&self, user: &User) -> String {
        let Self { email, first_name, last_name, origin, why, .. } = self;
        let what = if email.is_some_and(|email| is_written_like(email, &user.email)) { "e-mail" } else { "name" };
        let name = full_name(first_name, last_name);
        let identifier =
            self.identifier.map_or_else(String::new, |identifier| format!(", with the identifier {identifier}"));
        let who = if name.is_empty() { origin.to_string() } else { format!("{name} ({origin})") };
        format!(
            "{who} has their {what} and {why}{identifier}: if that is a wrong key, correct it at the source; if they are gone, \
             remove that user in Skovik"
        )
    }
}

impl<'a> From<&'a Outside> for Told<'a> {
    fn from(record: &'a Outside) -> Self {
        let Outside { identifier, email, first_name, last_name, origin, is_so_by_itself, .. } = record;
        let person = (identifier.as_ref(), email.as_ref(), &**first_name, &**last_name);
        Self { has_surely_left: *is_so_by_itself, ..Self::new(person, origin, "is outside the scope") }
    }
}

impl<'a> From<&'a Employee> for Told<'a> {
    fn from(employee: &'a Employee) -> Self {
        let Employee { identifier, email, first_name, last_name, origin, .. } = employee;
        let person = (Some(identifier), Some(email), &**first_name, &**last_name);
        Self::new(person, origin, "is in a branch that is not managed here")
    }
}

impl<'a> From<&'a Contradiction> for Told<'a> {
    fn from(row: &'a Contradiction) -> Self {
        let Contradiction { identifier, email, first_name, last_name, origin } = row;
        let person = (identifier.as_ref(), email.as_ref(), &**first_name, &**last_name);
        Self { is_one_row: true, ..Self::new(person, origin, "belongs to a record with another name or e-mail") }
    }
}

/// Records outside the scope that may have another half, by what they say of who they are.
#[derive(Default)]
struct Halves<'a> {
    /// By the identifier and the e-mail, in whatever way they are written.
    by_key: FxHashMap<String, &'a Outside>,
    by_name: FxHashMap<String, &'a Outside>,
    /// One that says nothing but its identifier, which may be the wrong key.
    of_anybody: Option<&'a Outside>,
}

impl<'a> Halves<'a> {
    fn is_empty(&self) -> bool {
        self.by_key.is_empty() && self.by_name.is_empty() && self.of_anybody.is_none()
    }

    fn written_as(&self, keys: &[String]) -> Option<&'a Outside> {
        keys.iter().find_map(|key| self.by_key.get(key).copied())
    }

    fn note(&mut self, half: &'a Outside) {
        let name = name_key(&half.first_name, &half.last_name);
        if name.is_none() && half.email.is_none() {
            self.of_anybody.get_or_insert(half);
        }
        let identifier = half.identifier.as_ref().map(ExternalIdentifier::as_str);
        self.by_key.extend(keys(identifier, half.email.as_ref()).into_iter().map(|key| (key, half)));
        self.by_name.extend(name.map(|name| (name, half)));
    }
}
