//! Quotes values of the settings and names from lists in messages: short, and not at all if the value may be a secret
//! that somebody put in the wrong place.

use std::borrow::Cow;

use crate::text::{PRIVATE_KEY, printable, start};

/// How many characters of a value are shown.
const LONGEST: usize = 60;
/// How many characters are shown of the name of a column that the settings do not name.
const LONGEST_NAME: usize = 12;
/// How many such names are shown.
const NAMES: usize = 3;
/// A text with this many letters and digits in a row may be a secret: the first number if some are digits, the second
/// if none is.
const RUN: usize = 16;
const RUN_OF_LETTERS: usize = 24;
/// A word with this many characters of base64 in a row may be a key.
const LONG_RUN: usize = 40;
/// How many characters of base64 a key has at least.
const BASE64: usize = 32;
/// How many URL escapes make a text a possible secret.
const ESCAPES: usize = 4;
/// How many pairs of hexadecimal digits, as in `73:6b:2d`, make a text a possible secret.
const PAIRS: usize = 8;

/// A value of the settings in quotes, or only its length.
pub(crate) fn quoted(text: &str) -> String {
    if may_be_secret(text) {
        return length(text);
    }
    match start(text, LONGEST) {
        (start, true) => format!("{start:?}… ({})", length(text)),
        (text, false) => format!("{text:?}"),
    }
}

/// The length of what is not shown.
pub(crate) fn length(text: &str) -> String {
    match text.chars().count() {
        1 => "1 character".to_owned(),
        number => format!("{number} characters"),
    }
}

/// Whether a text looks like a key rather than a word, a name or a path: much of it in a row, many digits, escapes, or
/// bytes as pairs of digits.
pub(crate) fn may_be_secret(text: &str) -> bool {
    let mut runs = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_byte = |run: &&str| run.len() == 2 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.matches('%').count() >= ESCAPES || runs.clone().filter(is_byte).count() >= PAIRS || is_base64_key(text) {
        return true;
    }
    runs.any(|run| {
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        let letters = run.len() - digits;
        run.len() >= RUN_OF_LETTERS || (run.len() >= RUN && digits > 0 && letters > 0) || (digits >= 4 && letters >= 4)
    })
}

/// A word of a command line, with everything invisible escaped; or only its length, if it is a key.
pub(crate) fn word(text: &str) -> Cow<'_, str> {
    if is_pasted_key(text) {
        return format!("({}, not shown, as they may be a key itself)", length(text)).into();
    }
    printable(text)
}

/// Whether a text that is to be a word or the name of a file is a private key, or has a long part that looks like a key. A hash is
/// none.
pub(crate) fn is_pasted_key(text: &str) -> bool {
    let is_key = |run: &str| {
        let has = |of: fn(&u8) -> bool| run.bytes().any(|byte| of(&byte));
        run.len() >= LONG_RUN && has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase)
    };
    text.contains(PRIVATE_KEY)
        || is_marked_as_base64(text) && is_base64_key(text)
        || text.split(|c: char| !c.is_ascii_alphanumeric() && !"+=".contains(c)).any(is_key)
}

/// Whether a text is a key in base64, such as 24 random bytes or more. With slashes in it, such a key looks like a path.
fn is_base64_key(text: &str) -> bool {
    let text = text.trim();
    let has = |of: fn(&u8) -> bool| text.bytes().any(|byte| of(&byte));
    text.len() >= BASE64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && (is_marked_as_base64(text) || !text.starts_with('/'))
}

/// Whether a text has what base64 has, and hardly any path.
fn is_marked_as_base64(text: &str) -> bool {
    text.contains('+') || text.trim().ends_with('=')
}

/// Whether a text can be the name of an environment variable.
pub(crate) fn is_variable_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The name of an environment variable, if it is surely not a secret: names of variables are in capitals.
pub(crate) fn variable(name: &str) -> String {
    if name.bytes().any(|byte| byte.is_ascii_lowercase()) || may_be_secret(name) {
        format!("that is named there ({}, not shown, as they may be the secret itself)", length(name))
    } else {
        name.to_owned()
    }
}

/// The columns of a list that lacks the wanted one: how many there are, and the beginnings of the first names. The list
/// may be any file, and its first line may hold anything.
pub(crate) fn columns<'c>(names: impl ExactSizeIterator<Item = &'c str>) -> String {
    let number = names.len();
    // A list of people has more columns; a file of one line with one word may be a key.
    if number == 1 {
        let name = names.map(length).collect::<String>();
        return format!(
            "it has 1 column, with a name of {name}: is that the right file, and are its columns divided as the settings say?"
        );
    }
    let shown: Vec<String> = names.take(NAMES).map(column).collect();
    let more = if number > NAMES { ", …" } else { "" };
    if number == 0 { "it has none".to_owned() } else { format!("it has {number} columns: {}{more}", shown.join(", ")) }
}

/// The name of a column that is similar to the wanted one, cut to the length of that one and a few more characters.
pub(crate) fn near(name: &str, wanted: &str) -> String {
    beginning(name, LONGEST_NAME.max(wanted.chars().count() + 2))
}

/// The name of a column that the settings do not name.
pub(crate) fn column(name: &str) -> String {
    beginning(name, longest(name, LONGEST_NAME))
}

/// The name of a column in a sample, which helps to write the settings.
pub(crate) fn sample(name: &str) -> String {
    match start(name, longest(name, LONGEST_NAME * 3)) {
        (start, true) => format!("{start}… ({})", length(name)),
        (name, false) => name.to_owned(),
    }
}

/// How much of a name is shown. It must not be much of a secret, because a part of a secret would not be masked.
fn longest(name: &str, most: usize) -> usize {
    if may_be_secret(name) { LONGEST_NAME / 3 } else { most }
}

fn beginning(name: &str, most: usize) -> String {
    match start(name, most) {
        (start, true) => format!("`{}…` ({})", start.escape_debug(), length(name)),
        (name, false) => format!("`{}`", name.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_only_counted() {
        for secret in [
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
            "AKIAIOSFODNN7EXAMPLE",
            "550e8400-e29b-41d4-a716-44665544abcd",
            "ya29.a0AfH6SMBxyz12345",
            "JBSWY3DPEHPK3PXPJBSWY3DP",
            "dGhpc2lzYXNlY3JldGtleQ==",
            "correcthorsebatterystaple",
            "iWVm/9rhH42ypeX+P+yC7tpdGNeq0kwV/AIztafMBUE=",
            "aB3/dE6/gH9/jK2/mN5/pQ8/sT1/vW4/yZ7",
            "73:6b:2d:6c:69:76:65:2d",
            "73 6B 2D 6C 69 76 65 2D",
        ] {
            assert!(may_be_secret(secret), "{secret}");
            assert!(!quoted(secret).contains(&secret[..4]) && !variable(secret).contains(&secret[..4]), "{secret}");
        }
        for other in [
            "SKOVIK_TOKEN",
            "HR_CLIENT_SECRET_2026",
            "secrets/skovik.key",
            "/home/User1/Projects/SkovikSync/Config",
            "./vault",
            "csv",
            "2026-11-28",
            "10",
            "2026-11-28 10:20:30",
        ] {
            assert!(!may_be_secret(other), "{other}");
            assert_eq!(quoted(other), format!("{other:?}"));
        }
        assert_eq!(variable("SKOVIK_TOKEN"), "SKOVIK_TOKEN");
        assert_eq!(
            variable("hunter2"),
            "that is named there (7 characters, not shown, as they may be the secret itself)"
        );
        assert_eq!(quoted(&"x ".repeat(50)), format!("{:?}… (100 characters)", "x ".repeat(30)));
        for wrong in ["", "2FA", "sk-live", "a b", "ä", "A=B", "A.B"] {
            assert!(!is_variable_name(wrong), "{wrong}");
        }
    }

    #[test]
    fn names_of_columns_are_few_and_short() {
        assert_eq!(columns(["id", "name"].into_iter()), "it has 2 columns: `id`, `name`");
        assert_eq!(
            columns(["root:*:19000:0:99999:7:::", "a\n", "c", "d", "e"].into_iter()),
            "it has 5 columns: `root:*:19000…` (25 characters), `a\\n`, `c`, …"
        );
        assert_eq!(columns([].into_iter()), "it has none");
        assert!(columns(["hunter2"].into_iter()).starts_with("it has 1 column, with a name of 7 characters"));
        assert_eq!(near("API_KEY=12345678", "API_KEY"), "`API_KEY=1234…` (16 characters)");
        assert_eq!(
            sample("Date of employment (YYYY-MM-DD), as in the contract"),
            "Date of employment (YYYY-MM-DD), as … (51 characters)"
        );
        assert_eq!(sample("API_KEY=a1b2c3d4e5f6"), "API_… (20 characters)");
        assert_eq!(near("employee_numbers", "employee_number"), "`employee_numbers`");
    }
}
