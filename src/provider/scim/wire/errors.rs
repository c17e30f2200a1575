//! Error answers (RFC 7644, section 3.12): `{"status":"409","scimType":"uniqueness","detail":"…"}`.

use serde_json::value::RawValue;

use super::object::{Object, text};
use crate::provider::ErrorObject;

/// The schema of an error.
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The error of a body, if it has the known form.
pub(in crate::provider::scim) fn error_objects(body: &[u8]) -> Vec<ErrorObject> {
    let read = || -> Option<ErrorObject> {
        let object = Object::parse(serde_json::from_slice::<&RawValue>(body).ok()?).ok()?;
        let word = |name| text(object.get(name).ok()??).ok()?.map(String::from);
        let error = ErrorObject { code: word("scimType"), title: None, detail: word("detail"), pointer: None };
        Some(error).filter(|error| error.code.is_some() || error.detail.is_some())
    };
    read().into_iter().collect()
}

/// The message for people in the body of an error.
pub(in crate::provider::scim) fn words(body: &[u8]) -> Option<String> {
    error_objects(body).into_iter().find_map(|error| error.detail.or(error.code))
}

/// The message of an error that comes with a success status, if there is one.
pub(in crate::provider::scim) fn error_in_success(body: &[u8]) -> Option<String> {
    let object = Object::parse(serde_json::from_slice::<&RawValue>(body).ok()?).ok()?;
    let schemas: Vec<String> = serde_json::from_str(object.get(super::SCHEMAS).ok()??.get()).ok()?;
    let is_error = schemas.iter().any(|schema| schema.eq_ignore_ascii_case(ERROR));
    is_error.then(|| words(body).unwrap_or_else(|| "no reason given".to_owned()))
}

/// Whether a refusal means that an e-mail or an identifier is in use: the status 409, or any error with `uniqueness`.
pub(in crate::provider::scim) fn says_taken(status: u16, errors: &[ErrorObject]) -> bool {
    let is_unique =
        |error: &ErrorObject| error.code.as_ref().is_some_and(|code| code.eq_ignore_ascii_case("uniqueness"));
    status == 409 || errors.iter().any(is_unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_value_is_taken() {
        let body =
            |kind: &str| format!(r#"{{"schemas":["{ERROR}"],"status":"400","scimType":"{kind}","detail":"no"}}"#);
        for (status, body, expected) in [
            (409, body("uniqueness"), true),
            (409, "{}".to_owned(), true),
            (400, body("uniqueness"), true),
            (400, body("invalidValue"), false),
            (400, "<html>".to_owned(), false),
        ] {
            assert_eq!(says_taken(status, &error_objects(body.as_bytes())), expected, "{status} {body}");
        }
    }

    #[test]
    fn an_error_is_one_whatever_the_status_says() {
        let error = format!(r#"{{"schemas":["{ERROR}"],"detail":"half of it"}}"#);
        assert_eq!(error_in_success(error.as_bytes()).as_deref(), Some("half of it"));
        for body in ["", "[]", r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"detail":"x"}"#] {
            assert_eq!(error_in_success(body.as_bytes()), None, "{body}");
        }
    }
}
