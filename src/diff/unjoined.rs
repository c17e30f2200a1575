//! People whom a later source does not know only because of a bad key. A record of which it is not known whose it is names a
//! user without a person: creating somebody else instead could make a second user of one person.

use rustc_hash::FxHashSet;

use super::{Claim, Comparison, describe_user};
use crate::employee::{Stray, User};

impl<'a> Comparison<'a> {
    /// Sets aside who would be created and may be the user whom a stray record names.
    pub(super) fn set_unjoined_aside(&mut self) {
        let desired = self.desired;
        if desired.unjoined.is_empty() || desired.strays.is_empty() {
            return;
        }
        let without_person: FxHashSet<u32> = self.look_alike_users().into_iter().collect();
        let named = desired.strays.iter().find_map(|stray| Some((stray, self.named_by(stray, &without_person)?)));
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

    /// A user without a person whom a stray record names; also an inactive one, where these are made active again.
    fn named_by(&self, stray: &Stray, without_person: &FxHashSet<u32>) -> Option<&'a User> {
        let record = &stray.record;
        let described = self.described_users(record.identifier.as_ref(), record.email.as_ref());
        let active = described.into_iter().flatten().find(|user| without_person.contains(user));
        let is_theirs = |user: &&User| {
            user.identifier.is_some() && user.identifier == record.identifier
                || record.email.as_ref().is_some_and(|email| email.is(&user.email))
        };
        let inactive = || self.directory.inactive.iter().find(is_theirs).filter(|_| self.policy.reactivate);
        active.map(|user| self.user(user)).or_else(inactive)
    }
}
