//! Reads the text of a filter (RFC 4515) into its encoded form (RFC 4511, 4.5.1.7).

use super::ber::{OCTET_STRING, SEQUENCE, element};

/// The choices of a filter.
const AND: u8 = 0xa0;
const OR: u8 = 0xa1;
const NOT: u8 = 0xa2;
const EQUAL: u8 = 0xa3;
const SUBSTRINGS: u8 = 0xa4;
const GREATER_OR_EQUAL: u8 = 0xa5;
const LESS_OR_EQUAL: u8 = 0xa6;
const PRESENT: u8 = 0x87;
const APPROXIMATE: u8 = 0xa8;
const EXTENSIBLE: u8 = 0xa9;
/// The parts of a condition on substrings.
const INITIAL: u8 = 0x80;
const ANY: u8 = 0x81;
const FINAL: u8 = 0x82;
/// The parts of an extensible condition.
const RULE: u8 = 0x81;
const TYPE: u8 = 0x82;
const VALUE: u8 = 0x83;
const DN_ATTRIBUTES: u8 = 0x84;

/// A filter that was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// Its form in the protocol.
    pub(super) encoded: Vec<u8>,
    /// The attributes that it names, in its order.
    pub(super) attributes: Vec<String>,
}

/// Reads a filter; `None` if it is none. It recurses as deep as parentheses are nested: the caller limits that.
pub(super) fn parse(filter: &str) -> Option<Parsed> {
    let mut parser = Parser { rest: filter, attributes: Vec::new() };
    // The outer parentheses may be missing around a single condition.
    let encoded = if filter.starts_with('(') { parser.filter() } else { parser.condition() }?;
    parser.rest.is_empty().then_some(Parsed { encoded, attributes: parser.attributes })
}

struct Parser<'f> {
    rest: &'f str,
    attributes: Vec<String>,
}

impl<'f> Parser<'f> {
    /// Goes past a text if it comes next.
    fn skip(&mut self, text: &str) -> bool {
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// Takes what comes before the first character that does not fit.
    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'f str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// A filter in parentheses.
    fn filter(&mut self) -> Option<Vec<u8>> {
        if !self.skip("(") {
            return None;
        }
        let filter = if self.skip("&") {
            self.list(AND)?
        } else if self.skip("|") {
            self.list(OR)?
        } else if self.skip("!") {
            element(NOT, &[&self.filter()?])
        } else {
            self.condition()?
        };
        self.skip(")").then_some(filter)
    }

    fn list(&mut self, tag: u8) -> Option<Vec<u8>> {
        let mut filters = Vec::new();
        while self.rest.starts_with('(') {
            filters.extend(self.filter()?);
        }
        Some(element(tag, &[&filters]))
    }

    /// A condition, without its parentheses.
    fn condition(&mut self) -> Option<Vec<u8>> {
        if self.rest.starts_with(':') {
            return self.extensible(None);
        }
        let attribute = self.description()?;
        self.attributes.push(attribute.to_owned());
        let name = octets(attribute.as_bytes());
        for (operator, tag) in [(">=", GREATER_OR_EQUAL), ("<=", LESS_OR_EQUAL), ("~=", APPROXIMATE)] {
            if self.skip(operator) {
                return Some(element(tag, &[&name, &octets(&self.value()?)]));
            }
        }
        if !self.skip("=") {
            return self.extensible(Some(attribute));
        }
        let mut parts = vec![self.value()?];
        while self.skip("*") {
            parts.push(self.value()?);
        }
        match &parts[..] {
            [only] => Some(element(EQUAL, &[&name, &octets(only)])),
            [first, last] if first.is_empty() && last.is_empty() => Some(element(PRESENT, &[attribute.as_bytes()])),
            [first, between @ .., last] => {
                // Nothing between two asterisks is a mistake.
                if between.iter().any(Vec::is_empty) {
                    return None;
                }
                let part = |tag, part: &Vec<u8>| if part.is_empty() { Vec::new() } else { element(tag, &[part]) };
                let between: Vec<u8> = between.iter().flat_map(|between| part(ANY, between)).collect();
                let substrings = element(SEQUENCE, &[&part(INITIAL, first), &between, &part(FINAL, last)]);
                Some(element(SUBSTRINGS, &[&name, &substrings]))
            }
            [] => None,
        }
    }

    /// What follows the attribute in an extensible condition.
    fn extensible(&mut self, attribute: Option<&str>) -> Option<Vec<u8>> {
        let with_dn = self.skip_in_any_case(":dn");
        let rule = if !self.rest.starts_with(":=") && self.skip(":") { Some(self.attribute_type()?) } else { None };
        if (rule.is_none() && attribute.is_none()) || !self.skip(":=") {
            return None;
        }
        let part = |tag, text: Option<&str>| text.map_or_else(Vec::new, |text| element(tag, &[text.as_bytes()]));
        let value = element(VALUE, &[&self.value()?]);
        let with_dn = if with_dn { element(DN_ATTRIBUTES, &[&[0xff]]) } else { Vec::new() };
        Some(element(EXTENSIBLE, &[&part(RULE, rule), &part(TYPE, attribute), &value, &with_dn]))
    }

    /// Literals of a grammar have no case (RFC 5234, 2.3).
    fn skip_in_any_case(&mut self, literal: &str) -> bool {
        match self.rest.split_at_checked(literal.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(literal) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// An attribute with its options.
    fn description(&mut self) -> Option<&'f str> {
        let start = self.rest;
        self.attribute_type()?;
        while self.rest.strip_prefix(';').is_some_and(|option| option.starts_with(is_word)) {
            self.skip(";");
            self.take_while(is_word);
        }
        start.strip_suffix(self.rest)
    }

    /// A name, or an object identifier.
    fn attribute_type(&mut self) -> Option<&'f str> {
        if self.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Some(self.take_while(is_word));
        }
        let start = self.rest;
        self.number()?;
        while self.rest.strip_prefix('.').is_some_and(|rest| Parser { rest, attributes: Vec::new() }.number().is_some())
        {
            self.skip(".");
            self.number()?;
        }
        start.strip_suffix(self.rest)
    }

    fn number(&mut self) -> Option<&'f str> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        (!digits.is_empty() && (digits.len() == 1 || !digits.starts_with('0'))).then_some(digits)
    }

    /// A value, with its escapes resolved: a backslash and two hexadecimal digits are one byte.
    fn value(&mut self) -> Option<Vec<u8>> {
        let text = self.take_while(|c| !matches!(c, '\0' | '(' | ')' | '*'));
        let mut parts = text.split('\\');
        let mut value = parts.next()?.as_bytes().to_vec();
        for part in parts {
            let (digits, after) = part.as_bytes().split_at_checked(2)?;
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            value.push(digit(digits[0])? << 4 | digit(digits[1])?);
            value.extend_from_slice(after);
        }
        Some(value)
    }
}

fn octets(content: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, &[content])
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use ldap3::asn1::{ASNTag as _, PL, StructureTag, TagClass};
    use proptest::prelude::*;

    use super::*;

    /// A tree of the library `ldap3`, encoded.
    fn encoded(tree: StructureTag) -> Vec<u8> {
        let class = match tree.class {
            TagClass::Universal => 0,
            TagClass::Application => 0x40,
            TagClass::Context => 0x80,
            TagClass::Private => 0xc0,
        };
        let tag = class | u8::try_from(tree.id).unwrap();
        match tree.payload {
            PL::P(content) => element(tag, &[&content]),
            PL::C(parts) => element(tag | 0x20, &[&parts.into_iter().flat_map(encoded).collect::<Vec<u8>>()]),
        }
    }

    fn judged(filter: &str) {
        let other = ldap3::parse_filter(filter).ok().map(|tree| encoded(tree.into_structure()));
        assert_eq!(parse(filter).map(|parsed| parsed.encoded), other, "{filter:?}");
    }

    #[test]
    fn dn_is_one_in_capital_letters_too() {
        for (filter, same) in [
            ("(ou:DN:=staff)", "(ou:dn:=staff)"),
            ("(cn:Dn:2.5.13.5:=a)", "(cn:dn:2.5.13.5:=a)"),
            ("(:dN:2.5.13.5:=a)", "(:dn:2.5.13.5:=a)"),
        ] {
            assert_eq!(parse(filter).unwrap().encoded, parse(same).unwrap().encoded, "{filter}");
        }
        assert!(parse("(:DN:=a)").is_none() && parse("(cn:DN)").is_none());
    }

    #[test]
    fn filters_are_read_as_another_library_reads_them() {
        for filter in [
            "(mail=*)",
            "mail=a",
            "(&(a=x)(|(b=x*y*z)(!(c>=1)))(d<=2)(e~=f))",
            "(!(!(&(a=\\28b=c\\29))))",
            "(memberOf:1.2.840.113556.1.4.1941:=CN=x,DC=y)",
            "(ou:dn:=staff)",
            "(cn:dn:2.5.13.5:=a)",
            "(:dn:2.5.13.5:=a)",
            "(:caseExactMatch:=a)",
            "(cn;lang-de;x-a=*)",
            "(2.5.4.4=a)",
            "(&)",
            "(|)",
            "(cn:=Å)",
            "(cn=\\c3\\85*)",
            "(cn=*a*)",
            "(cn=a*)",
            "(cn=*a)",
            "(cn=a**b)",
            "(cn=**)",
            "(cn=)",
            "(cn>=)",
            "(cn=a=b)",
            "cn",
            "",
            "(",
            ")",
            "()",
            "(cn=a))",
            "((cn=a))",
            "(!)",
            "(!(a=b)(c=d))",
            "(&(a=b)",
            "(cn=\\)",
            "(cn=\\2)",
            "(cn=\\zz)",
            "(cn=\\2Å)",
            "(:=a)",
            "(:dn:=a)",
            "(cn:dnx:=a)",
            "(cn:dn)",
            "(01.2=a)",
            "(1.02=a)",
            "(1.=a)",
            "(cn;=a)",
            "(cn;a;=b)",
            "(c_n=a)",
            "( cn=a)",
            "(cn=a\0)",
            "(cn>=a*b)",
            "(1..2=a)",
            "(cn:1.2.=a)",
            "(cn:a:b:=c)",
            "&(a=b)",
            "(cn~a)",
            "(a<b)",
        ] {
            judged(filter);
        }
    }

    proptest! {
        #[test]
        fn so_are_texts_that_look_like_filters(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "(", ")", "(", ")", "&", "|", "!", "cn", "1.2", "0", ";x", "=", ">=", "<=", "~=", ":=", ":", ":dn", "*", "\\2a", "\\",
                    "å", " ", "a", "(cn=a)", "(&(a=b)", "(!", "b-1", ".", "F0",
                ]),
                0..12,
            )
        ) {
            judged(&parts.concat());
            judged(&format!("({})", parts.concat()));
        }
    }
}
