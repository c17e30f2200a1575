#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::value::RawValue;

use super::*;
use crate::exit::status_of;
use crate::provider::skovik::Skovik;
use crate::provider::snapshot::Writer;

const URL: &str = "https://api.skovik.com/v1";

fn write(items: &[(&str, &str)]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = Writer::new(file, URL).unwrap();
    for (kind, json) in items {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        let item = match *kind {
            "branch" => Item::Branch(raw),
            "field" => Item::CustomField(raw),
            _ => Item::User(raw),
        };
        writer.item(item).unwrap();
    }
    writer.finish().unwrap().0
}

const B1: (&str, &str) = ("branch", r#"{"type":"branches","id":"b1","attributes":{"name":"One"}}"#);
const B2: (&str, &str) = ("branch", r#"{"type":"branches","id":"b2"}"#);
const C1: (&str, &str) = ("field", r#"{"type":"custom-fields","id":"c1","attributes":{"field_type":"text"}}"#);
const U1: (&str, &str) = (
    "user",
    r#"{"type":"users","id":"u1","attributes":{"primary_email":"a@b","custom_fields":{"c1":123456789012345678901234567890}}}"#,
);
const U2: (&str, &str) = ("user", r#"{"type":"users","id":"u2","attributes":{"primary_email":"c@d"}}"#);

#[tokio::test]
async fn a_snapshot_serves_as_an_account() {
    let file = write(&[B2, B1, C1, U2, U1]);
    let account = Account::Snapshot {
        path: file.path().to_owned(),
        account: "https://api.skovik.com/v1/".to_owned(),
        dialect: std::sync::Arc::new(Skovik::default()),
    };
    let shape = account.shape().await.unwrap();
    assert_eq!(shape.branches.iter().map(|branch| branch.id.as_str()).collect::<Vec<_>>(), ["b1", "b2"]);
    let managed = Managed { custom_fields: vec![shape.custom_fields[0].id.clone()], ..Managed::default() };
    let users = account.users(&managed, &|_, _| ()).await.unwrap();
    let directory = shape.with_users(users);
    let ids: Vec<_> = directory.users.iter().map(|user| user.id.as_str()).collect();
    assert_eq!(ids, ["u1", "u2"]);
    let value = directory.users[0].custom_fields[0].as_ref().unwrap();
    assert_eq!(value.to_string(), "123456789012345678901234567890");
}

#[test]
fn what_makes_a_snapshot_unusable() {
    let managed = Managed::default();
    let wrong_user = ("user", r#"{"type":"users","id":"u3","attributes":{}}"#);
    for (items, expected) in [
        (vec![B1, U1, U1], "holds the id \"u1\" twice"),
        (vec![U1, wrong_user], "line 3: user \"u3\": primary_email is missing"),
    ] {
        let error = users_from_snapshot(write(&items).path(), URL, &Skovik::default(), &managed).unwrap_err();
        assert!(format!("{error:#}").contains(expected), "{error:#}");
        assert_eq!(status_of(&error), ExitStatus::Untrusted);
    }
    for items in [vec![B1, B1], vec![C1, C1]] {
        let error = shape_from_snapshot(write(&items).path(), URL, &Skovik::default()).unwrap_err();
        assert!(format!("{error:#}").contains("twice"), "{error:#}");
        assert_eq!(status_of(&error), ExitStatus::Untrusted);
    }
    let missing = shape_from_snapshot(Path::new("/nowhere/users.jsonl"), URL, &Skovik::default()).unwrap_err();
    assert_eq!(status_of(&missing), ExitStatus::Untrusted);
}

#[test]
fn a_cut_snapshot_is_not_trusted() {
    let file = write(&[B1, U1]);
    let text = std::fs::read_to_string(file.path()).unwrap();
    let cut = text.trim_end().rsplit_once('\n').unwrap().0;
    std::fs::write(file.path(), format!("{cut}\n")).unwrap();
    let error = users_from_snapshot(file.path(), URL, &Skovik::default(), &Managed::default()).unwrap_err();
    assert_eq!(status_of(&error), ExitStatus::Untrusted);
    assert!(format!("{error:#}").contains("truncated or altered"), "{error:#}");
}

#[test]
fn a_snapshot_of_another_account_is_wrong_usage() {
    let file = write(&[B1]);
    for other in
        ["https://api.skovik.com/v2", "https://example.com/v1", "http://127.0.0.1/v1", "https://api.skovik.com/v1#acme"]
    {
        let error = shape_from_snapshot(file.path(), other, &Skovik::default()).unwrap_err();
        assert_eq!(status_of(&error), ExitStatus::Usage, "{other}");
    }
}
