//! The messages of the protocol that reading needs (RFC 4511): requests are written, answers are read. What an answer
//! holds is borrowed from its bytes. Elements that are unknown are skipped where the protocol demands that.

use super::ber::{
    BOOLEAN, ENUMERATED, Element, Elements, INTEGER, Malformed, OCTET_STRING, SEQUENCE, element, number, whole,
};

/// The operations (RFC 4511, 4.2 to 4.14).
const BIND: u8 = 0x60;
const BIND_RESULT: u8 = 0x61;
const UNBIND: u8 = 0x42;
const SEARCH: u8 = 0x63;
const ENTRY: u8 = 0x64;
const DONE: u8 = 0x65;
const REFERENCE: u8 = 0x73;
const EXTENDED: u8 = 0x77;
const EXTENDED_RESULT: u8 = 0x78;
/// Of a message: its controls. Of an extended request: its name. Of a bind: the password.
const CONTEXT_CONTROLS: u8 = 0xa0;
const CONTEXT_0: u8 = 0x80;
/// The name of an extended result.
const RESPONSE_NAME: u8 = 0x8a;
const REFERRAL: u8 = 0xa3;
/// The bits of a tag that say that its number has a meaning only at its place.
const CONTEXT_CLASS: u8 = 0x80;
const CLASS: u8 = 0xc0;

const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// A server sends it before it ends the connection.
const NOTICE_OF_DISCONNECTION: &[u8] = b"1.3.6.1.4.1.1466.20036";
const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
/// The version of the protocol.
const VERSION: u32 = 3;
/// What true is.
const TRUE: &[u8] = &[0xff];

/// A search, ready to be encoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct SearchRequest<'a> {
    pub(super) base: &'a str,
    /// 0: the base; 1: those directly below it; 2: all below it.
    pub(super) scope: u32,
    /// Encoded.
    pub(super) filter: &'a [u8],
    pub(super) attributes: &'a [String],
}

/// A message of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message<'m> {
    /// The number of the request that it answers; 0 if it answers none.
    pub(super) number: u32,
    pub(super) operation: Operation<'m>,
    /// The content of its controls.
    controls: &'m [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation<'m> {
    /// The content of an entry.
    Entry(&'m [u8]),
    /// The addresses in a reference, encoded.
    Reference(&'m [u8]),
    /// The end of a search.
    Done(Outcome<'m>),
    Bound(Outcome<'m>),
    /// The result of an extended request.
    Extended(Outcome<'m>),
    /// The server is about to end the connection.
    Disconnection(Outcome<'m>),
    /// A notice that nobody asked for.
    Notice,
    /// Anything else, with its tag.
    Other(u8),
}

/// A result (RFC 4511, 4.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome<'m> {
    pub(super) code: u32,
    /// What the server says about it.
    pub(super) text: &'m [u8],
}

/// A result that is not success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u32,
    /// What the server says about it.
    pub(super) text: String,
}

/// What the answer to a page says about the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextPage<'m> {
    /// The cookie to ask with; empty after the last page.
    Cookie(&'m [u8]),
    /// It says nothing.
    Unknown,
    /// It says two things.
    Contradiction,
}

fn message(number: u32, operation: &[u8], controls: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&whole(INTEGER, number), operation, controls])
}

fn octets(content: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, &[content])
}

/// A simple bind; without a name, an anonymous one.
pub(super) fn bind(number: u32, name: &str, password: &str) -> Vec<u8> {
    let password = element(CONTEXT_0, &[password.as_bytes()]);
    let bind = element(BIND, &[&whole(INTEGER, VERSION), &octets(name.as_bytes()), &password]);
    message(number, &bind, &[])
}

pub(super) fn start_tls(number: u32) -> Vec<u8> {
    message(number, &element(EXTENDED, &[&element(CONTEXT_0, &[START_TLS.as_bytes()])]), &[])
}

pub(super) fn unbind(number: u32) -> Vec<u8> {
    message(number, &element(UNBIND, &[]), &[])
}

/// A search without limits of its own, which does not follow aliases.
pub(super) fn search(number: u32, request: &SearchRequest<'_>, controls: &[u8]) -> Vec<u8> {
    let SearchRequest { base, scope, filter, attributes } = *request;
    let (never, no_limit) = (whole(ENUMERATED, 0), whole(INTEGER, 0));
    let attributes: Vec<u8> = attributes.iter().flat_map(|name| octets(name.as_bytes())).collect();
    let types_only = element(BOOLEAN, &[&[0]]);
    let search = element(
        SEARCH,
        &[
            &octets(base.as_bytes()),
            &whole(ENUMERATED, scope),
            &never,
            &no_limit,
            &no_limit,
            &types_only,
            filter,
            &element(SEQUENCE, &[&attributes]),
        ],
    );
    message(number, &search, controls)
}

/// The controls that ask for a page (RFC 2696); a server that cannot give pages must refuse the search.
pub(super) fn page(size: u32, cookie: &[u8]) -> Vec<u8> {
    let value = element(SEQUENCE, &[&whole(INTEGER, size), &octets(cookie)]);
    let critical = element(BOOLEAN, &[TRUE]);
    let control = element(SEQUENCE, &[&octets(PAGED_RESULTS.as_bytes()), &critical, &octets(&value)]);
    element(CONTEXT_CONTROLS, &[&control])
}

impl<'m> Message<'m> {
    /// Reads the content of a message.
    pub(super) fn read(content: &'m [u8]) -> Result<Self, Malformed> {
        let mut parts = Elements(content);
        let id = number(parts.expect(INTEGER)?)?;
        let operation = parts.take()?;
        let (mut controls, mut name) = (None, None);
        while !parts.is_empty() {
            let part = parts.take()?;
            let twice = match part.tag {
                CONTEXT_CONTROLS => controls.replace(part.content),
                // Active Directory puts the name of a notice of disconnection here, not into the result.
                RESPONSE_NAME if operation.tag == EXTENDED_RESULT => name.replace(part.content),
                tag if tag & CLASS == CONTEXT_CLASS => None,
                _ => return Err(Malformed::Excess),
            };
            if twice.is_some() {
                return Err(Malformed::Twice);
            }
        }
        Ok(Self {
            number: id,
            operation: Operation::read(operation, id, name)?,
            controls: controls.unwrap_or_default(),
        })
    }

    /// What the controls say about the next page.
    pub(super) fn next_page(&self) -> Result<NextPage<'m>, Malformed> {
        let mut controls = Elements(self.controls);
        let mut next = NextPage::Unknown;
        while !controls.is_empty() {
            let mut control = Elements(controls.expect(SEQUENCE)?);
            let name = control.expect(OCTET_STRING)?;
            control.take_if(BOOLEAN)?;
            let value = control.take_if(OCTET_STRING)?;
            if name != PAGED_RESULTS.as_bytes() {
                continue;
            }
            next = match (next, value.and_then(|value| cookie(value).ok())) {
                (NextPage::Unknown, Some(cookie)) => NextPage::Cookie(cookie),
                // A control that cannot be read says nothing.
                (NextPage::Unknown, None) => return Ok(NextPage::Unknown),
                _ => return Ok(NextPage::Contradiction),
            };
        }
        Ok(next)
    }
}

impl<'m> Operation<'m> {
    /// Its number in the protocol.
    pub(super) fn number(self) -> u8 {
        let tag = match self {
            Self::Entry(_) => ENTRY,
            Self::Reference(_) => REFERENCE,
            Self::Done(_) => DONE,
            Self::Bound(_) => BIND_RESULT,
            Self::Extended(_) | Self::Disconnection(_) | Self::Notice => EXTENDED_RESULT,
            Self::Other(tag) => tag,
        };
        tag & 0x1f
    }

    fn read(operation: Element<'m>, id: u32, name_outside: Option<&'m [u8]>) -> Result<Self, Malformed> {
        let Element { tag, content } = operation;
        Ok(match tag {
            ENTRY => Self::Entry(content),
            REFERENCE => Self::Reference(content),
            DONE => Self::Done(Outcome::read(content)?.0),
            BIND_RESULT => Self::Bound(Outcome::read(content)?.0),
            EXTENDED_RESULT => {
                let (outcome, name) = Outcome::read(content)?;
                match name.or(name_outside) {
                    Some(NOTICE_OF_DISCONNECTION) if id == 0 => Self::Disconnection(outcome),
                    _ if id == 0 => Self::Notice,
                    _ => Self::Extended(outcome),
                }
            }
            other => Self::Other(other),
        })
    }
}

impl<'m> Outcome<'m> {
    /// Reads a result, and the name of an extended one.
    fn read(content: &'m [u8]) -> Result<(Self, Option<&'m [u8]>), Malformed> {
        let mut parts = Elements(content);
        let code = number(parts.expect(ENUMERATED)?)?;
        let _matched = parts.expect(OCTET_STRING)?;
        let text = parts.expect(OCTET_STRING)?;
        let mut name = None;
        while !parts.is_empty() {
            let part = parts.take()?;
            if part.tag == RESPONSE_NAME && name.replace(part.content).is_some() {
                return Err(Malformed::Twice);
            }
            // RFC 4511, 4.1.9: only with the code `referral`. What is elsewhere is no success.
            if part.tag == REFERRAL && code == 0 {
                return Err(Malformed::Referral);
            }
        }
        Ok((Self { code, text }, name))
    }
}

impl From<Outcome<'_>> for Refusal {
    fn from(Outcome { code, text }: Outcome<'_>) -> Self {
        Self { code, text: String::from_utf8_lossy(text).into_owned() }
    }
}

/// The cookie in the value of a control for paged results: a sequence of an estimate and the cookie.
fn cookie(value: &[u8]) -> Result<&[u8], Malformed> {
    let mut value = Elements(value);
    let mut parts = Elements(value.expect(SEQUENCE)?);
    value.end()?;
    parts.expect(INTEGER)?;
    let cookie = parts.expect(OCTET_STRING)?;
    parts.end()?;
    Ok(cookie)
}

/// The addresses in a reference, for people to read.
pub(super) fn addresses(reference: &[u8]) -> Result<String, Malformed> {
    let mut parts = Elements(reference);
    let mut addresses = Vec::new();
    while !parts.is_empty() {
        let address = parts.expect(OCTET_STRING)?;
        if addresses.len() < MOST_ADDRESSES {
            addresses.push(String::from_utf8_lossy(address));
        }
    }
    Ok(addresses.join(", "))
}

/// How many addresses of a reference are shown.
const MOST_ADDRESSES: usize = 10;

#[cfg(test)]
mod tests;
