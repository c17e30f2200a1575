//! `[target.names]`: the names of Skovik's JSON API that no public page shows. The default of each is a guess. If it is
//! wrong, set the true name; the program need not change.
//!
//! Names that are known (`primary_email`, `external_identifier`, `data`, `attributes`) are no settings.

use super::ConfigError;
use crate::setting::section::Section;
use crate::strict_json::Pointer;

/// A name that may turn out to be different; its row in [`NAMES`] describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "a first name is a name")]
pub(crate) enum Name {
    UsersPath,
    BranchesPath,
    CustomFieldsPath,
    OptionsPath,
    UsersType,
    BranchesType,
    CustomFieldsType,
    OptionsType,
    PageNumber,
    PageSize,
    PageAfter,
    Next,
    NextCursor,
    Total,
    FirstName,
    LastName,
    Roles,
    CustomFields,
    Manager,
    Branch,
    DefinitionName,
    FieldType,
    TypeText,
    TypeMultipleChoice,
    TypeBoolean,
    Options,
    OptionLabel,
    OptionValue,
    OptionField,
}

/// Where a name is used. That decides which names are valid, and which names it must differ from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A path below the base URL.
    Path,
    /// The `type` of a row.
    Type,
    /// A parameter of the address of a list. Only the page number may be empty: pages then have no numbers.
    Parameter,
    /// A JSON pointer into the answer that holds a page.
    Answer,
    /// An attribute of a user.
    Attribute,
    /// A relationship of a user.
    Relationship,
    /// An attribute of a branch or of a custom field.
    Definition,
    /// A value of the type of a custom field.
    FieldType,
    /// A member of an option.
    Option,
    /// A relationship of an option.
    OptionRelationship,
}

/// One name: its key in `[target.names]`, its default, and where it is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameRow {
    pub(crate) name: Name,
    pub(crate) key: &'static str,
    pub(crate) default: &'static str,
    pub(crate) place: Place,
}

const fn row(name: Name, key: &'static str, default: &'static str, place: Place) -> NameRow {
    NameRow { name, key, default, place }
}

/// All names, in the order of [`Name`].
pub(crate) const NAMES: [NameRow; 29] = [
    row(Name::UsersPath, "users_path", "users", Place::Path),
    row(Name::BranchesPath, "branches_path", "branches", Place::Path),
    row(Name::CustomFieldsPath, "custom_fields_path", "custom_fields", Place::Path),
    row(Name::OptionsPath, "options_path", "custom_field_options", Place::Path),
    row(Name::UsersType, "users_type", "users", Place::Type),
    row(Name::BranchesType, "branches_type", "branches", Place::Type),
    row(Name::CustomFieldsType, "custom_fields_type", "custom-fields", Place::Type),
    row(Name::OptionsType, "options_type", "custom-field-options", Place::Type),
    row(Name::PageNumber, "page_number", "page[number]", Place::Parameter),
    row(Name::PageSize, "page_size", "page[size]", Place::Parameter),
    row(Name::PageAfter, "page_after", "page[after]", Place::Parameter),
    row(Name::Next, "next", "/links/next", Place::Answer),
    row(Name::NextCursor, "next_cursor", "/meta/page/after", Place::Answer),
    row(Name::Total, "total", "/meta/total", Place::Answer),
    row(Name::FirstName, "first_name", "first_name", Place::Attribute),
    row(Name::LastName, "last_name", "last_name", Place::Attribute),
    row(Name::Roles, "roles", "roles", Place::Attribute),
    row(Name::CustomFields, "custom_fields", "custom_fields", Place::Attribute),
    row(Name::Manager, "manager", "manager", Place::Relationship),
    row(Name::Branch, "branch", "branch", Place::Relationship),
    row(Name::DefinitionName, "name", "name", Place::Definition),
    row(Name::FieldType, "field_type", "field_type", Place::Definition),
    row(Name::TypeText, "type_text", "text", Place::FieldType),
    row(Name::TypeMultipleChoice, "type_multiple_choice", "multiple_choice", Place::FieldType),
    row(Name::TypeBoolean, "type_boolean", "boolean", Place::FieldType),
    row(Name::Options, "options", "options", Place::Definition),
    row(Name::OptionLabel, "option_label", "label", Place::Option),
    row(Name::OptionValue, "option_value", "value", Place::Option),
    row(Name::OptionField, "option_field", "custom_field", Place::OptionRelationship),
];

/// Names that are known, and so cannot be used for something else.
const KNOWN: [(Place, &str); 3] = [
    (Place::Attribute, "primary_email"),
    (Place::Attribute, "external_identifier"),
    (Place::Definition, "external_identifier"),
];

impl Name {
    /// Its key in `[target.names]`.
    pub(crate) fn key(self) -> &'static str {
        NAMES[self as usize].key
    }
}

/// The names of the API, by the settings or by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Box<[Box<str>; NAMES.len()]>);

impl Default for Names {
    fn default() -> Self {
        Self(Box::new(NAMES.map(|row| row.default.into())))
    }
}

impl Names {
    /// Its name in the API.
    #[must_use]
    pub(crate) fn get(&self, name: Name) -> &str {
        &self.0[name as usize]
    }

    /// Its place in an answer.
    pub(crate) fn pointer(&self, name: Name) -> Pointer {
        // Checked when the settings were read.
        Pointer::parse(self.get(name)).unwrap_or_default()
    }

    /// Each key with its name, in the order of the table.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static NameRow, &str)> {
        NAMES.iter().zip(self.0.iter().map(|name| &**name))
    }

    pub(super) fn read(section: &Section<'_>) -> Result<Self, ConfigError> {
        let section = section.clone().only(&NAMES.map(|row| row.key))?;
        let mut names = Self::default();
        for (row, name) in NAMES.iter().zip(names.0.iter_mut()) {
            let given = match row.name {
                Name::PageNumber => section.text_or_empty(row.key)?,
                _ => section.text(row.key)?,
            };
            let Some(given) = given else { continue };
            if let Some(problem) = problem(row.place, given) {
                return Err(section.problem(row.key, problem));
            }
            *name = given.into();
        }
        names.check_distinct(&section)?;
        Ok(names)
    }

    /// Two fields under one name would take each other's place.
    fn check_distinct(&self, section: &Section<'_>) -> Result<(), ConfigError> {
        for (index, (row, name)) in self.iter().enumerate() {
            let before = self.iter().take(index).filter(|(other, _)| other.place == row.place);
            let taken = before.map(|(other, name)| (other.key, name));
            let known = KNOWN.iter().filter(|(place, _)| *place == row.place).map(|(_, name)| (*name, *name));
            if let Some((other, _)) = taken.chain(known).find(|(_, other)| *other == name) {
                return Err(section.problem(row.key, format!("is the name of `{other}` as well: each needs its own")));
            }
        }
        Ok(())
    }
}

/// What is wrong with a name.
fn problem(place: Place, name: &str) -> Option<&'static str> {
    if name.chars().any(char::is_control) {
        return Some("holds a control character");
    }
    match place {
        Place::Path if !name.split('/').all(is_segment) => {
            Some("must be a path below the base URL, such as \"users\", without a slash at its ends")
        }
        Place::Answer if !name.starts_with('/') => Some("must be a place in the answer, such as \"/meta/total\""),
        _ => None,
    }
}

/// Whether this can be one name in a path, and does not lead up.
fn is_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..") && !segment.contains(['?', '#', '%'])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Settings, TargetKind};

    fn parse(kind: &str, names: &str) -> Result<Settings, ConfigError> {
        let text = format!(
            "[target]\nkind = \"{kind}\"\nurl = \"https://x.example/v1\"\n[target.names]\n{names}\n\
             [[source]]\nname = \"hr\"\nkind = \"csv\"\npath = \"a.csv\"\nkey = \"nr\"\n\
             [employee]\nexternal_identifier = \"{{{{ hr.nr }}}}\"\nprimary_email = \"{{{{ hr.email }}}}\"\n\
             first_name = \"{{{{ hr.first }}}}\"\nlast_name = \"{{{{ hr.last }}}}\"\n"
        );
        Settings::parse(&text, Path::new("skovik-sync.toml"))
    }

    fn names(text: &str) -> Names {
        match parse("skovik", text).unwrap().target.kind {
            TargetKind::Skovik(names) => names,
            TargetKind::Scim(_) => panic!("another kind"),
        }
    }

    #[test]
    fn the_table_is_in_the_order_of_the_names() {
        for (index, row) in NAMES.iter().enumerate() {
            assert_eq!(row.name as usize, index, "{}", row.key);
        }
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let names = names("first_name = \"given_name\"\ntotal = \"/meta/page/total\"\npage_number = \"\"");
        assert_eq!(names.get(Name::FirstName), "given_name");
        assert_eq!(names.get(Name::LastName), "last_name");
        assert_eq!(names.get(Name::PageNumber), "");
        assert_eq!(names.pointer(Name::Total).to_string(), "/meta/page/total");
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        for (text, says) in [
            ("frist_name = \"x\"", "unknown key `frist_name` in [target.names] (line 5); did you mean `first_name`?"),
            ("nonsense = \"x\"", "known are users_path, branches_path, custom_fields_path, options_path, users_type"),
            ("first_name = \"\"", "`first_name` in [target.names] (line 5) is empty"),
            ("first_name = \"last_name\"", "is the name of `first_name` as well"),
            ("last_name = \"primary_email\"", "is the name of `primary_email` as well"),
            ("branch = \"manager\"", "is the name of `manager` as well"),
            ("users_path = \"/users\"", "must be a path below the base URL"),
            ("users_path = \"../users\"", "must be a path below the base URL"),
            ("users_path = \"users?x=1\"", "must be a path below the base URL"),
            ("total = \"meta.total\"", "must be a place in the answer"),
            ("roles = \"a\\u0000b\"", "holds a control character"),
        ] {
            let error = parse("skovik", text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        let error = parse("scim", "first_name = \"x\"").unwrap_err().to_string();
        assert!(error.contains("unknown key `names` in [target]"), "{error}");
    }

    #[test]
    fn a_plan_is_bound_to_the_names() {
        let hash = |text: &str| parse("skovik", text).unwrap().hash();
        assert_eq!(hash(""), hash("first_name = \"first_name\""));
        for row in &NAMES {
            let other = if row.place == Place::Answer { "/other" } else { "other" };
            assert_ne!(hash(&format!("{} = \"{other}\"", row.key)), hash(""), "{}", row.key);
        }
    }
}
