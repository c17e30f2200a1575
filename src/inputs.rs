//! Files that are read whole because somebody names them: settings, lists, keys, certificates, queries.
//!
//! A file counts only if it is a regular one, is no larger than its use allows, and is the same file with the same content
//! from its opening to its end. A device or a pipe may never end, and a list that somebody is writing is not whole.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// The largest list that is read, in bytes: about ten times what a million people take.
pub const LARGEST_LIST: u64 = 2 * 1024 * 1024 * 1024;
/// The largest file of settings, queries or checksums that is read, in bytes.
pub const LARGEST_TEXT: u64 = 1024 * 1024;

/// Reads a file whole.
///
/// # Errors
/// Where it cannot be read, is no regular file, has more than `most` bytes, or is changed while it is read. The message
/// does not name the file.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_while(path, most, || ())
}

/// Reads a file of text in UTF-8 whole.
///
/// # Errors
/// As [`read`], and where it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// Opens a regular file. It does not wait for somebody to write into a pipe.
///
/// # Errors
/// Where it cannot be opened, or is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }
    let file = options.open(path)?;
    let data = file.metadata()?;
    match data.is_file() {
        true => Ok(file),
        false if data.is_dir() => Err(io::Error::other("it is a folder, and a file is expected")),
        false => Err(io::Error::other("it is a device or a pipe, and a regular file is expected")),
    }
}

/// `meanwhile` is called after the file was opened and before it is read.
fn read_while(path: &Path, most: u64, meanwhile: impl FnOnce()) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let opened = State::of(&file.metadata()?);
    meanwhile();
    if opened.size > most {
        return Err(too_large(most));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(opened.size).unwrap_or_default());
    (&file).take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large(most));
    }
    let (read, stands_there) = (State::of(&file.metadata()?), fs::metadata(path).map(|data| State::of(&data)));
    if bytes.len() as u64 != opened.size || read != opened || !stands_there.is_ok_and(|state| state == opened) {
        let problem = "it was changed while it was read; try again when whoever writes it is done";
        return Err(io::Error::other(problem));
    }
    Ok(bytes)
}

/// What tells a file that was changed or replaced from one that was not.
#[derive(Debug, PartialEq, Eq)]
struct State {
    size: u64,
    modified: Option<std::time::SystemTime>,
    /// On Unix the device, the inode, and the time of its last change, which nobody can set.
    node: [i64; 4],
}

impl State {
    fn of(data: &Metadata) -> Self {
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

fn too_large(most: u64) -> io::Error {
    io::Error::other(format!("it is larger than {}", size(most)))
}

/// A size for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes / 1024),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes / 1_048_576),
        _ => format!("{} GiB", bytes / 1_073_741_824),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::io::Write as _;
    use std::time::{Duration, Instant};

    use super::*;

    fn problem(result: io::Result<Vec<u8>>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_file_that_nobody_touches_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        fs::write(&path, b"id\n1\n").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"id\n1\n");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("list", folder.path().join("link")).unwrap();
            assert_eq!(read(&folder.path().join("link"), 5).unwrap(), b"id\n1\n");
        }
        assert_eq!(problem(read(&path, 4)), "it is larger than 0 KiB");
        fs::write(&path, b"\xff").unwrap();
        assert_eq!(read_text(&path, 4).unwrap_err().to_string(), "it is not UTF-8");
        assert_eq!(read(&folder.path().join("none"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
        let named = [size(LARGEST_TEXT), size(LARGEST_LIST), size(64 * 1024)];
        assert_eq!(named, ["1 MiB", "2 GiB", "64 KiB"]);
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
            // As whoever hides a change would.
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

    #[cfg(unix)]
    #[test]
    fn what_may_never_end_is_not_begun() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let begun = Instant::now();
        for (path, expected) in [
            (Path::new("/dev/zero"), "a device or a pipe"),
            (Path::new("/dev/null"), "a device or a pipe"),
            (&pipe, "a device or a pipe"),
            (folder.path(), "a folder"),
        ] {
            let problem = problem(read(path, LARGEST_LIST));
            assert!(problem.contains(expected), "{}: {problem}", path.display());
        }
        assert!(read(&socket, 9).is_err());
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_size_that_is_claimed_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hole");
        // A file of which nothing is on the disk.
        fs::File::create(&path).unwrap().set_len(LARGEST_LIST + 1).unwrap();
        assert_eq!(problem(read(&path, 1024 * 1024)), "it is larger than 1 MiB");
    }
}
