//! The events in memory: those that are pending, those that a run handles, and those that must not count again.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Event;
use crate::serve::verify::Identity;

/// How many events are kept each with its people. Further ones become one event that concerns everybody.
pub(super) const MOST_PENDING: usize = 10_000;
/// How many bytes these may have together, as [`Line::bytes`] counts them: 800 for each event, which is more than any
/// sender is known to need.
pub(super) const MOST_BYTES: usize = 8 * 1024 * 1024;
/// How many are remembered at most.
const MOST_REMEMBERED: usize = 50_000;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) pending: Vec<Line>,
    /// How many bytes these have.
    pub(super) bytes: usize,
    pub(super) in_flight: Vec<Line>,
    /// The events that must not count again, and when they came.
    pub(super) seen: HashMap<String, Timestamp>,
    /// The same in the order in which they came.
    pub(super) order: VecDeque<String>,
    /// The events without an id of their own that are pending.
    pub(super) contents: HashSet<String>,
    /// Whether one of the pending events concerns everybody.
    pub(super) covers_everybody: bool,
    pub(super) is_writable: bool,
    /// How long a handled event is remembered, so that it does not count again.
    pub(super) remembered: SignedDuration,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) at: Timestamp,
    pub(super) webhook: String,
    pub(super) key: String,
    /// Whether the same key never counts again.
    pub(super) once: bool,
    pub(super) ids: Option<BTreeSet<String>>,
    /// It was handled, and is only remembered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) done: bool,
}

impl Line {
    /// About how much memory it needs.
    fn bytes(&self) -> usize {
        let ids = self.ids.iter().flatten().map(String::len).sum::<usize>();
        self.webhook.len() + self.key.len() + ids
    }
}

impl State {
    /// Whether no further event is kept with its people.
    fn is_full(&self) -> bool {
        self.pending.len() >= MOST_PENDING || self.bytes >= MOST_BYTES
    }

    /// Takes all that are pending.
    pub(super) fn take_pending(&mut self) -> Vec<Line> {
        self.covers_everybody = false;
        self.bytes = 0;
        std::mem::take(&mut self.pending)
    }

    /// The line to write for an event, if there is one to write.
    pub(super) fn line(&self, event: Event) -> Option<Line> {
        let Event { webhook, identity, ids, at } = event;
        let (key, once) = match identity {
            Identity::Once(id) => (format!("{webhook}:{id}"), true),
            Identity::Content(hash) => (format!("{webhook}:{hash}"), false),
        };
        let is_known = if once { self.seen.contains_key(&key) } else { self.contents.contains(&key) };
        if is_known {
            return None;
        }
        if !self.is_full() {
            return Some(Line { at, webhook, key, once, ids, done: false });
        }
        (!self.covers_everybody).then_some(Line { at, webhook, key, once: false, ids: None, done: false })
    }

    pub(super) fn remember(&mut self, line: &Line) {
        if line.once && self.seen.insert(line.key.clone(), line.at).is_none() {
            self.order.push_back(line.key.clone());
        }
    }

    /// Adds an event to the pending ones. If these are many, it becomes one that concerns everybody, or is covered by
    /// one.
    pub(super) fn push(&mut self, mut line: Line) {
        if self.is_full() {
            if self.covers_everybody {
                return;
            }
            (line.once, line.ids) = (false, None);
        }
        self.covers_everybody |= line.ids.is_none();
        if !line.once {
            self.contents.insert(line.key.clone());
        }
        self.bytes += line.bytes();
        self.pending.push(line);
    }

    /// Dates nothing later than now. Returns how far ahead the furthest of the pending events was.
    pub(super) fn none_after(&mut self, now: Timestamp) -> Option<SignedDuration> {
        let late = self.pending.iter_mut().filter(|line| line.at > now);
        let ahead = late.map(|line| std::mem::replace(&mut line.at, now).duration_since(now)).max()?;
        self.seen.values_mut().for_each(|at| *at = now.min(*at));
        Some(ahead)
    }

    /// Forgets events that came too long ago to be repeated.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let waits: HashSet<&str> = self.pending.iter().chain(&self.in_flight).map(|line| &*line.key).collect();
        let (seen, many) = (&mut self.seen, self.order.len().saturating_sub(MOST_REMEMBERED));
        let mut index = 0;
        self.order.retain(|key| {
            index += 1;
            let is_old = seen.get(key).is_none_or(|at| now.duration_since(*at) > self.remembered);
            let keep = waits.contains(&**key) || (!is_old && index > many);
            if !keep {
                seen.remove(key);
            }
            keep
        });
    }
}

impl State {
    /// A copy that can be written without blocking the answers to requests.
    pub(super) fn copied(&self) -> Self {
        Self {
            pending: self.pending.clone(),
            bytes: self.bytes,
            in_flight: self.in_flight.clone(),
            seen: self.seen.clone(),
            order: self.order.clone(),
            contents: HashSet::new(),
            covers_everybody: self.covers_everybody,
            is_writable: self.is_writable,
            remembered: self.remembered,
        }
    }
}
