//! A request, read whole, and whether its key lets it in.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Method;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName};
use hyper::http::request::Parts;
use secrecy::{ExposeSecret as _, SecretString};

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) parts: Parts,
    pub(super) body: Vec<u8>,
}

/// The keys that let a request in.
#[derive(Debug)]
pub(super) struct Keys {
    /// Without one, any key will do.
    pub(super) key: Option<SecretString>,
    /// May read only.
    pub(super) read_key: Option<SecretString>,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// No key, or a wrong one.
    Unauthorized,
    /// A key that may only read.
    Forbidden,
}

impl Denied {
    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::Unauthorized => "send a valid key as Authorization: Bearer KEY",
            Self::Forbidden => "this key may read but not write",
        }
    }
}

impl Call {
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    pub(super) fn is(&self, method: &Method) -> bool {
        self.parts.method == *method
    }

    pub(super) fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// The address of a path as the client names this server.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.header(&HOST).unwrap_or("127.0.0.1"))
    }

    /// Whether the client takes one of these media types. Without an `Accept`, it takes everything.
    pub(super) fn accepts(&self, known: &[&str]) -> bool {
        let Some(accept) = self.header(&ACCEPT) else { return true };
        accept.split(',').map(media_type).any(|accepted| {
            ["application/*", "*/*"].iter().chain(known).any(|known| accepted.eq_ignore_ascii_case(known))
        })
    }

    /// Whether the body is said to be of one of these media types.
    pub(super) fn brings(&self, known: &[&str]) -> bool {
        let kind = self.header(&CONTENT_TYPE).map(media_type).unwrap_or_default();
        known.iter().any(|known| kind.eq_ignore_ascii_case(known))
    }
}

impl Keys {
    /// `reads` says whether the request changes nothing.
    pub(super) fn check(&self, call: &Call, reads: bool) -> Result<(), Denied> {
        let key = call.header(&AUTHORIZATION).and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(key.trim()).filter(|key| !key.is_empty())
        });
        let is = |wanted: &Option<SecretString>| {
            key.zip(wanted.as_ref()).is_some_and(|(key, wanted)| key == wanted.expose_secret())
        };
        if is(&self.read_key) {
            return if reads { Ok(()) } else { Err(Denied::Forbidden) };
        }
        if is(&self.key) || (key.is_some() && self.key.is_none()) { Ok(()) } else { Err(Denied::Unauthorized) }
    }
}

/// The part of a media type before its parameters.
fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// Locks a mutex. A panic in another request does not matter: it left the value as it was before or after.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
