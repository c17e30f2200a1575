//! Decodes one entry of a search result (RFC 4511, 4.5.2). Nothing is assumed about what a server sends: anything
//! malformed is an error. What is read is borrowed from the message.

use super::ber::{Elements, Malformed, OCTET_STRING, SEQUENCE, SET};

/// An entry with the attributes that came with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'m> {
    /// Its distinguished name, as the server writes it.
    pub(super) dn: &'m [u8],
    attributes: Elements<'m>,
}

/// An attribute of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'m> {
    /// Its description, as the server writes it.
    pub(super) description: &'m str,
    pub(super) values: Values<'m>,
}

/// The values of an attribute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'m>(Elements<'m>);

impl<'m> Entry<'m> {
    /// Reads the content of a SearchResultEntry.
    pub(super) fn read(content: &'m [u8]) -> Result<Self, Malformed> {
        let mut parts = Elements(content);
        let dn = parts.expect(OCTET_STRING)?;
        let attributes = Elements(parts.expect(SEQUENCE)?);
        parts.end()?;
        Ok(Self { dn, attributes })
    }

    /// Its attributes, up to the first one that cannot be read.
    pub(super) fn attributes(self) -> impl Iterator<Item = Result<Attribute<'m>, Malformed>> {
        let mut attributes = self.attributes;
        std::iter::from_fn(move || (!attributes.is_empty()).then(|| attribute(&mut attributes)))
    }
}

fn attribute<'m>(attributes: &mut Elements<'m>) -> Result<Attribute<'m>, Malformed> {
    let mut parts = Elements(attributes.expect(SEQUENCE)?);
    let description = parts.text()?;
    let values = Values(Elements(parts.expect(SET)?));
    parts.end()?;
    Ok(Attribute { description, values })
}

impl<'m> Iterator for Values<'m> {
    type Item = Result<&'m [u8], Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| self.0.expect(OCTET_STRING))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
pub(super) mod tests {
    use super::super::ber::element;
    use super::*;

    fn octets(content: &[u8]) -> Vec<u8> {
        element(OCTET_STRING, &[content])
    }

    /// The content of a SearchResultEntry as it is encoded.
    pub(in super::super) fn entry(dn: &[u8], attributes: &[(&str, &[&[u8]])]) -> Vec<u8> {
        let attribute = |(description, values): &(&str, &[&[u8]])| {
            let values: Vec<u8> = values.iter().flat_map(|value| octets(value)).collect();
            element(SEQUENCE, &[&octets(description.as_bytes()), &element(SET, &[&values])])
        };
        let attributes: Vec<u8> = attributes.iter().flat_map(attribute).collect();
        [octets(dn), element(SEQUENCE, &[&attributes])].concat()
    }

    #[test]
    fn an_entry_is_read_as_it_is() {
        let bytes = entry("cn=Å".as_bytes(), &[("mail", &[b"a@b"]), ("none", &[]), ("two", &[b"2", b"\xff"])]);
        let entry = Entry::read(&bytes).unwrap();
        assert_eq!(entry.dn, "cn=Å".as_bytes());
        let attributes = entry.attributes().map(|attribute| {
            let Attribute { description, values } = attribute.unwrap();
            (description, values.map(Result::unwrap).collect::<Vec<_>>())
        });
        let expected: [(&str, Vec<&[u8]>); 3] =
            [("mail", vec![b"a@b"]), ("none", vec![]), ("two", vec![b"2", b"\xff"])];
        assert_eq!(attributes.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_no_entry_is_not_taken_for_one() {
        let all = |content: &[u8]| -> Result<(), Malformed> {
            for attribute in Entry::read(content)?.attributes() {
                attribute?.values.collect::<Result<Vec<_>, _>>()?;
            }
            Ok(())
        };
        let text = || octets(b"x");
        let list = |parts: &[&[u8]]| element(SEQUENCE, parts);
        for wrong in [
            vec![],
            text(),
            [text(), text()].concat(),
            [text(), list(&[]), text()].concat(),
            [text(), list(&[&text()])].concat(),
            [text(), list(&[&list(&[&text(), &text()])])].concat(),
            [text(), list(&[&list(&[&text(), &element(SET, &[&list(&[])])])])].concat(),
            [text(), list(&[&list(&[&octets(b"\xff"), &element(SET, &[])])])].concat(),
        ] {
            assert!(all(&wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(all(&entry(b"x", &[("x", &[b"x"])])), Ok(()));
    }
}
