#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use secrecy::SecretString;

use super::*;
use crate::http::Redactor;
use crate::provider::access::key_header;

const KEY: &str = "s3cret-k3y";

fn client(url: &str, key: &str, access: &Access) -> Result<Client, ClientError> {
    Client::new(&url.parse().unwrap(), key.into(), access, &Names::default())
}

#[test]
fn an_impossible_key_is_refused_without_showing_it() {
    for key in ["", "s3cret-k3y\n", "s3cret k3y", "s3cret-k3y\u{e9}", "s3cret\0k3y"] {
        let error = client("http://127.0.0.1:1", key, &Access::default()).unwrap_err();
        assert!(matches!(error, ClientError::Key), "{key:?}: {error}");
        assert!(!format!("{error} {error:?}").contains("k3y"), "{error:?}");
    }
}

#[test]
fn header_and_scheme_must_be_possible() {
    let made = |access| client("http://127.0.0.1:1", KEY, &access);
    let bad_name = Access { auth_header: "X Key".to_owned(), ..Access::default() };
    assert!(matches!(made(bad_name), Err(ClientError::HeaderName(name)) if name == "X Key"));
    let bad_scheme = Access { auth_scheme: "Bearer\r\nHost: x".to_owned(), ..Access::default() };
    assert!(matches!(made(bad_scheme), Err(ClientError::HeaderScheme)));
}

#[test]
fn nothing_shows_the_key() {
    let header = key_header("Authorization", "Bearer", &KEY.into()).unwrap();
    assert!(!format!("{header:?}").contains(KEY));
    let client = client("http://localhost:1/v1", KEY, &Access::default()).unwrap();
    let shown = format!("{client:?}");
    assert!(!shown.contains(KEY) && shown.contains("http://localhost:1/v1"), "{shown}");
}

#[test]
fn a_refusal_reads_well() {
    let redactor = Redactor::from(SecretString::from("s3cret-key"));
    let refusal = |status, body: &[u8]| call::refusal(&redactor, status, body);
    let body = r#"{"errors":[{"title":"Taken","detail":"s3cret-key is\n taken","source":{"pointer":"/data"}},{"code":"x"},{}]}"#;
    let taken = refusal(422, body.as_bytes());
    let expected = "the server refused it (422): Taken: [key] is taken (/data); x; no reason given";
    assert!(taken.taken);
    assert_eq!(taken.to_string(), expected);
    let html = refusal(400, b"<h1>Bad\xff\n</h1>").to_string();
    assert_eq!(html, "the server refused it (400): <h1>Bad\u{fffd} </h1>");
    assert_eq!(refusal(400, b"").to_string(), "the server refused it (400)");
}
