//! Which approvals count as one person's: those that one person could have given.
//!
//! A key belongs to one person, and so does a name. Whoever has a key has every name and every other key that
//! `allowed_signers` links to it, over any number of lines. A pattern only says under which names a key may be used: it links
//! the keys and names of two approvals, and nothing beyond.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::name::readings;
use super::record::Approval;
use super::signature::SignerKey;
use super::signers::{AllowedSigners, Signer};

/// An approval that counts.
#[derive(Debug)]
pub struct Accepted<'a> {
    /// What it says.
    pub approval: &'a Approval,
    /// Who signed it, if signatures are required.
    pub key: Option<SignerKey>,
    /// The ways to read the approver's name.
    pub(super) readings: BTreeSet<String>,
}

/// The approvals that one person may have given alone.
pub(super) type Person<'p, 'a> = Vec<&'p Accepted<'a>>;

/// What belongs to one person.
#[derive(Default)]
struct Belongings<'s, 'p, 'a> {
    lines: Vec<&'s Signer>,
    approvals: Person<'p, 'a>,
}

/// Groups approvals by person. Without signers, only names that look the same are one person's.
pub(super) fn people<'p, 'a>(accepted: &'p [Accepted<'a>], signers: Option<&AllowedSigners>) -> Vec<Person<'p, 'a>> {
    let mut people: Vec<Belongings<'_, 'p, 'a>> = Vec::new();
    for one in linked(accepted, signers) {
        let (same, others): (Vec<_>, Vec<_>) = people.into_iter().partition(|other| one.may_be_of(other));
        people = others;
        people.push(same.into_iter().chain([one]).reduce(Belongings::and).unwrap_or_default());
    }
    people.into_iter().map(|one| one.approvals).collect()
}

/// Puts together what keys and full names link, for each owner of an approval.
fn linked<'s, 'p, 'a>(
    accepted: &'p [Accepted<'a>],
    signers: Option<&'s AllowedSigners>,
) -> impl Iterator<Item = Belongings<'s, 'p, 'a>> {
    let lines = signers.map_or(&[][..], AllowedSigners::lines);
    let mut links = Links((0..lines.len() + accepted.len()).collect());
    let (mut of_keys, mut of_names) = (BTreeMap::new(), HashMap::new());
    let names_of_lines = lines.iter().map(|line| line.principals.full_names().flat_map(readings).collect::<Vec<_>>());
    let names_of_approvals = accepted.iter().map(|one| one.readings.iter().cloned().collect());
    let keys = lines.iter().map(|line| Some(&line.key)).chain(accepted.iter().map(|one| one.key.as_ref()));
    for (place, (key, names)) in keys.zip(names_of_lines.chain(names_of_approvals)).enumerate() {
        if let Some(key) = key {
            links.link(place, *of_keys.entry(key).or_insert(place));
        }
        for name in names {
            links.link(place, *of_names.entry(name).or_insert(place));
        }
    }
    let mut owners: BTreeMap<usize, Belongings<'s, 'p, 'a>> = BTreeMap::new();
    for (place, one) in accepted.iter().enumerate() {
        owners.entry(links.first(lines.len() + place)).or_default().approvals.push(one);
    }
    for (place, line) in lines.iter().enumerate() {
        if let Some(owner) = owners.get_mut(&links.first(place)) {
            owner.lines.push(line);
        }
    }
    owners.into_values()
}

impl Belongings<'_, '_, '_> {
    /// Whether patterns allow the owner of one to have given an approval of the other.
    fn may_be_of(&self, other: &Self) -> bool {
        let takes = |one: &Self, other: &Self| {
            let mut approvers = other.approvals.iter().map(|approval| &approval.approval.approver);
            approvers.any(|approver| one.lines.iter().any(|line| line.principals.takes(approver)))
        };
        let share = |one: &Signer| other.lines.iter().any(|line| one.principals.may_share_a_name(&line.principals));
        takes(self, other) || takes(other, self) || self.lines.iter().any(|line| share(line))
    }

    fn and(mut self, other: Self) -> Self {
        self.lines.extend(other.lines);
        self.approvals.extend(other.approvals);
        self
    }
}

/// A forest of places: each has the place that it was linked to, or itself.
struct Links(Vec<usize>);

impl Links {
    fn link(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        self.0[one.max(other)] = one.min(other);
    }

    /// The first of the places that are linked to this one.
    fn first(&mut self, place: usize) -> usize {
        let mut first = place;
        while self.0[first] != first {
            // Shortens the way of the next search.
            self.0[first] = self.0[self.0[first]];
            first = self.0[first];
        }
        first
    }
}

#[cfg(test)]
mod tests;
