//! Directories that say what is wrong, too much, or no LDAP at all.

use std::time::{Duration, Instant};

use super::*;
use crate::servers::directory_liar::Reply::{End, Forever, Say};
use crate::servers::directory_liar::{
    DONE, ENTRY, EXTENDED_RESULT, Question, Reply, ber, done, entry, lying, message, paged, result, text,
};

/// How long a debug build may take over anything here.
const LONGEST: Duration = Duration::from_secs(30);

/// What a directory sends in answer to the request with a number.
type Answer = Box<dyn Fn(u8) -> Vec<u8> + Send + Sync>;

/// A company whose directory answers like this.
fn lied_to(more: &str, reply: impl Fn(&Question) -> Reply + Send + Sync + 'static) -> Company {
    company(&format!("ldap://127.0.0.1:{}", lying(reply)), &format!("{more}\n{EVERYBODY}"))
}

/// Some of the people, the first with further attributes.
fn some(asked: &Question, numbers: std::ops::Range<usize>, more: &[(&str, &[&[u8]])]) -> Vec<u8> {
    let person = |n: usize| {
        let (number, mail) = (format!("10{n:02}"), format!("p{n}@example.com"));
        let usual: [(&str, &[&[u8]]); 6] = [
            ("employeeNumber", &[number.as_bytes()]),
            ("mail", &[mail.as_bytes()]),
            ("givenName", &[b"First"]),
            ("sn", &[b"Last"]),
            ("departmentNumber", &[b"SE01"]),
            ("employeeType", &[b"active"]),
        ];
        let more = if n == numbers.start { more } else { &[] };
        entry(asked.number, format!("cn=p{n},dc=example").as_bytes(), &[&usual, more].concat())
    };
    numbers.clone().flat_map(person).collect()
}

/// Five people, and this after them.
fn five(asked: &Question, after: &[u8]) -> Reply {
    Say([some(asked, 0..5, &[]), after.to_vec()].concat())
}

/// A notice of disconnection, with its name in the result or behind it.
fn notice(is_outside: bool) -> Vec<u8> {
    let name = ber(0x8a, &[b"1.3.6.1.4.1.1466.20036"]);
    let says = [&[0x0a, 1, 52][..], &text(b""), &text(b"bye")].concat();
    let (inside, outside) = if is_outside { (&[][..], &name[..]) } else { (&name[..], &[][..]) };
    ber(0x30, &[&[2, 1, 0], &ber(EXTENDED_RESULT, &[&says, inside]), outside])
}

#[test]
fn pages_are_read_to_the_last() {
    let two = |asked: &Question| match asked.page {
        0 => Say([some(asked, 0..5, &[]), done(asked.number, b"c1")].concat()),
        _ => Say([some(asked, 5..9, &[]), done(asked.number, b"")].concat()),
    };
    let company = lied_to("", two);
    assert_eq!(company.plan(0)["sources"][0]["records"], json!(9));
    // An attribute that comes in two parts has the values of both.
    let twice: &[(&str, &[&[u8]])] = &[("SN", &[b"Other"])];
    let company = lied_to("", move |asked| Say([some(asked, 0..5, twice), done(asked.number, b"")].concat()));
    assert_eq!(company.plan(0)["summary"]["set_aside"], json!(1));
}

#[test]
fn an_end_that_proves_nothing_is_no_plan() {
    let unclear = "does not say whether more follows in the search below dc=example,dc=test";
    let twice = "says twice whether more follows";
    for (says, controls) in [
        (unclear, vec![]),
        (unclear, ber(0x30, &[&text(b"1.2.840.113556.1.4.319")])),
        (unclear, ber(0x30, &[&text(b"1.2.840.113556.1.4.319"), &text(b"zz")])),
        (twice, [paged(b""), paged(b"c1")].concat()),
        (twice, [paged(b"c1"), paged(b"")].concat()),
    ] {
        let end = move |number| message(number, &result(DONE, 0, ""), &controls);
        is_refused(&lied_to("", move |asked| five(asked, &end(asked.number))), &[says]);
    }
    is_refused(
        &lied_to("", |asked| five(asked, &message(asked.number, &result(DONE, 4, PASSWORD), &paged(b"c1")))),
        &["broke off the search below dc=example,dc=test: size limit exceeded (4) (it says: [password])"],
    );
    is_refused(&lied_to("", |asked| End(some(asked, 0..5, &[]))), &["no complete answer", "closed the connection"]);
    is_refused(&lied_to("", |asked| End(some(asked, 0..5, &[])[..300].to_vec())), &["closed the connection"]);
    is_refused(
        &lied_to("", |asked| Say([some(asked, 0..5, &[]), some(asked, 4..9, &[]), done(asked.number, b"")].concat())),
        &["\"cn=p4,dc=example\" came twice in one search"],
    );
}

#[test]
fn an_answer_to_another_question_is_no_plan() {
    let other = "answers another request";
    is_refused(&lied_to("", |asked| five(asked, &done(asked.number + 1, b""))), &[other]);
    is_refused(
        &lied_to("", |asked| five(asked, &[done(asked.number, b""), some(asked, 5..6, &[])].concat())),
        &[other],
    );
    let twice = |asked: &Question| [done(asked.number, b""), done(asked.number, b"")].concat();
    is_refused(&lied_to("", move |asked| five(asked, &twice(asked))), &[other]);
    is_refused(
        &lied_to("", |asked| five(asked, &message(asked.number, &[0x79, 0], &[]))),
        &["answers a search with something else (25)"],
    );
    for is_outside in [false, true] {
        is_refused(
            &lied_to("", move |asked| five(asked, &notice(is_outside))),
            &["ends the connection: unavailable (52) (it says: bye); try again later"],
        );
    }
    // What follows the answer to StartTLS is not encrypted: anybody could have put it there.
    let answer = |asked: &Question| message(asked.number, &result(EXTENDED_RESULT, 0, ""), &[]);
    is_refused(
        &lied_to("start_tls = true", move |asked| Say([answer(asked), b"\x30\x05".to_vec()].concat())),
        &["cannot be reached: the server answers another request"],
    );
    is_refused(
        &lied_to("start_tls = true", |asked| Say(message(asked.number, &result(EXTENDED_RESULT, 53, "no"), &[]))),
        &["refuses StartTLS: unwilling to perform (53) (it says: no)"],
    );
}

#[test]
fn bytes_that_are_no_ldap_are_an_error_in_words() {
    let nested = |number| ber(0x30, &[&[2, 1, number, ENTRY, 0x84, 0, 0x10, 0, 0], &b"\x30\x80".repeat(500_000)]);
    let entry_of = |number, content: &[u8]| message(number, &ber(ENTRY, &[content]), &[]);
    let cases: Vec<(&str, Answer)> = vec![
        ("no definite length", Box::new(|_| b"\x30\x80\0\0\0\0".to_vec())),
        ("more than 64 MiB", Box::new(|_| [&b"\x30\x88\x40"[..], &[0; 7]].concat())),
        ("more than 64 MiB", Box::new(|_| b"\x30\x84\x80\0\0\0xxxx".to_vec())),
        (
            "more than 64 MiB",
            Box::new(|_| [&b"\x30\x84"[..], &200_000_000_u32.to_be_bytes(), &vec![0; 1 << 20]].concat()),
        ),
        ("sent what is not LDAP", Box::new(|_| b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec())),
        ("sent what is not LDAP", Box::new(|_| ber(0x30, &[]))),
        ("sent what is not LDAP", Box::new(|_| ber(0x30, &[&vec![0; 20_000_000]]))),
        ("sent what is not LDAP", Box::new(nested)),
        ("sent what is not LDAP", Box::new(|number| message(number, &result(DONE, 0xff, ""), &[]))),
        ("sent what is not LDAP", Box::new(|number| message(number, &[DONE, 0x7f], &[]))),
        ("an entry that cannot be read", Box::new(move |number| entry_of(number, &vec![0; 20_000_000]))),
        ("an entry that cannot be read", Box::new(|number| message(number, &[ENTRY, 0], &[]))),
        (
            "an entry that cannot be read",
            Box::new(move |number| entry_of(number, &[text(b"cn=x"), b"\x30\x80".repeat(500_000)].concat())),
        ),
        ("the end of a page that cannot be read", Box::new(|number| message(number, &result(DONE, 0, ""), b"zz"))),
        ("the distinguished name \"cn=\u{fffd}\" is not UTF-8", Box::new(|number| entry(number, b"cn=\xff", &[]))),
        (
            "\"cn=x\": a value of `sn` is not UTF-8 text",
            Box::new(|number| entry(number, b"cn=x", &[("sn", &[b"\xff"])])),
        ),
        (
            "\"cn=x\" has more than 1000000 values of `sn`",
            Box::new(|number| entry(number, b"cn=x", &[("sn", &vec![&b""[..]; 1_000_001])])),
        ),
    ];
    for (says, answer) in cases {
        let begun = Instant::now();
        let output = is_refused(&lied_to("", move |asked| five(asked, &answer(asked.number))), &[says]);
        assert!(!output.stderr.contains("panicked"), "{output}");
        assert!(begun.elapsed() < LONGEST, "{says}: {:?}", begun.elapsed());
    }
}

#[test]
fn what_never_ends_is_ended() {
    // Entries without end, in one page.
    let people = |asked: &Question| {
        let (first, number) = (some(asked, 0..5, &[]), asked.number);
        Forever(first, entry(number, b"cn=x,dc=example", &[("employeeNumber", &[b"7"])]).repeat(1_000))
    };
    is_refused(&lied_to("max_rows = 20000", people), &["more than max_rows = 20000"]);
    is_refused(&lied_to("timeout = \"3s\"", people), &["was not read within its timeout of 3s"]);
    // A message that is not complete, and notices that mean nothing.
    let message_without_end = |_: &Question| Forever(b"\x30\x84\x04\0\0\0".to_vec(), b"x".to_vec());
    is_refused(&lied_to("timeout = \"3s\"", message_without_end), &["was not read within its timeout of 3s"]);
    let notices = |_: &Question| Forever(Vec::new(), message(0, &result(EXTENDED_RESULT, 0, ""), &[]).repeat(100));
    is_refused(&lied_to("timeout = \"3s\"", notices), &["was not read within its timeout of 3s"]);
}
