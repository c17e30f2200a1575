//! How many events of a sender are accepted in a second: a token bucket.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The size of the bucket, in seconds of its rate.
const SECONDS_SAVED: f64 = 10.0;

/// The bucket of one sender.
#[derive(Debug)]
pub(super) struct Bucket {
    a_second: f64,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(super) fn new(a_second: u64, now: Instant) -> Self {
        // No setting is so large that this is not exact.
        let a_second = f64::from(u32::try_from(a_second).unwrap_or(u32::MAX));
        Self { a_second, state: Mutex::new((a_second * SECONDS_SAVED, now)) }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *state;
        let gained = now.saturating_duration_since(since).as_secs_f64() * self.a_second;
        let left = (left + gained).min(self.a_second * SECONDS_SAVED);
        let is_there = left >= 1.0;
        *state = (if is_there { left - 1.0 } else { left }, now);
        is_there
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let start = Instant::now();
        let bucket = Bucket::new(2, start);
        let taken = |now: Instant| (0..100).filter(|_| bucket.take(now)).count();
        assert_eq!(taken(start), 20);
        assert_eq!(taken(start + Duration::from_secs(3)), 6);
        assert_eq!(taken(start + Duration::from_secs(1000)), 20);
    }
}
