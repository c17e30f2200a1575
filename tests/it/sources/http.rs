//! Lists over HTTP, from a server that is scripted for each way of paging and of proving who asks; each ends with a plan.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::{Value, json};

use crate::harness::{Company, FIXTURE_URL, Output, snapshot};
use crate::servers::web::{Reply, Request, Web, json, status};

/// How many people there are.
pub(super) const PEOPLE: usize = 7;
/// The environment variable with the secret of most tests, and the secret.
pub(super) const SECRET: (&str, &str) = ("HR_SECRET", "s3cret/0123456789+value==");

/// Person n, counted from 0, who reports to the first one.
pub(super) fn person(n: usize) -> Value {
    json!({"id": 1001 + n, "email": format!("p{n}@example.com"), "name": {"first": format!("P{n}"), "last": "Berg"},
           "manager": if n == 0 { Value::Null } else { json!({"id": 1001}) }})
}

/// Some people, at most up to the last one.
pub(super) fn people(from: usize, to: usize) -> Vec<Value> {
    (from.min(PEOPLE)..to.min(PEOPLE)).map(person).collect()
}

pub(super) fn settings(url: &str, source: &str) -> String {
    format!(
        "[target]\nkind = \"skovik\"\nurl = \"{FIXTURE_URL}\"\n\
         [[source]]\nname = \"hr\"\nkind = \"http\"\nkey = \"id\"\nurl = \"{url}\"\nretries = 1\n{source}\n\
         [source.columns]\nmanager_id = \"/manager/id\"\n\
         [employee]\nexternal_identifier = \"{{{{ hr.id }}}}\"\nprimary_email = \"{{{{ hr.email }}}}\"\n\
         first_name = \"{{{{ hr.name.first }}}}\"\nlast_name = \"{{{{ hr.name.last }}}}\"\nbranch = \"SE01\"\n\
         manager = \"{{{{ hr.manager_id }}}}\"\n"
    )
}

/// An account of one branch and nobody in it, and a source with these settings.
pub(super) fn company(url: &str, source: &str) -> Company {
    let branch = json!({"type": "branches", "id": "se01",
                        "attributes": {"name": "Example", "external_identifier": "SE01"}});
    let mut company = Company::of(&settings(url, source), "", &snapshot(&[branch], &[], &[]), |_| {});
    company.env(SECRET.0, SECRET.1);
    company
}

/// Everybody is created, with this proof, and the request log says how.
fn plans(web: &Web, path: &str, source: &str, proof: &str, calls: &[&str]) -> Company {
    let company = company(&format!("{}{path}", web.url), source);
    let plan = company.plan(0);
    assert_eq!(plan["summary"]["create"], PEOPLE, "{source}: {plan:#}");
    let listed = &plan["sources"][0];
    assert_eq!(
        (&listed["kind"], &listed["records"], &listed["proof"]),
        (&json!("http"), &json!(PEOPLE), &json!(proof)),
        "{source}"
    );
    assert_eq!(web.calls(), calls, "{source}");
    company
}

/// There is no plan, for these reasons, and nothing shows the secret.
#[track_caller]
pub(super) fn refused(company: &Company, code: i32, parts: &[&str]) -> Output {
    let output = company.run(&["-v", "plan"]).ends(code).says(parts);
    assert!(!company.exists("plan.json"), "{output}");
    let shown = output.to_string();
    assert!(!shown.contains(SECRET.1) && !shown.contains("0123456789"), "{shown}");
    output
}

#[test]
fn one_answer_that_is_the_list() {
    let web = Web::always(json(json!(people(0, 9))));
    let company = plans(&web, "/people?active=1", "", "trusted", &["GET /people?active=1"]);
    let head = &web.requests()[0].head;
    assert!(head.contains("accept: application/json\n") && !head.contains("authorization"), "{head}");
    company.plan_and_apply();
    company.is_in_line();
    let manager = company.user("1002").unwrap()["relationships"]["manager"]["data"]["id"].clone();
    assert_eq!(manager, company.id("1001"));
}

#[test]
fn a_post_with_headers_and_a_list_deeper_in_the_answer() {
    let answer = json!({"data": {"employees": people(0, 9)}, "meta": {"count": "7"}});
    let web = Web::always(json(answer));
    let source = "method = \"POST\"\nbody = '{\"fields\": [\"id\"]}'\nrecords = \"/data/employees\"\n\
                  total = \"/meta/count\"\nheaders = { Accept = \"application/x\", X-Company = \"a\" }";
    plans(&web, "/search", source, "total", &["POST /search"]);
    let Request { head, body, .. } = &web.requests()[0];
    assert_eq!(body, r#"{"fields": ["id"]}"#);
    for line in ["accept: application/x\n", "x-company: a\n", "content-type: application/json\n"] {
        assert!(head.contains(line), "{head}");
    }
}

#[test]
fn links_in_the_body() {
    let web = Web::start(|number, request| {
        let host = request.head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let next = match number {
            0 => json!(format!("http://{host}/people?skip=3#x")),
            1 => json!("?skip=6"),
            _ => Value::Null,
        };
        // A page may be empty although the list goes on.
        let page = if number == 1 { Vec::new() } else { people(number * 2, if number == 0 { 4 } else { 9 }) };
        json(json!({"value": page, "@odata.nextLink": next, "@odata.count": 7}))
    });
    let source = "records = \"/value\"\n[source.paging]\nkind = \"next-link\"\nnext = \"/@odata.nextLink\"";
    plans(&web, "/people", source, "last-page", &["GET /people", "GET /people?skip=3", "GET /people?skip=6"]);
}

#[test]
fn links_in_a_header_and_a_total_in_another() {
    let web = Web::start(|number, _| {
        let next = r#"</people?page=2>; rel="next", </people?page=2>; rel="last""#.to_owned();
        let mut headers = vec![("X-Total-Count", "7".to_owned())];
        headers.extend((number == 0).then_some(("Link", next)));
        Reply::Answer(200, headers, json!(people(number * 5, number * 5 + 5)).to_string())
    });
    let source = "total_header = \"x-total-count\"\n[source.paging]\nkind = \"link-header\"";
    plans(&web, "/people", source, "total", &["GET /people", "GET /people?page=2"]);
}

#[test]
fn cursors_in_the_query_and_in_the_body() {
    let cursor = |request: &Request| match request.method.as_str() {
        "GET" => request.parameter("cursor").map_or(0, |text| text.parse().unwrap()),
        _ => {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            usize::try_from(body["page"]["after"].as_u64().unwrap_or(0)).unwrap()
        }
    };
    let script = move |_: usize, request: &Request| {
        let from = cursor(request);
        let next = if from + 4 < PEOPLE { json!(from + 4) } else { json!("") };
        json(json!({"data": people(from, from + 4), "next": next}))
    };
    let web = Web::start(script);
    let source = "records = \"/data\"\n[source.paging]\nkind = \"cursor\"\nnext = \"/next\"\nparameter = \"cursor\"";
    plans(&web, "/p?limit=4", source, "last-page", &["GET /p?limit=4", "GET /p?limit=4&cursor=4"]);
    let web = Web::start(script);
    let source = "method = \"POST\"\nbody = '{\"page\": {\"size\": 4}}'\nrecords = \"/data\"\n\
                  [source.paging]\nkind = \"cursor\"\nnext = \"/next\"\nfield = \"/page/after\"";
    plans(&web, "/p", source, "last-page", &["POST /p", "POST /p"]);
    assert_eq!(web.requests()[1].body, r#"{"page":{"size":4,"after":4}}"#);
}

#[test]
fn a_cursor_that_is_a_number_keeps_its_digits() {
    let cursors = ["1764438600.5000000523", "36893488147419103233"];
    for cursor in cursors {
        let web = Web::start(move |number, _| {
            let data = json!(people(number * 4, number * 4 + 4));
            let next = if number == 0 { cursor } else { "null" };
            Reply::Answer(200, vec![], format!("{{\"data\":{data},\"next\":{next}}}"))
        });
        let source = "records = \"/data\"\n[source.paging]\nkind = \"cursor\"\nnext = \"/next\"\nparameter = \"after\"";
        plans(&web, "/p", source, "last-page", &["GET /p", &format!("GET /p?after={cursor}")]);
    }
}

#[test]
fn a_value_that_nobody_uses_stops_nothing() {
    let values = [
        "1e999",
        r#""\ud800""#,
        "12345678901234567890123",
        "12345678901234567890124",
        &format!("{}{}", "[".repeat(200), "]".repeat(200)),
    ]
    .map(str::to_owned);
    let list: Vec<String> = people(0, 9)
        .iter()
        .zip(values.iter().cycle())
        .map(|(person, value)| format!("{{\"odd\":{value},{}", &person.to_string()[1..]))
        .collect();
    let web = Web::always(Reply::Answer(200, vec![], format!("[{}]", list.join(","))));
    plans(&web, "/p", "", "trusted", &["GET /p"]);
    // Records that differ in nothing but a digit are two.
    let two = |odd: &str| format!("{{\"odd\":{odd},{}", &person(1).to_string()[1..]);
    let web = Web::always(Reply::Answer(200, vec![], format!("[{},{}]", two(&values[2]), two(&values[3]))));
    let plan = company(&web.url, "").plan(5);
    let diagnostics = plan["diagnostics"].as_array().unwrap();
    assert!(diagnostics.iter().any(|told| told["code"] == "key_claimed_twice"), "{plan:#}");
}

#[test]
fn the_parameters_of_json_rpc_stand_in_a_list() {
    let web = Web::start(|_, request| {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let from = usize::try_from(body["params"][1]["offset"].as_u64().unwrap()).unwrap();
        json(json!({"jsonrpc": "2.0", "id": 1, "result": {"rows": people(from, from + 4), "count": 7}}))
    });
    let source = "method = \"POST\"\nrecords = \"/result/rows\"\ntotal = \"/result/count\"\n\
                  body = '{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"people\", \"params\": [\"all\", {\"offset\": 0}]}'\n\
                  [source.paging]\nkind = \"offset\"\nfield = \"/params/1/offset\"";
    plans(&web, "/rpc", source, "total", &["POST /rpc", "POST /rpc", "POST /rpc"]);
    let last = r#"{"jsonrpc":"2.0","id":1,"method":"people","params":["all",{"offset":7}]}"#;
    assert_eq!(web.requests()[2].body, last);
    let company = company(&web.url, &source.replace("/params/1/offset", "/params/2"));
    refused(&company, 3, &["`body` in [[source]] `hr`", "a list of 2 on the way to /params/2, without a place \"2\""]);
    // An error of JSON-RPC comes with 200.
    let failing =
        Web::always(json(json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no such method"}})));
    refused(&self::company(&failing.url, source), 4, &["page 1: ", "no such method"]);
}

#[test]
fn numbered_pages_end_with_an_empty_one() {
    let script = |_: usize, request: &Request| {
        let page = request.number("page");
        json(people(page * 3 - 3, page * 3).into_iter().collect::<Value>())
    };
    let web = Web::start(script);
    let source = "[source.paging]\nkind = \"page\"\nparameter = \"page\"";
    let calls = ["GET /p?page=1", "GET /p?page=2", "GET /p?page=3", "GET /p?page=4"];
    plans(&web, "/p", source, "last-page", &calls);
    // A page that the settings name gives way.
    plans(&Web::start(script), "/p?page=9", source, "last-page", &calls);
}

#[test]
fn a_page_past_the_end_may_be_refused_where_the_settings_say_so() {
    let source = "records = \"/results\"\ntotal = \"/count\"\n[source.paging]\nkind = \"page\"\nparameter = \"page\"\n\
                  first = 0\npast_the_end = \"refused\"";
    for code in [404, 410, 416] {
        let web = Web::start(move |_, request| match request.number("page") {
            page @ 0..=2 => json(json!({"results": people(page * 3, page * 3 + 3), "count": 7})),
            _ => status(code, "Invalid page."),
        });
        plans(&web, "/p", source, "total", &["GET /p?page=0", "GET /p?page=1", "GET /p?page=2", "GET /p?page=3"]);
    }
}

#[test]
fn offsets_go_on_by_what_came_whatever_was_asked_for() {
    // It is asked for 100, gives 3 at a time, and says so.
    let web = Web::start(|_, request| {
        let from = request.number("offset");
        json(json!({"data": people(from, from + 3), "metadata": {"total_elements": 7}}))
    });
    let source = "records = \"/data\"\ntotal = \"/metadata/total_elements\"\n\
                  [source.paging]\nkind = \"offset\"\nparameter = \"offset\"";
    let calls = [0, 3, 6, 7].map(|offset| format!("GET /p?limit=100&offset={offset}"));
    plans(&web, "/p?limit=100", source, "total", &calls.each_ref().map(String::as_str));
}

#[test]
fn parameters_of_the_settings_stay_as_they_are_written() {
    let web = Web::start(|_, request| json(json!(if request.number("page") == 1 { people(0, 9) } else { Vec::new() })));
    let source = "[source.paging]\nkind = \"page\"\nparameter = \"page\"";
    let calls = [1, 2].map(|page| format!("GET /p?ort=Malm%F6%20V&active&$select=a,b&page={page}"));
    let path = "/p?ort=Malm%F6%20V&page=9&active&$select=a,b";
    plans(&web, path, source, "last-page", &calls.each_ref().map(String::as_str));
}

#[test]
fn every_way_to_prove_who_asks() {
    for (auth, expected) in [
        ("kind = \"bearer\"\ntoken_env = \"HR_SECRET\"", "authorization: Bearer s3cret/0123456789+value==\n"),
        (
            "kind = \"basic\"\nuser = \"anna\"\npassword_env = \"HR_SECRET\"",
            "authorization: Basic YW5uYTpzM2NyZXQvMDEyMzQ1Njc4OSt2YWx1ZT09\n",
        ),
        (
            "kind = \"basic\"\nuser_env = \"HR_SECRET\"\npassword_command = [\"echo\", \"x\"]",
            "authorization: Basic czNjcmV0LzAxMjM0NTY3ODkrdmFsdWU9PTp4\n",
        ),
        (
            "kind = \"header\"\nheader = \"X-Api-Key\"\ntoken_env = \"HR_SECRET\"",
            "x-api-key: s3cret/0123456789+value==\n",
        ),
        (
            "kind = \"header\"\nheader = \"Authorization\"\nprefix = \"SSWS\"\ntoken_env = \"HR_SECRET\"",
            "authorization: SSWS s3cret/0123456789+value==\n",
        ),
    ] {
        let web = Web::start(move |_, request| match request.head.contains(expected) {
            true => json(json!(people(0, 9))),
            false => status(401, "who?"),
        });
        plans(&web, "/p", &format!("[source.auth]\n{auth}"), "trusted", &["GET /p"]);
    }
}

/// A server that gives out tokens at `/token`, which end after one page.
fn token_server() -> Web {
    Web::start(|number, request| {
        if request.target == "/token" {
            let token = json!({"access_token": format!("tok-{number}-0123456789"), "token_type": "Bearer", "expires_in": "3600"});
            return json(token);
        }
        let page = request.number("page");
        // The first token is good for one page, as if it had ended early.
        let good = request.head.contains("authorization: Bearer tok-0-") && page == 1
            || request.head.contains("authorization: Bearer tok-3-");
        if good { json(json!(people(page * 4 - 4, page * 4))) } else { status(401, "no") }
    })
}

#[test]
fn client_credentials_whose_token_ends_in_mid_list() {
    let paging = "[source.paging]\nkind = \"page\"\nparameter = \"page\"\n";
    let calls = ["POST /token", "GET /p?page=1", "GET /p?page=2", "POST /token", "GET /p?page=2", "GET /p?page=3"];
    for (client_auth, in_head, in_body) in [
        // As RFC 6749 has it, both are form-encoded before they are encoded.
        ("", "authorization: Basic bWU6czNjcmV0JTJGMDEyMzQ1Njc4OSUyQnZhbHVlJTNEJTNE\n", ""),
        (
            "client_auth = \"body\"\n",
            "content-type: application/x-www-form-urlencoded\n",
            "&client_id=me&client_secret=s3cret%2F0123456789%2Bvalue%3D%3D",
        ),
    ] {
        let web = token_server();
        let auth = format!(
            "[source.auth]\nkind = \"oauth2\"\ntoken_url = \"{}/token\"\nclient_id = \"me\"\nclient_secret_env = \"HR_SECRET\"\n\
             scope = \"a b\"\nparameters = {{ resource = \"r\" }}\n{client_auth}",
            web.url
        );
        plans(&web, "/p", &format!("{paging}{auth}"), "last-page", &calls);
        let Request { head, body, .. } = &web.requests()[0];
        assert!(head.contains(in_head), "{head}");
        assert_eq!(*body, format!("grant_type=client_credentials&scope=a+b&resource=r{in_body}"));
    }
}

#[test]
fn the_same_plan_whatever_the_order() {
    // One has no e-mail and is set aside with the number of the row; each has properties that others lack.
    let mut list = people(0, 9);
    list[2]["email"] = json!("");
    list[3]["alias"] = json!("p");
    list[5]["title"] = json!("t");
    // Without a key, and so told apart by all that they hold.
    list.extend([json!({"a": "1", "b": "2"}), json!({"b": "1", "a": "2"})]);
    let web = Web::start(move |number, _| {
        let mut list = list.clone();
        if number > 0 {
            // A record with other properties comes first, and so do its columns.
            list.reverse();
            list.swap(1, 4);
        }
        json(json!(list))
    });
    let company = company(&format!("{}/p", web.url), "");
    // A third of them is more than the guards let pass; the plan is written nevertheless.
    let before = company.plan(5);
    assert_eq!(before["summary"]["set_aside"], 3, "{before:#}");
    let after = company.plan(5);
    for part in ["operations", "diagnostics", "sources"] {
        assert_eq!(before[part], after[part]);
    }
}

#[test]
fn the_same_plan_whatever_the_pages() {
    let list = Web::always(json(json!(people(0, 9))));
    let company = company(&format!("{}/p", list.url), "");
    let before = company.plan(0);
    let pages = Web::start(|_, request| {
        let from = request.number("offset");
        json(people(from, from + 2).into_iter().collect::<Value>())
    });
    let to = format!("{}/p\"\n[source.paging]\nkind = \"offset\"\nparameter = \"offset", pages.url);
    company.edit("skovik-sync.toml", &format!("{}/p\"\nretries = 1\n", list.url), &format!("{to}\"\n"));
    let after = company.plan(0);
    assert_eq!(before["operations"], after["operations"]);
    assert_eq!(before["sources"][0]["fingerprint"], after["sources"][0]["fingerprint"]);
    assert_ne!(before["config_hash"], after["config_hash"], "what is read where decides who is in the list");
}
