//! Reading: pages, keys, paths and methods, and invalid bodies.

use std::num::NonZeroUsize;

use serde_json::{Value, json};
use skovik_sync::sandbox::{Account, FieldOptions, Options, Paging, Paths};

use super::{Answer, Sandbox, branch, company, newcomer, seed_user, snapshot};

/// 25 users, in pages of up to 10.
async fn many(paging: Paging, total: bool) -> Sandbox {
    let users: Vec<Value> =
        (0..25).map(|n| seed_user(&format!("u{n:02}"), &n.to_string(), &format!("P{n}"), None)).collect();
    let branches: Vec<Value> =
        (0..12).map(|n| branch(&format!("br_{n:02}"), &n.to_string())).chain([branch("br_se", "SE01")]).collect();
    let account = Account::load(&*snapshot(&branches, &[], &users)).expect("a good seed");
    let page_cap = NonZeroUsize::new(10).expect("not zero");
    Sandbox::start(Options { account, paging, page_cap, total, ..Options::default() }).await
}

fn ids(page: &Value) -> Vec<String> {
    let rows = page["data"].as_array().expect("rows");
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

/// Follows `links.next` from the path to the end: the ids of each page.
async fn follow(sandbox: &Sandbox, path: &str) -> Vec<Vec<String>> {
    let mut page = sandbox.get(path).await.json();
    let mut pages = vec![ids(&page)];
    while let Some(next) = page["links"]["next"].as_str() {
        let path = next.strip_prefix(&sandbox.server.url()).expect("the same origin");
        page = sandbox.get(path).await.json();
        pages.push(ids(&page));
    }
    pages
}

#[tokio::test]
async fn links_lead_through_the_whole_list_in_order_of_creation() {
    let all: Vec<String> = (0..25).map(|n| format!("u{n:02}")).collect();
    for paging in [Paging::Page, Paging::Cursor] {
        let sandbox = many(paging, true).await;
        for (path, sizes) in [
            ("/users", vec![10, 10, 5]),
            ("/users?page[number]=1&page[size]=100", vec![10, 10, 5]),
            ("/users?page%5Bsize%5D=5", vec![5, 5, 5, 5, 5]),
        ] {
            let pages = follow(&sandbox, path).await;
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{paging:?} {path}");
            assert_eq!(pages.concat(), all);
        }
        let branches = follow(&sandbox, "/branches").await;
        assert_eq!(branches.iter().map(Vec::len).collect::<Vec<_>>(), [10, 3], "{paging:?}");
        assert_eq!(
            sandbox.get("/custom_fields").await.json(),
            json!({"data": [], "links": {"next": null}, "meta": {"total": 0}})
        );
    }
}

#[tokio::test]
async fn a_list_without_links_is_counted_up_to_an_empty_page() {
    let sandbox = many(Paging::Count, false).await;
    let mut sizes = Vec::new();
    for number in 1..=4 {
        let page = sandbox.get(&format!("/users?page%5Bnumber%5D={number}&page[size]=10")).await.json();
        assert_eq!(page.as_object().expect("a document").keys().collect::<Vec<_>>(), ["data"]);
        sizes.push(ids(&page).len());
    }
    assert_eq!(sizes, [10, 10, 5, 0]);
}

#[tokio::test]
async fn the_total_is_told_unless_it_is_switched_off() {
    assert_eq!(many(Paging::Page, true).await.get("/users").await.json()["meta"], json!({"total": 25}));
    let page = many(Paging::Page, false).await.get("/users").await.json();
    assert_eq!(page.get("meta"), None);
}

#[tokio::test]
async fn a_cursor_survives_the_removal_of_rows_and_a_number_does_not() {
    for (paging, second) in [(Paging::Cursor, "u10"), (Paging::Page, "u11")] {
        let sandbox = many(paging, true).await;
        let next = sandbox.get("/users").await.json()["links"]["next"].as_str().expect("a link").to_owned();
        assert_eq!(sandbox.ask("DELETE", "/users/u09", Value::Null).await.status, 204);
        let path = next.strip_prefix(&sandbox.server.url()).expect("the same origin");
        assert_eq!(ids(&sandbox.get(path).await.json())[0], second, "{paging:?}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_is_refused() {
    let sandbox = many(Paging::Page, true).await;
    for (query, parameter) in [
        ("page[size]=0", "page[size]"),
        ("page[size]=many", "page[size]"),
        ("page[number]=0", "page[number]"),
        ("page[after]=c1", "page[after]"),
        ("filter[primary_email]=a", "filter[primary_email]"),
    ] {
        let answer = sandbox.get(&format!("/users?{query}")).await;
        assert_eq!((answer.status, &*answer.problems()[0].0), (400, parameter));
    }
    let answer = many(Paging::Cursor, true).await.get("/users?page[after]=nonsense").await;
    assert_eq!((answer.status, &*answer.problems()[0].0), (400, "page[after]"));
    let beyond = sandbox.get("/users?page[number]=18446744073709551615").await.json();
    assert_eq!(beyond, json!({"data": [], "links": {"next": null}, "meta": {"total": 25}}));
}

#[tokio::test]
async fn links_follow_the_name_by_which_the_server_is_called() {
    let sandbox = many(Paging::Page, true).await;
    let request = sandbox.request("GET", "/users").header("host", "localhost:8480");
    let page = Answer::read(request).await.expect("an answer").json();
    let next = page["links"]["next"].as_str().expect("a link");
    assert!(next.starts_with("http://localhost:8480/v1/users?"), "{next}");
}

#[tokio::test]
async fn a_request_needs_the_key() {
    let options = Options { account: company(), key: Some("right".into()), ..Options::default() };
    let strict = Sandbox::start(options).await;
    let lenient = Sandbox::company().await;
    for (sandbox, authorization, status) in [
        (&strict, None, 401),
        (&strict, Some("Bearer wrong"), 401),
        (&strict, Some("Bearer rightmore"), 401),
        (&strict, Some("Basic right"), 401),
        (&strict, Some("right"), 401),
        (&strict, Some("Bearer right"), 200),
        (&strict, Some("bearer right"), 200),
        (&lenient, None, 401),
        (&lenient, Some("Bearer "), 401),
        (&lenient, Some("Bearer anything"), 200),
    ] {
        for path in ["/users", "/users/u1", "/branches"] {
            let mut request = sandbox.client.get(format!("{}{path}", sandbox.server.url()));
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let answer = Answer::read(request).await.expect("an answer");
            assert_eq!(answer.status, status, "{authorization:?}");
            assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
        }
    }
}

#[tokio::test]
async fn other_paths_methods_and_media_types_are_refused() {
    let sandbox = Sandbox::company().await;
    for (method, path, status, allow) in [
        ("GET", "/users/nobody", 404, None),
        ("PUT", "/nothing", 404, None),
        ("GET", "/users/", 404, None),
        ("GET", "/branches/br_se", 404, None),
        ("DELETE", "/users/nobody", 404, None),
        ("DELETE", "/users", 405, Some("GET, POST")),
        ("PATCH", "/users/u1", 405, Some("GET, PUT, DELETE")),
        ("POST", "/branches", 405, Some("GET")),
        ("PUT", "/custom_fields", 405, Some("GET")),
    ] {
        let answer = sandbox.ask(method, path, Value::Null).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.headers.get("allow").map(|value| value.to_str().expect("text")), allow);
        assert_eq!(answer.problems().len(), 1);
    }
    let outside = sandbox.client.get(sandbox.server.url().replace("/v1", "/v2/users")).bearer_auth("k");
    assert_eq!(Answer::read(outside).await.expect("an answer").status, 404);

    for (accept, status) in [("text/html", 406), ("application/json;q=0.9", 200), ("text/html, */*", 200)] {
        let answer =
            Answer::read(sandbox.request("GET", "/users/u1").header("accept", accept)).await.expect("an answer");
        assert_eq!(answer.status, status, "{accept}");
    }
    let unlabelled = sandbox.request("POST", "/users").body(newcomer().to_string());
    assert_eq!(Answer::read(unlabelled).await.expect("an answer").status, 415);
}

#[tokio::test]
async fn an_id_may_be_percent_encoded() {
    let sandbox = Sandbox::company().await;
    assert_eq!(sandbox.user("%75%31").await["id"], "u1");
}

#[tokio::test]
async fn a_body_that_is_no_document_is_400() {
    let sandbox = Sandbox::company().await;
    for (body, pointer) in [
        ("", ""),
        ("{\"data\":", ""),
        ("[]", ""),
        ("{}", ""),
        ("{\"data\":null}", "/data"),
        ("{\"data\":[]}", "/data"),
        ("{\"data\":{\"attributes\":{}}}", "/data/type"),
        ("{\"data\":{\"type\":\"users\",\"id\":7}}", "/data/id"),
        ("{\"data\":{\"type\":\"users\",\"attributes\":[]}}", "/data/attributes"),
        ("{\"data\":{\"type\":\"users\",\"attributes\":{\"a\":1,\"a\":2}}}", "/data/attributes"),
        ("{\"data\":{\"type\":\"users\",\"relationships\":7}}", "/data/relationships"),
    ] {
        for (method, path) in [("POST", "/users"), ("PUT", "/users/u1")] {
            let request = sandbox.request(method, path).header("content-type", "application/json").body(body);
            let answer = Answer::read(request).await.expect("an answer");
            assert_eq!(answer.status, 400, "{body}");
            assert_eq!(answer.problems()[0].0, pointer, "{body}");
        }
    }
    let huge = sandbox.request("POST", "/users").body("x".repeat((1 << 20) + 1));
    assert_eq!(Answer::read(huge).await.expect("an answer").status, 413);
}

#[tokio::test]
async fn cursors_lead_both_ways_and_no_other_parameter_is_known() {
    for paging in [Paging::StrictCursor, Paging::BareCursor] {
        let sandbox = many(paging, false).await;
        let mut page = sandbox.get("/users").await.json();
        let mut found = vec![ids(&page)];
        while let Some(cursor) = match paging {
            Paging::StrictCursor => page["links"]["next"].as_str().map(|next| {
                let (_, query) = next.split_once("page%5Bafter%5D=").expect("a cursor alone");
                query.to_owned()
            }),
            _ => page["meta"]["page"]["after"].as_str().map(ToOwned::to_owned),
        } {
            page = sandbox.get(&format!("/users?page[after]={cursor}")).await.json();
            found.push(ids(&page));
        }
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5], "{paging:?}");
        assert_eq!(found.concat(), (0..25).map(|n| format!("u{n:02}")).collect::<Vec<_>>());
        assert_eq!(page.get("links").is_some(), paging == Paging::StrictCursor);
        let before = sandbox.get("/users?page[before]=c14").await.json();
        assert_eq!(ids(&before), found[1], "{paging:?}");
        assert_eq!(ids(&sandbox.get("/users?page[before]=c3").await.json()), ["u00", "u01", "u02"]);
        for query in ["page[number]=1", "page[size]=10", "page[after]=nonsense", "page[before]=7", "filter[x]=1"] {
            assert_eq!(sandbox.get(&format!("/users?{query}")).await.status, 400, "{paging:?} {query}");
        }
        assert_eq!(sandbox.ask("DELETE", "/users/u09", Value::Null).await.status, 204);
        assert_eq!(ids(&sandbox.get("/users?page[after]=c9").await.json()), found[1]);
    }
}

#[tokio::test]
async fn paths_of_two_words_have_underscores_or_dashes() {
    for (paths, underscored, dashed) in
        [(Paths::Both, 200, 200), (Paths::Underscored, 200, 404), (Paths::Dashed, 404, 200)]
    {
        let options =
            Options { account: company(), paths, field_options: FieldOptions::Separate, ..Options::default() };
        let sandbox = Sandbox::start(options).await;
        for (path, status) in [
            ("/custom_fields", underscored),
            ("/custom_field_options", underscored),
            ("/custom-fields", dashed),
            ("/custom-field-options", dashed),
        ] {
            assert_eq!(sandbox.get(path).await.status, status, "{paths:?} {path}");
        }
    }
}

#[tokio::test]
async fn options_stand_in_the_field_or_in_a_list_or_nowhere() {
    for (field_options, embedded, list) in [
        (FieldOptions::Embedded, true, 404),
        (FieldOptions::Separate, false, 200),
        (FieldOptions::Unreadable, false, 404),
    ] {
        let sandbox = Sandbox::start(Options { account: company(), field_options, ..Options::default() }).await;
        let fields = sandbox.get("/custom_fields").await.json();
        assert_eq!(fields["data"][0]["attributes"].get("options").is_some(), embedded, "{field_options:?}");
        assert_eq!(fields["data"][0]["attributes"]["field_type"], json!("multiple_choice"));
        let options = sandbox.get("/custom_field_options").await;
        assert_eq!(options.status, list, "{field_options:?}");
        if list == 200 {
            let options = options.json();
            assert_eq!(ids(&options).len(), 2);
            assert_eq!(
                options["data"][1],
                json!({"type": "custom-field-options", "id": "cf_cost_option_2",
                       "attributes": {"label": "4200", "value": "4200"},
                       "relationships": {"custom_field": {"data": {"type": "custom-fields", "id": "cf_cost"}}}})
            );
        }
        // A choice is checked wherever its options can be read.
        let mut wrong = newcomer();
        wrong["data"]["attributes"]["custom_fields"]["cf_cost"] = json!("4300");
        assert_eq!(sandbox.ask("POST", "/users", wrong).await.status, 422, "{field_options:?}");
    }
}
