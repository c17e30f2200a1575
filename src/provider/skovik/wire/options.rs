//! The options of multiple choices as a list of their own. That the list exists is `[known]`; its names are
//! `[assumed]`.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Resources;
use super::json::{Members, Resource, to_raw};
use crate::config::{Name, Names};

/// The options of all custom fields, each as the server gave it, by the id of the field.
#[derive(Debug, Default)]
pub(in crate::provider::skovik) struct Options(BTreeMap<String, Vec<Box<RawValue>>>);

impl Options {
    /// Takes a row of the list.
    ///
    /// # Errors
    /// If it is not an option, or names no custom field.
    pub(in crate::provider::skovik) fn push(&mut self, row: &RawValue, names: &Names) -> Result<(), String> {
        let Resource { id, attributes, relationships, .. } = Resource::parse(row.get(), Resources::Options, names)?;
        let relationship = names.get(Name::OptionField);
        let field = relationships.object(relationship)?.get("data").filter(|data| data.get() != "null");
        let field = field.ok_or_else(|| format!("the option {id:?} has no relationship {relationship:?}"))?;
        let field = Resource::parse(field.get(), Resources::CustomFields, names)
            .map_err(|problem| format!("the option {id:?}: {relationship}: {problem}"))?;
        self.0.entry(field.id.into_owned()).or_default().push(to_raw(&attributes)?);
        Ok(())
    }

    /// The definition of a custom field with its options inside, the form of servers without such a list.
    ///
    /// # Errors
    /// If it is not a definition.
    pub(in crate::provider::skovik) fn embed(&self, field: &RawValue, names: &Names) -> Result<Box<RawValue>, String> {
        let id = Resource::parse(field.get(), Resources::CustomFields, names)?.id;
        let options = to_raw(self.0.get(id.as_ref()).map_or(&[][..], Vec::as_slice))?;
        let mut members: Members<'_> = serde_json::from_str(field.get()).map_err(|error| error.to_string())?;
        let mut attributes = members.object("attributes")?;
        attributes.insert(names.get(Name::Options), &options);
        let attributes = to_raw(&attributes)?;
        members.insert("attributes", &attributes);
        to_raw(&members)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn options_find_their_field() {
        let names = Names::default();
        let mut options = Options::default();
        for (id, field) in [("1", "a"), ("2", "b"), ("3", "a")] {
            let row = format!(
                r#"{{"type":"custom-field-options","id":"o{id}","attributes":{{"label":"L{id}","value":"V{id}"}},
                    "relationships":{{"custom_field":{{"data":{{"type":"custom-fields","id":"{field}"}}}}}}}}"#
            );
            options.push(raw(&row), &names).unwrap();
        }
        let field = raw(r#"{"type":"custom-fields","id":"a","attributes":{"field_type":"multiple_choice"},"x":1e400}"#);
        let expected = concat!(
            r#"{"attributes":{"field_type":"multiple_choice","options":[{"label":"L1","value":"V1"},"#,
            r#"{"label":"L3","value":"V3"}]},"id":"a","type":"custom-fields","x":1e400}"#
        );
        assert_eq!(options.embed(field, &names).unwrap().get(), expected);
    }

    #[test]
    fn an_option_of_nothing_is_refused() {
        for (rest, says) in [
            ("", "has no relationship \"custom_field\""),
            (r#","relationships":{"custom_field":{"data":null}}"#, "has no relationship \"custom_field\""),
            (r#","relationships":{"custom_field":{"data":{"type":"users","id":"a"}}}"#, "instead of \"custom-fields\""),
        ] {
            let row = format!(r#"{{"type":"custom-field-options","id":"o","attributes":{{}}{rest}}}"#);
            let problem = Options::default().push(raw(&row), &Names::default()).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }
}
