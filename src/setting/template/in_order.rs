//! Filters that compare the items of a list with one another: they refuse values as `<` and `==` do.
//!
//! The engine's own filters put any values in an order and take a text and a number for two values. Then
//! `hr.contracts | sort(attribute='start') | last` would be another contract if one `start` is missing or is a number.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, filters};

use super::arguments::is_defined;
use super::compare::{same_type, sortable};
use super::kinds::{Type, is_finite};
use super::text_order::shape_to_sort;

/// How many bytes of a text are read for one unit of work.
const BYTES_FOR_A_UNIT: usize = 64;

/// What a filter does with each two items.
#[derive(Clone, Copy)]
enum Compares {
    /// It puts them in an order.
    Order,
    /// It asks whether they are equal.
    Equality,
}

pub(super) fn extend(environment: &mut Environment<'_>) {
    environment.add_filter("dictsort", |state: &mut State<'_, '_>, value: Value, named: Kwargs| {
        for name in named.args() {
            is_defined(state, &named.peek(name)?)?;
        }
        if value.kind() == ValueKind::Map {
            let by_value = named.get::<Option<&str>>("by")? == Some("value");
            let keys = value.try_iter()?.map(|key| if by_value { value.get_item(&key) } else { Ok(key) });
            check(state, Compares::Order, keys)?;
        }
        filters::dictsort(&value, named)
    });
}

/// Refuses a list whose items a filter cannot compare. `others` are the arguments without a name.
pub(super) fn check_list(
    filter: &str,
    state: &mut State<'_, '_>,
    list: &Value,
    others: &[Value],
    named: &Kwargs,
) -> Result<(), Error> {
    let compares = match filter {
        "min" | "max" | "sort" | "groupby" => Compares::Order,
        "unique" => Compares::Equality,
        _ => return Ok(()),
    };
    if list.is_undefined() || list.is_none() {
        return Ok(());
    }
    let attribute = if filter == "groupby" { others.first().and_then(Value::as_str) } else { None };
    let Some(attributes) = attribute.or(named.get::<Option<&str>>("attribute")?) else {
        return check(state, compares, list.try_iter()?.map(Ok));
    };
    // `sort` takes several.
    let is_several = filter == "sort" && attributes.contains(',');
    let each = if is_several { attributes.split(',').map(str::trim).collect() } else { vec![attributes] };
    for attribute in each.into_iter().filter(|name| !is_several || !name.is_empty()) {
        let mut arguments = vec![("attribute", Value::from(attribute))];
        if filter == "groupby" && named.has("default") {
            arguments.push(("default", named.peek("default")?));
        }
        let keys =
            Value::from_function(filters::map).call(state, &[list.clone(), Kwargs::from_iter(arguments).into()])?;
        let one = keys.len() == Some(1);
        let keys = keys.try_iter()?.map(|key| {
            if !one && key.is_undefined() {
                let problem = format!("`{filter}` compares by {attribute:?}, which an item of the list lacks");
                return Err(Error::new(ErrorKind::UndefinedError, problem));
            }
            Ok(key)
        });
        check(state, compares, keys)?;
    }
    Ok(())
}

/// Compares each value with one of every shape before it. Values of one shape are alike for every comparison.
fn check(
    state: &State<'_, '_>,
    compares: Compares,
    values: impl Iterator<Item = Result<Value, Error>>,
) -> Result<(), Error> {
    let mut of_each_shape: BTreeMap<String, Value> = BTreeMap::new();
    for (count, value) in (1_usize..).zip(values) {
        let value = value?;
        // The work of comparing and sorting, as the engine counts it.
        state.consume_fuel(u64::from(count.ilog2()) + 1)?;
        let mut shape = String::new();
        write_shape(state, compares, &value, &mut shape)?;
        for other in of_each_shape.values() {
            state.consume_fuel(1)?;
            match compares {
                Compares::Order => sortable(other, &value)?,
                Compares::Equality => {
                    same_type(other, &value)?;
                    if other.is_tuple() != value.is_tuple() {
                        let problem = "to `unique`, a list is never the same as one in round brackets, which filters such as \
                                       `items` and `zip` give; add `| list` to each of these";
                        return Err(Error::new(ErrorKind::InvalidOperation, problem));
                    }
                }
            }
        }
        of_each_shape.entry(shape).or_insert(value);
    }
    Ok(())
}

/// Writes what decides whether a value can be compared with others.
fn write_shape(state: &State<'_, '_>, compares: Compares, value: &Value, shape: &mut String) -> Result<(), Error> {
    state.consume_fuel(1)?;
    match (value.kind(), value.as_str(), compares) {
        (_, Some(""), _) => shape.push_str("''"),
        (_, Some(text), Compares::Order) => {
            state.consume_fuel((text.len() / BYTES_FOR_A_UNIT) as u64)?;
            shape.push_str(&shape_to_sort(text));
        }
        (ValueKind::Seq | ValueKind::Iterable, ..) => {
            shape.push(if value.is_tuple() { '(' } else { '[' });
            for item in value.try_iter()? {
                write_shape(state, compares, &item, shape)?;
                shape.push(',');
            }
            shape.push(']');
        }
        (ValueKind::Map, ..) => {
            shape.push('{');
            // A look-up table does not list its keys.
            for key in value.try_iter().into_iter().flatten() {
                // A text takes everything.
                let _ = write!(shape, "{key:?}:");
                write_shape(state, compares, &value.get_item(&key)?, shape)?;
                shape.push(',');
            }
            shape.push('}');
        }
        // A number that is none is refused beside every other value.
        (ValueKind::Number, ..) if !is_finite(value) => shape.push_str("NaN"),
        _ => {
            let _ = write!(shape, "{:?}", Type::of(value));
        }
    }
    Ok(())
}
