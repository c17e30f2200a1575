//! The parts of a workbook, read to their ends before anything in them counts.

use std::collections::HashSet;
use std::io::{self, Cursor, Read as _};

use zip::ZipArchive;

use super::bounds::{self, MOST_OF_FRAME, Role};
use super::references::References;
use crate::files::LARGEST_LIST;
use crate::setting::quoting;

type Archive<'b> = ZipArchive<Cursor<&'b [u8]>>;

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
    let mut parts = Vec::with_capacity(archive.len());
    for part in 0..archive.len() {
        let part = archive.by_index(part).map_err(|error| error.to_string())?;
        let name = part.name().map_err(|error| error.to_string())?.into_owned();
        let quoted = || quoting::quoted(&name);
        let plain = name.trim_start_matches(['/', '\\']).replace('\\', "/").to_lowercase();
        if !names.insert(plain.clone()) {
            let problem = "whose name differs from another's in nothing that counts; save the workbook again";
            return Err(format!("it has a part {}, {problem}", quoted()));
        }
        let mut references = References::default();
        // The rest of a part that is too large is not read.
        let most = if Role::of(&plain, &HashSet::new()).is_frame() { MOST_OF_FRAME } else { MOST_UNPACKED };
        let size = io::copy(&mut part.take((MOST_UNPACKED - unpacked).min(most) + 1), &mut references)
            .map_err(|error| format!("its part {}: {error}", quoted()))?;
        if size > most && most == MOST_OF_FRAME {
            return Err(too_large(&name));
        }
        unpacked += size;
        if unpacked > MOST_UNPACKED {
            return Err(format!("it holds more than {} GiB", MOST_UNPACKED >> 30));
        }
        if let Some(problem) = references.problem() {
            return Err(format!("its part {} {problem}; save the workbook again", quoted()));
        }
        parts.push((name, plain, size));
    }
    check_bounds(&mut archive, &parts)
}

/// Checks that no part makes the library fill the memory: each with its name, the name in lower case, and its size.
fn check_bounds(archive: &mut Archive<'_>, parts: &[(String, String, u64)]) -> Result<(), String> {
    let mut targets = HashSet::new();
    // The relationships of the whole come first: they name the workbook.
    let is_first = |plain: &str| plain == "_rels/.rels";
    let in_order = parts.iter().enumerate().filter(|(_, (_, plain, _))| is_first(plain));
    for (at, (name, plain, size)) in in_order.chain(parts.iter().enumerate()) {
        let broken = |problem: String| format!("its part {} {problem}; save the workbook again", quoting::quoted(name));
        let role = Role::of(plain, &targets);
        if role.is_frame() && *size > MOST_OF_FRAME {
            return Err(too_large(name));
        }
        let part = archive.by_index(at).map_err(|error| error.to_string())?;
        if is_first(plain) {
            targets = bounds::relationships(part).map_err(broken)?;
        } else if let Some(problem) = role.problem(*size, part) {
            return Err(broken(problem));
        }
    }
    Ok(())
}

fn too_large(name: &str) -> String {
    format!("its part {} holds more than {} MiB; save the workbook again", quoting::quoted(name), MOST_OF_FRAME >> 20)
}
