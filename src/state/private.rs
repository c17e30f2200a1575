//! Files and folders that only their owner may write to, opened without following a link.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::{FOLDER_VARIABLE, StateError};
use crate::files::{WRONG_KIND, no_links, open_own};
use crate::text::{printable, shell_path};

/// Opens a file of the state for reading, or also for writing, without following a link. Its mode becomes 0600: it may have
/// been restored from a copy that others can read.
///
/// # Errors
/// If it is missing, is a link or no regular file, or cannot be opened; or if others can read it, and it is to be written.
pub(crate) fn open_private(path: &Path, write: bool) -> io::Result<File> {
    let file = open_as_it_is(path, write)?;
    match make_owners(&file) {
        Err(error) if write => return Err(error),
        Err(error) => warn_of_readers(path, &error),
        Ok(()) => {}
    }
    Ok(file)
}

/// The same without a change of its mode.
pub(super) fn open_as_it_is(path: &Path, write: bool) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(write);
    no_links(&mut options);
    open_own(path, &options)
}

/// Makes a file readable and writable only for its owner.
pub(crate) fn make_owners(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// What is known of a folder; `None` if nothing is there.
///
/// # Errors
/// If something else is there, such as a link to a folder.
pub(super) fn found_folder(folder: &Path) -> Result<Option<fs::Metadata>, StateError> {
    match folder.symlink_metadata() {
        Ok(there) if there.is_dir() => Ok(Some(there)),
        Ok(there) => Err(StateError::Misplaced {
            path: folder.to_owned(),
            problem: if there.is_symlink() { "is a symbolic link" } else { "is not a folder" }.to_owned(),
            advice: format!("let --state or {FOLDER_VARIABLE} name a folder of its own"),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::Io { path: folder.to_owned(), error }),
    }
}

/// Refuses to write a file where something other than a file is.
pub(super) fn no_other_kind(path: &Path) -> Result<(), StateError> {
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        let error = io::Error::new(WRONG_KIND, "is not a regular file");
        return Err(StateError::of_file(path.to_owned(), error));
    }
    Ok(())
}

/// Creates a folder that only its owner can use, or refuses one that others can write to.
pub(super) fn make_private(folder: &Path) -> Result<(), StateError> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    let io = |error| StateError::Io { path: folder.to_owned(), error };
    let exposed = |problem, advice: String| Err(StateError::Exposed { path: folder.to_owned(), problem, advice });
    found_folder(folder)?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
    let Some(metadata) = found_folder(folder)? else { return Err(io(io::ErrorKind::NotFound.into())) };
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return exposed("belongs to another user", format!("let {FOLDER_VARIABLE} name a folder of your own"));
    }
    if is_exposed(&metadata, 0o022) {
        return exposed("can be written to by others", format!("chmod go-w {}", shell_path(folder)));
    }
    Ok(())
}

/// Creates a folder that holds only files of the program, or refuses one that others can write to. It becomes one that nobody
/// else can look into: then the modes of what was restored into it do not matter.
pub(super) fn make_own(folder: &Path) -> Result<(), StateError> {
    use std::os::unix::fs::PermissionsExt as _;
    make_private(folder)?;
    if found_folder(folder)?.is_some_and(|metadata| is_exposed(&metadata, 0o077))
        && let Err(error) = fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
    {
        warn_of_readers(folder, &error);
    }
    Ok(())
}

fn warn_of_readers(path: &Path, error: &io::Error) {
    tracing::warn!("others can read {}, and its mode cannot be changed: {error}", printable(&path.to_string_lossy()));
}

pub(super) fn is_exposed(metadata: &fs::Metadata, bits: u32) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & bits != 0
}

/// Refuses a folder whose parent lets everybody replace it. In a folder with the sticky bit, such as `/tmp`, only the
/// owner can.
pub(super) fn check_above(folder: &Path) -> Result<(), StateError> {
    let io = |error| StateError::Io { path: folder.to_owned(), error };
    let folder = fs::canonicalize(folder).map_err(io)?;
    for above in folder.ancestors().skip(1) {
        let metadata = above.metadata().map_err(io)?;
        if is_exposed(&metadata, 0o002) && !is_exposed(&metadata, 0o1000) {
            return Err(StateError::Exposed {
                path: above.to_owned(),
                problem: "can be written to by everybody, who could put another folder in the place of the state",
                advice: format!("chmod o-w {}, or let {FOLDER_VARIABLE} name a folder elsewhere", shell_path(above)),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::State;
    use super::*;

    #[test]
    fn what_was_restored_for_all_to_read_becomes_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        State::open(&path, None).unwrap();
        fs::create_dir(path.join("ledgers")).unwrap();
        let set = |name: &str, mode| {
            fs::set_permissions(path.join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
        for name in ["journals", "ledgers"] {
            set(name, 0o755);
        }
        fs::write(path.join("note"), "people").unwrap();
        set("note", 0o644);
        State::open(&path, None).unwrap();
        open_private(&path.join("note"), false).unwrap();
        assert_eq!((mode("journals"), mode("ledgers"), mode("note")), (0o700, 0o700, 0o600));
        // Nothing but a folder of its own.
        fs::rename(path.join("ledgers"), path.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(path.join("elsewhere"), path.join("ledgers")).unwrap();
        assert!(matches!(State::open(&path, None).unwrap_err(), StateError::Misplaced { .. }));
    }
}
