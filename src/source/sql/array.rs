//! Parses arrays as PostgreSQL prints them: `{1,NULL,"a \"b\"",{2}}`.

use std::borrow::Cow;

use crate::source::cell::{CellKind, MAX_DEPTH, cell_of};

/// Makes a cell of the text of one element.
type Element<'e> = dyn Fn(&str) -> Result<(CellKind, Cow<'_, str>), String> + 'e;

/// The cell of an array, a list; `element` converts each element. If an element cannot be read, the whole list cannot.
pub(super) fn cell(text: &str, element: &Element<'_>) -> Result<(CellKind, Cow<'static, str>), String> {
    // Bounds that do not begin with 1 come first: `[0:1]={a,b}`.
    let array = if text.starts_with('[') { text.split_once('=').map_or("", |(_, array)| array) } else { text };
    let mut reader =
        Reader { rest: array, element, json: String::with_capacity(array.len() + 8), depth: 0, problem: None };
    reader.list()?;
    let Reader { rest, json, problem, .. } = reader;
    match (rest, problem) {
        ("", Some(problem)) => Ok((CellKind::Unreadable, problem.into())),
        ("", None) => {
            let (kind, text) = cell_of(&json);
            Ok((kind, text.into_owned().into()))
        }
        _ => Err(unreadable()),
    }
}

struct Reader<'t> {
    rest: &'t str,
    element: &'t Element<'t>,
    json: String,
    /// How many lists are open.
    depth: usize,
    /// Why an element cannot be read.
    problem: Option<String>,
}

impl Reader<'_> {
    fn list(&mut self) -> Result<(), String> {
        self.step("{")?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("is an array nested more than {MAX_DEPTH} deep"));
        }
        self.json.push('[');
        if self.step("}").is_err() {
            self.element()?;
            while self.step(",").is_ok() {
                self.json.push(',');
                self.element()?;
            }
            self.step("}")?;
        }
        self.json.push(']');
        self.depth -= 1;
        Ok(())
    }

    fn element(&mut self) -> Result<(), String> {
        if self.rest.starts_with('{') {
            return self.list();
        }
        if self.step("\"").is_ok() {
            let text = self.quoted()?;
            return self.value(&text);
        }
        let end = self.rest.find([',', '}']).ok_or_else(unreadable)?;
        let (bare, rest) = self.rest.split_at(end);
        self.rest = rest;
        if bare == "NULL" {
            self.json.push_str("null");
            return Ok(());
        }
        self.value(bare)
    }

    /// The text up to the closing quote; a backslash makes the next character literal.
    fn quoted(&mut self) -> Result<String, String> {
        let mut text = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next() {
                Some('"') => break,
                Some('\\') => text.push(chars.next().ok_or_else(unreadable)?),
                Some(c) => text.push(c),
                None => return Err(unreadable()),
            }
        }
        self.rest = chars.as_str();
        Ok(text)
    }

    fn value(&mut self, text: &str) -> Result<(), String> {
        match (self.element)(text)? {
            (CellKind::Text, text) => {
                self.json.push_str(&serde_json::to_string(&text).map_err(|error| error.to_string())?);
            }
            (CellKind::Unreadable, problem) => {
                self.problem.get_or_insert_with(|| problem.into_owned());
            }
            (_, text) => self.json.push_str(&text),
        }
        Ok(())
    }

    fn step(&mut self, mark: &str) -> Result<(), String> {
        self.rest = self.rest.strip_prefix(mark).ok_or_else(unreadable)?;
        Ok(())
    }
}

fn unreadable() -> String {
    "is an array that cannot be read".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_has_a_bound() {
        let nested = |depth: usize| {
            cell(&("{".repeat(depth) + "1" + &"}".repeat(depth)), &|text| Ok((CellKind::Integer, text.into())))
        };
        let list = "[".repeat(MAX_DEPTH) + "1" + &"]".repeat(MAX_DEPTH);
        assert_eq!(nested(MAX_DEPTH), Ok((CellKind::Structured, list.into())));
        for depth in [MAX_DEPTH + 1, 1_000_000] {
            assert_eq!(nested(depth), Err("is an array nested more than 64 deep".to_owned()));
        }
        let side_by_side = "{".to_owned() + &"{1},".repeat(2 * MAX_DEPTH) + "{1}}";
        assert!(cell(&side_by_side, &|text| Ok((CellKind::Integer, text.into()))).is_ok());
    }
}
