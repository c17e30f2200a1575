//! Messages for errors of databases and connections. They say what to do, and contain no secret.

use std::io;

use sqlx::error::DatabaseError;

use super::address::{Server, Tls};
use crate::http::{Trust, tls_error, tls_words};
use crate::setting::shortened;

/// An error while connecting to a server.
pub(super) fn connecting(server: &Server, error: &sqlx::Error) -> String {
    let name = server.name();
    match error {
        sqlx::Error::Database(error) if is_refusal(&**error) => {
            format!("{name} refuses the user {:?}: {}", server.user, said(&**error))
        }
        // The server wants the password in a way that the library supports only with a part that is not built in.
        sqlx::Error::Configuration(_) => {
            format!("{name} takes the password of {:?} over TLS only; set tls = \"verify\" and ca_file", server.user)
        }
        sqlx::Error::Io(error) => {
            let has_ca_file = matches!(&server.tls, Tls::Verify { ca_file: Some(_) });
            format!("cannot connect to {name}: {}", connection(error, Trust::CaFile(has_ca_file)))
        }
        error => format!("cannot connect to {name}: {}", problem(error)),
    }
}

/// An error of a query or its transaction.
pub(super) fn problem(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => format!("the database says: {}", said(&**error)),
        sqlx::Error::Io(error) => connection(error, Trust::CaFile(false)),
        sqlx::Error::Tls(error) => format!("TLS fails: {}", shortened(&error.to_string())),
        // Its thread for SQLite panicked.
        sqlx::Error::WorkerCrashed => {
            "the file cannot be read; one of the names or types of its columns may not be UTF-8, \
             or the file is damaged"
                .to_owned()
        }
        error => shortened(&error.to_string()),
    }
}

/// The error of a library that gave up.
pub(super) fn no_protocol() -> String {
    "what comes from the database is not as its protocol says; check that `url` leads to the database itself (-vv says where \
     the reader gave up)"
        .to_owned()
}

/// An error of a server that does not answer.
pub(super) fn no_answer(server: &Server, seconds: u64) -> String {
    format!("cannot connect to {}: no answer within {seconds} seconds", server.name())
}

fn said(error: &dyn DatabaseError) -> String {
    let message = shortened(error.message());
    match error.code() {
        Some(code) => format!("{message} ({code})"),
        None => message,
    }
}

/// Whether a database refused the login.
fn is_refusal(error: &dyn DatabaseError) -> bool {
    // The classes of SQLSTATE for invalid authorization; MySQL and MariaDB use them too.
    error.code().is_some_and(|code| code.starts_with("28") || code == "42501")
}

fn connection(error: &io::Error, trust: Trust) -> String {
    match tls_error(error) {
        Some(error @ rustls::Error::InvalidCertificate(_)) => {
            format!("the server's certificate is not trusted: {}", tls_words(error, trust))
        }
        Some(error) => tls_words(error, trust),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "the connection ended before the result did".to_owned(),
        None => shortened(&error.to_string()),
    }
}
