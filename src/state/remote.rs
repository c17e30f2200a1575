//! The state in an object store: this machine keeps a copy of what it works with, and what counts is what the store holds.
//!
//! The store has the same names as a folder has, but for a plan's: `journals/HASH/plan.json`, and a journal as numbered
//! parts, `journals/HASH/0001/00000000` and so on. A plan that is applied anew begins the next folder of parts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::value::RawValue;

use super::append::{Append, Lines, Parts, create, part};
use super::lease::{Hold, Lease, LeaseError};
use super::retention::Held;
use super::store::{Object, Store};
use super::{JOURNALS, State, StateError};
use crate::files::write_private;
use crate::plan::{Digest, bytes_of};

/// What a plan's copy is called.
const PLAN: &str = "plan.json";
/// What the note is called that all of a plan is being removed.
const REMOVED: &str = "removed";

/// The store, and the lease of the account, once it is had.
#[derive(Debug)]
pub(super) struct Remote {
    store: Store,
    life: Duration,
    hold: OnceLock<Arc<Hold>>,
}

impl Remote {
    pub(super) fn new(store: Store, life: Duration) -> Self {
        Self { store, life, hold: OnceLock::new() }
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
        let damaged = |problem: String| StateError::Damaged {
            path: PathBuf::from(self.store.url(&folder)),
            problem,
            advice: "restore the objects, or ask for a new plan",
        };
        let mut names = self.store.list(&folder).map_err(StateError::Store)?;
        if names.contains(&format!("{folder}/{REMOVED}")) {
            // What is left of it counts no more.
            names.clear();
        }
        let mut journals: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        let mut has_plan = false;
        for name in names {
            match name.strip_prefix(&folder).and_then(|name| name.strip_prefix('/')) {
                Some(PLAN) => has_plan = true,
                Some(rest) => {
                    let number = rest.split_once('/').and_then(|(number, _)| number.parse().ok());
                    let number = number.ok_or_else(|| damaged(format!("{rest} is no part of a journal")))?;
                    journals.entry(number).or_default().push(name);
                }
                None => {}
            }
        }
        let write = |path: PathBuf, bytes: &[u8]| {
            write_private(&path, |file| file.write_all(bytes)).map_err(|error| StateError::Io { path, error })
        };
        remove(state.journal(plan))?;
        state.past_journals(plan).into_iter().try_for_each(remove)?;
        if has_plan && !state.plan(plan).exists() {
            let text = self.store.get(&format!("{folder}/{PLAN}")).map_err(StateError::Store)?.map(|(text, _)| text);
            write(state.plan(plan), &text.unwrap_or_default())?;
        }
        let count = journals.len();
        for (place, (number, names)) in (1..).zip(&journals) {
            let journal = journal(plan, *number);
            let is_whole = names.iter().enumerate().all(|(place, name)| *name == part(&journal, place));
            if *number != place || !is_whole {
                return Err(damaged(format!("of the journal {number}, a part is missing")));
            }
            let text = self.store.get_all(names).map_err(StateError::Store)?.concat();
            let is_last = place as usize == count;
            write(if is_last { state.journal(plan) } else { state.past_journal(plan, place) }, &text)?;
        }
        Ok(())
    }

    /// Writes an object that no other machine has written, under the lease.
    pub(super) fn create(&self, name: &str, bytes: Vec<u8>) -> io::Result<()> {
        let hold = self.hold.get().ok_or_else(|| io::Error::other("the state's lease is not held"))?;
        hold.check()?;
        create(&self.store, name, bytes)
    }

    /// The text of a kept plan.
    pub(super) fn plan(&self, plan: Digest) -> io::Result<Option<Vec<u8>>> {
        Ok(self.store.get(&format!("{}/{PLAN}", folder(plan)))?.map(|(text, _)| text))
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
    pub(super) fn held(&self) -> io::Result<Vec<Held>> {
        let objects = self.store.objects(JOURNALS)?;
        Ok(Held::collect(objects.iter().filter_map(|object| {
            let mut names = object.name.split('/').skip(1);
            let plan = bytes_of(names.next()?).map(Digest::from_bytes)?;
            Some((plan, object.modified, names.next() == Some(REMOVED)))
        })))
    }

    /// Removes all that the store holds of a plan, under the lease. A note says so first, because a part of a journal
    /// looks like an apply that is not finished.
    pub(super) fn remove_plan(&self, plan: Digest) -> io::Result<()> {
        let hold = self.hold.get().ok_or_else(|| io::Error::other("the state's lease is not held"))?;
        let folder = folder(plan);
        let note = format!("{folder}/{REMOVED}");
        hold.check()?;
        self.store.put(&note, b"\n".to_vec())?;
        let mut names = self.store.list(&folder)?;
        names.retain(|name| *name != note);
        hold.check()?;
        self.store.delete_all(&names)?;
        self.store.delete(&note)
    }

    /// Keeps the copy of a plan that is to be applied.
    pub(super) fn keep_plan(&self, plan: Digest, text: Vec<u8>) -> io::Result<()> {
        self.store.put(&format!("{}/{PLAN}", folder(plan)), text)
    }

    /// Opens a journal to append behind its whole lines, of which this machine has a copy.
    pub(super) fn append(&self, state: &State, plan: Digest, whole: u64) -> io::Result<Box<dyn Append>> {
        let hold = self.hold.get().ok_or_else(|| io::Error::other("the state's lease is not held"))?;
        let folder = journal(plan, state.past_journals(plan).len() as u32 + 1);
        let path = state.journal(plan);
        let here = fs::metadata(&path).map_or(0, |copy| copy.len());
        if here != whole {
            // A part holds whole lines.
            return Err(io::Error::other("a part of the journal in the store is cut"));
        }
        let parts = self.store.list(&folder)?;
        Ok(Box::new(Parts {
            store: self.store.clone(),
            folder,
            next: parts.len(),
            hold: Arc::clone(hold),
            copy: Lines::open(&path, whole)?,
        }))
    }
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
