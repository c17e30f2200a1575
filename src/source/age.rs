//! `max_age`: how old a list may be. Last year's list is complete, but wrong.

use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::preference::date_of;
use super::settings::MaxAge;
use super::{ReadError, Reading, no_such_column};

/// How far ahead a date may be and still be of now: clocks and time zones differ.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Refuses a list that is older than it may be.
///
/// # Errors
/// If it is older, or if its age is not known.
pub(super) fn check(max_age: &MaxAge, source: &str, reading: &Reading, now: SystemTime) -> Result<(), ReadError> {
    let MaxAge { age, newest } = max_age;
    let now = Timestamp::try_from(now).map_err(|error| format!("the clock cannot be read: {error}"))?;
    let latest = now.saturating_add(AHEAD).map_err(|error| error.to_string())?;
    let (date, what) = match newest {
        Some(column) => (newest_of(column, source, reading, latest)?, format!("the latest `{column}` is")),
        None => (changed(reading)?, "it was last changed".to_owned()),
    };
    if date > latest {
        return Err(format!("its age is not known: {what} {date}, which is in the future; is the clock right?").into());
    }
    let most = SignedDuration::try_from(*age).unwrap_or(SignedDuration::MAX);
    let old = now.duration_since(date);
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

/// The latest date of a column. A later one than `latest` says nothing of when the list was made, such as a day on which
/// something is to change.
fn newest_of(column: &str, source: &str, reading: &Reading, latest: Timestamp) -> Result<Timestamp, ReadError> {
    let table = &reading.table;
    let place = match table.column(column) {
        Some(place) => place,
        None if !table.knows_its_columns() => {
            return Err("it is empty, so its age is not known".to_owned().into());
        }
        None => return Err(no_such_column(&format!("`newest` in [[source]] `{source}`"), source, column, table).into()),
    };
    let latest = latest.to_zoned(TimeZone::UTC).datetime();
    let mut newest: Option<DateTime> = None;
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
        newest = newest.max(Some(date).filter(|date| *date <= latest));
    }
    let newest = newest.ok_or_else(|| {
        format!("no record has a date in `{column}`, which `newest` names, that is not in the future")
    })?;
    let zoned = newest.to_zoned(TimeZone::UTC).map_err(|error| format!("`{column}`: {error}"))?;
    Ok(zoned.timestamp())
}
