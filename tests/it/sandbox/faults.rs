//! Each kind of fault, and which requests the rules strike.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use skovik_sync::sandbox::{Options, Paging, Rule};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Sandbox, as_sent, company, newcomer};

fn user_count(sandbox: &Sandbox) -> usize {
    sandbox.server.inspect(|account| account.user_count())
}

#[tokio::test]
async fn a_status_strikes_the_request_whose_turn_it_is() {
    let sandbox = Sandbox::faulty(&["POST /users nth=2 status=503 retry-after=7"]).await;
    let mut statuses = Vec::new();
    for n in 0..3 {
        let mut body = newcomer();
        body["data"]["attributes"]["primary_email"] = json!(format!("n{n}@example.com"));
        body["data"]["attributes"]["external_identifier"] = json!(n.to_string());
        assert_eq!(sandbox.get("/users").await.status, 200);
        let answer = sandbox.ask("POST", "/users", body).await;
        assert_eq!(answer.headers.contains_key("retry-after"), answer.status == 503);
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [201, 503, 201]);
    assert_eq!(user_count(&sandbox), 5);
}

#[tokio::test]
async fn skip_every_and_times_choose_among_the_matching_requests() {
    for (words, struck) in [
        ("every=2", vec![2, 4, 6, 8]),
        ("skip=3 every=2", vec![5, 7]),
        ("skip=1 nth=1", vec![2]),
        ("times=2", vec![1, 2]),
        ("every=3 times=1", vec![3]),
        ("chance=0", vec![]),
        ("chance=1 skip=6", vec![7, 8]),
    ] {
        let sandbox = Sandbox::faulty(&[&format!("GET /users/* {words} status=500")]).await;
        let mut found = Vec::new();
        for n in 1..=8 {
            sandbox.get("/users").await;
            if sandbox.get("/users/u1").await.status == 500 {
                found.push(n);
            }
        }
        assert_eq!(found, struck, "{words}");
    }
}

#[tokio::test]
async fn chance_is_drawn_from_the_seed() {
    let draw = async |fault_seed| {
        let rule: Rule = "GET * chance=0.5 status=500".parse().expect("a good rule");
        let sandbox = Sandbox::start(Options { faults: vec![rule], fault_seed, ..Options::default() }).await;
        let mut statuses = Vec::new();
        for _ in 0..64 {
            statuses.push(sandbox.get("/users").await.status);
        }
        statuses
    };
    let first = draw(1).await;
    assert_eq!(draw(1).await, first);
    assert_ne!(draw(2).await, first);
    let struck = first.iter().filter(|&&status| status == 500).count();
    assert!((16..=48).contains(&struck), "{struck} of 64");
}

#[tokio::test]
async fn the_first_rule_whose_turn_it_is_strikes() {
    let sandbox = Sandbox::faulty(&["GET /users nth=2 status=500", "* * status=502", "* * status=504"]).await;
    assert_eq!(sandbox.get("/users").await.status, 502);
    assert_eq!(sandbox.get("/users").await.status, 500);
}

#[tokio::test]
async fn a_status_may_come_after_the_write_and_as_html_or_nothing() {
    let sandbox = Sandbox::faulty(&[
        "POST /users status=504 executed body=html",
        "GET /branches body=html retry-date=60",
        "GET /custom-fields status=429 body=empty",
    ])
    .await;
    let answer = sandbox.ask("POST", "/users", newcomer()).await;
    assert_eq!((answer.status, user_count(&sandbox)), (504, 4));
    assert!(answer.text.starts_with("<!DOCTYPE html>"), "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    let answer = sandbox.get("/branches").await;
    assert_eq!(answer.status, 502);
    let date = answer.headers["retry-after"].to_str().expect("text");
    assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
    let answer = sandbox.get("/custom-fields").await;
    assert_eq!((answer.status, &*answer.text), (429, ""));
}

#[tokio::test]
async fn a_connection_is_dropped_before_or_after_the_write() {
    for (word, users) in [("reset=before", 3), ("reset=after", 4)] {
        let sandbox = Sandbox::faulty(&[&format!("POST /users times=1 {word}")]).await;
        assert!(sandbox.try_ask("POST", "/users", newcomer()).await.is_err(), "{word}");
        assert_eq!(user_count(&sandbox), users, "{word}");
        assert_eq!(sandbox.get("/users").await.status, 200);
    }
}

/// The bytes that a GET gives until the connection is closed.
async fn bytes_of_get(address: SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET /v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut bytes = Vec::new();
    // A reset at the end is as good as an end.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn a_cut_answer_promises_more_than_it_gives() {
    let sandbox = Sandbox::faulty(&["* /users/* nth=2 cut"]).await;
    let whole = bytes_of_get(sandbox.server.address(), "/users/u1").await;
    let cut = bytes_of_get(sandbox.server.address(), "/users/u1").await;
    let (head, whole) = whole.split_once("\r\n\r\n").expect("a head");
    let (cut_head, cut) = cut.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains(&format!("content-length: {}", whole.len())), "{head}");
    assert!(cut_head.contains(&format!("content-length: {}", whole.len())), "{cut_head}");
    assert_eq!(cut, &whole[..whole.len() / 2]);
}

#[tokio::test]
async fn a_cut_write_is_done() {
    let sandbox = Sandbox::faulty(&["* /users cut", "* /users/* cut"]).await;
    assert!(sandbox.try_ask("POST", "/users", newcomer()).await.is_err());
    assert!(sandbox.try_ask("DELETE", "/users/u3", Value::Null).await.is_err());
    sandbox.server.inspect(|account| {
        assert!(account.find("dag@example.com").is_some() && account.find("u3").is_none());
    });
}

#[tokio::test]
async fn a_slow_answer_is_a_right_one() {
    let sandbox = Sandbox::faulty(&["GET /users/* slow=1ms", "POST /users slow=1ms status=500"]).await;
    assert_eq!(sandbox.user("u1").await["id"], "u1");
    assert_eq!(sandbox.ask("POST", "/users", newcomer()).await.status, 500);
}

#[tokio::test]
async fn a_write_is_done_before_its_slow_answer() {
    let minute = Duration::from_secs(60);
    let latency = Sandbox::start(Options { account: company(), latency: minute, ..Options::default() }).await;
    for sandbox in [Sandbox::faulty(&["POST /users slow=60s"]).await, latency] {
        let slow = sandbox.try_ask("POST", "/users", newcomer());
        let stored = async {
            while user_count(&sandbox) == 3 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = slow => panic!("the answer came too early"),
            () = stored => {}
        }
    }
}

#[tokio::test]
async fn lists_can_lie() {
    let rules = [
        "GET /users nth=1 total=wrong",
        "GET /users nth=2 loop",
        "GET /users nth=3 row=missing",
        "GET /users nth=4 row=twice",
    ];
    let faults = rules.iter().map(|rule| rule.parse().expect("a good rule")).collect();
    let options = Options { account: company(), faults, paging: Paging::Page, ..Options::default() };
    let sandbox = Sandbox::start(options).await;
    let path = "/users?page%5Bsize%5D=2";
    let ids = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().expect("rows");
        rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(sandbox.get(path).await.json()["meta"]["total"], 4);
    let page = sandbox.get(path).await.json();
    assert_eq!(page["links"]["next"], format!("{}{path}", sandbox.server.url()));
    assert_eq!(ids(&sandbox.get(path).await.json()), ["u1"]);
    assert_eq!(ids(&sandbox.get(path).await.json()), ["u1", "u2", "u2"]);
    let page = sandbox.get(path).await.json();
    assert_eq!((ids(&page), &page["meta"]["total"]), (vec!["u1".to_owned(), "u2".to_owned()], &json!(3)));
}

#[tokio::test]
async fn a_dropped_field_is_not_stored() {
    for (field, pointer, old, new) in [
        ("first_name", "/attributes/first_name", json!("Bo"), json!("Bosse")),
        ("shoe_size", "/attributes/shoe_size", Value::Null, json!(44)),
        ("custom_fields.cf_cost", "/attributes/custom_fields/cf_cost", json!("4100"), json!("4200")),
        ("custom_fields.cf_car", "/attributes/custom_fields/cf_car", Value::Null, json!(true)),
        ("manager", "/relationships/manager/data/id", json!("u1"), json!("u3")),
    ] {
        let sandbox = Sandbox::faulty(&[&format!("PUT /users/u2 times=1 drop-field={field}")]).await;
        let mut body = as_sent(&sandbox.user("u2").await);
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        body["data"].pointer_mut(parent).expect("a parent")[name] = new.clone();
        body["data"]["attributes"]["last_name"] = json!("Ek");
        let stored = async |body: Value| {
            let answer = sandbox.ask("PUT", "/users/u2", body).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let user = sandbox.user("u2").await;
            assert_eq!(user["attributes"]["last_name"], "Ek");
            user.pointer(pointer).cloned().unwrap_or_default()
        };
        assert_eq!(stored(body.clone()).await, old, "{field}");
        assert_eq!(stored(body).await, new, "{field}");
    }
    let sandbox = Sandbox::faulty(&["POST /users drop-field=manager"]).await;
    let answer = sandbox.ask("POST", "/users", newcomer()).await;
    assert_eq!(answer.json()["data"]["relationships"]["manager"], json!({"data": null}));
}

#[tokio::test]
async fn another_client_changes_a_user_just_after_the_answer() {
    for (field, pointer, after) in [
        ("first_name", "/attributes/first_name", json!("Bo (changed)")),
        ("primary_email", "/attributes/primary_email", json!("changed.bo@example.com")),
        ("external_identifier", "/attributes/external_identifier", json!("1002-changed")),
        ("roles", "/attributes/roles", json!(["employee", "admin"])),
        ("shoe_size", "/attributes/shoe_size", json!("changed")),
        ("external_metadata", "/attributes/external_metadata", json!({})),
        ("custom_fields.cf_cost", "/attributes/custom_fields/cf_cost", json!("4200")),
        ("custom_fields.cf_car", "/attributes/custom_fields/cf_car", json!(true)),
        ("custom_fields.cf_note", "/attributes/custom_fields/cf_note", json!("hello (changed)")),
        ("manager", "/relationships/manager/data", Value::Null),
        ("branch", "/relationships/branch/data/id", json!("br_no")),
    ] {
        let sandbox = Sandbox::faulty(&[&format!("GET /users/u2 times=1 change={field}")]).await;
        let mut expected = sandbox.user("u2").await;
        let before = super::seed_user("u2", "1002", "Bo", Some("u1"));
        assert_eq!(expected, before, "{field}: the answer itself is the old one");
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        expected.pointer_mut(parent).expect("a parent")[name] = after;
        assert_eq!(sandbox.user("u2").await, expected, "{field}");
    }
}

#[tokio::test]
async fn a_change_concerns_the_user_of_the_request_or_the_one_who_is_named() {
    for (rule, changed) in [
        ("GET /users change=last_name", "1001"),
        ("GET /users change=last_name user=1003", "1003"),
        ("GET /users change=last_name user=bo@example.com", "1002"),
        ("POST /users change=last_name", "1004"),
        ("DELETE /users/u3 change=last_name user=u2", "1002"),
    ] {
        let sandbox = Sandbox::faulty(&[rule]).await;
        let mut words = rule.split(' ');
        let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
        let body = if method == "POST" { newcomer() } else { Value::Null };
        assert!(sandbox.ask(method, path, body).await.status < 300, "{rule}");
        let users: Vec<Value> = sandbox
            .server
            .inspect(|account| account.users().map(|user| serde_json::from_str(user).expect("JSON")).collect());
        for user in users {
            let attributes = &user["attributes"];
            let is_changed = attributes["last_name"].as_str().expect("a name").ends_with(" (changed)");
            assert_eq!(is_changed, attributes["external_identifier"] == changed, "{rule}: {attributes}");
        }
    }
}

#[tokio::test]
async fn a_redirect_points_elsewhere() {
    let sandbox = Sandbox::faulty(&["POST * redirect=http://127.0.0.1:9/elsewhere"]).await;
    let answer = sandbox.ask("POST", "/users", newcomer()).await;
    assert_eq!((answer.status, user_count(&sandbox)), (307, 3));
    assert_eq!(answer.headers["location"], "http://127.0.0.1:9/elsewhere");
}

#[tokio::test]
async fn the_request_log_tells_what_was_answered_and_never_the_key_or_a_body() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("requests.jsonl");
    let faults = ["GET /branches status=500", "POST /users reset=after"];
    let faults = faults.iter().map(|rule| rule.parse().expect("a good rule")).collect();
    let options = Options { account: company(), faults, request_log: Some(path.clone()), ..Options::default() };
    let sandbox = Sandbox::start(options).await;
    sandbox.get("/users?page[after]=c0").await;
    sandbox.get("/branches").await;
    let _ = sandbox.try_ask("POST", "/users", newcomer()).await;
    sandbox.server.stop().await.expect("it stops");
    let log = std::fs::read_to_string(path).expect("a log");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(
        lines,
        [
            json!({"n": 1, "method": "GET", "path": "/v1/users?page[after]=c0", "status": 200}),
            json!({"n": 2, "method": "GET", "path": "/v1/branches", "status": 500, "fault": "GET /branches status=500"}),
            json!({"n": 3, "method": "POST", "path": "/v1/users", "fault": "POST /users reset=after"}),
        ]
    );
    assert!(!log.contains("secret-key") && !log.contains("dag@example.com"), "{log}");
}

#[test]
fn the_rules_in_the_documentation_are_rules() {
    let document = include_str!("../../../docs/sandbox.md");
    let blocks = document.split("```rules\n").skip(1).map(|rest| rest.split("```").next().expect("an end"));
    let rules: Vec<&str> = blocks.flat_map(str::lines).collect();
    assert!(rules.len() >= 15, "{rules:?}");
    for rule in rules {
        rule.parse::<Rule>().expect(rule);
    }
}
