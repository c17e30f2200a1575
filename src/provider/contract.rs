//! The contract with a service: each thing that its wire assumes, and whether that is so. It is looked at with
//! GET requests only.
//!
//! What was seen is told by names of members, types, statuses and counts, never by a value: so it can be handed on.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;

use super::ApiError;
use crate::text::start;

/// How many names are shown of what was seen.
const NAMES_SHOWN: usize = 20;
/// The largest answer that is looked at, in bytes.
const LARGEST_DOCUMENT: usize = 8 * 1024 * 1024;
/// How long a name may be that is shown.
const LONGEST_NAME: usize = 80;

/// A service that can be looked at before anything is compared.
pub trait Contract {
    /// Looks at each thing that is taken for granted.
    fn contract(&self) -> BoxFuture<'_, Vec<Finding>>;
}

/// One thing that is taken for granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which, for machines.
    pub id: String,
    /// What is taken for granted.
    pub expected: String,
    /// Whether it is so.
    pub verdict: Verdict,
    /// What was seen, without any value.
    pub seen: String,
    /// The settings that mend it, such as `[target.names] roles`.
    pub settings: Vec<String>,
    /// What the program does where it is not so; nothing where it cannot work then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<&'static str>,
}

/// Whether something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is.
    Holds,
    /// It is not.
    DoesNotHold,
    /// Nothing was there that would show it.
    CannotTell,
}

impl Finding {
    /// The same with other texts, but for what the program does.
    #[must_use]
    pub fn map_texts(self, text: impl Fn(&str) -> String) -> Self {
        let Self { id, expected, verdict, seen, settings, otherwise } = self;
        let settings = settings.iter().map(|setting| text(setting)).collect();
        Self { id: text(&id), expected: text(&expected), verdict, seen: text(&seen), settings, otherwise }
    }

    /// Whether the program cannot work with the service as it is.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.verdict == Verdict::DoesNotHold && self.otherwise.is_none()
    }
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

/// One thing, before anything is known of it.
#[derive(Debug, Clone)]
pub(super) struct Expectation {
    id: String,
    expected: String,
    settings: Vec<String>,
    otherwise: Option<&'static str>,
}

impl Expectation {
    pub(super) fn new(id: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { id: id.into(), expected: expected.into(), settings: Vec::new(), otherwise: None }
    }

    /// A setting that mends it.
    pub(super) fn mended_by(mut self, setting: impl Into<String>) -> Self {
        self.settings.push(setting.into());
        self
    }

    /// What the program does where it is not so.
    pub(super) fn otherwise(self, otherwise: &'static str) -> Self {
        Self { otherwise: Some(otherwise), ..self }
    }
}

impl Findings {
    pub(super) fn into_inner(self) -> Vec<Finding> {
        self.0
    }

    pub(super) fn add(&mut self, of: Expectation, verdict: Verdict, seen: impl Into<String>) {
        let Expectation { id, expected, settings, otherwise } = of;
        self.0.push(Finding { id, expected, verdict, seen: seen.into(), settings, otherwise });
    }

    /// It is so, or not.
    pub(super) fn judge(&mut self, of: Expectation, holds: bool, seen: impl Into<String>) {
        self.add(of, if holds { Verdict::Holds } else { Verdict::DoesNotHold }, seen);
    }

    /// Of so many rows that could show it, so many do. Nothing is known where there are none.
    pub(super) fn count(&mut self, of: Expectation, shown: usize, rows: usize, otherwise_seen: &str) {
        match (shown, rows) {
            (_, 0) => self.add(of, Verdict::CannotTell, "there is no row that would show it"),
            (0, _) => self.add(of, Verdict::DoesNotHold, format!("in none of {rows}; {otherwise_seen}")),
            _ => self.add(of, Verdict::Holds, format!("in {shown} of {rows}")),
        }
    }
}

/// What came of a GET.
#[derive(Debug)]
pub(super) enum Look {
    /// 200, with this document.
    Document(Value),
    /// Something else, in words.
    Nothing { status: Option<u16>, said: String },
}

impl Look {
    pub(super) fn of(answer: Result<Vec<u8>, ApiError>) -> Self {
        let nothing = |status, said: String| Self::Nothing { status, said };
        match answer {
            // A document of small objects takes two hundred times its size in memory.
            Ok(body) if body.len() > LARGEST_DOCUMENT => {
                nothing(Some(200), format!("the answer has more than {} MiB", LARGEST_DOCUMENT >> 20))
            }
            Ok(body) => match serde_json::from_slice(&body) {
                Ok(document) => Self::Document(document),
                Err(_) => nothing(Some(200), "the answer is not JSON".to_owned()),
            },
            // The words of the server could name somebody.
            Err(ApiError::Credentials { status, .. }) => nothing(Some(status), format!("it answers {status}")),
            Err(ApiError::Refused(refusal)) => nothing(Some(refusal.status), format!("it answers {}", refusal.status)),
            Err(
                ApiError::NotSent { problem, .. } | ApiError::Late { problem, .. } | ApiError::Unclear { problem, .. },
            ) => nothing(None, format!("no usable answer: {}", shown_start(&problem))),
            Err(error @ (ApiError::Overtaken { .. } | ApiError::Unseen(_) | ApiError::Stopped { .. })) => {
                nothing(None, error.to_string())
            }
        }
    }
}

/// What comes before the words of the server, if there are any.
fn shown_start(problem: &str) -> &str {
    let end = problem.find(": ").filter(|_| problem.starts_with("it answers")).unwrap_or(problem.len());
    start(&problem[..end], LONGEST_NAME * 2).0
}

/// The names of members, sorted; those that could be data are masked, and of many the first are shown.
pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let is_plain = |name: &str| {
        name.len() <= LONGEST_NAME
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '$')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/$".contains(&byte))
    };
    let all: BTreeSet<&str> = names.into_iter().map(|name| if is_plain(name) { name } else { "(masked)" }).collect();
    if all.is_empty() {
        return "none".to_owned();
    }
    let more = all.len().saturating_sub(NAMES_SHOWN);
    let mut shown: Vec<&str> = all.into_iter().take(NAMES_SHOWN).collect();
    let rest = format!("{more} more");
    if more > 0 {
        shown.push(&rest);
    }
    shown.join(", ")
}

/// The names of the members of an object.
pub(super) fn member_names(value: &Value) -> impl Iterator<Item = &str> {
    value.as_object().into_iter().flat_map(|members| members.keys().map(String::as_str))
}

/// The places of all values that are neither objects nor below `data`, as pointers.
pub(super) fn places(document: &Value) -> Vec<String> {
    fn collect(prefix: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) if !members.is_empty() => {
                members.iter().for_each(|(name, value)| collect(&format!("{prefix}/{name}"), value, found));
            }
            _ => found.push(prefix.to_owned()),
        }
    }
    let mut found = Vec::new();
    for (name, value) in document.as_object().into_iter().flatten().filter(|(name, _)| *name != "data") {
        collect(&format!("/{name}"), value, &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_seen_holds_no_value() {
        assert_eq!(names(["b", "a", "a@b.example", "1001", "urn:x:2.0:User"]), "(masked), a, b, urn:x:2.0:User");
        assert_eq!(names([]), "none");
        let many: Vec<String> = (0..30).map(|n| format!("n{n:02}")).collect();
        assert!(names(many.iter().map(String::as_str)).ends_with("n19, 10 more"));
        let refused = ApiError::Unclear { problem: "it answers 500: Anna Berg is odd".to_owned(), again: None };
        let Look::Nothing { said, .. } = Look::of(Err(refused)) else { panic!("a document") };
        assert_eq!(said, "no usable answer: it answers 500");
    }

    #[test]
    fn places_of_a_page() {
        let page = json!({"data": [{"x": 1}], "links": {"next": null}, "meta": {"page": {"after": "c"}, "total": 3}});
        assert_eq!(places(&page), ["/links/next", "/meta/page/after", "/meta/total"]);
    }
}
