//! The fingerprint of an account: a SHA-256 over everything that planning reads of it. A pure function.

use std::borrow::Cow;

use crate::employee::{Branch, ChoiceOption, CustomField, CustomFieldKind, CustomValue, Directory, Managed, User};
use crate::field::Field;
use crate::plan::{Digest, Fingerprint};

/// The fingerprint of the normalised account: the same data gives the same one, however the server ordered or wrote it.
///
/// It covers what is managed, the branches, the custom fields (their options in the server's order), the users and the
/// inactive ones, each list after its length and in the order of ids. The values of a user's custom fields are in the
/// order of the managed fields. Roles are sorted, since their order has no meaning.
#[must_use]
pub fn fingerprint(directory: &Directory, managed: &Managed) -> Digest {
    let Directory { users, inactive, branches, custom_fields, unproven: _ } = directory;
    let mut values = Fingerprint::default();
    add_managed(&mut values, managed);
    values.number(branches.len() as u64);
    branches.iter().for_each(|branch| add_branch(&mut values, branch));
    values.number(custom_fields.len() as u64);
    custom_fields.iter().for_each(|field| add_custom_field(&mut values, field));
    for users in [users, inactive] {
        values.number(users.len() as u64);
        users.iter().for_each(|user| add_user(&mut values, user));
    }
    values.finish()
}

fn add_managed(values: &mut Fingerprint, managed: &Managed) {
    let Managed { branch, manager, custom_fields } = managed;
    values.byte((*branch).into());
    values.byte((*manager).into());
    values.texts(custom_fields.iter().map(|id| id.as_str()));
}

fn add_branch(values: &mut Fingerprint, branch: &Branch) {
    let Branch { id, name, identifier } = branch;
    values.text(id.as_str());
    values.text(name);
    values.optional(identifier.as_deref());
}

fn add_custom_field(values: &mut Fingerprint, field: &CustomField) {
    let CustomField { id, name, kind } = field;
    values.text(id.as_str());
    values.text(name);
    match kind {
        CustomFieldKind::Text => values.byte(0),
        CustomFieldKind::Boolean => values.byte(1),
        CustomFieldKind::MultipleChoice(options) => {
            values.byte(2);
            values.number(options.len() as u64);
            for ChoiceOption { label, value } in options {
                values.text(label);
                values.text(value);
            }
        }
        CustomFieldKind::UncheckedChoice => values.byte(3),
        CustomFieldKind::Unknown(other) => {
            values.byte(4);
            values.text(other);
        }
        CustomFieldKind::Unusable(reason) => {
            values.byte(5);
            values.text(reason);
        }
    }
}

fn add_user(values: &mut Fingerprint, user: &User) {
    let User { id, custom_fields, roles, .. } = user;
    values.text(id.as_str());
    Field::STANDARD.iter().for_each(|field: &Field<()>| values.optional(field.of_user(user)));
    values.number(custom_fields.len() as u64);
    for value in custom_fields {
        match value {
            None => values.byte(0),
            Some(CustomValue::Text(text)) => {
                values.byte(1);
                values.text(text);
            }
            Some(CustomValue::Boolean(value)) => {
                values.byte(2);
                values.byte((*value).into());
            }
        }
    }
    values.byte(roles.is_some().into());
    if let Some(roles) = roles {
        values.texts(sorted(roles).iter().map(|role| &**role));
    }
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
    fn everything_that_is_read_counts() {
        let (whole, managed) = directory();
        let before = fingerprint(&whole, &managed);
        let differs = |what: &str, change: fn(&mut Directory)| {
            let mut other = directory().0;
            change(&mut other);
            assert_ne!(fingerprint(&other, &managed), before, "{what}");
        };
        differs("id", |account| account.users[0].id = "u2".into());
        differs("identifier", |account| account.users[0].identifier = None);
        differs("e-mail", |account| account.users[0].email = "b@b".into());
        differs("first name", |account| account.users[0].first_name = "C".into());
        differs("last name", |account| account.users[0].last_name = "C".into());
        differs("branch", |account| account.users[0].branch = None);
        differs("manager", |account| account.users[0].manager = Some("u9".into()));
        differs("custom field", |account| account.users[0].custom_fields[1] = Some(CustomValue::Boolean(false)));
        differs("text", |account| account.users[0].custom_fields[0] = Some(CustomValue::Text("true".into())));
        differs("a user who becomes inactive", |account| account.inactive = std::mem::take(&mut account.users));
        differs("a branch's id", |account| account.branches[0].id = "b2".into());
        differs("a branch's name", |account| account.branches[0].name = "Other AB".into());
        differs("a branch's identifier", |account| account.branches[0].identifier = None);
        differs("a field's id", |account| account.custom_fields[0].id = "c9".into());
        differs("a field's name", |account| account.custom_fields[0].name = "Room".into());
        let kinds = [
            CustomFieldKind::Text,
            CustomFieldKind::Boolean,
            CustomFieldKind::UncheckedChoice,
            CustomFieldKind::Unknown("text".into()),
            CustomFieldKind::Unusable("text".into()),
            CustomFieldKind::MultipleChoice(Vec::new()),
            CustomFieldKind::MultipleChoice(vec![ChoiceOption { label: "4100".into(), value: "4100 Sales".into() }]),
        ];
        let mut seen = vec![before];
        for kind in kinds {
            let mut other = directory().0;
            other.custom_fields[0].kind = kind;
            let fingerprint = fingerprint(&other, &managed);
            assert!(!seen.contains(&fingerprint), "{:?}", other.custom_fields[0].kind);
            seen.push(fingerprint);
        }
        for other in [
            Managed { branch: false, ..managed.clone() },
            Managed { manager: true, ..managed.clone() },
            Managed { custom_fields: vec!["c1".into()], ..managed.clone() },
        ] {
            assert_ne!(fingerprint(&whole, &other), before, "{other:?}");
        }
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
