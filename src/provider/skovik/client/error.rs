//! Why a client cannot be made of the settings. No text in here holds the key.

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
