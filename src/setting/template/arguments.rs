//! Arguments of filters and functions that are not there. The engine takes such a one for an argument that nobody wrote:
//! `dict(p.o, k=1)` would be `{k: 1}` for everybody who has no record in `p`, and `hr.fte | round(p.digits)` a whole number.

use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, State, filters, functions};

pub(super) fn extend(environment: &mut Environment<'_>) {
    add_filter(environment, "round", Value::from_function(filters::round));
    for name in ["default", "d"] {
        let filter = Value::from_function(filters::default);
        environment.add_filter(name, move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>| {
            // What is there instead need not be there itself: another `default` may follow.
            are_defined(state, rest.get(1..).unwrap_or_default())?;
            filter.call(state, &[&[value], &rest[..]].concat())
        });
    }
    let functions =
        [("dict", Value::from_function(functions::dict)), ("range", Value::from_function(functions::range))];
    for (name, function) in functions {
        environment.add_function(name, move |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| {
            let given = rest.into_values();
            // As in `{'k': p.o}`, what a name is given may be undefined.
            given.iter().filter(|one| !one.is_kwargs()).try_for_each(|one| is_defined(state, one))?;
            function.call(state, &given)
        });
    }
}

/// Adds a filter, of which no argument may be undefined.
pub(super) fn add_filter(environment: &mut Environment<'_>, name: &'static str, filter: Value) {
    environment.add_filter(name, move |state: &mut State<'_, '_>, value: Value, rest: Rest<ValueOrKwargs>| {
        let given = rest.into_values();
        are_defined(state, &given)?;
        filter.call(state, &[&[value], &given[..]].concat())
    });
}

/// Refuses undefined arguments, also those with a name.
pub(super) fn are_defined(state: &mut State<'_, '_>, arguments: &[Value]) -> Result<(), Error> {
    for argument in arguments {
        if !argument.is_kwargs() {
            is_defined(state, argument)?;
            continue;
        }
        for name in argument.try_iter()? {
            is_defined(state, &argument.get_item(&name)?)?;
        }
    }
    Ok(())
}

/// Refuses what is undefined, but for `x if y` without `else`, which is an empty text.
pub(super) fn is_defined(state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        // The engine tells them apart where it takes a text.
        Value::from_function(filters::upper).call(state, std::slice::from_ref(value))?;
    }
    Ok(())
}
