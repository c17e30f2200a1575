//! What the body of an error says to people, in the forms that most APIs use.

use serde_json::Value;

/// The words in an error of OAuth 2, SCIM, JSON:API, problem details (RFC 9457), or of an API that keeps to no standard;
/// nothing where the body has none of their forms.
pub(crate) fn words(body: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(body).ok()?;
    of(&document)
}

fn of(value: &Value) -> Option<String> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    if let (Some(code), Some(description)) = (text("error"), text("error_description")) {
        return Some(format!("{code}: {description}"));
    }
    let plain = ["detail", "message", "errorSummary", "title", "error"].into_iter().find_map(text);
    let nested = || value.get("error").filter(|error| error.is_object()).and_then(of);
    let listed = || {
        let first = value.get("errors")?.get(0)?;
        first.as_str().map(str::to_owned).or_else(|| of(first))
    };
    plain.map(str::to_owned).or_else(nested).or_else(listed)
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
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(words(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
