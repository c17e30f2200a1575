//! Rows that by themselves have another name than the record that they are part of: a wrong key may have joined them.

use std::borrow::Cow;

use super::compiled_template::{CompiledTemplate, Context};
use super::person::Reader;
use crate::employee::{Contradiction, name_key};

/// What the rows of a record say by themselves, as far as they have a name and it is not that of the record.
pub(super) fn of(reader: &Reader<'_>, record: usize) -> Vec<Contradiction> {
    let records = reader.records();
    let rows = reader.sources_of_names().iter().filter_map(|&source| Some((source, records.row_of(record, source)?)));
    let rows: Vec<(usize, u32)> = rows.collect();
    if rows.len() < 2 {
        return Vec::new();
    }
    let joined = Context::new(records, record);
    let [identifier, _, first_name, last_name] = said(reader, &joined);
    let Some(name) = name_key(&first_name.unwrap_or_default(), &last_name.unwrap_or_default()) else {
        return Vec::new();
    };
    let contradiction = |(source, row)| {
        let [_, email, first_name, last_name] = said(reader, &Context::of_row(records, source, row));
        let (first_name, last_name) = (first_name.unwrap_or_default(), last_name.unwrap_or_default());
        name_key(&first_name, &last_name).filter(|own| *own != name)?;
        Some(Contradiction {
            identifier: identifier.as_deref().map(Into::into),
            email: email.as_deref().map(Into::into),
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
