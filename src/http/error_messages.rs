//! Finds the message in the body of an error, in the forms that most APIs use.

use serde_json::Value;

/// The message in an error of OAuth 2, SCIM, JSON:API, problem details (RFC 9457), or of an API without a standard;
/// `None` if the body has none of these forms.
pub(crate) fn error_message(body: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(body).ok()?;
    of(&document)
}

fn of(value: &Value) -> Option<String> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    if let (Some(code), Some(description)) = (text("error"), text("error_description")) {
        return Some(format!("{code}: {description}"));
    }
    let plain = PLAIN.into_iter().find_map(text);
    plain.map(str::to_owned).or_else(|| NESTED.into_iter().find_map(|name| said(value.get(name)?, name)))
}

/// Where an API puts its message, the most informative places first.
const PLAIN: [&str; 14] = [
    "detail",
    "message",
    "Message",
    "error_message",
    "errorMessage",
    "error_description",
    "errorSummary",
    "msg",
    "faultstring",
    "description",
    "reason",
    "title",
    "error",
    "errors",
];
/// The members that may hold the object with the message.
const NESTED: [&str; 5] = ["error", "errors", "fault", "meta", "data"];

/// The message in the value of an error: an object, a list (its first element counts), or texts by the name of a field.
fn said(error: &Value, name: &str) -> Option<String> {
    let error = error.as_array().map_or(Some(error), |list| list.first())?;
    if let Some(text) = error.as_str() {
        return Some(text.to_owned()).filter(|text| !text.trim().is_empty());
    }
    // `data` may hold a person.
    let fields = || {
        let (field, value) = error.as_object().filter(|_| name == "errors")?.iter().next()?;
        let value = value.as_array().map_or(Some(value), |list| list.first())?;
        value.as_str().map(|text| format!("{field}: {text}"))
    };
    of(error).or_else(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_errors() {
        for (body, expected) in [
            (
                r#"{"error":"invalid_client","error_description":"no such client"}"#,
                Some("invalid_client: no such client"),
            ),
            (r#"{"schemas":["urn"],"detail":"bad filter","status":"400"}"#, Some("bad filter")),
            (r#"{"error":{"code":"x","message":"no such tenant"}}"#, Some("no such tenant")),
            (r#"{"errors":[{"title":"Wrong","detail":"too long"}]}"#, Some("too long")),
            (r#"{"errors":["not now"]}"#, Some("not now")),
            (r#"{"error":"not now"}"#, Some("not now")),
            (r#"{"title":"Forbidden","status":403}"#, Some("Forbidden")),
            (r#"{"errors":[]}"#, None),
            (r#"{"errors":{"name":["is too long"]}}"#, Some("name: is too long")),
            (r#"{"errors":{"message":"no such field"}}"#, Some("no such field")),
            (r#"{"errors":"not now"}"#, Some("not now")),
            (r#"{"status":"error","msg":"quota exceeded","data":[]}"#, Some("quota exceeded")),
            (r#"{"success":false,"error":{"code":4711}}"#, None),
            (r#"{"status":"error","data":{"message":"try later"}}"#, Some("try later")),
            (r#"{"status":"error","data":[]}"#, None),
            (r#"{"fault":{"faultstring":"no session"}}"#, Some("no session")),
            (r#"{"jsonrpc":"2.0","error":{"code":-32602,"message":"Invalid params"}}"#, Some("Invalid params")),
            (r#"{"Message":"Authorization has been denied"}"#, Some("Authorization has been denied")),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(error_message(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
