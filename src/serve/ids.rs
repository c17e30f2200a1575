//! The people whom an event concerns: the texts and numbers at a place in its body. `*` in the place means every
//! element of a list.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::strict_json::Pointer;

/// How many people one event may name; one that names more concerns everybody.
const MOST: usize = 1000;
/// The longest identifier, in bytes.
const LONGEST: usize = 200;
/// How long all identifiers of an event may be together, in bytes.
const LONGEST_TOGETHER: usize = 16 * 1024;

/// The people that a body names; `None` if it names nobody for certain: the event then concerns everybody.
pub(super) fn ids(pointer: Option<&Pointer>, body: &[u8]) -> Option<BTreeSet<String>> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let mut found = BTreeSet::new();
    let is_clear = collect(&document, pointer?.steps(), &mut found);
    let length: usize = found.iter().map(String::len).sum();
    (is_clear && !found.is_empty() && length <= LONGEST_TOGETHER).then_some(found)
}

/// Collects the identifiers; false if anything else is there.
fn collect(value: &Value, steps: &[String], found: &mut BTreeSet<String>) -> bool {
    if found.len() >= MOST {
        return false;
    }
    let Some((step, rest)) = steps.split_first() else {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) if number.is_u64() || number.is_i64() => number.to_string(),
            _ => return false,
        };
        let is_id = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
        if is_id {
            found.insert(text);
        }
        return is_id;
    };
    match value {
        Value::Array(elements) if step == "*" => elements.iter().all(|element| collect(element, rest, found)),
        Value::Array(elements) => {
            let element = step.parse().ok().and_then(|index: usize| elements.get(index));
            element.is_some_and(|element| collect(element, rest, found))
        }
        Value::Object(members) => members.get(step).is_some_and(|member| collect(member, rest, found)),
        _ => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn found(pointer: &str, body: &str) -> Option<Vec<String>> {
        let pointer = Pointer::parse(pointer).unwrap();
        ids(Some(&pointer), body.as_bytes()).map(|ids| ids.into_iter().collect())
    }

    #[test]
    fn ids_are_found_and_anything_else_concerns_everybody() {
        let bamboo = r#"{"employees":[{"id":"7"},{"id":8},{"id":"7"}]}"#;
        assert_eq!(found("/employees/*/id", bamboo), Some(vec!["7".to_owned(), "8".to_owned()]));
        assert_eq!(found("/employees/1/id", bamboo), Some(vec!["8".to_owned()]));
        assert_eq!(found("/employee/id", r#"{"employee":{"id":" 2 "}}"#), Some(vec!["2".to_owned()]));
        for (pointer, body) in [
            ("/employees/*/id", r#"{"employees":[]}"#),
            ("/employees/*/id", r#"{"employees":[{"id":"7"},{}]}"#),
            ("/id", r#"{"id":null}"#),
            ("/id", r#"{"id":1.5}"#),
            ("/id", r#"{"id":{"x":1}}"#),
            ("/id", r#"{"id":""}"#),
            ("/id", "\"Ping test\""),
            ("/id", "not JSON"),
        ] {
            assert_eq!(found(pointer, body), None, "{pointer} {body}");
        }
        assert_eq!(ids(None, b"{}"), None);
        let many = (0..=MOST).map(|id| format!("{{\"id\":{id}}}")).collect::<Vec<_>>().join(",");
        assert_eq!(found("/*/id", &format!("[{many}]")), None);
        let long = |count: usize| {
            let ids: Vec<String> = (0..count).map(|id| format!("{{\"id\":\"{id:0>200}\"}}")).collect();
            found("/*/id", &format!("[{}]", ids.join(","))).map(|ids| ids.len())
        };
        assert_eq!((long(81), long(82)), (Some(81), None));
    }
}
