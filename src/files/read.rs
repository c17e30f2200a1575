//! Reading files that somebody else wrote: never more than a limit, never a device or a pipe without an end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::side_by_side::fill_side_by_side;

/// What a symbolic link at a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// The file that it leads to.
    Follow,
    /// An error: the target can differ from one reading to the next, and from one machine to the next.
    Refuse,
}

/// The kind of the error for a link, a device, a pipe or a folder.
pub const WRONG_KIND: io::ErrorKind = io::ErrorKind::InvalidInput;

/// A file of so many bytes is worth more than one thread.
const LONG: usize = 1 << 20;

/// How long a pipe is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

const NOT_REGULAR: &str = "it is not a regular file";

/// Opens a regular file to read it. Never waits for a pipe.
///
/// # Errors
/// If it cannot be opened, is not a regular file, or is a link that is refused.
pub fn open_regular(path: &Path, links: Links) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    match links {
        Links::Follow => wait_for_nobody(&mut options, OFlags::empty()),
        Links::Refuse => no_links(&mut options),
    }
    match links {
        Links::Follow => regular(options.open(path), NOT_REGULAR),
        Links::Refuse => {
            let linked = "it is a symbolic link; name the file itself";
            regular(options.open(path).map_err(|error| in_words(error, linked)), NOT_REGULAR)
        }
    }
}

/// Opens a file of the program's own with options that follow no link (see [`no_links`]).
///
/// # Errors
/// If it cannot be opened, is not a regular file, or is a link.
pub(crate) fn open_own(path: &Path, options: &OpenOptions) -> io::Result<File> {
    regular(options.open(path).map_err(|error| in_words(error, "is a symbolic link")), "is not a regular file")
}

fn regular(opened: io::Result<File>, problem: &'static str) -> io::Result<File> {
    let wrong = || io::Error::new(WRONG_KIND, problem);
    // A socket, or a pipe that is to be written and that nobody reads.
    let cannot_be_opened = |error: &io::Error| error.raw_os_error() == Some(Errno::NXIO.raw_os_error());
    let file = opened.map_err(|error| if cannot_be_opened(&error) { wrong() } else { error })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(wrong()) }
}

/// Clearer words for two errors of the system: a link that is not followed, and a folder that is opened to be written.
fn in_words(error: io::Error, linked: &'static str) -> io::Error {
    let code = error.raw_os_error();
    match code {
        _ if code == Some(Errno::LOOP.raw_os_error()) => io::Error::new(WRONG_KIND, linked),
        _ if code == Some(Errno::ISDIR.raw_os_error()) => io::Error::new(WRONG_KIND, "is a folder, not a file"),
        _ => error,
    }
}

/// Reads a regular file of at most so many bytes.
///
/// # Errors
/// As [`open_regular`], and if the file is longer.
pub fn read_regular(path: &Path, most: u64, links: Links) -> io::Result<Vec<u8>> {
    let mut file = open_regular(path, links)?;
    let length = file.metadata()?.len();
    if length > most {
        return Err(too_long(most));
    }
    let length = usize::try_from(length).map_err(|_| too_long(most))?;
    let mut bytes = at_once(&file, length).unwrap_or_else(|| Vec::with_capacity(length.saturating_add(1)));
    // The rest, which is all of it, nothing, or what was added meanwhile.
    file.seek(SeekFrom::Start(bytes.len() as u64))?;
    read_to_bound(file, most, &mut bytes)?;
    Ok(bytes)
}

/// So many bytes of a long file, read on several threads. None of a short one, or of one that ends earlier.
fn at_once(file: &File, length: usize) -> Option<Vec<u8>> {
    if length < LONG {
        return None;
    }
    let mut bytes = vec![0; length];
    fill_side_by_side(&mut bytes, |at, part| file.read_exact_at(part, at as u64)).ok()?;
    Some(bytes)
}

/// Reads at most so many bytes from the path, which may be a pipe. It gives up on a pipe without an end, or one that nobody
/// writes to.
///
/// # Errors
/// If it cannot be read, has more, or has not ended after two minutes.
pub fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_within(PATIENCE, path, most)
}

fn read_within(patience: Duration, path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (sender, read) = channel();
    let path = path.to_owned();
    // Nothing waits for this thread at the end of the program.
    thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| read_to_bound(file, most, &mut bytes));
        // The reader may have given up.
        let _ = sender.send(read.map(|()| bytes));
    })?;
    let late = || format!("nothing came from it, or not its end, within {} seconds", patience.as_secs());
    read.recv_timeout(patience).map_err(|_| io::Error::new(io::ErrorKind::TimedOut, late()))?
}

/// The same, as text.
///
/// # Errors
/// As [`read_bounded`], and if it is not UTF-8.
pub fn read_bounded_text(path: &Path, most: u64) -> io::Result<String> {
    into_text(read_bounded(path, most)?)
}

/// As [`read_regular`], as text.
///
/// # Errors
/// As [`read_regular`], and if it is not UTF-8.
pub fn read_regular_text(path: &Path, most: u64, links: Links) -> io::Result<String> {
    into_text(read_regular(path, most, links)?)
}

/// Options that follow no symbolic link and wait for no pipe; a new file is readable only by its owner.
pub(crate) fn no_links(options: &mut OpenOptions) {
    wait_for_nobody(options, OFlags::NOFOLLOW);
}

fn wait_for_nobody(options: &mut OpenOptions, more: OFlags) {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | more;
    options.mode(0o600).custom_flags(flags.bits().cast_signed());
}

fn read_to_bound(file: File, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    file.take(most.saturating_sub(bytes.len() as u64).saturating_add(1)).read_to_end(bytes)?;
    if bytes.len() as u64 > most { Err(too_long(most)) } else { Ok(()) }
}

pub(super) fn too_long(most: u64) -> io::Error {
    io::Error::other(format!("it is longer than {most} bytes, the most that is read"))
}

fn into_text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for length in [LONG - 1, LONG, LONG + 1, 3 * LONG + 7] {
            let bytes: Vec<u8> = (0..length).map(|at| (at / 251 + at) as u8).collect();
            std::fs::write(&path, &bytes).unwrap();
            assert!(read_regular(&path, length as u64, Links::Refuse).unwrap() == bytes, "{length}");
            let error = read_regular(&path, length as u64 - 1, Links::Refuse).unwrap_err().to_string();
            assert!(error.contains("longer than"), "{error}");
            let file = open_regular(&path, Links::Refuse).unwrap();
            // As if the file was cut after its length was asked for.
            assert_eq!(at_once(&file, length + LONG), None);
        }
    }

    #[test]
    fn only_regular_files_are_read_and_only_up_to_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "12345").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read_regular(&file, 5, Links::Refuse).unwrap(), b"12345");
        assert_eq!(read_regular(&link, 5, Links::Follow).unwrap(), b"12345");
        assert_eq!(read_bounded(&link, 5).unwrap(), b"12345");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (path, links, word) in [
            (file.as_path(), Links::Refuse, "longer than 4 bytes"),
            (&link, Links::Refuse, "symbolic link"),
            (folder.path(), Links::Follow, "not a regular file"),
            // It does not wait for a writer.
            (&pipe, Links::Refuse, "not a regular file"),
            (Path::new("/dev/zero"), Links::Follow, "not a regular file"),
        ] {
            let error = read_regular(path, 4, links).unwrap_err().to_string();
            assert!(error.contains(word), "{}: {error}", path.display());
        }
        // Where a pipe is read, nobody may write to it, or without an end.
        let short = Duration::from_millis(50);
        for _writer in [None, Some(File::options().read(true).write(true).open(&pipe).unwrap())] {
            let error = read_within(short, &pipe, 4).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(error.to_string().contains("nothing came from it"), "{error}");
        }
        let socket = folder.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [pipe.as_path(), &socket, folder.path(), &link, Path::new("/dev/null")] {
            for (write, create) in [(false, false), (true, false), (true, true)] {
                let mut options = File::options();
                options.read(!write).write(write).create(create);
                no_links(&mut options);
                let error = open_own(path, &options).unwrap_err();
                assert_eq!(error.kind(), WRONG_KIND, "{}: {error}", path.display());
            }
        }
        assert_eq!(open_regular(&socket, Links::Follow).unwrap_err().to_string(), NOT_REGULAR);
        assert!(read_bounded(Path::new("/dev/zero"), 4).unwrap_err().to_string().contains("longer than 4 bytes"));
    }
}
