//! Reads `[[source]]` and `[[table]]`: the settings that every source has, and which sources are parts of a union.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::settings::{Key, MaxAge, Missing, Prefer, SourceSettings};
use super::union::UnionSource;
use super::{Source, from_section};
use crate::employee::normal_text;
use crate::guard::UNMATCHED_KEY;
use crate::setting::section::Section;
use crate::setting::template::DAY_NAMES;
use crate::setting::{ConfigError, Template, nearest};

/// The default of `max_rows`: twice the largest employer that is known.
const MAX_ROWS: u64 = 2_000_000;
/// The greatest allowed limit. No list needs more, and every number up to here is exact in any JSON.
const MOST_RECORDS: u64 = 1_000_000_000;

/// The settings of every source that is joined.
const COMMON: &[&str] = &[
    "name",
    "kind",
    "key",
    "expect_records",
    "max_rows",
    "timeout",
    "missing",
    "prefer",
    UNMATCHED_KEY,
    "max_age",
    "newest",
];
/// The settings that belong to the union and not to its parts.
const JOINED_ONLY: [&str; 4] = ["key", "missing", "prefer", UNMATCHED_KEY];
/// The settings of every table.
const OF_TABLES: &[&str] = &["name", "kind", "key", "expect_records", "max_rows", "timeout", "max_age", "newest"];

/// Names that mean something else in templates.
const RESERVED_NAMES: &[&str] = &[
    "employee",
    "self",
    "super",
    "loop",
    "caller",
    "true",
    "false",
    "none",
    "True",
    "False",
    "None",
    "and",
    "or",
    "not",
    "if",
    "elif",
    "else",
    "for",
    "in",
    "is",
    "set",
    "with",
    "do",
    "range",
    "dict",
    "namespace",
    "debug",
];

/// All sources that are joined, in the order of the file. The first one lists the people.
pub(crate) fn sources(root: &Section<'_>) -> Result<Vec<SourceSettings>, ConfigError> {
    let sections = root.sections("source", "[[source]]")?;
    if sections.is_empty() {
        return Err(root.missing("[[source]]", "the list of the people"));
    }
    let mut named: Vec<(&str, Section<'_>)> = Vec::with_capacity(sections.len());
    for section in sections {
        let name = name(&section)?;
        if named.iter().any(|(other, _)| *other == name) {
            return Err(section.problem("name", format!("is {name:?}, but another source has that name")));
        }
        named.push((name, section.named(format!("[[source]] `{name}`"))));
    }
    let mut unions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, section) in named.iter().filter(|(_, section)| is_union(section)) {
        let of = section.texts("of")?.ok_or_else(|| section.missing("of", "the sources that it puts together"))?;
        unions.insert(name, of);
    }
    check_parts(&named, &unions)?;
    let mut sources: Vec<SourceSettings> = Vec::with_capacity(named.len());
    for (name, section) in &named {
        if unions.values().flatten().any(|part| part == name) {
            continue;
        }
        let kind: Arc<dyn Source> = match unions.get(name) {
            None => from_section(section, COMMON, None)?,
            Some(of) => {
                let known = section.clone().only(&[COMMON, UnionSource::KEYS].concat())?;
                Arc::new(UnionSource::from_section(&known, parts(&named, of)?)?)
            }
        };
        let source = source(name, section, kind, &sources)?;
        sources.push(source);
    }
    Ok(sources)
}

/// The tables that templates look values up in (`[[table]]`).
pub(crate) fn tables(root: &Section<'_>) -> Result<Vec<SourceSettings>, ConfigError> {
    let mut tables: Vec<SourceSettings> = Vec::new();
    // The parts of a union are not among the sources, but messages name them too.
    let listed = root.sections("source", "[[source]]")?;
    let listed = listed.iter().map(name).collect::<Result<Vec<_>, _>>()?;
    for section in root.sections("table", "[[table]]")? {
        let name = name(&section)?;
        if listed.contains(&name) || tables.iter().any(|other| *other.name == *name) {
            return Err(section.problem("name", format!("is {name:?}, but another source or table has that name")));
        }
        let section = section.named(format!("[[table]] `{name}`"));
        let path = section.text("path")?.map(Path::new);
        let extension = path.and_then(Path::extension).and_then(|extension| extension.to_str());
        let kind = from_section(&section, OF_TABLES, extension)?;
        let key = section.required("key", "the column that values are looked up by")?;
        tables.push(SourceSettings { key: Key::Columns(vec![normal_text(key).into()]), ..list(name, &section, kind)? });
    }
    Ok(tables)
}

fn is_union(section: &Section<'_>) -> bool {
    section.text_or_empty("kind").is_ok_and(|kind| kind == Some(UnionSource::KIND))
}

/// Makes sure that every part of a union is a source that is in no other union and no union itself.
fn check_parts(named: &[(&str, Section<'_>)], unions: &BTreeMap<&str, Vec<String>>) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    for (union, section) in named.iter().filter(|(name, _)| unions.contains_key(name)) {
        let of = &unions[union];
        if of.len() < 2 {
            return Err(section.problem("of", "must name two sources or more"));
        }
        for part in of {
            let Some((_, found)) = named.iter().find(|(name, _)| name == part) else {
                let hint = nearest(part, named.iter().map(|(name, _)| *name));
                let hint = hint.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
                return Err(section.problem("of", format!("names {part:?}, but no source has that name{hint}")));
            };
            if is_union(found) {
                return Err(section.problem("of", format!("names {part:?}, which is a union itself")));
            }
            if !seen.insert(part) {
                return Err(section.problem("of", format!("names {part:?}, which is part of a union already")));
            }
            if let Some(key) = JOINED_ONLY.iter().find(|key| found.has(key)) {
                let problem = format!("belongs to `{union}`, the union that this source is a part of");
                return Err(found.problem(key, problem));
            }
        }
    }
    Ok(())
}

/// The parts of a union, in its order.
fn parts(named: &[(&str, Section<'_>)], of: &[String]) -> Result<Vec<SourceSettings>, ConfigError> {
    let part = |name: &String| {
        let (name, section) = named.iter().find(|(known, _)| known == name)?;
        Some(from_section(section, COMMON, None).and_then(|kind| list(name, section, kind)))
    };
    of.iter().filter_map(part).collect()
}

/// The name of a source, which templates can use.
pub(super) fn name<'a>(section: &Section<'a>) -> Result<&'a str, ConfigError> {
    let name = section.required("name", "by which templates refer to it")?;
    let mut chars = name.chars();
    let starts_well = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(section.problem("name", format!("must be letters, digits and _ only, not beginning with a digit, to be usable in templates; {name:?} is not")));
    }
    if RESERVED_NAMES.contains(&name) || DAY_NAMES.contains(&name) {
        return Err(section.problem("name", format!("cannot be {name:?}, which templates need for something else")));
    }
    Ok(name)
}

fn source(
    name: &str,
    section: &Section<'_>,
    kind: Arc<dyn Source>,
    others: &[SourceSettings],
) -> Result<SourceSettings, ConfigError> {
    let missing = section.word("missing", &[("undefined", Missing::Undefined), ("error", Missing::Error)])?;
    let idle = [("missing", missing == Some(Missing::Error)), (UNMATCHED_KEY, true)];
    if let Some((key, _)) = idle.iter().find(|(key, counts)| others.is_empty() && *counts && section.has(key)) {
        return Err(section.problem(key, "has no effect in the first source, which lists the people"));
    }
    Ok(SourceSettings {
        key: key(section, name, others)?,
        missing: missing.unwrap_or_default(),
        max_unmatched_percent: section.number(UNMATCHED_KEY, 0..=100)?.unwrap_or(SourceSettings::MAX_UNMATCHED_PERCENT),
        prefer: prefer(section, name, others)?,
        ..list(name, section, kind)?
    })
}

/// A list, joined with nothing.
fn list(name: &str, section: &Section<'_>, kind: Arc<dyn Source>) -> Result<SourceSettings, ConfigError> {
    Ok(SourceSettings {
        name: name.into(),
        key: Key::Columns(Vec::new()),
        expect_records: section.number("expect_records", 0..=MOST_RECORDS)?,
        max_rows: section.number("max_rows", 1..=100_000_000)?.unwrap_or(MAX_ROWS),
        timeout: section.duration("timeout")?.unwrap_or(Duration::from_secs(5 * 60)),
        max_age: max_age(section)?,
        missing: Missing::default(),
        max_unmatched_percent: SourceSettings::MAX_UNMATCHED_PERCENT,
        prefer: None,
        kind,
    })
}

/// `key`: the name of a column, the names of several, or a template.
fn key(section: &Section<'_>, name: &str, others: &[SourceSettings]) -> Result<Key, ConfigError> {
    let texts = section.one_or_more_texts("key")?;
    let texts = texts.ok_or_else(|| section.missing("key", "the column that joins its records with others"))?;
    match &texts[..] {
        [text] if text.contains("{{") || text.contains("{%") => {
            let (setting, names) = own_names(section, "key", name, others);
            Template::parse_own(&setting, text, others.len(), &names)
                .map(Key::Template)
                .map_err(|problem| section.problem("key", problem))
        }
        _ => Ok(Key::Columns(texts.iter().map(|column| normal_text(column).into()).collect())),
    }
}

/// `prefer`: an expression that is true of one record, or `{ greatest = … }`.
fn prefer(section: &Section<'_>, name: &str, others: &[SourceSettings]) -> Result<Option<Prefer>, ConfigError> {
    let parse = |section: &Section<'_>, key: &str, text: &str| {
        let (setting, names) = own_names(section, key, name, others);
        Template::parse_preference(&setting, text, others.len(), &names)
            .map_err(|problem| section.problem(key, problem))
    };
    if !section.is_table("prefer") {
        let Some(text) = section.text("prefer")? else { return Ok(None) };
        return parse(section, "prefer", text).map(Prefer::When).map(Some);
    }
    let ranking = section.section("prefer", &format!("`prefer` in {}", section.label()))?.only(&["greatest"])?;
    let text = ranking.required("greatest", "the column to rank by, such as \"start_date\"")?;
    parse(&ranking, "greatest", text).map(Prefer::Greatest).map(Some)
}

/// The name for messages of a template over the columns of one source, and the names of the earlier sources and itself.
fn own_names(section: &Section<'_>, key: &str, name: &str, others: &[SourceSettings]) -> (String, Vec<Arc<str>>) {
    let names = others.iter().map(|other| Arc::clone(&other.name)).chain([name.into()]).collect();
    (format!("`{key}` in {}", section.label()), names)
}

fn max_age(section: &Section<'_>) -> Result<Option<MaxAge>, ConfigError> {
    let newest = section.text("newest")?.map(|column| normal_text(column).into());
    match (section.duration("max_age")?, newest) {
        (None, Some(_)) => Err(section.problem("newest", "has no effect without `max_age`")),
        (age, newest) => Ok(age.map(|age| MaxAge { age, newest })),
    }
}
