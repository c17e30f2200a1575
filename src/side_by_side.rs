//! Works on many items at once. What it returns does not depend on how many threads the system has.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::threads::{Beside, beside};

/// How many items a thread takes at a time.
const TURN: u32 = 16_384;
/// The same where an item is much work, or its result large.
const FEW: usize = 2_048;

/// Calls `work` with consecutive ranges of `0..items` on several threads, and returns the results in the order of the
/// ranges. Few items are one range, and need no thread.
pub(crate) fn side_by_side<T: Send>(items: u32, work: impl Fn(Range<u32>) -> T + Sync) -> Vec<T> {
    let range = |turn: u32| turn * TURN..items.min(turn.saturating_add(1).saturating_mul(TURN));
    let mut results = Vec::new();
    let Ok(()) = in_turns(
        items.div_ceil(TURN),
        |turn| work(range(turn)),
        |result| {
            results.push(result);
            Ok::<_, Infallible>(())
        },
    );
    results
}

/// Calls `work` with some items after the other on several threads, and `take` with the results in the order of the items.
///
/// # Errors
/// The first one of `take`, after which no more work begins.
pub(crate) fn some_side_by_side<'i, I: Sync, T: Send, E>(
    items: &'i [I],
    work: impl Fn(&'i [I]) -> T + Sync,
    take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let parts: Vec<&'i [I]> = items.chunks(FEW).collect();
    each_side_by_side(&parts, |items| work(items), take)
}

/// Calls `work` with each part on several threads, and `take` with the results in the order of the parts.
///
/// # Errors
/// As [`some_side_by_side`].
pub(crate) fn each_side_by_side<P: Sync, T: Send, E>(
    parts: &[P],
    work: impl Fn(&P) -> T + Sync,
    take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let turns = u32::try_from(parts.len()).expect("nothing has so many parts");
    in_turns(turns, |turn| work(&parts[turn as usize]), take)
}

/// Calls `fill` with consecutive parts of `items` on several threads, each with the place of its first item.
///
/// # Errors
/// The first one of `fill`, by the order of the parts.
pub(crate) fn fill_side_by_side<T: Send, E: Send>(
    items: &mut [T],
    fill: impl Fn(usize, &mut [T]) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let fill = &fill;
    let part = items.len().div_ceil(threads()).max(1);
    thread::scope(|scope| {
        let parts = items.chunks_mut(part).enumerate();
        let workers: Vec<_> = parts.map(|(turn, items)| beside(scope, move || fill(turn * part, items))).collect();
        let filled = workers.into_iter().map(Beside::join);
        filled.fold(Ok(()), Result::and)
    })
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn in_turns<T: Send, E>(
    turns: u32,
    work: impl Fn(u32) -> T + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = threads().min(turns as usize);
    if threads < 2 {
        return (0..turns).map(work).try_for_each(take);
    }
    let next = AtomicU32::new(0);
    let (results, done) = mpsc::channel();
    let take_turns = |results: mpsc::Sender<(u32, T)>| {
        let turn = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|turn| *turn < turns);
        // Nobody listens any more after an error.
        std::iter::from_fn(turn).try_for_each(|turn| results.send((turn, work(turn))).ok())
    };
    let take_turns = &take_turns;
    thread::scope(|scope| {
        let start = |results: mpsc::Sender<_>| beside(scope, move || take_turns(results));
        let workers: Vec<_> = (0..threads).map(|_| start(results.clone())).collect();
        // The results end when no worker is left to send one.
        drop(results);
        let taken = take_in_order(done, &mut take);
        for worker in workers {
            worker.join();
        }
        taken
    })
}

/// Takes numbered results in the order of their numbers.
fn take_in_order<T, E>(results: mpsc::Receiver<(u32, T)>, mut take: impl FnMut(T) -> Result<(), E>) -> Result<(), E> {
    let mut early = BTreeMap::new();
    let mut awaited = 0;
    for (turn, result) in results {
        early.insert(turn, result);
        while let Some(result) = early.remove(&awaited) {
            take(result)?;
            awaited += 1;
        }
    }
    Ok(())
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
    fn parts_are_taken_in_order_until_one_fails() {
        let parts: Vec<u32> = (0..100).collect();
        let mut taken = Vec::new();
        let take = |doubled| {
            taken.push(doubled);
            if doubled < 120 { Ok(()) } else { Err(doubled) }
        };
        assert_eq!(each_side_by_side(&parts, |part| part * 2, take), Err(120));
        assert_eq!(taken, (0..=60).map(|part| part * 2).collect::<Vec<_>>());
        let items: Vec<usize> = (0..3 * FEW + 1).collect();
        let mut all = Vec::new();
        let add = |some: Vec<usize>| {
            all.extend(some);
            Ok::<_, ()>(())
        };
        assert_eq!(some_side_by_side(&items, <[_]>::to_vec, add), Ok(()));
        assert_eq!(all, items);
    }

    #[test]
    fn every_item_is_filled_once() {
        for items in [0, 1, 2, 3, 1_001] {
            let mut filled = vec![0; items];
            let number = |at: usize, part: &mut [usize]| {
                part.iter_mut().enumerate().for_each(|(index, item)| *item += at + index + 1);
                if at == 0 { Ok(()) } else { Err(at) }
            };
            let result = fill_side_by_side(&mut filled, number);
            assert_eq!(filled, (1..=items).collect::<Vec<_>>());
            assert_eq!(result.is_ok(), threads() < 2 || items < 2, "{items}");
        }
    }

    #[test]
    #[should_panic(expected = "in the last turn")]
    fn a_panic_is_passed_on() {
        side_by_side(4 * TURN, |range| assert!(range.end < 4 * TURN, "in the last turn"));
    }
}
