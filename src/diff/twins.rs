//! Finds people who would get an identifier or an e-mail beside a record of somebody with the same one, written in another
//! way: two lists may write the number of one person in two ways.
//!
//! Linear: a key is kept with a few of its owners only, and no key is made if nobody gets an identifier or an e-mail.

use rustc_hash::FxHashSet;

use super::Comparison;
use super::changes::Drafts;
use super::held::describe_record;
use super::index::describe;
use super::keys::{few_by_key, is_typed_otherwise, keys};
use super::look_alikes::warning;
use super::spellings::{Getter, getter};
use super::strangers::Described;
use crate::employee::{Employee, SetAside};

/// A record of somebody in scope.
#[derive(Clone, Copy)]
enum Record<'a> {
    Good(&'a Employee),
    /// It is set aside, or may be in scope.
    Bad(&'a SetAside),
}

impl<'a> Comparison<'a> {
    /// Remarks for everybody who would get the e-mail of another record, or its identifier and has its name, but for the way of
    /// writing. One and the same identifier or e-mail sets both aside.
    pub(super) fn remark_twins(&self, drafts: &mut Drafts) {
        let getters: Vec<Getter> = drafts.drafts.iter().filter_map(getter).collect();
        let wanted: FxHashSet<String> = getters.iter().flat_map(|getter| self.keys_of_getter(getter)).collect();
        if wanted.is_empty() {
            return;
        }
        let desired = self.desired;
        let good = desired.employees.len();
        let others: Vec<Record<'a>> = desired
            .elsewhere
            .iter()
            .map(Record::Good)
            .chain(desired.set_aside.iter().chain(&desired.doubtful).map(Record::Bad))
            .collect();
        let record = |place: u32| match others.get((place as usize).wrapping_sub(good)) {
            Some(other) => *other,
            None => Record::Good(self.employee(place)),
        };
        let by_key = few_by_key((good + others.len()) as u32, Some(&wanted), |place| record(place).keys());
        for getter in getters {
            let employee = self.employee(getter.employee);
            let keys = self.keys_of_getter(&getter);
            let mut found =
                keys.iter().flat_map(|key| by_key.get(key).into_iter().flatten().map(move |place| (key, *place)));
            let is_twin = |&(key, place): &(&String, u32)| {
                place != getter.employee && are_twins(key, employee.into(), record(place).described())
            };
            if let Some((_, place)) = found.find(is_twin) {
                let message = format!(
                    "{} {} the identifier or the e-mail of {}, but for zeros, case, or characters that look the same or that \
                     nobody sees. If this is one person: write it in one way at the source. If not: leave it and approve the plan",
                    describe(employee),
                    getter.what,
                    record(place).who(),
                );
                drafts.diagnostics.push(warning(Some(employee.identifier.to_string()), message));
            }
        }
    }
}

impl<'a> Record<'a> {
    fn described(self) -> Described<'a> {
        match self {
            Self::Good(employee) => employee.into(),
            Self::Bad(record) => record.into(),
        }
    }

    fn keys(self) -> Vec<String> {
        let Described { identifier, email, .. } = self.described();
        keys(identifier, email)
    }

    fn who(self) -> String {
        match self {
            Self::Good(employee) => format!("{} {}", employee.identifier, describe(employee)),
            Self::Bad(record) => format!("{}, which cannot be used", describe_record(record)),
        }
    }
}

/// Whether two records that share a key, and not the very value, may be of one person. Two companies may count from one
/// number on, with zeros or without, so that an identifier alone tells nothing, unless one record has no name.
fn are_twins(key: &str, one: Described<'_>, other: Described<'_>) -> bool {
    let is_same_name = || one.name_key().is_some_and(|name| other.name_key() == Some(name));
    if key.contains('@') {
        let Some((mine, theirs)) = one.email.zip(other.email) else { return true };
        // `rn` and `m` look the same, and people type them all the same.
        return !mine.is(theirs) && (!is_typed_otherwise(mine, theirs) || is_same_name());
    }
    one.identifier != other.identifier && (other.name_key().is_none() || is_same_name())
}
