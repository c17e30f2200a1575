//! The data for the page's script: the people, most important first, and the remarks. Every text is ready to be shown.
//! The script only composes, filters and counts.

use std::collections::HashMap;
use std::hash::Hash;

use indexmap::IndexMap;
use serde::Serialize;

use super::Plain;
use super::gather::{Gatherer, Remark, Remarks};
use crate::plan::{Diagnostic, Operation, OperationId};
use crate::render::shown::Shown;
use crate::render::text::kind::Kind;
use crate::render::text::person::Labels;
use crate::render::text::remarks::sentence;
use crate::render::text::value::Ids;
use crate::side_by_side::some_side_by_side;

/// What the page's data are made of.
pub(super) struct Data<'a> {
    /// Deletes first, as they matter most; within a group in the order of the plan.
    operations: Vec<&'a Operation>,
    labels: Labels<'a>,
    remarks: Remarks<'a>,
    /// The remarks that belong to nobody in the plan.
    left: Vec<Remark>,
}

impl<'a> Data<'a> {
    pub(super) fn of(shown: Shown<'a>) -> Self {
        let content = shown.content();
        let of_kind = |kind| content.operations.iter().filter(move |operation| Kind::of(operation) == kind);
        let kinds = [Kind::Delete, Kind::Update, Kind::Reactivate, Kind::Create, Kind::Link];
        let operations: Vec<&Operation> = kinds.into_iter().flat_map(of_kind).collect();
        let (remarks, left) = assigned(&content.diagnostics, &operations);
        Self { operations, labels: Labels::of(&content.target, Ids::Shown), remarks, left }
    }

    /// The first people as lines of text, at most so many; and how many more there are.
    pub(super) fn plain(&self, most: usize) -> (Vec<Plain>, usize) {
        let shown = self.operations.len().min(most);
        let mut gatherer = Gatherer::new(&self.labels, &self.remarks);
        let plain = self.operations[..shown].iter().map(|operation| gatherer.plain(operation));
        (plain.collect(), self.operations.len() - shown)
    }

    /// Writes its JSON for a script element: nothing in it can end the element or begin a comment. The people come in
    /// parts, each with the places of its fields and branches in the lists of all.
    pub(super) fn write(&self, out: &mut String) -> serde_json::Result<()> {
        fn safe<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
            serde_json::to_string(value).map(embeddable)
        }
        let some = |operations: &[&'a Operation]| {
            let part = Gatherer::new(&self.labels, &self.remarks).part(operations);
            Ok((safe(&part)?, part.fields, part.branches))
        };
        let (mut fields, mut branches) = (Vec::new(), Vec::new());
        let mut places = (HashMap::new(), HashMap::new());
        let mut between = "{\"parts\":[";
        some_side_by_side(&self.operations, some, |part: serde_json::Result<_>| {
            let (part, part_fields, part_branches) = part?;
            let field_places = safe(&joined(&mut fields, &mut places.0, part_fields))?;
            let branch_places = safe(&joined(&mut branches, &mut places.1, part_branches))?;
            let pieces = [
                between,
                "{\"fieldPlaces\":",
                &field_places,
                ",\"branchPlaces\":",
                &branch_places,
                ",\"part\":",
                &part,
                "}",
            ];
            pieces.into_iter().for_each(|piece| out.push_str(piece));
            between = ",";
            Ok::<_, serde_json::Error>(())
        })?;
        if self.operations.is_empty() {
            out.push_str(between);
        }
        let (fields, branches, left) = (safe(&fields)?, safe(&branches)?, safe(&self.left)?);
        let pieces = ["],\"fields\":", &fields, ",\"branches\":", &branches, ",\"remarks\":", &left, "}"];
        pieces.into_iter().for_each(|piece| out.push_str(piece));
        Ok(())
    }
}

/// JSON without the letters that mean something to a reader of HTML or of scripts. It has them inside texts only.
fn embeddable(json: String) -> String {
    let is_special = |byte: u8| matches!(byte, b'<' | b'>' | b'&' | 0xe2);
    // Without a way out of the loop it is done for many bytes at a time.
    if !json.bytes().fold(false, |found, byte| found | is_special(byte)) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + json.len() / 16);
    let mut done = 0;
    for (at, _) in json.bytes().enumerate().filter(|(_, byte)| is_special(*byte)) {
        if let Some(c @ ('<' | '>' | '&' | '\u{2028}' | '\u{2029}')) = json[at..].chars().next() {
            safe.push_str(&json[done..at]);
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
            done = at + c.len_utf8();
        }
    }
    safe.push_str(&json[done..]);
    safe
}

/// The remarks of each person, by the first operation that is about them; and those that belong to nobody in the plan.
fn assigned<'a>(diagnostics: &'a [Diagnostic], operations: &[&Operation]) -> (Remarks<'a>, Vec<Remark>) {
    let mut first: HashMap<&str, OperationId> = HashMap::new();
    if !diagnostics.is_empty() {
        for operation in operations {
            if let Some(employee) = &operation.employee {
                first.entry(employee.as_str()).or_insert(operation.id);
            }
        }
    }
    let (mut remarks, mut left) = (HashMap::<_, Vec<_>>::new(), Vec::new());
    for diagnostic in diagnostics {
        match diagnostic.employee.as_deref().and_then(|employee| first.get(employee)) {
            Some(operation) => remarks.entry(*operation).or_default().push(diagnostic),
            None => left.push(Remark::of(diagnostic, sentence(diagnostic))),
        }
    }
    (remarks, left)
}

/// Adds the items of a part that are new to the list of all, and returns the place there of each item.
fn joined<K: Eq + Hash>(
    all: &mut Vec<String>,
    places: &mut HashMap<K, usize>,
    part: IndexMap<K, String>,
) -> Vec<usize> {
    let place = |(key, item)| {
        *places.entry(key).or_insert_with(|| {
            all.push(item);
            all.len() - 1
        })
    };
    part.into_iter().map(place).collect()
}
