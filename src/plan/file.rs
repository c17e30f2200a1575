//! The plan file: indented JSON with its keys in a fixed order, hashed over its RFC 8785 canonical form, read strictly.
//!
//! Every type refuses unknown, missing and repeated keys. So the typed plan says exactly what the document says, and
//! both have the same hash.

mod lines;
mod operation;
mod quick;
mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::io::{self, Write};

pub(crate) use lines::in_lines;
use memchr::memmem;
use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

use super::canonical::{self, Shape};
use super::{
    Content, Day, Diagnostic, Digest, GuardResult, Operation, OperationId, Plan, SourceSummary, Summary, Target,
    Waiting,
};
use crate::employee::{CustomFieldId, ExternalIdentifier};
use crate::side_by_side::some_side_by_side;
use crate::strict_json::each_member;
pub(super) use crate::strict_json::{managed, present, unusual};
use crate::text::{printable, said};

/// The name of the format, as a plan file states it.
pub const FORMAT: &str = "skovik-sync/plan";
/// The version of the format that this program writes, and the only one that it reads.
pub const FORMAT_VERSION: u64 = 3;
/// What is wrong with a file that has the right values without their names.
const NAMELESS: &str = "it has a list or an object where another kind of value belongs";

/// Why a file is not a plan that can be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Not JSON, or not the JSON of a plan.
    #[error("not a valid plan file: {0}")]
    Malformed(String),
    /// Another kind of file.
    #[error("this is {0}, not a {FORMAT:?} file")]
    WrongFormat(String),
    /// A plan of another version.
    #[error(
        "format version {0} is not known to this program, which reads version {FORMAT_VERSION}; use the program that \
        wrote it, or plan again"
    )]
    UnknownVersion(u64),
    /// The stated hash is not the hash of the content.
    #[error("the file was altered: it says {stated}, but its content is {computed}; plan again")]
    WrongHash {
        /// What the file says.
        stated: Digest,
        /// The hash of its content.
        computed: Digest,
    },
    /// The hash is right, but `plan` cannot have written this content.
    #[error("skovik-sync cannot have written this plan (edited by hand?): {0}; plan again")]
    Impossible(String),
    /// A plan that was just made, and that [`Plan::read`] would refuse.
    #[error(
        "skovik-sync made a plan that it could not read again, so it does not use it: {0}; please report this fault"
    )]
    Unreadable(String),
    /// A value that canonical JSON cannot hold.
    #[error("cannot be written as canonical JSON: {0}")]
    Canonical(String),
}

impl Plan {
    /// Writes the file's text.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let mut out = io::BufWriter::new(out);
        let frame = Document { operations: Cow::default(), ..Document::of(&self.content, Some(self.hash)) };
        in_lines(&frame, &self.content.operations, |operation| operation, |piece| out.write_all(piece.as_bytes()))?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// Reads a file's text. Anything that is not exactly a plan is an error.
    ///
    /// # Errors
    /// See [`PlanError`]; each means exit code 8.
    pub fn read(text: &[u8]) -> Result<Self, PlanError> {
        let (content, stated, computed) = match quick::read(text) {
            Some(read) => read,
            None => {
                let document: Document<'static> =
                    serde_json::from_slice(text).map_err(|error| not_a_plan(text, &error))?;
                is_known(&document.format, document.format_version)?;
                let (content, stated) = document.into_content();
                let (written, shape) = shaped(&Document::of(&content, None))?;
                if Shape::of(text) != shape {
                    return Err(PlanError::Malformed(NAMELESS.to_owned()));
                }
                (content, stated, Digest::of(&written))
            }
        };
        let stated = stated.ok_or_else(|| PlanError::Malformed("plan_hash is missing".to_owned()))?;
        if stated != computed {
            return Err(PlanError::WrongHash { stated, computed });
        }
        // The words may repeat names from the file.
        let impossible = |problem: String| PlanError::Impossible(printable(&problem).into_owned());
        super::check::check(&content).map_err(impossible)?;
        Ok(Self { hash: stated, content })
    }
}

/// Why a file cannot be read as a plan. A file of a later version must not be called damaged.
fn not_a_plan(text: &[u8], error: &serde_json::Error) -> PlanError {
    let head: Result<Head, _> = serde_json::from_slice(text);
    let malformed = |error: &serde_json::Error| PlanError::Malformed(said(error));
    match head {
        Ok(head) => is_known(&head.format, head.format_version).err().unwrap_or_else(|| malformed(error)),
        Err(error) => malformed(&error),
    }
}

/// # Errors
/// If it is the format of another file, or of another version.
fn is_known(format: &str, version: u64) -> Result<(), PlanError> {
    if format != FORMAT {
        // What another program calls its file may be anything, also a key.
        let is_ours = format.starts_with("skovik-sync/") && format.len() <= 40;
        let what = if is_ours { format!("a {format:?} file") } else { "a file of another program".to_owned() };
        return Err(PlanError::WrongFormat(what));
    }
    if version != FORMAT_VERSION {
        return Err(PlanError::UnknownVersion(version));
    }
    Ok(())
}

/// The hash of a plan, over its canonical form without `plan_hash`. Its operations are written on several threads.
pub(super) fn content_hash(content: &Content) -> Result<Digest, PlanError> {
    let frame = Document { operations: Cow::default(), ..Document::of(content, None) };
    let mut hash = PlanHash::new(&frame)?;
    some_side_by_side(&content.operations, canonical_json, |list| list.map(|list| hash.add(&list)))?;
    Ok(hash.finish())
}

/// The hash of a plan whose operations come in lists, each in its canonical form.
struct PlanHash {
    hash: sha2::Sha256,
    is_empty: bool,
    /// The canonical form of the plan after its operations.
    after: Vec<u8>,
}

impl PlanHash {
    /// Begins with a document that has no hash, and none of its operations.
    fn new(frame: &Document<'_>) -> Result<Self, PlanError> {
        // No text can hold these bytes, as it has no quote without a backslash; nor has another object such a member.
        const EMPTY: &[u8] = br#""operations":[]"#;
        let mut before = canonical_json(frame)?;
        let empty = memmem::find(&before, EMPTY).expect("a plan has a list of operations");
        let after = before.split_off(empty + EMPTY.len() - 1);
        Ok(Self { hash: sha2::Sha256::new_with_prefix(before), is_empty: true, after })
    }

    fn add(&mut self, list: &[u8]) {
        self.hash.update(if std::mem::replace(&mut self.is_empty, false) { "" } else { "," });
        // Without its brackets.
        self.hash.update(&list[1..list.len() - 1]);
    }

    fn finish(self) -> Digest {
        Digest::from_bytes(self.hash.chain_update(self.after).finalize().into())
    }
}

/// The SHA-256 of a value's RFC 8785 canonical JSON.
///
/// # Errors
/// If the value has no such form, as a map whose keys are not text.
pub fn canonical_digest(value: &impl Serialize) -> Result<Digest, PlanError> {
    let text = canonical_json(value)?;
    Ok(Digest::from_bytes(sha2::Sha256::digest(text).into()))
}

/// A value's RFC 8785 canonical JSON.
///
/// # Errors
/// As [`canonical_digest`].
pub fn canonical_json(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, PlanError> {
    shaped(value).map(|(text, _)| text)
}

/// The same, and how many objects and lists it opens.
fn shaped(value: &(impl Serialize + ?Sized)) -> Result<(Vec<u8>, Shape), PlanError> {
    canonical::shaped(value).map_err(|error| PlanError::Canonical(error.to_string()))
}

/// The part of a file that is read first.
#[derive(Deserialize)]
#[serde(expecting = "the members of a plan")]
struct Head {
    format: String,
    format_version: u64,
}

/// The file, key by key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "the members of a plan")]
struct Document<'a> {
    format: Cow<'a, str>,
    format_version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_hash: Option<Digest>,
    generator: Cow<'a, str>,
    config_hash: Digest,
    #[serde(deserialize_with = "present")]
    as_of: Option<Day>,
    #[serde(default, deserialize_with = "somebody", skip_serializing_if = "<[_]>::is_empty")]
    only: Cow<'a, [ExternalIdentifier]>,
    target: Cow<'a, Target>,
    sources: Cow<'a, [SourceSummary]>,
    summary: Summary,
    guards: Cow<'a, [GuardResult]>,
    diagnostics: Cow<'a, [Diagnostic]>,
    #[serde(default, deserialize_with = "managed", skip_serializing_if = "Option::is_none")]
    waiting: Option<Cow<'a, Waiting>>,
    operations: Cow<'a, [Operation]>,
}

impl<'a> Document<'a> {
    fn of(content: &'a Content, plan_hash: Option<Digest>) -> Self {
        let Content {
            generator,
            config_hash,
            as_of,
            only,
            target,
            sources,
            summary,
            guards,
            diagnostics,
            waiting,
            operations,
        } = content;
        Self {
            format: FORMAT.into(),
            format_version: FORMAT_VERSION,
            plan_hash,
            generator: generator.into(),
            config_hash: *config_hash,
            as_of: *as_of,
            only: only.into(),
            target: Cow::Borrowed(target),
            sources: sources.into(),
            summary: *summary,
            guards: guards.into(),
            diagnostics: diagnostics.into(),
            waiting: waiting.as_ref().map(Cow::Borrowed),
            operations: operations.into(),
        }
    }

    fn into_content(self) -> (Content, Option<Digest>) {
        let Self {
            format: _,
            format_version: _,
            plan_hash,
            generator,
            config_hash,
            as_of,
            only,
            target,
            sources,
            summary,
            guards,
            diagnostics,
            waiting,
            operations,
        } = self;
        let content = Content {
            generator: generator.into_owned(),
            config_hash,
            as_of,
            only: only.into_owned(),
            target: target.into_owned(),
            sources: sources.into_owned(),
            summary,
            guards: guards.into_owned(),
            diagnostics: diagnostics.into_owned(),
            waiting: waiting.map(Cow::into_owned),
            operations: operations.into_owned(),
        };
        (content, plan_hash)
    }
}

/// Reads a list of people, which is left out if it names nobody.
fn somebody<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, [ExternalIdentifier]>, D::Error> {
    let people = Vec::<ExternalIdentifier>::deserialize(deserializer)?;
    match people.is_empty() {
        true => Err(de::Error::custom("`only` names nobody; a plan for everybody does not have it")),
        false => Ok(people.into()),
    }
}

/// Reads an object, and refuses a repeated key.
pub(super) fn map_without_duplicates<'de, D, T>(deserializer: D) -> Result<BTreeMap<CustomFieldId, T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let mut map = BTreeMap::new();
    each_member(deserializer, |key: CustomFieldId, value| match map.entry(key) {
        Entry::Occupied(taken) => Err(format!("the key {:?} is repeated", taken.key().as_str())),
        Entry::Vacant(free) => {
            free.insert(value);
            Ok(())
        }
    })?;
    Ok(map)
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "sha256: and 64 lower-case hexadecimal digits", Self::parse)
    }
}

impl Serialize for OperationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OperationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "the number of an operation, as a text", |text| {
            let number = text.parse().ok()?;
            (u32::to_string(&number) == text).then_some(Self(number))
        })
    }
}

/// Reads a text that must have a form, which `expected` describes.
fn parsed<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct Form<P>(&'static str, P);

    impl<T, P: Fn(&str) -> Option<T>> Visitor<'_> for Form<P> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            (self.1)(text).ok_or_else(|| E::custom(format_args!("expected {}", self.0)))
        }
    }
    deserializer.deserialize_str(Form(expected, parse))
}
