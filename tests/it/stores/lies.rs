//! A store that lies, whose objects somebody changes, or that wants the program's memory, time or credentials.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use super::{PATIENCE, begin, company, end, forget_machine, made, wait_for_writes};
use crate::harness::{Company, Output};
use crate::servers::liar::Liar;
use crate::servers::proxy::{Fault, Faulty};
use crate::servers::stores::Store;

/// More than this is not read of a list or an error, with what is on its way.
const MOST_READ: usize = 40 << 20;

/// A company of which an apply was killed after some writes.
fn killed_company(store: &Store, writes: usize) -> Company {
    let company = company(store, "slow=150ms");
    let mut apply = begin(&company, &["apply", "plan.json"]);
    wait_for_writes(&company, writes);
    apply.kill().expect("killed");
    end(apply);
    forget_machine(&company);
    company
}

/// The parts of the journal.
fn parts(store: &Store) -> Vec<String> {
    store.names().into_iter().filter(|name| name.contains("/0001/")).collect()
}

/// The lease is gone, and another machine writes into the journal after this one has read it.
#[test]
fn a_journal_that_another_machine_continues_is_not_continued() {
    let store = Store::s3();
    let company = killed_company(&store, 3);
    let last = parts(&store).pop().expect("a part");
    let text = store.read(&last);
    store.remove(&last);
    let lease = store.names().into_iter().find(|name| name.ends_with(".lease")).expect("a lease");
    store.remove(&lease);
    let (before, written) = (company.requests().len(), company.writes().len());
    // The proxy holds everything up from the first request to Skovik on, which comes after the journal was read.
    let proxy = Faulty::before(store.port);
    let mut company = company;
    for (name, value) in store.env_at(proxy.port) {
        company.env(name, &value);
    }
    proxy.set(Fault::Slow(Duration::from_millis(150)));
    let apply = begin(&company, &["apply", "plan.json"]);
    let begun = Instant::now();
    while company.requests().len() == before {
        assert!(begun.elapsed() < PATIENCE, "Skovik is not asked");
        sleep(Duration::from_millis(5));
    }
    store.write(&last, &text);
    end(apply).ends(10).says(&["another apply of this plan is under way", "another machine has written s3://bucket/"]);
    assert_eq!(company.writes().len(), written, "nothing was sent");
    assert_eq!(store.read(&last), text);
    company.run(&["apply", "plan.json"]).ends(0);
    company.is_in_line();
    assert_eq!(made(&company), 3, "nobody twice");
}

#[test]
fn a_part_that_is_cut_is_damage_and_says_what_to_do() {
    let store = Store::s3();
    let company = killed_company(&store, 3);
    let written = company.writes().len();
    let last = parts(&store).pop().expect("a part");
    let text = store.read(&last);
    for (damage, words) in [
        (&text[..40], "is cut"),
        (&text[..text.len() - 1], "is cut"),
        ("", "is cut"),
        ("{\"mac\":\"\n", "is damaged"),
        ("{\"mac\":\"\0\0\n", "its last line is damaged"),
    ] {
        store.write(&last, damage);
        company.run(&["apply", "plan.json"]).ends(8).says(&[words, "restore the objects"]);
        assert_eq!(company.writes().len(), written, "{damage:?}");
    }
    store.write(&last, &text);
    company.run(&["apply", "plan.json"]).ends(0);
    company.is_in_line();
    assert_eq!(made(&company), 3, "nobody twice");
}

/// It is stored, and the store says that it failed: the next attempt finds its own lease.
#[test]
fn the_own_lease_is_not_taken_for_anothers() {
    let store = Store::s3();
    let proxy = Faulty::before(store.port);
    let mut company = company(&store, "slow=1ms");
    for (name, value) in store.env_at(proxy.port) {
        company.env(name, &value);
    }
    proxy.set(Fault::Disowned);
    company.run(&["apply", "plan.json"]).ends(0);
    company.is_in_line();
}

/// Whoever can write into the store, and not remove there, has the program remove nothing.
#[test]
fn a_note_of_a_removal_that_somebody_else_wrote_removes_nothing() {
    let store = Store::s3();
    let company = company(&store, "slow=1ms");
    company.run(&["apply", "plan.json"]).ends(0);
    let before = store.names();
    let part = parts(&store).pop().expect("a part");
    let (folder, _) = part.split_once("/0001/").expect("a part");
    for note in ["\n".to_owned(), "0".repeat(64) + "\n", String::new()] {
        store.write(&format!("{folder}/removed"), &note);
        for args in [&["undo", "plan.json"][..], &["apply", "plan.json"]] {
            company.run(args).ends(8).says(&["/removed is not authentic"]);
        }
        // Another plan is applied, which removes what is old.
        company.run(&["run"]);
        let left = store.names();
        assert!(before.iter().all(|name| left.contains(name)), "{note:?}: {left:?}");
    }
    store.remove(&format!("{folder}/removed"));
    let undone = company.run(&["undo", "plan.json"]);
    assert!(matches!(undone.code, Some(0 | 5)), "{undone}");
}

/// A company with an approved plan, whose store is this server.
fn led_to(port: u16) -> Company {
    let mut company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.append("skovik-sync.toml", "\n[state]\nurl = \"s3://bucket/skovik\"\n");
    company.env("SKOVIK_SYNC_STATE_KEY", super::KEY);
    for (name, value) in [
        ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}").as_str()),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "tester"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret-of-the-store"),
        ("AWS_TOKEN", "t0ken-of-the-session"),
    ] {
        company.env(name, value);
    }
    company
}

fn applied_at(liar: &Liar) -> Output {
    let company = led_to(liar.port);
    let output = company.run(&["apply", "plan.json"]).ends(1);
    company.wrote_nothing();
    output.says(&["s3://bucket/skovik/journals/"])
}

/// A page of a list, with another one to come.
fn page_with_more() -> String {
    let page = "<?xml version=\"1.0\"?><ListBucketResult><Name>bucket</Name><IsTruncated>true</IsTruncated>\
                <NextContinuationToken>again</NextContinuationToken></ListBucketResult>";
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}", page.len())
}

#[test]
fn a_list_that_begins_anew_is_an_error() {
    let liar = Liar::saying(&page_with_more(), b"");
    applied_at(&liar).says(&["the store gives the same page again"]);
    assert_eq!(liar.heard().len(), 2, "{:?}", liar.heard());
}

/// A proxy answers in the store's place, or the store with something else or a part of it: taken for an empty list, it would
/// make the program forget the ledger and the journals.
#[test]
fn what_is_no_list_is_an_error_and_not_an_empty_list() {
    for (page, words) in [
        ("<html><body>Login</body></html>", "is not a list of objects"),
        ("<Error><Code>InternalError</Code></Error>", "is not a list of objects"),
        ("<ListBucketResult><Name>bucket</Name></ListBucketResult>", "is not a list of objects"),
        (
            "<ListBucketResult><Prefix>elsewhere/</Prefix><IsTruncated>false</IsTruncated></ListBucketResult>",
            "a list of other objects",
        ),
        ("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "does not say where"),
        ("<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>", "is not a list of objects"),
        (
            "<ListBucketResult><KeyCount>5</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>",
            "has fewer of them than it says",
        ),
        (
            "<ListBucketResult><Contents><Key>elsewhere/x</Key><LastModified>2030-01-01T00:00:00.000Z</LastModified>\
             <ETag>\"x\"</ETag><Size>1</Size></Contents><IsTruncated>false</IsTruncated></ListBucketResult>",
            "a list of other objects",
        ),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}", page.len());
        let liar = Liar::saying(&answer, b"");
        applied_at(&liar).says(&[words]);
        assert_eq!(liar.heard().len(), 1, "it is not asked again: {:?}", liar.heard());
        // The guards of a plan count without the ledger, which is said.
        let planned = led_to(liar.port).run(&["plan", "-o", "counted.json"]).ends(0).prints(&["ledger_unreadable"]);
        planned.says(&["s3://bucket/skovik/ledgers/", words]);
    }
}

#[test]
fn an_answer_without_end_is_an_error_before_it_fills_the_memory() {
    let names = b"<Contents><Key>skovik/journals/a</Key></Contents>".repeat(1000).leak();
    let page = "<?xml version=\"1.0\"?><ListBucketResult><Name>bucket</Name>";
    for head in [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", 1_u64 << 40),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", 1_u64 << 62),
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{page}"),
        "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n".to_owned(),
        format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n", 1_u64 << 40),
    ] {
        let liar = Liar::saying(&head, names);
        applied_at(&liar).says(&["the answer is longer than 8388608 bytes"]);
        assert!(liar.said() < MOST_READ, "{} bytes after {head}", liar.said());
    }
}

/// A request has two seconds, and is tried again for twenty. The rest of the bound is for a slow machine.
#[test]
fn a_store_that_sends_without_a_pause_holds_nobody_up() {
    let floods = [
        ("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0000000000000000"),
    ];
    let held_up = |(head, more): (&str, &str)| {
        let liar = Liar::saying(head, more.repeat(4_096).into_bytes().leak());
        let mut company = led_to(liar.port);
        company.env("AWS_TIMEOUT", "2s");
        let began = Instant::now();
        let ended = company.run(&["apply", "plan.json"]).ends(1).says(&["s3://bucket/skovik"]);
        assert!(began.elapsed() < PATIENCE, "{more:?}: {:?}, {}", began.elapsed(), ended.stderr);
        company.wrote_nothing();
    };
    thread::scope(|scope| floods.map(|flood| drop(scope.spawn(move || held_up(flood)))));
}

/// The session's token goes to nobody whom the settings and the environment do not name.
#[test]
fn no_redirect_of_a_store_is_followed() {
    for status in [301, 302, 307, 308] {
        let other = Liar::saying("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", b"");
        let there = format!("http://localhost:{}/bucket", other.port);
        let answer = format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n");
        let liar = Liar::saying(&answer, b"");
        applied_at(&liar).says(&["redirects to another address", "check the region and the endpoint"]);
        assert!(liar.heard().iter().all(|head| head.contains("t0ken-of-the-session")), "the token is in use");
        assert_eq!(other.heard(), [""; 0], "{status}");
    }
}

/// A program that a source starts prints its environment, and fails.
#[test]
fn no_name_of_a_credential_leads_to_a_program_or_into_a_message() {
    let mut company = Company::new("small");
    company.append("skovik-sync.toml", "\n[state]\nurl = \"s3://bucket/skovik\"\n");
    company.append(
        "skovik-sync.toml",
        "\n[[source]]\nname = \"more\"\nkind = \"exec\"\nformat = \"csv\"\nkey = \"employee_id\"\ncommand = [\"sh\", \"-c\", \
         \"env >env.txt; tr '\\\\0' '\\\\n' </proc/$PPID/environ | grep value-of >&2; exit 1\"]\n",
    );
    let names = ["AWS_TOKEN", "AZURE_STORAGE_MASTER_KEY", "GOOGLE_BEARER_TOKEN", "AWS_SESSION_TOKEN"];
    for name in names {
        company.env(name, &format!("value-of-{}-9f3a", name.to_lowercase()));
    }
    company.env("AWS_REGION", "us-east-1");
    let said = company.run(&["plan"]).ends(4).says(&["[key]"]).to_string();
    let seen = company.read("env.txt");
    assert!(seen.contains("AWS_REGION=us-east-1"), "{seen}");
    for name in names {
        let value = format!("value-of-{}-9f3a", name.to_lowercase());
        assert!(!seen.contains(&value), "{name} in {seen}");
        assert!(!said.contains(&value), "{name} in {said}");
    }
}

/// The journal is read for the ledger, too: what was added to it is damage there, and not the torn end of a file.
#[test]
fn a_part_that_was_added_is_no_torn_line() {
    let store = Store::s3();
    let company = company(&store, "slow=1ms");
    company.run(&["apply", "plan.json"]).ends(0);
    let last = parts(&store).pop().expect("a part");
    let (folder, number) = last.rsplit_once('/').expect("a folder");
    let added = format!("{folder}/{:08}", number.parse::<usize>().expect("a number") + 1);
    store.write(&added, &"\0".repeat(1 << 20));
    let planned = company.run(&["plan", "-o", "next.json"]);
    assert!(planned.stderr.contains("is cut") && planned.stderr.contains(&added), "{planned}");
    assert!(company.read("next.json").contains("ledger_unreadable"), "{planned}");
    company.run(&["verify", "plan.json"]).ends(8).says(&["is cut", "restore the objects"]);
}
