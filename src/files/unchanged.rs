//! Reading lists: a list that is written to or replaced while it is read is not complete.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use super::read::{Links, open_regular, too_long};

/// The largest list that is read, in bytes: about ten times what a million people take.
pub const LARGEST_LIST: u64 = 2 * 1024 * 1024 * 1024;

/// Reads a regular file that does not change meanwhile. Also returns when it was last changed, if the system knows.
///
/// # Errors
/// If it cannot be read, is not a regular file, has more than `most` bytes, or is changed, replaced or removed between its
/// opening and its end.
pub fn read_unchanged(path: &Path, most: u64) -> io::Result<(Vec<u8>, Option<SystemTime>)> {
    read_while(path, most, || ())
}

/// `meanwhile` is called after the file was opened and before it is read.
fn read_while(path: &Path, most: u64, meanwhile: impl FnOnce()) -> io::Result<(Vec<u8>, Option<SystemTime>)> {
    let file = open_regular(path, Links::Follow)?;
    let opened = FileState::of(&file.metadata()?);
    meanwhile();
    if opened.size > most {
        return Err(too_long(most));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(opened.size).unwrap_or_default());
    (&file).take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_long(most));
    }
    let (read, stands_there) = (FileState::of(&file.metadata()?), fs::metadata(path).map(|data| FileState::of(&data)));
    if bytes.len() as u64 != opened.size || read != opened || !stands_there.is_ok_and(|state| state == opened) {
        let problem = "it was changed while it was read; try again when it is written completely";
        return Err(io::Error::other(problem));
    }
    Ok((bytes, opened.modified))
}

/// What shows that a file was changed or replaced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    size: u64,
    modified: Option<SystemTime>,
    /// On Unix: the device, the inode, and the time of the last change of the inode, which no program can set.
    node: [i64; 4],
}

impl FileState {
    pub(crate) fn of(data: &Metadata) -> Self {
        Self { size: data.len(), modified: data.modified().ok(), node: node(data) }
    }
}

#[cfg(unix)]
fn node(data: &Metadata) -> [i64; 4] {
    use std::os::unix::fs::MetadataExt as _;
    [data.dev().cast_signed(), data.ino().cast_signed(), data.ctime(), data.ctime_nsec()]
}

#[cfg(not(unix))]
fn node(_: &Metadata) -> [i64; 4] {
    [0; 4]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;
    use std::time::Duration;

    use super::*;

    fn problem<T: std::fmt::Debug>(result: io::Result<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_file_that_nobody_touches_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        fs::write(&path, b"id\n1\n").unwrap();
        assert_eq!(read_unchanged(&path, 5).unwrap().0, b"id\n1\n");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("list", folder.path().join("link")).unwrap();
            assert_eq!(read_unchanged(&folder.path().join("link"), 5).unwrap().0, b"id\n1\n");
        }
        assert!(problem(read_unchanged(&path, 4)).contains("longer than 4 bytes"));
        assert_eq!(read_unchanged(&folder.path().join("none"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn whatever_happens_to_it_meanwhile_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let append = |text: &[u8]| OpenOptions::new().append(true).open(&path).unwrap().write_all(text).unwrap();
        let touch = |time| OpenOptions::new().write(true).open(&path).unwrap().set_modified(time).unwrap();
        let longer = || append(b"2\n");
        let cut = || OpenOptions::new().write(true).open(&path).unwrap().set_len(2).unwrap();
        let rewritten = || {
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            // The clock of a file system has coarse steps.
            std::thread::sleep(Duration::from_millis(20));
            fs::write(&path, b"id\n9\n").unwrap();
            // As somebody would do to hide a change.
            touch(modified);
        };
        let replaced = || {
            fs::write(folder.path().join("new"), b"id\n9\n").unwrap();
            fs::rename(folder.path().join("new"), &path).unwrap();
        };
        let removed = || fs::remove_file(&path).unwrap();
        let changes: [(&str, &dyn Fn()); 5] = [
            ("longer", &longer),
            ("cut", &cut),
            ("rewritten", &rewritten),
            ("replaced", &replaced),
            ("removed", &removed),
        ];
        for (change, make) in changes {
            fs::write(&path, b"id\n1\n").unwrap();
            let problem = problem(read_while(&path, 100, make));
            assert!(problem.contains("was changed while it was read"), "{change}: {problem}");
        }
        fs::write(&path, b"id\n1\n").unwrap();
        // Somebody who only reads it changes nothing.
        assert!(read_while(&path, 100, || drop(fs::read(&path).unwrap())).is_ok());
    }

    #[test]
    fn a_size_that_is_claimed_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hole");
        // A file with no bytes on the disk.
        fs::File::create(&path).unwrap().set_len(LARGEST_LIST + 1).unwrap();
        assert!(problem(read_unchanged(&path, 1024 * 1024)).contains("longer than 1048576 bytes"));
    }
}
