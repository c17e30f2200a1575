//! Dates of a form that the settings name, such as `%d.%m.%Y`.
//!
//! The library takes a year of fewer digits than its form has, and a sign: with `%Y`, `31.12.27` would be a day of the
//! year 27, long past. Here a year has exactly its digits.

use jiff::civil::Date;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

/// Reads a date. A time with an offset is converted to the time zone first.
pub(super) fn read(form: &str, text: &str, zone: &TimeZone) -> Result<Date, String> {
    let time = BrokenDownTime::parse(form, text).map_err(|error| error.to_string())?;
    years_are_whole(form, text)?;
    let has_zone = time.offset().is_some() || time.iana_time_zone().is_some();
    let date = if has_zone && time.hour().is_some() {
        time.to_zoned().map(|time| time.with_time_zone(zone.clone()).date())
    } else {
        time.to_date()
    };
    date.map_err(|error| error.to_string())
}

/// Refuses a text in which a year has more or fewer digits than its form.
fn years_are_whole(form: &str, text: &str) -> Result<(), String> {
    let length = |form: &str| match BrokenDownTime::parse_prefix(form, text) {
        Ok((_, length)) => Ok(length),
        Err(error) => Err(error.to_string()),
    };
    let mut place = 0;
    while let Some(start) = form[place..].find('%').map(|found| place + found) {
        let after = &form[start + 1..];
        // Between them are flags, a width, colons or a point.
        let Some(letter) = after.find(|c: char| c.is_ascii_alphabetic() || c == '%') else { break };
        let end = start + 1 + letter + 1;
        place = end;
        let digits = match &after[letter..=letter] {
            "Y" | "G" | "F" => 4,
            "y" | "g" | "C" | "D" => 2,
            _ => continue,
        };
        let read = text.get(length(&form[..start])?..length(&form[..end])?).unwrap_or_default().trim();
        let year = match &after[letter..=letter] {
            // 2026-12-01
            "F" => read.split_once('-').map_or(read, |(year, _)| year),
            // 12/01/26
            "D" => read.rsplit_once('/').map_or(read, |(_, year)| year),
            _ => read,
        };
        if year.len() != digits || !year.bytes().all(|byte| byte.is_ascii_digit()) {
            let directive = &form[start..end];
            return Err(format!("`{directive}` is a year of {digits} digits, and {year:?} is not one"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn day(form: &str, text: &str) -> Result<String, String> {
        read(form, text, &TimeZone::get("Europe/Oslo").unwrap()).map(|date| date.to_string())
    }

    #[test]
    fn a_year_has_exactly_its_digits() {
        for (form, text) in [
            ("%d.%m.%Y", "01.12.2026"),
            ("%d.%m.%Y", "1.12.2026"),
            ("%d.%m.%-Y", "1.12.2026"),
            ("%m/%d/%Y", "12/1/2026"),
            ("%d%m%Y", "01122026"),
            ("%Y%m%d", "20261201"),
            ("%F", "2026-12-01"),
            ("%F %H:%M", "2026-12-01 08:30"),
            ("%d.%m.%y", "1.12.26"),
            ("%D", "12/01/26"),
            ("%G-W%V-%u", "2026-W49-2"),
            ("100%% %d.%m.%Y", "100% 01.12.2026"),
            ("%d. %B %Y kl. %H", "1. December 2026 kl. 8"),
            ("%d.%m. %Y", "01.12.  2026"),
        ] {
            assert_eq!(day(form, text).as_deref(), Ok("2026-12-01"), "{form} {text}");
        }
        for (form, text) in [
            ("%d.%m.%Y", "31.12.27"),
            ("%d.%m.%Y", "31.12.202"),
            ("%d.%m.%Y", "31.12.0"),
            ("%d.%m.%Y", "31.12.-2027"),
            ("%d.%m.%Y", "31.12.+2027"),
            ("%d.%m.%10Y", "31.12.002027"),
            ("%d/%m/%Y", "31/12/27"),
            ("%Y-%m-%d", "27-12-31"),
            ("%-Y-%m-%d", "27-12-31"),
            ("%F", "27-12-31"),
            ("%F", "-027-12-31"),
            ("%d%m%Y", "3112027"),
            ("%d.%m.%y", "31.12.2"),
            ("%D", "12/31/2"),
            ("%G-W%V-%u", "26-W49-2"),
            ("%g-W%V-%u", "6-W49-2"),
        ] {
            let problem = day(form, text).expect_err(text);
            assert!(problem.contains("is a year of"), "{form} {text}: {problem}");
        }
        for (form, text) in [("%d.%m.%y", "31.12.2027"), ("%d.%m.%Y", "31.12.20277"), ("%d.%m", "31.12"), ("%", "%")] {
            assert!(day(form, text).is_err(), "{form} {text}");
        }
    }

    #[test]
    fn a_time_with_an_offset_is_converted() {
        for (form, text, expected) in [
            ("%Y-%m-%d %H:%M %z", "2026-12-01 23:30 -0500", "2026-12-02"),
            ("%Y-%m-%dT%H:%M:%S%:z", "2026-12-01T00:30:00+02:00", "2026-11-30"),
            // A day with an offset is that day.
            ("%Y-%m-%d%:z", "2026-12-01+05:00", "2026-12-01"),
        ] {
            assert_eq!(day(form, text).as_deref(), Ok(expected), "{text}");
        }
    }
}
