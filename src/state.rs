//! The state that outlives a run, in the user's own folder: journals, plans in progress, and locks.
//!
//! Other people may be able to write next to a plan, but not here. In addition, each line of a journal carries a MAC,
//! made with the [`Key`] of this folder, or with the key in [`KEY_VARIABLE`] if the folder moves between machines. No
//! symbolic link is followed.

mod absences;
mod account;
mod append;
mod begun;
mod chain;
mod connector;
mod credentials;
mod error;
mod journals;
mod key;
mod lease;
pub mod ledger;
mod listed;
mod parts;
mod place;
mod private;
mod remote;
mod retention;
mod store;
mod wait;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::value::RawValue;
use url::Url;

pub use absences::Noted;
pub(crate) use account::account_file;
pub use append::Append;
pub use chain::{ChainEnd, Coded, Flaw, read_chain};
pub(crate) use credentials::store_secrets;
pub use error::StateError;
pub use journals::JournalFile;
pub use key::Key;
pub use lease::LEASE;
pub(crate) use lease::{Lease, LeaseError, give_back_all};
pub use place::Place;
pub(crate) use place::{NO_PLACE, STORES};
pub(crate) use private::{make_owners, open_private};
pub use retention::Held;
pub(crate) use wait::{hasten, is_ending};

use crate::files::{InPlace, WRONG_KIND, write_private};
use crate::plan::Digest;
use append::Lines;
use private::{check_above, make_own, make_private, no_other_kind};
use remote::{Remote, not_held};
use store::Store;

/// The environment variable with the path of the folder, instead of the user's state folder.
pub const FOLDER_VARIABLE: &str = "SKOVIK_SYNC_STATE";
/// The environment variable with the key, instead of the one in the folder.
pub const KEY_VARIABLE: &str = "SKOVIK_SYNC_STATE_KEY";

/// The folder of the journals and of the plans in progress.
const JOURNALS: &str = "journals";

impl StateError {
    /// The error of a file that could not be opened or read. A link or a folder in its place gets its own error.
    fn of_file(path: PathBuf, error: io::Error) -> Self {
        if error.kind() != WRONG_KIND {
            return Self::Io { path, error };
        }
        let advice =
            "the state folder is the program's own: put the file itself there, or remove what stands there once no \
                      apply is unfinished"
                .to_owned();
        Self::Misplaced { path, problem: error.to_string(), advice }
    }
}

/// The state: a folder, or this machine's copy of what an object store holds.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    key: Arc<Key>,
    remote: Option<Remote>,
    /// The lock without which no journal is written.
    lock: Mutex<Option<InPlace>>,
    /// What must be in place while the journal is written: the lock and the journal itself.
    written: Mutex<Vec<InPlace>>,
}

impl State {
    /// Opens the folder, and creates it if it is missing. `key` is the key from the environment, if there is one.
    ///
    /// # Errors
    /// If other users can write to it, or it cannot be used.
    pub fn open(folder: &Path, key: Option<&SecretString>) -> Result<Self, StateError> {
        // With a slash at the end, a link would be followed.
        let folder: &Path = &folder.components().collect::<PathBuf>();
        let journals = folder.join(JOURNALS);
        make_private(folder)?;
        make_own(&journals)?;
        ledger::make_own_folder(folder)?;
        let key = match key {
            Some(key) => Key::from_text(key)?,
            None => {
                check_above(folder)?;
                Key::of_folder(folder)?
            }
        };
        Ok(Self {
            folder: folder.to_owned(),
            key: Arc::new(key),
            remote: None,
            lock: Mutex::default(),
            written: Mutex::default(),
        })
    }

    /// Opens the state in an object store, with a folder of its own for this machine's copy. The store does not hold the
    /// key: whoever can write there could forge a journal.
    ///
    /// # Errors
    /// Without a key, or if the store or the folder cannot be used.
    pub fn open_store(
        url: &Url,
        folder: &Path,
        lease: Duration,
        key: Option<&SecretString>,
    ) -> Result<Self, StateError> {
        let key = key.ok_or_else(|| {
            StateError::Key(format!(
                "the state is at {url}, which does not keep the key of its journals: set {KEY_VARIABLE} to the same key on \
                 every machine, such as one that `openssl rand -hex 32` prints"
            ))
        })?;
        let store = Store::open(url).map_err(StateError::Store)?;
        let folder = folder.join(Digest::of(url.as_str().as_bytes()).hex());
        Ok(Self { remote: Some(Remote::new(store, lease)), ..Self::open(&folder, Some(key))? })
    }

    /// Brings what a store holds of a plan, before its files are read. A folder has it.
    ///
    /// # Errors
    /// If the store cannot be read, or a part of a journal is missing.
    pub fn bring(&self, plan: Digest) -> Result<(), StateError> {
        self.remote.as_ref().map_or(Ok(()), |remote| remote.bring(self, plan))
    }

    /// The same, by the holder of the account's lock, before it writes the plan's journal.
    ///
    /// # Errors
    /// As [`State::bring`]; also if the lease of a store is not held.
    pub fn bring_to_write(&self, plan: Digest) -> Result<(), StateError> {
        self.remote.as_ref().map_or(Ok(()), |remote| remote.own(plan)).map_err(StateError::Store)?;
        self.bring(plan)
    }

    /// Takes the lease of an account, where the state is in a store.
    ///
    /// # Errors
    /// Where somebody has it, or the store cannot be used.
    pub(crate) fn lease(
        &self,
        url: &str,
        holder: &RawValue,
        waiting: &dyn Fn(Option<&RawValue>),
    ) -> Result<Option<Lease>, LeaseError> {
        let name = format!("{}.lease", account_file(url));
        self.remote.as_ref().map(|remote| remote.lease(&name, holder, waiting)).transpose()
    }

    /// Resolves once the lease of a store that this process took may be another machine's; never for a folder.
    pub(crate) async fn lost(&self) {
        match &self.remote {
            Some(remote) => remote.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Keeps a copy of a plan that is to be applied.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_plan(&self, plan: Digest, text: Vec<u8>) -> Result<(), StateError> {
        let path = self.plan(plan);
        no_other_kind(&path)?;
        write_private(&path, |file| file.write_all(&text)).map_err(|error| StateError::Io { path, error })?;
        self.remote.as_ref().map_or(Ok(()), |remote| remote.keep_plan(plan, text)).map_err(StateError::Store)
    }

    /// Lets journals be written only while the file of a lock is where it was when the lock was taken.
    pub(crate) fn while_in_place(&self, lock: InPlace) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
    }

    fn lock(&self) -> Option<InPlace> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says, each time it is asked, whether the account is still this process's: the lease of a store is held; or the files of
    /// the lock and of the journal that is being written, if one is, are where they were.
    pub(crate) fn is_still_held(&self) -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if written.is_empty() {
            written.extend(self.lock());
        }
        let hold = self.remote.as_ref().map(Remote::hold);
        move || {
            written.iter().try_for_each(InPlace::check)?;
            hold.iter().try_for_each(|hold| hold.as_ref().map_or_else(|| Err(not_held()), |hold| hold.check()))
        }
    }

    /// Opens the journal of a plan to append behind its whole lines, which end after so many bytes. `is_as_read` says
    /// whether the file is as it was when these were read.
    ///
    /// # Errors
    /// If it cannot be opened, or the lease of a store is not held; of the kind `AlreadyExists` if another process writes
    /// it, or has written it since it was read.
    pub fn append(&self, plan: Digest, whole: u64, is_as_read: &dyn Fn() -> bool) -> io::Result<Box<dyn Append>> {
        match &self.remote {
            Some(remote) => remote.append(self, plan, whole, is_as_read),
            None => {
                let lines = Lines::open(&self.journal(plan), whole, is_as_read, self.lock())?;
                lines.in_place().clone_into(&mut self.written.lock().unwrap_or_else(PoisonError::into_inner));
                Ok(Box::new(lines))
            }
        }
    }

    /// Opens the folder if it exists and holds anything. Without journals, a ledger may name those that are missing.
    ///
    /// # Errors
    /// As [`State::open`].
    pub fn open_existing(folder: &Path, key: Option<&SecretString>) -> Result<Option<Self>, StateError> {
        match fs::read_dir(folder).map(|mut held| held.next().is_some()) {
            Ok(true) => Self::open(folder, key).map(Some),
            Ok(false) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StateError::Io { path: folder.to_owned(), error }),
        }
    }

    /// Whether an object store holds it.
    #[must_use]
    pub fn is_in_store(&self) -> bool {
        self.remote.is_some()
    }

    /// The folder itself, which holds the locks.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The key that makes the codes.
    #[must_use]
    pub fn key(&self) -> &Arc<Key> {
        &self.key
    }

    /// The journal of a plan. Of one in a store, this is the copy that the journal is continued from only after
    /// [`State::bring_to_write`]; otherwise it is a copy that all other processes share, and none writes to.
    #[must_use]
    pub fn journal(&self, plan: Digest) -> PathBuf {
        self.file(plan, self.journal_ending(plan))
    }

    fn journal_ending(&self, plan: Digest) -> &'static str {
        if self.remote.as_ref().is_none_or(|remote| remote.is_own(plan)) { "journal" } else { "seen" }
    }

    /// The copy of a plan that is being applied or was applied.
    #[must_use]
    pub fn plan(&self, plan: Digest) -> PathBuf {
        self.file(plan, "plan.json")
    }

    /// The journals of earlier complete applies of a plan, the last one first.
    #[must_use]
    pub fn past_journals(&self, plan: Digest) -> Vec<PathBuf> {
        let mut past: Vec<PathBuf> =
            (1..).map(|number| self.past_journal(plan, number)).take_while(|path| path.exists()).collect();
        past.reverse();
        past
    }

    /// Renames the journal of a plan that was applied completely and will be applied again.
    ///
    /// # Errors
    /// If it cannot be renamed.
    pub fn put_away(&self, plan: Digest) -> Result<(), StateError> {
        let from = self.journal(plan);
        let number = self.past_journals(plan).len() as u32 + 1;
        fs::rename(&from, self.past_journal(plan, number)).map_err(|error| StateError::Io { path: from, error })?;
        self.remote.iter().for_each(|remote| remote.put_away(plan));
        Ok(())
    }

    fn past_journal(&self, plan: Digest, number: u32) -> PathBuf {
        self.file(plan, &format!("{number}.{}", self.journal_ending(plan)))
    }

    fn file(&self, plan: Digest, ending: &str) -> PathBuf {
        self.folder.join(JOURNALS).join(format!("{}.{ending}", plan.hex()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_keeps_its_key_and_nobody_sees_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let state = State::open(&path, None).unwrap();
        let code = state.key().code(&[0; 32], b"text");
        assert!(State::open(&path, None).unwrap().key().is_right(&code, &[0; 32], b"text"));
        assert!(!state.key().is_right(&code, &[0; 32], b"test") && !state.key().is_right(&code, &[1; 32], b"text"));
        assert_eq!(format!("{:?}", state.key()), "Key(…)");
        let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("key"), mode("journals"), mode("")), (0o600, 0o700, 0o700));
        // Another folder has another key.
        let other = State::open(&folder.path().join("other"), None).unwrap();
        assert!(!other.key().is_right(&code, &[0; 32], b"text"));
    }

    #[test]
    fn a_key_from_the_environment_serves_every_folder() {
        let folder = tempfile::tempdir().unwrap();
        let key = SecretString::from("0123456789abcdef0123456789abcdef");
        let open = |name: &str| State::open(&folder.path().join(name), Some(&key)).unwrap();
        let (one, other) = (open("one"), open("other"));
        assert!(other.key().is_right(&one.key().code(&[7; 32], b"x"), &[7; 32], b"x"));
        assert!(!folder.path().join("one/key").exists());
        let short = State::open(folder.path(), Some(&SecretString::from("s3cret"))).unwrap_err().to_string();
        assert!(short.contains("6 characters") && !short.contains("s3cret"), "{short}");
    }

    #[test]
    fn what_is_in_the_place_of_a_file_is_named() {
        const ACCOUNT: &str = "https://api.example.com/v1";
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state"), None).unwrap();
        let plan = Digest::of(b"plan");
        state.keep_plan(plan, b"text".to_vec()).unwrap();
        state.set_begun_run(ACCOUNT, Some(plan)).unwrap();
        let note = state.folder().join(format!("{}.run", account_file(ACCOUNT)));
        for path in [state.plan(plan), note] {
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
        }
        for error in [
            state.keep_plan(plan, b"text".to_vec()),
            state.set_begun_run(ACCOUNT, Some(plan)),
            state.set_begun_run(ACCOUNT, None),
            state.renew(plan),
        ] {
            let error = error.unwrap_err();
            let said = error.to_string();
            assert!(matches!(error, StateError::Misplaced { .. }), "{said}");
            assert!(said.contains("is not a regular file; the state folder is the program's own"), "{said}");
        }
        // No link to a copy is followed, and nobody waits at a pipe.
        fs::remove_dir(state.plan(plan)).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), state.plan(plan)).unwrap();
        assert!(matches!(state.renew(plan).unwrap_err(), StateError::Misplaced { .. }));
    }

    #[test]
    fn what_others_could_have_written_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        State::open(&path, None).unwrap();
        let mode = |name: &str, mode| {
            fs::set_permissions(path.join(name), fs::Permissions::from_mode(mode)).unwrap();
            State::open(&path, None).map(drop)
        };
        for (name, loose, right, word) in [
            ("", 0o770, 0o700, "written to by others"),
            ("journals", 0o707, 0o700, "written to by others"),
            ("key", 0o640, 0o600, "read by others"),
        ] {
            let error = mode(name, loose).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("chmod"), "{error}");
            mode(name, right).unwrap();
        }
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for end in ["", "/", "/.", "//"] {
            let link = format!("{}{end}", link.display());
            assert!(State::open(link.as_ref(), None).unwrap_err().to_string().contains("symbolic link"), "{link}");
        }
        fs::remove_file(path.join("key")).unwrap();
        std::os::unix::fs::symlink(path.join("journals"), path.join("key")).unwrap();
        assert!(State::open(&path, None).is_err());
    }
}
