//! Decodes one entry of a search result (RFC 4511, 4.5.2). Nothing is assumed about what a server sends: anything
//! malformed is an error.

use ldap3::asn1::StructureTag;

/// An entry with the attributes that came with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its distinguished name, as the server writes it.
    pub(super) dn: String,
    /// Attribute descriptions, as the server writes them, with their values.
    pub(super) attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// Reads a SearchResultEntry; `None` if it is not one.
    pub(super) fn parse(tag: StructureTag) -> Option<Result<Self, String>> {
        let [dn, attributes] = <[StructureTag; 2]>::try_from(tag.expect_constructed()?).ok()?;
        let dn = match String::from_utf8(dn.expect_primitive()?) {
            Ok(dn) => dn,
            Err(error) => {
                let dn = String::from_utf8_lossy(error.as_bytes()).into_owned();
                return Some(Err(format!("the distinguished name {dn:?} is not UTF-8")));
            }
        };
        let attributes = attributes.expect_constructed()?.into_iter().map(attribute).collect::<Option<_>>()?;
        Some(Ok(Self { dn, attributes }))
    }
}

fn attribute(tag: StructureTag) -> Option<(String, Vec<Vec<u8>>)> {
    let [description, values] = <[StructureTag; 2]>::try_from(tag.expect_constructed()?).ok()?;
    let description = String::from_utf8(description.expect_primitive()?).ok()?;
    let values = values.expect_constructed()?.into_iter().map(StructureTag::expect_primitive);
    Some((description, values.collect::<Option<_>>()?))
}

#[cfg(test)]
pub(super) mod tests {
    use ldap3::asn1::{PL, TagClass};

    use super::*;

    /// A SearchResultEntry as it is encoded.
    pub(in super::super) fn entry(dn: &[u8], attributes: &[(&str, &[&[u8]])]) -> StructureTag {
        let tag = |payload| StructureTag { class: TagClass::Universal, id: 4, payload };
        let text = |bytes: &[u8]| tag(PL::P(bytes.to_vec()));
        let attributes = attributes.iter().map(|(description, values)| {
            let values = tag(PL::C(values.iter().map(|value| text(value)).collect()));
            tag(PL::C(vec![text(description.as_bytes()), values]))
        });
        tag(PL::C(vec![text(dn), tag(PL::C(attributes.collect()))]))
    }

    #[test]
    fn an_entry_is_read_as_it_is() {
        let tag = entry("cn=Å".as_bytes(), &[("mail", &[b"a@b"]), ("none", &[]), ("two", &[b"2", b"\xff"])]);
        let expected = vec![
            ("mail".to_owned(), vec![b"a@b".to_vec()]),
            ("none".to_owned(), vec![]),
            ("two".to_owned(), vec![b"2".to_vec(), b"\xff".to_vec()]),
        ];
        assert_eq!(Entry::parse(tag), Some(Ok(Entry { dn: "cn=Å".to_owned(), attributes: expected })));
    }

    #[test]
    fn what_is_no_entry_is_not_taken_for_one() {
        let tag = |payload| StructureTag { class: TagClass::Universal, id: 4, payload };
        let text = || tag(PL::P(b"x".to_vec()));
        for payload in [
            PL::P(b"x".to_vec()),
            PL::C(vec![]),
            PL::C(vec![text()]),
            PL::C(vec![text(), text()]),
            PL::C(vec![text(), tag(PL::C(vec![])), text()]),
            PL::C(vec![text(), tag(PL::C(vec![text()]))]),
            PL::C(vec![text(), tag(PL::C(vec![tag(PL::C(vec![text(), text()]))]))]),
        ] {
            assert_eq!(Entry::parse(tag(payload.clone())), None, "{payload:?}");
        }
        let named_badly = Entry::parse(entry(b"cn=\xff", &[]));
        assert!(named_badly.is_some_and(|read| read.is_err_and(|error| error.contains("not UTF-8"))));
    }
}
