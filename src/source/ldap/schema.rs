//! The directory's schema (RFC 4512, 4.1.2): the names of its attributes. It distinguishes a misspelt name from an
//! attribute that no entry has.

use std::collections::BTreeSet;

use crate::setting::nearest;

/// The names of the attributes that a directory knows.
#[derive(Debug, Default)]
pub(super) struct Schema {
    /// For each attribute type, its names and its number.
    types: Vec<Vec<String>>,
}

impl Schema {
    /// Reads the values of `attributeTypes`. What cannot be read is left out.
    pub(super) fn parse<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        Self { types: values.into_iter().map(names).filter(|names| !names.is_empty()).collect() }
    }

    /// Whether it has no attribute.
    pub(super) fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// Whether there is an attribute with this description, ignoring options.
    pub(super) fn knows(&self, description: &str) -> bool {
        self.type_of(description).is_some()
    }

    /// The other name under which the directory sent an attribute; `came` is in lower case.
    pub(super) fn given_name(&self, description: &str, came: &BTreeSet<String>) -> Option<&str> {
        let names = self.type_of(description)?;
        names.iter().find(|name| came.contains(&name.to_ascii_lowercase())).map(String::as_str)
    }

    /// The name that a misspelt one most likely means.
    pub(super) fn nearest(&self, description: &str) -> Option<&str> {
        nearest(description, self.types.iter().flatten().map(String::as_str))
    }

    fn type_of(&self, description: &str) -> Option<&[String]> {
        let name = description.split(';').next().unwrap_or_default();
        let has_name = |names: &&Vec<String>| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        self.types.iter().find(has_name).map(Vec::as_slice)
    }
}

/// The names and the number in a description such as `( 2.5.4.4 NAME ( 'sn' 'surname' ) SUP name )`.
fn names(description: &str) -> Vec<String> {
    let Some(inner) = description.trim().strip_prefix('(') else { return Vec::new() };
    let (number, rest) = inner.trim_start().split_once(char::is_whitespace).unwrap_or((inner, ""));
    let mut names = vec![number.to_owned()];
    if let Some(rest) = rest.trim_start().strip_prefix("NAME") {
        let rest = rest.trim_start();
        let list = match rest.strip_prefix('(') {
            Some(list) => list.split(')').next().unwrap_or_default(),
            // One quoted name.
            None => {
                rest.split_inclusive('\'').nth(1).map_or("", |_| rest.split_whitespace().next().unwrap_or_default())
            }
        };
        names.extend(list.split('\'').skip(1).step_by(2).map(str::to_owned));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        Schema::parse([
            "( 2.5.4.4 NAME ( 'sn' 'surname' ) DESC 'RFC4519: last (family) name(s)' SUP name )",
            "( 0.9.2342.19200300.100.1.3 NAME ( 'mail' 'rfc822Mailbox' ) SYNTAX 1.3.6.1.4.1.1466.115.121.1.26{256} )",
            "( 1.2.840.113556.1.4.8 NAME 'userAccountControl' SYNTAX '1.3.6.1.4.1.1466.115.121.1.27' SINGLE-VALUE )",
            "(1.2.3 NAME 'odd')",
            "( 1.2.4 DESC 'the NAME ''x'' of it' )",
            "nonsense",
        ])
    }

    #[test]
    fn an_attribute_is_known_by_every_name_in_any_case() {
        let schema = schema();
        for known in ["sn", "SN", "Surname", "2.5.4.4", "mail;lang-de", "useraccountcontrol", "odd", "1.2.4"] {
            assert!(schema.knows(known), "{known}");
        }
        for unknown in ["mial", "x", "NAME", "SYNTAX", "", "nonsense", "SINGLE-VALUE"] {
            assert!(!schema.knows(unknown), "{unknown}");
        }
        assert_eq!(schema.nearest("mial"), Some("mail"));
        assert!(Schema::parse(["nonsense"]).is_empty() && !schema.is_empty());
    }

    #[test]
    fn the_name_under_which_it_came_is_found() {
        let came = ["sn".to_owned(), "cn".to_owned()].into();
        assert_eq!(schema().given_name("surname", &came), Some("sn"));
        assert_eq!(schema().given_name("mail", &came), None);
        assert_eq!(schema().given_name("2.5.4.4", &came), Some("sn"));
    }
}
