//! Servers whose lists have no end, or say that they are not whole.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::company;
use crate::servers::sqlite;
use crate::servers::web::{Reply, Request, Web, json as answer};

fn people(from: usize, to: usize) -> Vec<Value> {
    (from..to).map(|n| json!({"employee_id": format!("{}", 100_000 + n), "status": "active"})).collect()
}

/// Plans from a server, and gives how many requests that took.
#[track_caller]
fn refused(source: &str, parts: &[&str], script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> usize {
    let web = Web::start(script);
    let company = company(&source.replace("URL", &web.url));
    let begun = Instant::now();
    company.run(&["plan"]).ends(4).says(&["source `hr`: "]).says(parts);
    assert!(!company.exists("plan.json") && begun.elapsed() < Duration::from_secs(60));
    company.wrote_nothing();
    web.requests().len()
}

const NEXT: &str =
    "kind = \"http\"\nurl = \"URL/p\"\nrecords = \"/data\"\npaging = { kind = \"next-link\", next = \"/next\" }\n";

#[test]
fn a_list_without_end_is_given_up() {
    let endless = |number: usize, _: &Request| {
        answer(json!({"data": people(number * 100, number * 100 + 100), "next": format!("/p?{number}")}))
    };
    assert_eq!(refused(&format!("{NEXT}max_rows = 1000\n"), &["1001 records, more than max_rows = 1000"], endless), 11);
    // Pages on which nobody is.
    let empty = |number: usize, _: &Request| answer(json!({"data": [], "next": format!("/p?{number}")}));
    assert_eq!(refused(NEXT, &["page 1001", "without a record: the list has no end"], empty), 1001);
    // A false total does not bound the list; a true one does.
    let claimed = |number: usize, _: &Request| {
        answer(
            json!({"data": people(number * 100, number * 100 + 100), "total": 1_000_000_000, "next": format!("/p?{number}")}),
        )
    };
    let total = format!("{NEXT}total = \"/total\"\n");
    assert_eq!(refused(&total, &["1000000000 records, more than max_rows = 2000000"], claimed), 1);
    let beyond = |number: usize, _: &Request| {
        answer(json!({"data": people(number * 100, number * 100 + 100), "total": 150, "next": format!("/p?{number}")}))
    };
    assert_eq!(refused(&total, &["200 records have come, but the total at /total is 150"], beyond), 2);
    // Time is a bound, too.
    let slow = |number: usize, _: &Request| {
        std::thread::sleep(Duration::from_millis(300));
        answer(json!({"data": people(number, number + 1), "next": format!("/p?{number}")}))
    };
    refused(&format!("{NEXT}timeout = \"2s\"\n"), &["was not read within its timeout of 2s"], slow);
}

#[test]
fn every_kind_of_list_has_a_length() {
    let rows: String = (0..11).map(|n| format!("{n}\n")).collect();
    for source in [
        "kind = \"csv\"\npath = \"list\"\n",
        "kind = \"exec\"\ncommand = [\"cat\", \"list\"]\nformat = \"csv\"\n",
        "kind = \"sql\"\nurl = \"sqlite:db\"\nquery = \"WITH RECURSIVE n(employee_id) AS (SELECT 1 UNION ALL SELECT employee_id + 1 FROM n) SELECT employee_id FROM n\"\n",
    ] {
        let company = company(&format!("{source}max_rows = 10\n"));
        company.write("list", format!("employee_id\n{rows}"));
        sqlite(&company.path("db"), "CREATE TABLE people (employee_id);");
        company.run(&["plan"]).ends(4).says(&["source `hr`: ", "records, more than max_rows = 10"]);
        company.edit("skovik-sync.toml", "max_rows = 10\n", "max_rows = 0\n");
        company.run(&["plan"]).ends(3).says(&["`max_rows` in [[source]] `hr`", "between 1 and 100000000"]);
    }
}

#[test]
fn errors_beside_a_list_are_believed() {
    for (errors, words) in [
        (json!({"data": [], "errors": [{"message": "no shard 3"}]}), "no shard 3"),
        (json!({"data": people(0, 3), "errors": ["half of it"]}), "half of it"),
        (json!({"data": people(0, 3), "error": {"message": "later"}}), "later"),
        (json!({"error": "quota", "data": people(0, 3)}), "quota"),
        (json!({"data": people(0, 3), "error": true}), "no reason given"),
    ] {
        let page = errors.clone();
        let once = "kind = \"http\"\nurl = \"URL/p\"\nrecords = \"/data\"\n";
        refused(once, &["beside its records", words, "errors = \"ignore\""], move |_, _| answer(&page));
        refused(&format!("{NEXT}expect_records = 3\n"), &["beside its records"], move |_, _| answer(&errors));
    }
    for nothing in [json!(null), json!(false), json!([]), json!({}), json!(""), json!(0)] {
        let web = Web::always(answer(json!({"data": people(0, 3), "error": nothing, "errors": nothing})));
        let company = company(&format!("kind = \"http\"\nurl = \"{}\"\nrecords = \"/data\"\n", web.url));
        let output = company.run(&["check"]);
        assert!(output.stdout.contains("source    hr: 3 records"), "{output}");
    }
    let web = Web::always(answer(json!({"data": people(0, 3), "errors": ["known"]})));
    let company =
        company(&format!("kind = \"http\"\nurl = \"{}\"\nrecords = \"/data\"\nerrors = \"ignore\"\n", web.url));
    let output = company.run(&["check"]);
    assert!(output.stdout.contains("source    hr: 3 records"), "{output}");
    // The list itself may be called so.
    let web = Web::always(answer(json!({"errors": people(0, 3)})));
    let company = self::company(&format!("kind = \"http\"\nurl = \"{}\"\nrecords = \"/errors\"\n", web.url));
    assert!(company.run(&["check"]).stdout.contains("source    hr: 3 records"));
}

#[test]
fn a_part_is_no_whole() {
    let body = json!({"totalResults": 1, "Resources": [{"id": "1", "employee_id": "1"}]}).to_string();
    let nobody = json!({"totalResults": 0, "Resources": []}).to_string();
    let scim = "kind = \"scim\"\nurl = \"URL/scim/v2\"\n";
    for page in [body, nobody] {
        refused(scim, &["says that it is a part"], move |_, _| Reply::Answer(206, Vec::new(), page.clone()));
    }
    let page = json!({"totalResults": 0, "Resources": [], "errors": ["no shard 3"]});
    refused(scim, &["`errors` beside its records", "no shard 3"], move |_, _| answer(&page));
    let once = "kind = \"http\"\nurl = \"URL/p\"\nrecords = \"/data\"\n";
    for data in [json!({"data": []}), json!({"data": people(0, 3)})] {
        refused(once, &["says that it is a part"], move |_, _| Reply::Answer(206, Vec::new(), data.to_string()));
    }
    // A total is not overrun, whatever comes.
    let endless = |number: usize, _: &Request| {
        let users: Vec<Value> = (0..100).map(|n| json!({"id": format!("{number}-{n}")})).collect();
        answer(json!({"totalResults": 150, "startIndex": number * 100 + 1, "Resources": users}))
    };
    assert_eq!(refused(scim, &["200 users have come, but totalResults is 150"], endless), 2);
    let claimed =
        |_: usize, _: &Request| answer(json!({"totalResults": 4_000_000_000_u64, "Resources": [{"id": "1"}]}));
    assert_eq!(refused(scim, &["4000000000 records, more than max_rows = 2000000"], claimed), 1);
}
