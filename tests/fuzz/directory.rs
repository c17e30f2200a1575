//! Answers of a directory over LDAP (to the bind, to the search for people, and to the searches for its schema), and the
//! filters of searches.
//!
//! An input contains one answer for each request, in order. The server puts the number of the request into each answer
//! that still is a message.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use skovik_sync::config::Settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::driver::Target;
use crate::records::{SIMPLE_EMPLOYEE, Source, runtime};
use crate::refused;

/// The separator of two answers.
const NEXT: &[u8] = b"#NEXT#";
/// How long the server waits for the next request after an answer that may be truncated.
const PATIENCE: Duration = Duration::from_millis(10);

/// The tags of the protocol (RFC 4511).
const BIND_RESULT: u8 = 0x61;
const ENTRY: u8 = 0x64;
const DONE: u8 = 0x65;
const REFERENCE: u8 = 0x73;
const EXTENDED_RESULT: u8 = 0x78;

/// A value in BER: a tag, a length, and the content.
fn ber(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = match content.len() {
        short @ 0..=0x7f => vec![u8::try_from(short).unwrap()],
        long => [&[0x82][..], &u16::try_from(long).unwrap().to_be_bytes()].concat(),
    };
    [vec![tag], length, content].concat()
}

/// A message: its number, which the server puts in, its operation, and its controls.
fn message(operation: &[u8], controls: &[u8]) -> Vec<u8> {
    ber(0x30, &[&[2, 1, 0], operation, controls])
}

/// A result with this tag.
fn result(tag: u8, code: u8, text: &str) -> Vec<u8> {
    ber(tag, &[&[0x0a, 1, code], &ber(4, &[]), &ber(4, &[text.as_bytes()])])
}

fn entry(dn: &str, attributes: &[(&str, &[&[u8]])]) -> Vec<u8> {
    let attribute = |(name, values): &(&str, &[&[u8]])| {
        let values: Vec<u8> = values.iter().flat_map(|value| ber(4, &[value])).collect();
        ber(0x30, &[&ber(4, &[name.as_bytes()]), &ber(0x31, &[&values])])
    };
    let attributes: Vec<u8> = attributes.iter().flat_map(attribute).collect();
    message(&ber(ENTRY, &[&ber(4, &[dn.as_bytes()]), &ber(0x30, &[&attributes])]), &[])
}

/// The control for paged results, with a cookie.
fn paged(cookie: &[u8]) -> Vec<u8> {
    let value = ber(0x30, &[&[2, 1, 0], &ber(4, &[cookie])]);
    ber(0xa0, &[&ber(0x30, &[&ber(4, &[b"1.2.840.113556.1.4.319"]), &ber(4, &[&value])])])
}

fn seeds() -> Vec<Vec<u8>> {
    let bound = message(&result(BIND_RESULT, 0, ""), &[]);
    let guid = [0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
    let sid = [1, 1, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0];
    let anna: &[(&str, &[&[u8]])] = &[
        ("id", &[b"1"]),
        ("email", &[b"a@x.se"]),
        ("name", &["Åsa".as_bytes()]),
        ("objectGUID", &[&guid]),
        ("objectSid", &[&sid]),
        ("memberOf", &[b"b", b"a"]),
        ("jpegPhoto", &[b"\xff"]),
    ];
    let bo: &[(&str, &[&[u8]])] =
        &[("id", &[b"2"]), ("email", &[b" b@x.se "]), ("name", &[]), ("manager;lang-de", &[b"1"])];
    let done =
        |code, text, cookie: Option<&[u8]>| message(&result(DONE, code, text), &cookie.map(paged).unwrap_or_default());
    let people = [entry("cn=a", anna), entry("cn=b", bo), done(0, "", Some(b""))].concat();
    let first = [entry("cn=a", anna), done(0, "", Some(b"\x01c"))].concat();
    let last = [entry("cn=b", bo), done(0, "", Some(b""))].concat();
    let root = [entry("", &[("subschemaSubentry", &[b"cn=schema"])]), done(0, "", None)].concat();
    let names: &[&[u8]] = &[b"( 1.2 NAME 'id' )", b"( 1.3 NAME ( 'email' 'mail' ) SUP name )", b"( 1.4 NAME 'name' )"];
    let schema = [entry("cn=schema", &[("attributeTypes", names)]), done(0, "", None)].concat();
    let reference = message(&ber(REFERENCE, &[&ber(4, &[b"ldap://elsewhere/"])]), &[]);
    let name = ber(0x8a, &[b"1.3.6.1.4.1.1466.20036"]);
    let says: &[u8] = &[0x0a, 1, 52, 4, 0, 4, 3, b'b', b'y', b'e'];
    let notice = ber(0x30, &[&[2, 1, 0], &ber(EXTENDED_RESULT, &[says, &name])]);
    let notice_outside = ber(0x30, &[&[2, 1, 0], &ber(EXTENDED_RESULT, &[says]), &name]);
    let control = &paged(b"")[2..];
    let twice = message(&result(DONE, 0, ""), &ber(0xa0, &[control, control]));
    let answers: [&[&[u8]]; 8] = [
        &[&bound, &people, &root, &schema],
        &[&bound, &first, &last, &root, &schema],
        &[&bound, &[reference, done(0, "", Some(b""))].concat()],
        &[&bound, &done(4, "size limit \u{1b}[2J", None)],
        &[&message(&result(BIND_RESULT, 49, "80090308: data 52e"), &[])],
        &[&bound, &[entry("cn=a", anna), notice].concat()],
        &[&bound, &notice_outside],
        &[&bound, &twice],
    ];
    answers.iter().map(|parts| parts.join(NEXT)).collect()
}

/// The position of each complete message.
fn messages(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let [0x30, length, rest @ ..] = &bytes[at..] {
        let (head, length) = match (*length, rest) {
            (short @ 0..=0x7f, _) => (2, usize::from(short)),
            (0x81, [length, ..]) => (3, usize::from(*length)),
            (0x82, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            _ => break,
        };
        let end = at + head + length;
        if end > bytes.len() {
            break;
        }
        found.push((at + head, end));
        at = end;
    }
    found
}

/// Answers the requests of one connection.
async fn serve(mut stream: TcpStream, input: Vec<u8>) {
    let mut request = Vec::new();
    let mut rest = Some(&input[..]);
    while let Some(answers) = rest {
        let Some(number) = request_number(&mut stream, &mut request).await else { return };
        let end = answers.windows(NEXT.len()).position(|window| window == NEXT);
        let mut answer = answers[..end.unwrap_or(answers.len())].to_vec();
        rest = end.map(|end| &answers[end + NEXT.len()..]);
        let messages = messages(&answer);
        for &(start, _) in &messages {
            // A notice answers no request.
            let is_notice = answer.get(start + 3) == Some(&EXTENDED_RESULT);
            if let Some([2, 1, place]) = answer.get_mut(start..start + 3).filter(|_| !is_notice) {
                *place = number;
            }
        }
        let operation = messages.last().and_then(|&(start, _)| answer.get(start + 3)).copied();
        let _ = stream.write_all(&answer).await;
        if !matches!(operation, Some(DONE | BIND_RESULT)) {
            break;
        }
    }
    let _ = stream.shutdown().await;
    let mut unread = [0; 1_024];
    while matches!(timeout(PATIENCE, stream.read(&mut unread)).await, Ok(Ok(1..))) {}
}

/// The number of the next request. All requests are short.
async fn request_number(stream: &mut TcpStream, request: &mut Vec<u8>) -> Option<u8> {
    loop {
        if let [(start, end), ..] = messages(request)[..] {
            let number = request.get(start + 2).copied();
            request.drain(..end);
            return number;
        }
        let mut buffer = [0; 4_096];
        match timeout(PATIENCE, stream.read(&mut buffer)).await {
            Ok(Ok(read @ 1..)) => request.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
}

#[test]
fn ldap() {
    let words = &[
        "#NEXT#",
        "objectSid",
        "objectGUID",
        ";binary",
        ";range=0-1",
        "id",
        "( 1.5 NAME ( 'x' ) )",
        "\u{1b}[2J",
        "memberOf",
    ];
    let runtime = runtime();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(Mutex::new(Vec::new()));
    let answers = Arc::clone(&answer);
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
            tokio::spawn(serve(stream, answer));
        }
    });
    let settings = format!(
        "[[source]]\nname = \"hr\"\nkind = \"ldap\"\nkey = \"id\"\nurl = \"ldap://{address}\"\nbase = \"dc=x\"\n\
         filter = \"(id=*)\"\nattributes = [\"objectGUID\", \"objectSid\", \"memberOf\", \"jpegPhoto\"]\n"
    );
    let source = Source::new(runtime, &settings, SIMPLE_EMPLOYEE, &std::env::temp_dir());
    Target { name: "directory::ldap", seeds: seeds(), words }.run_over_connections(|input| {
        *answer.lock().unwrap_or_else(PoisonError::into_inner) = input.to_vec();
        match source.read() {
            Ok(records) => Ok(format!("{} records", records.len())),
            Err(error) => {
                assert!(!error.contains(char::is_control), "{error:?} holds a control character");
                refused(input, &error.replace(&address.to_string(), ""))
            }
        }
    });
}

#[test]
fn filter() {
    let seeds = [
        "(&(objectClass=person)(|(mail=*@x.se)(cn=a*b*c))(!(employeeType=left)))",
        "(memberOf:1.2.840.113556.1.4.1941:=CN=Expenses\\2c x,DC=y)",
        "(:dn:caseExactMatch:=Å)",
        "(cn;lang-de>=1)",
        "uid=p1",
    ];
    let seeds = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    let words = &["(", ")", "&", "|", "!", "=", "*", ":=", ":dn", ">=", "<=", "~=", "\\2a", "\\", ";x", "1.2", "0"];
    Target { name: "directory::filter", seeds, words }.run(|input| {
        let text = String::from_utf8_lossy(input);
        // The settings trim it, and refuse one that is empty, too long, or nested too deep for a parser that recurses.
        let text = text.trim();
        if text.is_empty() || text.len() > 8 * 1024 || text.matches('(').count() > 50 {
            return Err("not compared".to_owned());
        }
        let settings = toml::Value::from(text);
        let settings = format!(
            "[target]\nkind = \"skovik\"\nurl = \"https://api.example.com\"\n{SIMPLE_EMPLOYEE}[[source]]\nname = \"hr\"\n\
             kind = \"ldap\"\nkey = \"id\"\nurl = \"ldaps://dc1\"\nbase = \"dc=x\"\nfilter = {settings}\n"
        );
        let read = Settings::parse(&settings, Path::new("skovik-sync.toml"));
        let expected = ldap3::parse_filter(text).is_ok();
        assert_eq!(read.is_ok(), expected, "{text:?}: {:?}", read.err().map(|error| error.to_string()));
        read.map(|_| "read".to_owned()).or_else(|error| refused(input, &error))
    });
}
