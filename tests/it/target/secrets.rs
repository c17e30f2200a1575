//! The key reaches the configured server and nothing else.

use std::io;
use std::sync::{Arc, Mutex};

use skovik_sync::config::Access;
use skovik_sync::employee::Managed;
use skovik_sync::provider::{ApiError, Provider as _};
use tracing_subscriber::fmt::MakeWriter;

use super::script::{Reply, Server, json};
use super::{KEY, access, client, client_with, nothing, page, put, resource};

#[tokio::test]
async fn redirects_are_refused_and_the_other_host_sees_nothing() {
    let other = Server::replies(vec![json(200, page(&[], ""))]).await;
    for status in [301, 302, 303, 307, 308] {
        let headers = vec![("location", format!("{}/users?key={KEY}", other.url))];
        let server = Server::replies(vec![Reply::Answer(status, headers, String::new())]).await;
        let client = client(&server.url);
        let error = client.user(&"a".into(), nothing()).await.unwrap_err();
        assert!(matches!(&error, ApiError::Refused(refusal) if refusal.status == status), "{error:?}");
        let expected = format!("it redirects to {}", other.url.trim_end_matches("/v1"));
        assert!(error.to_string().contains(&expected) && !error.to_string().contains(KEY), "{error}");
        let body = put(&resource("a"), None);
        let write = client.update(&"a".into(), &body, nothing()).await.unwrap_err();
        assert!(matches!(write, ApiError::Unclear { .. }), "{write:?}");
        assert!(client.users(&Managed::default(), &mut |_, _| Ok(()), &|_, _| ()).await.is_err());
        assert_eq!(server.calls().len(), 3);
    }
    assert!(other.calls().is_empty(), "{:?}", other.calls());
}

#[tokio::test]
async fn a_next_page_elsewhere_is_not_followed() {
    let other = Server::replies(vec![json(200, page(&["b"], r#","links":{}"#))]).await;
    let links = format!(r#","links":{{"next":"{}/users?p=2"}}"#, other.url);
    let server = Server::replies(vec![json(200, page(&["a"], &links))]).await;
    assert!(client(&server.url).users(&Managed::default(), &mut |_, _| Ok(()), &|_, _| ()).await.is_err());
    assert!(other.calls().is_empty(), "{:?}", other.calls());
}

#[tokio::test]
async fn header_and_scheme_of_the_key_can_be_chosen() {
    for (header, scheme, expected) in
        [("X-Api-Key", "", "x-api-key: s3cret-k3y\n"), ("Authorization", "Token", "authorization: Token s3cret-k3y\n")]
    {
        let server = Server::replies(vec![json(404, "")]).await;
        let chosen = Access { auth_header: header.to_owned(), auth_scheme: scheme.to_owned(), ..access() };
        client_with(&server.url, &chosen).user(&"a".into(), nothing()).await.unwrap();
        let head = &server.requests()[0].head;
        assert!(head.contains(expected), "{head}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_and_no_error_shows_the_key() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // Who comes first to a place that logs decides for everybody whether it does, and that may be another test, which has
    // no log: so come there once, and have it decided again.
    let server = Server::replies(vec![json(404, "")]).await;
    client(&server.url).user(&"a".into(), nothing()).await.unwrap();
    tracing::callsite::rebuild_interest_cache();
    let echo = format!("no such thing as Bearer {KEY}, {KEY}!");
    let errors =
        format!(r#"{{"errors":[{{"code":"{KEY}","title":"{KEY}","detail":"{KEY}","source":{{"pointer":"{KEY}"}}}}]}}"#);
    let next = format!(r#","links":{{"next":"https://{KEY}.example/{KEY}"}}"#);
    let odd_row = format!(r#"{{"data":[{{"type":"{KEY}","id":"{KEY}"}}],"links":{{}}}}"#);
    let mut shown = String::new();
    for reply in [
        json(400, echo.clone()),
        json(401, echo.clone()),
        json(500, echo.clone()),
        json(422, errors.clone()),
        json(403, errors),
        json(200, echo.clone()),
        json(200, format!(r#""{echo}""#)),
        json(200, page(&[KEY], "")),
        json(200, page(&["a"], &next)),
        json(200, odd_row),
        Reply::Raw(format!("{echo}\r\n\r\n")),
    ] {
        let server = Server::replies(vec![reply]).await;
        let client = client_with(&server.url, &Access { retries: 1, ..access() });
        let body = put(&resource("a"), None);
        let list = client.users(&Managed::default(), &mut |_, _| Ok(()), &|_, _| ()).await.unwrap_err();
        let create = client.create(&body, nothing()).await.unwrap_err();
        let read = client.user(&"a".into(), nothing()).await.unwrap_err();
        shown += &format!("{list} {list:?} {create} {create:?} {read} {read:?} {client:?}\n");
    }
    assert!(shown.contains("[key]") && !shown.contains(KEY), "{shown}");
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("path=\"/v1/users/a\"") && log.contains("status=401"), "{log}");
    assert!(!log.contains(KEY), "{log}");
}
