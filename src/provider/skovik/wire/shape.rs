//! Branches and the definitions of custom fields `[assumed]`.

use super::json::{Members, Resource};
use super::{EXTERNAL_IDENTIFIER, Resources};
use crate::config::{Name, Names};
use crate::employee::{Branch, BranchId, ChoiceOption, CustomField, CustomFieldKind, normal_text};

/// A branch, normalised. Without a name, the id takes its place.
///
/// # Errors
/// If it is not what a branch should be.
pub(in crate::provider::skovik) fn branch(json: &str, names: &Names) -> Result<Branch, String> {
    let Resource { id, attributes, .. } = Resource::parse(json, Resources::Branches, names)?;
    let problem = |problem| format!("branch {id:?}: {problem}");
    let identifier = normal(&attributes, EXTERNAL_IDENTIFIER).map_err(problem)?;
    let name = normal(&attributes, names.get(Name::DefinitionName)).map_err(problem)?;
    Ok(Branch { id: BranchId::from(id.as_ref()), name: name.unwrap_or_else(|| id.as_ref().into()), identifier })
}

/// The definition of a custom field, normalised. Without a name, the id takes its place.
///
/// # Errors
/// If it is not what a definition should be.
pub(in crate::provider::skovik) fn custom_field(json: &str, names: &Names) -> Result<CustomField, String> {
    let Resource { id, attributes, .. } = Resource::parse(json, Resources::CustomFields, names)?;
    let problem = |problem| format!("custom field {id:?}: {problem}");
    let name = normal(&attributes, names.get(Name::DefinitionName)).map_err(problem)?;
    let kind = attributes.text(names.get(Name::FieldType)).map_err(problem)?.unwrap_or_default();
    let is = |name| kind == names.get(name);
    let kind = if is(Name::TypeText) {
        CustomFieldKind::Text
    } else if is(Name::TypeBoolean) {
        CustomFieldKind::Boolean
    } else if is(Name::TypeMultipleChoice) {
        let options = options(&attributes, names).map_err(problem)?;
        options.map_or(CustomFieldKind::UncheckedChoice, CustomFieldKind::MultipleChoice)
    } else {
        CustomFieldKind::Unknown(kind.as_ref().into())
    };
    Ok(CustomField { id: id.as_ref().into(), name: name.unwrap_or_else(|| id.as_ref().into()), kind })
}

/// Whether this is a multiple choice without its options.
///
/// # Errors
/// As [`custom_field`].
pub(in crate::provider::skovik) fn lacks_options(json: &str, names: &Names) -> Result<bool, String> {
    Ok(custom_field(json, names)?.kind == CustomFieldKind::UncheckedChoice)
}

/// The options in a definition; `None` if the definition has no list of options, not even an empty one.
fn options(attributes: &Members<'_>, names: &Names) -> Result<Option<Vec<ChoiceOption>>, String> {
    let name = names.get(Name::Options);
    let Some(raw) = attributes.get(name) else { return Ok(None) };
    let options: Option<Vec<Members<'_>>> =
        serde_json::from_str(raw.get()).map_err(|error| format!("{name} is not a list of options: {error}"))?;
    options.map(|options| options.iter().map(|members| option(members, names)).collect()).transpose()
}

fn option(members: &Members<'_>, names: &Names) -> Result<ChoiceOption, String> {
    // As it is: what is written must be the option.
    let value = members.text(names.get(Name::OptionValue))?.filter(|value| !normal_text(value).is_empty());
    let value: Box<str> = value.ok_or("an option has no value")?.into();
    let label = normal(members, names.get(Name::OptionLabel))?.unwrap_or_else(|| normal_text(&value).into());
    Ok(ChoiceOption { label, value })
}

/// A normalised text; `None` if it is empty.
pub(super) fn normal<T: for<'t> From<&'t str>>(members: &Members<'_>, name: &str) -> Result<Option<T>, String> {
    let text = members.text(name)?.unwrap_or_default();
    Ok(Some(normal_text(&text)).filter(|text| !text.is_empty()).map(|text| T::from(&text)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn branches() {
        let branch = |json| branch(json, &Names::default());
        let full = r#"{"type":"branches","id":"b1","attributes":{"name":" Example AB ","external_identifier":"SE01"}}"#;
        let expected = Branch { id: "b1".into(), name: "Example AB".into(), identifier: Some("SE01".into()) };
        assert_eq!(branch(full).unwrap(), expected);
        let bare = r#"{"type":"branches","id":"b1"}"#;
        assert_eq!(branch(bare).unwrap(), Branch { id: "b1".into(), name: "b1".into(), identifier: None });
        let wrong = r#"{"type":"branches","id":"b1","attributes":{"name":7}}"#;
        assert_eq!(branch(wrong).unwrap_err(), r#"branch "b1": name is not a text"#);
    }

    #[test]
    fn kinds_of_custom_fields() {
        let option = |label: &str, value: &str| ChoiceOption { label: label.into(), value: value.into() };
        for (attributes, expected) in [
            (r#""field_type":"text""#, CustomFieldKind::Text),
            (r#""field_type":"boolean""#, CustomFieldKind::Boolean),
            (r#""field_type":"date""#, CustomFieldKind::Unknown("date".into())),
            (r#""name":"x""#, CustomFieldKind::Unknown("".into())),
            (r#""field_type":"multiple_choice","options":null"#, CustomFieldKind::UncheckedChoice),
            (r#""field_type":"multiple_choice""#, CustomFieldKind::UncheckedChoice),
            (r#""field_type":"multiple_choice","options":[]"#, CustomFieldKind::MultipleChoice(vec![])),
            (
                r#""field_type":"multiple_choice","options":[{"label":"4100 Sales","value":"4100"},{"value":"42 "}]"#,
                CustomFieldKind::MultipleChoice(vec![option("4100 Sales", "4100"), option("42", "42 ")]),
            ),
        ] {
            let json = format!(r#"{{"type":"custom-fields","id":"cf","attributes":{{{attributes}}}}}"#);
            assert_eq!(custom_field(&json, &Names::default()).unwrap().kind, expected, "{attributes}");
        }
    }

    #[test]
    fn an_option_needs_a_value() {
        let json = r#"{"type":"custom-fields","id":"cf","attributes":{"field_type":"multiple_choice","options":[{"label":"x"}]}}"#;
        assert_eq!(custom_field(json, &Names::default()).unwrap_err(), r#"custom field "cf": an option has no value"#);
    }
}
