//! PostgreSQL.
//!
//! The query is prepared first: that tells its columns, and more than one statement is refused. Then it runs in text
//! mode, in which the server prints each value itself, exactly. In binary mode a library would have to know each type.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use secrecy::ExposeSecret as _;
use sqlx::postgres::{
    PgColumn, PgConnectOptions, PgConnection, PgDatabaseError, PgRow, PgSslMode, PgTypeInfo, PgTypeKind,
};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Either, Executor as _, Row as _};
use sqlx::{SqlSafeStr as _, Statement as _, TypeInfo as _, ValueRef as _};
use tokio::time::timeout;

use super::address::{RowSecurity, Server, Tls};
use super::form::Form;
use super::row_reader::{Column, RowReader, Value};
use super::{PATIENCE, failure};
use crate::source::ReadError;
use crate::source::table::Table;

pub(super) async fn read(
    server: &Server,
    row_security: RowSecurity,
    query: &str,
    mut reader: RowReader<'_>,
) -> Result<Table, ReadError> {
    server.warn_if_readable();
    let limit = reader.conditions.timeout;
    let mut connection = connect(server).await?;
    let failed = |error: sqlx::Error| format!("{}{}", failure::problem(&error), hint(&error));
    connection.execute(AssertSqlSafe(beginning(limit, row_security))).await.map_err(failed)?;
    let prepared = connection.prepare(AssertSqlSafe(query).into_sql_str()).await.map_err(failed)?;
    reader
        .no_parameters(prepared.parameters().map_or(0, |parameters| parameters.either(<[_]>::len, |number| number)))?;
    let columns = prepared.columns().iter();
    let column = |(name, kind): (&str, &PgTypeInfo)| (name.to_owned(), kind.name().to_lowercase(), form(kind));
    reader.columns(columns.map(|each| column((each.name(), each.type_info()))))?;
    let mut answers = connection.fetch_many(sqlx::raw_sql(AssertSqlSafe(query)));
    while let Some(answer) = answers.try_next().await.map_err(failed)? {
        match answer {
            Either::Right(row) => {
                if reader.is_at_start() {
                    reader.same_columns(row.columns().iter().map(PgColumn::name))?;
                }
                reader.row(|place, column| value(&row, place, column))?;
            }
            Either::Left(end) => reader.end(Some(end.rows_affected()))?,
        }
    }
    drop(answers);
    let table = reader.finish()?;
    // The result is complete. A connection pooler would keep the prepared statement for other clients.
    let _ = connection.clear_cached_statements().await;
    let _ = connection.execute("ROLLBACK").await;
    let _ = connection.close().await;
    Ok(table)
}

async fn connect(server: &Server) -> Result<PgConnection, ReadError> {
    let authorities = server.authorities()?;
    let password = server.password().await?;
    // Everything is set here, so that the environment variables of other PostgreSQL programs have no effect.
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(&server.host)
        .port(server.port)
        .username(&server.user)
        .password(password.as_ref().map_or("", |password| password.expose_secret()))
        .database(&server.database)
        .application_name("skovik-sync")
        .ssl_root_cert_from_pem(authorities)
        .ssl_mode(match server.tls {
            Tls::Verify { .. } => PgSslMode::VerifyFull,
            Tls::Off => PgSslMode::Disable,
        })
        .disable_statement_logging();
    if let Some(socket) = &server.socket {
        options = options.socket(socket);
    }
    let connected = timeout(PATIENCE, options.connect()).await;
    let connected = connected.map_err(|_| failure::no_answer(server, PATIENCE.as_secs()))?;
    Ok(connected.map_err(|error| failure::connecting(server, &error))?)
}

/// Begins a read-only transaction with a snapshot of one moment, and sets the expected output formats. The settings end
/// with the transaction, so the next user of a pooled connection is not affected.
fn beginning(limit: Duration, row_security: RowSecurity) -> String {
    // A database without a known encoding sends its texts unchanged, so that a message can name the column. The
    // server's time limit is a little longer than this program's; it ends a query that nobody waits for.
    let limit = i32::try_from(limit.as_millis().saturating_add(1_000)).unwrap_or(i32::MAX);
    // With `off`, a query fails if a policy would hide rows. A user who bypasses policies is not affected.
    let row_security = match row_security {
        RowSecurity::Error => "off",
        RowSecurity::Allowed => "on",
    };
    format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
         SET LOCAL statement_timeout = {limit}; SET LOCAL row_security = {row_security}; \
         SET LOCAL gin_fuzzy_search_limit = 0; \
         SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601'; \
         SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; \
         SELECT set_config('client_encoding', \
         CASE current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, true)"
    )
}

/// What to do about an error, if there is advice. The server's messages are translated, so errors are recognised by the
/// names of its functions.
fn hint(error: &sqlx::Error) -> &'static str {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    match error.and_then(PgDatabaseError::routine) {
        Some("check_enable_rls") => {
            "; the policies of that table hide rows from this user: read as a user to whom they do not apply (BYPASSRLS), \
             or set row_security = \"allowed\" if the rows that they show are the whole list"
        }
        _ => "",
    }
}

fn value<'r>(row: &'r PgRow, place: usize, column: &Column) -> Result<Value<'r>, String> {
    let value = row.try_get_raw(place).map_err(|error| failure::problem(&error))?;
    if value.is_null() {
        return Ok(None);
    }
    column.cell(value.as_bytes().map_err(|error| error.to_string())?).map(Some)
}

fn form(kind: &PgTypeInfo) -> Option<Form> {
    match kind.kind() {
        PgTypeKind::Enum(_) => return Some(Form::Text),
        PgTypeKind::Domain(base) => return form(base),
        PgTypeKind::Array(element) => return form(element).map(|form| Form::List(Box::new(form))),
        PgTypeKind::Simple => {}
        PgTypeKind::Pseudo if kind.name().eq_ignore_ascii_case("unknown") => {}
        PgTypeKind::Pseudo | PgTypeKind::Composite(_) | PgTypeKind::Range(_) => return None,
    }
    Some(match &*kind.name().to_ascii_uppercase() {
        "BOOL" => Form::Boolean,
        "INT2" | "INT4" | "INT8" | "OID" => Form::Integer,
        "FLOAT4" | "FLOAT8" => Form::Float,
        "TIMESTAMP" => Form::Timestamp,
        "TIMESTAMPTZ" => Form::TimestampUtc,
        "TIME" | "TIMETZ" => Form::Time,
        "JSON" | "JSONB" => Form::Json,
        "BYTEA" => Form::Hexadecimal,
        "TEXT" | "VARCHAR" | "CHAR" | "\"CHAR\"" | "NAME" | "CITEXT" | "UNKNOWN" | "XML" | "NUMERIC" | "DATE"
        | "INTERVAL" | "UUID" | "INET" | "CIDR" | "MACADDR" | "MACADDR8" | "BIT" | "VARBIT" => Form::Text,
        _ => return None,
    })
}
