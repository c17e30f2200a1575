//! The formats of lists of records, from a file or printed by a program.

use std::collections::BTreeMap;

use super::csv::CsvFormat;
use super::json::JsonFormat;
use super::jsonl;
use super::table::Table;
use crate::setting::ConfigError;
use crate::setting::section::Section;

/// The format of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    Csv(CsvFormat),
    Json(JsonFormat),
    Jsonl,
}

/// The names of the formats; they are also kinds of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormatName {
    Csv,
    Json,
    Jsonl,
}

impl FormatName {
    /// The names as the settings have them.
    pub(super) const WORDS: &[(&str, Self)] = &[("csv", Self::Csv), ("json", Self::Json), ("jsonl", Self::Jsonl)];

    /// The settings that a format has.
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Csv => CsvFormat::KEYS,
            Self::Json => JsonFormat::KEYS,
            Self::Jsonl => &[],
        }
    }
}

impl Format {
    pub(super) fn from_section(name: FormatName, section: &Section<'_>) -> Result<Self, ConfigError> {
        Ok(match name {
            FormatName::Csv => Self::Csv(CsvFormat::from_section(section)?),
            FormatName::Json => Self::Json(JsonFormat::from_section(section)?),
            FormatName::Jsonl => Self::Jsonl,
        })
    }

    /// Its name in the settings.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Json(_) => "json",
            Self::Jsonl => "jsonl",
        }
    }

    /// Whether every cell is a text.
    pub(super) fn has_only_texts(&self) -> bool {
        match self {
            Self::Csv(_) => true,
            Self::Json(_) | Self::Jsonl => false,
        }
    }

    /// The settings that decide what the records say.
    pub(super) fn identity(&self) -> BTreeMap<&'static str, String> {
        match self {
            Self::Csv(format) => format.identity(),
            Self::Json(format) => format.identity(),
            Self::Jsonl => BTreeMap::new(),
        }
    }

    /// Parses the records, of which there may be `most`. An error says where they are broken, without naming the file or program.
    pub(super) fn table(&self, bytes: &[u8], most: u64) -> Result<Table, String> {
        match self {
            Self::Csv(format) => format.table(bytes, most),
            Self::Json(format) => format.table(bytes, most),
            Self::Jsonl => jsonl::read(bytes, most),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::cell::RefCell;
    use std::path::Path;

    use toml::de::DeTable;

    use super::*;
    use crate::setting::section::Document;

    #[test]
    fn what_comes_after_too_many_records_is_not_read() {
        let (table, secrets) = (DeTable::parse("").unwrap(), std::sync::Arc::default());
        let document = Document { text: "", path: Path::new("x"), files: &RefCell::default(), secrets: &secrets };
        let section = Section::root(document, table.get_ref()).named("[[source]] `hr`".to_owned());
        for ((_, name), text) in
            FormatName::WORDS.iter().zip(["id\n1\n2\n3\n\"", "[{}, {}, {}, nonsense", "{}\n{}\n{}\nnonsense\n"])
        {
            let format = Format::from_section(*name, &section).unwrap();
            let problem = format.table(text.as_bytes(), 2).unwrap_err();
            assert!(problem.contains("there are 3 records, more than max_rows = 2"), "{problem}");
            let problem = format.table(text.as_bytes(), 3).unwrap_err();
            assert!(!problem.contains("max_rows"), "{problem}");
        }
    }
}
