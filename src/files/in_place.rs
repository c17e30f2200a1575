//! Whether an opened file still has its name.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The name under which a file was opened. Who removes or replaces the file there, takes away what a lock on it means.
#[derive(Debug, Clone)]
pub(crate) struct InPlace {
    path: PathBuf,
    /// The device and the inode.
    node: (u64, u64),
}

impl InPlace {
    /// # Errors
    /// If the system does not tell which file it is.
    pub(crate) fn of(file: &File, path: &Path) -> io::Result<Self> {
        let data = file.metadata()?;
        Ok(Self { path: path.to_owned(), node: (data.dev(), data.ino()) })
    }

    /// Whether that file is still there.
    pub(crate) fn is_there(&self) -> bool {
        self.path.symlink_metadata().is_ok_and(|there| (there.dev(), there.ino()) == self.node)
    }

    /// # Errors
    /// If it is not there any more.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.is_there() {
            return Ok(());
        }
        let problem = format!(
            "{} was removed or replaced, so that another apply can begin; when none is under way, run the same apply again",
            self.path.display()
        );
        Err(io::Error::other(problem))
    }
}
