//! Filters for texts that the engine does not have.

use deunicode::deunicode_char;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

use super::arguments::is_defined;
use super::expressions;
use super::kinds::shown;
use super::letters::Letters;
use super::lists::{add_of_texts, can_be_written};
use crate::text::is_unseen;

/// How many bytes a text may have to be transliterated, searched or padded: the longest result of a template.
const LONGEST: usize = 16 * 1024;
/// How wide a text can be padded.
const WIDEST: usize = 1_000;
/// How many bytes of a text are read for one unit of work.
const BYTES_FOR_A_UNIT: usize = 8;

/// The filter that replaces the operator `~`. No template can name it.
pub(super) const CONCATENATE: &str = "operator~";

pub(super) fn extend(environment: &mut Environment<'_>) {
    environment.add_filter(CONCATENATE, |state: &mut State<'_, '_>, one: Value, other: Value| {
        Ok::<_, Error>(text(state, &one)? + &text(state, &other)?)
    });
    let of_texts = [
        ("ascii", Value::from_function(|state: &mut State<'_, '_>, value: Value| ascii(&text(state, &value)?))),
        (
            "visible",
            Value::from_function(|state: &mut State<'_, '_>, value: Value| {
                Ok::<_, Error>(visible(&text(state, &value)?))
            }),
        ),
        (
            "trim_start",
            Value::from_function(|state: &mut State<'_, '_>, value: Value, letters: Option<String>| {
                let (text, letters) = (text(state, &value)?, Letters::of(state, letters.as_deref())?);
                Ok::<_, Error>(text.trim_start_matches(|c| letters.have(c)).to_owned())
            }),
        ),
        (
            "trim_end",
            Value::from_function(|state: &mut State<'_, '_>, value: Value, letters: Option<String>| {
                let (text, letters) = (text(state, &value)?, Letters::of(state, letters.as_deref())?);
                Ok::<_, Error>(text.trim_end_matches(|c| letters.have(c)).to_owned())
            }),
        ),
        (
            "pad",
            Value::from_function(|state: &mut State<'_, '_>, value: Value, width: usize, with: Option<String>| {
                pad(&text(state, &value)?, width, with.as_deref().unwrap_or("0"))
            }),
        ),
        (
            "regex_replace",
            Value::from_function(|state: &mut State<'_, '_>, value: Value, pattern: String, with: String| {
                let text = text(state, &value)?;
                expressions::replace_all(state, &text, &pattern, &with)
            }),
        ),
    ];
    for (name, filter) in of_texts {
        add_of_texts(environment, name, filter);
    }
}

/// The text that a filter works on, after its work was counted.
fn text(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    is_defined(state, value)?;
    can_be_written(value)?;
    let text = match value.kind() {
        ValueKind::None | ValueKind::Undefined => String::new(),
        ValueKind::Bool => value.is_true().to_string(),
        _ => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    };
    if text.len() > LONGEST {
        return Err(Error::new(
            ErrorKind::OutOfFuel,
            format!("a text of {} bytes is longer than the {LONGEST} that a filter takes", text.len()),
        ));
    }
    state.consume_fuel((text.len() / BYTES_FOR_A_UNIT) as u64)?;
    Ok(text)
}

/// The text in ASCII letters: `Ö` as `O`, `ß` as `ss`, `Ł` as `L`.
fn ascii(text: &str) -> Result<String, Error> {
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        match deunicode_char(c) {
            Some(letters) => ascii.push_str(letters),
            None => return Err(wrong(format!("{} cannot be written in ASCII", shown(&Value::from(c.to_string()))))),
        }
    }
    Ok(ascii)
}

/// The text without invisible characters, and with a plain space for every other white space.
fn visible(text: &str) -> String {
    let seen = text.chars().filter_map(|c| if c.is_whitespace() { Some(' ') } else { (!is_unseen(c)).then_some(c) });
    seen.collect::<String>().trim().to_owned()
}

/// The text, filled up on its left to this width.
fn pad(text: &str, width: usize, with: &str) -> Result<String, Error> {
    if width > WIDEST {
        return Err(wrong(format!("pad({width}) is wider than the {WIDEST} characters that it may be")));
    }
    let mut letters = with.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else {
        return Err(wrong(format!("pad needs one letter to fill with, not {with:?}")));
    };
    // What is empty stays empty: `00000` would be a number that nobody has.
    let missing = if text.is_empty() { 0 } else { width.saturating_sub(text.chars().count()) };
    Ok(std::iter::repeat_n(letter, missing).chain(text.chars()).collect())
}

fn wrong(problem: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}
