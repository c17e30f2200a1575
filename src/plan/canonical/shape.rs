//! How many objects and lists a JSON text opens. serde also reads a struct from a list of its values, and a word from an
//! object with one member. Each of these changes a count, so a plan that is read has all of its names in the file.

use memchr::{memchr2, memchr3};

/// The objects and the lists that are opened in a text, which must be JSON.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) struct Shape {
    pub(super) objects: usize,
    pub(super) lists: usize,
}

impl Shape {
    pub(in crate::plan) fn of(json: &[u8]) -> Self {
        let mut shape = Self::default();
        let mut rest = json;
        while let Some(found) = memchr3(b'"', b'{', b'[', rest) {
            let opens = rest[found];
            rest = &rest[found + 1..];
            match opens {
                b'{' => shape.objects += 1,
                b'[' => shape.lists += 1,
                _ => rest = after_text(rest),
            }
        }
        shape
    }

    /// That of a list of what is counted.
    pub(in crate::plan) fn in_a_list(self) -> Self {
        Self { lists: self.lists + 1, ..self }
    }
}

/// What follows the quote that ends a text.
fn after_text(mut rest: &[u8]) -> &[u8] {
    while let Some(found) = memchr2(b'"', b'\\', rest) {
        let is_end = rest[found] == b'"';
        rest = rest.get(found + if is_end { 1 } else { 2 }..).unwrap_or_default();
        if is_end {
            return rest;
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_texts_hold_is_not_counted() {
        for (json, objects, lists) in [
            (r#"{"a": [1, {}], "b": []}"#, 2, 2),
            (r#"{"[": "{\"[", "b\\": [], "c": "\\\"["}"#, 1, 1),
            (r#""[{"#, 0, 0),
            ("", 0, 0),
        ] {
            assert_eq!(Shape::of(json.as_bytes()), Shape { objects, lists }, "{json}");
        }
    }
}
