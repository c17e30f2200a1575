//! Keeps all requests of a transport within its limits: how many are under way, and how many begin in a second. If the
//! server asks one request to slow down, all of them pause.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

/// The limits that all requests of a transport share.
pub(super) struct Throttle {
    slots: Semaphore,
    /// The time between the beginnings of two requests.
    interval: Duration,
    times: Mutex<Times>,
    /// Whether all waits have ended.
    ended: watch::Sender<bool>,
}

struct Times {
    /// When the next request may begin.
    next: Instant,
    /// No request may begin before this.
    closed_until: Instant,
}

/// The right to make one request, until it is dropped.
pub(super) struct Turn<'a> {
    /// `None` only if the semaphore were closed, which never happens.
    _slot: Option<SemaphorePermit<'a>>,
}

impl Throttle {
    pub(super) fn new(max_in_flight: usize, requests_per_second: u32) -> Self {
        let now = Instant::now();
        Self {
            slots: Semaphore::new(max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            interval: Duration::from_secs(1).checked_div(requests_per_second).unwrap_or_default(),
            times: Mutex::new(Times { next: now, closed_until: now }),
            ended: watch::Sender::new(false),
        }
    }

    /// Waits until a request may begin; `None` if waits were ended first. A prompt one waits for pauses only, and the requests
    /// after it wait twice as long: it follows another one at once.
    pub(super) async fn turn(&self, is_prompt: bool) -> Option<Turn<'_>> {
        let slot = self.slots.acquire().await.ok();
        while let Err(later) = self.begin(Instant::now(), is_prompt) {
            self.sleep_until(later).await?;
        }
        Some(Turn { _slot: slot })
    }

    /// Waits for this long; `None` if waits were ended first.
    pub(super) async fn sleep(&self, delay: Duration) -> Option<()> {
        self.sleep_until(Instant::now() + delay).await
    }

    async fn sleep_until(&self, later: Instant) -> Option<()> {
        let mut ended = self.ended.subscribe();
        tokio::select! {
            biased;
            // The sender lives as long as `self`.
            _ = ended.wait_for(|ended| *ended) => None,
            () = sleep_until(later) => Some(()),
        }
    }

    /// Ends every wait, now and later.
    pub(super) fn end_waits(&self) {
        self.ended.send_replace(true);
    }

    /// Whether waits were ended.
    pub(super) fn is_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Whether a pause of about this length is under way.
    pub(super) fn is_paused_for(&self, pause: Duration) -> bool {
        let margin = Duration::from_secs(1);
        self.times().closed_until + margin >= Instant::now() + pause
    }

    /// Lets no request begin for this long; a longer pause that is under way stays.
    pub(super) fn pause(&self, pause: Duration) {
        let mut times = self.times();
        times.closed_until = times.closed_until.max(Instant::now() + pause);
    }

    /// Begins a request, or says when to ask again.
    fn begin(&self, now: Instant, is_prompt: bool) -> Result<(), Instant> {
        let mut times = self.times();
        let earliest = if is_prompt { times.closed_until } else { times.next.max(times.closed_until) };
        if earliest > now {
            return Err(earliest);
        }
        times.next = times.next.max(now) + self.interval;
        Ok(())
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_begin_at_their_pace() {
        let throttle = Throttle::new(8, 4);
        let start = Instant::now();
        let quarter = Duration::from_millis(250);
        assert_eq!(throttle.begin(start, false), Ok(()));
        assert_eq!(throttle.begin(start, false), Err(start + quarter));
        assert_eq!(throttle.begin(start + quarter, false), Ok(()));
        assert_eq!(throttle.begin(start + quarter, false), Err(start + 2 * quarter));
    }

    /// The write after a read does not wait for its turn; those after it wait for both.
    #[test]
    fn a_prompt_request_follows_at_once_and_keeps_the_pace() {
        let throttle = Throttle::new(8, 4);
        let start = Instant::now();
        let quarter = Duration::from_millis(250);
        assert_eq!((throttle.begin(start, false), throttle.begin(start, true)), (Ok(()), Ok(())));
        assert_eq!(throttle.begin(start + quarter, false), Err(start + 2 * quarter));
        throttle.pause(Duration::from_secs(60));
        assert!(throttle.begin(start + 3 * quarter, true).is_err(), "a pause holds it, too");
    }

    #[test]
    fn a_pause_holds_everybody_and_the_longest_wins() {
        let throttle = Throttle::new(8, 0);
        let before = Instant::now();
        throttle.pause(Duration::from_secs(60));
        throttle.pause(Duration::from_secs(1));
        let later = throttle.begin(Instant::now(), false);
        assert!(later.is_err_and(|until| until >= before + Duration::from_secs(60)));
        assert_eq!(throttle.begin(Instant::now() + Duration::from_secs(61), false), Ok(()));
    }

    #[tokio::test]
    async fn no_more_requests_at_once_than_allowed() {
        let throttle = Throttle::new(2, 0);
        let (first, _second) =
            (throttle.turn(false).await.expect("a turn"), throttle.turn(false).await.expect("a turn"));
        assert_eq!(throttle.slots.available_permits(), 0);
        drop(first);
        assert_eq!(throttle.slots.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_wait_that_is_ended_gives_no_turn() {
        let throttle = Throttle::new(1, 0);
        throttle.pause(Duration::from_secs(600));
        assert!(throttle.is_paused_for(Duration::from_secs(600)));
        let (turn, ()) = tokio::join!(throttle.turn(false), async {
            tokio::task::yield_now().await;
            throttle.end_waits();
        });
        assert!(turn.is_none() && throttle.sleep(Duration::from_secs(600)).await.is_none());
        assert!(Throttle::new(1, 0).turn(false).await.is_some());
    }
}
