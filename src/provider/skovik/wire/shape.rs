//! Branches and the definitions of custom fields `[assumed]`.

use super::json::{Members, Resource};
use super::{
    EXTERNAL_IDENTIFIER, FIELD_TYPE, NAME, OPTION_LABEL, OPTION_VALUE, OPTIONS, TYPE_BOOLEAN, TYPE_MULTIPLE_CHOICE,
    TYPE_TEXT,
};
use crate::employee::{Branch, BranchId, ChoiceOption, CustomField, CustomFieldId, CustomFieldKind, normal_text};
use crate::provider::Collection;

/// A branch, normalised. One without a name goes by its id.
///
/// # Errors
/// If it is not what a branch should be.
pub(in crate::provider::skovik) fn branch(json: &str) -> Result<Branch, String> {
    let Resource { id, attributes, .. } = Resource::parse(json, Collection::Branches)?;
    let problem = |problem| format!("branch {id:?}: {problem}");
    let identifier = normal(&attributes, EXTERNAL_IDENTIFIER).map_err(problem)?;
    let name = normal(&attributes, NAME).map_err(problem)?.unwrap_or_else(|| id.as_ref().into());
    Ok(Branch { id: BranchId::from(id.as_ref()), name, identifier })
}

/// The definition of a custom field, normalised. One without a name goes by its id.
///
/// # Errors
/// If it is not what a definition should be.
pub(in crate::provider::skovik) fn custom_field(json: &str) -> Result<CustomField, String> {
    let Resource { id, attributes, .. } = Resource::parse(json, Collection::CustomFields)?;
    let problem = |problem| format!("custom field {id:?}: {problem}");
    let name = normal(&attributes, NAME).map_err(problem)?.unwrap_or_else(|| id.as_ref().into());
    let kind = match attributes.text(FIELD_TYPE).map_err(problem)?.as_deref().unwrap_or_default() {
        TYPE_TEXT => CustomFieldKind::Text,
        TYPE_BOOLEAN => CustomFieldKind::Boolean,
        TYPE_MULTIPLE_CHOICE => CustomFieldKind::MultipleChoice(options(&attributes).map_err(problem)?),
        unknown => CustomFieldKind::Unknown(unknown.into()),
    };
    Ok(CustomField { id: CustomFieldId::from(id.as_ref()), name, kind })
}

fn options(attributes: &Members<'_>) -> Result<Vec<ChoiceOption>, String> {
    let Some(raw) = attributes.get(OPTIONS) else { return Ok(Vec::new()) };
    let options: Option<Vec<Members<'_>>> =
        serde_json::from_str(raw.get()).map_err(|error| format!("{OPTIONS} is not a list of options: {error}"))?;
    options.unwrap_or_default().iter().map(option).collect()
}

fn option(members: &Members<'_>) -> Result<ChoiceOption, String> {
    let value: Box<str> = normal(members, OPTION_VALUE)?.ok_or("an option has no value")?;
    let label = normal(members, OPTION_LABEL)?.unwrap_or_else(|| value.clone());
    Ok(ChoiceOption { label, value })
}

/// A normalised text; an empty one is none.
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
            (r#""field_type":"multiple_choice","options":null"#, CustomFieldKind::MultipleChoice(vec![])),
            (
                r#""field_type":"multiple_choice","options":[{"label":"4100 Sales","value":"4100"},{"value":"42"}]"#,
                CustomFieldKind::MultipleChoice(vec![option("4100 Sales", "4100"), option("42", "42")]),
            ),
        ] {
            let json = format!(r#"{{"type":"custom-fields","id":"cf","attributes":{{{attributes}}}}}"#);
            assert_eq!(custom_field(&json).unwrap().kind, expected, "{attributes}");
        }
    }

    #[test]
    fn an_option_needs_a_value() {
        let json = r#"{"type":"custom-fields","id":"cf","attributes":{"field_type":"multiple_choice","options":[{"label":"x"}]}}"#;
        assert_eq!(custom_field(json).unwrap_err(), r#"custom field "cf": an option has no value"#);
    }
}
