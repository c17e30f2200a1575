//! Dates in templates: `today`, `never`, `days(14)` and the filter `date`. The current day is a parameter; nothing in
//! here reads a clock.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use super::day::{Day, Days};
use super::kinds::{described, shown};
use super::{arguments, date_form};

/// The name of the current day in templates.
pub(super) const TODAY: &str = "today";
/// The function that makes a number of days.
pub(super) const DAYS: &str = "days";
/// The names for days in templates.
pub(crate) const NAMES: [&str; 3] = [TODAY, "never", DAYS];
/// How many days can be added: a century.
const MOST_DAYS: i64 = 36_525;
/// From 1601-01-01, where Windows begins to count, to 1970-01-01, in seconds.
const WINDOWS_EPOCH: i64 = 11_644_473_600;
/// What `accountExpires` holds for an account that never expires, besides 0 (MS-ADA1 2.2).
const WINDOWS_NEVER: i64 = i64::MAX;

/// The day as of which people are compared, with its time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    today: Date,
    zone: TimeZone,
}

impl Calendar {
    /// The current day in a time zone.
    #[must_use]
    pub fn at(now: Timestamp, zone: &TimeZone) -> Self {
        Self { today: now.to_zoned(zone.clone()).date(), zone: zone.clone() }
    }

    /// A certain day.
    #[must_use]
    pub fn on(today: Date, zone: &TimeZone) -> Self {
        Self { today, zone: zone.clone() }
    }

    /// The day.
    #[must_use]
    pub fn today(&self) -> Date {
        self.today
    }

    /// Any day, for templates that are only checked.
    pub(crate) fn any() -> Self {
        Self { today: Date::constant(2000, 1, 1), zone: TimeZone::UTC }
    }
}

pub(super) fn extend(environment: &mut Environment<'_>, calendar: &Calendar) {
    environment.add_global(TODAY, Value::from_object(Day::On(calendar.today)));
    environment.add_global("never", Value::from_object(Day::Never));
    environment.add_function(DAYS, |number: i64| {
        if !(-MOST_DAYS..=MOST_DAYS).contains(&number) {
            return Err(wrong(format!("days({number}) is more than a century")));
        }
        Ok(Value::from_object(Days(number)))
    });
    let zone = calendar.zone.clone();
    let read = Value::from_function(move |value: Value, format: Option<String>| {
        day(&value, format.as_deref(), &zone).map(Value::from_object).map_err(wrong)
    });
    arguments::add_filter(environment, "date", read);
}

/// `+` in a template that has days.
pub(super) fn add(a: Value, b: Value) -> Result<Value, Error> {
    match (a.downcast_object_ref::<Day>(), b.downcast_object_ref::<Days>()) {
        (Some(day), Some(days)) => moved(*day, days.0),
        _ => match (b.downcast_object_ref::<Day>(), a.downcast_object_ref::<Days>()) {
            (Some(day), Some(days)) => moved(*day, days.0),
            _ => computed(&a, '+', &b, |a, b| a.checked_add(b), |a, b| a + b),
        },
    }
}

/// `-` in a template that has days.
pub(super) fn subtract(a: Value, b: Value) -> Result<Value, Error> {
    match (a.downcast_object_ref::<Day>(), b.downcast_object_ref::<Days>()) {
        (Some(day), Some(days)) => moved(*day, -days.0),
        _ => computed(&a, '-', &b, |a, b| a.checked_sub(b), |a, b| a - b),
    }
}

fn moved(day: Day, days: i64) -> Result<Value, Error> {
    let moved = match day {
        Day::Never => Day::Never,
        Day::On(date) => Day::On(
            date.checked_add(days.days()).map_err(|_| wrong(format!("{date} moved by {days} days is not a date")))?,
        ),
    };
    Ok(Value::from_object(moved))
}

/// The engine's own arithmetic, for numbers beside days.
fn computed(
    a: &Value,
    sign: char,
    b: &Value,
    whole: impl Fn(i64, i64) -> Option<i64>,
    fraction: impl Fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    let number = |value: &Value| f64::try_from(value.clone()).ok().filter(|_| value.kind() == ValueKind::Number);
    let result = match (a.as_i64(), b.as_i64(), number(a), number(b)) {
        (Some(a), Some(b), Some(_), Some(_)) => whole(a, b).map(Value::from),
        (_, _, Some(a), Some(b)) => Some(Value::from(fraction(a, b))),
        _ => None,
    };
    result.ok_or_else(|| {
        let date = [a, b].into_iter().any(|value| value.downcast_object_ref::<Day>().is_some());
        let advice = if date { "; to a date, add days, as in `today + days(14)`" } else { "; join texts with `~`" };
        wrong(format!("{} {sign} {} cannot be computed{advice}", described(a), described(b)))
    })
}

/// The day that a value names.
fn day(value: &Value, format: Option<&str>, zone: &TimeZone) -> Result<Day, String> {
    if let Some(day) = value.downcast_object_ref::<Day>() {
        return Ok(*day);
    }
    let text = match value.kind() {
        ValueKind::String => value.as_str().unwrap_or_default().trim().to_owned(),
        ValueKind::Number => value.to_string(),
        _ => return Err(format!("{} is not a date", described(value))),
    };
    if text.is_empty() {
        return Err(
            "an empty text is not a date; say which day it stands for, as in `hr.end | default(never, true) | date`"
                .to_owned(),
        );
    }
    if let Some(format) = format {
        return date_form::read(format, &text, zone).map(Day::On).map_err(|problem| {
            format!("{} is not a date of the form {format:?}: {problem}", shown(&Value::from(text.as_str())))
        });
    }
    iso(&text, zone).or_else(|| generalized(&text, zone)).or_else(|| windows(&text, zone)).ok_or_else(|| {
        let shown = shown(&Value::from(text.as_str()));
        format!("{shown} is not a date such as 2026-12-01; if it has another form, say which: `date('%d.%m.%Y')`")
    })
}

/// `2026-12-01` or `20261201`, with or without a time. A time with an offset is converted to the time zone first.
fn iso(text: &str, zone: &TimeZone) -> Option<Day> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let begins = digits == 4 && text.as_bytes().get(4) == Some(&b'-') || digits == 8 && !text.ends_with('Z');
    if !begins {
        return None;
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(Day::On(time.to_zoned(zone.clone()).date()));
    }
    text.parse::<Date>().ok().map(Day::On)
}

/// `20261201093000Z` or `20261201093000.0+0100`, as LDAP writes times (RFC 4517 3.3.13).
fn generalized(text: &str, zone: &TimeZone) -> Option<Day> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if !matches!(digits, 10 | 12 | 14) {
        return None;
    }
    let (time, rest) = text.split_at(digits);
    // LDAP's old UTC times have two digits of the year: `2612010930Z`.
    let is_a_year = |year: u16| (1900..2100).contains(&year) || year == 9999;
    if digits < 14 && !text[..4].parse().is_ok_and(is_a_year) {
        return None;
    }
    let rest = match rest.strip_prefix(['.', ',']) {
        // Without seconds, it is a fraction of the minute or of the hour.
        Some(_) if digits < 14 => return None,
        Some(rest) => rest.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let offset = match rest {
        "Z" => "+0000".to_owned(),
        _ if rest.starts_with(['+', '-']) && rest.len() == 3 => format!("{rest}00"),
        _ if rest.starts_with(['+', '-']) && rest.len() == 5 => rest.to_owned(),
        _ => return None,
    };
    let padded = format!("{time:0<14}{offset}");
    let time = Timestamp::strptime("%Y%m%d%H%M%S%z", padded).ok()?;
    Some(Day::On(time.to_zoned(zone.clone()).date()))
}

/// A file time of Windows: steps of 100 nanoseconds since 1601, as in `accountExpires`.
fn windows(text: &str, zone: &TimeZone) -> Option<Day> {
    if text == "0" {
        return Some(Day::Never);
    }
    let number: i64 = text.parse().ok()?;
    match number {
        WINDOWS_NEVER => Some(Day::Never),
        // From 1917 on; fewer digits are something else.
        100_000_000_000_000_000.. => {
            let time = Timestamp::from_second(number / 10_000_000 - WINDOWS_EPOCH).ok()?;
            Some(Day::On(time.to_zoned(zone.clone()).date()))
        }
        _ => None,
    }
}

fn wrong(problem: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn read(value: impl Into<Value>, format: Option<&str>) -> Result<String, String> {
        let zone = TimeZone::get("Europe/Oslo").unwrap();
        day(&value.into(), format, &zone).map(|day| Value::from_object(day).to_string())
    }

    #[test]
    fn dates_are_read_as_lists_and_directories_write_them() {
        for (text, expected) in [
            ("2026-12-01", "2026-12-01"),
            (" 2026-12-01 ", "2026-12-01"),
            ("20261201", "2026-12-01"),
            ("2026-12-01T23:30:00", "2026-12-01"),
            ("2026-12-01 08:00:00", "2026-12-01"),
            ("2026-11-30T23:30:00Z", "2026-12-01"),
            ("2026-12-01T00:30:00+02:00", "2026-11-30"),
            ("20261130233000Z", "2026-12-01"),
            ("20261130233000.0Z", "2026-12-01"),
            ("20261130225959,999Z", "2026-11-30"),
            ("2026120100Z", "2026-12-01"),
            ("20261201003000+0200", "2026-11-30"),
            ("0", "never"),
            ("9223372036854775807", "never"),
            ("134405568000000000", "2026-12-01"),
        ] {
            assert_eq!(read(text, None).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(read(134_405_568_000_000_000_i64, None).as_deref(), Ok("2026-12-01"));
        assert_eq!(read(0, None).as_deref(), Ok("never"));
        assert_eq!(read(20_261_201, None).as_deref(), Ok("2026-12-01"));
        for (format, text) in
            [("%d.%m.%Y", "01.12.2026"), ("%d.%m.%Y", "1.12.2026"), ("%m/%d/%Y", "12/1/2026"), ("%d.%m.%y", "1.12.26")]
        {
            assert_eq!(read(text, Some(format)).as_deref(), Ok("2026-12-01"), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_no_day() {
        for text in
            ["", "soon", "01.12.2026", "2026-13-01", "2026-02-30", "12", "20261301", "00000000", "-1", "2026", "1e3"]
        {
            assert!(read(text, None).is_err(), "{text}");
        }
        for text in ["2612010900Z", "261201090000Z", "2712011200+0100"] {
            assert!(read(text, None).is_err(), "{text}: a year of two digits");
        }
        for text in ["2026113023.9Z", "2026113022,99+0000", "202611302259.9Z"] {
            assert!(read(text, None).is_err(), "{text}: a fraction of an hour or a minute");
        }
        assert!(read("01.12.2026", None).unwrap_err().contains("date('%d.%m.%Y')"));
        assert!(read("2026-12-01", Some("%d.%m.%Y")).unwrap_err().contains("of the form \"%d.%m.%Y\""));
        assert!(read("31.02.2026", Some("%d.%m.%Y")).is_err());
        assert!(read("31.12.27", Some("%d.%m.%Y")).unwrap_err().contains("`%Y` is a year of 4 digits"));
        assert!(read(3_112_027, Some("%d%m%Y")).is_err());
        assert!(read(true, None).is_err());
        assert!(read("", Some("%Y")).unwrap_err().contains("default(never, true)"));
    }

    #[test]
    fn today_is_that_of_the_time_zone() {
        let now: Timestamp = "2026-11-30T23:30:00Z".parse().unwrap();
        let on = |zone: &str| Calendar::at(now, &TimeZone::get(zone).unwrap()).today().to_string();
        assert_eq!((on("UTC"), on("Europe/Oslo")), ("2026-11-30".to_owned(), "2026-12-01".to_owned()));
    }
}
