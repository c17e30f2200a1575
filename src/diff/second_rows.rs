//! Finds new people who have the name of somebody else in the lists, and that person's mailbox at another domain. They may be one
//! person with two records, such as of two employments. A person decides.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::changes::Drafts;
use super::index::describe;
use super::look_alikes::warning;
use super::{Claim, Comparison};
use crate::employee::Employee;
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
        let namesakes = |known: &Employee| {
            let new = new_by_mailbox.get(known.email.local_part()).into_iter().flatten().copied();
            new.filter(|&index| {
                let name = self.employee(index).name_key();
                name.is_some() && name == known.name_key()
            })
            .collect::<Vec<u32>>()
        };
        let found = side_by_side(self.claims.len() as u32, |range| {
            let pairs = range.flat_map(|other| {
                // Of two new ones, one is told of, whatever the order of the records.
                let known = &self.employee(other).identifier;
                let is_told =
                    move |index: &u32| *index != other && (!is_new(other) || *known < self.employee(*index).identifier);
                namesakes(self.employee(other)).into_iter().filter(is_told).map(move |index| (index, other))
            });
            pairs.collect::<Vec<_>>()
        });
        let here = found.into_iter().flatten().map(|(index, other)| (index, self.employee(other)));
        let elsewhere = &self.desired.elsewhere;
        let elsewhere =
            elsewhere.iter().flat_map(|known| namesakes(known).into_iter().map(move |index| (index, known)));
        // One is enough to look.
        let mut first: BTreeMap<u32, &Employee> = BTreeMap::new();
        for (index, known) in
            here.chain(elsewhere).filter(|(index, known)| !known.email.is(&self.employee(*index).email))
        {
            first.entry(index).or_insert(known);
        }
        for (index, known) in first {
            let employee = self.employee(index);
            let message = format!(
                "{} would be created, and has the name and the mailbox of {} {}. If this is one person: leave one of the two \
                 records out at the source. If not: leave it and approve the plan",
                describe(employee),
                known.identifier,
                describe(known)
            );
            drafts.diagnostics.push(warning(Some(employee.identifier.to_string()), message));
        }
    }
}
