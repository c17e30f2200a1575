//! MySQL and MariaDB.
//!
//! As with PostgreSQL, the query is prepared first: that tells its columns, and only a single statement can be
//! prepared. Then it runs in text mode, in which the server prints the values itself.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use secrecy::ExposeSecret as _;
use sqlx::error::DatabaseError;
use sqlx::mysql::{
    MySqlColumn, MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow, MySqlSslMode, MySqlTypeInfo,
};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Either, Executor as _, Row as _};
use sqlx::{MySql, SqlSafeStr as _, Statement as _, Type, TypeInfo as _};
use tokio::time::timeout;

use super::address::{Server, Tls};
use super::form::Form;
use super::row_reader::{Column, RowReader, Value};
use super::{PATIENCE, failure};
use crate::setting::shortened;
use crate::source::ReadError;
use crate::source::table::Table;

/// Resets settings of the server or the user that would silently cut a result or show an older one. `DEFAULT` would
/// mean the server's own value.
const WHOLE: &[&str] = &[
    "SET SESSION sql_select_limit = 18446744073709551615",
    "SET SESSION group_concat_max_len = 4294967295",
    // Keeps all warnings, because some are looked for at the end.
    "SET SESSION max_error_count = 65535",
];
/// The same for settings that only MariaDB has. Here, `DEFAULT` means the present time.
const WHOLE_IN_MARIADB: &[&str] =
    &["SET SESSION max_recursive_iterations = 4294967295", "SET SESSION system_versioning_asof = DEFAULT"];
/// The error number for an unknown setting.
const UNKNOWN_SETTING: u16 = 1193;
/// The numbers of warnings about a wrong result: `GROUP_CONCAT` was cut, a value was too long and is NULL, the query
/// was interrupted.
const CUT: [&[u8]; 3] = [b"1260", b"1301", b"1931"];

pub(super) async fn read(server: &Server, query: &str, mut reader: RowReader<'_>) -> Result<Table, ReadError> {
    server.warn_if_readable();
    let limit = reader.conditions.timeout;
    let mut connection = connect(server).await?;
    begin(&mut connection, limit).await.map_err(|error| failure::problem(&error))?;
    let failed = |error: sqlx::Error| failure::problem(&error);
    let prepared = connection.prepare(AssertSqlSafe(query).into_sql_str()).await.map_err(failed)?;
    reader
        .no_parameters(prepared.parameters().map_or(0, |parameters| parameters.either(<[_]>::len, |number| number)))?;
    reader.columns(prepared.columns().iter().map(column))?;
    let mut answers = connection.fetch_many(sqlx::raw_sql(AssertSqlSafe(query)));
    while let Some(answer) = answers.try_next().await.map_err(failed)? {
        match answer {
            Either::Right(row) => {
                // The server locks nothing between the two statements. The result has the types that count.
                if reader.is_at_start() {
                    reader.same_columns(row.columns().iter().map(MySqlColumn::name))?;
                    reader.columns(row.columns().iter().map(column))?;
                }
                reader.row(|place, column| value(&row, place, column))?;
            }
            Either::Left(_) => reader.end(None)?,
        }
    }
    drop(answers);
    refuse_cut(&mut connection).await?;
    let table = reader.finish()?;
    // The result is complete; errors of the connection no longer matter.
    let _ = connection.execute("ROLLBACK").await;
    let _ = connection.close().await;
    Ok(table)
}

async fn connect(server: &Server) -> Result<MySqlConnection, ReadError> {
    let authorities = server.authorities()?;
    let password = server.password().await?;
    let mut options = MySqlConnectOptions::new()
        .host(&server.host)
        .port(server.port)
        .username(&server.user)
        .database(&server.database)
        .charset("utf8mb4")
        // Keeps the server's own SQL mode, in which the query was written.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(Some("+00:00".to_owned()))
        .ssl_mode(match server.tls {
            Tls::Verify { .. } => MySqlSslMode::VerifyIdentity,
            Tls::Off => MySqlSslMode::Disabled,
        })
        .disable_statement_logging();
    if let Some(password) = &password {
        options = options.password(password.expose_secret());
    }
    if !authorities.is_empty() {
        options = options.ssl_ca_from_pem(authorities);
    }
    if let Some(socket) = &server.socket {
        options = options.socket(socket);
    }
    let connected = timeout(PATIENCE, options.connect()).await;
    let connected = connected.map_err(|_| failure::no_answer(server, PATIENCE.as_secs()))?;
    Ok(connected.map_err(|error| failure::connecting(server, &error))?)
}

/// Begins a read-only transaction with a snapshot of one moment.
async fn begin(connection: &mut MySqlConnection, limit: Duration) -> Result<(), sqlx::Error> {
    // Older servers do not know these two limits. They only end a query that this program has given up already.
    let seconds = limit.as_secs().saturating_add(1);
    for limit in [
        format!("SET SESSION max_statement_time = {seconds}"),
        format!("SET SESSION max_execution_time = {}", seconds.saturating_mul(1_000)),
    ] {
        if let Err(error) = connection.execute(AssertSqlSafe(limit)).await
            && error.as_database_error().is_none()
        {
            return Err(error);
        }
    }
    for setting in WHOLE {
        connection.execute(*setting).await?;
    }
    for setting in WHOLE_IN_MARIADB {
        match connection.execute(*setting).await {
            Err(sqlx::Error::Database(error)) if is_unknown_setting(&*error) => {}
            result => _ = result?,
        }
    }
    // If the query ends this transaction (only a procedure could), statements after it cannot write either.
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
    Ok(())
}

fn is_unknown_setting(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<MySqlDatabaseError>().is_some_and(|error| error.number() == UNKNOWN_SETTING)
}

/// Refuses a result that the server has cut. Only a warning tells that; the result itself ends as usual.
async fn refuse_cut(connection: &mut MySqlConnection) -> Result<(), String> {
    let failed = |error: sqlx::Error| failure::problem(&error);
    let warnings = connection.fetch_all(sqlx::raw_sql("SHOW WARNINGS")).await.map_err(failed)?;
    for warning in &warnings {
        let part = |place: usize| warning.try_get_unchecked::<&[u8], _>(place).map_err(failed);
        if CUT.contains(&part(1)?) {
            let said = shortened(&String::from_utf8_lossy(part(2)?));
            return Err(format!("the result is not complete; the database says: {said}"));
        }
    }
    let count = connection.fetch_one(sqlx::raw_sql("SHOW COUNT(*) WARNINGS")).await.map_err(failed)?;
    let count: &[u8] = count.try_get_unchecked(0).map_err(failed)?;
    let caused = std::str::from_utf8(count).ok().and_then(|count| count.parse::<usize>().ok());
    if caused.is_none_or(|caused| caused > warnings.len()) {
        return Err(format!(
            "the query causes {} warnings, of which the database keeps {}, and one of the others may say that the result is \
             not complete; correct what the query warns about",
            String::from_utf8_lossy(count),
            warnings.len()
        ));
    }
    Ok(())
}

fn column(column: &MySqlColumn) -> (String, String, Option<Form>) {
    let kind = column.type_info();
    (column.name().to_owned(), kind.name().to_lowercase(), form(kind))
}

fn value<'r>(row: &'r MySqlRow, place: usize, column: &Column) -> Result<Value<'r>, String> {
    let bytes: Option<&[u8]> = row.try_get_unchecked(place).map_err(|error| failure::problem(&error))?;
    bytes.map(|bytes| column.cell(bytes)).transpose()
}

fn form(kind: &MySqlTypeInfo) -> Option<Form> {
    // Only the collation distinguishes texts from bytes; the names of types do not.
    if <str as Type<MySql>>::compatible(kind) {
        return Some(Form::Text);
    }
    Some(match kind.name() {
        "BOOLEAN" => Form::Boolean,
        "BIT" => Form::Bits,
        "FLOAT" | "DOUBLE" => Form::Float,
        "DATETIME" => Form::Timestamp,
        "TIMESTAMP" => Form::TimestampUtc,
        "TIME" => Form::Time,
        "JSON" => Form::Json,
        "DECIMAL" | "DATE" | "ENUM" | "SET" | "NULL" => Form::Text,
        "YEAR" => Form::Integer,
        "CHAR" | "VARCHAR" | "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => Form::Bytes,
        name if name.contains("INT") => Form::Integer,
        _ => return None,
    })
}
