//! The path of an attribute (RFC 7644, section 3.10): `title`, `name.middleName`, or after the URN of an extension,
//! `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division`.

use std::fmt;

use super::USER;

/// Where a user holds a value. Compared without case, as names are in SCIM.
#[derive(Clone)]
pub(crate) struct AttributePath {
    /// The URN of an extension; an attribute of every user has none.
    schema: Option<Box<str>>,
    attribute: Box<str>,
    sub_attribute: Option<Box<str>>,
}

impl AttributePath {
    /// Reads a path.
    ///
    /// # Errors
    /// If it is not a path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let problem =
            || format!("{text:?} is not the path of an attribute, such as \"title\" or \"urn:…:User:department\"");
        let (schema, rest) = match text.rsplit_once(':') {
            Some((schema, rest)) if is_urn(schema) => (Some(schema), rest),
            Some(_) => return Err(problem()),
            None => (None, text),
        };
        // The version in a URN has a dot, an attribute has none of its own.
        let (attribute, sub_attribute) = match rest.split_once('.') {
            Some((attribute, sub_attribute)) => (attribute, Some(sub_attribute)),
            None => (rest, None),
        };
        if !std::iter::once(attribute).chain(sub_attribute).all(is_name) {
            return Err(problem());
        }
        let schema = schema.filter(|schema| !schema.eq_ignore_ascii_case(USER));
        Ok(Self {
            schema: schema.map(Box::from),
            attribute: attribute.into(),
            sub_attribute: sub_attribute.map(Box::from),
        })
    }

    /// The attribute with this name, of an extension or of every user.
    pub(crate) fn new(schema: Option<&str>, attribute: &str) -> Self {
        Self { schema: schema.map(Box::from), attribute: attribute.into(), sub_attribute: None }
    }

    /// A part of a complex attribute that every user has.
    pub(crate) fn within(attribute: &str, name: &str) -> Self {
        Self { schema: None, attribute: attribute.into(), sub_attribute: Some(name.into()) }
    }

    /// The same attribute's part with this name.
    pub(crate) fn part(&self, name: &str) -> Self {
        Self { sub_attribute: Some(name.into()), ..self.clone() }
    }

    /// The URN of the extension, if it is of one.
    pub(crate) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The names to follow within a user: the extension, the attribute, and the sub-attribute.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &str> {
        self.schema.iter().chain([&self.attribute]).chain(&self.sub_attribute).map(|name| &**name)
    }

    /// The last name.
    pub(crate) fn name(&self) -> &str {
        self.sub_attribute.as_ref().unwrap_or(&self.attribute)
    }

    /// Whether this is the attribute that every user has by this name.
    pub(crate) fn is_core(&self, name: &str) -> bool {
        self.schema.is_none() && self.sub_attribute.is_none() && self.attribute.eq_ignore_ascii_case(name)
    }
}

fn is_urn(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'[' | b']' | b'\\'))
}

/// RFC 7643, section 2.1: a letter, then letters, digits, `-`, `_` and `$`.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    // `$ref` is one as well.
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'$')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$'))
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schema, attribute, sub_attribute } = self;
        if let Some(schema) = schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(attribute)?;
        sub_attribute.as_ref().map_or(Ok(()), |name| write!(f, ".{name}"))
    }
}

impl fmt::Debug for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for AttributePath {
    fn eq(&self, other: &Self) -> bool {
        self.to_string().eq_ignore_ascii_case(&other.to_string())
    }
}

impl Eq for AttributePath {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::scim::ENTERPRISE;

    #[test]
    fn paths_are_taken_apart() {
        let division = format!("{ENTERPRISE}:division");
        for (text, steps) in [
            ("title", vec!["title"]),
            ("name.middleName", vec!["name", "middleName"]),
            (&division, vec![ENTERPRISE, "division"]),
            (&format!("{ENTERPRISE}:manager.value"), vec![ENTERPRISE, "manager", "value"]),
            (&format!("{USER}:title"), vec!["title"]),
        ] {
            assert_eq!(AttributePath::parse(text).unwrap().steps().collect::<Vec<_>>(), steps, "{text}");
        }
        assert_eq!(AttributePath::parse(&division).unwrap(), AttributePath::parse(&division.to_uppercase()).unwrap());
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".", "a.", "emails[type eq \"work\"].value", "a b", "1a", "x:y", "urn:", "urn:a:", "name.a.b"]
        {
            assert!(AttributePath::parse(text).is_err(), "{text}");
        }
    }
}
