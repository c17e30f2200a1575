//! People whom a later source does not know only because of a bad key. A record of which it is not known whose it is names a
//! user without a person: creating somebody else instead could make a second user of one person.

use rustc_hash::{FxHashMap, FxHashSet};

use super::resembling::keys;
use super::{Claim, Comparison, Standing, describe_user};
use crate::employee::{Desired, User, name_key};

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

    /// Withholds the deletes of people who have two halves of a record: one is outside the scope, because a source has no
    /// record with its key; the other one is of that source, and belongs to nobody.
    pub(super) fn withhold_parted(&mut self) {
        let Desired { out_of_scope, names_outside, .. } = self.desired;
        let mut named: Vec<u32> = self.named_later.iter().copied().collect();
        named.retain(|&user| self.standings[user as usize] == Standing::Leaving);
        if named.is_empty() || names_outside.is_empty() && out_of_scope.is_empty() {
            return;
        }
        named.sort_unstable();
        let names: FxHashSet<String> = names_outside.iter().filter_map(|[first, last]| name_key(first, last)).collect();
        for user in named {
            let described = self.user(user);
            let is_outside = described.identifier.as_ref().is_some_and(|identifier| out_of_scope.contains(identifier));
            if is_outside || described.name_key().is_some_and(|name| names.contains(&name)) {
                let whose = if is_outside { "identifier" } else { "name" };
                let reason = format!(
                    "a record outside the scope has their {whose}, and a record of a later source, whose key nobody has, names \
                     them: one of the two keys may be a mistake"
                );
                self.withhold(user, &reason);
            }
        }
    }
}
