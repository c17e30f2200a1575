//! The files that this process is writing, so that a signal that ends it leaves none of them behind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};

static UNDER_WAY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A temporary file that is being written, or a temporary folder that is in use.
#[derive(Debug)]
pub(crate) struct UnderWay(PathBuf);

impl UnderWay {
    /// Makes one. It is known from the moment that it is there, and has to be dropped before this is.
    pub(crate) fn begin<T: AsRef<Path>>(make: impl FnOnce() -> io::Result<T>) -> io::Result<(Self, T)> {
        let mut under_way = under_way();
        let made = make()?;
        let path = made.as_ref().to_owned();
        under_way.insert(path.clone());
        Ok((Self(path), made))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        under_way().remove(&self.0);
    }
}

/// Removes them, for a process that ends now. No other thread can finish or begin one while the result is held.
pub(crate) fn remove_under_way() -> impl Sized {
    let under_way = under_way();
    for path in under_way.iter() {
        // One that has its name by now is whole, and not there any more.
        let _ = match path.symlink_metadata() {
            Ok(there) if there.is_dir() => fs::remove_dir_all(path),
            _ => fs::remove_file(path),
        };
    }
    under_way
}

fn under_way() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many there are in a folder.
#[cfg(test)]
pub(super) fn known(folder: &Path) -> usize {
    under_way().iter().filter(|path| path.starts_with(folder)).count()
}
