//! Files that hold personal data or decide something: written whole or not at all, and readable by their owner alone.
//!
//! The content goes to a temporary file in the same folder, with mode 0600, reaches the disk, and then takes the name
//! in one step. A reader sees the old file or the new one, never a half; a failure leaves nothing behind.

#[cfg(unix)]
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A private file that is being written. Dropped without [`PrivateFile::keep`], it is gone.
#[derive(Debug)]
pub struct PrivateFile {
    writer: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl PrivateFile {
    /// Begins the file that shall stand at `path` in the end.
    ///
    /// # Errors
    /// Where its folder does not exist or cannot be written to, or something stands there that is no file: a device such
    /// as `/dev/null` would be lost to everybody if a file took its name.
    pub fn create(path: &Path) -> io::Result<Self> {
        if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(io::Error::other("it is no regular file; name another one"));
        }
        let file = tempfile::Builder::new().prefix(".skovik-sync-").suffix(".tmp").tempfile_in(folder_of(path))?;
        Ok(Self { writer: BufWriter::new(file), path: path.to_owned() })
    }

    /// Brings the content to the disk and gives the file its name, in the place of one that has it already.
    ///
    /// # Errors
    /// Where the disk fails; the old file, if there was one, is untouched then.
    pub fn keep(self) -> io::Result<()> {
        let file = self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        sync_folder(folder_of(&self.path))
    }
}

impl Write for PrivateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Writes a private file with `write`; where that fails, nothing is left and an older file stays as it is.
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

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A rename is on the disk only when its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
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

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        for path in [&path, folder.path()] {
            let written: io::Result<()> = write_private(path, |_| panic!("not even begun"));
            assert!(written.unwrap_err().to_string().contains("no regular file"));
        }
        assert!(path.is_symlink());
        assert_eq!(names(folder.path()), ["stdout"]);
    }

    #[cfg(unix)]
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
}
