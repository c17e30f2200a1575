//! Which attributes to request, and how an entry fills the columns that the settings use.
//!
//! Attribute names ignore case; column names do not: a column has exactly the name in the settings.

use std::collections::BTreeSet;

use super::ber::Malformed;
use super::entry::{Attribute, Entry, Values};
use super::rows::Rows;
use super::values::Form;
use crate::setting::shortened;
use crate::source::cell::{CellKind, cell_of};

/// How many values an attribute may have; no person has so many, and no group that is worth reading.
const MOST_VALUES: usize = 1_000_000;
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

/// What a server may add to the description of an attribute.
const BINARY_OPTION: &[u8] = b";binary";

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

/// Why an entry cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    Malformed(Malformed),
    /// Its distinguished name is not UTF-8.
    Name,
    /// What is wrong with it; follows its distinguished name.
    Entry(String),
    /// What is wrong with the list as a whole.
    List(String),
}

impl std::convert::From<Malformed> for Unusable {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
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

    /// The names of the columns, each with its cell in a row of [`Rows`]: 0 is the distinguished name.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        (1..).zip(&self.0).map(|(cell, column)| (&*column.name, if column.is_dn() { 0 } else { cell }))
    }

    /// The cell of an entry that does not have the attribute.
    fn absent(&self, column: usize) -> (CellKind, &'static str) {
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

    /// Adds an entry to the rows.
    pub(super) fn add(&self, entry: Entry<'_>, rows: &mut Rows) -> Result<(), Unusable> {
        let dn = std::str::from_utf8(entry.dn).map_err(|_| Unusable::Name)?;
        let mut came: Vec<(usize, Values<'_>)> = Vec::with_capacity(self.0.len());
        for attribute in entry.attributes() {
            let Attribute { description, values } = attribute?;
            self.refuse_part(description).map_err(Unusable::Entry)?;
            let before = came.len();
            let columns = self.0.iter().enumerate().filter(|(_, column)| column.is_given_by(description));
            came.extend(columns.map(|(place, _)| (place, values)));
            if came.len() == before {
                rows.other(description);
            }
        }
        rows.begin(dn);
        for (place, column) in self.0.iter().enumerate() {
            let mut parts = came.iter().filter(|(of, _)| *of == place).map(|(_, values)| *values).peekable();
            let is_absent = parts.peek().is_none();
            match &column.from {
                From::Attribute { form, is_list, .. } if !is_absent => {
                    add_cell(parts.flatten(), (&column.name, *form, *is_list), rows)?;
                }
                From::Attribute { .. } | From::Dn => {
                    let (kind, text) = self.absent(place);
                    rows.absent(kind, text);
                }
            }
        }
        rows.end().map_err(Unusable::List)
    }

    /// Refuses a partial list: Active Directory sends long lists in parts (`member;range=0-1499`).
    fn refuse_part(&self, came: &str) -> Result<(), String> {
        if !came.contains(';') {
            return Ok(());
        }
        let came = came.to_ascii_lowercase();
        let mut parts = came.split(';');
        let name = parts.next().unwrap_or_default();
        let Some(range) = parts.find(|option| option.starts_with("range=")) else { return Ok(()) };
        let column = self.0.iter().find(|column| match &column.from {
            From::Attribute { description, .. } => description.split(';').next() == Some(name),
            From::Dn => false,
        });
        column.map_or(Ok(()), |column| {
            Err(format!(
                " has more values of `{}` than the server gives at once ({}), and a part of a list is never used; leave \
                 such entries out with `filter`, or do without the attribute",
                column.name,
                shortened(range)
            ))
        })
    }
}

impl Column {
    fn is_dn(&self) -> bool {
        matches!(self.from, From::Dn)
    }

    /// Whether a received attribute belongs to this column. A server may add `binary` to the requested name.
    fn is_given_by(&self, came: &str) -> bool {
        let From::Attribute { description, .. } = &self.from else { return false };
        let Some((name, rest)) = came.as_bytes().split_at_checked(description.len()) else { return false };
        (rest.is_empty() || rest.eq_ignore_ascii_case(BINARY_OPTION))
            && name.eq_ignore_ascii_case(description.as_bytes())
    }
}

/// Adds the cell of one attribute. Values have no order in LDAP, so a list is sorted by bytes: the same entry gives the
/// same list from every server.
fn add_cell<'m>(
    mut values: impl Iterator<Item = Result<&'m [u8], Malformed>>,
    (column, form, is_list): (&str, Form, bool),
    rows: &mut Rows,
) -> Result<(), Unusable> {
    let text =
        |value| form.text(value).map_err(|problem| Unusable::Entry(format!(": a value of `{column}` {problem}")));
    let Some(first) = values.next().transpose()? else {
        if is_list {
            rows.cell(CellKind::Structured, "[]");
        } else {
            rows.absent(CellKind::Text, "");
        }
        return Ok(());
    };
    let first = text(first)?;
    let second = values.next().transpose()?;
    if second.is_none() && !is_list {
        rows.cell(CellKind::Text, &first);
        return Ok(());
    }
    let mut texts = vec![first];
    for value in second.map(Ok).into_iter().chain(values) {
        if texts.len() == MOST_VALUES {
            return Err(Unusable::Entry(format!(
                " has more than {MOST_VALUES} values of `{column}`, which is too many"
            )));
        }
        texts.push(text(value?)?);
    }
    texts.sort_unstable();
    texts.dedup();
    let list = serde_json::Value::from(texts).to_string();
    let (kind, text) = cell_of(&list);
    rows.cell(kind, &text);
    Ok(())
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

    /// The cells of an entry, without those that it does not have.
    fn read(
        names: &[&'static str],
        attributes: &[(&str, &[&[u8]])],
    ) -> Result<Vec<Option<(CellKind, String)>>, Unusable> {
        let columns = columns(names);
        let mut rows = Rows::new(names.len());
        rows.begin_search();
        columns.add(Entry::read(&entry(b"cn=x", attributes)).unwrap(), &mut rows)?;
        let has: Vec<bool> = columns.names().map(|(_, cell)| rows.has(cell)).collect();
        let names: Vec<_> = columns.names().map(|(name, cell)| (name.to_owned(), cell)).collect();
        let table = rows.into_table(&names).unwrap();
        let cells = has.iter().enumerate().map(|(column, has)| {
            let cell = table.cell(0, column);
            has.then(|| (cell.kind, cell.text.to_owned()))
        });
        Ok(cells.collect())
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
    fn a_list_that_cannot_be_read_is_an_error_for_whoever_uses_it() {
        let long = vec![b'x'; 1024 * 1024];
        for (other, expected) in [(&b"#N/A"[..], "it holds #N/A, which is an error"), (&long, "more than 1024 KiB")] {
            for attributes in [&[("mail", &[&b"a"[..], other][..])][..], &[("mail", &[b"a"]), ("MAIL", &[other])]] {
                let cells = read(&["mail"], attributes).unwrap();
                let Some((CellKind::Unreadable, problem)) = &cells[0] else { panic!("{cells:?}") };
                assert!(problem.contains(expected), "{problem}");
            }
        }
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
        let entry = entry(b"cn=x", &[("SN", &[b"Berg"]), ("mail", &[b"a@b"])]);
        let mut rows = Rows::new(2);
        columns(&["surname", "mail"]).add(Entry::read(&entry).unwrap(), &mut rows).unwrap();
        assert_eq!(*rows.others(), ["sn".to_owned()].into());
    }

    #[test]
    fn a_part_of_a_list_is_refused() {
        let attributes: &[(&str, &[&[u8]])] = &[("member", &[]), ("member;range=0-1499", &[b"cn=y"])];
        let Unusable::Entry(error) = read(&["member"], attributes).unwrap_err() else { panic!("another error") };
        assert!(error.contains("`member`") && error.contains("range=0-1499"), "{error}");
        assert!(read(&["mail"], attributes).is_ok());
    }

    #[test]
    fn what_cannot_be_decoded_is_an_error_with_its_place() {
        let error = read(&["title"], &[("title", &[b"\xff"])]).unwrap_err();
        assert!(matches!(&error, Unusable::Entry(problem) if problem.starts_with(": a value of `title` is not UTF-8")));
        assert_eq!(read(&["blob"], &[("blob", &[b"\xff"])]).unwrap(), [text("/w==")]);
    }
}
