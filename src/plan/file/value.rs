//! A value in the plan file: what it is, tells whose it is.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::employee::{BranchId, ExternalIdentifier, Text, UserId};
use crate::plan::{BranchRef, ManagerDocument, ManagerRef, OperationId, Value};
use crate::strict_json::managed;

/// A branch or a manager as it is in the file, before its keys decide which one it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceDocument {
    #[serde(default, deserialize_with = "managed")]
    branch_id: Option<BranchId>,
    #[serde(default, deserialize_with = "managed")]
    external_identifier: Option<Option<Text>>,
    #[serde(default, deserialize_with = "managed")]
    user_id: Option<UserId>,
    #[serde(default, deserialize_with = "managed")]
    create: Option<OperationId>,
    #[serde(default, deserialize_with = "managed")]
    employee: Option<Option<ExternalIdentifier>>,
    name: Text,
}

impl TryFrom<ReferenceDocument> for Value {
    type Error = &'static str;

    fn try_from(document: ReferenceDocument) -> Result<Self, Self::Error> {
        let ReferenceDocument { branch_id, external_identifier, user_id, create, employee, name } = document;
        match (branch_id, external_identifier, employee) {
            (Some(branch_id), Some(external_identifier), None) if user_id.is_none() && create.is_none() => {
                Ok(Self::Branch(BranchRef { branch_id, external_identifier, name }))
            }
            (None, None, Some(employee)) => {
                ManagerRef::try_from(ManagerDocument { user_id, create, employee, name }).map(Self::Manager)
            }
            _ => Err("a value is a text, true, false, a branch or a manager, with the keys of one of them"),
        }
    }
}

// What serde derives would try one kind after the other on a copy of each value.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, true, false, a branch or a manager")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Boolean(value))
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Value, A::Error> {
                let document = ReferenceDocument::deserialize(MapAccessDeserializer::new(members))?;
                document.try_into().map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_is_read_by_what_it_is() {
        for text in [
            r#"true"#,
            r#""4100""#,
            r#"{"branch_id":"b","external_identifier":null,"name":""}"#,
            r#"{"branch_id":"b","external_identifier":"DE","name":"Example"}"#,
            r#"{"user_id":"u","employee":null,"name":"Eva Ek"}"#,
            r#"{"create":"3","employee":"1001","name":"Eva Ek"}"#,
        ] {
            let value = read(text).expect(text);
            assert_eq!(serde_json::to_string(&value).expect(text), text);
        }
    }

    #[test]
    fn what_is_no_value_or_two_is_refused() {
        for (text, word) in [
            ("7", "expected a text, true, false, a branch or a manager"),
            ("[]", "expected a text, true, false, a branch or a manager"),
            (r#"["b", null, "Example"]"#, "expected a text"),
            (r#"{"name":"Eva Ek"}"#, "with the keys of one of them"),
            (r#"{"branch_id":"b","name":""}"#, "with the keys of one of them"),
            (r#"{"branch_id":null,"external_identifier":null,"name":""}"#, "invalid type: null"),
            (
                r#"{"branch_id":"b","external_identifier":null,"employee":null,"name":""}"#,
                "with the keys of one of them",
            ),
            (r#"{"branch_id":"b","external_identifier":null,"create":"3","name":""}"#, "with the keys of one of them"),
            (r#"{"user_id":"u","name":""}"#, "with the keys of one of them"),
            (r#"{"user_id":"u","create":"3","employee":"1","name":""}"#, "either a user_id, or a create"),
            (r#"{"create":"3","employee":null,"name":""}"#, "either a user_id, or a create"),
            (r#"{"create":"03","employee":"1","name":""}"#, "the number of an operation"),
            (r#"{"user_id":"u","user_id":"u","employee":null,"name":""}"#, "duplicate field"),
            (r#"{"user_id":"u","employee":null,"name":"","more":1}"#, "unknown field"),
        ] {
            let problem = read(text).expect_err(text);
            assert!(problem.contains(word), "{text}: {problem}");
        }
    }
}
