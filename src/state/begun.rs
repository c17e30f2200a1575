//! The note of the plan that `run` has in progress, of an account: one short file of the state. It has a code of the state's
//! key over the account and the plan: a damaged one could name another plan, and the one in progress would be forgotten.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::value::to_raw_value;

use super::private::{no_other_kind, open_private};
use super::store::ObjectKind;
use super::{Coded, State, StateError, account_file};
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
        self.opened_note(url, &text).map(Some).ok_or_else(|| StateError::Damaged {
            path,
            problem: "it names no plan of this account, or was altered or written with another key".to_owned(),
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
        let text = plan.map(|plan| self.sealed_note(url, plan));
        let text = text.transpose().map_err(|error| StateError::Io { path: path.clone(), error })?;
        if let Some(remote) = &self.remote {
            remote.check().map_err(StateError::Store)?; // Another machine's note must stay.
            let written = match text {
                Some(text) => remote.store().put(&name(url), text),
                None => remote.store().delete(&name(url)),
            };
            return written.map_err(StateError::Store);
        }
        no_other_kind(&path)?;
        let written = match text {
            Some(text) => write_private(&path, |file| file.write_all(&text)),
            None => fs::remove_file(&path).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            }),
        };
        written.map_err(|error| StateError::Io { path, error })
    }

    fn sealed_note(&self, url: &str, plan: Digest) -> io::Result<Vec<u8>> {
        Ok(Coded::line(self.key(), &seed(url), &to_raw_value(&plan)?).0)
    }

    fn opened_note(&self, url: &str, text: &[u8]) -> Option<Digest> {
        let (record, _) = Coded::read(text).ok()?.authentic(self.key(), &seed(url))?;
        serde_json::from_str(record).ok()
    }

    fn run(&self, url: &str) -> PathBuf {
        self.folder.join(name(url))
    }
}

/// What the note is called.
fn name(url: &str) -> String {
    format!("{}.run", account_file(url))
}

/// What the code covers besides the plan. It binds the note to its account, and to its purpose.
fn seed(url: &str) -> [u8; 32] {
    *Digest::of(format!("skovik-sync/run\n{}", account_file(url)).as_bytes()).as_bytes()
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
        let noted = fs::read(&path).unwrap();
        // Each digit of the plan, of its code, and all else.
        let altered = (0..noted.len() - 1).map(|at| {
            let mut altered = noted.clone();
            altered[at] ^= 1;
            altered
        });
        let other = "https://api.example.com/v2";
        state.set_begun_run(other, Some(plan)).unwrap();
        let junk = [b"\xff".to_vec(), vec![0xff; 9000], Vec::new(), b"hello".to_vec(), vec![b' '; 5000]];
        let of_others = [format!("{plan}\n").into_bytes(), fs::read(state.run(other)).unwrap()];
        for junk in junk.into_iter().chain(altered).chain(of_others) {
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
