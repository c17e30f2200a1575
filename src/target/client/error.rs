//! What can go wrong between this program and Skovik, as far as callers must tell it apart. No text in here holds the
//! key or a control character.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::target::wire::{Collection, ErrorObject};

/// Why a client cannot be made of the settings.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The key would travel in the open.
    #[error(
        "plain http would show the key to everybody between here and {host}: use https (plain http is for this machine only)"
    )]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// Credentials stand in the URL.
    #[error("the url holds a user name or password: take them out, the key has settings of its own")]
    PasswordInUrl,
    /// The URL is more than a base.
    #[error("the url holds a query or fragment: give the base URL alone, such as https://api.skovik.com/v1")]
    QueryInUrl,
    /// Neither http nor https.
    #[error("the url must begin with https://")]
    Scheme,
    /// The key cannot stand in a header.
    #[error("the key is empty, or holds white space or other characters that no key has: check how it was stored")]
    Key,
    /// No header can have this name.
    #[error("{0:?} is no possible name of a header")]
    HeaderName(String),
    /// The scheme cannot stand in a header.
    #[error("the scheme that stands before the key holds characters that a header cannot")]
    HeaderScheme,
    /// The HTTP library could not be set up.
    #[error("cannot set up HTTPS: {0}")]
    Setup(String),
}

/// What is known of a request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server refuses the key (401, 403). Stop the whole run.
    #[error("skovik refuses the key ({status}): {said}; check that it is valid and may do this")]
    Credentials {
        /// 401 or 403.
        status: u16,
        /// The server's words.
        said: String,
    },
    /// The server refuses the request, and nothing was done.
    #[error(transparent)]
    Refused(Refusal),
    /// Surely nothing was done: no connection, or the server turned the request away (429) every time.
    #[error("skovik did not take the request: {problem}")]
    NotSent {
        /// What was in the way.
        problem: String,
        /// How long to wait before another attempt, if that may help.
        again: Option<Duration>,
    },
    /// No usable answer came. A write may have been done or not; nothing was repeated that may not be.
    #[error("no usable answer from skovik: {problem}")]
    Unclear {
        /// What happened.
        problem: String,
        /// How long to wait before another attempt, if that may help.
        again: Option<Duration>,
    },
    /// The run was ended while the request waited for its turn.
    #[error("the run was stopped while the request waited")]
    Stopped {
        /// Whether an earlier attempt of the same write may have got through.
        unclear: bool,
    },
}

/// What is known of a write that did not succeed: the same.
pub type WriteError = ApiError;

/// A refusal that the server gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Its errors, as far as it gave them in the known form; shortened.
    pub errors: Vec<ErrorObject>,
    /// Whether it means that an e-mail or identifier is in use already.
    pub taken: bool,
    /// The body, cleaned and shortened, where it was something else.
    pub said: String,
}

/// Why a list cannot be used. Each of these means exit code 4: no plan, nothing written.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It is not proven to be whole.
    #[error("the list of {collection} is incomplete: page {page}: {problem}")]
    Incomplete {
        /// Which list.
        collection: Collection,
        /// The page, from 1.
        page: u64,
        /// What is wrong, with figures.
        problem: String,
    },
    /// The server refuses the key.
    #[error("the list of {collection} cannot be read: {error}")]
    Credentials {
        /// Which list.
        collection: Collection,
        /// Always [`ApiError::Credentials`].
        error: ApiError,
    },
    /// What was read could not be written down.
    #[error(transparent)]
    Output(#[from] io::Error),
}

impl ApiError {
    /// An answer that says nothing usable, and will not next time either.
    pub(super) fn unclear(problem: String) -> Self {
        Self::Unclear { problem, again: None }
    }

    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(Refusal { status: 404, .. }))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, errors, taken: _, said } = self;
        write!(f, "skovik refused it ({status})")?;
        if errors.is_empty() && !said.is_empty() {
            write!(f, ": {said}")?;
        }
        for (index, ErrorObject { code, title, detail, pointer }) in errors.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            let words: Vec<&str> = [title, detail].into_iter().flatten().map(String::as_str).collect();
            match (words.is_empty(), code) {
                (true, Some(code)) => f.write_str(code)?,
                (true, None) => f.write_str("no reason given")?,
                (false, _) => f.write_str(&words.join(": "))?,
            }
            if let Some(pointer) = pointer {
                write!(f, " ({pointer})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
