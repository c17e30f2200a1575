//! The fingerprint of an account: a SHA-256 over everything that planning reads of it. A pure function.

use std::borrow::Cow;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::employee::{Branch, ChoiceOption, CustomField, CustomFieldKind, Directory, Managed, User};
use crate::field::Field;
use crate::plan::Digest;

/// One line of the hashed text; the keys are in alphabetical order.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Managed { branch: bool, custom_fields: Vec<&'a str>, manager: bool },
    Branch { external_identifier: Option<&'a str>, id: &'a str, name: &'a str },
    CustomField { field_type: &'a str, id: &'a str, name: &'a str, options: Vec<[&'a str; 2]> },
    User(UserLine<'a>),
    Inactive(UserLine<'a>),
}

/// A user, as an object with these members.
struct UserLine<'a> {
    user: &'a User,
    members: &'a [(&'static str, Member)],
}

/// A member of a user's line.
enum Member {
    Id,
    Standard(Field<()>),
    CustomFields,
    Roles,
}

impl Member {
    /// All members with their names, in alphabetical order.
    fn all() -> Vec<(&'static str, Self)> {
        let standard =
            Field::STANDARD.into_iter().filter_map(|field| Some((field.standard_name()?, Self::Standard(field))));
        let others = [("id", Self::Id), ("custom_fields", Self::CustomFields), ("roles", Self::Roles)];
        let mut all: Vec<_> = standard.chain(others).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }
}

impl Serialize for UserLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { user, members } = self;
        let mut object = serializer.serialize_map(None)?;
        for (name, member) in *members {
            match member {
                Member::Id => object.serialize_entry(name, &user.id)?,
                Member::Standard(field) => object.serialize_entry(name, &field.of_user(user))?,
                Member::CustomFields => object.serialize_entry(name, &user.custom_fields)?,
                Member::Roles => object.serialize_entry(name, &user.roles.as_deref().map(sorted))?,
            }
        }
        object.end()
    }
}

/// The fingerprint of the normalised account: the same data gives the same one, however the server ordered or wrote it.
///
/// The hashed text is lines of compact JSON, each with a line feed at its end: `{"managed":…}`, then a `{"branch":…}`
/// for each branch, a `{"custom_field":…}` for each definition (its options as pairs of label and value, in the
/// server's order), a `{"user":…}` for each user and an `{"inactive":…}` for each inactive one, each kind in the order of
/// ids. The values of a user's custom fields are in the order of the managed fields. Roles are sorted, since their
/// order has no meaning.
#[must_use]
pub fn fingerprint(directory: &Directory, managed: &Managed) -> Digest {
    let Directory { users, inactive, branches, custom_fields, unproven: _ } = directory;
    let mut hasher = Sha256::new();
    let mut buffer = Vec::new();
    let mut line = |line: &Line<'_>| {
        buffer.clear();
        // Neither serde nor a vector can fail with texts, booleans and lists of them.
        if serde_json::to_writer(&mut buffer, line).is_ok() {
            buffer.push(b'\n');
            hasher.update(&buffer);
        }
    };
    line(&managed_line(managed));
    branches.iter().for_each(|branch| line(&branch_line(branch)));
    custom_fields.iter().for_each(|field| line(&custom_field_line(field)));
    let members = &Member::all();
    users.iter().for_each(|user| line(&Line::User(UserLine { user, members })));
    inactive.iter().for_each(|user| line(&Line::Inactive(UserLine { user, members })));
    Digest::from_bytes(hasher.finalize().into())
}

fn managed_line(managed: &Managed) -> Line<'_> {
    let Managed { branch, manager, custom_fields } = managed;
    let custom_fields = custom_fields.iter().map(|id| id.as_str()).collect();
    Line::Managed { branch: *branch, custom_fields, manager: *manager }
}

fn branch_line(branch: &Branch) -> Line<'_> {
    let Branch { id, name, identifier } = branch;
    Line::Branch { external_identifier: identifier.as_deref(), id: id.as_str(), name }
}

fn custom_field_line(field: &CustomField) -> Line<'_> {
    let CustomField { id, name, kind } = field;
    let (field_type, options) = match kind {
        CustomFieldKind::Text => ("text", &[][..]),
        CustomFieldKind::Boolean => ("boolean", &[][..]),
        CustomFieldKind::MultipleChoice(options) => ("multiple_choice", &options[..]),
        CustomFieldKind::UncheckedChoice => ("unchecked_choice", &[][..]),
        CustomFieldKind::Unknown(other) => (&**other, &[][..]),
        CustomFieldKind::Unusable(reason) => (&**reason, &[][..]),
    };
    let options = options.iter().map(|ChoiceOption { label, value }| [&**label, &**value]).collect();
    Line::CustomField { field_type, id: id.as_str(), name, options }
}

fn sorted(roles: &[Box<str>]) -> Cow<'_, [Box<str>]> {
    if roles.is_sorted() {
        return Cow::Borrowed(roles);
    }
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    Cow::Owned(roles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::employee::CustomValue;

    fn directory() -> (Directory, Managed) {
        let option = ChoiceOption { label: "4100 Sales".into(), value: "4100".into() };
        let directory = Directory {
            inactive: Vec::new(),
            unproven: Vec::new(),
            users: vec![User {
                id: "u1".into(),
                identifier: Some("1001".into()),
                email: "a@b".into(),
                first_name: "A".into(),
                last_name: "B".into(),
                branch: Some("b1".into()),
                manager: None,
                custom_fields: [Some(CustomValue::Boolean(true)), None].into(),
                roles: Some(["finance".into(), "admin".into()].into()),
            }],
            branches: vec![Branch { id: "b1".into(), name: "Example AB".into(), identifier: Some("SE01".into()) }],
            custom_fields: vec![CustomField {
                id: "c1".into(),
                name: "Cost center".into(),
                kind: CustomFieldKind::MultipleChoice(vec![option]),
            }],
        };
        let managed = Managed { branch: true, manager: false, custom_fields: vec!["c1".into(), "c2".into()] };
        (directory, managed)
    }

    #[test]
    fn covers_exactly_the_documented_lines() {
        let (directory, managed) = directory();
        let lines = concat!(
            r#"{"managed":{"branch":true,"custom_fields":["c1","c2"],"manager":false}}"#,
            "\n",
            r#"{"branch":{"external_identifier":"SE01","id":"b1","name":"Example AB"}}"#,
            "\n",
            r#"{"custom_field":{"field_type":"multiple_choice","id":"c1","name":"Cost center","options":[["4100 Sales","4100"]]}}"#,
            "\n",
            r#"{"user":{"branch":"b1","custom_fields":[true,null],"external_identifier":"1001","first_name":"A","id":"u1","#,
            r#""last_name":"B","manager":null,"primary_email":"a@b","roles":["admin","finance"]}}"#,
            "\n",
        );
        let expected = Digest::from_bytes(Sha256::digest(lines.as_bytes()).into());
        assert_eq!(fingerprint(&directory, &managed), expected);
    }

    #[test]
    fn roles_count_but_not_their_order() {
        let (mut directory, managed) = directory();
        let before = fingerprint(&directory, &managed);
        directory.users[0].roles = Some(["admin".into(), "finance".into()].into());
        assert_eq!(fingerprint(&directory, &managed), before);
        directory.users[0].roles = Some(["admin".into()].into());
        let fewer = fingerprint(&directory, &managed);
        directory.users[0].roles = Some([].into());
        let none = fingerprint(&directory, &managed);
        directory.users[0].roles = None;
        let untold = fingerprint(&directory, &managed);
        assert!(before != fewer && fewer != none && none != untold);
    }
}
