//! Tests that refuse undefined values. The engine's own tests answer no: `ad.status is eq 'active'` would put a person
//! without a record in `ad` out of the scope. Only `is defined` and its like may see an undefined value.

use minijinja::value::{Rest, Value};
use minijinja::{Environment, Error, ErrorKind, State, tests};

pub(super) fn extend(environment: &mut Environment<'_>) {
    let tests = [
        (&["boolean"][..], Value::from_function(tests::is_boolean)),
        (&["number"], Value::from_function(tests::is_number)),
        (&["integer", "int"], Value::from_function(tests::is_integer)),
        (&["float"], Value::from_function(tests::is_float)),
        (&["string"], Value::from_function(tests::is_string)),
        (&["sequence"], Value::from_function(tests::is_sequence)),
        (&["iterable"], Value::from_function(tests::is_iterable)),
        (&["mapping"], Value::from_function(tests::is_mapping)),
    ];
    for (names, test) in tests {
        for &name in names {
            let test = test.clone();
            environment.add_test(name, move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>| {
                check(name, [&value].into_iter().chain(&*rest))?;
                Ok(test.call(state, &[&[value], &rest[..]].concat())?.is_true())
            });
        }
    }
}

/// Refuses what is undefined.
pub(super) fn check<'v>(test: &str, values: impl IntoIterator<Item = &'v Value>) -> Result<(), Error> {
    if !values.into_iter().any(Value::is_undefined) {
        return Ok(());
    }
    let problem = format!("`is {test}` is asked of something that is undefined; ask `is defined` first");
    Err(Error::new(ErrorKind::UndefinedError, problem))
}
