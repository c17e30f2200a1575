//! Lists are whole, or they are refused.

use std::sync::Mutex;
use std::time::Duration;

use skovik_sync::config::Access;
use skovik_sync::employee::Managed;
use skovik_sync::provider::skovik::Client;
use skovik_sync::provider::{ApiError, ListError, Provider as _, Shape};

use super::script::{Reply, Server, json};
use super::{KEY, access, client, client_with, names, page};

async fn ids(client: &Client) -> Result<Vec<String>, ListError> {
    let users = client.users(&Managed::default(), &mut |_, _| Ok(()), &|_, _| ()).await?;
    Ok(users.users.iter().map(|user| user.id.to_string()).collect())
}

#[tokio::test]
async fn pages_are_followed_as_they_link_to_one_another() {
    let server = Server::replies(vec![
        json(200, page(&["c", "a"], r#","links":{"next":"/v1/users?cursor=x%2By"},"meta":{"total":4}"#)),
        json(200, page(&["d", "a"], r#","links":{"next":"?cursor=z#part"},"meta":{"total":4}"#)),
        json(200, page(&["b"], r#","links":{"next":null},"meta":{"total":4}"#)),
    ])
    .await;
    let told = Mutex::new(Vec::new());
    let progress = |count, total| told.lock().unwrap().push((count, total));
    let users = client(&server.url).users(&Managed::default(), &mut |_, _| Ok(()), &progress).await.unwrap();
    let ids: Vec<_> = users.users.iter().map(|user| user.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
    let calls = ["GET /v1/users", "GET /v1/users?cursor=x%2By", "GET /v1/users?cursor=z"];
    assert_eq!(server.calls(), calls);
    assert_eq!(told.into_inner().unwrap(), [(2, Some(4)), (3, Some(4)), (4, Some(4))]);
    let head = server.requests()[2].head.to_lowercase();
    for line in [
        "authorization: bearer s3cret-k3y",
        "accept: application/json, application/vnd.api+json",
        concat!("user-agent: skovik-sync/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(head.contains(line), "{head}");
    }
}

#[tokio::test]
async fn pages_without_links_are_counted_until_an_empty_one() {
    let server = Server::replies(vec![
        json(200, page(&["a", "b"], r#","meta":{"total":3}"#)),
        json(200, page(&["c"], r#","meta":{"total":3}"#)),
        json(200, page(&[], "")),
    ])
    .await;
    assert_eq!(ids(&client(&server.url)).await.unwrap(), ["a", "b", "c"]);
    assert_eq!(server.calls()[1..], ["GET /v1/users?page[number]=2", "GET /v1/users?page[number]=3"]);
}

/// Skovik is known to have cursors; if the answer has one, the list goes on from it.
#[tokio::test]
async fn cursors_are_followed() {
    let cursor = |after: &str| format!(r#","meta":{{"page":{{"after":{after}}},"total":3}}"#);
    let server = Server::replies(vec![
        json(200, page(&["a"], &cursor("\"x+y\""))),
        json(200, page(&["b"], &cursor("17"))),
        json(200, page(&["c"], &cursor("null"))),
    ])
    .await;
    let client = client_with(&server.url, &Access { page_size: 5, ..access() });
    assert_eq!(ids(&client).await.unwrap(), ["a", "b", "c"]);
    let calls = [
        "GET /v1/users?page[size]=5",
        "GET /v1/users?page[after]=x%2By&page[size]=5",
        "GET /v1/users?page[after]=17&page[size]=5",
    ];
    assert_eq!(server.calls(), calls);
}

/// Only a total is a proof; a list without one is read to its end, and that is said.
#[tokio::test]
async fn a_list_without_a_total_is_not_proven() {
    for (replies, proven) in [
        (vec![page(&["a"], r#","links":{"next":null},"meta":{"total":1}"#)], true),
        (vec![page(&["a"], r#","links":{"next":null}"#)], false),
        (vec![page(&["a"], r#","meta":{"page":{"after":null}}"#)], false),
        (vec![page(&["a"], r#","meta":{"page":{"after":"x"}}"#), page(&["b"], "")], false),
        (vec![page(&["a"], ""), page(&[], "")], false),
    ] {
        let server = Server::replies(replies.iter().map(|body| json(200, body.clone())).collect()).await;
        let listed = client(&server.url).users(&Managed::default(), &mut |_, _| Ok(()), &|_, _| ()).await.unwrap();
        assert_eq!(listed.unproven.is_empty(), proven, "{replies:?}");
    }
}

/// A server that knows no page numbers refuses them, or gives the first page again.
#[tokio::test]
async fn page_numbers_that_the_server_does_not_know_are_no_end() {
    let (some, all) = (page(&["a"], ""), page(&["a"], r#","meta":{"total":1}"#));
    for (first, second) in [(&all, json(400, "what?")), (&all, json(404, "")), (&all, json(200, all.clone()))] {
        let server = Server::replies(vec![json(200, first.clone()), second.clone()]).await;
        assert_eq!(ids(&client(&server.url)).await.unwrap(), ["a"], "{second:?}");
    }
    for second in [json(400, "what?"), json(200, some.clone())] {
        let server = Server::replies(vec![json(200, some.clone()), second.clone()]).await;
        let error = ids(&client(&server.url)).await.unwrap_err().to_string();
        let advice =
            "neither links.next nor meta.page.after says where the list goes on, and the server ignores page[number]";
        assert!(error.contains(advice), "{second:?}: {error}");
    }
    let server = Server::replies(vec![json(200, some)]).await;
    let names = names("page_number = \"\"");
    let client = Client::new(&server.url.parse().unwrap(), KEY.into(), &access(), &names).unwrap();
    assert_eq!(ids(&client).await.unwrap(), ["a"]);
    assert_eq!(server.calls(), ["GET /v1/users"]);
}

#[tokio::test]
async fn an_account_may_be_empty_and_need_not_tell_a_total() {
    for body in [page(&[], r#","links":{},"meta":{"total":0}"#), page(&[], r#","links":{"next":null}"#), page(&[], "")]
    {
        let server = Server::replies(vec![json(200, body)]).await;
        assert!(ids(&client(&server.url)).await.unwrap().is_empty());
        assert_eq!(server.calls().len(), 1);
    }
    let untold = Server::replies(vec![json(200, page(&["a"], r#","links":{}"#))]).await;
    assert_eq!(ids(&client(&untold.url)).await.unwrap(), ["a"]);
}

/// Pages that do not prove a complete list, and the message about each.
fn broken_lists() -> Vec<(Vec<String>, u64, &'static str)> {
    let next = |name: &str| format!(r#","links":{{"next":"/v1/users?p={name}"}}"#);
    let next_of_two = |name: &str| format!(r#"{},"meta":{{"total":2}}"#, next(name));
    let end = r#","links":{"next":null}"#;
    let row = |row: &str| format!(r#"{{"data":[{row}],"links":{{}}}}"#);
    let cursor = |after: &str| format!(r#","meta":{{"page":{{"after":"{after}"}}}}"#);
    vec![
        (
            vec![page(&["a"], r#","links":{},"meta":{"total":2}"#)],
            1,
            "ends after 1 different rows, but meta.total is 2",
        ),
        (
            vec![page(&["a", "b"], r#","links":{},"meta":{"total":1}"#)],
            1,
            "it has 2 different rows already, but meta.total is 1",
        ),
        (vec![page(&["a", "a"], r#","links":{},"meta":{"total":2}"#)], 1, "ends after 1 different rows"),
        (vec![page(&["a"], r#","meta":{"total":2}"#), page(&[], "")], 2, "ends after 1 different rows"),
        (
            vec![page(&["a"], &next_of_two("2")), page(&["b", "c"], r#","links":{},"meta":{"total":3}"#)],
            2,
            "meta.total was 2 and is 3 now",
        ),
        (vec![page(&["a"], &next("2")), page(&["b"], &next("2"))], 2, "leads back to /v1/users"),
        (
            vec![page(&["a"], &next("2")), page(&["b"], &next("3")), page(&["c"], &next("2"))],
            3,
            "leads back to /v1/users",
        ),
        (vec![page(&["a"], r#","links":{"next":"/v1/users"}"#)], 1, "leads back to /v1/users"),
        (vec![page(&["a"], &cursor("x")), page(&["b"], &cursor("x"))], 2, "meta.page.after leads back to /v1/users"),
        (vec![page(&["a"], ""), page(&["b"], &cursor("x"))], 2, "it has a cursor, but pages before it had none"),
        (vec![page(&["a"], r#","links":{"next":""}"#)], 1, "leads back to /v1/users"),
        (vec![page(&["a"], &next("2")), page(&["a"], &next("3"))], 2, "brings no new row after 1"),
        (vec![page(&["a"], &next("2")), page(&[], &next("3"))], 2, "brings no new row after 1"),
        (vec![page(&["a"], ""), page(&["a"], "")], 2, "brings no new row after 1"),
        (
            vec![page(&["a"], r#","links":{"next":"https://evil.example/v1/users"}"#)],
            1,
            "leads to https://evil.example",
        ),
        (vec![page(&["a"], r#","links":{"next":"//u:p@127.0.0.1/v1/users"}"#)], 1, "is not followed"),
        (vec![page(&["a"], r#","links":{"next":"http://[x"}"#)], 1, "links.next is not a URL"),
        (vec![page(&["a"], &next("2")), page(&["b"], "")], 2, "it has no links, but pages before it had"),
        (vec![page(&["a"], ""), page(&["b"], end)], 2, "it has links, but pages before it had none"),
        (vec![row(r#"{"type":"users","attributes":{"primary_email":"a@b"}}"#)], 1, "a row has no id"),
        (vec![row(r#"{"type":"teams","id":"a"}"#)], 1, r#"the row "a" has the type "teams""#),
        (vec![row(r#"{"type":"users","id":"a"}"#)], 1, r#"user "a": primary_email is missing"#),
        (vec![row("7")], 1, "a row is not a resource"),
        (
            vec![
                page(&["a"], &next("2")),
                row(r#"{"type":"users","id":"a","attributes":{"primary_email":"other@example.com"}}"#),
            ],
            2,
            r#"the row "a" comes again with other content"#,
        ),
        (
            vec![page(&["a"], r#","links":{},"errors":[{"detail":"a right was lost"}]"#)],
            1,
            "it answers 200, but with errors: a right was lost",
        ),
        (vec![page(&["a"], r#","links":{},"meta":{"total":1001}"#)], 1, "more than 1000 rows; raise `max_rows`"),
        (vec![page(&["a"], &next("2")), r#"{"errors":[]}"#.to_owned()], 2, "not a page of a list"),
        (vec![page(&["a"], &next("2")), r#"{"data":[{"type":"use"#.to_owned()], 2, "it is not JSON (tried 3 times)"),
    ]
}

/// A server that has ever more rows: under a total, beyond the limit of rows, and at a crawl.
#[tokio::test]
async fn a_list_that_never_ends_is_ended() {
    let endless = |more: &'static str, pause: u64| {
        Server::start(move |number, _| {
            let links = format!(r#","links":{{"next":"/v1/users?p={number}"}}{more}"#);
            let rows = [format!("u{number}"), format!("v{number}")];
            Reply::Late(Duration::from_millis(pause), 200, page(&[&rows[0], &rows[1]], &links))
        })
    };
    for (more, pause, limits, expected, most) in [
        (
            r#","meta":{"total":150}"#,
            0,
            (1_000, 60_000),
            "it has 151 different rows already, but meta.total is 150",
            76,
        ),
        ("", 0, (100, 60_000), "it has more than 100 rows", 51),
        ("", 20, (1_000_000, 200), "not complete after 200ms; raise `list_timeout`", 10),
    ] {
        let server = endless(more, pause).await;
        let (max_rows, limit) = limits;
        let limited = Access { max_rows, list_timeout: Duration::from_millis(limit), ..access() };
        let problem = match ids(&client_with(&server.url, &limited)).await {
            Err(ListError::Incomplete { problem, .. }) => problem,
            other => panic!("{other:?}"),
        };
        assert!(problem.contains(expected), "{problem}");
        assert!(server.calls().len() <= most, "{} requests", server.calls().len());
    }
}

#[tokio::test]
async fn a_list_that_is_not_proven_whole_is_refused() {
    for (bodies, page, expected) in broken_lists() {
        let shown = format!("{bodies:?}");
        let server = Server::replies(bodies.into_iter().map(|body| json(200, body)).collect()).await;
        match ids(&client(&server.url)).await {
            Err(ListError::Incomplete { page: found, problem, .. }) => {
                assert!(found == page && problem.contains(expected), "{shown}: page {found}: {problem}");
            }
            other => panic!("{shown}: {other:?}"),
        }
    }
}

/// Without a total in its pages, what the headers say counts.
#[tokio::test]
async fn a_list_is_not_whole_if_its_headers_say_so() {
    let end = r#","links":{"next":null}"#;
    for (name, value, expected) in [
        ("Content-Range", "users 0-0/31", "`content-range` says 31"),
        ("X-Total-Count", "2", "`x-total-count` says 2"),
        ("Link", "</v1/users?page=2>; rel=\"next\"", "`link` names a next page"),
    ] {
        let answer = |rest: &str| Reply::Answer(200, vec![(name, value.to_owned())], page(&["a"], rest));
        let server = Server::replies(vec![answer(end)]).await;
        let error = ids(&client(&server.url)).await.unwrap_err().to_string();
        assert!(error.contains("incomplete: page 1: ") && error.contains(expected), "{error}");
        let server = Server::replies(vec![answer(r#","links":{"next":null},"meta":{"total":1}"#)]).await;
        assert_eq!(ids(&client(&server.url)).await.unwrap(), ["a"], "the total of the list itself counts");
    }
    for (name, value) in [("Content-Range", "users 0-0/1"), ("X-Total-Count", "1"), ("Link", "</x>; rel=\"prev\"")] {
        let whole = Reply::Answer(200, vec![(name, value.to_owned())], page(&["a"], end));
        assert_eq!(ids(&client(&Server::replies(vec![whole]).await.url)).await.unwrap(), ["a"], "{name}");
    }
}

#[tokio::test]
async fn a_page_that_fails_is_a_hole() {
    let first = json(200, page(&["a"], r#","links":{"next":"/v1/users?p=2"}"#));
    for (reply, expected) in [
        (json(500, ""), "it answers 500: no reason given (tried 3 times)"),
        (json(404, "gone"), "the server refused it (404): gone"),
        (Reply::Raw(String::new()), "(tried 3 times)"),
    ] {
        let server = Server::replies(vec![first.clone(), reply]).await;
        let error = ids(&client(&server.url)).await.unwrap_err().to_string();
        assert!(error.starts_with("the list of users is incomplete: page 2: ") && error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let good = json(200, page(&["a"], r#","links":{}"#));
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"data\":[";
    let chunk_cut = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"da\r\n";
    let in_the_past = || vec![("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT".to_owned())];
    for bad in [
        json(500, "<html>"),
        json(503, ""),
        json(408, ""),
        json(200, "<html>a proxy's greeting</html>"),
        json(200, ""),
        Reply::Answer(429, in_the_past(), String::new()),
        Reply::Answer(503, in_the_past(), String::new()),
        Reply::Raw(String::new()),
        Reply::Raw(cut.to_owned()),
        Reply::Raw(chunk_cut.to_owned()),
        Reply::Raw("SSH-2.0-OpenSSH\r\n".to_owned()),
    ] {
        let server = Server::replies(vec![bad.clone(), good.clone()]).await;
        assert_eq!(ids(&client(&server.url)).await.unwrap(), ["a"], "{bad:?}");
        assert_eq!(server.calls().len(), 2, "{bad:?}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_times_out() {
    let server = Server::replies(vec![Reply::Hang]).await;
    let client = client_with(&server.url, &Access { timeout: Duration::from_millis(500), retries: 1, ..access() });
    let error = ids(&client).await.unwrap_err().to_string();
    assert!(error.contains("timed out") && error.contains("(tried 2 times)"), "{error}");
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let server =
        Server::replies(vec![Reply::Raw("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{".to_owned())]).await;
    let error = ids(&client(&server.url)).await.unwrap_err().to_string();
    assert!(error.contains("larger than 64 MiB"), "{error}");

    let endless = format!("HTTP/1.1 200 OK\r\n\r\n[{}", " ".repeat(65 * 1024 * 1024));
    let server = Server::replies(vec![Reply::Raw(endless)]).await;
    let client = client_with(&server.url, &Access { retries: 0, ..access() });
    let error = ids(&client).await.unwrap_err().to_string();
    assert!(error.contains("larger than 64 MiB"), "{error}");
}

#[tokio::test]
async fn a_list_has_a_size() {
    let padding = " ".repeat(30 << 20);
    let replies = ["a", "b", "c"].map(|id| json(200, page(&[id], &format!(r#","meta":{{"total":6}}{padding}"#))));
    let server = Server::replies(replies.into()).await;
    let client = client_with(&server.url, &Access { max_rows: 6, ..access() });
    let error = ids(&client).await.unwrap_err().to_string();
    assert!(error.contains("page 3: the list is larger than 64 MiB, more than its rows can need"), "{error}");
}

#[tokio::test]
async fn a_refused_key_stops_at_once() {
    for status in [401, 403] {
        let body = r#"{"errors":[{"title":"Unauthorized","detail":"the key s3cret-k3y has expired"}]}"#;
        let server = Server::replies(vec![json(status, body)]).await;
        let error = ids(&client(&server.url)).await.unwrap_err();
        assert!(matches!(&error, ListError::Credentials { error: ApiError::Credentials { .. }, .. }), "{error:?}");
        assert!(error.to_string().contains("the key [key] has expired"), "{error}");
        assert_eq!(server.calls().len(), 1);
    }
}

#[tokio::test]
async fn branches_and_custom_fields_are_lists_too() {
    let server = Server::start(|_, request| {
        let body = if request.target == "/v1/branches" {
            r#"{"data":[{"type":"branches","id":"b2"},{"type":"branches","id":"b1"}],"links":{}}"#
        } else if request.target == "/v1/custom_fields" {
            r#"{"data":[{"type":"custom-fields","id":"c1","attributes":{"field_type":"boolean"}}],"links":{}}"#
        } else {
            "{}"
        };
        json(200, body)
    })
    .await;
    let Shape { branches, custom_fields, unproven } = client(&server.url).shape().await.unwrap();
    assert_eq!(branches.iter().map(|branch| branch.id.as_str()).collect::<Vec<_>>(), ["b1", "b2"]);
    assert_eq!(custom_fields.len(), 1);
    assert_eq!(unproven, ["branches", "custom fields"]);
    let truncated =
        Server::replies(vec![json(200, r#"{"data":[{"type":"branches","id":"b"}],"links":{},"meta":{"total":2}}"#)]);
    let error = client(&truncated.await.url).shape().await.unwrap_err().to_string();
    assert!(error.starts_with("the list of branches is incomplete: page 1: "), "{error}");
}
