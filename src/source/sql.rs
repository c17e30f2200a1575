//! Databases: PostgreSQL, MySQL and MariaDB, SQLite. The records are the result of one query.
//!
//! A query runs alone, in a read-only transaction with a snapshot of one moment. The result counts only after the
//! database has said that it is complete. A read-only transaction prevents writes by the query; effects outside a
//! transaction must be prevented by the rights of the database user.

mod address;
mod array;
mod failure;
mod form;
mod mysql;
mod postgres;
mod row_reader;
mod sqlite;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Conditions, ReadError, Reading, Source, blocking};
use crate::files::{Links, read_regular_text};
use crate::quiet;
use crate::setting::ConfigError;
use crate::setting::section::Section;
use address::Address;
use row_reader::RowReader;

/// How long the first answer of a database may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest `query_file`, in bytes.
const MOST_QUERY: u64 = 4 * 1024 * 1024;
/// The completeness check of a result: the database has ended it, within one transaction.
const PROOF: &str = "transaction";

/// A query and its database.
#[derive(Debug)]
pub(super) struct SqlSource {
    address: Address,
    query: Query,
}

/// A query as the settings have it.
#[derive(Debug)]
struct Query {
    /// The text without white space and semicolon at its end.
    text: String,
    /// Its name for messages, such as `` `query` in [[source]] `hr` ``.
    setting: String,
}

impl SqlSource {
    pub(super) const KEYS: &[&str] = &[
        "url",
        "socket",
        "password_env",
        "password_file",
        "password_command",
        "tls",
        "ca_file",
        "plain_text",
        "row_security",
        "query",
        "query_file",
    ];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        Ok(Self { address: Address::from_section(section)?, query: Query::from_section(section)? })
    }

    async fn run(&self, conditions: &Conditions<'_>) -> Result<Reading, ReadError> {
        let reader = RowReader::new(&self.query.setting, conditions);
        let query = &self.query.text;
        let read = async {
            match &self.address {
                Address::Postgres(server, row_security) => postgres::read(server, *row_security, query, reader).await,
                Address::MySql(server) => mysql::read(server, query, reader).await,
                Address::Sqlite(path) => sqlite::read(path, query, reader).await,
            }
        };
        // The library panics on what breaks the protocol.
        let table = quiet::caught_in(read).await.unwrap_or_else(|_| Err(failure::no_protocol().into()))?;
        // A database may return its rows in any order; a plan must not depend on the order.
        let table = blocking(move || Ok(table.in_order_of_content()?)).await?;
        Ok(Reading { table, proof: Some(PROOF), modified: None })
    }
}

impl Source for SqlSource {
    fn kind(&self) -> &'static str {
        "sql"
    }

    fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { address, query: Query { text, setting: _ } } = self;
        let mut identity = BTreeMap::from([("database", address.kind().to_owned()), ("query", text.clone())]);
        if let Address::Postgres(_, row_security) = address {
            identity.insert("row_security", row_security.name().to_owned());
        }
        identity
    }

    fn read<'a>(&'a self, conditions: &'a Conditions<'a>) -> BoxFuture<'a, Result<Reading, ReadError>> {
        Box::pin(self.run(conditions))
    }
}

impl Query {
    /// The query. Even if it is in a file, it is part of the settings: a plan is bound to its text.
    fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let (key, text) = match (section.text("query")?, section.path("query_file")?) {
            (Some(text), None) => ("query", text.to_owned()),
            (None, Some(path)) => {
                let text = read_regular_text(&path, MOST_QUERY, Links::Follow).map_err(|error| {
                    section.problem("query_file", format!("cannot be read: {}: {error}", path.display()))
                })?;
                ("query_file", text)
            }
            (Some(_), Some(_)) => {
                return Err(
                    section.problem("query_file", "is set together with `query`; only one of them can be the query")
                );
            }
            (None, None) => {
                return Err(
                    section.missing("query", "such as \"SELECT * FROM people\", or `query_file`, a file with it")
                );
            }
        };
        let text = text.trim_start_matches('\u{feff}').trim().trim_end_matches([';', ' ', '\t', '\r', '\n']);
        if text.is_empty() {
            return Err(section.problem(key, "holds no query"));
        }
        if text.contains('\0') {
            return Err(section.problem(key, "holds a NUL character"));
        }
        Ok(Self { text: text.to_owned(), setting: format!("`{key}` in {}", section.label()) })
    }
}
