//! What is known about the outcome of a write, and what is repeated.

use std::sync::Arc;
use std::time::Duration;

use skovik_sync::config::Access;
use skovik_sync::provider::{ApiError, Deleted, Provider as _, Request};

use super::script::{Reply, Server, json};
use super::{access, client, client_with, nothing, put, resource, user};

fn body() -> Request {
    put(&resource("a"), Some("Anna"))
}

fn no_body() -> Request {
    Request::new(String::new())
}

fn document(id: &str) -> String {
    format!(r#"{{"data":{}}}"#, user(id))
}

fn now() -> Vec<(&'static str, String)> {
    vec![("retry-after", "0".to_owned())]
}

#[tokio::test]
async fn a_post_is_never_repeated_after_an_unclear_outcome() {
    let cut = format!("HTTP/1.1 201 Created\r\ncontent-length: 999\r\n\r\n{}", document("a"));
    for reply in [
        json(500, ""),
        Reply::Answer(503, now(), String::new()),
        json(408, ""),
        json(201, ""),
        json(201, "<html>"),
        json(201, r#"{"data":{"type":"users"}}"#),
        json(202, "{}"),
        json(204, ""),
        json(302, ""),
        Reply::Raw(String::new()),
        Reply::Raw("HTTP/1.1 20".to_owned()),
        Reply::Raw(cut),
        Reply::Hang,
    ] {
        let server = Server::replies(vec![reply.clone(), json(201, document("b"))]).await;
        let hurried = Access { timeout: Duration::from_millis(400), ..access() };
        let error = client_with(&server.url, &hurried).create(&body(), nothing()).await.unwrap_err();
        assert!(matches!(error, ApiError::Unclear { .. }), "{reply:?}: {error:?}");
        assert_eq!(server.calls(), ["POST /v1/users"], "{reply:?}");
    }
}

#[tokio::test]
async fn a_post_that_was_turned_away_is_repeated() {
    let server = Server::replies(vec![Reply::Answer(429, now(), String::new()), json(201, document("a"))]).await;
    let made = client(&server.url).create(&body(), nothing()).await.unwrap();
    assert_eq!(made.id().as_str(), "a");
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].body, body().as_json());
    assert!(requests[1].head.to_lowercase().contains("content-type: application/json\n"));

    let always = Server::replies(vec![Reply::Answer(429, now(), String::new())]).await;
    let error = client(&always.url).create(&body(), nothing()).await.unwrap_err();
    assert!(matches!(error, ApiError::NotSent { .. }), "{error:?}");
    assert_eq!(always.calls().len(), 3);
}

#[tokio::test]
async fn without_a_connection_surely_nothing_was_done() {
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = client(&format!("http://{address}/v1"));
    for error in
        [client.create(&body(), nothing()).await.unwrap_err(), client.user(&"a".into(), nothing()).await.unwrap_err()]
    {
        assert!(
            matches!(&error, ApiError::NotSent { problem, .. } if problem.contains("(tried 3 times)")),
            "{error:?}"
        );
    }
    for error in [
        client.update(&"a".into(), &body(), nothing()).await.unwrap_err(),
        client.delete(&"a".into(), &no_body()).await.unwrap_err(),
    ] {
        assert!(matches!(&error, ApiError::NotSent { again: Some(_), .. }), "{error:?}");
    }
}

/// Between two attempts somebody may have changed the user: whoever knows what to do then must decide.
#[tokio::test]
async fn put_and_delete_are_sent_once_and_say_whether_another_attempt_may_help() {
    let too_many = Reply::Answer(429, now(), String::new());
    for (reply, is_unclear, may_help) in [
        (Reply::Raw(String::new()), true, true),
        (json(502, ""), true, true),
        (too_many, false, true),
        // No plain success.
        (json(202, document("a")), true, false),
        (json(206, document("a")), true, false),
        (json(200, r#"{"errors":[{"detail":"half of it"}]}"#), true, false),
        (json(422, ""), false, false),
    ] {
        let server = Server::replies(vec![reply.clone()]).await;
        let client = client(&server.url);
        for error in [
            client.update(&"a".into(), &body(), nothing()).await.unwrap_err(),
            client.delete(&"a".into(), &no_body()).await.unwrap_err(),
        ] {
            let (unclear, again) = match error {
                ApiError::Unclear { again, .. } => (true, again),
                ApiError::NotSent { again, .. } => (false, again),
                ApiError::Refused(_) => (false, None),
                other => panic!("{reply:?}: {other:?}"),
            };
            assert_eq!((unclear, again.is_some()), (is_unclear, may_help), "{reply:?}");
        }
        assert_eq!(server.calls(), ["PUT /v1/users/a", "DELETE /v1/users/a"]);
    }
    let server = Server::replies(vec![json(200, document("a"))]).await;
    assert_eq!(
        client(&server.url).update(&"a".into(), &body(), nothing()).await.unwrap().unwrap().stored,
        resource("a")
    );
    assert_eq!(client(&server.url).delete(&"a".into(), &no_body()).await.unwrap(), Deleted::Now { kept: None });
}

#[tokio::test]
async fn a_proxys_page_removes_nobody() {
    for (body, is_done) in [("<html>Sign in</html>", false), ("{}", true), ("", true), (" \n", true)] {
        let server = Server::replies(vec![json(200, body)]).await;
        let deleted = client(&server.url).delete(&"a".into(), &no_body()).await;
        assert_eq!(deleted.is_ok(), is_done, "{body:?}: {deleted:?}");
    }
}

#[tokio::test]
async fn a_read_that_is_no_plain_success_is_none() {
    for reply in [json(206, document("a")), json(200, r#"{"data":{},"errors":[{"title":"no"}]}"#), json(204, "")] {
        let server = Server::replies(vec![reply.clone()]).await;
        let error = client(&server.url).user(&"a".into(), nothing()).await.unwrap_err();
        assert!(matches!(error, ApiError::Unclear { .. }), "{reply:?}: {error:?}");
    }
}

#[tokio::test]
async fn who_is_not_there() {
    let server = Server::replies(vec![json(404, r#"{"errors":[{"status":"404"}]}"#)]).await;
    let client = client(&server.url);
    assert_eq!(client.user(&"a".into(), nothing()).await.unwrap(), None);
    assert_eq!(client.update(&"a".into(), &body(), nothing()).await.unwrap(), None);
    assert_eq!(client.delete(&"a".into(), &no_body()).await.unwrap(), Deleted::AlreadyGone);
    assert_eq!(server.calls().len(), 3);
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong() {
    let error_of = async |status, body: &str| {
        let server = Server::replies(vec![json(status, body)]).await;
        let error = client(&server.url).create(&body_of_anna(), nothing()).await.unwrap_err();
        assert_eq!(server.calls().len(), 1);
        match error {
            ApiError::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    };
    let taken = r#"{"errors":[{"status":"422","code":"taken","title":"Invalid","detail":"has already been taken",
        "source":{"pointer":"/data/attributes/primary_email"}}]}"#;
    let refusal = error_of(422, taken).await;
    assert!(refusal.taken && refusal.status == 422);
    assert_eq!(refusal.errors[0].pointer.as_deref(), Some("/data/attributes/primary_email"));
    let shown = "the server refused it (422): Invalid: has already been taken (/data/attributes/primary_email)";
    assert_eq!(refusal.to_string(), shown);
    assert!(error_of(409, "").await.taken);
    assert!(!error_of(422, r#"{"errors":[{"detail":"is no choice"}]}"#).await.taken);
    let html = error_of(400, "<html>\r\n<h1>\u{1b}[31mBad\u{1b}[0m\u{7} gateway</h1>\u{202e}</html>").await;
    assert_eq!(html.to_string(), "the server refused it (400): <html> <h1>Bad gateway</h1></html>");
    let long = error_of(400, &"x".repeat(100_000)).await.to_string();
    assert!(long.len() < 400, "{}", long.len());
}

fn body_of_anna() -> Request {
    put(&resource("anna"), None)
}

#[tokio::test]
async fn a_refused_key_stops_a_write_at_once() {
    for status in [401, 403] {
        let server = Server::replies(vec![json(status, "")]).await;
        let error = client(&server.url).delete(&"a".into(), &no_body()).await.unwrap_err();
        assert!(matches!(error, ApiError::Credentials { .. }), "{error:?}");
        assert_eq!(server.calls().len(), 1);
    }
}

#[tokio::test]
async fn the_answer_must_be_about_the_user_who_was_asked_for() {
    let server = Server::replies(vec![json(200, document("b"))]).await;
    let error = client(&server.url).user(&"a".into(), nothing()).await.unwrap_err().to_string();
    assert!(error.contains(r#"asked for the user "a", it answered with "b""#), "{error}");
}

#[tokio::test]
async fn an_id_addresses_a_user_and_nothing_else() {
    let server = Server::replies(vec![json(404, "")]).await;
    let client = client(&server.url);
    assert_eq!(client.delete(&"../branches/1?x#y".into(), &no_body()).await.unwrap(), Deleted::AlreadyGone);
    assert_eq!(server.calls(), ["DELETE /v1/users/..%2Fbranches%2F1%3Fx%23y"]);
    for id in ["", ".", ".."] {
        let error = client.delete(&id.into(), &no_body()).await.unwrap_err();
        assert!(matches!(error, ApiError::NotSent { .. }), "{id:?}: {error:?}");
    }
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn what_the_tool_does_not_know_goes_back_to_the_letter() {
    let stored = r#"{"data":{"type":"users","id":"a","attributes":{"primary_email":"a@b","roles":["admin"],
        "salary":123456789012345678901234567890.25,"custom_fields":{"cf":1e400}},"relationships":{"delegate":{"data":null}}}}"#;
    let server = Server::replies(vec![json(200, stored)]).await;
    let client = client(&server.url);
    let read = client.user(&"a".into(), nothing()).await.unwrap().unwrap();
    client.update(&"a".into(), &put(&read.stored, Some("Berg")), nothing()).await.unwrap();
    let sent = &server.requests()[1].body;
    for part in [r#""salary":123456789012345678901234567890.25"#, r#""cf":1e400"#, r#""delegate":{"data":null}"#] {
        assert!(sent.contains(part), "{sent}");
    }
    assert!(!sent.contains("roles"), "{sent}");
}

#[tokio::test]
async fn one_that_is_told_to_slow_down_holds_everybody() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Answer(429, vec![("retry-after", "1".to_owned())], String::new()),
        _ => json(404, ""),
    })
    .await;
    let client = Arc::new(client_with(&server.url, &Access { max_in_flight: 1, ..access() }));
    let reads = ["a", "b"].map(|id| {
        let client = Arc::clone(&client);
        tokio::spawn(async move { client.user(&id.into(), nothing()).await })
    });
    for read in reads {
        assert_eq!(read.await.unwrap().unwrap(), None);
    }
    let arrivals = server.arrivals();
    assert_eq!(arrivals.len(), 3);
    assert!(arrivals[1..].iter().all(|later| *later - arrivals[0] >= Duration::from_secs(1)), "{arrivals:?}");
}

#[tokio::test]
async fn no_more_requests_at_once_than_allowed() {
    let server = Server::replies(vec![Reply::Late(Duration::from_millis(50), 404, String::new())]).await;
    let client = Arc::new(client_with(&server.url, &Access { max_in_flight: 2, ..access() }));
    let reads: Vec<_> = (0..8)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { client.user(&"a".into(), nothing()).await })
        })
        .collect();
    for read in reads {
        assert_eq!(read.await.unwrap().unwrap(), None);
    }
    assert_eq!((server.calls().len(), server.most_at_once()), (8, 2));
}
