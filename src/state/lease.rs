//! The lock of an account whose state is in an object store: an object that its holder renews, and that another machine
//! may take over once nobody has renewed it for its whole life.
//!
//! No clock is compared with that of another machine. Whoever finds the lease held watches it: if it does not change for
//! as long as a lease lives, its holder is gone. A holder counts only on a part of that time, from before its last renewal
//! was sent, and stops when it has passed.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use object_store::UpdateVersion;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::store::{ObjectKind, Store, Written};
use super::wait::PATIENCE;
use crate::plan::hex;

/// How long a lease lives that nobody renews, unless the settings say otherwise.
pub const LEASE: Duration = Duration::from_secs(30);
/// How often a lease is given back to a store that refuses it or does not answer.
const ATTEMPTS: u32 = 3;
/// Into how many parts its life is divided: it is renewed after one, and its holder counts on all but one.
const PARTS: u32 = 3;

/// The leases of this process. Locked while one is being taken, so that each that is in the store is here too.
static HELD: Mutex<Vec<Weak<End>>> = Mutex::new(Vec::new());

/// What the object holds.
#[derive(Debug, Serialize, Deserialize)]
struct Content<'a> {
    /// Who holds it, as they wrote it down.
    #[serde(borrow)]
    holder: &'a RawValue,
    /// Tells one holding from another.
    owner: String,
    /// Grows with each renewal, so that no two versions are the same.
    renewed: u64,
    /// Whether the holder gave it back.
    is_free: bool,
}

/// Why a lease could not be had.
#[derive(Debug)]
pub(crate) enum LeaseError {
    /// Somebody has it, and renews it. What they wrote down.
    Held(Option<Box<RawValue>>),
    /// The store does not answer well.
    Store(io::Error),
}

/// Held as long as it lives; it is renewed and given back by a thread of its own.
#[derive(Debug)]
pub(crate) struct Lease(Arc<End>);

/// The end of a lease.
#[derive(Debug)]
struct End {
    hold: Arc<Hold>,
    /// The first is dropped to end the thread; the second says that it has ended.
    thread: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl End {
    /// Gives the lease back, and waits until that is done, also by another thread; no longer than [`PATIENCE`].
    fn give_back(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((end, ended)) = thread.take() {
            drop(end);
            // The answer is that the thread's sender is gone.
            let _ = ended.recv_timeout(PATIENCE);
        }
    }
}

/// Gives back every lease of this process, which ends now: one that is held relies on it no more, and none is taken any more. Waits
/// for the store, and for one that is being taken, no longer than [`PATIENCE`].
pub(crate) fn give_back_all() {
    let (done, ended) = mpsc::channel::<()>();
    let given_back = std::thread::Builder::new().name("leases".to_owned()).spawn(move || {
        let held = held();
        let held_now = || held.iter().filter_map(Weak::upgrade);
        held_now().for_each(|end| end.hold.is_ending.store(true, Ordering::Release));
        held_now().for_each(|end| end.give_back());
        // It stays locked.
        std::mem::forget(held);
        drop(done);
    });
    // The answer is that the sender is gone.
    drop(given_back.map(|_| ended.recv_timeout(PATIENCE)));
}

fn held() -> MutexGuard<'static, Vec<Weak<End>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Until when a lease is surely held.
#[derive(Debug)]
pub(crate) struct Hold {
    until: Mutex<Result<Moment, String>>,
    /// Whether the program ends, and gives it back.
    is_ending: AtomicBool,
    name: String,
}

/// A moment by a clock that goes on while the machine sleeps, as other machines do: the time since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(Duration);

impl Moment {
    fn now() -> Self {
        // On other systems this one goes on, too.
        let clock = if cfg!(target_os = "linux") { ClockId::Boottime } else { ClockId::Monotonic };
        let now = clock_gettime(clock);
        Self(Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default()))
    }
}

impl Hold {
    /// Fails once the lease may be somebody else's.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.is_ending.load(Ordering::Acquire) {
            // Whoever asks would only end the program with another exit code than that of the signal.
            std::thread::sleep(2 * PATIENCE);
            return Err(io::Error::other(format!("the lease {} is being given back: the program ends", self.name)));
        }
        self.is_held()
    }

    fn is_held(&self) -> io::Result<()> {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let problem = match &*until {
            Ok(until) if Moment::now() < *until => return Ok(()),
            Ok(_) => "it could not be renewed in time",
            Err(problem) => problem,
        };
        Err(io::Error::other(format!("the lease {} is lost: {problem}", self.name)))
    }

    fn set(&self, until: Result<Moment, String>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl Lease {
    /// Takes the lease of an object. One that is held is watched for as long as a lease lives, which `waiting` is told.
    pub(super) fn take(
        store: &Store,
        name: &str,
        holder: &RawValue,
        life: Duration,
        waiting: &dyn Fn(Option<&RawValue>),
    ) -> Result<Self, LeaseError> {
        let mut owner = [0; 16];
        getrandom::fill(&mut owner).map_err(|error| LeaseError::Store(io::Error::other(error)))?;
        let renewal = Renewal {
            store: store.clone(),
            name: name.to_owned(),
            holder: holder.to_owned(),
            owner: hex(&owner),
            renewed: 0,
            life,
        };
        let over = renewal.wait_until_free(waiting)?;
        let mut held = held();
        let (version, until) = renewal.write(over)?;
        let (until, is_ending) = (Mutex::new(Ok(until)), AtomicBool::new(false));
        let hold = Arc::new(Hold { until, is_ending, name: store.url(name) });
        let (end, ended) = mpsc::channel();
        let (given_back, is_given_back) = mpsc::channel();
        let theirs = Arc::clone(&hold);
        std::thread::Builder::new()
            .name("lease".to_owned())
            .spawn(move || {
                let _given_back: Sender<()> = given_back;
                renewal.keep(version, &theirs, &ended);
            })
            .map_err(LeaseError::Store)?;
        let end = Arc::new(End { hold, thread: Mutex::new(Some((end, is_given_back))) });
        held.retain(|other| other.strong_count() > 0);
        held.push(Arc::downgrade(&end));
        Ok(Self(end))
    }

    pub(super) fn hold(&self) -> &Arc<Hold> {
        &self.0.hold
    }
}

impl Drop for Lease {
    /// Gives it back, so that nobody has to wait for its end.
    fn drop(&mut self) {
        self.0.give_back();
    }
}

struct Renewal {
    store: Store,
    name: String,
    holder: Box<RawValue>,
    owner: String,
    renewed: u64,
    life: Duration,
}

impl Renewal {
    /// Watches a lease that is held until it can be taken. The version of it that is to be replaced, if there is any.
    fn wait_until_free(&self, waiting: &dyn Fn(Option<&RawValue>)) -> Result<Option<UpdateVersion>, LeaseError> {
        let get = || self.store.get(&self.name, ObjectKind::Note).map_err(LeaseError::Store);
        let holder = |text: &[u8]| content(text).map(|content| content.holder.to_owned());
        let is_free = |text: &[u8]| content(text).is_some_and(|content| content.is_free);
        let Some((text, version)) = get()? else { return Ok(None) };
        if is_free(&text) {
            return Ok(Some(version));
        }
        waiting(holder(&text).as_deref());
        let found = Instant::now();
        // A holder that lives renews it within a part of its life.
        while found.elapsed() < self.life {
            std::thread::sleep(self.life / (PARTS * 2));
            match get()? {
                Some((now, _)) if now == text => {}
                Some((now, version)) if is_free(&now) => return Ok(Some(version)),
                Some((now, _)) => return Err(LeaseError::Held(holder(&now))),
                None => return Ok(None),
            }
        }
        Ok(Some(version))
    }

    /// Takes the lease: the version that is held, and until when it surely is.
    fn write(&self, over: Option<UpdateVersion>) -> Result<(UpdateVersion, Moment), LeaseError> {
        let until = self.until();
        let written = match over {
            Some(version) => self.store.replace(&self.name, self.text(false), version),
            None => self.store.create(&self.name, self.text(false)),
        };
        match written.map_err(LeaseError::Store)? {
            Written::Done(version) => Ok((version, until)),
            // Somebody was quicker, or it was stored and the answer was lost.
            Written::Refused => match self.own().map_err(LeaseError::Store)? {
                Some(version) => Ok((version, until)),
                None => Err(LeaseError::Held(None)),
            },
        }
    }

    /// Until when a renewal that is sent now is surely good.
    fn until(&self) -> Moment {
        Moment(Moment::now().0 + self.life / PARTS * (PARTS - 1))
    }

    /// Renews it until it is to be given back, or surely held no more.
    fn keep(mut self, mut version: UpdateVersion, hold: &Hold, end: &Receiver<()>) {
        while hold.is_held().is_ok() {
            if !matches!(end.recv_timeout(self.life / PARTS), Err(RecvTimeoutError::Timeout)) {
                return self.give_back(version, hold);
            }
            let until = self.until();
            match self.replace(&mut version, false) {
                Ok(true) => hold.set(Ok(until)),
                Ok(false) => {}
                Err(problem) => hold.set(Err(problem)),
            }
        }
    }

    /// Gives it back. A store that does not take it is asked a few times: otherwise the lease ends by itself.
    fn give_back(mut self, mut version: UpdateVersion, hold: &Hold) {
        let (begun, pause) = (Instant::now(), (self.life / (PARTS * 4)).min(PATIENCE / 5));
        for attempt in 1..=ATTEMPTS {
            let is_over = hold.is_held().is_err() || !matches!(self.replace(&mut version, true), Ok(false));
            if is_over || attempt == ATTEMPTS || begun.elapsed() + pause > PATIENCE {
                return;
            }
            std::thread::sleep(pause);
        }
    }

    /// Writes the lease in the place of that version of it, and says whether that was done. Fails if another machine has it.
    fn replace(&mut self, version: &mut UpdateVersion, is_free: bool) -> Result<bool, String> {
        self.renewed += 1;
        match self.store.replace(&self.name, self.text(is_free), version.clone()) {
            Ok(Written::Done(next)) => {
                *version = next;
                return Ok(true);
            }
            Ok(Written::Refused) => match self.own() {
                // An earlier renewal got through, whose answer was lost: the next one follows it.
                Ok(Some(next)) => *version = next,
                Ok(None) => return Err("another machine has taken it over".to_owned()),
                Err(error) => tracing::warn!("the lease of the state could not be read: {error}"),
            },
            Err(error) => tracing::warn!("the lease of the state could not be renewed: {error}"),
        }
        Ok(false)
    }

    /// The version of the lease if it is this holder's.
    fn own(&self) -> io::Result<Option<UpdateVersion>> {
        let found = self.store.get(&self.name, ObjectKind::Note)?;
        Ok(found
            .filter(|(text, _)| content(text).is_some_and(|content| content.owner == self.owner))
            .map(|(_, version)| version))
    }

    fn text(&self, is_free: bool) -> Vec<u8> {
        let content = Content { holder: &self.holder, owner: self.owner.clone(), renewed: self.renewed, is_free };
        serde_json::to_vec(&content).unwrap_or_default()
    }
}

fn content(text: &[u8]) -> Option<Content<'_>> {
    serde_json::from_slice(text).ok()
}
