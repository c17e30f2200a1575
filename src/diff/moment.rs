//! A moment as plans write it, such as `2026-11-28T10:00:00+01:00`, and its day for the reader. Nothing in here knows a
//! time zone: the offset comes from outside.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// The seconds of a day.
const DAY: i64 = 24 * 60 * 60;
/// The seconds since 1970 of 0001-01-02 and 9999-12-30, so that every offset stays within four digits of a year.
const EARLIEST: i64 = -62_135_510_400;
const LATEST: i64 = 253_402_128_000;
/// The greatest offset, in minutes: no place on earth has one of a whole day.
const WIDEST_OFFSET: i32 = 24 * 60 - 1;

/// A second in time, and the offset from UTC at which it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Moment {
    seconds: i64,
    /// In minutes.
    offset: i32,
}

/// A moment on the calendar and the clock of its offset.
struct Civil {
    year: i64,
    /// From 1.
    month: usize,
    day: i64,
    /// The second of the day.
    second: i64,
}

impl Moment {
    /// The moment so many seconds after the beginning of 1970 in UTC, with an offset in minutes. Years before 1 and after
    /// 9999 become the first and the last that can be written.
    #[must_use]
    pub fn new(seconds: i64, offset: i32) -> Self {
        Self { seconds: seconds.clamp(EARLIEST, LATEST), offset: offset.clamp(-WIDEST_OFFSET, WIDEST_OFFSET) }
    }

    /// Its day with the year, for the reader.
    #[must_use]
    pub fn day(&self) -> String {
        let Civil { year, month, day, .. } = self.civil();
        format!("{day} {} {year}", MONTHS[(month - 1).min(11)])
    }

    /// Another moment with the same offset.
    #[must_use]
    pub fn at(&self, seconds: i64) -> Self {
        Self::new(seconds, self.offset)
    }

    /// The seconds since the beginning of 1970 in UTC.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Reads exactly the form in which a moment is written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok().map(i64::from);
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let second = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
        let offset = i32::try_from(number(20, 22)? * 60 + number(23, 25)?).ok()?;
        let offset = if text.get(19..20)? == "-" { -offset } else { offset };
        let local = days_before(year, month, day) * DAY + second;
        let moment = Self::new(local - i64::from(offset) * 60, offset);
        (moment.to_string() == text).then_some(moment)
    }

    fn civil(&self) -> Civil {
        let local = self.seconds + i64::from(self.offset) * 60;
        let (days, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`: years begin in March, so that
        // the leap day is the last of its year.
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Civil { year, month: usize::try_from(month).unwrap_or(1), day, second }
    }
}

/// The days from 1970-01-01 to a day of the Gregorian calendar; the inverse of [`Moment::civil`].
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, second } = self.civil();
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        let (sign, offset) = (if self.offset < 0 { '-' } else { '+' }, self.offset.abs());
        write!(f, "{sign}{:02}:{:02}", offset / 60, offset % 60)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected a time such as 2026-11-28T10:00:00+01:00"))
    }
}

/// How long somebody has been missing, and until when they stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// When a reading did not have them for the first time.
    pub missing_since: Moment,
    /// From when on they may be deleted, if every reading until then does not have them.
    pub leaves: Moment,
}

impl Wait {
    /// How long it takes, in seconds.
    #[must_use]
    pub fn length(&self) -> i64 {
        self.leaves.seconds() - self.missing_since.seconds()
    }

    /// The day on which it began, for the reader.
    #[must_use]
    pub fn since(&self) -> String {
        self.shown(self.missing_since)
    }

    /// The day on which it ends, for the reader.
    #[must_use]
    pub fn until(&self) -> String {
        self.shown(self.leaves)
    }

    /// A day with its year if the wait goes over the end of a year, and with the time if it takes less than a day.
    fn shown(&self, moment: Moment) -> String {
        let Civil { year, month, day, second } = moment.civil();
        let name = MONTHS[(month - 1).min(11)];
        let mut text = format!("{day} {name}");
        if self.missing_since.civil().year != self.leaves.civil().year {
            text.push_str(&format!(" {year}"));
        }
        if self.length() < DAY {
            text.push_str(&format!(" at {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60));
        }
        text
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leaves on {}, missing since {}", self.until(), self.since())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_moments_that_exist_are_read() {
        for text in [
            "2026-11-28T10:00:00+01:00",
            "2024-02-29T23:59:59-11:30",
            "1970-01-01T00:00:00+00:00",
            "0001-01-03T00:00:00+00:00",
            "9999-12-29T00:00:00+14:00",
        ] {
            assert_eq!(Moment::parse(text).map(|moment| moment.to_string()).as_deref(), Some(text));
        }
        for text in [
            "2026-02-29T10:00:00+00:00",
            "2026-11-31T10:00:00+00:00",
            "2026-13-01T10:00:00+00:00",
            "2026-00-01T10:00:00+00:00",
            "2026-11-28T24:00:00+00:00",
            "2026-11-28T10:60:00+00:00",
            "2026-11-28T10:00:00-00:00",
            "2026-11-28T10:00:00+24:00",
            "2026-11-28T10:00:00Z",
            "2026-11-28 10:00:00+00:00",
            "+026-11-28T10:00:00+00:00",
            "2026-11-28T10:00:00+00:00 ",
            "2026-11-2öT10:00:00+00:0",
            "",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        assert_eq!(Moment::parse("2026-11-28T10:00:00+01:00").map(|moment| moment.seconds()), Some(1_795_856_400));
    }

    proptest! {
        #[test]
        fn every_moment_is_read_as_it_was_written(seconds in EARLIEST..=LATEST, offset in -840..=840) {
            let moment = Moment::new(seconds, offset);
            prop_assert_eq!(Moment::parse(&moment.to_string()), Some(moment));
        }
    }

    #[test]
    fn a_wait_is_told_by_its_days() {
        let wait = |since: &str, leaves: &str| {
            let moment = |text| Moment::parse(text).unwrap_or_else(|| panic!("{text}"));
            Wait { missing_since: moment(since), leaves: moment(leaves) }.to_string()
        };
        assert_eq!(
            wait("2026-11-28T10:00:00+00:00", "2026-12-05T10:00:00+00:00"),
            "leaves on 5 December, missing since 28 November"
        );
        assert_eq!(
            wait("2026-12-29T23:30:00+00:00", "2027-01-06T00:30:00+01:00"),
            "leaves on 6 January 2027, missing since 29 December 2026"
        );
        assert_eq!(
            wait("2026-11-28T10:00:00+01:00", "2026-11-28T10:00:02+01:00"),
            "leaves on 28 November at 10:00:02, missing since 28 November at 10:00:00"
        );
    }
}
