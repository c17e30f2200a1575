//! Finds new people who have the name or the e-mail that a row outside the scope gives to a user, or whose row has the key of such
//! a row: somebody with two employments, of which the one in Skovik has ended, and who has changed the name. They may be one
//! person. A person decides.

use rustc_hash::FxHashMap;

use super::keys::{identifier_of, keys};
use super::look_alikes::Pair;
use super::{Claim, Comparison};
use crate::employee::{Email, ExternalIdentifier, Origin, name_key};

impl Comparison<'_> {
    /// Who would be created and may be one of these users without a record, by what the rows of that user say that do not count.
    /// The name in Skovik is told of anyway.
    pub(super) fn told_by_own_rows(&self, users: &[u32]) -> Vec<Pair> {
        let mut owners: FxHashMap<String, u32> = FxHashMap::default();
        for &user in users {
            owners.extend(keys(identifier_of(self.user(user)), None).into_iter().map(|key| (key, user)));
        }
        if owners.is_empty() {
            return Vec::new();
        }
        let owner = |identifier: &ExternalIdentifier| {
            keys(Some(identifier.as_str()), None).iter().find_map(|key| owners.get(key)).copied()
        };
        let of_passed_over = self.desired.strays.iter().filter(|stray| stray.is_passed_over).map(|stray| {
            let one = &stray.record;
            (one.identifier.as_ref(), one.name_key(), one.email.as_ref(), &one.origin)
        });
        let outside = self.desired.outside.iter().map(|one| {
            let name = name_key(&one.first_name, &one.last_name);
            (one.identifier.as_ref(), name, one.email.as_ref(), &one.origin)
        });
        let (mut by_name, mut by_email) = (FxHashMap::default(), FxHashMap::default());
        for (identifier, name, email, origin) in outside.chain(of_passed_over) {
            let Some(user) = identifier.and_then(owner) else { continue };
            let row: (u32, &Origin) = (user, origin);
            // Of several users, the first: the order of the rows decides nothing.
            let first = |kept: &mut (u32, _)| *kept = if user < kept.0 { row } else { *kept };
            name.map(|name| by_name.entry(name).and_modify(first).or_insert(row));
            email.map(|email: &Email| by_email.entry(email.key()).and_modify(first).or_insert(row));
        }
        let mut by_key: FxHashMap<&ExternalIdentifier, u32> = FxHashMap::default();
        for [own, counts] in &self.desired.same_key {
            owner(own).map(|user| by_key.entry(counts).and_modify(|kept| *kept = user.min(*kept)).or_insert(user));
        }
        let mut found = Vec::new();
        for (newcomer, claim) in (0..).zip(&self.claims) {
            if !matches!(claim, Claim::New | Claim::Inactive(_)) {
                continue;
            }
            let employee = self.employee(newcomer);
            let name = employee.name_key();
            let by_key = by_key.get(&employee.identifier).map(|user| (*user, "has a row with the key of".into()));
            let by_name = name.as_ref().and_then(|name| by_name.get(name));
            let by_name =
                by_name.map(|(user, origin)| (*user, format!("has the name in {origin}, which is a row of").into()));
            let by_email = by_email.get(employee.email.key());
            let by_email =
                by_email.map(|(user, origin)| (*user, format!("has the e-mail in {origin}, which is a row of").into()));
            let all = [by_key, by_name, by_email].into_iter().flatten();
            let others = all.filter(|(user, _)| self.user(*user).name_key() != name);
            found.extend(others.map(|(user, by)| Pair { newcomer, user, by }));
        }
        found
    }
}
