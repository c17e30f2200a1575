//! Requests as the library `ldap3` and RFC 2696 write them, and answers with what is wrong with them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;

fn whole_message(bytes: &[u8]) -> &[u8] {
    let mut elements = Elements(bytes);
    let content = elements.expect(SEQUENCE).unwrap();
    elements.end().unwrap();
    content
}

fn result(tag: u8, code: u8, more: &[&[u8]]) -> Vec<u8> {
    let parts: [&[u8]; 3] = [&[ENUMERATED, 1, code], &[OCTET_STRING, 1, b'm'], &[OCTET_STRING, 3, b'b', b'y', b'e']];
    element(tag, &[&parts.concat(), &more.concat()])
}

/// The content of a message.
fn content(number: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[INTEGER, 1, number], &*parts.concat()].concat()
}

fn paged(cookie: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&octets(PAGED_RESULTS.as_bytes()), &octets(&element(SEQUENCE, &[&[2, 1, 0], &octets(cookie)]))])
}

#[test]
fn requests_are_written_as_the_protocol_says() {
    assert_eq!(bind(1, "cn=r", "pw"), b"\x30\x12\x02\x01\x01\x60\x0d\x02\x01\x03\x04\x04cn=r\x80\x02pw");
    assert_eq!(start_tls(1), b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037");
    assert_eq!(unbind(300), b"\x30\x06\x02\x02\x01\x2c\x42\x00");
    let attributes = ["mail".to_owned(), "sn".to_owned()];
    let request = SearchRequest { base: "dc=x", scope: 2, filter: b"\x87\x01a", attributes: &attributes };
    let expected =
        b"\x30\x57\x02\x01\x07\x63\x24\x04\x04dc=x\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\
        \x87\x01a\x30\x0a\x04\x04mail\x04\x02sn\xa0\x2c\x30\x2a\x04\x161.2.840.113556.1.4.319\x01\x01\xff\
        \x04\x0d\x30\x0b\x02\x02\x01\xf4\x04\x05ab\0cd";
    assert_eq!(search(7, &request, &page(500, b"ab\0cd")), expected);
}

#[test]
fn an_answer_is_read() {
    let controls = element(CONTEXT_CONTROLS, &[&paged(b"c")]);
    let bytes = content(9, &[&result(DONE, 4, &[]), &controls]);
    let message = Message::read(&bytes).unwrap();
    assert_eq!(message.number, 9);
    let Operation::Done(outcome) = message.operation else { panic!("{message:?}") };
    assert_eq!(Refusal::from(outcome), Refusal { code: 4, text: "bye".to_owned() });
    assert_eq!(message.next_page(), Ok(NextPage::Cookie(b"c")));
    // Elements that later versions of the protocol may add.
    let later = content(9, &[&result(DONE, 0, &[&[0x8b, 0], &[0xa4, 0]]), &[0x85, 1, 7], &controls]);
    assert_eq!(Message::read(&later).unwrap().next_page(), Ok(NextPage::Cookie(b"c")));
    let referral =
        |code| content(9, &[&result(DONE, code, &[&element(REFERRAL, &[&octets(b"ldap://other")])]), &controls]);
    assert!(Message::read(&referral(10)).is_ok());
    assert_eq!(Message::read(&referral(0)).unwrap_err(), Malformed::Referral);
    let other = content(1, &[&[0x79, 0]]);
    assert_eq!(Message::read(&other).unwrap().operation.number(), 25);
}

#[test]
fn two_controls_that_contradict_each_other_are_noticed() {
    let next = |controls: &[&[u8]]| {
        let bytes = content(9, &[&result(DONE, 0, &[]), &element(CONTEXT_CONTROLS, controls)]);
        let next = Message::read(&bytes).unwrap().next_page();
        next.map(|next| match next {
            NextPage::Cookie(cookie) => String::from_utf8(cookie.to_vec()).unwrap(),
            other => format!("{other:?}"),
        })
    };
    let known = |controls: &[&[u8]]| next(controls).unwrap();
    let of_others = element(SEQUENCE, &[&octets(b"9.9.9"), &[BOOLEAN, 1, 255]]);
    let bare = element(SEQUENCE, &[&octets(PAGED_RESULTS.as_bytes())]);
    let broken = element(SEQUENCE, &[&octets(PAGED_RESULTS.as_bytes()), &octets(b"zz")]);
    assert_eq!(known(&[&of_others, &paged(b"")]), "");
    assert_eq!(known(&[]), "Unknown");
    assert_eq!(known(&[&bare]), "Unknown");
    assert_eq!(known(&[&broken]), "Unknown");
    assert_eq!(known(&[&paged(b""), &paged(b"c")]), "Contradiction");
    assert_eq!(known(&[&paged(b"c"), &paged(b"c")]), "Contradiction");
    assert_eq!(known(&[&paged(b"c"), &broken]), "Contradiction");
    assert_eq!(next(&[b"\x04\x00"]), Err(Malformed::Tag { expected: SEQUENCE, found: OCTET_STRING }));
}

#[test]
fn a_notice_of_disconnection_is_understood_also_as_active_directory_sends_it() {
    let name = element(RESPONSE_NAME, &[NOTICE_OF_DISCONNECTION]);
    let inside = content(0, &[&result(EXTENDED_RESULT, 52, &[&name])]);
    let outside = content(0, &[&result(EXTENDED_RESULT, 52, &[]), &name]);
    for notice in [&inside, &outside] {
        let operation = Message::read(notice).unwrap().operation;
        assert!(matches!(operation, Operation::Disconnection(Outcome { code: 52, text: b"bye" })), "{operation:?}");
    }
    let other = content(0, &[&result(EXTENDED_RESULT, 0, &[&element(RESPONSE_NAME, &[b"1.2.3"])])]);
    assert_eq!(Message::read(&other).unwrap().operation, Operation::Notice);
    let answer = content(3, &[&result(EXTENDED_RESULT, 0, &[&name])]);
    assert!(matches!(Message::read(&answer).unwrap().operation, Operation::Extended(_)));
}

#[test]
fn what_is_malformed_is_an_error() {
    let done = result(DONE, 0, &[]);
    let controls = element(CONTEXT_CONTROLS, &[]);
    for (wrong, expected) in [
        (vec![], Malformed::CutOff),
        (content(1, &[]), Malformed::CutOff),
        (vec![INTEGER, 5, 0, 0, 0, 1], Malformed::CutOff),
        (vec![INTEGER, 5, 0, 0, 0, 0, 1], Malformed::Number),
        ([&[INTEGER, 1, 0xff][..], &done].concat(), Malformed::Number),
        ([&[INTEGER, 0][..], &done].concat(), Malformed::Number),
        ([&[OCTET_STRING, 1, 1][..], &done].concat(), Malformed::Tag { expected: INTEGER, found: OCTET_STRING }),
        (content(1, &[&[DONE, 0]]), Malformed::CutOff),
        (content(1, &[&[DONE, 0x80, 0, 0]]), Malformed::Indefinite),
        (content(1, &[&done, &controls, &controls]), Malformed::Twice),
        (content(1, &[&done, &done]), Malformed::Excess),
        (content(1, &[&result(EXTENDED_RESULT, 0, &[&[RESPONSE_NAME, 0], &[RESPONSE_NAME, 0]])]), Malformed::Twice),
    ] {
        assert_eq!(Message::read(&wrong).err(), Some(expected), "{wrong:?}");
    }
    assert_eq!(addresses(&[octets(b"ldap://a"), octets(b"b")].concat()).unwrap(), "ldap://a, b");
    assert!(addresses(b"\x30\x00").is_err());
    assert_eq!(whole_message(&unbind(1)), [INTEGER, 1, 1, UNBIND, 0]);
}
