//! `+`, `chain` and `zip`, each carried out at once. The engine only notes what is to be put together, without counting it:
//! after forty times `{% set all = all + all %}`, the first look at the list takes hours and all memory.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, Expression, State, context, filters};

use super::arguments::{are_defined, is_defined};
use super::lists::no_list;

/// The filter that replaces the operator `+`. No template can name it.
pub(super) const PLUS: &str = "operator+";

/// How many bytes of a text are made for one unit of work.
const BYTES_FOR_A_UNIT: usize = 64;

/// The operator itself, as the engine has it.
static OPERATOR: LazyLock<Expression<'static, 'static>> = LazyLock::new(|| {
    static PLAIN: LazyLock<Environment<'static>> = LazyLock::new(Environment::empty);
    PLAIN.compile_expression("a + b").expect("it is an expression")
});

pub(super) fn extend(environment: &mut Environment<'_>) {
    environment.add_filter(PLUS, |state: &mut State<'_, '_>, a: Value, b: Value| {
        are_defined(state, &[a.clone(), b.clone()])?;
        let text = |value: &Value| value.as_str().map_or(0, str::len);
        state.consume_fuel(((text(&a) + text(&b)) / BYTES_FOR_A_UNIT) as u64)?;
        at_once(state, OPERATOR.eval(context! { a, b })?)
    });
    // To the engine, what is not there is an empty list, and a text is the list of its letters.
    for (name, filter) in [("chain", Value::from_function(filters::chain)), ("zip", Value::from_function(filters::zip))]
    {
        environment.add_filter(name, move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>| {
            for list in [&value].into_iter().chain(&*rest) {
                is_defined(state, list)?;
                if list.kind() == ValueKind::String {
                    return Err(no_list(name, list));
                }
            }
            let together = filter.call(state, &[&[value], &rest[..]].concat())?;
            at_once(state, together)
        });
    }
}

/// A list or a map with all that is in it, of which each entry is counted.
fn at_once(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return Ok(value);
    }
    let mut entries = Vec::new();
    for entry in value.try_iter()?.checked() {
        state.consume_fuel(1)?;
        entries.push(entry?);
    }
    if value.kind() != ValueKind::Map {
        return Ok(Value::from(entries));
    }
    let with_value = |key: Value| value.get_item(&key).map(|of| (key, of));
    Ok(Value::from(entries.into_iter().map(with_value).collect::<Result<BTreeMap<_, _>, _>>()?))
}
