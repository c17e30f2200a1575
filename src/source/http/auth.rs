//! How a source authenticates to a server. The secrets are read when the source is read, and never shown.

use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::carriage::Carriage;
use super::header::{basic_value, sensitive};
use super::oauth2::{OAuth2, TokenServer};
use crate::http::Redactor;
use crate::setting::section::Section;
use crate::setting::{ConfigError, Secret, SecretShape};
use crate::source::ReadError;

/// `[source.auth]`.
#[derive(Debug, Clone)]
pub(super) enum Auth {
    /// The server needs no credentials.
    None,
    /// RFC 6750: `Authorization: Bearer …`.
    Bearer(Secret),
    /// RFC 7617: a user and a password.
    Basic { user: User, password: Option<Secret> },
    /// Another header, or another scheme.
    Header { name: HeaderName, prefix: String, token: Secret },
    /// RFC 6749: a token that is fetched with client credentials.
    OAuth2(Box<OAuth2>),
}

/// The user of [`Auth::Basic`]: for some servers, the user is the key.
#[derive(Debug, Clone)]
pub(super) enum User {
    Plain(String),
    Secret(Secret),
}

/// The credentials for each request.
pub(super) enum Credentials {
    None,
    Fixed(HeaderName, HeaderValue),
    Fetched(Box<TokenServer>),
}

const TOKEN_KEYS: [&str; 3] = ["token_env", "token_file", "token_command"];

impl Auth {
    pub(super) fn from_section(source: &Section<'_>) -> Result<Self, ConfigError> {
        let label = format!("[source.auth] of {}", source.label());
        let section = source.section("auth", &label)?;
        if !source.has("auth") {
            return Ok(Self::None);
        }
        type Read = fn(&Section<'_>) -> Result<Auth, ConfigError>;
        type Kind<'k> = (&'k str, (&'k [&'k [&'k str]], Read));
        let kinds: [Kind<'_>; 4] = [
            ("bearer", (&[&TOKEN_KEYS], |section| token(section).map(Self::Bearer))),
            ("basic", (&[&User::KEYS, &["password_env", "password_file", "password_command"]], basic)),
            ("header", (&[&TOKEN_KEYS, &["header", "prefix"]], header)),
            ("oauth2", (&[OAuth2::KEYS], |section| Ok(Self::OAuth2(Box::new(OAuth2::from_section(section)?))))),
        ];
        let why = "which must be \"bearer\", \"basic\", \"header\" or \"oauth2\"";
        let (keys, read) = section.word("kind", &kinds)?.ok_or_else(|| section.missing("kind", why))?;
        read(&section.only(&[&["kind"], &keys.concat()[..]].concat())?)
    }

    /// Reads the secrets, and registers each with the redactor.
    pub(super) async fn open(&self, carriage: &Carriage) -> Result<Credentials, ReadError> {
        let redactor = carriage.redactor();
        Ok(match self {
            Self::None => Credentials::None,
            Self::Bearer(token) => fixed(AUTHORIZATION, "Bearer ", token, redactor).await?,
            Self::Header { name, prefix, token } => fixed(name.clone(), prefix, token, redactor).await?,
            Self::Basic { user, password } => {
                let user = user.read(redactor).await?;
                let password = match password {
                    None => SecretString::default(),
                    Some(password) => password.fetch().await?,
                };
                redactor.add(password.clone());
                let value = basic_value(user.expose_secret(), password.expose_secret(), redactor)?;
                Credentials::Fixed(AUTHORIZATION, value)
            }
            Self::OAuth2(settings) => Credentials::Fetched(Box::new(settings.open(carriage).await?)),
        })
    }
}

impl User {
    const KEYS: [&str; 4] = ["user", "user_env", "user_file", "user_command"];

    fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let secret = Secret::from_section(section, "user", "the user", SecretShape::Password)?;
        match (section.text("user")?, secret) {
            (Some(_), Some(_)) => Err(section.problem("user", "stands beside another setting that holds the user")),
            (Some(user), None) if user.contains(':') => {
                Err(section.problem("user", "holds a colon, which ends the user in what is sent"))
            }
            (Some(user), None) => Ok(Self::Plain(user.to_owned())),
            (None, Some(secret)) => Ok(Self::Secret(secret)),
            (None, None) => {
                Err(section.missing("user", "the user; where that is the key, as with some servers, user_env"))
            }
        }
    }

    async fn read(&self, redactor: &Redactor) -> Result<SecretString, ReadError> {
        match self {
            Self::Plain(user) => Ok(user.as_str().into()),
            Self::Secret(secret) => {
                let user = secret.fetch().await?;
                redactor.add(user.clone());
                Ok(user)
            }
        }
    }
}

fn token(section: &Section<'_>) -> Result<Secret, ConfigError> {
    Secret::from_section(section, "token", "the token", SecretShape::Key)?.ok_or_else(|| {
        section.missing(
            "token_env",
            "the name of the environment variable with the token (or token_file, or token_command)",
        )
    })
}

fn basic(section: &Section<'_>) -> Result<Auth, ConfigError> {
    let password = Secret::from_section(section, "password", "the password", SecretShape::Password)?;
    Ok(Auth::Basic { user: User::from_section(section)?, password })
}

fn header(section: &Section<'_>) -> Result<Auth, ConfigError> {
    let name = section.required("header", "the name of the header that carries the token")?;
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| section.problem("header", "is not the name of an HTTP header"))?;
    let prefix = section.text_or_empty("prefix")?.unwrap_or_default().trim();
    if !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(section.problem("prefix", "must be one word, such as \"Token\""));
    }
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix} ") };
    Ok(Auth::Header { name, prefix, token: token(section)? })
}

async fn fixed(
    name: HeaderName,
    prefix: &str,
    token: &Secret,
    redactor: &Arc<Redactor>,
) -> Result<Credentials, ReadError> {
    let token = token.fetch().await?;
    redactor.add(token.clone());
    Ok(Credentials::Fixed(name, sensitive(&format!("{prefix}{}", token.expose_secret()))?))
}
