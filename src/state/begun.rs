//! The note of the plan that `run` has in progress, of an account: one short file of the state.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::private::{no_other_kind, open_private};
use super::store::ObjectKind;
use super::{State, StateError, account_file};
use crate::files::write_private;
use crate::plan::Digest;
use crate::text::shell_path;

/// How much of it is read, in bytes.
const LONGEST: u64 = 4096;

impl State {
    /// The plan that `run` began to apply to an account and has not marked as finished.
    ///
    /// # Errors
    /// If that cannot be read, or is no such note.
    pub fn begun_run(&self, url: &str) -> Result<Option<Digest>, StateError> {
        let path = self.run(url);
        let found = match &self.remote {
            Some(remote) => {
                let found = remote.store().get(&name(url), ObjectKind::Note).map_err(StateError::Store)?;
                found.map(|(text, _)| text)
            }
            None => read(&path)?,
        };
        let Some(text) = found else { return Ok(None) };
        let text = String::from_utf8_lossy(&text);
        // A longer text names no plan either.
        Digest::parse(text.trim()).map(Some).ok_or_else(|| StateError::Damaged {
            path,
            problem: "it names no plan".to_owned(),
            advice: "look whether a run is unfinished, then remove the file; the next run plans anew",
        })
    }

    /// Where the note of the run in progress is, for a person.
    #[must_use]
    pub fn begun_run_place(&self, url: &str) -> String {
        match &self.remote {
            Some(_) => format!("{} from the store", name(url)),
            None => shell_path(&self.run(url)),
        }
    }

    /// Notes that `run` begins to apply a plan to an account, or with `None` that it has none in progress.
    ///
    /// # Errors
    /// If that cannot be written, or the lease of a store is lost.
    pub fn set_begun_run(&self, url: &str, plan: Option<Digest>) -> Result<(), StateError> {
        let path = self.run(url);
        if let Some(remote) = &self.remote {
            remote.check().map_err(StateError::Store)?; // Another machine's note must stay.
            let written = match plan {
                Some(plan) => remote.store().put(&name(url), format!("{plan}\n").into_bytes()),
                None => remote.store().delete(&name(url)),
            };
            return written.map_err(StateError::Store);
        }
        no_other_kind(&path)?;
        let written = match plan {
            Some(plan) => write_private(&path, |file| writeln!(file, "{plan}")),
            None => fs::remove_file(&path).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            }),
        };
        written.map_err(|error| StateError::Io { path, error })
    }

    fn run(&self, url: &str) -> PathBuf {
        self.folder.join(name(url))
    }
}

/// What the note is called.
fn name(url: &str) -> String {
    format!("{}.run", account_file(url))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    let mut text = Vec::new();
    match open_private(path, false).and_then(|file| file.take(LONGEST).read_to_end(&mut text)) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::of_file(path.to_owned(), error)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const ACCOUNT: &str = "https://api.example.com/v1";

    #[test]
    fn what_is_no_note_is_damaged_or_misplaced() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state"), None).unwrap();
        assert_eq!(state.begun_run(ACCOUNT).unwrap(), None);
        let plan = Digest::of(b"plan");
        state.set_begun_run(ACCOUNT, Some(plan)).unwrap();
        assert_eq!(state.begun_run(ACCOUNT).unwrap(), Some(plan));
        let path = state.run(ACCOUNT);
        for junk in [&b"\xff"[..], &[0xff; 9000], b"", b"hello", &[b' '; 5000]] {
            fs::write(&path, junk).unwrap();
            let error = state.begun_run(ACCOUNT).unwrap_err();
            assert!(matches!(error, StateError::Damaged { .. }), "{error}");
        }
        state.set_begun_run(ACCOUNT, None).unwrap();
        assert_eq!(state.begun_run(ACCOUNT).unwrap(), None);
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert!(matches!(state.begun_run(ACCOUNT).unwrap_err(), StateError::Misplaced { .. }));
    }
}
