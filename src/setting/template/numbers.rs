//! `int` and `float`, for numbers only. The engine takes `NaN`, `inf` and `1e400` for numbers, too: many lists write `NaN`
//! for a value that is missing, and `int` would make 0 of it.

use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, filters};

use super::arguments::is_defined;
use super::kinds::described;

/// The greatest number that `int` can give, as a float.
const GREATEST_INTEGER: f64 = i128::MAX as f64;

pub(super) fn extend(environment: &mut Environment<'_>) {
    let filters = [
        ("int", Value::from_function(filters::int), GREATEST_INTEGER),
        ("float", Value::from_function(filters::float), f64::MAX),
    ];
    for (name, filter, greatest) in filters {
        environment.add_filter(
            name,
            move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>, named: Kwargs| {
                let bases = rest.iter().skip(1).cloned().chain(named.peek("base").ok());
                // The engine makes 0 of none, unless there is something instead.
                let instead = rest.first().cloned().or_else(|| named.peek("default").ok()).filter(|_| value.is_none());
                bases.chain(instead).try_for_each(|argument| is_defined(state, &argument))?;
                if !is_beyond(&value, greatest) {
                    let has_named = named.args().next().is_some();
                    let named = has_named.then(|| Value::from(named));
                    return filter.call(state, &[&[value], &rest[..], named.as_slice()].concat());
                }
                let default =
                    rest.first().cloned().map_or_else(|| named.get::<Option<Value>>("default"), |of| Ok(Some(of)))?;
                default.ok_or_else(|| {
                    let problem = format!("`{name}` of {}, which is not a number", described(&value));
                    Error::new(ErrorKind::InvalidOperation, problem)
                })
            },
        );
    }
}

/// Whether a value looks like a number to the engine, and is none or a greater one.
fn is_beyond(value: &Value, greatest: f64) -> bool {
    let number = match value.as_str() {
        Some(text) => text.parse().ok(),
        None => f64::try_from(value.clone()).ok().filter(|_| value.kind() == ValueKind::Number),
    };
    number.is_some_and(|number: f64| number.is_nan() || number.abs() > greatest)
}
