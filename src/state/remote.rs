//! The state in an object store: this machine keeps a copy of what it works with, and what counts is what the store holds.
//!
//! The store has the same names as a folder has, but for a plan's: `journals/HASH/plan.json`, and a journal as numbered
//! parts, `journals/HASH/0001/00000000` and so on. A plan that is applied anew begins the next folder of parts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;

use super::append::{Append, Lines, Parts, create, part};
use super::lease::{Hold, Lease, LeaseError};
use super::parts::JournalText;
use super::private::no_other_kind;
use super::retention::Held;
use super::store::{Object, ObjectKind, Store};
use super::{JOURNALS, Key, State, StateError};
use crate::files::write_private;
use crate::plan::{Digest, bytes_of, hex};

/// What a plan's copy is called.
const PLAN: &str = "plan.json";
/// What the note is called that all of a plan is being removed.
const REMOVED: &str = "removed";

/// What to do about a journal that the store does not give back as it was written.
const LOST: &str = "restore the objects, or look at Skovik and ask for a new plan (if `run` began this one, remove the object \
                    ending in .run first)";

/// The store, and the lease of the account, once it is had.
#[derive(Debug)]
pub(super) struct Remote {
    store: Store,
    life: Duration,
    hold: OnceLock<Arc<Hold>>,
    /// How much was read of the journals of each plan.
    read: Mutex<BTreeMap<Digest, Read>>,
}

/// How much was read of a plan's journals. What is written next follows it, and nothing that came later.
#[derive(Debug, Default, Clone, Copy)]
struct Read {
    /// How many journals there were.
    journals: u32,
    /// How many parts the last one had.
    parts: usize,
    /// How many of the journals are not to be continued.
    put_away: u32,
    /// Whether the removal of all of it was begun and not finished.
    is_half_removed: bool,
    /// Whether this process is the one that may write it, see [`Remote::own`].
    is_own: bool,
}

impl Remote {
    pub(super) fn new(store: Store, life: Duration) -> Self {
        Self { store, life, hold: OnceLock::new(), read: Mutex::default() }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// The lease of an account. Journals are written under it.
    pub(super) fn lease(
        &self,
        name: &str,
        holder: &RawValue,
        waiting: &dyn Fn(Option<&RawValue>),
    ) -> Result<Lease, LeaseError> {
        let lease = Lease::take(&self.store, name, holder, self.life, waiting)?;
        // One process works for one account.
        drop(self.hold.set(Arc::clone(lease.hold())));
        Ok(lease)
    }

    /// Resolves once the lease that was taken may be another machine's.
    pub(super) async fn lost(&self) {
        while self.hold.get().is_none_or(|hold| hold.check().is_ok()) {
            tokio::time::sleep(self.life / 12).await;
        }
    }

    /// Brings what the store holds of a plan, which takes the place of what is here.
    pub(super) fn bring(&self, state: &State, plan: Digest) -> Result<(), StateError> {
        let folder = folder(plan);
        let damaged = |problem: String| self.damaged(plan, problem);
        let Read { put_away, is_own, .. } = self.read_of(plan);
        let mut read = Read { put_away, is_own, ..Read::default() };
        let mut objects = self.store.objects(&folder).map_err(StateError::Store)?;
        if objects.iter().any(|object| object.name == format!("{folder}/{REMOVED}")) {
            if !self.is_half_removed(plan, state.key()).map_err(StateError::Store)? {
                let note = self.store.url(&format!("{folder}/{REMOVED}"));
                return Err(damaged(format!("{note} is not authentic: this program did not write it")));
            }
            // What is left of it counts no more.
            objects.clear();
            read.is_half_removed = true;
        }
        let mut journals: BTreeMap<u32, Vec<Object>> = BTreeMap::new();
        let mut has_plan = false;
        for object in objects {
            match object.name.strip_prefix(&folder).and_then(|name| name.strip_prefix('/')) {
                Some(PLAN) => has_plan = true,
                Some(rest) => {
                    let number = rest.split_once('/').and_then(|(number, _)| number.parse().ok());
                    let number = number.ok_or_else(|| damaged(format!("{rest} is no part of a journal")))?;
                    journals.entry(number).or_default().push(object);
                }
                None => {}
            }
        }
        let write = |path: PathBuf, bytes: &[u8]| {
            no_other_kind(&path)?;
            write_private(&path, |file| file.write_all(bytes)).map_err(|error| StateError::Io { path, error })
        };
        if has_plan && !state.plan(plan).exists() {
            let text = self
                .store
                .get(&format!("{folder}/{PLAN}"), ObjectKind::Plan)
                .map_err(StateError::Store)?
                .map(|(text, _)| text);
            write(state.plan(plan), &text.unwrap_or_default())?;
        }
        let count = journals.len() as u32;
        // Another command may be reading the copies: each is replaced in one step, and none is missing meanwhile.
        for (place, (number, parts)) in (1..).zip(&journals) {
            let journal = journal(plan, *number);
            let is_whole = parts.iter().enumerate().all(|(place, object)| object.name == part(&journal, place));
            if *number != place || !is_whole {
                return Err(damaged(format!("of the journal {number}, a part is missing")));
            }
            let is_last = place == count && place > put_away;
            let path = if is_last { state.journal(plan) } else { state.past_journal(plan, place) };
            self.copy(plan, parts, path)?;
            (read.journals, read.parts) = (place, parts.len());
        }
        let has_last = count > put_away;
        if !has_last {
            remove(state.journal(plan))?;
        }
        let past = if has_last { count - 1 } else { count };
        let left = (past + 1..).map(|number| state.past_journal(plan, number)).take_while(|path| path.exists());
        left.collect::<Vec<_>>().into_iter().try_for_each(remove)?;
        self.all_read().insert(plan, read);
        Ok(())
    }

    /// Copies the parts of a journal into a file.
    fn copy(&self, plan: Digest, parts: &[Object], path: PathBuf) -> Result<(), StateError> {
        no_other_kind(&path)?;
        let mut text = JournalText::new(self.store.clone(), parts);
        let copied = write_private(&path, |file| io::copy(&mut text, file));
        copied.map(drop).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => self.damaged(plan, error.to_string()),
            _ if text.has_failed() => StateError::Store(error),
            _ => StateError::Io { path, error },
        })
    }

    /// Lets this process, which holds the lease, be the one that writes a plan's journals. Its copies are those that the
    /// journal is continued from. Every other process has copies of its own: an apply ends if its copy is replaced.
    pub(super) fn own(&self, plan: Digest) -> io::Result<()> {
        self.check()?;
        self.all_read().entry(plan).or_default().is_own = true;
        Ok(())
    }

    pub(super) fn is_own(&self, plan: Digest) -> bool {
        self.read_of(plan).is_own
    }

    fn damaged(&self, plan: Digest, problem: String) -> StateError {
        StateError::Damaged { path: PathBuf::from(self.store.url(&folder(plan))), problem, advice: LOST }
    }

    /// Notes that the last journal that was read is not continued: what is written next begins another one.
    pub(super) fn put_away(&self, plan: Digest) {
        let mut all = self.all_read();
        let read = all.entry(plan).or_default();
        read.put_away = read.journals;
    }

    fn read_of(&self, plan: Digest) -> Read {
        self.all_read().get(&plan).copied().unwrap_or_default()
    }

    fn all_read(&self) -> MutexGuard<'_, BTreeMap<Digest, Read>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lease, once it was taken.
    pub(super) fn hold(&self) -> Option<Arc<Hold>> {
        self.hold.get().cloned()
    }

    /// Fails if the lease is not held, or may be somebody else's by now.
    pub(super) fn check(&self) -> io::Result<&Arc<Hold>> {
        let hold = self.hold.get().ok_or_else(not_held)?;
        hold.check()?;
        Ok(hold)
    }

    /// Writes an object that no other machine has written, under the lease.
    pub(super) fn create(&self, name: &str, bytes: Vec<u8>) -> io::Result<()> {
        self.check()?;
        create(&self.store, name, bytes)
    }

    /// The text of a kept plan.
    pub(super) fn plan(&self, plan: Digest) -> io::Result<Option<Vec<u8>>> {
        Ok(self.store.get(&format!("{}/{PLAN}", folder(plan)), ObjectKind::Plan)?.map(|(text, _)| text))
    }

    /// Every journal of every plan, with the objects that it is made of.
    pub(super) fn journals(&self) -> io::Result<Vec<(Digest, Vec<Object>)>> {
        let mut journals: BTreeMap<String, Vec<Object>> = BTreeMap::new();
        for object in self.store.objects(JOURNALS)? {
            // `journals/HASH/0001/00000000`; other objects of a plan are not so deep.
            if let Some((folder, _)) = object.name.rsplit_once('/').filter(|(folder, _)| folder.split('/').count() == 3)
            {
                journals.entry(folder.to_owned()).or_default().push(object);
            }
        }
        let plan = |folder: &str| bytes_of(folder.split('/').nth(1)?).map(Digest::from_bytes);
        Ok(journals.into_iter().filter_map(|(folder, parts)| Some((plan(&folder)?, parts))).collect())
    }

    /// What the store holds of each plan.
    pub(super) fn held(&self, key: &Key) -> io::Result<Vec<Held>> {
        let objects = self.store.objects(JOURNALS)?;
        let mut held = Held::collect(objects.iter().filter_map(|object| {
            let mut names = object.name.split('/').skip(1);
            let plan = bytes_of(names.next()?).map(Digest::from_bytes)?;
            Some((plan, object.modified, names.next() == Some(REMOVED)))
        }));
        for held in held.iter_mut().filter(|held| held.is_half_removed) {
            held.is_half_removed = self.is_half_removed(held.plan, key)?;
        }
        Ok(held)
    }

    /// Whether the note of a plan's removal is authentic: whoever else can write into the store removes nothing with one.
    fn is_half_removed(&self, plan: Digest, key: &Key) -> io::Result<bool> {
        let note = self.store.get(&format!("{}/{REMOVED}", folder(plan)), ObjectKind::Note)?;
        let code = note.and_then(|(text, _)| bytes_of(str::from_utf8(&text).ok()?.trim_end()));
        Ok(code.is_some_and(|code| key.is_right(&code, plan.as_bytes(), REMOVED.as_bytes())))
    }

    /// Removes all that the store holds of a plan, under the lease. A note says so first, because a part of a journal
    /// looks like an apply that is not finished.
    pub(super) fn remove_plan(&self, plan: Digest, key: &Key) -> io::Result<()> {
        self.check()?;
        let folder = folder(plan);
        let note = format!("{folder}/{REMOVED}");
        let code = hex(&key.code(plan.as_bytes(), REMOVED.as_bytes()));
        self.store.put(&note, (code + "\n").into_bytes())?;
        let mut names = self.store.list(&folder)?;
        names.retain(|name| *name != note);
        self.check()?;
        self.store.delete_all(&names)?;
        self.store.delete(&note)?;
        self.all_read().remove(&plan);
        Ok(())
    }

    /// Keeps the copy of a plan that is to be applied.
    pub(super) fn keep_plan(&self, plan: Digest, text: Vec<u8>) -> io::Result<()> {
        self.check()?;
        self.store.put(&format!("{}/{PLAN}", folder(plan)), text)
    }

    /// Opens a journal to append behind its whole lines, of which this machine has a copy. What another machine has written
    /// since they were read is in the way of the first part: it is never continued without having been read.
    pub(super) fn append(
        &self,
        state: &State,
        plan: Digest,
        whole: u64,
        is_as_read: &dyn Fn() -> bool,
    ) -> io::Result<Box<dyn Append>> {
        let hold = self.check()?;
        let read = self.read_of(plan);
        if read.is_half_removed {
            return Err(io::Error::other(format!(
                "{} is being removed and still holds objects; run the same command again, which removes the rest",
                self.store.url(&folder(plan))
            )));
        }
        let number = state.past_journals(plan).len() as u32 + 1;
        let path = state.journal(plan);
        let here = fs::metadata(&path).map_or(0, |copy| copy.len());
        let is_next = number == read.journals + 1 && here == 0;
        if here > whole {
            let problem = format!("{}: its last line is damaged; {LOST}", self.store.url(&journal(plan, number)));
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        if !read.is_own || here < whole || !(is_next || number == read.journals) {
            return Err(io::Error::other("this machine's copy of the journal has changed since it was read"));
        }
        Ok(Box::new(Parts {
            store: self.store.clone(),
            folder: journal(plan, number),
            next: if is_next { 0 } else { read.parts },
            hold: Arc::clone(hold),
            copy: Lines::open(&path, whole, is_as_read, state.lock())?,
        }))
    }
}

pub(super) fn not_held() -> io::Error {
    io::Error::other("the state's lease is not held")
}

fn folder(plan: Digest) -> String {
    format!("{JOURNALS}/{}", plan.hex())
}

fn journal(plan: Digest, number: u32) -> String {
    format!("{}/{number:04}", folder(plan))
}

fn remove(path: PathBuf) -> Result<(), StateError> {
    fs::remove_file(&path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(StateError::Io { path, error }),
    })
}
