//! What proves that a list over HTTP is whole, and what only looks like it; and servers that speak of errors with a good
//! status, or ask for patience.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use super::http::{PEOPLE, SECRET, people, refused};
use super::http_faults::{PAGES, PAGES_OF_TOTAL, bearer, pages};
use crate::servers::web::{Reply, Web, json};

#[test]
fn a_last_page_is_said_not_to_be_a_proof() {
    let web = pages(|_, _| None);
    let company = bearer(&web, PAGES);
    let said = "read to the last page, not proven";
    company.run(&["plan"]).ends(0).prints(&[said]);
    for format in ["html", "markdown"] {
        company.run(&["show", "plan.json", "--format", format]).ends(0).prints(&[said]);
    }
    company.run(&["check"]).ends(0).prints(&["hr: 7 records (http, read to the last page, not proven)"]);
    // A count of the settings is a proof, and so is a total.
    let counted = bearer(&web, &format!("expect_records = 7\n{PAGES}"));
    assert_eq!(counted.plan(0)["sources"][0]["proof"], "expect_records");
    let output = bearer(&web, PAGES_OF_TOTAL).run(&["plan"]).ends(0).prints(&["verified complete by total"]);
    assert!(!output.stdout.contains("not proven"), "{output}");
}

#[test]
fn somebody_is_removed_while_the_list_is_read() {
    // Seven people in pages of three; the second one leaves after the first page, and so the fourth is never shown.
    let leaving = |with_total: fn(usize) -> Value| {
        Web::start(move |number, request| {
            let mut list = people(0, 9);
            if number > 0 {
                list.remove(1);
            }
            let total = with_total(list.len());
            let from = request.number("offset").min(list.len());
            let page: Vec<Value> = list.into_iter().skip(from).take(3).collect();
            json(json!({"data": page, "total": total}))
        })
    };
    let offset = "records = \"/data\"\n[source.paging]\nkind = \"offset\"\nparameter = \"offset\"";
    let of_total = format!("total = \"/total\"\n{offset}");
    let says = ["source `hr`: page 2: the total at /total was 7 and is 6 now", "changed while it was read"];
    refused(&bearer(&leaving(|total| json!(total)), &of_total), 4, &says);
    // A server that counts once and keeps to it: one is missing at the end.
    let says = ["source `hr`: page 3: the list ends after 6 records, but the total at /total is 7"];
    refused(&bearer(&leaving(|_| json!(7)), &of_total), 4, &says);
    // Without a total nobody can know, and that is said.
    let unknowing = bearer(&leaving(|_| Value::Null), offset);
    let output = unknowing.run(&["plan"]).ends(0).prints(&["! read to the last page, not proven"]);
    assert!(output.stdout.contains("6 to create"), "{output}");
}

#[test]
fn an_error_in_an_answer_with_a_good_status() {
    let last = |body: Value| {
        pages(move |page, _| {
            let mut body = body.clone();
            body["data"] = json!(people(page * 3 - 3, page * 3));
            body["total"] = json!(PEOPLE);
            // The last page comes with an error, and empty.
            (page == 4).then(|| json(&body))
        })
    };
    for (body, expected) in [
        (json!({"status": "error"}), "`status` beside its records (\"error\"): no reason given"),
        (json!({"status": "error", "message": format!("no {} here", SECRET.1)}), "(\"error\"): no [key] here"),
        (json!({"status": 503, "msg": "shard 2 is down"}), "`status` beside its records (503): shard 2 is down"),
        (json!({"success": false, "error": {"info": "quota"}}), "beside its records"),
        (json!({"errors": [{"message": "you may not read /people/email"}]}), "you may not read /people/email"),
        (json!({"incomplete_results": true}), "`incomplete_results` beside its records (true)"),
    ] {
        let web = last(body);
        refused(&bearer(&web, PAGES), 4, &["source `hr`: page 4: ", expected, "set errors = \"ignore\""]);
        let ignoring = bearer(&web, &format!("errors = \"ignore\"\n{PAGES}"));
        assert_eq!(ignoring.plan(0)["summary"]["create"], PEOPLE);
    }
    // GraphQL: an answer holds both the readable part and the errors.
    let graph = Web::always(json(json!({
        "data": {"employees": people(0, 5)},
        "errors": [{"message": "Cannot return null for Employee.email", "path": ["employees", 5]}],
    })));
    let source = "method = \"POST\"\nbody = '{\"query\": \"{ employees { id } }\"}'\nrecords = \"/data/employees\"";
    refused(&bearer(&graph, source), 4, &["page 1: ", "`errors`", "Cannot return null for Employee.email"]);
    // Instead of a list.
    let sorry = Web::always(json(json!({"code": 17, "message": "the export is being made"})));
    let says = ["there is nothing at /data", "the server says: the export is being made"];
    refused(&bearer(&sorry, "records = \"/data\""), 4, &says);
}

#[test]
fn a_rate_limit_is_heeded_like_retry_after() {
    for header in ["X-RateLimit-Reset", "X-Rate-Limit-Reset", "RateLimit-Reset"] {
        let web = Web::start(move |number, _| match number {
            0 => Reply::Answer(429, vec![(header, "1".to_owned())], String::new()),
            _ => json(json!(people(0, 9))),
        });
        let begun = Instant::now();
        assert_eq!(bearer(&web, "").plan(0)["summary"]["create"], PEOPLE);
        assert!(begun.elapsed() >= Duration::from_secs(1), "{header}");
        assert_eq!(web.calls().len(), 2);
    }
    // A time that is far away is bounded, and the wait is told.
    let web = Web::always(Reply::Answer(429, vec![("X-Rate-Limit-Reset", "99999999999".to_owned())], String::new()));
    let output = refused(&bearer(&web, "timeout = \"1s\""), 4, &["was not read within its timeout of 1s"]);
    assert!(output.stderr.contains("waiting 300 s, as 127.0.0.1 asks for (shortened to the longest wait)"), "{output}");
}

/// So is a try that took long and is repeated.
#[test]
fn a_server_that_does_not_answer_is_told_of_before_it_is_asked_again() {
    let company = crate::harness::Company::faulty("small", &["GET /users nth=1 slow=8s"]);
    company.edit("skovik-sync.toml", "[target]\n", "[target]\ntimeout = \"4s\"\n");
    company.run(&["plan"]).ends(0).says(&["asking 127.0.0.1 again: "]);
}

/// Seven people in pages of three, from a server whose order changes between two pages: the third comes again, in these
/// words, and the fourth never.
fn unstable(again: &str) -> Web {
    let again = again.to_owned();
    pages(move |page, _| {
        let again = [again.clone()];
        let text = |range: std::ops::Range<usize>| people(range.start, range.end).into_iter().map(seen);
        let list: Vec<String> = match page {
            1 => text(0..3).collect(),
            2 => again.into_iter().chain(text(4..6)).collect(),
            3 => text(6..7).collect(),
            _ => Vec::new(),
        };
        Some(json(format!("{{\"total\":7,\"data\":[{}]}}", list.join(","))))
    })
}

/// The record of somebody, with when the server saw them.
fn seen(mut person: Value) -> String {
    person["seen"] = json!(1);
    person.to_string()
}

#[test]
fn a_record_that_comes_again_in_other_words_is_noticed() {
    // The same properties in another order, with other white space and escapes.
    let other_words = "{ \"seen\": 1, \"name\": {\"last\":\"Berg\", \"first\":\"\\u00502\"},\n\"manager\": {\"id\":1001}, \
                       \"id\": 1003, \"email\":\"p2@example.com\" }";
    refused(&bearer(&unstable(other_words), PAGES_OF_TOTAL), 4, &["source `hr`: page 2: record 1 has come before"]);
    // Another value that changes with each answer.
    let other_value = seen(people(2, 3).remove(0)).replace("\"seen\":1", "\"seen\":2");
    let says =
        ["source `hr`: rows ", "have the same id \"1003\", and came on different pages", "somebody else is missing"];
    for source in [PAGES_OF_TOTAL.to_owned(), PAGES.to_owned(), format!("expect_records = 7\n{PAGES}")] {
        refused(&bearer(&unstable(&other_value), &source), 4, &says);
    }
    // If a key may have several records, nothing tells whether it is one that came again: no count is a proof.
    for source in [PAGES_OF_TOTAL.to_owned(), format!("expect_records = 7\n{PAGES}")] {
        let source = format!("prefer = {{ greatest = \"seen\" }}\n{source}");
        let company = bearer(&unstable(&other_value), &source);
        company.run(&["plan"]).ends(0).prints(&["! read to the last page, not proven"]).says(&["on different pages"]);
        assert_eq!(company.plan(0)["sources"][0]["proof"], "last-page");
    }
    // A key that cannot be used is one all the same; records without a key are nobody's.
    for (key, code) in [("\"1003\\u200b\"", 4), ("\"#N/A\"", 4), ("[1003]", 4), ("\"\"", 0)] {
        let with_key = |seen: u32| {
            let mut person = people(2, 3).remove(0);
            person["seen"] = json!(seen);
            person.to_string().replace("\"id\":1003", &format!("\"id\":{key}"))
        };
        let (first, again) = (with_key(1), with_key(2));
        let web = pages(move |page, _| {
            let text = |range: std::ops::Range<usize>| people(range.start, range.end).into_iter().map(seen);
            let list: Vec<String> = match page {
                1 => text(0..2).chain([first.clone()]).collect(),
                2 => [again.clone()].into_iter().chain(text(4..6)).collect(),
                3 => text(6..7).collect(),
                _ => Vec::new(),
            };
            Some(json(format!("{{\"total\":7,\"data\":[{}]}}", list.join(","))))
        });
        let output = bearer(&web, PAGES_OF_TOTAL).run(&["plan"]).ends(code);
        if code == 4 {
            output.says(&["have the same id, which cannot be used, and came on different pages", "is missing"]);
        }
    }
    // On one page, it is a matter of two records with one key.
    let mut list = people(0, 9);
    list.push(
        json!({"id": 1003, "email": "other@example.com", "name": {"first": "O", "last": "Berg"}, "manager": null}),
    );
    let one = Web::always(json(json!({"data": list, "total": PEOPLE + 1})));
    let plan = bearer(&one, "total = \"/total\"\nrecords = \"/data\"").plan(0);
    assert_eq!((&plan["sources"][0]["proof"], &plan["summary"]["create"]), (&json!("total"), &json!(PEOPLE - 1)));
}

#[test]
fn a_packed_answer_is_read_to_its_end() {
    let packed = |people: &[Value]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(json!(people).to_string().as_bytes()).expect("packed");
        encoder.finish().expect("packed")
    };
    let (all, some) = (packed(&people(0, 9)), packed(&people(0, 5)));
    let answers = |body: Vec<u8>| Web::always(Reply::Bytes(vec![("content-encoding", "gzip")], body));
    let web = answers(all);
    assert_eq!(bearer(&web, "").plan(0)["summary"]["create"], PEOPLE);
    assert!(web.requests().iter().all(|request| request.head.contains("accept-encoding: gzip\n")));
    // Two members are one text, here one that is no JSON; and nothing else may follow a member.
    refused(&bearer(&answers([&*some, &some].concat()), ""), 4, &["it is not JSON"]);
    refused(
        &bearer(&answers([&*some, b"garbage"].concat()), ""),
        4,
        &["its gzip is cut off or damaged, or something else follows it"],
    );
    refused(&bearer(&answers(some[..some.len() - 9].to_vec()), ""), 4, &["its gzip is cut off or damaged"]);
    let other = Web::always(Reply::Bytes(vec![("content-encoding", "br")], b"[]".to_vec()));
    refused(&bearer(&other, ""), 4, &["its `content-encoding` is something else than gzip"]);
}

#[test]
fn a_cursor_has_a_length() {
    let cursors = |length: usize| {
        Web::start(move |number, _| {
            let next = (number < 2).then(|| format!("{number}{}", "x".repeat(length - 1)));
            json(json!({"data": people(number * 3, number * 3 + 3), "next": next}))
        })
    };
    let source = "method = \"POST\"\nbody = \"{}\"\nrecords = \"/data\"\n[source.paging]\nkind = \"cursor\"\n\
                  next = \"/next\"\nfield = \"/after\"";
    assert_eq!(bearer(&cursors(16_000), source).plan(0)["summary"]["create"], PEOPLE);
    let says = ["source `hr`: page 1: /next has more than 16 KiB, which no link and no cursor has"];
    refused(&bearer(&cursors(17_000), source), 4, &says);
}

#[test]
fn a_total_that_is_the_list_is_not_shown() {
    let web = Web::always(json(json!({"data": people(0, 9), "total": "x".repeat(500)})));
    for (place, kind) in [("/data", "a list"), ("/data/0", "an object"), ("/total", "a long text")] {
        let says = format!("the total at {place} is {kind}, which is not a number of records");
        let output = refused(&bearer(&web, &format!("records = \"/data\"\ntotal = \"{place}\"")), 4, &[&says]);
        assert!(!output.to_string().contains("example.com"), "{output}");
    }
}

#[test]
fn an_answer_that_says_that_it_is_a_part() {
    let part = |list: Value| Reply::Answer(206, vec![("Content-Range", "0-6/999".to_owned())], list.to_string());
    let one = Web::always(part(json!(people(0, 9))));
    refused(&bearer(&one, ""), 4, &["source `hr`: page 1: ", "(206, or `Content-Range`)", "set `total`"]);
    // Several servers say so with the status 200.
    let headers = vec![("Content-Range", "items 0-6/12".to_owned())];
    let quiet = Web::always(Reply::Answer(200, headers, json!(people(0, 6)).to_string()));
    refused(&bearer(&quiet, ""), 4, &["source `hr`: page 1: ", "`Content-Range`"]);
    // With another completeness check, it is accepted like any other.
    let counted = Web::always(part(json!({"data": people(0, 9), "total": PEOPLE})));
    let company = bearer(&counted, "records = \"/data\"\ntotal = \"/total\"");
    assert_eq!(company.plan(0)["sources"][0]["proof"], "total");
    let paged = Web::start(move |_, request| {
        let from = request.number("offset");
        part(json!(people(from, from + 4)))
    });
    let company = bearer(&paged, "[source.paging]\nkind = \"offset\"\nparameter = \"offset\"");
    assert_eq!(company.plan(0)["sources"][0]["proof"], "last-page");
    let unproven = Web::always(part(json!({"data": people(0, 9)})));
    let source = "records = \"/data\"\n[source.paging]\nkind = \"next-link\"\nnext = \"/next\"";
    refused(&bearer(&unproven, source), 4, &["page 1: ", "(206, or"]);
}

#[test]
fn a_link_header_that_is_not_about_pages_proves_nothing() {
    for (link, proof) in [
        ("</docs>; rel=\"describedby\", </style.css>; rel=\"preload next-gen\"", "trusted"),
        ("</people?page=1>; rel=\"first\"", "last-page"),
        ("</people>; rel=prev", "last-page"),
    ] {
        let web = Web::always(Reply::Answer(200, vec![("Link", link.to_owned())], json!(people(0, 9)).to_string()));
        let company = bearer(&web, "[source.paging]\nkind = \"link-header\"");
        assert_eq!(company.plan(0)["sources"][0]["proof"], proof, "{link}");
    }
}
