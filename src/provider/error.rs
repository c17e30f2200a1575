//! What can go wrong between this program and the service, by the cases that callers handle differently. No text in
//! here contains the key or a control character.

use std::fmt;
use std::io;
use std::time::Duration;

use super::Collection;

/// What is known about a request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server refuses the key (401, 403). Stop the whole run.
    #[error("the server refuses the key ({status}): {said}; check that it is valid and may do this")]
    Credentials {
        /// 401 or 403.
        status: u16,
        /// The server's words.
        said: String,
    },
    /// The server refuses the request, and nothing was done.
    #[error(transparent)]
    Refused(Refusal),
    /// The server refuses a change because somebody else has changed the user since it was read. Nothing was done.
    #[error("the server refuses the change, because the user has changed since it was read: {said}")]
    Overtaken {
        /// The server's words.
        said: String,
    },
    /// Surely nothing was done: no connection, or the server turned the request away (429) every time.
    #[error("the server did not take the request: {problem}")]
    NotSent {
        /// Why.
        problem: String,
        /// How long to wait before another attempt, if that may help.
        again: Option<Duration>,
    },
    /// Nothing was sent: its turn came when the read that it is based on was old.
    #[error("nothing was sent: {problem}")]
    Late {
        /// Why.
        problem: String,
        /// How long to wait before another attempt, if that may help.
        again: Option<Duration>,
    },
    /// No usable answer came. A write may or may not have been carried out, and was not repeated.
    #[error("no usable answer from the server: {problem}")]
    Unclear {
        /// What happened.
        problem: String,
        /// How long to wait before another attempt, if that may help.
        again: Option<Duration>,
    },
    /// The server answers that a change is done, and the user could not be read after it: it may have been carried out.
    #[error("the server answers that the change is done, but then: {0}")]
    Unseen(Box<Self>),
    /// The run was ended while the request waited for its turn.
    #[error("the run was stopped while the request waited")]
    Stopped {
        /// Whether an earlier attempt of the same write may have been carried out.
        unclear: bool,
    },
}

/// A refusal that the server gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Its errors, if it gave them in the known form; shortened.
    pub errors: Vec<ErrorObject>,
    /// Whether it means that an e-mail or identifier is in use already.
    pub taken: bool,
    /// Otherwise the body, cleaned and shortened.
    pub said: String,
}

/// Why a list cannot be used. Each of these means exit code 4: no plan, nothing written.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It is not proven to be complete.
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
    /// The account was read, but lacks something that the settings name.
    #[error("the account does not fit the settings: {0}")]
    Unsuited(String),
    /// The rows could not be written to the output.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Why a row of a list is rejected. Either case ends the list.
#[derive(Debug)]
pub enum RowError {
    /// It is not a valid row.
    Bad(String),
    /// It could not be written to the output.
    Output(io::Error),
}

impl RowError {
    /// The error of the whole list.
    #[must_use]
    pub fn in_list(self, collection: Collection, page: u64) -> ListError {
        match self {
            Self::Bad(problem) => ListError::Incomplete { collection, page, problem },
            Self::Output(error) => ListError::Output(error),
        }
    }
}

impl ApiError {
    /// An answer that is not usable, and will not be next time either.
    pub(crate) fn unclear(problem: String) -> Self {
        Self::Unclear { problem, again: None }
    }

    /// Whether the server refuses the key, so that the whole run must stop.
    pub(crate) fn refuses_the_key(&self) -> bool {
        match self {
            Self::Credentials { .. } => true,
            Self::Unseen(error) => error.refuses_the_key(),
            _ => false,
        }
    }

    /// Whether the server says that nothing is there: not found (404) or gone (410).
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(Refusal { status: 404 | 410, .. }))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, errors, taken: _, said } = self;
        write!(f, "the server refused it ({status})")?;
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

/// One error of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorObject {
    /// For machines.
    pub code: Option<String>,
    /// What kind of error it is.
    pub title: Option<String>,
    /// What is wrong this time.
    pub detail: Option<String>,
    /// Where in the request, such as `/data/attributes/primary_email`.
    pub pointer: Option<String>,
}

impl ErrorObject {
    /// Replaces every text by the result of `text`.
    #[must_use]
    pub(super) fn map(self, text: impl Fn(String) -> String) -> Self {
        let Self { code, title, detail, pointer } = self;
        Self { code: code.map(&text), title: title.map(&text), detail: detail.map(&text), pointer: pointer.map(&text) }
    }
}
