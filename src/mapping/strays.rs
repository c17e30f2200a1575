//! Rows of later sources of which it is not known whose they are. If what names people comes from there, nothing but such a
//! row tells who a person is that is set aside because of it.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use super::compiled_template::{CompiledTemplate, Context};
use super::part::Part;
use super::person::Reader;
use crate::employee::{ExternalIdentifier, KEY_CLAIMED_TWICE, Named, SetAside, Stray, name_key};
use crate::source::Records;
use crate::template_cost::Progress;

/// Returns a bad record, or one that may be in scope, if it has no usable key of its own, or has the key alone: what later
/// sources say under its key may be said of somebody else. Then its name alone tells who it is of.
pub(super) fn keyless(records: &Records, record: usize, person: &SetAside, strays: &mut Vec<Stray>) -> Option<usize> {
    let shares_key = records.shares_key(record);
    if shares_key {
        let record = SetAside { identifier: None, email: None, ..person.clone() };
        strays.push(Stray { record, is_repeated: true, is_passed_over: false });
    }
    // Without a name and an e-mail, nothing but its key tells whose it is.
    let tells_nobody = || person.name_key().is_none() && person.email.is_none();
    let is_parted = || (1..records.sources()).any(|source| !records.has_row(record, source)) && tells_nobody();
    (shares_key || records.lacks_key(record) || is_parted()).then_some(record)
}

/// Whom the rows that belong to nobody name.
pub(super) fn of_nobody(reader: &Reader<'_>, progress: &Progress) -> Vec<Named> {
    let records = reader.records();
    let rows =
        sources_of_identity(reader).filter(|&source| records.has_rows_without_person(source)).flat_map(|source| {
            let rows = records.rows_without_person(source).into_iter().chain(records.rows_without_usable_key(source));
            rows.map(move |row| (source, row))
        });
    let named = |(source, row)| {
        progress.step();
        let [identifier, email, first_name, last_name] = said_by(reader, source, row);
        let (identifier, email) = (identifier.map(Into::into), email.as_deref().map(Into::into));
        let name = name_key(&first_name.unwrap_or_default(), &last_name.unwrap_or_default());
        (identifier.is_some() || email.is_some() || name.is_some()).then_some(Named { identifier, email, name })
    };
    rows.filter_map(named).collect()
}

/// The later sources that say who people are.
fn sources_of_identity(reader: &Reader<'_>) -> impl Iterator<Item = usize> {
    let names = reader.names();
    (1..reader.records().sources()).filter(move |&source| names.iter().any(|template| template.may_use(source)))
}

/// What a row says by itself of the identifier, the e-mail and both names.
fn said_by(reader: &Reader<'_>, source: usize, row: u32) -> [Option<String>; 4] {
    let context = Context::of_row(reader.records(), source, row);
    let text = |template: &CompiledTemplate<'_>| template.render(&context).ok().map(Cow::into_owned);
    reader.names().map(|template| text(template).filter(|text| !text.is_empty()))
}

/// Why a row can be somebody else's.
#[derive(Clone, Copy)]
enum Why {
    /// It is not known whose it is.
    Undecided,
    /// It does not count.
    PassedOver,
}

impl Why {
    fn words(self) -> &'static str {
        match self {
            Self::Undecided => "it is not known whose it is, because a key is repeated or cannot be used",
            Self::PassedOver => "another row with its key counts instead, and the key of one may be a mistake",
        }
    }
}

/// What these rows say by themselves, as far as somebody may be lost without them.
pub(super) fn of(reader: &Reader<'_>, whole: &Part, progress: &Progress) -> Vec<Stray> {
    let Part { desired, undecided, counted, keyless, .. } = whole;
    let records = reader.records();
    let is_unidentified = |record: &SetAside| record.identifier.is_none() || record.email.is_none();
    let is_unknown =
        !keyless.is_empty() || !desired.doubtful.is_empty() || desired.set_aside.iter().any(is_unidentified);
    // Somebody whose record is not found there may be told by something else, such as by `default(…)`.
    let lacks_a_row = |source| {
        let mut all = (0..records.len()).filter(|&record| !records.is_passed_over(record));
        all.any(|record| records.may_have_row(record, source))
    };
    let keys = |of: &[usize]| -> FxHashSet<&str> { of.iter().map(|&record| records.key(record)).collect() };
    let (undecided, counted) = (keys(undecided), keys(counted));
    let later = sources_of_identity(reader).flat_map(|source| {
        let repeated = records.rows_with_repeated_key(source).into_iter().filter_map(|row| {
            let key = records.key_of_row(source, row);
            let passed_over = || counted.contains(key).then_some(Why::PassedOver);
            Some((true, row, undecided.contains(key).then_some(Why::Undecided).or_else(passed_over)?))
        });
        let mut unusable = records.rows_without_usable_key(source);
        if !unusable.is_empty() && !is_unknown && !lacks_a_row(source) {
            unusable.clear();
        }
        let of_nobody = if keyless.is_empty() { Vec::new() } else { records.rows_without_person(source) };
        let others = unusable.into_iter().chain(of_nobody).map(|row| (false, row, Why::Undecided));
        repeated.chain(others).map(move |(is_repeated, row, why)| (source, is_repeated, row, why)).collect::<Vec<_>>()
    });
    let first = records.rows_with_repeated_key(0).into_iter().filter(|&row| records.is_passed_over(row as usize));
    let rows: Vec<_> = first.map(|row| (0, true, row, Why::PassedOver)).chain(later).collect();
    let passed_over = rows.iter().filter(|(.., why)| matches!(why, Why::PassedOver));
    let names =
        names_that_count(reader, passed_over.map(|&(source, _, row, _)| records.key_of_row(source, row)).collect());
    let said = |(source, is_repeated, row, why): (usize, bool, u32, Why)| {
        progress.step();
        let [identifier, email, mut first_name, mut last_name] = said_by(reader, source, row);
        let name = name_key(first_name.as_deref().unwrap_or_default(), last_name.as_deref().unwrap_or_default());
        if name.is_some_and(|name| names.contains(&(records.key_of_row(source, row), name))) {
            (first_name, last_name) = (None, None);
        }
        let record = SetAside {
            identifier: identifier.map(Into::into),
            email: email.as_deref().map(Into::into),
            first_name: first_name.map(Into::into),
            last_name: last_name.map(Into::into),
            origin: records.origin_of_row(source, row),
            code: KEY_CLAIMED_TWICE,
            reason: why.words().to_owned(),
        };
        let says_something = record.identifier.is_some() || record.email.is_some() || record.name_key().is_some();
        says_something.then_some(Stray { record, is_repeated, is_passed_over: matches!(why, Why::PassedOver) })
    };
    rows.into_iter().filter_map(said).collect()
}

/// The names of the records with these keys that are not passed over.
fn names_that_count<'r>(reader: &'r Reader<'_>, keys: FxHashSet<&'r str>) -> FxHashSet<(&'r str, String)> {
    let records = reader.records();
    let all = if keys.is_empty() { 0..0 } else { 0..records.len() };
    let counted = all.filter(|&record| !records.is_passed_over(record) && keys.contains(records.key(record)));
    let named = |record: usize| {
        let context = Context::new(records, record);
        let [_, _, first_name, last_name] =
            reader.names().map(|template| template.render(&context).unwrap_or_default().into_owned());
        Some((records.key(record), name_key(&first_name, &last_name)?))
    };
    counted.filter_map(named).collect()
}

/// Where several rows of the first source have one key: the identifier of each that does not count, and the identifier of the one
/// that counts, if it is another one.
pub(super) fn same_key(reader: &Reader<'_>, progress: &Progress) -> Vec<[ExternalIdentifier; 2]> {
    let records = reader.records();
    let [identifier, ..] = reader.names();
    let identifier_of = |record: usize| {
        progress.step();
        let text = identifier.render(&Context::new(records, record)).ok().filter(|text| !text.is_empty())?;
        Some(ExternalIdentifier::from(&*text))
    };
    let rows = records.rows_with_repeated_key(0);
    let does_not_count = |record: &usize| records.is_passed_over(*record) || reader.leaves_out(*record);
    let (passed_over, counted): (Vec<usize>, Vec<usize>) =
        rows.into_iter().map(|row| row as usize).partition(does_not_count);
    let counted: FxHashMap<&str, ExternalIdentifier> =
        counted.into_iter().filter_map(|record| Some((records.key(record), identifier_of(record)?))).collect();
    let pair = |record: usize| {
        let counts = counted.get(records.key(record))?;
        identifier_of(record).filter(|own| own != counts).map(|own| [own, counts.clone()])
    };
    passed_over.into_iter().filter_map(pair).collect()
}
