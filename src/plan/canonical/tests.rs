#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn to_vec(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, NotCanonical> {
    shaped(value).map(|(text, _)| text)
}

/// A JSON value of all kinds, with keys that are hard to sort.
fn any_value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        (-(1_i64 << 53)..=1 << 53).prop_map(Value::from),
        (0..=1_u64 << 53).prop_map(Value::from),
        (0_u64..1000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
    ];
    let text = prop_oneof![any::<String>(), "[a-c\"\\\\\n\u{1}\u{e9}\u{10000}\u{ffff}]{0,3}"];
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, text.clone().prop_map(Value::from)];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn it_is_what_another_implementation_of_the_standard_writes(value in any_value()) {
        let other = serde_json_canonicalizer::to_vec(&value).unwrap();
        let (written, shape) = shaped(&value).unwrap();
        prop_assert_eq!(shape, Shape::of(&written));
        prop_assert_eq!(String::from_utf8(written), String::from_utf8(other));
    }
}

#[test]
fn members_are_sorted_at_every_depth() {
    #[derive(Serialize)]
    struct Inner {
        b: u8,
        a: Option<i8>,
    }
    #[derive(Serialize)]
    struct Outer {
        z: Vec<Inner>,
        c: Inner,
        a: &'static str,
    }
    let inner = |b| Inner { b, a: None };
    let outer = Outer { z: vec![inner(1), inner(2)], c: Inner { b: 3, a: Some(-1) }, a: "\u{7f}/\u{1f}\n" };
    let expected = r#"{"a":"%/\u001f\n","c":{"a":-1,"b":3},"z":[{"a":null,"b":1},{"a":null,"b":2}]}"#;
    assert_eq!(String::from_utf8(to_vec(&outer).unwrap()).unwrap(), expected.replace('%', "\u{7f}"));
}

#[test]
fn every_kind_of_value_is_written_as_json_has_it() {
    #[derive(Serialize)]
    struct Nothing;
    #[derive(Serialize)]
    struct Wrapped(u128);
    #[derive(Serialize)]
    struct Pair(i16, f32);
    #[derive(Serialize)]
    enum Kind {
        Unit,
        New(char),
        Tuple(u8, Option<u8>),
        Struct { b: bool, a: () },
    }
    let values = (
        (Nothing, Wrapped(7), Pair(-7, 0.5)),
        [Kind::Unit, Kind::New('\u{e9}'), Kind::Tuple(1, None), Kind::Struct { b: true, a: () }],
        (-(1_i64 << 53), 1_u64 << 53, -1e21, 1e-7),
    );
    let other = serde_json_canonicalizer::to_vec(&values).unwrap();
    let (written, shape) = shaped(&values).unwrap();
    assert_eq!(shape, Shape::of(&written));
    assert_eq!(String::from_utf8(written), String::from_utf8(other));
}

#[test]
fn what_has_no_canonical_form_is_refused() {
    assert_eq!(to_vec(&json!({"b": [], "a": {}})).unwrap(), br#"{"a":{},"b":[]}"#);
    assert!(to_vec(&[1.5, f64::NAN]).is_err_and(|problem| problem.to_string() == "a number that is not finite"));
    for number in [i64::MIN, -(1 << 53) - 1, (1 << 53) + 1] {
        assert!(to_vec(&number).is_err_and(|problem| problem.to_string().contains("beyond 9007199254740992")));
    }
    assert!(to_vec(&std::collections::HashMap::from([(vec![1], 2)])).is_err());
    assert!(to_vec(&std::collections::HashMap::from([(1, 2)])).is_err());
    assert!(to_vec(&serde_json::value::RawValue::from_string("[1]".to_owned()).unwrap()).is_err());
}
