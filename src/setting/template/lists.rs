//! Filters for lists that refuse texts, and filters for texts that refuse lists.
//!
//! The engine treats a text as the list of its letters: `{{ ad.mail | first }}` would give one letter if the attribute
//! has a single value. And it would write a list in brackets if a text is wanted.

use std::borrow::Cow;

use minijinja::value::{Kwargs, Rest, StringInput, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, filters};

use super::arguments::is_defined;
use super::compare::{truth, unreadable};
use super::in_order;
use super::kinds::{is_finite, not_a_number, shown};
use super::letters::Letters;

/// The engine's filters that treat a text as the list of its letters.
pub(super) const FOR_LISTS: [&str; 14] = [
    "first", "last", "join", "list", "min", "max", "sort", "unique", "groupby", "select", "reject", "map", "batch",
    "sum",
];

/// The filters that choose items, as they are where true or false is needed: without a test, an item that is neither is an
/// error. To the engine every text but the empty one is true, and what is not there is false. And how many arguments each has
/// without a test.
const CHOOSING: [(&str, &str, usize); 4] = [
    ("select", "operatorselect", 0),
    ("reject", "operatorreject", 0),
    ("selectattr", "operatorselectattr", 1),
    ("rejectattr", "operatorrejectattr", 1),
];
/// The tests that choose where none is named: of what is there, and of true and false.
const HOLDS: &str = "operatorholds";
const IS_TRUE: &str = "operatortrue";

/// The filter instead of this one in a condition.
pub(super) fn in_condition(filter: &str) -> Option<&'static str> {
    CHOOSING.iter().find(|(name, ..)| *name == filter).map(|(_, strict, _)| *strict)
}

/// How many bytes are written for one unit of work.
const BYTES_FOR_A_UNIT: usize = 64;

pub(super) fn extend(environment: &mut Environment<'_>) {
    let of_texts = [
        ("lower", Value::from_function(filters::lower)),
        ("upper", Value::from_function(filters::upper)),
        ("title", Value::from_function(filters::title)),
        ("capitalize", Value::from_function(filters::capitalize)),
        ("trim", Value::from_function(trim)),
        ("replace", Value::from_function(filters::replace)),
        ("split", Value::from_function(filters::split)),
        ("lines", Value::from_function(filters::lines)),
        ("string", Value::from_function(filters::string)),
        ("pprint", Value::from_function(filters::pprint)),
        ("escape", Value::from_function(filters::escape)),
        ("e", Value::from_function(filters::escape)),
        ("safe", Value::from_function(filters::safe)),
        (
            "indent",
            Value::from_function(|state: &mut State<'_, '_>, value: Value, rest: Rest<Value>| {
                indent(state, &value, &rest)
            }),
        ),
        ("format", Value::from_function(filters::format)),
    ];
    for (name, filter) in of_texts {
        add_of_texts(environment, name, filter);
    }
    let of_lists = [
        Value::from_function(filters::first),
        Value::from_function(filters::last),
        Value::from_function(filters::join),
        Value::from_function(filters::list),
        Value::from_function(filters::min),
        Value::from_function(filters::max),
        Value::from_function(filters::sort),
        Value::from_function(filters::unique),
        Value::from_function(filters::groupby),
        Value::from_function(filters::select),
        Value::from_function(filters::reject),
        Value::from_function(filters::map),
        Value::from_function(filters::batch),
        Value::from_function(filters::sum),
    ];
    for (name, filter) in FOR_LISTS.into_iter().zip(of_lists) {
        environment.add_filter(
            name,
            move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>, named: Kwargs| {
                if value.kind() == ValueKind::String {
                    return Err(no_list(name, &value));
                }
                rest.iter().try_for_each(|argument| is_defined(state, argument))?;
                for argument in named.args().filter(|argument| *argument != "default") {
                    is_defined(state, &named.peek::<Value>(argument)?)?;
                }
                let attribute = if name == "groupby" { rest.first().and_then(Value::as_str) } else { None };
                if let Some(attribute) = attribute.or(named.peek::<Option<&str>>("attribute").ok().flatten()) {
                    // `sort` takes several.
                    attribute.split(',').try_for_each(|attribute| can_be_read(state, &value, attribute.trim()))?;
                }
                in_order::check_list(name, state, &value, &rest, &named)?;
                match name {
                    "join" => return joined(state, &value, &rest, &named),
                    "sum" if !value.is_undefined() => are_summands(state, &value, &rest, &named)?,
                    // Asked whether it is true, what is not there would be false.
                    "select" | "reject" if rest.is_empty() && !value.is_undefined() => {
                        if let Some(missing) = value.try_iter()?.find(Value::is_undefined) {
                            missing.get_attr("")?;
                        }
                    }
                    _ => {}
                }
                let has_named = named.args().next().is_some();
                let named = has_named.then(|| Value::from(named));
                filter.call(state, &[&[value], &rest[..], named.as_slice()].concat())
            },
        );
    }
    for (name, filter) in [
        ("selectattr", Value::from_function(filters::selectattr)),
        ("rejectattr", Value::from_function(filters::rejectattr)),
    ] {
        environment.add_filter(name, move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>| {
            rest.iter().try_for_each(|argument| is_defined(state, argument))?;
            if let Some(attribute) = rest.first().and_then(Value::as_str) {
                can_be_read(state, &value, attribute)?;
            }
            let test = (rest.len() == 1).then(|| Value::from(HOLDS));
            filter.call(state, &[&[value], &rest[..], test.as_slice()].concat())
        });
    }
    environment.add_test(HOLDS, |state: &mut State<'_, '_>, value: Value| {
        is_defined(state, &value)?;
        Ok::<_, Error>(value.is_true())
    });
    environment.add_test(IS_TRUE, |value: Value, filter: &str| truth(filter, &value));
    for (name, strict, without_test) in CHOOSING {
        environment.add_filter(strict, move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>| {
            let test = if rest.len() == without_test { vec![IS_TRUE.into(), name.into()] } else { Vec::new() };
            state.apply_filter(name, &[&[value], &rest[..], &test[..]].concat())
        });
    }
    // To the engine, what is not there is an empty list.
    environment.add_filter("slice", |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>| {
        [&value].into_iter().chain(&*rest).try_for_each(|argument| is_defined(state, argument))?;
        // What it is filled up with may be a text.
        if value.kind() == ValueKind::String {
            return Err(no_list("slice", &value));
        }
        Value::from_function(filters::slice).call(state, &[&[value], &rest[..]].concat())
    });
    environment.add_filter("as_list", as_list);
    environment.add_filter("bool", boolean);
}

/// Adds a filter of texts, of which neither the text nor an argument may be a list, an object, or undefined.
pub(super) fn add_of_texts(environment: &mut Environment<'_>, name: &'static str, filter: Value) {
    environment.add_filter(name, move |state: &mut State<'_, '_>, value: Value, rest: Rest<Value>| {
        is_defined(state, &value)?;
        let mut all = vec![written(value)?];
        // What is replaced, and what `format` inserts, is written too.
        for argument in &*rest {
            if argument.is_kwargs() {
                argument.try_iter()?.try_for_each(|name| can_be_written(&argument.get_item(&name)?))?;
                all.push(argument.clone());
            } else {
                is_defined(state, argument)?;
                let text = written(argument.clone())?;
                all.push(if matches!(name, "replace" | "format") { text } else { argument.clone() });
            }
        }
        filter.call(state, &all)
    });
}

/// A value as it is written in a text: true and false as in JSON, and no value as an empty text.
fn written(value: Value) -> Result<Value, Error> {
    can_be_written(&value)?;
    Ok(match value.kind() {
        ValueKind::Bool => Value::from(if value.is_true() { "true" } else { "false" }),
        ValueKind::None => Value::from(""),
        _ => value,
    })
}

/// The engine counts the work of its own filter only.
fn indent(state: &mut State<'_, '_>, text: &Value, rest: &[Value]) -> Result<Value, Error> {
    let named = rest.last().filter(|last| last.is_kwargs()).and_then(|named| named.get_attr("width").ok());
    let width = rest.first().and_then(Value::as_usize).or(named.and_then(|width| width.as_usize())).unwrap_or_default();
    // One more is made before any line is looked at.
    let lines = text.as_str().map_or(1, |text| text.lines().count()).saturating_add(1);
    state.consume_fuel((lines.saturating_mul(width) / BYTES_FOR_A_UNIT) as u64)?;
    Value::from_function(filters::indent).call(state, &[std::slice::from_ref(text), rest].concat())
}

/// Refuses to write a list or an object, and what cannot be read.
pub(super) fn can_be_written(value: &Value) -> Result<(), Error> {
    match value.kind() {
        kind @ (ValueKind::Seq | ValueKind::Map | ValueKind::Iterable) => Err(no_text(kind)),
        ValueKind::Invalid => Err(unreadable(value)),
        ValueKind::Number if !is_finite(value) => Err(not_a_number(value)),
        _ => Ok(()),
    }
}

/// Refuses a list if an attribute of an item cannot be read. The engine takes it for one that is not there.
fn can_be_read(state: &State<'_, '_>, list: &Value, attribute: &str) -> Result<(), Error> {
    if !matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Ok(());
    }
    for item in list.try_iter()? {
        let mut found = item;
        for name in attribute.split('.') {
            state.consume_fuel(1)?;
            let next = name.parse::<usize>().map_or_else(|_| found.get_attr(name), |at| found.get_item_by_index(at));
            // What is not there is the filter's business.
            let Ok(next) = next else { break };
            if next.kind() == ValueKind::Invalid {
                return Err(unreadable(&next));
            }
            found = next;
        }
    }
    Ok(())
}

/// What `join` makes of the items of a list, or of an attribute of theirs.
fn joined(state: &mut State<'_, '_>, list: &Value, others: &[Value], named: &Kwargs) -> Result<Value, Error> {
    let joiner = others.first().cloned().or(named.get::<Option<Value>>("d")?).unwrap_or_else(|| Value::from(""));
    let attribute = others.get(1).cloned().or(named.get::<Option<Value>>("attribute")?);
    named.assert_all_used()?;
    let items = match attribute {
        Some(attribute) if !attribute.is_none() => {
            let attribute = Kwargs::from_iter([("attribute", attribute)]);
            Value::from_function(filters::map).call(state, &[list.clone(), attribute.into()])?
        }
        _ => list.clone(),
    };
    is_defined(state, &items)?;
    let mut texts = Vec::new();
    for item in items.try_iter()? {
        is_defined(state, &item)?;
        texts.push(written(item)?);
    }
    Value::from_function(filters::join).call(state, &[Value::from(texts), written(joiner)?])
}

/// Refuses to leave out of a sum what is not there.
fn are_summands(state: &mut State<'_, '_>, list: &Value, others: &[Value], named: &Kwargs) -> Result<(), Error> {
    let attribute = others.first().cloned().or(named.peek::<Option<Value>>("attribute").ok().flatten());
    let Some(attribute) = attribute.filter(|attribute| !attribute.is_none()) else {
        return list.try_iter()?.try_for_each(|item| is_defined(state, &item));
    };
    let by = Kwargs::from_iter([("attribute", attribute.clone())]);
    let mut items = Value::from_function(filters::map).call(state, &[list.clone(), by.into()])?.try_iter()?;
    if items.any(|item| item.is_undefined()) {
        let problem = format!("`sum` adds up {}, which an item of the list lacks", shown(&attribute));
        return Err(Error::new(ErrorKind::UndefinedError, problem));
    }
    Ok(())
}

/// The engine's own searches all letters for each letter of the text.
fn trim(state: &State<'_, '_>, text: StringInput<'_>, letters: Option<Cow<'_, str>>) -> Result<String, Error> {
    let letters = Letters::of(state, letters.as_deref())?;
    Ok(text.as_str().trim_matches(|c| letters.have(c)).to_owned())
}

/// A list as it is, a single value as the only one of a list, and an empty one as an empty list. What is not there is not empty.
fn as_list(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    is_defined(state, &value)?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => Ok(value),
        ValueKind::None => Ok(Value::from(Vec::<Value>::new())),
        ValueKind::String if value.as_str() == Some("") => Ok(Value::from(Vec::<Value>::new())),
        ValueKind::Map => Err(Error::new(ErrorKind::InvalidOperation, "`as_list` of an object; pick a member of it")),
        _ => Ok(Value::from(vec![value])),
    }
}

/// Yes or no, in the words that lists use. To the engine every text but the empty one is true, even `"false"`.
fn boolean(value: Value) -> Result<bool, Error> {
    let word = match value.kind() {
        ValueKind::Bool => return Ok(value.is_true()),
        ValueKind::Number => value.to_string(),
        _ => value.as_str().unwrap_or_default().trim().to_ascii_lowercase(),
    };
    match word.as_str() {
        "true" | "yes" | "y" | "1" => Ok(true),
        "false" | "no" | "n" | "0" => Ok(false),
        _ => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!(
                "`bool` knows true, yes, y, 1 and false, no, n, 0, but not {}; compare the value instead",
                shown(&value)
            ),
        )),
    }
}

/// The error where a text is wanted.
fn no_text(kind: ValueKind) -> Error {
    let problem = match kind {
        ValueKind::Map => "it is an object with members; name one of them, as in `hr.name.given`",
        _ => {
            "it is a list; pick something from it, as with `| as_list | first`, or write it out with `| as_list | join(', ')`"
        }
    };
    Error::new(ErrorKind::InvalidOperation, problem)
}

pub(super) fn no_list(filter: &str, value: &Value) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!(
            "`{filter}` is for lists, and {} is a text; for a value that may be either, write `| as_list | {filter}`",
            shown(value)
        ),
    )
}
