//! Finds people who would be created beside a record of somebody with the same identifier or e-mail, written in another way:
//! two lists may write the number of one person in two ways.
//!
//! Linear: a key is kept with a few of its owners only, and no key is made if nobody is created.

use rustc_hash::FxHashSet;

use super::Comparison;
use super::changes::{Draft, Drafts};
use super::index::describe;
use super::keys::{few_by_key, keys};
use super::look_alikes::warning;
use crate::employee::Employee;

impl Comparison<'_> {
    /// Remarks for everybody who would be created and has the e-mail of another record, or its identifier and its name, but for
    /// the way of writing. One and the same identifier or e-mail sets both aside.
    pub(super) fn remark_twins(&self, drafts: &mut Drafts) {
        let created = |draft: &Draft| if let Draft::Create { employee, .. } = draft { Some(*employee) } else { None };
        let new: Vec<u32> = drafts.drafts.iter().filter_map(created).collect();
        let wanted: FxHashSet<String> = new.iter().flat_map(|&index| keys_of(self.employee(index))).collect();
        if wanted.is_empty() {
            return;
        }
        let by_key = few_by_key(self.claims.len() as u32, Some(&wanted), |index| keys_of(self.employee(index)));
        let twin = |&one: &u32| {
            let keys = keys_of(self.employee(one));
            let mut others =
                keys.iter().flat_map(|key| by_key.get(key).into_iter().flatten().map(move |&other| (key, other)));
            others.find(|&(key, other)| other != one && self.are_twins(key, one, other)).map(|(_, other)| (one, other))
        };
        let found: Vec<(u32, u32)> = new.iter().filter_map(twin).collect();
        drafts.diagnostics.extend(found.into_iter().map(|(one, other)| {
            let [one, other] = [one, other].map(|index| self.employee(index));
            let message = format!(
                "{} would be created and has the identifier or the e-mail of {} {}, but for zeros, case, or characters that look the \
                 same or that nobody sees. If this is one person: write it in one way at the source. If not: leave it and \
                 approve the plan",
                describe(one),
                other.identifier,
                describe(other)
            );
            warning(Some(one.identifier.to_string()), message)
        }));
    }

    /// Whether two records that share a key may be of one person. Two companies may count from one number on, with zeros or
    /// without, so that an identifier alone tells nothing.
    fn are_twins(&self, key: &str, one: u32, other: u32) -> bool {
        key.contains('@') || self.employee(one).name_key() == self.employee(other).name_key()
    }
}

fn keys_of(employee: &Employee) -> Vec<String> {
    keys(Some(employee.identifier.as_str()), Some(&employee.email))
}
