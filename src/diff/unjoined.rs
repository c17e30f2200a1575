//! People whom a later source does not know only because of a bad key. A record of which it is not known whose it is names a
//! user without a person: creating somebody else instead could make a second user of one person.

use rustc_hash::FxHashMap;

use super::resembling::keys;
use super::{Claim, Comparison, describe_user};
use crate::employee::{Desired, ExternalIdentifier, Outside, User, name_key};

impl Comparison<'_> {
    /// Sets aside who would be created and may be the user whom a stray record names.
    pub(super) fn set_unjoined_aside(&mut self) {
        let desired = self.desired;
        if desired.unjoined.is_empty() || desired.strays.is_empty() {
            return;
        }
        let mut without_person: FxHashMap<String, &User> = FxHashMap::default();
        let active = self.look_alike_users().into_iter().map(|user| self.user(user));
        // An inactive one counts where these are made active again.
        let inactive = self.directory.inactive.iter().filter(|_| self.policy.reactivate);
        for user in active.chain(inactive) {
            without_person.extend(keys(user.identifier.as_ref(), Some(&user.email)).into_iter().map(|key| (key, user)));
        }
        let named = desired.strays.iter().find_map(|stray| {
            let keys = keys(stray.record.identifier.as_ref(), stray.record.email.as_ref());
            Some((stray, keys.iter().find_map(|key| without_person.get(key))?))
        });
        let Some((stray, user)) = named else { return };
        let reason = format!(
            "a source that says who people are has no record with their key, and {}, of which {}, names {}, who may be this \
             person; correct that key at the source",
            stray.record.origin,
            stray.record.reason,
            describe_user(user)
        );
        for index in 0..self.claims.len() as u32 {
            if self.claims[index as usize] == Claim::New && desired.unjoined.contains(&self.employee(index).identifier)
            {
                self.set_employee_aside(index, "record_unjoined", &reason);
            }
        }
    }

    /// Whoever has the identifier or the e-mail of a record that belongs to nobody.
    pub(super) fn find_named_later(&mut self) {
        let named = self.desired.of_nobody.iter();
        let users = named.flat_map(|one| self.described_users(one.identifier.as_ref(), one.email.as_ref())).flatten();
        self.named_later = users.collect();
    }

    /// Withholds the deletes of people who have two halves of a record under two keys. One is outside the scope, because a source
    /// that decides about it has no record with its key. The other one is of a later source and belongs to nobody; if that source
    /// does not say who people are, it names nobody.
    pub(super) fn withhold_parted(&mut self) {
        let Desired { outside, out_of_scope, .. } = self.desired;
        let mut halves = Halves::default();
        outside.iter().filter(|half| half.lacks_a_row).for_each(|half| halves.note(half));
        let leaving: Vec<u32> = self.leaving().collect();
        for user in leaving {
            let described = self.user(user);
            let identifier = described.identifier.as_ref();
            let by_email = || halves.by_email.get(described.email.key());
            let half = if self.named_later.contains(&user) {
                let by_identifier = identifier.and_then(|identifier| halves.by_identifier.get(identifier));
                let by_name = || halves.by_name.get(&described.name_key()?);
                by_identifier.or_else(by_email).or_else(by_name).or(halves.of_anybody.as_ref())
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

/// Records outside the scope that may have another half, by what they say of who they are.
#[derive(Default)]
struct Halves<'a> {
    by_identifier: FxHashMap<&'a ExternalIdentifier, &'a Outside>,
    by_email: FxHashMap<&'a str, &'a Outside>,
    by_name: FxHashMap<String, &'a Outside>,
    /// One that says nothing but its identifier, which may be the wrong key.
    of_anybody: Option<&'a Outside>,
}

impl<'a> Halves<'a> {
    fn note(&mut self, half: &'a Outside) {
        let name = name_key(&half.first_name, &half.last_name);
        if name.is_none() && half.email.is_none() {
            self.of_anybody.get_or_insert(half);
        }
        self.by_identifier.extend(half.identifier.as_ref().map(|identifier| (identifier, half)));
        self.by_email.extend(half.email.as_ref().map(|email| (email.key(), half)));
        self.by_name.extend(name.map(|name| (name, half)));
    }
}
