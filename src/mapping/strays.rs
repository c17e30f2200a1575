//! Rows of later sources of which it is not known whose they are. If the identifier and the e-mail come from there, nothing
//! but such a row tells who a person is that is set aside because of it.

use rustc_hash::FxHashSet;

use super::compiled_template::{CompiledTemplate, Context};
use super::person::Reader;
use super::{KEY_CLAIMED_TWICE, Part};
use crate::employee::SetAside;
use crate::template_cost::Progress;

/// What these rows say by themselves, if anybody is not identified without them.
pub(super) fn of(reader: &Reader<'_>, whole: &Part, progress: &Progress) -> Vec<SetAside> {
    let records = reader.records();
    let is_unidentified = |record: &SetAside| record.identifier.is_none() || record.email.is_none();
    if !whole.desired.set_aside.iter().chain(&whole.desired.doubtful).any(is_unidentified) {
        return Vec::new();
    }
    let keys: FxHashSet<&str> = whole.undecided.iter().map(|&record| records.key(record)).collect();
    let identity = reader.identity();
    let sources = (1..records.sources()).filter(|&source| identity.iter().any(|template| template.may_use(source)));
    let rows = sources.flat_map(|source| records.stray_rows(source, &keys).into_iter().map(move |row| (source, row)));
    let said = |(source, row): (usize, u32)| {
        progress.step();
        let context = Context::of_row(records, source, row);
        let text = |template: &CompiledTemplate<'_>| {
            template.render(&context).ok().filter(|text| !text.is_empty()).map(|text| text.into_owned())
        };
        let [identifier, email] = identity.map(text);
        (identifier.is_some() || email.is_some()).then(|| SetAside {
            identifier: identifier.as_deref().map(Into::into),
            email: email.as_deref().map(Into::into),
            first_name: None,
            last_name: None,
            origin: records.origin_of_row(source, row),
            code: KEY_CLAIMED_TWICE,
            reason: "it is not known whose it is, because its key is repeated or cannot be used".to_owned(),
        })
    };
    rows.filter_map(said).collect()
}
