//! Rows that by themselves have another name or e-mail than the record that they are part of: a wrong key may have joined them.

use std::borrow::Cow;

use super::compiled_template::{CompiledTemplate, Context};
use super::person::Reader;
use crate::employee::{Contradiction, Email, name_key};

/// What the rows of a record say by themselves, as far as they have a name or an e-mail that is not that of the record.
pub(super) fn of(reader: &Reader<'_>, record: usize) -> Vec<Contradiction> {
    let records = reader.records();
    let rows = reader.sources_of_people().iter().filter_map(|&source| Some((source, records.row_of(record, source)?)));
    let rows: Vec<(usize, u32)> = rows.collect();
    if rows.len() < 2 {
        return Vec::new();
    }
    let joined = Context::new(records, record);
    let [identifier, joined_email, first_name, last_name] = said(reader, &joined);
    let name = name_key(&first_name.unwrap_or_default(), &last_name.unwrap_or_default());
    let joined_email: Option<Email> = joined_email.as_deref().map(Into::into);
    let contradiction = |(source, row)| {
        let [_, email, first_name, last_name] = said(reader, &Context::of_row(records, source, row));
        let (first_name, last_name) = (first_name.unwrap_or_default(), last_name.unwrap_or_default());
        let email: Option<Email> = email.as_deref().map(Into::into);
        let has_other_name = name.is_some() && name_key(&first_name, &last_name).is_some_and(|own| Some(own) != name);
        let has_other_email = email.as_ref().zip(joined_email.as_ref()).is_some_and(|(own, joined)| !own.is(joined));
        (has_other_name || has_other_email).then(|| Contradiction {
            identifier: identifier.as_deref().map(Into::into),
            email,
            first_name: first_name.into(),
            last_name: last_name.into(),
            origin: records.origin_of_row(source, row),
        })
    };
    rows.into_iter().filter_map(contradiction).collect()
}

/// The identifier, the e-mail and both names that the templates give.
fn said(reader: &Reader<'_>, context: &Context<'_>) -> [Option<String>; 4] {
    let text = |template: &CompiledTemplate<'_>| template.render(context).ok().map(Cow::into_owned);
    reader.names().map(|template| text(template).filter(|text| !text.is_empty()))
}
