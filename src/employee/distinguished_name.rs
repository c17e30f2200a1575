//! Distinguished names of a directory, compared by RFC 4514: `CN=Doe\, John,OU=Staff` and `cn=doe\2C john, ou=staff`
//! name the same entry.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::CharIndices;

use super::normal_text;

/// Attribute types with their other names and their object identifiers (RFC 4519).
const TYPES: [(&str, &[&str]); 11] = [
    ("cn", &["commonname", "2.5.4.3"]),
    ("sn", &["surname", "2.5.4.4"]),
    ("c", &["countryname", "2.5.4.6"]),
    ("l", &["localityname", "2.5.4.7"]),
    ("st", &["stateorprovincename", "2.5.4.8"]),
    ("street", &["streetaddress", "2.5.4.9"]),
    ("o", &["organizationname", "2.5.4.10"]),
    ("ou", &["organizationalunitname", "2.5.4.11"]),
    ("dc", &["domaincomponent", "0.9.2342.19200300.100.1.25"]),
    ("uid", &["userid", "0.9.2342.19200300.100.1.1"]),
    ("e", &["emailaddress", "email", "1.2.840.113549.1.9.1"]),
];
/// The BER tags of texts, as in `#0c0141`: UTF-8, printable, teletex and IA5 strings.
const TEXT_TAGS: [u8; 4] = [0x0c, 0x13, 0x14, 0x16];

/// The normal form, which is the same for all spellings of a name; `None` if the text is not a distinguished name.
pub(crate) fn normal_form(text: &str) -> Option<String> {
    // A fast check, because most keys are no distinguished names.
    if !text.contains('=') {
        return None;
    }
    let mut rest = Rest { text, chars: text.char_indices().peekable() };
    let mut normal = String::with_capacity(text.len() + 16);
    loop {
        // The parts of a multi-valued name have no order.
        let mut parts = BTreeSet::new();
        let end = loop {
            parts.insert(rest.part()?);
            match rest.chars.next() {
                Some((_, '+')) => {}
                end => break end,
            }
        };
        for (place, part) in parts.iter().enumerate() {
            normal.push_str(if place == 0 { "" } else { "+" });
            normal.push_str(part);
        }
        match end {
            // RFC 2253 allows the semicolon as well.
            Some((_, ',' | ';')) => normal.push(','),
            Some(_) => return None,
            None => return Some(normal),
        }
    }
}

/// The part of a name that is still to be read.
struct Rest<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
}

impl Rest<'_> {
    /// A type and its value: `cn="doe, john"`. With the quotes, no two different pairs look the same.
    fn part(&mut self) -> Option<String> {
        self.skip_spaces();
        let kind = self.kind()?;
        self.skip_spaces();
        self.chars.next_if(|&(_, c)| c == '=')?;
        self.skip_spaces();
        let value = match self.chars.peek() {
            Some((_, '#')) => self.hexadecimal()?,
            Some((_, '"')) => folded(&self.quoted()?),
            _ => folded(&self.value(|c| matches!(c, ',' | ';' | '+'))?),
        };
        self.skip_spaces();
        Some(format!("{kind}={value}"))
    }

    fn skip_spaces(&mut self) {
        while self.chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
    }

    fn kind(&mut self) -> Option<String> {
        let start = self.chars.peek()?.0;
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let mut end = start;
        while let Some((at, _)) = self.chars.next_if(|&(_, c)| is_part(c)) {
            end = at + 1;
        }
        let written = self.text[start..end].to_ascii_lowercase();
        let kind = written.strip_prefix("oid.").unwrap_or(&written);
        if kind.is_empty() {
            return None;
        }
        let known = TYPES.iter().find(|(_, others)| others.contains(&kind)).map_or(kind, |(name, _)| name);
        Some(known.to_owned())
    }

    /// A value with escapes, up to an unescaped character that ends it.
    fn value(&mut self, ends: impl Fn(char) -> bool) -> Option<String> {
        let mut bytes = Vec::new();
        while let Some((_, c)) = self.chars.next_if(|&(_, c)| !ends(c)) {
            let c = match c {
                '\\' => match self.pair() {
                    Some(byte) => {
                        bytes.push(byte);
                        continue;
                    }
                    None => self.chars.next()?.1,
                },
                c => c,
            };
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        String::from_utf8(bytes).ok()
    }

    fn quoted(&mut self) -> Option<String> {
        self.chars.next();
        let value = self.value(|c| c == '"')?;
        self.chars.next()?;
        Some(value)
    }

    /// `#` and a value in BER. A value that is not a short text stays hexadecimal.
    fn hexadecimal(&mut self) -> Option<String> {
        self.chars.next();
        let mut bytes = Vec::new();
        while let Some(byte) = self.pair() {
            bytes.push(byte);
        }
        let text = match &bytes[..] {
            [tag, length, text @ ..] if TEXT_TAGS.contains(tag) && usize::from(*length) == text.len() => {
                std::str::from_utf8(text).ok().map(folded)
            }
            [] => return None,
            _ => None,
        };
        // Without quotes, so that it differs from every text.
        Some(text.unwrap_or_else(|| bytes.iter().fold("#".to_owned(), |text, byte| format!("{text}{byte:02x}"))))
    }

    /// Two hexadecimal digits.
    fn pair(&mut self) -> Option<u8> {
        let digit = |c: char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut ahead = self.chars.clone();
        let (high, low) = (digit(ahead.next()?.1)?, digit(ahead.next()?.1)?);
        self.chars = ahead;
        Some(high << 4 | low)
    }
}

/// A value in quotes, without the differences that matching ignores (RFC 4518): case, white space around it, and the
/// amount of white space inside.
fn folded(value: &str) -> String {
    let words: Vec<&str> = value.split_whitespace().collect();
    format!("{:?}", normal_text(&words.join(" ").to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_however_it_is_written() {
        for (name, others) in [
            (
                r"cn=Doe\, John,ou=Staff,dc=example,dc=com",
                &[
                    r"CN=Doe\2C John,OU=Staff,DC=example,DC=com",
                    r"cn=Doe\2c John, ou=Staff , dc = example,dc=com",
                    r"cn=doe\, john,ou=STAFF,dc=Example,dc=COM",
                    r"  cn=Doe\,  John ,ou=Staff,dc=example,dc=com  ",
                    r#"cn="Doe, John",ou=Staff,dc=example,dc=com"#,
                    r"cn=Doe\, John;ou=Staff;dc=example;dc=com",
                    r"cn=#0c09446f652c204a6f686e,ou=Staff,dc=example,dc=com",
                    r"2.5.4.3=Doe\, John,OID.2.5.4.11=Staff,dc=example,domainComponent=com",
                    r"cn=\44oe\2C\20John,ou=Staff,dc=example,dc=com",
                ][..],
            ),
            (r"cn=A+uid=7,o=x", &["UID=7+CN=a,O=X", "cn=a + uid=7, o=x"]),
            (
                r"cn=Åsa Öberg,o=x",
                &[r"cn=\C3\85sa \C3\96berg,o=x", "cn=åsa öberg,o=x", "cn=A\u{30a}sa O\u{308}berg,o=x"],
            ),
            (r"cn=a\=b\+c\\d\#,o=x", &[r"cn=a=b\2Bc\5Cd#,o=x"]),
            (r"cn=Berg\0ACNF:1234,o=x", &["cn=berg\\\nCNF:1234,o=x"]),
            (r"cn=#04020102,o=x", &["CN=#04020102,O=X"]),
            ("cn=,o=x", &["cn = , o=x", r#"cn="",o=x"#]),
        ] {
            let form = normal_form(name);
            assert!(form.is_some(), "{name}");
            for other in others {
                assert_eq!(normal_form(other), form, "{other}");
            }
        }
    }

    #[test]
    fn other_names_stay_apart() {
        let names = [
            r"cn=Doe\, John,o=x",
            "cn=Doe,cn=John,o=x",
            "cn=DoeJohn,o=x",
            r"cn=Doe\+ou=John,o=x",
            "cn=Doe+ou=John,o=x",
            "cn=John,cn=Doe,o=x",
            r#"cn=Doe\"\,cn=\"John,o=x"#,
            "uid=Doe,o=x",
            "cn=#04020102,o=x",
            r"cn=\#04020102,o=x",
            "cn=Doe",
        ];
        let forms: BTreeSet<_> = names.iter().filter_map(|name| normal_form(name)).collect();
        assert_eq!(forms.len(), names.len(), "{forms:?}");
    }

    #[test]
    fn what_is_no_name() {
        for text in [
            "",
            "1001",
            "anna@example.com",
            "=",
            "cn",
            "cn=a,",
            "cn=a,o",
            "a b=c",
            "cn=a+",
            "cn=#0",
            "cn=#zz",
            r"cn=a\",
            r"cn=\ff,o=x",
            r#"cn="a"#,
            r#"cn="a"b,o=x"#,
            ",cn=a",
        ] {
            assert_eq!(normal_form(text), None, "{text}");
        }
    }
}
