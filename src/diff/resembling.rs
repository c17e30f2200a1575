//! Bad records whose identifier or e-mail is not a user's, but is read as that user's: with an invisible character, in
//! another case, or with a name around the address; and records that tell by something else whom they may be of. Their users are
//! not deleted.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Comparison;
use super::held::describe_record;
use super::keys::{few_by_key, identifier_of, keys};
use super::strangers::Described;
use crate::employee::{ExternalIdentifier, Stray};
use crate::text::name_words::name_words;

impl Comparison<'_> {
    /// Withholds the deletes of the users whom records resemble; `what` became of these records.
    pub(super) fn withhold_resembled<'r>(
        &mut self,
        records: impl IntoIterator<Item = (Described<'r>, String)>,
        what: &str,
    ) {
        let mut records = records.into_iter().peekable();
        if records.peek().is_none() {
            return;
        }
        let leaving = self.take_leaving_by_key();
        for (record, who) in records {
            for key in keys(record.identifier, record.email) {
                for &user in leaving.get(&key).into_iter().flatten() {
                    self.withhold(
                        user,
                        &format!("{who} {what} and has the same identifier or e-mail, written in another way"),
                    );
                }
            }
        }
        self.leaving_by_key = Some(leaving);
    }

    /// The users who would be deleted, by their keys. Whoever is kept since may still be among them. It is to be put back.
    pub(super) fn take_leaving_by_key(&mut self) -> FxHashMap<String, Vec<u32>> {
        self.leaving_by_key.take().unwrap_or_else(|| {
            let mut by_key: FxHashMap<String, Vec<u32>> = FxHashMap::default();
            for user in self.leaving() {
                let described = self.user(user);
                for key in keys(identifier_of(described), Some(&described.email)) {
                    by_key.entry(key).or_default().push(user);
                }
            }
            by_key
        })
    }

    /// Withholds the deletes of people who may be in scope after all.
    pub(super) fn withhold_doubtful(&mut self) {
        let desired = self.desired;
        for record in &desired.doubtful {
            let reason = format!("{} may be in scope: {}", describe_record(record), record.reason);
            let described = self.described_users(record.identifier.as_ref(), record.email.as_ref());
            let name = record.name_key();
            let mut named = match (described, &name) {
                // It could be anybody.
                ([None, None], None) if record.identifier.is_none() => self.doubted(None),
                (_, Some(name)) => self.doubted(Some(name)),
                (_, None) => Vec::new(),
            };
            // Its identifier may be a mistake, so that it is the record of whoever has the name and has not surely left.
            if record.identifier.is_some() {
                let held = |user: u32| self.user(user).identifier.as_ref();
                named.retain(|&user| held(user).is_none_or(|identifier| !desired.out_of_scope.contains(identifier)));
            }
            described.into_iter().flatten().chain(named).for_each(|user| self.withhold(user, &reason));
        }
    }

    /// Withholds the deletes of the people whom records name of which it is not known whose they are. Who is surely out of
    /// scope is deleted all the same.
    pub(super) fn withhold_stray(&mut self) {
        let desired = self.desired;
        let in_doubt: FxHashSet<&ExternalIdentifier> =
            desired.doubtful.iter().filter_map(|record| record.identifier.as_ref()).collect();
        let is_out = |id: &ExternalIdentifier| desired.out_of_scope.contains(id) && !in_doubt.contains(id);
        let has_left = |stray: &Stray| !stray.is_repeated && stray.record.identifier.as_ref().is_some_and(is_out);
        let strays = desired.strays.iter().filter(|stray| !has_left(stray));
        let records = strays.clone().map(|stray| (Described::from(&stray.record), describe_record(&stray.record)));
        self.withhold_resembled(records, "may be of somebody who stays");
        for Stray { record, .. } in strays {
            let reason = format!("{} is theirs, and {}", record.origin, record.reason);
            let described = self.described_users(record.identifier.as_ref(), record.email.as_ref());
            described.into_iter().flatten().for_each(|user| self.withhold(user, &reason));
            if let Some(name) = record.name_key() {
                self.doubted(Some(&name)).into_iter().for_each(|user| self.withhold(user, &reason));
            }
        }
    }

    /// Withholds the deletes of the users who share a part of the name with a record that does not tell who it is of: people
    /// change their names, and write them in several ways, and an identifier may be a new one or a mistake.
    pub(super) fn withhold_namesakes<'r>(
        &mut self,
        records: impl IntoIterator<Item = (Described<'r>, String)>,
        what: &str,
    ) {
        let mut records: Vec<(Described<'r>, String)> = records.into_iter().collect();
        if records.is_empty() || self.leaving().next().is_none() {
            return;
        }
        let inactive = self.inactive_by_identifier();
        let wanted = records.iter().flat_map(|(record, _)| keys(record.identifier, record.email)).collect();
        let users = &self.directory.users;
        let written = few_by_key(users.len() as u32, Some(&wanted), |user| {
            let user = &users[user as usize];
            keys(identifier_of(user), Some(&user.email))
        });
        records.retain(|(record, _)| self.is_unidentified(*record, &inactive, &written));
        let mut leaving: FxHashMap<String, Vec<u32>> = FxHashMap::default();
        for user in self.leaving() {
            for word in name_words(&self.user(user).full_name()) {
                leaving.entry(word).or_default().push(user);
            }
        }
        for (record, who) in records {
            for word in name_words(&record.full_name()) {
                for &user in leaving.get(&word).into_iter().flatten() {
                    self.withhold(user, &format!("{who} {what}, does not tell who it is of, and shares a name"));
                }
            }
        }
    }
}
