//! People whom a later source does not know only because of a bad key. A record of which it is not known whose it is names a
//! user without a person: creating somebody else instead could make a second user of one person.

use rustc_hash::{FxHashMap, FxHashSet};

use super::changes::{Draft, Drafts};
use super::index::describe;
use super::keys::{identifier_of, keys};
use super::look_alikes::warning;
use super::strangers::Described;
use super::{Claim, Comparison, describe_user};
use crate::diagnostic::Diagnostic;
use crate::employee::{ExternalIdentifier, User};
use crate::text::name_words::name_words;

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

    /// Remarks for everybody who would be created, whom a later source does not know, and who has two words of the name of a
    /// user whom a record there names that belongs to nobody: its key may be a wrong one. The same name is told of anyway.
    pub(super) fn remark_unjoined(&self, drafts: &mut Drafts) {
        if self.named_later.is_empty() || self.desired.unjoined.is_empty() {
            return;
        }
        let named = self.look_alike_users().into_iter().filter(|user| self.named_later.contains(user));
        let by_words: FxHashMap<[String; 2], u32> = named
            .flat_map(|user| pairs(&self.user(user).full_name()).into_iter().map(move |pair| (pair, user)))
            .collect();
        let remark = |draft: &Draft| {
            let Draft::Create { employee, .. } = draft else { return None };
            let employee = self.employee(*employee);
            if !self.desired.unjoined.contains(&employee.identifier) {
                return None;
            }
            let user = self.user(pairs(&employee.full_name()).iter().find_map(|pair| by_words.get(pair).copied())?);
            if user.name_key() == employee.name_key() {
                return None;
            }
            let message = format!(
                "{} would be created; a source that says who people are has no record with their key, and one there that belongs \
                 to nobody names {}, whose name is much the same. If this is one person: correct that key at the source. If \
                 not: leave it and approve the plan",
                describe(employee),
                describe_user(user)
            );
            Some(warning(Some(employee.identifier.to_string()), message))
        };
        let remarks: Vec<Diagnostic> = drafts.drafts.iter().filter_map(remark).collect();
        drafts.diagnostics.extend(remarks);
    }

    /// Whoever has the identifier or the e-mail of a record that belongs to nobody; a user who would be deleted, also in another
    /// way of writing.
    pub(super) fn find_named_later(&mut self) {
        let named = &self.desired.of_nobody;
        let exact = named.iter().flat_map(|one| self.described_users(one.identifier.as_ref(), one.email.as_ref()));
        let mut users: FxHashSet<u32> = exact.flatten().collect();
        if !named.is_empty() {
            let leaving = self.take_leaving_by_key();
            for one in named.iter().filter(|_| !leaving.is_empty()) {
                let keys = keys(one.identifier.as_ref().map(ExternalIdentifier::as_str), one.email.as_ref());
                users.extend(keys.iter().filter_map(|key| leaving.get(key)).flatten());
            }
            self.leaving_by_key = Some(leaving);
        }
        self.named_later = users;
    }
}

/// The pairs of words of a name.
fn pairs(name: &str) -> Vec<[String; 2]> {
    let words = name_words(name);
    let pair = |first: usize, second: usize| [words[first].clone(), words[second].clone()];
    (1..words.len())
        .flat_map(|second| (0..second).map(move |first| (first, second)))
        .map(|(first, second)| pair(first, second))
        .collect()
}
