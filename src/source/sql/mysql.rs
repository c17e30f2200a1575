//! MySQL and MariaDB.
//!
//! As with PostgreSQL, the query is prepared first, for its columns and because only one statement can be, and then run
//! so that the server prints the values itself.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use secrecy::ExposeSecret as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode, MySqlTypeInfo};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Either, Executor as _, Row as _};
use sqlx::{MySql, SqlSafeStr as _, Statement as _, Type, TypeInfo as _};
use tokio::time::timeout;

use super::address::{Server, Tls};
use super::filling::{Column, Filling, Value};
use super::form::Form;
use super::{PATIENCE, failure};
use crate::source::ReadError;
use crate::source::table::Table;

pub(super) async fn read(server: &Server, query: &str, mut filling: Filling<'_>) -> Result<Table, ReadError> {
    server.warn_if_readable();
    let limit = filling.conditions.timeout;
    let mut connection = connect(server, limit).await?;
    begin(&mut connection, limit).await.map_err(|error| failure::problem(&error))?;
    let failed = |error: sqlx::Error| failure::problem(&error);
    let prepared = connection.prepare(AssertSqlSafe(query).into_sql_str()).await.map_err(failed)?;
    filling
        .no_parameters(prepared.parameters().map_or(0, |parameters| parameters.either(<[_]>::len, |number| number)))?;
    let columns = prepared.columns().iter();
    let column = |(name, kind): (&str, &MySqlTypeInfo)| (name.to_owned(), kind.name().to_lowercase(), form(kind));
    filling.columns(columns.map(|each| column((each.name(), each.type_info()))))?;
    let mut answers = connection.fetch_many(sqlx::raw_sql(AssertSqlSafe(query)));
    while let Some(answer) = answers.try_next().await.map_err(failed)? {
        match answer {
            Either::Right(row) => filling.row(|place, column| value(&row, place, column))?,
            Either::Left(_) => filling.end(None)?,
        }
    }
    drop(answers);
    let table = filling.finish()?;
    // All is there, whatever becomes of the connection.
    let _ = connection.execute("ROLLBACK").await;
    let _ = connection.close().await;
    Ok(table)
}

async fn connect(server: &Server, limit: Duration) -> Result<MySqlConnection, ReadError> {
    let authorities = server.authorities()?;
    let password = server.password().await?;
    let mut options = MySqlConnectOptions::new()
        .host(&server.host)
        .port(server.port)
        .username(&server.user)
        .database(&server.database)
        .charset("utf8mb4")
        // The query means what it means in the server's own mode.
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
    let patience = PATIENCE.min(limit);
    let connected = timeout(patience, options.connect()).await;
    let connected = connected.map_err(|_| failure::no_answer(server, patience.as_secs()))?;
    Ok(connected.map_err(|error| failure::connecting(server, &error))?)
}

/// Begins a transaction of one moment that cannot write.
async fn begin(connection: &mut MySqlConnection, limit: Duration) -> Result<(), sqlx::Error> {
    // Older servers know neither of the two limits, which matter only where the program has given up before.
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
    // Should the query end this transaction, as only a procedure could, what follows it cannot write either.
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
    Ok(())
}

fn value<'r>(row: &'r MySqlRow, place: usize, column: &Column) -> Result<Value<'r>, String> {
    let bytes: Option<&[u8]> = row.try_get_unchecked(place).map_err(|error| failure::problem(&error))?;
    bytes.map(|bytes| column.form.cell(bytes)).transpose()
}

fn form(kind: &MySqlTypeInfo) -> Option<Form> {
    // Only the collation tells texts from bytes; the names of types do not.
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
