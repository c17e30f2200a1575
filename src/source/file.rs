//! Sources that are files: read once, and verified complete by a checksum.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use futures_util::future::BoxFuture;

use super::format::{Format, FormatName};
use super::{Conditions, ReadError, Reading, Source, blocking};
use crate::files::{LARGEST_LIST, Links, read_regular_text, read_unchanged};
use crate::plan::Digest;
use crate::setting::ConfigError;
use crate::setting::section::Section;
use crate::text::shell_path;

/// The largest file of checksums, in bytes.
const MOST_CHECKSUMS: u64 = 4 * 1024 * 1024;

/// `csv`, `json` and `jsonl`: a file of records.
#[derive(Debug, Clone)]
pub(super) struct FileSource {
    file: FileSettings,
    format: Format,
}

/// The settings of a source that is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileSettings {
    /// The file.
    path: PathBuf,
    /// A file with its SHA-256, as `sha256sum` writes it.
    sha256_file: Option<PathBuf>,
}

impl FileSource {
    pub(super) fn from_section(name: FormatName, section: &Section<'_>) -> Result<Self, ConfigError> {
        Ok(Self { file: FileSettings::from_section(section)?, format: Format::from_section(name, section)? })
    }

    fn read_whole(&self, most: u64) -> Result<Reading, ReadError> {
        let (bytes, modified) = self.file.read()?;
        let table = self.format.table(&bytes, most).map_err(|problem| format!("{} {problem}", self.file.name()))?;
        Ok(Reading { table, proof: self.file.proof(), modified })
    }
}

impl Source for FileSource {
    fn kind(&self) -> &'static str {
        self.format.name()
    }

    fn identity(&self) -> BTreeMap<&'static str, String> {
        self.format.identity()
    }

    fn has_only_texts(&self) -> bool {
        self.format.has_only_texts()
    }

    fn read<'a>(&'a self, conditions: &'a Conditions<'a>) -> BoxFuture<'a, Result<Reading, ReadError>> {
        let (source, most) = (self.clone(), conditions.max_rows);
        Box::pin(blocking(move || source.read_whole(most)))
    }
}

impl FileSettings {
    pub(super) const KEYS: &[&str] = &["path", "sha256_file"];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let path = section.path("path")?.ok_or_else(|| section.missing("path", "the file with the records"))?;
        Ok(Self { path, sha256_file: section.path("sha256_file")? })
    }

    /// What messages call the file.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Reads the file once, so that the hashed and the parsed bytes are the same; also returns when it was last
    /// changed.
    pub(super) fn read(&self) -> Result<(Vec<u8>, Option<SystemTime>), String> {
        let name = self.name();
        let (bytes, modified) =
            read_unchanged(&self.path, LARGEST_LIST).map_err(|error| format!("cannot read {name}: {error}"))?;
        if bytes.is_empty() {
            return Err(format!("{name} is empty; a list with nobody in it cannot be told from one that was lost"));
        }
        if let Some(path) = &self.sha256_file {
            let stated = stated_digest(path, &self.path)?;
            let found = Digest::of(&bytes);
            if stated != found {
                return Err(format!("{name} is {found}, but {} says {stated}", path.display()));
            }
        }
        Ok((bytes, modified))
    }

    /// The completeness check of the file.
    pub(super) fn proof(&self) -> Option<&'static str> {
        self.sha256_file.as_ref().map(|_| "sha256_file")
    }
}

/// The digest that a file of checksums states for a list: a digest alone, or the line that names the list.
fn stated_digest(path: &Path, list: &Path) -> Result<Digest, String> {
    let text = read_regular_text(path, MOST_CHECKSUMS, Links::Follow)
        .map_err(|error| format!("cannot read sha256_file {}: {error}", path.display()))?;
    let stated = text.trim_start_matches('\u{feff}').lines().filter_map(|line| {
        let (digits, name) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let name = name.trim_start().trim_start_matches('*');
        let digest = Digest::parse(&format!("sha256:{}", digits.to_ascii_lowercase()))?;
        (name.is_empty() || is_name_of(list, Path::new(name), path)).then_some(digest)
    });
    let problem = match only(stated) {
        Ok(digest) => return Ok(digest),
        Err(problem) => problem,
    };
    let name = Path::new(list.file_name().unwrap_or_default());
    let (list, typed) = (name.display(), shell_path(name));
    Err(format!("sha256_file {} holds {problem} of {list}; write it with `sha256sum {typed}`", path.display()))
}

/// The one digest that is stated, however often.
fn only(mut stated: impl Iterator<Item = Digest>) -> Result<Digest, &'static str> {
    let first = stated.next().ok_or("no SHA-256")?;
    if stated.any(|digest| digest != first) { Err("more than one SHA-256") } else { Ok(first) }
}

/// Whether a line of a file of checksums means the list. Its name may be a path from the folder of that file, or from
/// any folder above the list, where `sha256sum` may have been typed. If the first one leads to a file, it is meant.
fn is_name_of(list: &Path, name: &Path, checksums: &Path) -> bool {
    let beside = checksums.parent().unwrap_or(Path::new("")).join(name);
    let Ok(is) = fs::canonicalize(list) else { return false };
    if let Ok(meant) = fs::canonicalize(beside) {
        return meant == is;
    }
    let written: PathBuf = name.components().filter(|part| *part != Component::CurDir).collect();
    let given = std::path::absolute(list);
    is.ends_with(&written) || given.is_ok_and(|given| given.ends_with(&written))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_counts_for_the_list_that_its_line_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("lists/old")).unwrap();
        fs::create_dir_all(path("sums")).unwrap();
        for file in ["lists/hr.csv", "lists/old/hr.csv", "hr.csv"] {
            fs::write(path(file), "id\n1\n").unwrap();
        }
        let (right, wrong) = (Digest::of(b"right"), Digest::of(b"wrong"));
        let stated = |sums: &str, lines: &[(Digest, &str)]| {
            let lines: String = lines.iter().map(|(digest, name)| format!("{} {name}\n", digest.hex())).collect();
            fs::write(path(sums), lines).unwrap();
            stated_digest(&path(sums), &path("lists/hr.csv"))
        };
        for name in ["", " hr.csv", "*hr.csv", " ./hr.csv", " old/../hr.csv", " lists/hr.csv", " ./lists/hr.csv"] {
            assert_eq!(stated("lists/sums", &[(wrong, " old/hr.csv"), (right, name)]), Ok(right), "{name}");
        }
        let absolute = format!(" {}", path("lists/hr.csv").display());
        for name in [" hr.csv", " ../lists/hr.csv", &absolute] {
            assert_eq!(stated("sums/sums", &[(wrong, " ../hr.csv"), (right, name)]), Ok(right), "{name}");
        }
        // From the folder of the checksums, this is another file.
        for name in [" hr.csv", " lists/old/hr.csv", " x/y/hr.csv", " ists/hr.csv", " HR.csv"] {
            let error = stated("sums.txt", &[(right, name)]).unwrap_err();
            assert!(error.contains("no SHA-256 of hr.csv"), "{name}: {error}");
        }
        assert_eq!(stated("lists/sums", &[(right, " hr.csv"), (right, " ./hr.csv")]), Ok(right));
        let error = stated("lists/sums", &[(right, " hr.csv"), (wrong, " ./hr.csv")]).unwrap_err();
        assert!(error.contains("more than one SHA-256 of hr.csv"), "{error}");
    }
}
