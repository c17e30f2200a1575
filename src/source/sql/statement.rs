//! Checks whether a text is one statement. SQLite would run all statements of a text, one after the other; the other
//! databases prepare a query first, and can prepare only one statement.

/// Whether anything follows a semicolon that ends a statement, as SQLite reads it.
pub(super) fn is_several(text: &str) -> bool {
    let mut rest = text;
    let mut ended = false;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.get(2..).and_then(|comment| comment.find("*/")).map_or(rest.len(), |end| end + 4)
        } else if first.is_ascii_whitespace() {
            1
        } else if first == ';' {
            ended = true;
            1
        } else if ended {
            return true;
        } else if let Some(close) = closing(first) {
            // A doubled quote is read as the end of one quoted text and the start of the next; the result is the same.
            rest[1..].find(close).map_or(rest.len(), |end| end + 2)
        } else {
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    false
}

fn closing(quote: char) -> Option<char> {
    match quote {
        '\'' | '"' | '`' => Some(quote),
        '[' => Some(']'),
        _ => None,
    }
}
