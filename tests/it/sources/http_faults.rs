//! Lists over HTTP that cannot be trusted: each is exit code 4 with the source and the cause, no plan, and no secret
//! shown. Settings that cannot be right are exit code 3.

use serde_json::{Value, json};

use super::http::{PEOPLE, SECRET, company, people, person, refused};
use crate::harness::Company;
use crate::servers::certificates::Authority;
use crate::servers::free_port;
use crate::servers::web::{Reply, Request, Web, json, status};

pub(super) const BEARER: &str = "[source.auth]\nkind = \"bearer\"\ntoken_env = \"HR_SECRET\"";

pub(super) fn bearer(web: &Web, source: &str) -> Company {
    company(&format!("{}/people", web.url), &format!("{source}\n{BEARER}"))
}

/// A server that gives numbered pages of three as long as `script` has nothing else to say.
pub(super) fn pages(script: impl Fn(usize, &Request) -> Option<Reply> + Send + Sync + 'static) -> Web {
    Web::start(move |number, request| {
        let page = request.number("page");
        script(page, request)
            .unwrap_or_else(|| json(json!({"data": people(page * 3 - 3, page * 3), "total": PEOPLE, "try": number})))
    })
}

pub(super) const PAGES: &str = "records = \"/data\"\n[source.paging]\nkind = \"page\"\nparameter = \"page\"";
pub(super) const PAGES_OF_TOTAL: &str =
    "total = \"/total\"\nrecords = \"/data\"\n[source.paging]\nkind = \"page\"\nparameter = \"page\"";

#[test]
fn it_dies_in_mid_list() {
    let cut = |_: usize, _: &Request| {
        Some(Reply::Raw("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{\"data\": [{\"id\": 1004,".to_owned()))
    };
    let web = pages(move |page, request| if page == 2 { cut(page, request) } else { None });
    refused(&bearer(&web, PAGES), 4, &["source `hr`: page 2: ", "no usable answer", "broke off", "(tried 2 times)"]);
    assert_eq!(web.calls(), ["GET /people?page=1", "GET /people?page=2", "GET /people?page=2"]);
    let web = Web::always(Reply::Raw(String::new()));
    refused(&bearer(&web, ""), 4, &["source `hr`: http://127.0.0.1:", "/people: no usable answer"]);
    let nobody = company(&format!("http://127.0.0.1:{}/people", free_port()), BEARER);
    refused(&nobody, 4, &["source `hr`: ", "it did not take the request", "Connection refused"]);
}

#[test]
fn a_header_that_says_two_things_is_not_believed() {
    let (early, late) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT");
    let list = json!(people(0, 9)).to_string();
    let modified = |values: [&str; 2]| {
        Reply::Answer(200, values.map(|value| ("Last-Modified", value.to_owned())).to_vec(), list.clone())
    };
    for values in [[early, late], [late, early]] {
        let web = Web::always(modified(values));
        refused(&bearer(&web, ""), 4, &["source `hr`: ", "`last-modified` header says two things, \"", early, late]);
    }
    assert_eq!(bearer(&Web::always(modified([late, late])), "").plan(0)["summary"]["create"], PEOPLE);
    let length = list.len();
    for other in [length + 1, length - 1, 2] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\ncontent-length: {other}\r\n\r\n");
        let web = Web::always(Reply::Raw(head + &list));
        refused(&bearer(&web, ""), 4, &["source `hr`: ", "no usable answer"]);
    }
    let totals = ["9", "10"].map(|total| ("X-Total-Count", total.to_owned())).to_vec();
    let web = Web::always(Reply::Answer(200, totals, list.clone()));
    refused(
        &bearer(&web, "total_header = \"X-Total-Count\""),
        4,
        &["source `hr`: ", "\"9, 10\", which is not a number"],
    );
}

#[test]
fn what_passes_is_tried_again() {
    let web = Web::start(|number, _| match number {
        0 => Reply::Answer(429, vec![("Retry-After", "0".to_owned())], String::new()),
        1 => status(503, "busy"),
        _ => json(json!(people(0, 9))),
    });
    let company = bearer(&web, "");
    company.edit("skovik-sync.toml", "retries = 1", "retries = 2");
    assert_eq!(company.plan(0)["summary"]["create"], PEOPLE);
    assert_eq!(web.calls().len(), 3);
    let web = Web::always(status(500, json!({"message": format!("no database for {}", SECRET.1)})));
    refused(&bearer(&web, ""), 4, &["source `hr`: ", "it answers 500: no database for [key] (tried 2 times)"]);
}

#[test]
fn credentials_that_are_refused() {
    let echo = format!("{{\"error\":\"invalid_token\",\"error_description\":\"Bearer {} is wrong\"}}", SECRET.1);
    for code in [401, 403] {
        let web = Web::always(status(code, &echo));
        let expected =
            format!("refuses the credentials ({code}): invalid_token: Bearer [key] is wrong; check what [source.auth]");
        refused(&bearer(&web, ""), 4, &["source `hr`: ", &expected]);
        assert_eq!(web.calls().len(), 1);
    }
    refused(
        &company(&Web::always(status(401, "who?")).url, ""),
        4,
        &["(401): who?; set the credentials in [source.auth]"],
    );
    let mut nothing = bearer(&Web::always(json("[]")), "");
    nothing.edit("skovik-sync.toml", "HR_SECRET", "HR_NOTHING");
    nothing.env("HR_SECRET", "x");
    refused(&nothing, 3, &["[source.auth] of [[source]] `hr`", "HR_NOTHING is not set", "token_file"]);
}

#[test]
fn tokens_that_are_not_given() {
    let auth = |web: &Web| {
        format!(
            "[source.auth]\nkind = \"oauth2\"\ntoken_url = \"{}/token\"\nclient_id = \"me\"\nclient_secret_env = \"HR_SECRET\"",
            web.url
        )
    };
    let echo = json!({"error": "invalid_client", "error_description": format!("{} is no secret of me", SECRET.1)});
    for (reply, expected) in [
        (status(401, echo), "it answers 401: invalid_client: [key] is no secret of me; check client_id"),
        (
            status(400, json!({"access_token": "tok-0123456789", "refresh_token": "r"})),
            "it answers 400: no reason given; check",
        ),
        (json(json!({"token": "x"})), "its answer holds no access_token"),
        (json(json!({"access_token": "x", "token_type": "mac"})), "a token of type \"mac\""),
        (json(json!({"access_token": "x".repeat(70_000)})), "its answer has more than 64 KiB, which no token has"),
        (json("<html>"), "is not JSON"),
    ] {
        let web = Web::always(reply);
        refused(
            &company(&web.url, &auth(&web)),
            4,
            &["source `hr`: no token from http://127.0.0.1:", "/token: ", expected],
        );
    }
    // A token that is refused from the start is not asked for again and again.
    let web = Web::start(|_, request| match &*request.target {
        "/token" => json(json!({"access_token": "tok-0123456789"})),
        _ => status(401, "tok-0123456789 will not do"),
    });
    refused(&company(&web.url, &auth(&web)), 4, &["refuses the credentials (401): [key] will not do"]);
    assert_eq!(web.calls(), ["POST /token", "GET /"]);
    // Another token that came with it, and a token that the server cut.
    for (quoted, expected) in [("ref-5tok-77", "[key]"), ("AccessTok3nQw...", "[key]..."), ("AccessTok3", "AccessTok3")]
    {
        let web = Web::start(move |_, request| match &*request.target {
            "/token" => json(
                json!({"access_token": "AccessTok3nQwXyZ1", "token_type": "Bearer", "refresh_token": "ref-5tok-77"}),
            ),
            _ => status(401, format!("{quoted} will not do")),
        });
        refused(
            &company(&web.url, &auth(&web)),
            4,
            &[&format!("refuses the credentials (401): {expected} will not do")],
        );
    }
}

#[test]
fn answers_that_are_no_list() {
    for (reply, expected) in [
        (json("<html>Sign in</html>"), "it is not JSON (tried 2 times); is this the address of the API?"),
        (json(r#"[{"id": 1001"#), "it is not JSON"),
        (json(json!({"data": []})), "the answer is not a list; `records` must say where the list is"),
        (json(json!(["1001"])), "page 1: record 1: it is not an object, as a record must be"),
        (status(404, "nothing here"), "answers 404: nothing here; check url"),
        (json("[]\u{0}"), "it is not JSON"),
    ] {
        refused(&bearer(&Web::always(reply), ""), 4, &["source `hr`: ", expected]);
    }
    let web = Web::always(json(json!({"data": null, "x": {"y": 1}})));
    refused(&bearer(&web, "records = \"/items\""), 4, &["there is nothing at /items; `records`"]);
    refused(&bearer(&web, "records = \"/data\""), 4, &["the value at /data is not a list"]);
}

#[test]
fn pages_that_do_not_fit() {
    let two = |page: usize, _: &Request| (page == 2).then(|| json(json!({"data": people(0, 3), "total": PEOPLE})));
    refused(&bearer(&pages(two), PAGES), 4, &["page 2: it is the same as page 1"]);
    let changes = |page: usize, _: &Request| (page == 2).then(|| json(json!({"data": people(3, 5), "total": 8})));
    refused(&bearer(&pages(changes), PAGES_OF_TOTAL), 4, &["page 2: the total at /total was 7 and is 8 now"]);
    let short = |page: usize, _: &Request| (page == 2).then(|| json(json!({"data": [], "total": PEOPLE})));
    refused(
        &bearer(&pages(short), PAGES_OF_TOTAL),
        4,
        &["page 2: the list ends after 3 records, but the total at /total is 7"],
    );
    // A total that is the length of the page must not end the list.
    let lies = |page: usize, _: &Request| Some(json(json!({"data": people(page * 3 - 3, page * 3), "total": 3})));
    refused(&bearer(&pages(lies), PAGES_OF_TOTAL), 4, &["page 2: 6 records have come, but the total at /total is 3"]);
    let none = |page: usize, _: &Request| Some(json(json!({"data": people(page * 3 - 3, page * 3)})));
    refused(&bearer(&pages(none), PAGES_OF_TOTAL), 4, &["the total at /total is not there"]);
    let words = |_: usize, _: &Request| Some(json(json!({"data": [], "total": "many"})));
    refused(&bearer(&pages(words), PAGES_OF_TOTAL), 4, &["the total at /total is \"many\", which is not a number"]);
    let slips = |page: usize, _: &Request| (page == 2).then(|| json(json!({"data": people(2, 5)})));
    refused(&bearer(&pages(slips), PAGES), 4, &["page 2: record 1 has come before"]);
}

#[test]
fn a_page_that_is_refused_is_no_end() {
    // It says that there are as many as it gives out at most, and refuses to go on.
    let capped = |code| {
        Web::start(move |_, request| match request.number("page") {
            1 => json(json!({"data": people(0, 5), "total": 5})),
            _ => status(code, "the window is too large"),
        })
    };
    for code in [400, 404, 410, 416, 422] {
        let says = ["page 2: http://127.0.0.1:", &format!("answers {code}: the window is too large"), "all 5 records"];
        refused(&bearer(&capped(code), PAGES_OF_TOTAL), 4, &says);
    }
    let accepting = format!("{PAGES_OF_TOTAL}\npast_the_end = \"refused\"");
    for code in [400, 403, 422] {
        refused(&bearer(&capped(code), &accepting), 4, &["page 2: ", &format!("{code}")]);
    }
    // Only once all have come.
    let early = |page: usize, _: &Request| (page == 2).then(|| status(404, "no"));
    refused(&bearer(&pages(early), &accepting), 4, &["page 2: http://127.0.0.1:", "answers 404: no; check url"]);
    // A link leads to something.
    let links = Web::start(|number, _| match number {
        0 => json(json!({"data": people(0, 9), "total": PEOPLE, "next": "?page=2"})),
        _ => status(404, "no"),
    });
    let source = "total = \"/total\"\nrecords = \"/data\"\n[source.paging]\nkind = \"next-link\"\nnext = \"/next\"";
    refused(&bearer(&links, source), 4, &["page 2: http://127.0.0.1:", "answers 404: no; check url"]);
}

#[test]
fn records_that_come_twice() {
    let preferring = |web: &Web, source: &str| {
        let company = bearer(web, source);
        company.edit("skovik-sync.toml", "retries = 1\n", "retries = 1\nprefer = \"primary\"\n");
        company
    };
    let with_role = |n: usize, primary: bool| {
        let mut person = person(n);
        person["primary"] = json!(primary);
        person
    };
    // Somebody moved to the front meanwhile: one record comes again, another never, and `prefer` would choose.
    let shifted = Web::start(move |_, request| {
        let ids: &[usize] = match request.number("page") {
            1 => &[0, 1, 2],
            2 => &[2, 4, 5],
            _ => &[],
        };
        let mut list: Vec<Value> = ids.iter().map(|&n| with_role(n, n != 2)).collect();
        if ids.first() == Some(&0) {
            list[1] = with_role(2, true);
        }
        json(json!({"data": list, "total": 6}))
    });
    refused(&preferring(&shifted, PAGES_OF_TOTAL), 4, &["source `hr`: page 2: record 1 has come before", "is missing"]);
    let twice = Web::always(json(json!([with_role(0, true), with_role(1, false), with_role(1, false)])));
    refused(&preferring(&twice, ""), 4, &["source `hr`: page 1: record 3 has come before"]);
    // The same key twice is for `prefer`, whatever the pages.
    let roles = Web::start(move |_, request| {
        let page = request.number("page");
        json(if page < 3 { json!([with_role(0, page == 1), with_role(page, true)]) } else { json!([]) })
    });
    let paging = "[source.paging]\nkind = \"page\"\nparameter = \"page\"";
    assert_eq!(preferring(&roles, paging).plan(0)["summary"]["create"], 3);
}

#[test]
fn links_that_must_not_be_followed() {
    let paging = "records = \"/data\"\n[source.paging]\nkind = \"next-link\"\nnext = \"/next\"";
    let other = Web::always(json(json!({"data": [], "next": null})));
    let to = format!("{}/people?token={}", other.url, SECRET.1);
    let away = Web::start(move |number, _| json(json!({"data": people(number, number + 1), "next": to})));
    refused(
        &bearer(&away, paging),
        4,
        &["page 1: the link to the next page leads to http://127.0.0.1:", "is not followed"],
    );
    let circle = Web::start(|number, _| json(json!({"data": people(number, number + 1), "next": "/people"})));
    refused(&bearer(&circle, paging), 4, &["page 1: the next page is http://127.0.0.1:", "goes in circles"]);
    let to = format!("{}/people", other.url);
    let redirect = Web::always(Reply::Answer(302, vec![("Location", to)], String::new()));
    refused(
        &bearer(&redirect, paging),
        4,
        &["redirects to http://127.0.0.1:", "/people, and redirects are not followed"],
    );
    assert_eq!(other.calls(), [""; 0], "the other server saw nothing");
    let odd = Web::always(json(json!({"data": people(0, 1), "next": {"a": 1}})));
    refused(&bearer(&odd, paging), 4, &["page 1: /next is not a URL"]);
}

#[test]
fn a_next_page_that_is_never_spoken_of_proves_nothing() {
    let web = Web::always(json(json!({"data": people(0, 9), "total": PEOPLE, "links": {"next": null}})));
    let warning = "`next` in [source.paging] of [[source]] `hr`: /links/nxt is missing on every page";
    for (kind, next, more, proof) in [
        ("next-link", "/links/nxt", "", "trusted"),
        ("cursor", "/links/nxt", "", "trusted"),
        ("next-link", "/links/nxt", "expect_records = 7\n", "expect_records"),
        ("next-link", "/links/nxt", "total = \"/total\"\n", "total"),
        ("next-link", "/links/next", "", "last-page"),
    ] {
        let parameter = if kind == "cursor" { "parameter = \"c\"" } else { "" };
        let paging =
            format!("{more}records = \"/data\"\n[source.paging]\nkind = \"{kind}\"\nnext = \"{next}\"\n{parameter}");
        let company = bearer(&web, &paging);
        let output = company.run(&["plan"]).ends(0).to_string();
        assert_eq!(company.json("plan.json")["sources"][0]["proof"], proof);
        assert_eq!(output.contains(warning), proof == "trusted", "{output}");
    }
}

#[test]
fn certificates() {
    let authority = Authority::new("Authority of the tests");
    let people = |_: usize, _: &Request| json(json!(people(0, 9)));
    let ours = Web::start_tls(&authority.for_loopback(), people);
    let trusting = bearer(&ours, "ca_file = \"ca.pem\"");
    trusting.write("ca.pem", authority.pem());
    assert_eq!(trusting.plan(0)["summary"]["create"], PEOPLE);
    refused(&bearer(&ours, ""), 4, &["source `hr`: https://127.0.0.1:", "certificate", "in `ca_file`"]);
    let stranger = bearer(&ours, "ca_file = \"ca.pem\"");
    stranger.write("ca.pem", Authority::new("Another one").pem());
    let untrusted = refused(&stranger, 4, &["source `hr`: https://127.0.0.1:", "certificate"]).to_string();
    assert!(!untrusted.contains("trying again") && !untrusted.contains("tried"), "it does not pass: {untrusted}");
    let misnamed = bearer(&Web::start_tls(&authority.for_host("hr.example.test"), people), "ca_file = \"ca.pem\"");
    misnamed.write("ca.pem", authority.pem());
    refused(&misnamed, 4, &["certificate", "hr.example.test"]);
    assert_eq!(ours.calls().len(), 1, "no request before the certificate is found to be good");
    misnamed.write("ca.pem", "no certificate");
    refused(&misnamed, 3, &["`ca_file` in [[source]] `hr`: ", "ca.pem holds no certificate"]);
    let nothing = bearer(&ours, "ca_file = \"nothing.pem\"");
    refused(&nothing, 3, &["`ca_file` in [[source]] `hr`: ", "nothing.pem cannot be read"]);
}

#[test]
fn it_takes_too_long() {
    let web = Web::always(Reply::Answer(429, vec![("Retry-After", "60".to_owned())], String::new()));
    let company = bearer(&web, "timeout = \"1s\"");
    refused(&company, 4, &["source `hr`: was not read within its timeout of 1s"]);
}

#[test]
fn settings_that_cannot_be_right() {
    let web = Web::always(json(Value::Null));
    for (source, expected) in [
        (
            "headers = { Authorization = \"Bearer 0123456789\" }",
            "would show a secret in the settings; say it in [source.auth]",
        ),
        ("headers = { Host = \"x\" }", "is not a header that can be set here"),
        ("body = \"{}\"", "needs method = \"POST\""),
        ("method = \"POST\"\nbody = \"{\"", "is not JSON"),
        ("records = \"data\"", "must begin with a slash"),
        ("total = \"/a\"\ntotal_header = \"b\"", "is set together with `total`"),
        ("[source.paging]\nkind = \"pages\"", "must be \"none\" or \"next-link\""),
        ("[source.paging]\nkind = \"page\"", "lacks `parameter`"),
        ("[source.paging]\nkind = \"page\"\nfield = \"/page\"", "needs a `body`"),
        ("[source.paging]\nkind = \"cursor\"\nparameter = \"c\"", "lacks `next`"),
        (
            "[source.paging]\nkind = \"page\"\nparameter = \"page\"\npast_the_end = \"refused\"",
            "is \"refused\", which needs `total` or `total_header`",
        ),
        (
            "total = \"/a\"\n[source.paging]\nkind = \"cursor\"\nnext = \"/b\"\nparameter = \"c\"\npast_the_end = \"refused\"",
            "unknown key `past_the_end`",
        ),
        ("[source.paging]\nkind = \"link-header\"\nnext = \"/a\"", "unknown key `next`"),
        (
            "method = \"POST\"\nbody = \"[]\"\n[source.paging]\nkind = \"page\"\nfield = \"/page\"",
            "a list of 0 on the way to /page",
        ),
        ("[source.auth]\nkind = \"bearer\"", "lacks `token_env`"),
        ("[source.auth]\nkind = \"bearer\"\ntoken = \"0123456789\"", "unknown key `token`"),
        ("[source.auth]\nkind = \"basic\"\nuser = \"a:b\"", "holds a colon"),
        ("[source.auth]\nkind = \"header\"\nheader = \"a b\"\ntoken_env = \"A\"", "is not the name of an HTTP header"),
        (
            "[source.auth]\nkind = \"oauth2\"\ntoken_url = \"http://example.com\"\nclient_id = \"a\"\nclient_secret_env = \"A\"",
            "must be https",
        ),
    ] {
        refused(&company(&web.url, source), 3, &[expected]);
    }
    refused(&company("http://hr.example.com/people", ""), 3, &["must be https"]);
    refused(&company("https://anna:0123456789@hr.example.com/people", ""), 3, &["must not hold a user or a password"]);
    assert_eq!(web.calls(), [""; 0]);
}
