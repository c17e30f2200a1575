//! People whom a later source does not know only because of a bad key. A record of which it is not known whose it is names a
//! user without a person: creating somebody else instead could make a second user of one person.

use rustc_hash::FxHashMap;

use super::resembling::{identifier_of, keys};
use super::strangers::Described;
use super::{Claim, Comparison, describe_user};
use crate::employee::User;

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
            without_person.extend(keys(identifier_of(user), Some(&user.email)).into_iter().map(|key| (key, user)));
        }
        let named = desired.strays.iter().find_map(|stray| {
            let record = Described::from(&stray.record);
            let keys = keys(record.identifier, record.email);
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
}
