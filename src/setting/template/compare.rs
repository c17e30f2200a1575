//! Which values may be compared. Comparing two values of different types is an error, not "unequal": it is a mistake in
//! the settings or an unexpected value in the list, and nobody may be created or deleted because of it.

use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, tests};

use super::kinds::{Type, described, is_finite, not_a_number, shown};
use super::text_order::{problem_of_order, problem_of_sorting};

/// The tests that replace the operators. No template can name them.
pub(super) const EQUAL: &str = "operator==";
pub(super) const UNEQUAL: &str = "operator!=";
pub(super) const LESS: &str = "operator<";
pub(super) const LESS_OR_EQUAL: &str = "operator<=";
pub(super) const GREATER: &str = "operator>";
pub(super) const GREATER_OR_EQUAL: &str = "operator>=";
pub(super) const IN: &str = "operatorin";

/// How many bytes of two texts are compared for one unit of work.
const BYTES_FOR_A_UNIT: usize = 64;
/// How many items of a list.
const ITEMS_FOR_A_UNIT: usize = 2;

/// The placeholder for a column in advice, if no column is known.
const COLUMN: &str = "hr.column";

/// The comparisons, as tests that `select` and `is` use by name, and as operators.
pub(super) fn extend(environment: &mut Environment<'_>) {
    type Comparison = fn(&mut State<'_, '_>, &Value, &Value) -> Result<bool, Error>;
    let comparisons: [(&[&'static str], &'static str, Comparison); 7] = [
        (&["eq", "equalto", "==", "sameas"], EQUAL, |_, a, b| equal(a, b)),
        (&["ne", "!="], UNEQUAL, |_, a, b| equal(a, b).map(|equal| !equal)),
        (&["lt", "lessthan", "<"], LESS, |_, a, b| ordered(a, b).map(|()| a < b)),
        (&["le", "<="], LESS_OR_EQUAL, |_, a, b| ordered(a, b).map(|()| a <= b)),
        (&["gt", "greaterthan", ">"], GREATER, |_, a, b| ordered(a, b).map(|()| a > b)),
        (&["ge", ">="], GREATER_OR_EQUAL, |_, a, b| ordered(a, b).map(|()| a >= b)),
        (&["in"], IN, is_in),
    ];
    environment.add_test("true", |value: Value| boolean("true", &value));
    environment.add_test("false", |value: Value| boolean("false", &value).map(|holds| !holds));
    environment.add_test("none", |value: Value| {
        super::defined::check("none", [&value])?;
        same_type(&value, &Value::from(())).map(|()| value.is_none())
    });
    let of_one_type = [
        ("odd", Type::Number, Value::from_function(tests::is_odd)),
        ("even", Type::Number, Value::from_function(tests::is_even)),
        ("divisibleby", Type::Number, Value::from_function(tests::is_divisibleby)),
        ("startingwith", Type::Text, Value::from_function(tests::is_startingwith)),
        ("endingwith", Type::Text, Value::from_function(tests::is_endingwith)),
        ("lower", Type::Text, Value::from_function(tests::is_lower)),
        ("upper", Type::Text, Value::from_function(tests::is_upper)),
    ];
    for (name, wanted, test) in of_one_type {
        environment.add_test(name, move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>| {
            let all = [&[value], &rest[..]].concat();
            super::defined::check(name, &all)?;
            of_type(name, wanted, &all)?;
            Ok(test.call(state, &all)?.is_true())
        });
    }
    for (tests, operator, comparison) in comparisons {
        for &name in tests {
            environment.add_test(name, move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>| {
                let [other] = &rest[..] else {
                    let problem = format!("`is {name}` compares with one value, not with {}", rest.len());
                    return Err(Error::new(ErrorKind::InvalidOperation, problem));
                };
                super::defined::check(name, [&value, other])?;
                compared(state, &value, other, comparison)
            });
        }
        environment.add_test(operator, move |state: &mut State<'_, '_>, value: Value, other: Value| {
            for value in [&value, &other] {
                if value.is_undefined() {
                    // This raises the error that names the value.
                    value.get_attr("")?;
                }
            }
            compared(state, &value, &other, comparison)
        });
    }
}

fn compared(
    state: &mut State<'_, '_>,
    a: &Value,
    b: &Value,
    comparison: impl Fn(&mut State<'_, '_>, &Value, &Value) -> Result<bool, Error>,
) -> Result<bool, Error> {
    let cost = |value: &Value| match value.as_str() {
        Some(text) => text.len() / BYTES_FOR_A_UNIT,
        None => value.len().unwrap_or_default() / ITEMS_FOR_A_UNIT,
    };
    state.consume_fuel((cost(a) + cost(b)) as u64)?;
    comparison(state, a, b)
}

/// Whether an operand of `not`, `and`, `or` or `if` in a condition holds: true and false only.
pub(super) fn truth(operator: &str, value: &Value) -> Result<bool, Error> {
    match value.kind() {
        ValueKind::Bool => Ok(value.is_true()),
        ValueKind::Undefined => {
            // This raises the error that names the value.
            value.get_attr("")?;
            Ok(false)
        }
        _ => Err(wrong(format!(
            "`{operator}` needs true or false and gets {}; compare it with something, as in `!= 'active'` or `== ''`",
            described(value)
        ))),
    }
}

/// `is true` and `is false`: whether a value that must be one of the two is true.
fn boolean(test: &str, value: &Value) -> Result<bool, Error> {
    super::defined::check(test, [value])?;
    match Type::of(value) {
        Some(Type::Boolean) => Ok(value.is_true()),
        found => {
            let advice = found.map(|found| advice(found, Type::Boolean, COLUMN)).unwrap_or_default();
            Err(wrong(format!("`is {test}` asks {}, which is neither true nor false{advice}", described(value))))
        }
    }
}

/// Refuses other values in a test that is for one type. The engine says no of them, or writes them as texts and asks that.
fn of_type(test: &str, wanted: Type, values: &[Value]) -> Result<(), Error> {
    let Some(other) = values.iter().find(|value| Type::of(value) != Some(wanted)) else { return Ok(()) };
    if other.kind() == ValueKind::Invalid {
        return Err(unreadable(other));
    }
    let advice = Type::of(other).map(|found| advice(found, wanted, COLUMN)).unwrap_or_default();
    Err(wrong(format!("`is {test}` is for {}, and gets {}{advice}", wanted.plural(), described(other))))
}

fn equal(a: &Value, b: &Value) -> Result<bool, Error> {
    same_type(a, b)?;
    are_equal(a, b)
}

/// Whether two values of one type are equal. To the engine, a list is never equal to the same one in round brackets, which
/// filters such as `items` give.
fn are_equal(a: &Value, b: &Value) -> Result<bool, Error> {
    match (Type::of(a), Type::of(b)) {
        (Some(Type::List), Some(Type::List)) => {
            let (mut one, mut other) = (a.try_iter()?, b.try_iter()?);
            loop {
                match (one.next(), other.next()) {
                    (None, None) => return Ok(true),
                    (Some(one), Some(other)) if are_equal(&one, &other)? => {}
                    _ => return Ok(false),
                }
            }
        }
        (Some(Type::Map), Some(Type::Map)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for key in a.try_iter()? {
                let (one, other) = (a.get_item(&key)?, b.get_item(&key)?);
                if other.is_undefined() || !are_equal(&one, &other)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(a == b),
    }
}

/// Refuses two values that have no order, or not the one that they seem to have.
fn ordered(a: &Value, b: &Value) -> Result<(), Error> {
    have_order(a, b, problem_of_order)
}

/// Refuses two values that cannot be put in one order. In lists, this holds for the items at each place.
pub(super) fn sortable(a: &Value, b: &Value) -> Result<(), Error> {
    if (Type::of(a), Type::of(b)) == (Some(Type::List), Some(Type::List)) {
        same_type(a, b)?;
        both_or_none_is_empty(a, b)?;
        return a.try_iter()?.zip(b.try_iter()?).try_for_each(|(one, other)| sortable(&one, &other));
    }
    have_order(a, b, problem_of_sorting)
}

fn have_order(a: &Value, b: &Value, problem_of_texts: fn(&str, &str) -> Option<String>) -> Result<(), Error> {
    same_type(a, b)?;
    if a.is_none() || b.is_none() {
        return Err(wrong("none is neither less nor more than anything".to_owned()));
    }
    let kinds = (Type::of(a), Type::of(b));
    if kinds == (Some(Type::Map), Some(Type::Map)) {
        return Err(wrong("an object is neither less nor more than another one; compare a member of it".to_owned()));
    }
    if kinds == (Some(Type::List), Some(Type::List)) {
        both_or_none_is_empty(a, b)?;
        // The first items that differ decide.
        let mut items = a.try_iter()?.zip(b.try_iter()?);
        return items
            .find(|(one, other)| one != other)
            .map_or(Ok(()), |(one, other)| have_order(&one, &other, problem_of_texts));
    }
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => problem_of_texts(a, b).map_or(Ok(()), |problem| Err(wrong(problem))),
        _ => Ok(()),
    }
}

/// Refuses an empty list beside another one. It may be a value that is missing, as `as_list` gives it.
fn both_or_none_is_empty(a: &Value, b: &Value) -> Result<(), Error> {
    if a.try_iter()?.next().is_none() == b.try_iter()?.next().is_none() {
        return Ok(());
    }
    Err(wrong("an empty list is neither before nor after another one; ask first whether it is empty".to_owned()))
}

fn is_in(state: &mut State<'_, '_>, value: &Value, container: &Value) -> Result<bool, Error> {
    match Type::of(container) {
        Some(Type::Text) => {
            if let (Some(part), Some(whole)) = (value.as_str(), container.as_str()) {
                return Ok(whole.contains(part));
            }
            Err(across(value, container))
        }
        Some(Type::List) => {
            for item in container.try_iter()? {
                if equal(value, &item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Some(Type::Map) => {
            can_be_listed(container, value)?;
            let found = container.get_item(value)?;
            if found.kind() != ValueKind::Invalid {
                return Ok(!found.is_undefined());
            }
            if !is_table(container) {
                return Err(unreadable(&found));
            }
            // A table reports what it does not have, where its value is used. Asked by `get`, it says whether it has it.
            container.call_method(state, "get", std::slice::from_ref(value)).map(|found| !found.is_undefined())
        }
        _ => Err(wrong(format!("nothing can be in {}; `in` needs a list or a text", described(container)))),
    }
}

/// Refuses to look up a key whose type differs from that of all keys: it could never be found.
pub(super) fn can_be_listed(container: &Value, key: &Value) -> Result<(), Error> {
    match (Type::of(container), Type::of(key)) {
        (Some(Type::Map), Some(wanted)) if wanted != Type::Null => {
            // A key that is found needs no check, so that a large table is not searched for each person.
            if !container.get_item(key)?.is_undefined() {
                return Ok(());
            }
            if container.try_iter().is_ok_and(|mut keys| keys.any(|key| key.is_undefined())) {
                return Err(Error::new(
                    ErrorKind::UndefinedError,
                    "an object has a key that is undefined; say what holds instead with `| default(…)`",
                ));
            }
            let first = container.try_iter().ok().and_then(|mut keys| keys.next());
            match first.as_ref().map(|first| (first, Type::of(first))) {
                Some((first, Some(found))) if found != wanted => Err(wrong(format!(
                    "{} is looked up among keys such as {}, which can never be found{}",
                    described(key),
                    described(first),
                    advice(wanted, found, COLUMN)
                ))),
                _ => Ok(()),
            }
        }
        (Some(Type::Text), _) => Err(wrong(format!(
            "`[…]` of the text {} takes single letters; `| as_list | first` is its only value, and `[:1]` its first letter",
            shown(container)
        ))),
        _ => Ok(()),
    }
}

/// Refuses two values of different types, and what is no value.
pub(super) fn same_type(a: &Value, b: &Value) -> Result<(), Error> {
    for value in [a, b] {
        match value.kind() {
            ValueKind::Number if !is_finite(value) => return Err(not_a_number(value)),
            ValueKind::Undefined => {
                let problem = "a list or an object that is compared has something undefined in it; say what holds instead \
                               with `| default(…)`";
                return Err(Error::new(ErrorKind::UndefinedError, problem));
            }
            ValueKind::Invalid => return Err(unreadable(value)),
            _ => {}
        }
    }
    match (Type::of(a), Type::of(b)) {
        (Some(Type::Null), _) | (_, Some(Type::Null)) => {
            // In a record, a missing value and null are an empty text, which is never equal to none.
            if [a, b].into_iter().any(|value| value.as_str() == Some("")) {
                return Err(wrong(
                    "a value that is missing is an empty text; compare it with `''` instead of none".into(),
                ));
            }
            Ok(())
        }
        (Some(one), Some(other)) if one != other => Err(across(a, b)),
        // Lists and objects are equal if what they hold is.
        (Some(Type::List), Some(Type::List)) => {
            a.try_iter()?.zip(b.try_iter()?).try_for_each(|(one, other)| same_type(&one, &other))
        }
        (Some(Type::Map), Some(Type::Map)) => {
            if is_table(a) || is_table(b) {
                return Err(wrong(
                    "a table cannot be compared; ask whether it has a row, as in `hr.column in table`".to_owned(),
                ));
            }
            for key in a.try_iter()? {
                can_be_listed(b, &key)?;
                let (one, other) = (a.get_item(&key)?, b.get_item(&key)?);
                if !other.is_undefined() {
                    same_type(&one, &other)?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether an object is a look-up table, which does not list its keys.
fn is_table(object: &Value) -> bool {
    object.try_iter().is_err()
}

/// The error that an invalid value holds. The engine gives it only as text.
pub(super) fn unreadable(value: &Value) -> Error {
    let text = value.to_string();
    wrong(text.trim_start_matches("<invalid value: ").trim_end_matches('>').to_owned())
}

/// The error of a comparison across types.
fn across(a: &Value, b: &Value) -> Error {
    let advice = match (Type::of(a), Type::of(b)) {
        (Some(one), Some(other)) => advice(one, other, COLUMN),
        _ => String::new(),
    };
    wrong(format!("{} is compared with {}, which is of another type{advice}", described(a), described(b)))
}

/// What to do about a comparison of two types, beginning with a semicolon; `text` is the text among the two.
pub(super) fn advice(one: Type, other: Type, text: &str) -> String {
    match (one, other) {
        (Type::Text, Type::Number) | (Type::Number, Type::Text) => {
            format!("; convert the text, as in `{text} | float > 0`, or write the number in quotes")
        }
        (Type::Text, Type::Boolean) | (Type::Boolean, Type::Text) => {
            format!("; compare the text with a text, as in `{text} == 'true'`, or convert it: `{text} | bool`")
        }
        (Type::Text, Type::Date) | (Type::Date, Type::Text) => {
            format!("; read the text as a date: `{text} | date`, or `{text} | date('%d.%m.%Y')`")
        }
        (Type::List, _) | (_, Type::List) => {
            "; to ask whether a list has a value, write `'value' in hr.list`".to_owned()
        }
        _ => String::new(),
    }
}

fn wrong(problem: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}
