//! Users exactly as a service sent them, so that nothing is lost when they are written back.

use std::borrow::Cow;
use std::fmt;
use std::hash::Hash;
use std::time::Instant;

use rustc_hash::FxHashSet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::employee::{BranchId, Roles, User, UserId};

/// A user exactly as the service sent it, except for white space between the tokens. Its JSON is one line.
#[derive(Clone)]
pub struct StoredUser {
    id: UserId,
    raw: Box<RawValue>,
}

/// A user as the service holds it now: the parsed fields, and the JSON to write back.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveUser {
    /// The fields that this tool compares.
    pub user: User,
    /// The complete JSON.
    pub stored: StoredUser,
}

/// A request that writes: its body, and the version of the user that it requires, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    json: String,
    is_partial: bool,
    version: Option<Box<str>>,
    is_rest: bool,
    read_at: Option<Instant>,
}

/// Lets users share the ids of their branches and their roles, so that a million of them do not hold a million copies.
#[derive(Debug, Default)]
pub struct ShareRepeated {
    branches: FxHashSet<BranchId>,
    roles: FxHashSet<Roles>,
}

/// The longest id that is accepted, in bytes; Skovik's look like 24 hexadecimal digits.
const LONGEST_ID: usize = 256;

/// Whether a text can be an id in a path: `.` would address the list, `..` its parent.
pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST_ID && id != "." && id != ".." && !id.chars().any(char::is_control)
}

impl StoredUser {
    /// Takes a row as it came.
    ///
    /// # Errors
    /// If it has no id.
    pub fn new(raw: &RawValue) -> Result<Self, String> {
        Self::of(raw.to_owned())
    }

    fn of(raw: Box<RawValue>) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            id: UserId,
        }
        let Head { id } = serde_json::from_str(raw.get()).map_err(|error| format!("a user has no id: {error}"))?;
        if id.as_str().is_empty() {
            return Err("a user has no id".to_owned());
        }
        let compact = match compact(raw.get()) {
            Cow::Borrowed(_) => None,
            Cow::Owned(compact) => Some(RawValue::from_string(compact).map_err(|error| error.to_string())?),
        };
        Ok(Self { id, raw: compact.unwrap_or(raw) })
    }

    /// The service's own id.
    #[must_use]
    pub fn id(&self) -> &UserId {
        &self.id
    }

    /// The JSON, in one line.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        &self.raw
    }
}

impl LiveUser {
    /// The service's own id.
    #[must_use]
    pub fn id(&self) -> &UserId {
        &self.stored.id
    }
}

impl Request {
    /// A JSON body with the complete user.
    #[must_use]
    pub fn new(json: String) -> Self {
        Self { json, is_partial: false, version: None, is_rest: false, read_at: None }
    }

    /// A JSON body with only the changes; the service leaves the rest as it is.
    #[must_use]
    pub fn partial(json: String) -> Self {
        Self { is_partial: true, ..Self::new(json) }
    }

    /// The same request, which the service refuses if the user has another version by now.
    #[must_use]
    pub fn only_over(self, version: Option<Box<str>>) -> Self {
        Self { version, ..self }
    }

    /// The same request, as the rest of something that was begun: it is sent also when no other write begins any more.
    #[must_use]
    pub fn as_rest(self) -> Self {
        Self { is_rest: true, ..self }
    }

    /// The same request, based on a user who was read then. It is sent only while that is not long ago.
    #[must_use]
    pub fn based_on(self, read_at: Instant) -> Self {
        Self { read_at: Some(read_at), ..self }
    }

    /// When the user was read that it is based on, if it must be sent soon after.
    #[must_use]
    pub fn read_at(&self) -> Option<Instant> {
        self.read_at
    }

    /// Whether it is the rest of something that was begun.
    #[must_use]
    pub fn is_rest(&self) -> bool {
        self.is_rest
    }

    /// What a user should hold after it, besides the managed fields: a request that says only what changes leaves the rest
    /// as it was.
    #[must_use]
    pub fn over(self, before: &StoredUser) -> Self {
        if self.is_partial { Self::new(before.raw().get().to_owned()) } else { self }
    }

    /// The JSON.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// Whether it contains only the changes.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// The version of the user that it requires, if the service has versions.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

impl ShareRepeated {
    /// Makes a user share what an earlier one had too.
    pub fn share(&mut self, user: &mut User) {
        let User { branch, roles, .. } = user;
        branch.iter_mut().for_each(|branch| share(&mut self.branches, branch));
        roles.iter_mut().for_each(|roles| share(&mut self.roles, roles));
    }
}

fn share<T: Clone + Eq + Hash>(known: &mut FxHashSet<T>, value: &mut T) {
    match known.get(value) {
        Some(same) => value.clone_from(same),
        None => drop(known.insert(value.clone())),
    }
}

/// The same JSON without white space between its tokens, so that it fits in one line.
pub(crate) fn compact(json: &str) -> Cow<'_, str> {
    // Most servers send none. Without a way out of the loop it is done for many bytes at a time.
    if !json.bytes().fold(false, |found, byte| found | is_space(byte)) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for c in json.chars() {
        if in_text {
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if u8::try_from(c).is_ok_and(is_space) {
            continue;
        } else {
            in_text = c == '"';
        }
        out.push(c);
    }
    Cow::Owned(out)
}

/// Whether JSON allows this between its tokens.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

impl PartialEq for StoredUser {
    fn eq(&self, other: &Self) -> bool {
        self.raw.get() == other.raw.get()
    }
}

impl fmt::Debug for StoredUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoredUser").field(&self.raw.get()).finish()
    }
}

/// Written as the row itself.
impl Serialize for StoredUser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

/// Works only from JSON text: not inside an untagged or flattened type, and not from a `serde_json::Value`.
impl<'de> Deserialize<'de> for StoredUser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::of(raw).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_touches_nothing_within_texts() {
        for (json, expected) in [
            ("{ \"a b\" : [ 1 ,\n\t2 ] }", r#"{"a b":[1,2]}"#),
            (r#"[ "a \" b" , "c \\" , "d" ]"#, r#"["a \" b","c \\","d"]"#),
            (" 12345678901234567890.10 ", "12345678901234567890.10"),
            ("[ \"é \u{2028}\" ]", "[\"é \u{2028}\"]"),
        ] {
            assert_eq!(compact(json), expected);
        }
    }

    #[test]
    fn a_row_without_an_id_is_no_user() {
        for row in ["{}", r#"{"id":7}"#, r#"{"id":""}"#, r#"{"id":"a","id":"b"}"#, "[]"] {
            assert!(serde_json::from_str::<StoredUser>(row).is_err(), "{row}");
        }
    }
}
