//! Parses arrays as PostgreSQL prints them: `{1,NULL,"a \"b\"",{2}}`.

use std::borrow::Cow;

use crate::source::cell::CellKind;

/// Makes a cell of the text of one element.
type Element<'e> = dyn Fn(&str) -> Result<(CellKind, Cow<'_, str>), String> + 'e;

/// The array as a JSON list; `element` converts each element.
pub(super) fn json(text: &str, element: &Element<'_>) -> Result<String, String> {
    // Bounds that do not begin with 1 come first: `[0:1]={a,b}`.
    let array = if text.starts_with('[') { text.split_once('=').map_or("", |(_, array)| array) } else { text };
    let mut reader = Reader { rest: array, element, json: String::with_capacity(array.len() + 8) };
    reader.list()?;
    if reader.rest.is_empty() { Ok(reader.json) } else { Err(unreadable()) }
}

struct Reader<'t> {
    rest: &'t str,
    element: &'t Element<'t>,
    json: String,
}

impl Reader<'_> {
    fn list(&mut self) -> Result<(), String> {
        self.step("{")?;
        self.json.push('[');
        if self.step("}").is_ok() {
            self.json.push(']');
            return Ok(());
        }
        loop {
            self.element()?;
            if self.step(",").is_ok() {
                self.json.push(',');
                continue;
            }
            self.step("}")?;
            self.json.push(']');
            return Ok(());
        }
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
