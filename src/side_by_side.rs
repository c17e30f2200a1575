//! Works on many items at once. What it returns does not depend on how many threads the system has.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;

/// How many items a thread takes at a time.
const TURN: u32 = 16_384;

/// Calls `work` with consecutive ranges of `0..items` on several threads, and returns the results in the order of the
/// ranges. Few items are one range, and need no thread.
pub(crate) fn side_by_side<T: Send>(items: u32, work: impl Fn(Range<u32>) -> T + Sync) -> Vec<T> {
    let range = |turn: u32| turn * TURN..items.min(turn.saturating_add(1).saturating_mul(TURN));
    let mut results = Vec::new();
    in_turns(items.div_ceil(TURN), |turn| work(range(turn)), |result| results.push(result));
    results
}

/// Calls `work` with each part on several threads, and `take` with the results in the order of the parts.
pub(crate) fn each_side_by_side<P: Sync, T: Send>(parts: &[P], work: impl Fn(&P) -> T + Sync, take: impl FnMut(T)) {
    let turns = u32::try_from(parts.len()).expect("nothing has so many parts");
    in_turns(turns, |turn| work(&parts[turn as usize]), take);
}

fn in_turns<T: Send>(turns: u32, work: impl Fn(u32) -> T + Sync, mut take: impl FnMut(T)) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(turns as usize);
    if threads < 2 {
        return (0..turns).map(work).for_each(take);
    }
    let next = AtomicU32::new(0);
    let (results, done) = mpsc::channel();
    let take_turns = |results: mpsc::Sender<(u32, T)>| {
        let turn = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|turn| *turn < turns);
        // The other end is there for as long as this one.
        std::iter::from_fn(turn).for_each(|turn| results.send((turn, work(turn))).unwrap_or_default());
    };
    let take_turns = &take_turns;
    thread::scope(|scope| {
        let start = |results: mpsc::Sender<_>| scope.spawn(move || take_turns(results));
        let workers: Vec<_> = (0..threads).map(|_| start(results.clone())).collect();
        // The results end when no worker is left to send one, as after a panic.
        drop(results);
        let mut early = BTreeMap::new();
        let mut awaited = 0;
        while awaited < turns {
            let Ok((turn, result)) = done.recv() else { break };
            early.insert(turn, result);
            while let Some(result) = early.remove(&awaited) {
                take(result);
                awaited += 1;
            }
        }
        workers.into_iter().for_each(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_comes_once_and_in_order() {
        for items in [0, 1, TURN - 1, TURN, TURN + 1, 9 * TURN + 5] {
            let ranges = side_by_side(items, |range| range.collect::<Vec<_>>());
            assert_eq!(ranges.concat(), (0..items).collect::<Vec<_>>(), "{items}");
        }
    }

    #[test]
    #[should_panic(expected = "in the last turn")]
    fn a_panic_is_passed_on() {
        side_by_side(4 * TURN, |range| assert!(range.end < 4 * TURN, "in the last turn"));
    }
}
