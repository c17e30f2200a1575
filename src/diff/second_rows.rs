//! Finds new people who have the name of somebody else in the lists, and that person's mailbox at another domain. They may be one
//! person with two records, such as of two employments, of which one may be bad. A person decides.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::changes::Drafts;
use super::held::describe_record;
use super::index::describe;
use super::look_alikes::warning;
use super::outside::is_written_like;
use super::{Claim, Comparison, Standing, describe_user};
use crate::employee::{Desired, Email};
use crate::side_by_side::side_by_side;

impl Comparison<'_> {
    /// Remarks for everybody who would be created and may have another record. With the same e-mail, both are set aside anyway.
    pub(super) fn remark_second_rows(&self, drafts: &mut Drafts) {
        let mut new_by_mailbox: FxHashMap<&str, Vec<u32>> = FxHashMap::default();
        let is_new = |index: u32| self.claims[index as usize] == Claim::New;
        for index in (0..self.claims.len() as u32).filter(|&index| is_new(index)) {
            new_by_mailbox.entry(self.employee(index).email.local_part()).or_default().push(index);
        }
        if new_by_mailbox.is_empty() {
            return;
        }
        let namesakes = |email: &Email, name: &dyn Fn() -> Option<String>| {
            let new = new_by_mailbox.get(email.local_part()).into_iter().flatten().copied();
            // With the very e-mail, both are set aside, or told of elsewhere.
            let new = new.filter(|&index| !is_written_like(email, &self.employee(index).email));
            new.filter(|&index| self.employee(index).name_key().is_some_and(|own| name() == Some(own)))
                .collect::<Vec<_>>()
        };
        let found = side_by_side(self.claims.len() as u32, |range| {
            let pairs = range.flat_map(|other| {
                let known = self.employee(other);
                // Of two new ones, one is told of, whatever the order of the records.
                let is_told = move |index: &u32| {
                    *index != other && (!is_new(other) || known.identifier < self.employee(*index).identifier)
                };
                let told = namesakes(&known.email, &|| known.name_key()).into_iter().filter(is_told);
                told.map(move |index| (index, known))
            });
            pairs.collect::<Vec<_>>()
        });
        let Desired { elsewhere, set_aside, doubtful, .. } = self.desired;
        let elsewhere = elsewhere.iter().flat_map(|known| {
            namesakes(&known.email, &|| known.name_key()).into_iter().map(move |index| (index, known))
        });
        let good = found.into_iter().flatten().chain(elsewhere);
        let good = good.map(|(index, known)| (index, format!("{} {}", known.identifier, describe(known))));
        let bad = set_aside.iter().chain(doubtful).flat_map(|record| {
            let email = record.email.iter();
            let new = email.flat_map(|email| namesakes(email, &|| record.name_key()));
            new.map(|index| (index, describe_record(record))).collect::<Vec<_>>()
        });
        // Of these, a bad record may lack the name or the e-mail.
        let in_doubt = (0..).zip(&self.standings).filter(|(_, standing)| **standing == Standing::Held);
        let in_doubt = in_doubt.map(|(user, _)| user).chain(self.users_in_doubt()).flat_map(|user| {
            let described = self.user(user);
            let new = namesakes(&described.email, &|| described.name_key()).into_iter();
            new.map(move |index| (index, describe_user(described)))
        });
        // One is enough to look.
        let mut first: BTreeMap<u32, String> = BTreeMap::new();
        for (index, known) in good.chain(bad).chain(in_doubt) {
            first.entry(index).or_insert(known);
        }
        for (index, known) in first {
            let employee = self.employee(index);
            let message = format!(
                "{} would be created, and has the name and the mailbox of {known}. If this is one person: leave one of the two \
                 records out at the source. If not: leave it and approve the plan",
                describe(employee)
            );
            drafts.diagnostics.push(warning(Some(employee.identifier.to_string()), message));
        }
    }
}
