//! Reads a file that holds a secret. It may be a pipe, into which somebody must write first.

use std::collections::BTreeMap;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::files::read_bounded;

/// What pipes have given. A pipe gives it once, and a run needs the key twice.
static FROM_PIPES: Mutex<BTreeMap<PathBuf, SecretString>> = Mutex::new(BTreeMap::new());

/// The text of a file, or what a pipe has given before.
pub(super) async fn text_of(path: &Path, most: usize, patience: Duration) -> io::Result<Vec<u8>> {
    let pipes = || FROM_PIPES.lock().unwrap_or_else(PoisonError::into_inner);
    let is_pipe = fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
    if let Some(given) = pipes().get(path).filter(|_| is_pipe) {
        return Ok(given.expose_secret().as_bytes().to_vec());
    }
    let text = read_in_time(path.to_owned(), most, patience).await?;
    // What is no text is refused anyway.
    if let Some(given) = std::str::from_utf8(&text).ok().filter(|_| is_pipe) {
        pipes().insert(path.to_owned(), SecretString::from(given));
    }
    Ok(text)
}

/// Reads a file, which may be a pipe. It gives up on a pipe without an end, or one that nobody writes to.
async fn read_in_time(path: PathBuf, most: usize, patience: Duration) -> io::Result<Vec<u8>> {
    let (sender, read) = oneshot::channel();
    // A thread of its own: at its end, the program would wait for a thread of the runtime.
    std::thread::Builder::new().spawn(move || {
        let _ = sender.send(read_bounded(&path, most as u64));
    })?;
    match timeout(patience, read).await {
        Ok(read) => read.unwrap_or_else(|error| Err(io::Error::other(error))),
        Err(_) => Err(io::Error::other(format!("nothing came from it within {} seconds", patience.as_secs()))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn pipe(folder: &tempfile::TempDir, name: &str) -> PathBuf {
        let pipe = folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        pipe
    }

    #[test]
    fn a_pipe_holds_a_secret_if_somebody_writes_it_and_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let begun = std::time::Instant::now();
        let error = now(text_of(&pipe(&folder, "pipe"), 99, Duration::from_millis(300))).unwrap_err().to_string();
        assert!(error.contains("nothing came from it") && begun.elapsed() < Duration::from_secs(20), "{error}");
        let other = pipe(&folder, "other");
        let written = other.clone();
        let writer = std::thread::spawn(move || fs::write(written, "secret"));
        for _ in 0..2 {
            assert_eq!(now(text_of(&other, 99, Duration::from_secs(20))).unwrap(), b"secret");
        }
        writer.join().unwrap().unwrap();
        // A file is read each time: somebody may renew the key in it.
        let file = folder.path().join("file");
        for text in ["one", "two"] {
            fs::write(&file, text).unwrap();
            assert_eq!(now(text_of(&file, 99, Duration::from_secs(20))).unwrap(), text.as_bytes());
        }
    }
}
