//! Several lists of people as one: their records one after the other, their columns by name.
//!
//! Each part is read and checked for completeness like a source of its own. If one of them fails, the union fails. A
//! column that the settings use must be in every part, because a part without it would seem to empty a field.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::{BoxFuture, join_all};

use super::listing::{proof_of, read_in_time};
use super::settings::SourceSettings;
use super::table::{Part as TablePart, Table, TableBuilder};
use super::{Conditions, ReadError, Reading, Source, blocking};
use crate::employee::normal_text;
use crate::setting::section::Section;
use crate::setting::{ConfigError, nearest, quoting};

/// The default of `list_column`.
const LIST_COLUMN: &str = "list";

/// Several lists as one.
#[derive(Debug, Clone)]
pub(super) struct UnionSource {
    /// The name of its section for messages.
    label: String,
    parts: Vec<Part>,
    /// The column with the name of the record's part.
    list_column: Box<str>,
}

/// One of the lists.
#[derive(Debug, Clone)]
struct Part {
    settings: SourceSettings,
    /// Its own names of columns that the union names differently; `None` for columns that it lacks.
    columns: BTreeMap<Box<str>, Option<Box<str>>>,
}

impl UnionSource {
    pub(super) const KIND: &str = "union";
    pub(super) const KEYS: &[&str] = &["of", "columns", "list_column"];

    /// Reads the settings; `parts` are the sources that `of` names, in its order.
    pub(super) fn from_section(section: &Section<'_>, parts: Vec<SourceSettings>) -> Result<Self, ConfigError> {
        let list_column = section.text("list_column")?.unwrap_or(LIST_COLUMN);
        let list_column: Box<str> = normal_text(list_column).into();
        let mut parts: Vec<Part> =
            parts.into_iter().map(|settings| Part { settings, columns: BTreeMap::new() }).collect();
        let columns = section.section("columns", &format!("[source.columns] of {}", section.label()))?;
        for name in columns.names() {
            let column: Box<str> = normal_text(name).into();
            if column == list_column {
                return Err(columns.problem(name, "is the column that says which list a record is of"));
            }
            let in_parts = columns.section(name, &format!("[source.columns] {name}"))?;
            for (part, own) in in_parts.text_entries()? {
                let found = parts.iter_mut().find(|known| *known.settings.name == *part);
                let found = found.ok_or_else(|| {
                    in_parts.problem(part, "is not a list of `of`; write `column = { list = \"its name there\" }`")
                })?;
                let own = normal_text(own);
                let own = (!own.is_empty()).then(|| own.into());
                if found.columns.insert(column.clone(), own).is_some() {
                    let problem = format!("is named twice for column {}", quoting::column(&column));
                    return Err(in_parts.problem(part, problem));
                }
            }
        }
        Ok(Self { label: section.label().to_owned(), parts, list_column })
    }

    async fn run(&self, conditions: &Conditions<'_>) -> Result<Reading, ReadError> {
        let so_far: Vec<AtomicU64> = self.parts.iter().map(|_| AtomicU64::new(0)).collect();
        let read = |(place, part): (usize, &'_ Part)| {
            let so_far = &so_far;
            let columns = part.columns_of(conditions.columns, &self.list_column);
            let perhaps = part.perhaps_of(conditions.perhaps, &self.list_column);
            let settings = part.settings.clone();
            async move {
                let told = |records, _| {
                    so_far[place].store(records, Ordering::Relaxed);
                    (conditions.progress)(so_far.iter().map(|count| count.load(Ordering::Relaxed)).sum(), None);
                };
                let SourceSettings { max_rows, timeout, .. } = settings;
                let conditions = Conditions {
                    columns: &columns,
                    perhaps: &perhaps,
                    max_rows,
                    timeout,
                    now: conditions.now,
                    calendar: conditions.calendar,
                    progress: &told,
                };
                let reading = read_in_time(&settings, &conditions).await;
                reading.map_err(|error| match error {
                    ReadError::Untrusted(problem) => ReadError::Untrusted(format!("`{}`: {problem}", settings.name)),
                    error @ ReadError::Settings(_) => error,
                })
            }
        };
        let parts = join_all(self.parts.iter().enumerate().map(read)).await;
        let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
        let (union, used, perhaps) = (self.clone(), conditions.columns.clone(), conditions.perhaps.clone());
        let table = blocking(move || union.table(&parts, used, &perhaps)).await?;
        Ok(Reading { table, proof: None, modified: None })
    }

    fn table(
        &self,
        parts: &[Reading],
        mut used: BTreeSet<Box<str>>,
        perhaps: &BTreeSet<Box<str>>,
    ) -> Result<Table, ReadError> {
        let mut names: Vec<Box<str>> = vec![self.list_column.clone()];
        let mut seen: BTreeSet<Box<str>> = names.iter().cloned().collect();
        let mut common = Vec::with_capacity(parts.len());
        for (part, reading) in self.parts.iter().zip(parts) {
            let columns = part.common_names(&reading.table, &self.label, &self.list_column)?;
            names.extend(columns.iter().filter(|name| seen.insert((*name).clone())).cloned());
            common.push(columns);
        }
        // What a template that uses whole records names, and a list has as a column, is used.
        used.extend(perhaps.iter().filter(|name| seen.contains(*name)).cloned());
        for ((part, reading), columns) in self.parts.iter().zip(parts).zip(&common) {
            part.has(&used, &self.list_column, columns, &reading.table, &self.label)?;
        }
        let fixed = names.iter().map(|name| name.to_string()).collect();
        let mut union = TableBuilder::with_columns(fixed, 0);
        for ((part, reading), columns) in self.parts.iter().zip(parts).zip(common) {
            let name = &part.settings.name;
            let proof = proof_of(part.settings.expect_records.is_some(), reading.proof);
            union.begin_part(TablePart { name: Arc::clone(name), proof });
            let own: BTreeMap<&str, usize> = (0..).zip(&columns).map(|(place, name)| (&**name, place)).collect();
            let places: Vec<Option<usize>> = names[1..].iter().map(|name| own.get(&**name).copied()).collect();
            for row in 0..reading.table.len() {
                reading.table.copy_cells(row, name, &places, &mut union)?;
            }
        }
        Ok(union.finish())
    }
}

impl Source for UnionSource {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { label: _, parts, list_column } = self;
        let parts: Vec<_> = parts
            .iter()
            .map(|Part { settings, columns }| {
                (&*settings.name, settings.kind.kind(), settings.kind.identity(), columns)
            })
            .collect();
        BTreeMap::from([("of", format!("{parts:?}")), ("list_column", list_column.to_string())])
    }

    fn read<'a>(&'a self, conditions: &'a Conditions<'a>) -> BoxFuture<'a, Result<Reading, ReadError>> {
        Box::pin(self.run(conditions))
    }
}

impl Part {
    /// Its own names of the union's columns that are used or renamed.
    fn columns_of(&self, used: &BTreeSet<Box<str>>, list_column: &str) -> BTreeSet<Box<str>> {
        let own = |column: &str| match self.columns.get(column) {
            Some(own) => own.clone(),
            None => Some(column.into()),
        };
        let columns = used.iter().filter(|column| ***column != *list_column).filter_map(|column| own(column));
        let renamed = self.columns.values().flatten().cloned();
        columns.chain(renamed).chain(self.settings.newest().map(Into::into)).collect()
    }

    /// The columns that it may have: those that are used if it has them, and those that it must not have.
    fn perhaps_of(&self, perhaps: &BTreeSet<Box<str>>, list_column: &str) -> BTreeSet<Box<str>> {
        let others = perhaps.iter().filter(|name| ***name != *list_column && !self.columns.contains_key(*name));
        let lacking = self.columns.iter().filter(|(_, own)| own.is_none()).map(|(common, _)| common);
        // In a directory, names have no case: one that is renamed is not lacking.
        let is_renamed = |name: &str| self.columns.values().flatten().any(|own| own.eq_ignore_ascii_case(name));
        others.chain(lacking.filter(|name| !is_renamed(name))).cloned().collect()
    }

    /// The union's names of the columns of this part, in the part's order.
    fn common_names(&self, table: &Table, label: &str, list_column: &str) -> Result<Vec<Box<str>>, ConfigError> {
        let name = &self.settings.name;
        let mut renamed: BTreeMap<&str, &str> = BTreeMap::new();
        for (common, own) in self.columns.iter().filter_map(|(common, own)| Some((&**common, &**own.as_ref()?))) {
            if let Some(other) = renamed.insert(own, common) {
                let [column, other, common] = [own, other, common].map(quoting::column);
                let problem = format!(
                    "[source.columns] of {label} gives the column {column} of list `{name}` two names, {other} and {common}; \
                     use one of them in the templates"
                );
                return Err(ConfigError::Invalid(problem));
            }
        }
        if let Some(missing) = renamed.keys().find(|own| table.knows_its_columns() && table.column(own).is_none()) {
            let near = nearest(missing, table.columns().iter().map(|column| &**column));
            let hint =
                near.map_or_else(String::new, |near| format!("; did you mean {}?", quoting::near(near, missing)));
            let problem =
                format!("[source.columns] of {label} names `{missing}`, which list `{name}` does not have{hint}");
            return Err(ConfigError::Invalid(problem));
        }
        let lacks = |common: &str| matches!(self.columns.get(common), Some(None));
        let mut seen = BTreeSet::new();
        let mut names = Vec::with_capacity(table.columns().len());
        for own in table.columns() {
            let common = renamed.get(&**own).copied().unwrap_or(own);
            if common == list_column {
                let problem = format!(
                    "list `{name}` of {label} has a column {} of its own; set `list_column` to another name",
                    quoting::column(common)
                );
                return Err(ConfigError::Invalid(problem));
            }
            if lacks(common) {
                let column = quoting::column(common);
                let problem = format!(
                    "[source.columns] of {label} says that list `{name}` has no column {column}, but it has one; remove that \
                     entry, or give the list's column another name there"
                );
                return Err(ConfigError::Invalid(problem));
            }
            if !seen.insert(common) {
                let problem = format!(
                    "list `{name}` of {label} has a column {} already, so that [source.columns] cannot rename another one \
                     to it",
                    quoting::column(common)
                );
                return Err(ConfigError::Invalid(problem));
            }
            names.push(common.into());
        }
        Ok(names)
    }

    /// Checks that it has the columns that are used, except those that it lacks by the settings.
    fn has(
        &self,
        used: &BTreeSet<Box<str>>,
        list_column: &str,
        columns: &[Box<str>],
        table: &Table,
        label: &str,
    ) -> Result<(), ConfigError> {
        let is_lacking = |column: &str| {
            let is_there = columns.iter().any(|known| **known == *column);
            !is_there && !matches!(self.columns.get(column), Some(None)) && column != list_column
        };
        let lacking = used.iter().find(|column| table.knows_its_columns() && is_lacking(column));
        let Some(column) = lacking else { return Ok(()) };
        let name = &self.settings.name;
        let problem = format!(
            "list `{name}` of {label} has no column `{column}`, which the settings use; say what it is called there, such as \
             `{column} = {{ {name} = \"…\" }}` in [source.columns], or `{column} = {{ {name} = \"\" }}` where it has none"
        );
        Err(ConfigError::Invalid(problem))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Settings;

    #[test]
    fn a_part_is_asked_for_what_it_calls_the_columns_and_for_its_own_date() {
        let text = "[target]\nkind = \"skovik\"\nurl = \"https://x.example\"\n\
                    [[source]]\nname = \"se\"\nkey = \"id\"\nkind = \"csv\"\npath = \"se\"\nmax_age = \"36h\"\nnewest = \"changed\"\n\
                    [employee]\nexternal_identifier = 'x'\nprimary_email = 'x'\nfirst_name = 'x'\nlast_name = 'x'\n";
        let settings = Settings::parse(text, Path::new("x.toml"));
        let columns = BTreeMap::from([("id".into(), Some("nr".into())), ("car".into(), None)]);
        let part = Part { settings: settings.unwrap().sources[0].clone(), columns };
        let used = ["id", "car", "mail", "list"].map(Into::into).into();
        assert_eq!(part.columns_of(&used, "list"), ["changed", "mail", "nr"].map(Into::into).into());
        // A column that is renamed is asked for even if nothing uses it, and one that it lacks, too: if it comes, the
        // settings are wrong.
        assert_eq!(part.columns_of(&BTreeSet::new(), "list"), ["changed", "nr"].map(Into::into).into());
        let perhaps = ["id", "title", "list"].map(Into::into).into();
        assert_eq!(part.perhaps_of(&perhaps, "list"), ["car", "title"].map(Into::into).into());
        assert_eq!(part.perhaps_of(&BTreeSet::new(), "list"), ["car".into()].into());
    }
}
