//! Why a client cannot be made of the settings. No text in here holds the key.

/// Why a client cannot be made of the settings.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The key has characters that a header cannot hold.
    #[error("the key is empty, or holds white space or other characters that no key has: check how it was stored")]
    Key,
    /// No header can have this name.
    #[error("{0:?} is no possible name of a header")]
    HeaderName(String),
    /// The scheme has characters that a header cannot hold.
    #[error("the scheme that stands before the key holds characters that a header cannot")]
    HeaderScheme,
    /// The HTTP library could not be set up.
    #[error("cannot set up HTTPS: {0}")]
    Setup(String),
}
