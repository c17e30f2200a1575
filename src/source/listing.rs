//! One source: read within its time limit, checked for completeness, with the keys of its records.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::timeout;

use super::keys::{self, Keys};
use super::settings::{Missing, Prefer, SourceSettings};
use super::table::Table;
use super::{
    Conditions, EXIT_STATUS, LAST_PAGE, ReadError, Reading, SourceError, age, apart, blocking, preference, untrusted,
};
use crate::plan::{SourceSummary, is_known_proof, joined_proof};

/// The entry for a list without a proof.
const TRUSTED: &str = "trusted";
/// How many rows a message names.
const ROWS_SHOWN: usize = 10;
/// How many keys a message names.
const KEYS_SHOWN: usize = 5;

/// A source that was read.
pub(crate) struct Listing {
    pub(super) name: Arc<str>,
    pub(super) table: Table,
    /// The columns that the settings use.
    pub(super) used: BTreeSet<Box<str>>,
    pub(super) keys: Keys,
    /// The name of the key for messages.
    pub(super) key_label: String,
    /// The groups of rows that share a key; the rows of a group are ordered by content.
    pub(super) repeated: Vec<Box<[u32]>>,
    pub(super) without_key: u64,
    /// Decides which of several records with one key counts.
    pub(super) prefer: Option<Prefer>,
    /// Whether everybody in scope must have a record here.
    pub(super) everybody: bool,
    pub(super) summary: SourceSummary,
    /// What people should know of it, without removing secrets: it quotes a key.
    pub(super) warning: Option<String>,
}

impl Listing {
    /// Reads a source.
    pub(super) async fn read(source: &SourceSettings, conditions: &Conditions<'_>) -> Result<Self, SourceError> {
        let name = Arc::clone(&source.name);
        Self::read_whole(source, conditions).await.map_err(|error| untrusted(&name, error))
    }

    async fn read_whole(source: &SourceSettings, conditions: &Conditions<'_>) -> Result<Self, ReadError> {
        let Reading { table, proof, modified: _ } = read_in_time(source, conditions).await?;
        let records = table.len() as u64;
        let proof = match table.parts().next() {
            None => proof_of(source.expect_records.is_some(), proof),
            Some(_) => proof_of_parts(source.expect_records.is_some(), &table),
        };
        let (name, kind) = (Arc::clone(&source.name), source.kind.kind());
        let (used, calendar) = (conditions.columns.clone(), conditions.calendar.clone());
        let (prefer, everybody) = (source.prefer.clone(), source.missing == Missing::Error);
        let key = source.key.clone();
        blocking(move || {
            debug_assert!(is_known_proof(&proof), "no plan with this proof can be read: {proof}");
            let (keys, table) = Keys::of(table, &key, &name, &calendar)?;
            prefer.as_ref().map_or(Ok(()), |prefer| preference::columns(prefer, &table, &name).map(drop))?;
            let (order, without_key) = table.sorted_by(|row| keys.key(&table, row));
            let fingerprint = table.fingerprint();
            let repeated = repeated(&table, &keys, &order[without_key..]);
            let summary = SourceSummary {
                name: name.to_string(),
                kind: kind.to_owned(),
                records,
                proof,
                fingerprint,
                join: None,
            };
            let unusable = keys.repeated_problems(&table, &key);
            let (without_key, key_label) = (without_key as u64, key.label());
            let warning = None;
            let mut listing =
                Self { name, table, used, keys, key_label, repeated, without_key, prefer, everybody, summary, warning };
            listing.doubt_pages(&unusable)?;
            Ok(listing)
        })
        .await
    }

    /// Looks for a key on two pages. A server whose order changes between two pages gives one record twice and another
    /// never, and no count shows it. If a key may have several records, this cannot be told from two of them, so
    /// nothing is proven. `unusable` are the groups of records with the same key that cannot be used.
    fn doubt_pages(&mut self, unusable: &[Box<[u32]>]) -> Result<(), ReadError> {
        let of_pages = |groups: &[Box<[u32]>]| groups.iter().position(|rows| self.table.are_of_several_pages(rows));
        let problem = match (of_pages(&self.repeated), of_pages(unusable)) {
            (Some(first), _) => self.same_key(&self.repeated[first]),
            (None, Some(first)) => {
                let rows = self.rows(&unusable[first]);
                format!("{rows} of source `{}` have the same {}, which cannot be used", self.name, self.key_label)
            }
            (None, None) => return Ok(()),
        };
        let problem = format!("{problem}, and came on different pages");
        if self.prefer.is_none() {
            return Err(format!(
                "{problem}: the list may have changed its order while it was read, and then somebody else is missing; \
                 request an order, or larger pages; set `prefer` if a key may have several records"
            )
            .into());
        }
        self.warning =
            Some(format!("{problem}: nothing proves that the list is complete; request larger pages, or an order"));
        self.summary.proof = LAST_PAGE.to_owned();
        Ok(())
    }

    /// Its summary for the plan.
    pub(crate) fn summary(&self) -> &SourceSummary {
        &self.summary
    }

    /// The key of a record; empty if it has no usable key.
    pub(super) fn key(&self, row: usize) -> &str {
        self.keys.key(&self.table, row)
    }

    /// Remarks for people about its keys: missing, unusable and repeated ones.
    pub(crate) fn key_remarks(&self) -> Vec<String> {
        let mut remarks = self.missing_keys();
        remarks.extend(self.repeated_remark());
        remarks
    }

    /// Remarks about missing and unusable keys.
    pub(super) fn missing_keys(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let unusable = self.keys.problems();
        let missing = self.without_key - unusable.map_or(0, |(count, ..)| count as u64);
        if missing > 0 {
            remarks.push(format!("{} no key ({})", have(missing), self.key_label));
        }
        remarks.extend(self.unusable_keys());
        remarks
    }

    /// A remark about unusable keys.
    pub(super) fn unusable_keys(&self) -> Option<String> {
        let (count, row, problem) = self.keys.problems()?;
        let row = self.table.row_number(row as usize);
        Some(format!("{} a key that cannot be used; row {row}: {problem}", have(count as u64)))
    }

    pub(super) fn repeated_remark(&self) -> Option<String> {
        let records: usize = self.repeated.iter().map(|rows| rows.len()).sum();
        let keys = self.repeated.len();
        let named = |rows: &[u32]| format!("{} ({})", keys::shown(self.key(rows[0] as usize)), self.rows(rows));
        let shown: Vec<String> = self.repeated.iter().take(KEYS_SHOWN).map(|rows| named(rows)).collect();
        let more = if keys > KEYS_SHOWN { ", …" } else { "" };
        let noun = if keys == 1 { "key is" } else { "keys are" };
        (keys > 0)
            .then(|| format!("{keys} {noun} shared by several records, {records} in all: {}{more}", shown.join(", ")))
    }

    /// Says that some rows have one key.
    pub(super) fn same_key(&self, rows: &[u32]) -> String {
        let key = keys::shown(self.key(rows[0] as usize));
        format!("{} of source `{}` have the same {} {key}", self.rows(rows), self.name, self.key_label)
    }

    /// The numbers of rows; at most the first few.
    pub(super) fn rows(&self, rows: &[u32]) -> String {
        let mut rows: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
        rows.sort_unstable();
        let number = |row: &usize| {
            let number = self.table.row_number(*row);
            self.table.part_of(*row).map_or_else(|| number.to_string(), |part| format!("{number} of `{}`", part.name))
        };
        let shown: Vec<String> = rows.iter().take(ROWS_SHOWN).map(number).collect();
        match &shown[..] {
            [one, other] => format!("rows {one} and {other}"),
            shown if rows.len() > shown.len() => {
                format!("rows {} and {} more", shown.join(", "), rows.len() - shown.len())
            }
            shown => format!("rows {}", shown.join(", ")),
        }
    }
}

/// The completeness checks of a source, for the plan.
pub(super) fn proof_of(is_counted: bool, proof: Option<&str>) -> String {
    match (is_counted, proof) {
        (false, None) => TRUSTED.to_owned(),
        (false, Some(proof)) => proof.to_owned(),
        (true, None | Some(LAST_PAGE | EXIT_STATUS)) => "expect_records".to_owned(),
        (true, Some(proof)) => joined_proof(["expect_records", proof].into_iter()),
    }
}

/// The completeness checks of several lists together; unproven if one of them is.
fn proof_of_parts(is_counted: bool, table: &Table) -> String {
    if is_counted {
        return "expect_records".to_owned();
    }
    joined_proof(table.parts().map(|part| &*part.proof))
}

/// Reads all records of a source within its time limit, and checks the list as a whole.
pub(super) async fn read_in_time(source: &SourceSettings, conditions: &Conditions<'_>) -> Result<Reading, ReadError> {
    let reading = timeout(conditions.timeout, apart::read(Arc::clone(&source.kind), conditions)).await;
    let reading = reading.map_err(|_| {
        let limit = jiff::SignedDuration::try_from(conditions.timeout).unwrap_or_default();
        format!(
            "was not read within its timeout of {limit:#}; set a longer `timeout` in its [[source]] if it needs one"
        )
    })??;
    let records = reading.table.len() as u64;
    conditions.not_too_many(records)?;
    if let Some(expected) = source.expect_records.filter(|&expected| expected != records) {
        return Err(format!("has {records} records, but expect_records says {expected}").into());
    }
    if records > 0 && reading.table.unreadable_rows() == reading.table.len() {
        let problem = reading.table.unreadable_row(0).unwrap_or_default();
        let row = reading.table.row_number(0);
        return Err(format!("none of its {records} records can be read; record {row} {problem}").into());
    }
    if let Some(max_age) = &source.max_age {
        age::check(max_age, &source.name, &reading, conditions.now)?;
    }
    Ok(reading)
}

/// The groups of rows with one key. `order` are the rows with a key, sorted by it.
fn repeated(table: &Table, keys: &Keys, order: &[u32]) -> Vec<Box<[u32]>> {
    let key_of = |row: u32| keys.key(table, row as usize);
    let groups = order.chunk_by(|&a, &b| key_of(a) == key_of(b));
    groups.filter(|rows| rows.len() > 1).map(Into::into).collect()
}

fn have(records: u64) -> String {
    if records == 1 { "1 record has".to_owned() } else { format!("{records} records have") }
}
