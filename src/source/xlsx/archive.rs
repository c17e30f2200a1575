//! The parts of a workbook, read to their ends before anything in them counts.

use std::collections::HashSet;
use std::io::{self, Cursor, Read as _};

use zip::ZipArchive;

use super::references::References;
use crate::files::LARGEST_LIST;
use crate::setting::quoting;

/// The largest unpacked workbook, in bytes; a larger one is no list of people.
const MOST_UNPACKED: u64 = LARGEST_LIST;

/// Reads every part of the archive to its end, where the checksum is. Reading a sheet stops after its cells, and would
/// accept a damaged part. Of two parts of one name, programs differ in which one they read; a case of the letters makes
/// no other name.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    if archive.has_duplicate_names() {
        return Err("it has two parts of one name; save the workbook again".to_owned());
    }
    let (mut unpacked, mut names) = (0, HashSet::with_capacity(archive.len()));
    for part in 0..archive.len() {
        let part = archive.by_index(part).map_err(|error| error.to_string())?;
        let name = part.name().map_err(|error| error.to_string())?.into_owned();
        let quoted = || quoting::quoted(&name);
        if !names.insert(name.trim_start_matches(['/', '\\']).replace('\\', "/").to_lowercase()) {
            let problem = "whose name differs from another's in nothing that counts; save the workbook again";
            return Err(format!("it has a part {}, {problem}", quoted()));
        }
        let mut references = References::default();
        unpacked += io::copy(&mut part.take(MOST_UNPACKED + 1 - unpacked), &mut references)
            .map_err(|error| format!("its part {}: {error}", quoted()))?;
        if unpacked > MOST_UNPACKED {
            return Err(format!("it holds more than {} GiB", MOST_UNPACKED >> 30));
        }
        if let Some(problem) = references.problem() {
            return Err(format!("its part {} {problem}; save the workbook again", quoted()));
        }
    }
    Ok(())
}
