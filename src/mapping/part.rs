//! What is read of some of the records, which is joined to the whole.

use super::person::Reader;
use crate::employee::{Desired, ExternalIdentifier};

/// The result of some consecutive records.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) desired: Desired,
    /// The keys by which records in scope are named as managers, and their identifiers.
    pub(super) answers: Vec<(Box<str>, Option<ExternalIdentifier>)>,
    /// The same of records that are passed over, or may be in scope.
    pub(super) passed_over: Vec<(Box<str>, Option<ExternalIdentifier>)>,
    /// The keys by which records outside the scope are named as managers.
    pub(super) outside: Vec<Box<str>>,
    /// The sources that must have a record of somebody and have none, each with the person's record in the first
    /// source.
    pub(super) missing: Vec<(usize, usize)>,
    /// The records that are set aside because several records have their key.
    pub(super) undecided: Vec<usize>,
    /// Those that are good, if keys of later sources are repeated.
    pub(super) counted: Vec<usize>,
    /// Those without a usable key of their own.
    pub(super) keyless: Vec<usize>,
    /// How many people in scope have a record in each source. Several records with one key count as one person.
    pub(super) rows: Vec<u64>,
}

impl Part {
    pub(super) fn of_nobody(reader: &Reader<'_>) -> Self {
        Self { rows: vec![0; reader.records().sources()], ..Self::default() }
    }

    pub(super) fn append(&mut self, later: Self) {
        let Self {
            desired,
            mut answers,
            mut passed_over,
            mut outside,
            mut missing,
            mut undecided,
            mut counted,
            mut keyless,
            rows,
        } = later;
        let Desired {
            mut employees,
            mut set_aside,
            in_scope,
            out_of_scope,
            outside: mut others,
            mut doubtful,
            mut elsewhere,
            mut strays,
            mut contradictions,
            unjoined,
            has_bad_elsewhere,
            same_key: _,
            of_nobody: _,
            joins: _,
            identity_comes_by_key: _,
            names_come_by_key: _,
        } = desired;
        self.rows.iter_mut().zip(rows).for_each(|(count, more)| *count += more);
        self.desired.employees.append(&mut employees);
        self.desired.set_aside.append(&mut set_aside);
        self.desired.in_scope += in_scope;
        self.desired.out_of_scope.extend(out_of_scope);
        self.desired.outside.append(&mut others);
        self.desired.doubtful.append(&mut doubtful);
        self.desired.elsewhere.append(&mut elsewhere);
        self.desired.strays.append(&mut strays);
        self.desired.contradictions.append(&mut contradictions);
        self.desired.unjoined.extend(unjoined);
        self.desired.has_bad_elsewhere |= has_bad_elsewhere;
        self.answers.append(&mut answers);
        self.passed_over.append(&mut passed_over);
        self.outside.append(&mut outside);
        self.missing.append(&mut missing);
        self.undecided.append(&mut undecided);
        self.counted.append(&mut counted);
        self.keyless.append(&mut keyless);
    }
}
