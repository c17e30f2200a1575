//! Typed reading of one table of the settings file. Every error names the key, its table and its line. An unknown key
//! is an error: a misspelt limit must not silently leave the default in force.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::quoting::{is_pasted_key, is_variable_name, length, may_be_secret, quoted};
use super::secrets::Secrets;
use super::{ConfigError, NamedFile, nearest};
use crate::strict_json::Pointer;

/// The settings file as a text, and what relative paths are relative to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document<'a> {
    pub(crate) text: &'a str,
    pub(crate) path: &'a Path,
    /// Where the secrets that it names are recorded.
    pub(crate) secrets: &'a Arc<Secrets>,
    /// The files that its settings name, as they are read.
    pub(crate) files: &'a RefCell<Vec<NamedFile>>,
}

impl Document<'_> {
    /// The line of a place, counted from 1.
    fn line(&self, at: usize) -> usize {
        self.position(at).0
    }

    /// Line and column of a place, counted from 1.
    pub(crate) fn position(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    fn error(&self, problem: impl std::fmt::Display) -> ConfigError {
        ConfigError::Invalid(format!("{}: {problem}", self.path.display()))
    }
}

/// One table, whose keys are known. A table that is left out reads as an empty one.
#[derive(Debug, Clone)]
pub(crate) struct Section<'a> {
    document: Document<'a>,
    table: Option<&'a DeTable<'a>>,
    label: String,
    at: usize,
}

type Entry<'a> = (&'a str, &'a Spanned<DeValue<'a>>);

impl<'a> Section<'a> {
    /// The whole file.
    pub(crate) fn root(document: Document<'a>, table: &'a DeTable<'a>) -> Self {
        Self { document, table: Some(table), label: "the file".to_owned(), at: 0 }
    }

    /// Its name in messages, such as `[guard]`.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Where the secrets that the file names are recorded.
    pub(crate) fn secrets(&self) -> &'a Arc<Secrets> {
        self.document.secrets
    }

    /// What relative paths are relative to.
    pub(crate) fn folder(&self) -> &'a Path {
        self.document.path.parent().unwrap_or(Path::new(""))
    }

    /// Gives the section another name in messages.
    pub(crate) fn named(self, label: String) -> Self {
        Self { label, ..self }
    }

    /// Refuses every key but these.
    pub(crate) fn only(self, known: &[&str]) -> Result<Self, ConfigError> {
        for (key, at) in self.keys() {
            if !known.contains(&key) {
                let hint = match nearest(key, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known are {}", known.join(", ")),
                };
                let line = self.document.line(at);
                let name = key_name(key).unwrap_or_else(|| format!("of {}", length(key)));
                return Err(self.document.error(format!("unknown key {name} in {} (line {line}); {hint}", self.label)));
            }
        }
        Ok(self)
    }

    /// All keys with their places.
    fn keys(&self) -> impl Iterator<Item = (&'a str, usize)> + use<'a> {
        self.table.into_iter().flat_map(|table| table.iter()).map(|(key, _)| (&**key.get_ref(), key.span().start))
    }

    /// All keys, for tables whose keys are the user's.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.keys().map(|(key, _)| key)
    }

    /// All keys with their values as texts, for tables whose keys are the user's.
    pub(crate) fn text_entries(&self) -> Result<Vec<(&'a str, &'a str)>, ConfigError> {
        let entries = self.table.into_iter().flat_map(|table| table.iter());
        entries.map(|(key, value)| Ok((&**key.get_ref(), self.as_text((key.get_ref(), value))?))).collect()
    }

    /// Whether the key is set.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Whether the key's value is a table.
    pub(crate) fn is_table(&self, key: &str) -> bool {
        self.entry(key).is_some_and(|(_, value)| value.get_ref().is_table())
    }

    fn entry(&self, key: &str) -> Option<Entry<'a>> {
        let (key, value) = self.table?.get_key_value(key)?;
        Some((&**key.get_ref(), value))
    }

    /// A problem with the value of a key, or with its absence.
    pub(crate) fn problem(&self, key: &str, problem: impl std::fmt::Display) -> ConfigError {
        let at = self.entry(key).map_or(self.at, |(_, value)| value.span().start);
        let line = self.document.line(at);
        let name = key_name(key).unwrap_or_else(|| format!("a key of {}", length(key)));
        self.document.error(format!("{name} in {} (line {line}) {problem}", self.label))
    }

    /// A problem with the whole table.
    pub(crate) fn missing(&self, key: &str, why: &str) -> ConfigError {
        let place = if self.table.is_some() && self.at > 0 {
            format!("{} (line {})", self.label, self.document.line(self.at))
        } else {
            self.label.clone()
        };
        self.document.error(format!("{place} lacks `{key}`, {why}"))
    }

    fn wrong_type(&self, (key, value): Entry<'_>, wanted: &str) -> ConfigError {
        self.problem(key, format!("must be {wanted}, not {}", with_article(value.get_ref().type_str())))
    }

    fn as_text(&self, entry: Entry<'a>) -> Result<&'a str, ConfigError> {
        match entry.1.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.wrong_type(entry, "a text in quotes")),
        }
    }

    /// A text that may be empty.
    pub(crate) fn text_or_empty(&self, key: &str) -> Result<Option<&'a str>, ConfigError> {
        self.entry(key).map(|entry| self.as_text(entry)).transpose()
    }

    /// A place in a JSON document, as RFC 6901 writes it.
    pub(crate) fn pointer(&self, key: &str) -> Result<Option<Pointer>, ConfigError> {
        let Some(text) = self.text_or_empty(key)? else { return Ok(None) };
        Pointer::parse(text).map(Some).map_err(|problem| self.problem(key, problem))
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, ConfigError> {
        match self.text_or_empty(key)? {
            Some(text) if text.trim().is_empty() => {
                Err(self.problem(key, "is empty; leave it out if you do not want it"))
            }
            text => Ok(text),
        }
    }

    /// A text that must be there, and why.
    pub(crate) fn required(&self, key: &str, why: &str) -> Result<&'a str, ConfigError> {
        self.text(key)?.ok_or_else(|| self.missing(key, why))
    }

    /// A list of texts.
    fn list(&self, key: &str) -> Result<Option<Vec<&'a str>>, ConfigError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let wanted = "a list of texts, such as [\"…\"]";
        let DeValue::Array(values) = entry.1.get_ref() else { return Err(self.wrong_type(entry, wanted)) };
        let texts = values.iter().map(|value| match value.get_ref() {
            DeValue::String(text) => Ok(&**text),
            _ => Err(self.wrong_type((key, value), wanted)),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// A list of texts, none of them empty.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let Some(texts) = self.list(key)? else { return Ok(None) };
        if texts.iter().any(|text| text.trim().is_empty()) {
            return Err(self.problem(key, "holds an empty text"));
        }
        Ok(Some(texts.into_iter().map(|text| text.trim().to_owned()).collect()))
    }

    /// A program and its arguments, exactly as they are: an argument may be empty, or a blank.
    pub(crate) fn program(&self, key: &str, example: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let Some(argv) = self.list(key)? else { return Ok(None) };
        match argv.first() {
            None => Err(self.problem(key, format!("is empty; it is a program and its arguments, such as {example}"))),
            Some(program) if program.trim().is_empty() => {
                Err(self.problem(key, format!("begins with an empty text, not a program; write it such as {example}")))
            }
            Some(program) if is_command_line(program) && !self.folder().join(program).exists() => {
                let problem = "begins with more than the name of a program";
                Err(self.problem(
                    key,
                    format!(
                        "{problem} ({}, not shown, as they may hold a key): each argument is a text of its own, and no shell sets \
                         variables; write it such as {example}",
                        length(program)
                    ),
                ))
            }
            Some(_) => Ok(Some(argv.into_iter().map(str::to_owned).collect())),
        }
    }

    /// A text, or a list of texts, none of them empty.
    pub(crate) fn one_or_more_texts(&self, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
        if self.entry(key).is_some_and(|(_, value)| value.get_ref().is_array()) {
            let texts = self.texts(key)?;
            return match texts {
                Some(texts) if texts.is_empty() => Err(self.problem(key, "is an empty list")),
                texts => Ok(texts),
            };
        }
        Ok(self.text(key)?.map(|text| vec![text.trim().to_owned()]))
    }

    /// Yes or no.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        let read =
            |entry: Entry<'_>| entry.1.get_ref().as_bool().ok_or_else(|| self.wrong_type(entry, "true or false"));
        self.entry(key).map(read).transpose()
    }

    /// A whole number within a range.
    pub(crate) fn number(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, ConfigError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let DeValue::Integer(number) = entry.1.get_ref() else { return Err(self.wrong_type(entry, "a whole number")) };
        let parsed = u64::from_str_radix(number.as_str(), number.radix()).ok();
        parsed.filter(|number| range.contains(number)).map(Some).ok_or_else(|| {
            let (least, most) = range.into_inner();
            self.problem(
                key,
                format!("must be between {least} and {most}, not {}", quoted(number.as_str()).trim_matches('"')),
            )
        })
    }

    /// One of some words.
    pub(crate) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text_or_empty(key)? else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|&(_, value)| Some(value)).ok_or_else(|| {
            let known: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.problem(key, format!("must be {}, not {}", known.join(" or "), quoted(text)))
        })
    }

    /// A duration above zero.
    pub(crate) fn duration(&self, key: &str) -> Result<Option<Duration>, ConfigError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let parsed = text.trim().parse::<SignedDuration>().ok().filter(SignedDuration::is_positive);
        let duration = parsed.and_then(|duration| Duration::try_from(duration).ok());
        duration.map(Some).ok_or_else(|| {
            self.problem(
                key,
                format!("must be a duration above zero, such as \"30s\", \"1h 30m\" or \"24h\", not {}", quoted(text)),
            )
        })
    }

    /// A length of time of whole seconds, which may be none at all; days have 24 hours.
    pub(crate) fn period(&self, key: &str) -> Result<Option<Duration>, ConfigError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let parsed = text.trim().parse::<Span>().ok();
        let parsed = parsed.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        let period = parsed.and_then(|duration| Duration::try_from(duration).ok());
        period.filter(|period| period.subsec_nanos() == 0).map(Some).ok_or_else(|| {
            let problem = "must be a time in whole seconds, such as \"7d\", \"36h\" or \"0d\", not";
            self.problem(key, format!("{problem} {}", quoted(text)))
        })
    }

    /// A path, made relative to the folder of the file.
    pub(crate) fn path(&self, key: &str) -> Result<Option<PathBuf>, ConfigError> {
        let text = self.text(key)?;
        let path = text.map(|path| self.folder().join(path));
        if let (Some(text), Some(path)) = (text, &path)
            && text.contains("://")
            && !path.exists()
        {
            let kind = if key == "path" { "; a list at an address has kind = \"http\"" } else { "" };
            let problem = format!(
                "is an address ({}, not shown, as it may hold a key), and must be the name of a file here{kind}",
                length(text)
            );
            return Err(self.problem(key, problem));
        }
        if let (Some(text), Some(path)) = (text, &path)
            && (is_pasted_key(text) || !text.contains(['/', '.']) && may_be_secret(text))
            && !path.exists()
        {
            let problem = "names no file that is there";
            return Err(self.problem(
                key,
                format!(
                    "{problem} ({}, not shown, as they may be a key itself); name the file that holds it",
                    length(text)
                ),
            ));
        }
        Ok(path.inspect(|path| self.reads(key, path)))
    }

    /// Records a file that is read because a setting names it. [`Section::path`] does this itself.
    pub(crate) fn reads(&self, key: &str, path: &Path) {
        let file = NamedFile { setting: format!("`{key}` of {}", self.label), path: path.to_owned() };
        self.document.files.borrow_mut().push(file);
    }

    /// Records a program and those of its arguments that are files, also behind a `=` as in `--file=hr.csv`.
    pub(crate) fn starts(&self, key: &str, argv: &[String]) {
        let behind = argv.iter().filter_map(|word| Some(word.split_once('=')?.1));
        argv.iter()
            .map(String::as_str)
            .chain(behind)
            .map(|word| self.folder().join(word))
            .filter(|path| path.is_file())
            .for_each(|path| self.reads(key, &path));
    }

    /// A table inside this one; an absent one reads as empty.
    pub(crate) fn section(&self, key: &str, label: &str) -> Result<Self, ConfigError> {
        let (table, at) = match self.entry(key) {
            None => (None, self.at),
            Some((_, value)) if value.get_ref().is_table() => (value.get_ref().as_table(), value.span().start),
            Some(entry) => return Err(self.wrong_type(entry, &format!("a table, {label}"))),
        };
        Ok(Self { document: self.document, table, label: label.to_owned(), at })
    }

    /// The tables of a list of tables.
    pub(crate) fn sections(&self, key: &str, label: &str) -> Result<Vec<Self>, ConfigError> {
        let Some(entry) = self.entry(key) else { return Ok(Vec::new()) };
        let wrong = || self.wrong_type(entry, &format!("a list of tables, each written {label}"));
        let tables = entry.1.get_ref().as_array().ok_or_else(wrong)?.iter();
        let open = |value: &'a Spanned<DeValue<'a>>| {
            let table = value.get_ref().as_table().ok_or_else(wrong)?;
            Ok(Self { document: self.document, table: Some(table), label: label.to_owned(), at: value.span().start })
        };
        tables.map(open).collect()
    }
}

/// Whether a text is a line for a shell rather than a program: with arguments, or with a variable that is set, as in
/// `PASSWORD=…`.
fn is_command_line(program: &str) -> bool {
    let program = program.trim();
    program.contains(char::is_whitespace) || program.split_once('=').is_some_and(|(name, _)| is_variable_name(name))
}

/// A key in quotes, unless it may be a secret that somebody put in its place.
fn key_name(key: &str) -> Option<String> {
    (!may_be_secret(key)).then(|| format!("`{key}`"))
}

fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}
