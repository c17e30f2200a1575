//! The archive that a workbook is.

use std::collections::HashSet;
use std::io::{self, Cursor, Read as _};

use zip::ZipArchive;

use crate::files::LARGEST_LIST;
use crate::setting::quoting;

/// The largest unpacked workbook, in bytes; a larger one is no list of people.
const MOST_UNPACKED: u64 = LARGEST_LIST;
/// What the last record of an archive begins with, and where it has the number of entries.
const LAST_RECORD: (&[u8], usize) = (b"PK\x05\x06", 10);

/// Reads every part of the archive to its end, where the checksum is. Reading a sheet stops after its cells, and would
/// accept a damaged part. Of two parts with one name, programs differ in which one they take.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    // The library forgets the first of two parts with one name.
    let mut is_twice = entries(bytes).is_some_and(|entries| entries != archive.len());
    let mut names = HashSet::new();
    let mut unpacked = 0;
    for part in 0..archive.len() {
        let part = archive.by_index(part).map_err(|error| error.to_string())?;
        let name = part.name().map_err(|error| error.to_string())?.into_owned();
        is_twice |= !names.insert(name.to_ascii_lowercase().replace('\\', "/"));
        unpacked += io::copy(&mut part.take(MOST_UNPACKED + 1 - unpacked), &mut io::sink())
            .map_err(|error| format!("its part {}: {error}", quoting::quoted(&name)))?;
        if unpacked > MOST_UNPACKED {
            return Err(format!("it holds more than {} GiB", MOST_UNPACKED >> 30));
        }
    }
    if is_twice { Err("it has two parts of one name".to_owned()) } else { Ok(()) }
}

/// How many entries the archive says that it has; `None` if they are too many to be said there.
fn entries(bytes: &[u8]) -> Option<usize> {
    let (signature, place) = LAST_RECORD;
    let last = bytes.windows(signature.len()).rposition(|window| window == signature)?;
    let number = bytes.get(last + place..)?.first_chunk()?;
    Some(u16::from_le_bytes(*number)).filter(|number| *number != u16::MAX).map(usize::from)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn no_two_parts_have_one_name() {
        for (second, is_fine) in
            [("xl/b.xml", true), ("xl/a.xml", false), ("XL/a.xml", false), ("xl/A.XML", false), ("xl\\a.xml", false)]
        {
            let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
            for name in ["xl/a.xml", "xl/c.xml"] {
                archive.start_file(name, SimpleFileOptions::default()).unwrap();
                archive.write_all(b"<sheet/>").unwrap();
            }
            let mut bytes = archive.finish().unwrap().into_inner();
            // The library writes no such archive.
            let places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b"xl/c.xml")).collect();
            places.iter().for_each(|&at| bytes[at..at + second.len()].copy_from_slice(second.as_bytes()));
            let checked = check(&bytes);
            assert_eq!((checked.is_ok(), places.len()), (is_fine, 2), "{second}: {checked:?}");
            assert!(is_fine || checked.unwrap_err().contains("two parts of one name"), "{second}");
        }
    }
}
