//! A directory that answers searches with whatever it is told to, right or wrong, byte by byte.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// The tags of the protocol (RFC 4511).
const BIND: u8 = 0x60;
const SEARCH: u8 = 0x63;
const EXTENDED: u8 = 0x77;
/// An entry of a search.
pub(crate) const ENTRY: u8 = 0x64;
/// The end of a search.
pub(crate) const DONE: u8 = 0x65;
/// The result of an extended request.
pub(crate) const EXTENDED_RESULT: u8 = 0x78;

/// A search for people.
pub(crate) struct Question {
    /// The number of the request, for the answer.
    pub(crate) number: u8,
    /// How many searches for people came before on this connection.
    pub(crate) page: usize,
}

/// What the server does about a search.
pub(crate) enum Reply {
    /// It says this, and waits for more requests.
    Say(Vec<u8>),
    /// It says this, and ends the connection.
    End(Vec<u8>),
    /// It says the first, then the second again and again for as long as somebody listens.
    Forever(Vec<u8>, Vec<u8>),
}

/// A server at 127.0.0.1 that lets everybody bind, has no schema, and answers each search for people like this. Gives its
/// port.
pub(crate) fn lying(reply: impl Fn(&Question) -> Reply + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
    let port = listener.local_addr().expect("an address").port();
    let reply = Arc::new(reply);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), reply) = (client, Arc::clone(&reply)) else { return };
            thread::spawn(move || serve(client, &*reply));
        }
    });
    port
}

/// Answers until the connection ends.
fn serve(mut client: TcpStream, reply: &dyn Fn(&Question) -> Reply) -> Option<()> {
    let mut page = 0;
    loop {
        let request = request(&mut client)?;
        let mut parts = &request[..];
        let number = *part(&mut parts)?.1.last()?;
        let (operation, mut content) = part(&mut parts)?;
        let answer = match operation {
            BIND => Reply::Say(message(number, &result(0x61, 0, ""), &[])),
            SEARCH if part(&mut content)?.1.is_empty() => Reply::Say(message(number, &result(DONE, 32, ""), &[])),
            SEARCH | EXTENDED => {
                page += 1;
                reply(&Question { number, page: page - 1 })
            }
            _ => return None,
        };
        let (Reply::Say(first) | Reply::End(first) | Reply::Forever(first, _)) = &answer;
        client.write_all(first).ok()?;
        match answer {
            Reply::Say(_) => {}
            Reply::End(_) => return None,
            Reply::Forever(_, again) => loop {
                client.write_all(&again).ok()?;
            },
        }
    }
}

/// The content of the next request.
fn request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 2];
    client.read_exact(&mut head).ok()?;
    let mut digits = vec![head[1] & 0x7f];
    if head[1] & 0x80 != 0 {
        digits = vec![0; digits[0].into()];
        client.read_exact(&mut digits).ok()?;
    }
    let length = digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit));
    let mut content = vec![0; length];
    client.read_exact(&mut content).ok()?;
    Some(content)
}

/// The next element of a request: its tag and its content.
fn part<'r>(request: &mut &'r [u8]) -> Option<(u8, &'r [u8])> {
    let (head, mut rest) = request.split_at_checked(2)?;
    let mut length = usize::from(head[1] & 0x7f);
    if head[1] & 0x80 != 0 {
        let (digits, after) = rest.split_at_checked(length)?;
        length = digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    *request = after;
    Some((head[0], content))
}

/// An element with a length of four bytes, as Active Directory writes it.
pub(crate) fn ber(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len()).expect("a short text").to_be_bytes();
    [&[tag, 0x84][..], &length, &content].concat()
}

pub(crate) fn text(text: &[u8]) -> Vec<u8> {
    ber(4, &[text])
}

/// A message: the number of the request, the operation, and the content of its controls.
pub(crate) fn message(number: u8, operation: &[u8], controls: &[u8]) -> Vec<u8> {
    let controls = if controls.is_empty() { Vec::new() } else { ber(0xa0, &[controls]) };
    ber(0x30, &[&[2, 1, number], operation, &controls])
}

/// A result with this tag and code.
pub(crate) fn result(tag: u8, code: u8, says: &str) -> Vec<u8> {
    ber(tag, &[&[0x0a, 1, code], &text(b""), &text(says.as_bytes())])
}

/// The end of a page.
pub(crate) fn done(number: u8, cookie: &[u8]) -> Vec<u8> {
    message(number, &result(DONE, 0, ""), &paged(cookie))
}

/// The control for paged results.
pub(crate) fn paged(cookie: &[u8]) -> Vec<u8> {
    let value = ber(0x30, &[&[2, 1, 0], &text(cookie)]);
    ber(0x30, &[&text(b"1.2.840.113556.1.4.319"), &text(&value)])
}

/// An entry with these attributes.
pub(crate) fn entry(number: u8, dn: &[u8], attributes: &[(&str, &[&[u8]])]) -> Vec<u8> {
    let attribute = |(name, values): &(&str, &[&[u8]])| {
        let values: Vec<u8> = values.iter().flat_map(|value| text(value)).collect();
        ber(0x30, &[&text(name.as_bytes()), &ber(0x31, &[&values])])
    };
    let attributes: Vec<u8> = attributes.iter().flat_map(attribute).collect();
    message(number, &ber(ENTRY, &[&text(dn), &ber(0x30, &[&attributes])]), &[])
}
