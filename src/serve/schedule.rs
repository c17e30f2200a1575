//! When the next run is due. It reads no clock: the time is a parameter.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::config::serve::{ScheduleSettings, When};

/// When a run is due; a past time means now. The jitter is added to a time that stands still: added to now, it would put the run off
/// for ever. `last` is when the last run began. If the service was
/// not running, one missed run is made up for. `since` is from when on a service that knows of no run waits for the first of its
/// times: that must not move on with the clock, because none would ever come.
#[must_use]
pub fn due(
    schedule: &ScheduleSettings,
    zone: &TimeZone,
    last: Option<Timestamp>,
    since: Timestamp,
    now: Timestamp,
    jitter: SignedDuration,
) -> Timestamp {
    let later = |due: Timestamp| due.checked_add(jitter).unwrap_or(due);
    // A clock that was set back must not put off runs.
    let last = last.filter(|last| *last <= now);
    match &schedule.when {
        When::Every(every) => {
            let every = SignedDuration::try_from(*every).unwrap_or(SignedDuration::MAX);
            last.map_or(now, |last| later(last.checked_add(every).unwrap_or(Timestamp::MAX)))
        }
        When::At(times) => {
            let after = last.unwrap_or(since);
            let day = after.to_zoned(zone.clone()).date();
            // The day after, and one more where the clocks of a zone skip a day.
            let days = (0..3).filter_map(|days: i64| day.checked_add(days.days()).ok());
            let moments = days.flat_map(|day| times.iter().map(move |time| DateTime::from_parts(day, *time)));
            let mut moments = moments
                .filter_map(|moment| zone.to_ambiguous_timestamp(moment).compatible().ok())
                .filter(|moment| *moment > after);
            later(moments.next().unwrap_or(Timestamp::MAX))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::time::Duration;

    use jiff::civil::time;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(when: When) -> ScheduleSettings {
        ScheduleSettings { when, jitter: Duration::ZERO }
    }

    #[test]
    fn every_so_long_from_the_last_one() {
        let every = schedule(When::Every(Duration::from_secs(3 * 3600)));
        let now = at("2026-11-28T12:00:00Z");
        let due = |last: Option<&str>| due(&every, &TimeZone::UTC, last.map(at), now, now, SignedDuration::ZERO);
        assert_eq!(due(None), at("2026-11-28T12:00:00Z"));
        assert_eq!(due(Some("2026-11-28T11:00:00Z")), at("2026-11-28T14:00:00Z"));
        assert_eq!(due(Some("2026-11-20T11:00:00Z")), at("2026-11-20T14:00:00Z"), "missed, so now");
        assert_eq!(due(Some("2026-11-30T11:00:00Z")), at("2026-11-28T12:00:00Z"), "the clock was set back");
    }

    #[test]
    fn the_jitter_puts_nothing_off_for_ever() {
        let (since, now) = (at("2026-11-28T05:00:00Z"), at("2026-11-28T12:00:00Z"));
        let due = |when: When, last: Option<&str>| {
            due(&schedule(when), &TimeZone::UTC, last.map(at), since, now, SignedDuration::from_secs(30))
        };
        let every = || When::Every(Duration::from_secs(3600));
        assert_eq!(due(every(), Some("2026-11-28T11:30:00Z")), at("2026-11-28T12:30:30Z"));
        // After a clock that was ahead, or without any run, it is due now and not always a little later.
        assert_eq!([due(every(), Some("2026-11-28T13:00:00Z")), due(every(), None)], [now, now]);
        let noon = || When::At(vec![time(12, 0, 0, 0)]);
        assert_eq!([due(noon(), Some("2099-01-01T00:00:00Z")), due(noon(), None)], [at("2026-11-28T12:00:30Z"); 2]);
    }

    #[test]
    fn times_of_the_day_follow_the_clocks_of_the_zone() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let times = schedule(When::At(vec![time(2, 30, 0, 0), time(12, 0, 0, 0)]));
        for (last, expected) in [
            ("2026-11-28T05:00:00Z", "2026-11-28T11:00:00Z"),
            ("2026-11-28T11:00:00Z", "2026-11-29T01:30:00Z"),
            // Summer time begins on 29 March 2026: there is no 02:30, and it runs at 03:30.
            ("2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"),
            ("2026-03-29T01:30:00Z", "2026-03-29T10:00:00Z"),
            // It ends on 25 October 2026: 02:30 comes twice, and it runs once.
            ("2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("2026-10-25T00:30:00Z", "2026-10-25T11:00:00Z"),
        ] {
            let now = at("2026-12-31T00:00:00Z");
            assert_eq!(due(&times, &zone, Some(at(last)), now, now, SignedDuration::ZERO), at(expected), "{last}");
        }
        // The first one waits for its time, and is due once that has come; so does one after a clock that was ahead.
        let since = at("2026-11-28T05:00:00Z");
        for last in [None, Some(at("2099-01-01T00:00:00Z"))] {
            for now in ["2026-11-28T05:00:00Z", "2026-11-28T11:00:00.1Z", "2026-11-28T20:00:00Z"] {
                assert_eq!(
                    due(&times, &zone, last, since, at(now), SignedDuration::ZERO),
                    at("2026-11-28T11:00:00Z"),
                    "{last:?} at {now}"
                );
            }
        }
    }
}
