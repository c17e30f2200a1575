//! Which attributes to request, and how an entry fills the columns that the settings use.
//!
//! Attribute names ignore case; column names do not: a column has exactly the name in the settings.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::values::Form;
use crate::source::cell::CellKind;

/// The column that holds an entry's distinguished name.
const DN: &str = "dn";
/// Requests no attribute at all (RFC 4511, 4.5.1.8).
const NO_ATTRIBUTES: &str = "1.1";
/// Attributes that are always lists, even with one value; in lower case.
pub(super) const LISTS: &[&str] = &[
    "directreports",
    "groupmembership",
    "ismemberof",
    "managedobjects",
    "member",
    "memberof",
    "memberuid",
    "objectclass",
    "otherfacsimiletelephonenumber",
    "otherhomephone",
    "othermailbox",
    "othermobile",
    "othertelephone",
    "proxyaddresses",
    "serviceprincipalname",
    "showinaddressbook",
    "sidhistory",
    "tokengroups",
    "uniquemember",
];

/// The columns that are wanted.
#[derive(Debug)]
pub(super) struct Columns(Vec<Column>);

#[derive(Debug)]
struct Column {
    name: Box<str>,
    from: From,
}

#[derive(Debug)]
enum From {
    Dn,
    Attribute {
        /// In lower case.
        description: Box<str>,
        form: Form,
        is_list: bool,
    },
}

/// An entry in columns.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) dn: Box<str>,
    /// In the order of the columns; `None` if the entry does not have the attribute.
    pub(super) cells: Box<[Option<Cell>]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) kind: CellKind,
    pub(super) text: Box<str>,
}

impl Columns {
    /// The columns with these names; an error names the first one that is no valid attribute. `lists` and `binary` are
    /// in lower case.
    pub(super) fn new<'c>(
        names: impl IntoIterator<Item = &'c str>,
        lists: &BTreeSet<String>,
        binary: &BTreeSet<String>,
    ) -> Result<Self, &'c str> {
        let column = |name: &'c str| {
            if name.eq_ignore_ascii_case(DN) {
                return Ok(Column { name: name.into(), from: From::Dn });
            }
            if !is_description(name) {
                return Err(name);
            }
            let description = name.to_ascii_lowercase();
            let form = Form::of(&description, |name| binary.contains(name));
            let bare = description.split(';').next().unwrap_or_default();
            let is_list = LISTS.contains(&bare) || lists.contains(bare) || lists.contains(&description);
            Ok(Column { name: name.into(), from: From::Attribute { description: description.into(), form, is_list } })
        };
        names.into_iter().map(column).collect::<Result<_, _>>().map(Self)
    }

    /// The names of the columns, each with whether it is an attribute.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().map(|column| (&*column.name, matches!(column.from, From::Attribute { .. })))
    }

    /// The cell of an entry that does not have the attribute.
    pub(super) fn absent(&self, column: usize) -> (CellKind, &'static str) {
        match self.0[column].from {
            From::Attribute { is_list: true, .. } => (CellKind::Structured, "[]"),
            From::Attribute { .. } | From::Dn => (CellKind::Text, ""),
        }
    }

    /// The attributes to request. The list is never empty: an empty list would request everything.
    pub(super) fn attributes(&self) -> Vec<String> {
        let descriptions = self.0.iter().filter_map(|column| match &column.from {
            From::Attribute { description, .. } => Some((description, &column.name)),
            From::Dn => None,
        });
        let mut seen = BTreeSet::new();
        let wanted: Vec<String> = descriptions
            .filter(|(description, _)| seen.insert(*description))
            .map(|(_, name)| name.to_string())
            .collect();
        if wanted.is_empty() { vec![NO_ATTRIBUTES.to_owned()] } else { wanted }
    }

    /// An entry in these columns. `others` collects the attributes that were not requested, in lower case.
    pub(super) fn row(&self, entry: Entry, others: &mut BTreeSet<String>) -> Result<Row, String> {
        let Entry { dn, attributes } = entry;
        let mut values: Vec<Option<Vec<Vec<u8>>>> = self.0.iter().map(|_| None).collect();
        for (description, came) in attributes {
            let lower = description.to_ascii_lowercase();
            self.refuse_part(&dn, &lower)?;
            let wanted = self.0.iter().zip(&mut values).filter(|(column, _)| column.is_given_by(&lower));
            let mut is_wanted = false;
            for (_, values) in wanted {
                is_wanted = true;
                values.get_or_insert_default().extend_from_slice(&came);
            }
            if !is_wanted {
                others.insert(lower);
            }
        }
        let cells = self.0.iter().zip(values).map(|(column, values)| match &column.from {
            From::Dn => Ok(Some(Cell { kind: CellKind::Text, text: dn.as_str().into() })),
            From::Attribute { form, is_list, .. } => cell(values, *form, *is_list)
                .map_err(|problem| format!("{dn:?}: a value of `{}` {problem}", column.name)),
        });
        let cells = cells.collect::<Result<_, String>>()?;
        Ok(Row { dn: dn.into(), cells })
    }

    /// Refuses a partial list: Active Directory sends long lists in parts (`member;range=0-1499`).
    fn refuse_part(&self, dn: &str, came: &str) -> Result<(), String> {
        let mut parts = came.split(';');
        let name = parts.next().unwrap_or_default();
        let Some(range) = parts.find(|option| option.starts_with("range=")) else { return Ok(()) };
        let column = self.0.iter().find(|column| match &column.from {
            From::Attribute { description, .. } => description.split(';').next() == Some(name),
            From::Dn => false,
        });
        column.map_or(Ok(()), |column| {
            Err(format!(
                "{dn:?} has more values of `{}` than the server gives at once ({range}), and a part of a list is never \
                 used; leave such entries out with `filter`, or do without the attribute",
                column.name
            ))
        })
    }
}

impl Column {
    /// Whether a received attribute belongs to this column. A server may add `binary` to the requested name.
    fn is_given_by(&self, came: &str) -> bool {
        match &self.from {
            From::Dn => false,
            From::Attribute { description, .. } => {
                *came == **description || came.strip_suffix(";binary").is_some_and(|came| *came == **description)
            }
        }
    }
}

/// The cell of one attribute. Values have no order in LDAP, so a list is sorted by bytes: the same entry gives the same
/// list from every server.
fn cell(values: Option<Vec<Vec<u8>>>, form: Form, is_list: bool) -> Result<Option<Cell>, &'static str> {
    let Some(values) = values else { return Ok(None) };
    let mut texts = values.into_iter().map(|value| form.text(value)).collect::<Result<Vec<String>, _>>()?;
    if !is_list && texts.len() < 2 {
        return Ok(texts.pop().map(|text| Cell { kind: CellKind::Text, text: text.into() }));
    }
    texts.sort_unstable();
    texts.dedup();
    let text = serde_json::Value::from(texts).to_string();
    Ok(Some(Cell { kind: CellKind::Structured, text: text.into() }))
}

/// Whether a text is an attribute description (RFC 4512, 2.5): a name or an object identifier, with options. Nothing
/// else may be requested: `*` and `+` mean everything.
pub(super) fn is_description(text: &str) -> bool {
    let mut parts = text.split(';');
    let name = parts.next().unwrap_or_default();
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic()) && is_word(name);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_identifier = name != NO_ATTRIBUTES && name.contains('.') && name.split('.').all(is_number);
    (is_name || is_identifier) && parts.all(|option| !option.is_empty() && is_word(option))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::super::entry::tests::entry;
    use super::*;

    fn columns(names: &[&'static str]) -> Columns {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Columns::new(names.iter().copied(), &set(&["mail", "cn;lang-de"]), &set(&["blob"])).unwrap()
    }

    fn read(
        names: &[&'static str],
        attributes: &[(&str, &[&[u8]])],
    ) -> Result<Vec<Option<(CellKind, String)>>, String> {
        let entry = Entry::parse(entry(b"cn=x", attributes)).unwrap().unwrap();
        let row = columns(names).row(entry, &mut BTreeSet::new())?;
        Ok(row.cells.into_iter().map(|cell| cell.map(|Cell { kind, text }| (kind, text.into()))).collect())
    }

    fn text(text: &str) -> Option<(CellKind, String)> {
        Some((CellKind::Text, text.to_owned()))
    }

    fn list(text: &str) -> Option<(CellKind, String)> {
        Some((CellKind::Structured, text.to_owned()))
    }

    #[test]
    fn only_what_is_used_is_asked_for_and_that_once() {
        assert_eq!(columns(&["dn", "mail", "Mail", "objectGUID"]).attributes(), ["mail", "objectGUID"]);
        assert_eq!(columns(&["dn"]).attributes(), ["1.1"]);
        for wrong in ["*", "+", "1.1", "", "first name", "a=b", "member;range=0-9", "mail;", ";binary", "1", ".1", "ö"]
        {
            let none = BTreeSet::new();
            assert_eq!(Columns::new([wrong], &none, &none).err(), Some(wrong));
        }
        for right in ["mail", "mS-DS-ConsistencyGuid", "2.5.4.3", "userCertificate;binary", "cn;lang-de;x-a"] {
            assert!(is_description(right), "{right}");
        }
    }

    #[test]
    fn columns_are_called_what_the_settings_call_them() {
        let attributes: &[(&str, &[&[u8]])] = &[("MAIL", &[b"a@b"]), ("displayName", &[b" Anna "])];
        let cells = read(&["DN", "displayname", "displayName", "title"], attributes).unwrap();
        assert_eq!(cells, [text("cn=x"), text("Anna"), text("Anna"), None]);
    }

    #[test]
    fn several_values_are_a_list_in_the_order_of_their_bytes() {
        let attributes: &[(&str, &[&[u8]])] =
            &[("title", &[b"b", b"a \"q\"", b"b"]), ("mail", &[b"x"]), ("memberOf", &[b"cn=g"]), ("none", &[])];
        let cells = read(&["title", "mail", "memberOf", "none", "proxyAddresses"], attributes).unwrap();
        assert_eq!(cells, [list(r#"["a \"q\"","b"]"#), list(r#"["x"]"#), list(r#"["cn=g"]"#), None, None]);
        let columns = columns(&["mail", "title"]);
        assert_eq!(columns.absent(0), (CellKind::Structured, "[]"));
        assert_eq!(columns.absent(1), (CellKind::Text, ""));
    }

    #[test]
    fn options_make_another_attribute_but_for_binary() {
        let attributes: &[(&str, &[&[u8]])] =
            &[("cn;lang-de", &[b"Anna"]), ("userCertificate;binary", &[b"\x30"]), ("cn", &[b"Ann"])];
        let cells = read(&["cn", "cn;lang-de", "userCertificate", "userCertificate;binary"], attributes).unwrap();
        assert_eq!(cells, [text("Ann"), list(r#"["Anna"]"#), text("MA=="), text("MA==")]);
    }

    #[test]
    fn what_came_unasked_is_remembered() {
        let entry = Entry::parse(entry(b"cn=x", &[("sn", &[b"Berg"]), ("mail", &[b"a@b"])])).unwrap().unwrap();
        let mut others = BTreeSet::new();
        columns(&["surname", "mail"]).row(entry, &mut others).unwrap();
        assert_eq!(others, ["sn".to_owned()].into());
    }

    #[test]
    fn a_part_of_a_list_is_refused() {
        let attributes: &[(&str, &[&[u8]])] = &[("member", &[]), ("member;range=0-1499", &[b"cn=y"])];
        let error = read(&["member"], attributes).unwrap_err();
        assert!(error.contains("\"cn=x\"") && error.contains("`member`") && error.contains("range=0-1499"), "{error}");
        assert!(read(&["mail"], attributes).is_ok());
    }

    #[test]
    fn what_cannot_be_decoded_is_an_error_with_its_place() {
        let error = read(&["title"], &[("title", &[b"\xff"])]).unwrap_err();
        assert!(error.starts_with("\"cn=x\": a value of `title` is not UTF-8"), "{error}");
        assert_eq!(read(&["blob"], &[("blob", &[b"\xff"])]).unwrap(), [text("/w==")]);
    }
}
