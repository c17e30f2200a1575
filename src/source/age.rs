//! `max_age`: how old a list may be. Last year's list is complete, but wrong.
//!
//! A time that is still to come says nothing about the age of a list: one such time, written by mistake, would make it
//! fresh for as long.

use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::preference::date_of;
use super::settings::MaxAge;
use super::{ReadError, Reading, no_such_column};

/// How far the clock of a file system or a server may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// The same for dates in a column: a local date or time counts as one in UTC.
const DATE_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Refuses a list that is older than it may be.
///
/// # Errors
/// If it is older, or if its age is not known.
pub(super) fn check(max_age: &MaxAge, source: &str, reading: &Reading, now: SystemTime) -> Result<(), ReadError> {
    let MaxAge { age, newest } = max_age;
    let (date, what, ahead) = match newest {
        Some(column) => {
            let (date, row) = newest_of(column, source, reading)?;
            (date, format!("the latest `{column}` (row {row}) is"), DATE_AHEAD)
        }
        None => (changed(reading)?, "it was last changed".to_owned(), AHEAD),
    };
    let now = Timestamp::try_from(now).map_err(|error| format!("the clock cannot be read: {error}"))?;
    let most = SignedDuration::try_from(*age).unwrap_or(SignedDuration::MAX);
    let old = now.duration_since(date);
    if -old > ahead {
        let advice = match newest {
            Some(_) => "correct the date, or let `newest` name a column without dates to come",
            None => "correct that time, or the clock of this machine",
        };
        return Err(format!("is of unknown age: {what} {date}, which is still to come; {advice}").into());
    }
    if old <= most {
        return Ok(());
    }
    let old = SignedDuration::from_hours(old.as_hours());
    let shown = date.to_string();
    Err(format!("is too old: {what} {shown}, {old:#} ago, and max_age is {most:#}; export it again").into())
}

/// When the file or the answer was changed.
fn changed(reading: &Reading) -> Result<Timestamp, ReadError> {
    let modified = reading.modified.and_then(|time| Timestamp::try_from(time).ok());
    modified.ok_or_else(|| {
        "its age is not known, but `max_age` limits it; set `newest` to the column with the time of the last change"
            .to_owned()
            .into()
    })
}

/// The latest date of a column, and its row.
fn newest_of(column: &str, source: &str, reading: &Reading) -> Result<(Timestamp, u64), ReadError> {
    let table = &reading.table;
    let place = match table.column(column) {
        Some(place) => place,
        None if !table.knows_its_columns() => {
            return Err("it is empty, so its age is not known".to_owned().into());
        }
        None => return Err(no_such_column(&format!("`newest` in [[source]] `{source}`"), source, column, table).into()),
    };
    let mut newest: Option<(DateTime, u64)> = None;
    for row in 0..table.len() {
        let text = table.cell(row, place).text;
        if text.is_empty() {
            continue;
        }
        let date = date_of(text).ok_or_else(|| {
            format!(
                "row {}: `{column}`, which `newest` names, is not a date such as 2026-11-28 or 2026-11-28T08:30:00Z",
                table.row_number(row)
            )
        })?;
        if newest.is_none_or(|(newest, _)| date > newest) {
            newest = Some((date, table.row_number(row)));
        }
    }
    let (newest, row) = newest.ok_or_else(|| format!("no record has a date in `{column}`, which `newest` names"))?;
    let zoned = newest.to_zoned(TimeZone::UTC).map_err(|error| format!("`{column}`: {error}"))?;
    Ok((zoned.timestamp(), row))
}
