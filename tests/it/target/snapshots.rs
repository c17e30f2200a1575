//! Saving an account, and reading it again.

use skovik_sync::commands::snapshot::write_snapshot;
use skovik_sync::employee::Managed;
use skovik_sync::exit::{ExitStatus, status_of};
use skovik_sync::provider::skovik::Skovik;
use skovik_sync::provider::{Account, fingerprint};

use super::client;
use super::script::{Reply, Request, Server, json};

fn account(_: usize, request: &Request) -> Reply {
    let rows = if request.target.starts_with("/v1/branches") {
        r#"{"type":"branches","id":"b1","attributes":{"name":"Example AB","external_identifier":"SE01"}}"#
    } else if request.target.starts_with("/v1/custom_fields") {
        r#"{"type":"custom-fields","id":"cf","attributes":{"name":"Cost center","field_type":"text"}}"#
    } else {
        r#"{"type":"users","id":"u2","attributes":{"primary_email":"c@d"}},
           {"type":"users","id":"u1", "attributes":{"primary_email":"a@b","secret":123456789012345678901234567890,
            "custom_fields":{"cf":"4100"}}}"#
    };
    json(200, format!(r#"{{"data":[{rows}],"links":{{}}}}"#))
}

#[tokio::test]
async fn a_snapshot_stands_for_the_account() {
    let server = Server::start(account).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.jsonl");
    let counts = write_snapshot(&client(&server.url), &server.url, &path, &|_, _| ()).await.unwrap();
    assert_eq!((counts.branches, counts.custom_fields, counts.users), (1, 1, 2));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(r#""secret":123456789012345678901234567890"#), "{text}");
    assert_eq!(text.lines().count(), 6);

    let managed = Managed { custom_fields: vec!["cf".into()], ..Managed::default() };
    let account = server.url.clone();
    let mut fingerprints = Vec::new();
    for account in [
        Account::Live(Box::new(client(&server.url))),
        Account::Snapshot { path: path.clone(), account, dialect: std::sync::Arc::new(Skovik::default()) },
    ] {
        let shape = account.shape().await.unwrap();
        let users = account.users(&managed, &|_, _| ()).await.unwrap();
        let directory = shape.with_users(users);
        assert_eq!(directory.users.len(), 2);
        fingerprints.push(fingerprint(&directory, &managed));
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
}

#[tokio::test]
async fn a_snapshot_that_fails_leaves_nothing() {
    let server = Server::start(|number, request| match number {
        0 | 1 => account(number, request),
        _ => json(200, r#"{"data":[],"links":{},"meta":{"total":1}}"#),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.jsonl");
    let error = write_snapshot(&client(&server.url), &server.url, &path, &|_, _| ()).await.unwrap_err();
    assert_eq!(status_of(&error), ExitStatus::Untrusted);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(server.calls().len(), 3);
}

#[tokio::test]
async fn a_live_account_that_cannot_be_trusted_is_exit_4() {
    let server = Server::replies(vec![json(401, "")]).await;
    let account = Account::Live(Box::new(client(&server.url)));
    assert_eq!(status_of(&account.shape().await.unwrap_err()), ExitStatus::Untrusted);
    let users = account.users(&Managed::default(), &|_, _| ()).await;
    assert_eq!(status_of(&users.unwrap_err()), ExitStatus::Untrusted);
}
