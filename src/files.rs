//! Files that hold personal data or decide something: written completely or not at all, and readable only by their
//! owner.
//!
//! The content is written to a temporary file in the same folder, with mode 0600, and synced to the disk. Then the file
//! is renamed in one step. A reader sees the old file or the new one, never half of one; a failure leaves nothing
//! behind. The leftovers of a killed run are removed by the next run that writes into the same folder.

mod in_place;
mod read;
mod special;
mod unchanged;
mod under_way;

use std::fs::{self, DirEntry, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

pub(crate) use in_place::InPlace;
pub use read::{Links, WRONG_KIND, open_regular, read_bounded, read_bounded_text, read_regular, read_regular_text};
pub(crate) use read::{no_links, open_own};
pub(crate) use special::open_special;
pub(crate) use unchanged::FileState;
pub use unchanged::{LARGEST_LIST, read_unchanged};
pub(crate) use under_way::{UnderWay, remove_under_way};

/// The largest file of certificates that is read, in bytes.
pub const MOST_CERTIFICATES: u64 = 4 * 1024 * 1024;

/// The start and the end of the names of temporary files.
const TEMPORARY: (&str, &str) = (".skovik-sync-", ".tmp");
/// How many random letters and digits stand between the two.
const RANDOM: usize = 16;
/// A temporary file that is older than this and not locked was left by a killed run. The lock alone is not enough: for
/// a moment after it is made, and again before it is renamed, a file in use is unlocked.
const LEFT_FOR: Duration = Duration::from_secs(60);

/// How many bytes are gathered before they are written.
const BUFFER: usize = 256 * 1024;

/// A private file that is being written. Dropping it without [`PrivateFile::keep`] deletes it.
#[derive(Debug)]
pub struct PrivateFile {
    writer: BufWriter<NamedTempFile>,
    path: PathBuf,
    /// Dropped after the file.
    under_way: UnderWay,
}

impl PrivateFile {
    /// Begins the file that [`PrivateFile::keep`] will put at `path`.
    ///
    /// # Errors
    /// If its folder does not exist or cannot be written to, or something other than a file is there: if a file took
    /// the name of a device such as `/dev/null`, everybody would lose the device.
    pub fn create(path: &Path) -> io::Result<Self> {
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(io::Error::other("it is not a regular file; name another one"));
        }
        let (under_way, file) = temporary_in(folder_of(path))?;
        Ok(Self { writer: BufWriter::with_capacity(BUFFER, file), path: path.to_owned(), under_way })
    }

    /// Syncs the content to the disk and gives the file its name, replacing an older file.
    ///
    /// # Errors
    /// If the disk fails; an older file is then unchanged.
    pub fn keep(self) -> io::Result<()> {
        let Self { writer, path, under_way: _under_way } = self;
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        give_name(file, &path)?;
        sync_folder(folder_of(&path))
    }
}

/// Begins a file that has its name from the start, so that others can read it while it grows. An older file is
/// replaced, not written to, and no link is followed.
///
/// # Errors
/// As [`PrivateFile::create`].
pub fn create_in_place(path: &Path) -> io::Result<File> {
    let PrivateFile { writer, path, under_way: _under_way } = PrivateFile::create(path)?;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    give_name(file, &path)
}

impl Write for PrivateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Writes a private file with `write`. If that fails, nothing is left, and an older file stays as it is.
///
/// # Errors
/// Those of `write`, and those of [`PrivateFile`].
pub fn write_private<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut PrivateFile) -> Result<T, E>,
) -> Result<T, E> {
    let mut file = PrivateFile::create(path)?;
    let written = write(&mut file)?;
    file.keep()?;
    Ok(written)
}

/// Makes a temporary file, locked while it is written. Files that killed runs left in the folder are removed.
///
/// # Errors
/// If the folder does not exist or cannot be written to.
pub(crate) fn temporary_in(folder: &Path) -> io::Result<(UnderWay, NamedTempFile)> {
    remove_leftovers(folder, SystemTime::now());
    let (prefix, suffix) = TEMPORARY;
    let mut name = tempfile::Builder::new();
    let make = || name.prefix(prefix).suffix(suffix).rand_bytes(RANDOM).tempfile_in(folder);
    let (under_way, file) = UnderWay::begin(make)?;
    // A file system without locks keeps its leftovers.
    let _ = file.as_file().try_lock();
    Ok((under_way, file))
}

/// The lock ends with the temporary name: a lock of a plan file means something else.
fn give_name(file: NamedTempFile, path: &Path) -> io::Result<File> {
    let _ = file.as_file().unlock();
    Ok(file.persist(path)?)
}

/// A leftover that cannot be removed stays: it does no harm.
fn remove_leftovers(folder: &Path, now: SystemTime) {
    let is_ours = |entry: &DirEntry| entry.file_name().to_str().is_some_and(is_temporary);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().filter(is_ours) {
        if is_left(&entry.path(), now) && fs::remove_file(entry.path()).is_ok() {
            tracing::info!("removed {}, which an earlier run left", entry.path().display());
        }
    }
}

/// Whether a name is one that [`temporary_in`] gives. Nobody gives such a name to a file of their own.
fn is_temporary(name: &str) -> bool {
    let (prefix, suffix) = TEMPORARY;
    let random = name.strip_prefix(prefix).and_then(|name| name.strip_suffix(suffix));
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether a temporary file is this user's, and nobody writes to it any more.
fn is_left(path: &Path, now: SystemTime) -> bool {
    let Ok(file) = open_regular(path, Links::Refuse) else { return false };
    let Ok(metadata) = file.metadata() else { return false };
    let written = metadata.modified().ok().and_then(|written| now.duration_since(written).ok());
    metadata.uid() == rustix::process::geteuid().as_raw()
        && written.is_some_and(|since| since >= LEFT_FOR)
        && file.try_lock().is_ok()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A rename, like a new file, survives a crash only after its folder was synced.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_the_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        std::fs::write(&path, "old").unwrap();
        let written: io::Result<u8> = write_private(&path, |file| file.write_all(b"new").map(|()| 7));
        assert_eq!(written.unwrap(), 7);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["plan.json"]);
    }

    #[test]
    fn a_failure_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        std::fs::write(&path, "old").unwrap();
        let written: io::Result<()> = write_private(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("full"))
        });
        assert_eq!(written.unwrap_err().to_string(), "full");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["plan.json"]);
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        for path in [&path, folder.path()] {
            let written: io::Result<()> = write_private(path, |_| panic!("not even begun"));
            assert!(written.unwrap_err().to_string().contains("not a regular file"));
        }
        assert!(path.is_symlink());
        assert_eq!(names(folder.path()), ["stdout"]);
    }

    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_killed_runs_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let old = SystemTime::now() - 2 * LEFT_FOR;
        for name in [
            ".skovik-sync-left000000000000.tmp",
            ".skovik-sync-held000000000000.tmp",
            ".skovik-sync-hr.tmp",
            ".skovik-sync-other",
            "mine.tmp",
        ] {
            std::fs::write(path(name), "people").unwrap();
            File::options().write(true).open(path(name)).unwrap().set_modified(old).unwrap();
        }
        std::fs::write(path(".skovik-sync-new0000000000000.tmp"), "").unwrap();
        std::os::unix::fs::symlink(path("mine.tmp"), path(".skovik-sync-link000000000000.tmp")).unwrap();
        std::fs::create_dir(path(".skovik-sync-folder0000000000.tmp")).unwrap();
        let held = File::open(path(".skovik-sync-held000000000000.tmp")).unwrap();
        held.try_lock().unwrap();
        write_private(&path("plan.json"), |file| file.write_all(b"new")).unwrap();
        let left = [
            ".skovik-sync-folder0000000000.tmp",
            ".skovik-sync-held000000000000.tmp",
            ".skovik-sync-hr.tmp",
            ".skovik-sync-link000000000000.tmp",
            ".skovik-sync-new0000000000000.tmp",
            ".skovik-sync-other",
            "mine.tmp",
            "plan.json",
        ];
        assert_eq!(names(folder.path()), left);
    }

    #[test]
    fn a_file_under_way_is_locked_and_a_whole_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        let file = PrivateFile::create(&path).unwrap();
        let under_way = folder.path().join(&names(folder.path())[0]);
        File::open(&under_way).unwrap().try_lock().unwrap_err();
        assert!(!is_left(&under_way, SystemTime::now() + 10 * LEFT_FOR));
        file.keep().unwrap();
        File::open(&path).unwrap().try_lock().unwrap();
    }

    #[test]
    fn a_file_under_way_is_known_until_it_has_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let known = || under_way::known(folder.path());
        let file = PrivateFile::create(&folder.path().join("plan.json")).unwrap();
        let dropped = PrivateFile::create(&folder.path().join("report.json")).unwrap();
        assert_eq!(known(), 2);
        file.keep().unwrap();
        drop(dropped);
        create_in_place(&folder.path().join("events.jsonl")).unwrap();
        assert_eq!(known(), 0);
    }

    #[test]
    fn a_growing_file_takes_the_place_of_what_was_there_and_follows_no_link() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("events.jsonl"), folder.path().join("victim"));
        std::fs::write(&victim, "precious").unwrap();
        std::fs::set_permissions(&victim, std::fs::Permissions::from_mode(0o666)).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        create_in_place(&path).unwrap().write_all(b"event").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "event");
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(path.symlink_metadata().unwrap().permissions().mode(), 0o100_600);
    }
}
