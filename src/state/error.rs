//! Why the state cannot be used.

use std::io;
use std::path::PathBuf;

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file or folder of it could not be read or written.
    #[error("the state file {path} cannot be used: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// Another process keeps a file locked.
    #[error(
        "{path} is locked by another process; find out which one holds it, with `fuser` or `lsof`, or try again later"
    )]
    Locked {
        /// Which.
        path: PathBuf,
    },
    /// Other users could have written it, or read its key.
    #[error("{path} {problem}; whoever can do that could forge a journal: {advice}")]
    Exposed {
        /// Which file or folder.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
        /// What to do.
        advice: String,
    },
    /// The path exists and is not a regular file or folder.
    #[error("{path} {problem}; {advice}")]
    Misplaced {
        /// The path.
        path: PathBuf,
        /// What it is.
        problem: String,
        /// What to do.
        advice: String,
    },
    /// A file in it does not have the content that the program wrote.
    #[error("{path} is damaged: {problem}; {advice}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
        /// What to do.
        advice: &'static str,
    },
    /// The key in the environment is not valid.
    #[error("{0}")]
    Key(String),
    /// The object store does not answer well.
    #[error("the state cannot be used: {0}")]
    Store(io::Error),
}
