//! A fast reader for rows of the list of users. It gives the same users as [`super::user`] in a third of the time, but
//! reads only rows of the expected form. It reports no problems: any other row is left to `super::user`.

mod custom_fields;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};

use super::json::{Text, identity};
use super::{EXTERNAL_IDENTIFIER, PRIMARY_EMAIL, Resources};
use crate::config::{Name, Names};
use crate::employee::{self, Managed, Roles, User, normal_text};

use custom_fields::{CustomFields, no_values};

/// A row with more unknown names than this is left to `super::user`, which sorts them.
const MOST_OTHERS: usize = 32;

/// The user, if the row is as expected.
pub(super) fn user(json: &str, managed: &Managed, names: &Names) -> Option<User> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let mut row = Row { managed, names, kind: None, id: None, attributes: None, relationships: None };
    Object(&mut row, PhantomData).deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    let id = identity(row.kind.as_deref(), row.id, Resources::Users.kind(names)).ok()?;
    let Attributes { managed: _, names: _, identifier, email, first_name, last_name, roles, custom_fields } =
        row.attributes?;
    let Relationships { names: _, branch, manager } = row.relationships?;
    Some(User {
        id: id.as_ref().into(),
        identifier: normal(identifier).map(|text| text.as_str().into()),
        email: normal(email)?.into(),
        first_name: normal(first_name).unwrap_or_default(),
        last_name: normal(last_name).unwrap_or_default(),
        branch: branch.flatten().map(|id| id.as_ref().into()),
        manager: manager.flatten().map(|id| id.as_ref().into()),
        custom_fields: custom_fields.map_or_else(|| no_values(managed), |CustomFields { values, .. }| values),
        roles,
    })
}

/// A text of the service in normal form; an empty one counts as missing.
fn normal(text: Option<Option<Cow<'_, str>>>) -> Option<employee::Text> {
    Some(normal_text(&text??)).filter(|text| !text.is_empty()).map(Into::into)
}

/// An object whose members are read one by one.
trait Members<'de> {
    /// Reads the value of a name, if the name means something here.
    fn read<A: MapAccess<'de>>(&mut self, name: &str, entries: &mut A) -> Result<bool, A::Error>;
}

struct Row<'de, 'm> {
    managed: &'m Managed,
    names: &'m Names,
    kind: Option<Cow<'de, str>>,
    id: Option<Cow<'de, str>>,
    attributes: Option<Attributes<'de, 'm>>,
    relationships: Option<Relationships<'de, 'm>>,
}

/// Each text is `None` if its name is missing, and `Some(None)` if it is null.
struct Attributes<'de, 'm> {
    managed: &'m Managed,
    names: &'m Names,
    identifier: Option<Option<Cow<'de, str>>>,
    email: Option<Option<Cow<'de, str>>>,
    first_name: Option<Option<Cow<'de, str>>>,
    last_name: Option<Option<Cow<'de, str>>>,
    roles: Option<Roles>,
    custom_fields: Option<CustomFields<'m>>,
}

struct Relationships<'de, 'm> {
    names: &'m Names,
    branch: Option<Option<Cow<'de, str>>>,
    manager: Option<Option<Cow<'de, str>>>,
}

struct Relationship<'de, 'm> {
    /// The type that it must refer to.
    kind: &'m str,
    data: Option<Option<Cow<'de, str>>>,
}

/// The type and the id of another row.
#[derive(Default)]
struct Reference<'de> {
    kind: Option<Cow<'de, str>>,
    id: Option<Cow<'de, str>>,
}

impl<'de> Members<'de> for Row<'de, '_> {
    fn read<A: MapAccess<'de>>(&mut self, name: &str, entries: &mut A) -> Result<bool, A::Error> {
        match name {
            "type" => once(&mut self.kind, text(entries)?)?,
            "id" => once(&mut self.id, text(entries)?)?,
            "attributes" => {
                let mut attributes = Attributes {
                    managed: self.managed,
                    names: self.names,
                    identifier: None,
                    email: None,
                    first_name: None,
                    last_name: None,
                    roles: None,
                    custom_fields: None,
                };
                entries.next_value_seed(Object(&mut attributes, PhantomData))?;
                once(&mut self.attributes, attributes)?;
            }
            "relationships" => {
                let mut relationships = Relationships { names: self.names, branch: None, manager: None };
                entries.next_value_seed(Object(&mut relationships, PhantomData))?;
                once(&mut self.relationships, relationships)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Members<'de> for Attributes<'de, '_> {
    fn read<A: MapAccess<'de>>(&mut self, name: &str, entries: &mut A) -> Result<bool, A::Error> {
        let names = self.names;
        if name == EXTERNAL_IDENTIFIER {
            once(&mut self.identifier, optional_text(entries)?)?;
        } else if name == PRIMARY_EMAIL {
            once(&mut self.email, optional_text(entries)?)?;
        } else if name == names.get(Name::FirstName) {
            once(&mut self.first_name, optional_text(entries)?)?;
        } else if name == names.get(Name::LastName) {
            once(&mut self.last_name, optional_text(entries)?)?;
        } else if name == names.get(Name::Roles) {
            let roles: Vec<Text<'de>> = entries.next_value()?;
            once(&mut self.roles, roles.iter().map(|Text(role)| normal_text(role).into()).collect())?;
        } else if name == names.get(Name::CustomFields) && !self.managed.custom_fields.is_empty() {
            let mut custom_fields = CustomFields::of(self.managed);
            entries.next_value_seed(Object(&mut custom_fields, PhantomData))?;
            once(&mut self.custom_fields, custom_fields)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

impl<'de> Members<'de> for Relationships<'de, '_> {
    fn read<A: MapAccess<'de>>(&mut self, name: &str, entries: &mut A) -> Result<bool, A::Error> {
        let (place, to) = if name == self.names.get(Name::Branch) {
            (&mut self.branch, Resources::Branches)
        } else if name == self.names.get(Name::Manager) {
            (&mut self.manager, Resources::Users)
        } else {
            return Ok(false);
        };
        let mut relationship = Relationship { kind: to.kind(self.names), data: None };
        entries.next_value_seed(Object(&mut relationship, PhantomData))?;
        once(place, relationship.data.ok_or_else(unexpected)?)?;
        Ok(true)
    }
}

impl<'de> Members<'de> for Relationship<'de, '_> {
    fn read<A: MapAccess<'de>>(&mut self, name: &str, entries: &mut A) -> Result<bool, A::Error> {
        if name != "data" {
            return Ok(false);
        }
        let id = match entries.next_value_seed(Nullable(Reference::default()))? {
            None => None,
            Some(Reference { kind, id }) => Some(identity(kind.as_deref(), id, self.kind).map_err(A::Error::custom)?),
        };
        once(&mut self.data, id)?;
        Ok(true)
    }
}

impl<'de> Members<'de> for Reference<'de> {
    fn read<A: MapAccess<'de>>(&mut self, name: &str, entries: &mut A) -> Result<bool, A::Error> {
        match name {
            "type" => once(&mut self.kind, text(entries)?)?,
            "id" => once(&mut self.id, text(entries)?)?,
            _ => return Err(unexpected()),
        }
        Ok(true)
    }
}

/// Reads an object into a value that takes its members.
struct Object<'o, 'de, M>(&'o mut M, PhantomData<&'de ()>);

impl<'de, M: Members<'de>> DeserializeSeed<'de> for Object<'_, 'de, M> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, M: Members<'de>> Visitor<'de> for Object<'_, 'de, M> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut others: Vec<Cow<'de, str>> = Vec::new();
        while let Some(Text(name)) = entries.next_key()? {
            if self.0.read(&name, &mut entries)? {
                continue;
            }
            entries.next_value::<IgnoredAny>()?;
            // A name that appears twice is refused even if its value is not needed.
            if others.contains(&name) || others.len() == MOST_OTHERS {
                return Err(unexpected());
            }
            others.push(name);
        }
        Ok(())
    }
}

/// Reads an object, or null.
struct Nullable<M>(M);

impl<'de, M: Members<'de>> DeserializeSeed<'de> for Nullable<M> {
    type Value = Option<M>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<M>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, M: Members<'de>> Visitor<'de> for Nullable<M> {
    type Value = Option<M>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_none<E: Error>(self) -> Result<Option<M>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<M>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<Option<M>, D::Error> {
        Object(&mut self.0, PhantomData).deserialize(deserializer)?;
        Ok(Some(self.0))
    }
}

fn text<'de, A: MapAccess<'de>>(entries: &mut A) -> Result<Cow<'de, str>, A::Error> {
    entries.next_value().map(|Text(text)| text)
}

fn optional_text<'de, A: MapAccess<'de>>(entries: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    let text: Option<Text<'de>> = entries.next_value()?;
    Ok(text.map(|Text(text)| text))
}

fn once<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    place.replace(value).map_or(Ok(()), |_| Err(unexpected()))
}

fn unexpected<E: Error>() -> E {
    E::custom("this row is not as expected")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::super::user::user_row_with_words;
    use super::*;
    use crate::employee::CustomValue;

    fn managed() -> Managed {
        Managed { branch: true, manager: true, custom_fields: vec!["c1".into(), "c2".into()] }
    }

    const ROW: &str = r#"{"type":"users","id":"u1","attributes":{"primary_email":"a@b.c","external_identifier":"1","first_name":" A ",
        "last_name":null,"roles":["employee"],"custom_fields":{"c1":"x","c3":[1,{"a":2}]},"external_metadata":{"k":1.5}},
        "relationships":{"manager":{"data":null},"branch":{"data":{"type":"branches","id":"b1"},"links":{}}},"links":{"self":"/u1"}}"#;

    #[test]
    fn rows_as_expected_are_read() {
        let user = user(ROW, &managed(), &Names::default()).unwrap();
        assert_eq!(Ok(&user), user_row_with_words(ROW, &managed(), &Names::default()).as_ref());
        assert_eq!((&*user.first_name, &*user.last_name), ("A", ""));
        assert_eq!(*user.custom_fields, [Some(CustomValue::Text("x".into())), None]);
    }

    #[test]
    fn a_name_that_stands_twice_is_left_to_the_other_reader() {
        for (once, twice) in [
            (r#""id":"u1""#, r#""id":"u1","id":"u1""#),
            (r#""roles":["#, r#""roles":[],"roles":["#),
            (r#""c1":"x""#, r#""c1":null,"c1":"x""#),
            (r#""c3":"#, r#""c3":1,"c3":"#),
            (r#""data":null"#, r#""data":null,"data":null"#),
            (r#""links":{"self""#, r#""links":1,"links":{"self""#),
            (r#""external_metadata":"#, r#""\u0065xternal_metadata":1,"external_metadata":"#),
        ] {
            let row = ROW.replace(once, twice);
            assert!(row != ROW && user(&row, &managed(), &Names::default()).is_none(), "{twice}");
            assert!(user_row_with_words(&row, &managed(), &Names::default()).is_err(), "{twice}");
        }
    }

    /// Pieces of rows; some do not fit where they are put.
    fn piece() -> impl Strategy<Value = String> {
        let value = prop::sample::select(vec![
            "null",
            "true",
            "7",
            "1.50",
            "[]",
            "{}",
            r#"["employee"," Admin "]"#,
            r#""""#,
            r#"" a@b.c ""#,
            r#""\u00e5""#,
            r#"{"data":null}"#,
            r#"{"data":{"type":"users","id":"u2"}}"#,
            r#"{"data":{"type":"branches","id":"b1"}}"#,
            r#"{"data":{"id":"b1","type":"branches","attributes":7}}"#,
            r#"{"data":{"type":"branches","id":".."}}"#,
            r#"{"links":{}}"#,
            r#"{"c1":"x","c2":true}"#,
            r#"{"c1":1.50,"c3":2}"#,
            r#"{"c2":null,"c3":1,"c3":2}"#,
            "[1",
        ]);
        let name = prop::sample::select(vec![
            "primary_email",
            "external_identifier",
            "first_name",
            "last_name",
            "roles",
            "custom_fields",
            "manager",
            "branch",
            "other",
            r"ma\u006eager",
        ]);
        (name, value).prop_map(|(name, value)| format!(r#""{name}":{value}"#))
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_other_reader_reads(
            attributes in prop::collection::vec(piece(), 0..7),
            relationships in prop::collection::vec(piece(), 0..4),
            rest in prop::collection::vec(piece(), 0..2),
            kind in prop::sample::select(vec![r#""users""#, r#""branches""#, "null"]),
            custom_fields in prop::sample::subsequence(vec!["c1", "c2"], 0..3),
        ) {
            let names = Names::default();
            let managed = Managed { custom_fields: custom_fields.into_iter().map(Into::into).collect(), ..managed() };
            let rest: String = rest.iter().map(|piece| format!(",{piece}")).collect();
            let row = format!(
                r#"{{"type":{kind},"id":"u1","attributes":{{"primary_email":"x@y",{}}},"relationships":{{{}}}{rest}}}"#,
                attributes.join(","), relationships.join(",")
            );
            for row in [row.replace(",}", "}"), row] {
                if let Some(user) = user(&row, &managed, &names) {
                    prop_assert_eq!(Ok(user), user_row_with_words(&row, &managed, &names), "{}", row);
                }
            }
        }
    }
}
