//! Pipes and devices that a user names as an output.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use super::WRONG_KIND;

/// Opens a pipe or a device without waiting; writes to it may wait. What was opened is looked at, not what the name led to a
/// moment ago: a file in its place stays as it is.
///
/// # Errors
/// If it cannot be opened, or is a file or a folder; `ENXIO` if it is a pipe that nobody reads.
pub(crate) fn open_special(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().write(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() {
        return Err(io::Error::new(WRONG_KIND, "a file has taken the place of a pipe or device"));
    }
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_what_is_no_file_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "as it was").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for path in [&file, &link] {
            assert_eq!(open_special(path).unwrap_err().kind(), WRONG_KIND);
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");
        assert!(open_special(Path::new("/dev/null")).is_ok());
    }
}
