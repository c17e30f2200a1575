//! JSON pointers (RFC 6901): places within a JSON document.

use std::fmt;

use serde_json::value::RawValue;

use super::Properties;

/// A place within a document; `""` is the document itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Pointer {
    steps: Vec<String>,
}

impl Pointer {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.is_empty() && !text.starts_with('/') {
            return Err("must begin with a slash, such as \"/data\"");
        }
        Ok(Self { steps: text.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect() })
    }

    pub(crate) fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The value there; `None` if something on the way is missing, null, or neither an object nor a list.
    ///
    /// # Errors
    /// If a property on the way is repeated, so that it is ambiguous.
    pub(crate) fn find<'a>(&self, document: &'a RawValue) -> Result<Option<&'a RawValue>, String> {
        let mut here = document;
        for step in &self.steps {
            let next = match here.get().trim_start().as_bytes().first() {
                Some(b'{') => property(here, step)?,
                Some(b'[') => {
                    let items: Vec<&RawValue> = serde_json::from_str(here.get()).map_err(|error| error.to_string())?;
                    step.parse::<usize>().ok().and_then(|index| items.get(index).copied())
                }
                _ => None,
            };
            let Some(next) = next else { return Ok(None) };
            here = next;
        }
        Ok(Some(here))
    }
}

/// What a property of an object holds.
fn property<'a>(object: &'a RawValue, name: &str) -> Result<Option<&'a RawValue>, String> {
    let Properties(properties) = serde_json::from_str(object.get()).map_err(|error| error.to_string())?;
    let mut named = properties.into_iter().filter(|(property, _)| property == name).map(|(_, value)| value);
    match (named.next(), named.next()) {
        (_, Some(_)) => Err(format!("the property {name:?} appears twice")),
        (value, None) => Ok(value),
    }
}

/// A step as a pointer writes it.
pub(crate) fn escaped_step(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// As it is written in the settings.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| write!(f, "/{}", escaped_step(step)))
    }
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn found(pointer: &str, document: &str) -> Result<Option<String>, String> {
        let document: &RawValue = serde_json::from_str(document).unwrap();
        let found = Pointer::parse(pointer).unwrap().find(document)?;
        Ok(found.map(|raw| raw.get().to_owned()))
    }

    #[test]
    fn places() {
        let document = r#"{"a":{"b/c":[10,{"~":"x"}]},"n":null,"@odata.nextLink":"u"}"#;
        for (pointer, expected) in [
            ("", Some(document)),
            ("/a/b~1c/0", Some("10")),
            ("/a/b~1c/1/~0", Some("\"x\"")),
            ("/@odata.nextLink", Some("\"u\"")),
            ("/n", Some("null")),
            ("/n/x", None),
            ("/a/b~1c/2", None),
            ("/a/b~1c/x", None),
            ("/missing", None),
        ] {
            assert_eq!(found(pointer, document).unwrap().as_deref(), expected, "{pointer}");
            assert_eq!(Pointer::parse(pointer).unwrap().to_string(), pointer);
        }
        assert!(Pointer::parse("data").is_err());
        assert_eq!(found("/a", r#"{"a":1,"a":2}"#).unwrap_err(), "the property \"a\" appears twice");
    }
}
