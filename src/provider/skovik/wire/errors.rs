//! The errors in a refusal `[assumed]`: `{"errors":[{"status","code","title","detail","source":{"pointer"}}]}`.

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::Members;
use crate::provider::ErrorObject;

/// How many errors of one answer are kept.
const MOST: usize = 10;
/// Words by which an error means that a unique value is in use `[assumed]`.
const TAKEN_WORDS: [&str; 7] =
    ["taken", "already exists", "already in use", "already_exists", "not_unique", "be unique", "duplicate"];

/// The errors of a body; empty if it has another form.
pub(in crate::provider::skovik) fn error_objects(body: &[u8]) -> Vec<ErrorObject> {
    let read = || -> Option<Vec<ErrorObject>> {
        let document: Members<'_> = serde_json::from_slice(body).ok()?;
        let errors: Vec<&RawValue> = serde_json::from_str(document.get("errors")?.get()).ok()?;
        let objects = errors.into_iter().filter_map(|raw| serde_json::from_str::<Members<'_>>(raw.get()).ok());
        Some(objects.take(MOST).map(|object| error_object(&object)).collect())
    };
    read().unwrap_or_default()
}

/// The errors in a body that claims success; `None` if there are none.
pub(in crate::provider::skovik) fn errors_in_success(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow, default)]
        errors: Option<&'a RawValue>,
        /// Not in JSON:API, but a server or a proxy in front of it may send it.
        #[serde(borrow, default)]
        error: Option<&'a RawValue>,
    }
    // Most answers have none, and are long. A name may hold escapes.
    if memmem::find(body, b"\"error").is_none() && memmem::find(body, b"\\u00").is_none() {
        return None;
    }
    // An unreadable body is not a success either: the caller fails to read it as an answer.
    let Document { errors, error } = serde_json::from_slice(body).ok()?;
    let says_so = |text: &&str| !matches!(*text, "null" | "[]" | "{}" | "\"\"" | "false");
    let said = [errors, error].into_iter().flatten().map(RawValue::get).find(says_so)?;
    let words = error_objects(body).into_iter().find_map(|error| error.detail.or(error.title).or(error.code));
    Some(words.unwrap_or_else(|| said.to_owned()))
}

/// Whether a status means that the key itself is refused, so that no request can succeed `[assumed]`.
pub(in crate::provider::skovik) fn refuses_the_key(status: u16) -> bool {
    matches!(status, 401 | 403)
}

/// Whether a refusal means that an e-mail or an identifier is in use already `[assumed]`.
pub(in crate::provider::skovik) fn says_taken(status: u16, errors: &[ErrorObject]) -> bool {
    let words = |error: &ErrorObject| {
        let texts = [&error.code, &error.title, &error.detail];
        texts.into_iter().flatten().any(|text| {
            let text = text.to_lowercase();
            TAKEN_WORDS.iter().any(|word| text.contains(word))
        })
    };
    status == 409 || (status == 422 && errors.iter().any(words))
}

fn error_object(object: &Members<'_>) -> ErrorObject {
    let text = |members: &Members<'_>, name| {
        let raw = members.get(name)?;
        let text = members.text(name).unwrap_or_else(|_| Some(raw.get().into()))?;
        Some(text.into_owned()).filter(|text| !text.is_empty())
    };
    ErrorObject {
        code: text(object, "code"),
        title: text(object, "title"),
        detail: text(object, "detail"),
        pointer: object.object("source").ok().and_then(|source| text(&source, "pointer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_can_be_read() {
        let body = br#"{"errors":[
            {"status":"422","code":"taken","title":"Invalid","detail":"is in use","source":{"pointer":"/data/attributes/primary_email"}},
            "noise", {"code":17,"source":null,"detail":""}]}"#;
        let some = |text: &str| Some(text.to_owned());
        let first = ErrorObject {
            code: some("taken"),
            title: some("Invalid"),
            detail: some("is in use"),
            pointer: some("/data/attributes/primary_email"),
        };
        let second = ErrorObject { code: some("17"), ..ErrorObject::default() };
        assert_eq!(error_objects(body), [first, second]);
        for other in ["<html>", "", "[]", r#"{"errors":"no"}"#, r#"{"error":"no"}"#] {
            assert_eq!(error_objects(other.as_bytes()), []);
        }
    }

    #[test]
    fn errors_beside_data_are_errors() {
        for (body, expected) in [
            (r#"{"data":[],"errors":[{"detail":"half of it"}]}"#, Some("half of it")),
            (r#"{"data":[],"errors":[{}]}"#, Some("[{}]")),
            (r#"{"data":[],"errors":"no right"}"#, Some("\"no right\"")),
            (r#"{"data":[],"errors":{"a":1}}"#, Some("{\"a\":1}")),
            (r#"{"data":[],"errors":true}"#, Some("true")),
            (r#"{"data":[],"errors":[]}"#, None),
            (r#"{"data":[],"errors":null}"#, None),
            (r#"{"data":[],"error":"half of it"}"#, Some("\"half of it\"")),
            (r#"{"data":[],"errors":[],"error":{"code":7}}"#, Some("{\"code\":7}")),
            (r#"{"data":[],"error":null}"#, None),
            (r#"{"data":[]}"#, None),
            ("", None),
        ] {
            assert_eq!(errors_in_success(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn keeps_the_first_ten() {
        let body = format!(r#"{{"errors":[{}{{}}]}}"#, "{},".repeat(50));
        assert_eq!(error_objects(body.as_bytes()).len(), MOST);
    }

    #[test]
    fn when_a_value_is_taken() {
        let detail = |detail: &str| vec![ErrorObject { detail: Some(detail.to_owned()), ..ErrorObject::default() }];
        for (status, errors, expected) in [
            (409, vec![], true),
            (422, vec![], false),
            (422, detail("has already been Taken"), true),
            (422, detail("must be unique"), true),
            (422, detail("must be a member of the branch"), false),
            (400, detail("has already been taken"), false),
        ] {
            assert_eq!(says_taken(status, &errors), expected, "{status} {errors:?}");
        }
    }
}
