//! SQLite. The file is opened for reading only. In SQLite any value of a column may have any type, so each value is
//! read by its own type.
//!
//! A connection for reading only still touches the files beside the database: it deletes a log beside an empty file, and
//! leaves an empty log and its index beside one whose log was written back. Neither may happen here.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow, SqliteTypeInfo};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Either, Executor as _, Row as _};
use sqlx::{SqlSafeStr as _, Statement as _, TypeInfo as _, ValueRef as _};

use super::form::{Form, float_cell, hexadecimal};
use super::row_reader::{Column, RowReader, Value};
use super::{PATIENCE, failure, statement};
use crate::files::{FileState, Links, open_regular};
use crate::source::ReadError;
use crate::source::cell::CellKind;
use crate::source::table::Table;
use crate::text::shortened_line;

/// How many characters of what SQLite finds are shown.
const PROBLEM_SHOWN: usize = 100;
/// Where the header of a database says whether it has a write-ahead log, and what it says then ("Database File Format",
/// 1.3.3).
const READ_VERSION: usize = 19;
const WITH_LOG: u8 = 2;
/// How many rows may wait in the channel.
const WAITING: usize = 1_000;

pub(super) async fn read(path: &Path, query: &str, mut reader: RowReader<'_>) -> Result<Table, ReadError> {
    reader.one_statement(statement::is_several(query))?;
    let failed = |error: sqlx::Error| format!("{}: {}", path.display(), failure::problem(&error));
    // SQLite's own message does not say what is wrong with a file.
    let unreadable = |error: io::Error| format!("cannot read {}: {error}", path.display());
    let file = open_regular(path, Links::Follow).map_err(unreadable)?;
    let before = FileState::of(&file.metadata().map_err(unreadable)?);
    let is_at_rest = is_at_rest(path, &file).map_err(unreadable)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(is_at_rest)
        .create_if_missing(false)
        .pragma("query_only", "ON")
        .busy_timeout(PATIENCE.min(reader.conditions.timeout))
        .row_buffer_size(WAITING)
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(failed)?;
    connection.execute("BEGIN").await.map_err(failed)?;
    // From the first read on, nobody else changes the length of the file.
    connection.execute("PRAGMA page_count").await.map_err(failed)?;
    let page_size = connection.fetch_one("PRAGMA page_size").await.map_err(failed)?;
    whole_pages(path, page_size.try_get(0).map_err(failed)?)?;
    // Rows that a damaged page has lost are no error of a query.
    let sound = connection.fetch_one("PRAGMA quick_check(1)").await.map_err(failed)?;
    let sound: String = sound.try_get(0).map_err(failed)?;
    if sound != "ok" {
        let problem = shortened_line(&sound, PROBLEM_SHOWN);
        return Err(format!("{} is damaged ({problem}); copy it again, whole", path.display()).into());
    }
    let encoding = connection.fetch_one("PRAGMA encoding").await.map_err(failed)?;
    let encoding: String = encoding.try_get(0).map_err(failed)?;
    if encoding != "UTF-8" {
        return Err(format!("{} keeps its texts in {encoding}, and only UTF-8 is read", path.display()).into());
    }
    let prepared = connection.prepare(AssertSqlSafe(query).into_sql_str()).await.map_err(failed)?;
    reader
        .no_parameters(prepared.parameters().map_or(0, |parameters| parameters.either(<[_]>::len, |number| number)))?;
    let columns = prepared.columns().iter();
    let column =
        |(name, kind): (&str, &SqliteTypeInfo)| (name.to_owned(), kind.name().to_lowercase(), Some(form(kind)));
    reader.columns(columns.map(|each| column((each.name(), each.type_info()))))?;
    let mut answers = connection.fetch_many(sqlx::raw_sql(AssertSqlSafe(query)));
    while let Some(answer) = answers.try_next().await.map_err(failed)? {
        match answer {
            Either::Right(row) => reader.row(|place, column| value(&row, place, column))?,
            Either::Left(_) => reader.end(None)?,
        }
    }
    drop(answers);
    let table = reader.finish()?;
    // The result is complete; errors of the connection no longer matter.
    let _ = connection.execute("ROLLBACK").await;
    let _ = connection.close().await;
    // Nothing locked it.
    if is_at_rest && FileState::of(&fs::metadata(path).map_err(unreadable)?) != before {
        return Err(format!("{} was changed while it was read; try again", path.display()).into());
    }
    Ok(table)
}

/// Whether a database has a write-ahead log that is not there, because nobody has the database open: SQLite would make a
/// new one. Refuses an empty file, beside which SQLite deletes any log.
fn is_at_rest(path: &Path, file: &File) -> io::Result<bool> {
    let mut header = Vec::new();
    file.take(READ_VERSION as u64 + 1).read_to_end(&mut header)?;
    if header.is_empty() {
        return Err(io::Error::other("it is empty, and no database; copy it again, whole"));
    }
    // SQLite keeps the log beside the file itself, not beside a link to it.
    let mut log = fs::canonicalize(path)?.into_os_string();
    log.push("-wal");
    Ok(header.get(READ_VERSION) == Some(&WITH_LOG) && !fs::exists(log)?)
}

/// Refuses a file that does not end where a page does. SQLite reads a last page that was cut as if it went on with zeros, and
/// so with fewer rows. Whole pages that are missing it notices itself.
fn whole_pages(path: &Path, page_size: i64) -> Result<(), String> {
    let length = fs::metadata(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?.len();
    if u64::try_from(page_size).is_ok_and(|page_size| page_size > 0 && length.is_multiple_of(page_size)) {
        return Ok(());
    }
    Err(format!(
        "{} was cut: it has {length} bytes, and its pages have {page_size} each; copy it again, whole",
        path.display()
    ))
}

fn value<'r>(row: &'r SqliteRow, place: usize, column: &Column) -> Result<Value<'r>, String> {
    let failed = |error: sqlx::Error| failure::problem(&error);
    let kind = {
        let value = row.try_get_raw(place).map_err(failed)?;
        if value.is_null() {
            return Ok(None);
        }
        value.type_info().name().to_owned()
    };
    Ok(Some(match &*kind {
        "INTEGER" => {
            let number: i64 = row.try_get_unchecked(place).map_err(failed)?;
            match (&column.form, number) {
                (Form::Boolean, 0) => (CellKind::Boolean, "false".into()),
                (Form::Boolean, 1) => (CellKind::Boolean, "true".into()),
                _ => (CellKind::Integer, number.to_string().into()),
            }
        }
        "REAL" => float_cell(row.try_get_unchecked(place).map_err(failed)?),
        "BLOB" => (CellKind::Text, hexadecimal(row.try_get_unchecked(place).map_err(failed)?).into()),
        _ => {
            let bytes: &[u8] = row.try_get_unchecked(place).map_err(failed)?;
            return Form::Text.cell(bytes).map(Some);
        }
    }))
}

/// The declared type matters only for booleans, which SQLite keeps as numbers.
fn form(kind: &SqliteTypeInfo) -> Form {
    if kind.name() == "BOOLEAN" { Form::Boolean } else { Form::Text }
}
