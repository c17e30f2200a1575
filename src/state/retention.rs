//! What a state holds of each plan, and how that is removed. Who may be forgotten is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::time::SystemTime;

use super::journals::read_private;
use super::{State, StateError};
use crate::plan::Digest;

/// What a state holds of a plan: its copy, and the journals of its applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The plan.
    pub plan: Digest,
    /// When any of it was last written.
    pub written: SystemTime,
    /// When the oldest of it was written.
    pub oldest: SystemTime,
    /// Whether its removal was begun and is to be finished.
    pub is_half_removed: bool,
}

impl Held {
    /// Collects files or objects, each with the plan that it belongs to, when it was written, and whether it is the note
    /// of a removal.
    pub(super) fn collect(files: impl IntoIterator<Item = (Digest, SystemTime, bool)>) -> Vec<Self> {
        let mut held: BTreeMap<Digest, Self> = BTreeMap::new();
        for (plan, written, is_half_removed) in files {
            let held = held.entry(plan).or_insert(Self { plan, written, oldest: written, is_half_removed });
            held.written = held.written.max(written);
            held.oldest = held.oldest.min(written);
            held.is_half_removed |= is_half_removed;
        }
        held.into_values().collect()
    }
}

impl State {
    /// What it holds of each plan.
    ///
    /// # Errors
    /// If that cannot be listed.
    pub fn held(&self) -> Result<Vec<Held>, StateError> {
        match &self.remote {
            Some(remote) => remote.held(&self.key).map_err(StateError::Store),
            None => self.held_here(),
        }
    }

    /// Removes all that it holds of a plan: an interrupted removal leaves nothing that looks like an unfinished apply.
    ///
    /// # Errors
    /// If it cannot be removed, or the lease of a store is not held.
    pub fn remove_plan(&self, plan: Digest) -> Result<(), StateError> {
        if let Some(remote) = &self.remote {
            remote.remove_plan(plan, &self.key).map_err(StateError::Store)?;
        }
        self.remove_here(plan)
    }

    /// Removes this machine's copies of plans that the store does not hold any more, as far as they are that old.
    ///
    /// # Errors
    /// If they cannot be listed or removed.
    pub fn remove_old_copies(&self, held: &[Held], before: SystemTime) -> Result<(), StateError> {
        if self.remote.is_none() {
            return Ok(());
        }
        let there: BTreeSet<Digest> = held.iter().map(|held| held.plan).collect();
        let old = self.held_here()?.into_iter().filter(|copy| copy.written < before && !there.contains(&copy.plan));
        old.into_iter().try_for_each(|copy| self.remove_here(copy.plan))
    }

    /// Lets what it holds of a plan count as written now, because something else is about to need it.
    ///
    /// # Errors
    /// If that cannot be noted.
    pub fn renew(&self, plan: Digest) -> Result<(), StateError> {
        let path = self.plan(plan);
        match read_private(&path, u64::MAX)? {
            Some(text) => self.keep_plan(plan, text),
            None => Ok(()),
        }
    }

    /// What the folder holds of each plan.
    fn held_here(&self) -> Result<Vec<Held>, StateError> {
        let files = self.plan_files()?.into_iter().filter(|file| file.is_file);
        Ok(Held::collect(files.map(|file| (file.plan, file.modified, false))))
    }

    /// The journal comes first, and the copy of the plan last: a copy alone is an apply that never began.
    fn remove_here(&self, plan: Digest) -> Result<(), StateError> {
        let mut files = self.plan_files()?;
        files.retain(|file| file.plan == plan);
        files.sort_by_key(|file| file.path == self.plan(plan));
        for path in files.into_iter().map(|file| file.path) {
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StateError::of_file(path, error)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::super::JOURNALS;
    use super::*;

    #[test]
    fn what_is_held_of_a_plan_is_as_old_as_its_newest_file() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path(), None).unwrap();
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let day = |number: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * number);
        let write = |name: String, at: SystemTime| {
            let file = File::create(folder.path().join(JOURNALS).join(name)).unwrap();
            file.set_modified(at).unwrap();
        };
        for (ending, at) in [("plan.json", day(1)), ("journal", day(3)), ("1.journal", day(2)), ("2.journal", day(2))] {
            write(format!("{}.{ending}", one.hex()), at);
        }
        write(format!("{}.plan.json", other.hex()), day(9));
        for stranger in ["notes.txt", "0123.journal", &format!("{}.x.journal", other.hex())] {
            write(stranger.to_owned(), day(1));
        }
        let mut expected = vec![
            Held { plan: one, written: day(3), oldest: day(1), is_half_removed: false },
            Held { plan: other, written: day(9), oldest: day(9), is_half_removed: false },
        ];
        expected.sort_by_key(|held| held.plan);
        assert_eq!(state.held().unwrap(), expected);
        state.renew(one).unwrap();
        assert!(state.held().unwrap().iter().all(|held| held.plan != one || held.written > day(9)));
        state.remove_plan(one).unwrap();
        assert_eq!(
            state.held().unwrap(),
            [Held { plan: other, written: day(9), oldest: day(9), is_half_removed: false }]
        );
        assert_eq!(fs::read_dir(folder.path().join(JOURNALS)).unwrap().count(), 4, "strangers stay");
        state.renew(one).unwrap();
        assert_eq!(state.held().unwrap().len(), 1, "what is not there is not made");
    }
}
