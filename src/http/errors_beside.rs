//! Errors in an answer with a success status, next to its records. A list next to an error may lack somebody, however
//! many records it has.

use serde_json::value::RawValue;

use super::error_message;
use crate::strict_json::{Pointer, Properties, Property, shown};

/// Members that mean an error unless they are empty.
const ERRORS: [&str; 4] = ["error", "errors", "fault", "exception"];
/// Members that are false if something failed.
const SUCCESS: [&str; 4] = ["success", "succeeded", "ok", "issuccess"];
/// Members that are true if the list is incomplete.
const PART: [&str; 3] = ["incomplete_results", "incompleteresults", "timed_out"];
/// The values of `status` that mean a failure.
const FAILED: [&str; 5] = ["error", "fail", "failed", "failure", "nok"];

/// The error in an answer, at the top or at a level above its records, with the server's words.
pub(crate) fn errors_in(body: &[u8], records: &Pointer) -> Option<String> {
    let mut here: &RawValue = serde_json::from_slice(body).ok()?;
    let mut steps = records.steps().iter().map(String::as_str);
    loop {
        let Properties(members) = serde_json::from_str(here.get()).ok()?;
        let step = steps.next();
        let telling = |(name, value): &&Property<'_>| Some(&**name) != step && is_error(name, value);
        if let Some((name, value)) = members.iter().find(telling) {
            let said = error_message(body).unwrap_or_else(|| "no reason given".to_owned());
            return Some(format!("the answer has `{name}` beside its records ({}): {said}", shown(value)));
        }
        here = members.iter().find(|(name, _)| Some(&**name) == step).map(|(_, value)| *value)?;
    }
}

/// The server's words for an answer without a list, ready to be appended to a message.
pub(crate) fn words_instead(body: &[u8]) -> String {
    error_message(body).map_or_else(String::new, |said| format!("; the server says: {said}"))
}

/// Whether a member of an answer says that something failed, or that the list is a part.
pub(crate) fn is_error(name: &str, value: &RawValue) -> bool {
    let name = name.to_ascii_lowercase();
    let is = |names: &[&str]| names.contains(&&*name);
    let value = value.get().trim();
    if is(&ERRORS) {
        says_something(value)
    } else if is(&SUCCESS) {
        value == "false"
    } else if is(&PART) {
        value == "true"
    } else if name == "status" {
        let text = value.trim_matches('"');
        let is_code = text.parse().is_ok_and(|code: f64| (400.0..600.0).contains(&code));
        is_code || FAILED.iter().any(|word| text.eq_ignore_ascii_case(word))
    } else {
        false
    }
}

/// Whether a member has a value that is not empty.
fn says_something(value: &str) -> bool {
    let text: String = value.chars().filter(|c| !c.is_ascii_whitespace()).take(6).collect();
    !matches!(text.as_str(), "null" | "false" | "0" | "\"\"" | "[]" | "{}")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_error_and_what_is_not() {
        for (records, body, expected) in [
            (
                "/data",
                r#"{"status":"error","data":[]}"#,
                Some("`status` beside its records (\"error\"): no reason given"),
            ),
            ("/data", r#"{"Status":"FAILED","message":"try later","data":[]}"#, Some("(\"FAILED\"): try later")),
            ("/data", r#"{"status":503,"data":[]}"#, Some("`status` beside its records (503)")),
            ("/data", r#"{"status":500.0,"data":[]}"#, Some("`status` beside its records (500.0)")),
            ("/data", r#"{"status":"500","data":[]}"#, Some("`status` beside its records (\"500\")")),
            ("/data", r#"{"status":"ok","code":200,"data":[]}"#, None),
            ("/data", r#"{"status":200,"data":[],"error":null,"errors":[ ]}"#, None),
            (
                "/data",
                r#"{"success":false,"msg":"quota","data":[]}"#,
                Some("`success` beside its records (false): quota"),
            ),
            ("/data", r#"{"success":true,"ok":true,"data":[]}"#, None),
            ("/items", r#"{"incomplete_results":true,"items":[]}"#, Some("`incomplete_results`")),
            ("/hits/hits", r#"{"timed_out":true,"hits":{"hits":[]}}"#, Some("`timed_out`")),
            (
                "/data/people",
                r#"{"data":{"people":[]},"errors":[{"message":"no right to read"}]}"#,
                Some("`errors` beside its records (a list): no right to read"),
            ),
            // Next to the list, at any level; the list itself holds people.
            (
                "/result/rows",
                r#"{"result":{"rows":[],"error":{"code":7}}}"#,
                Some("`error` beside its records (an object)"),
            ),
            ("/data", r#"{"data":[{"status":"error","error":"x"}]}"#, None),
            ("/errors", r#"{"errors":[{"id":1}]}"#, None),
            ("", r#"[{"error":"x"}]"#, None),
            ("", r#"{"error":"x"}"#, Some("`error` beside its records (\"x\"): x")),
            ("/data", "no JSON", None),
        ] {
            let found = errors_in(body.as_bytes(), &Pointer::parse(records).unwrap());
            match expected {
                Some(expected) => {
                    assert!(found.as_ref().is_some_and(|found| found.contains(expected)), "{body}: {found:?}")
                }
                None => assert_eq!(found, None, "{body}"),
            }
        }
    }
}
