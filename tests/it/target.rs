//! The client of Skovik's API against servers that are scripted for each rule.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod lists;
pub(crate) mod script;
mod secrets;
mod snapshots;
mod writes;

use std::path::Path;
use std::time::Duration;

use skovik_sync::config::{Access, Names, Settings, TargetKind};
use skovik_sync::employee::Managed;
use skovik_sync::plan::{Change, Field, Value};
use skovik_sync::provider::skovik::{Client, Skovik};
use skovik_sync::provider::{Dialect as _, Request, StoredUser};

const KEY: &str = "s3cret-k3y";

fn access() -> Access {
    Access {
        max_rows: 1000,
        list_timeout: Duration::from_secs(60),
        timeout: Duration::from_secs(20),
        retries: 2,
        ..Access::default()
    }
}

fn client(url: &str) -> Client {
    client_with(url, &access())
}

fn client_with(url: &str, access: &Access) -> Client {
    Client::new(&url.parse().unwrap(), KEY.into(), access, &Names::default()).unwrap()
}

/// The names that settings with these lines give.
fn names(lines: &str) -> Names {
    let settings = format!(
        "[target]\nkind = \"skovik\"\nurl = \"https://x.example/v1\"\n[target.names]\n{lines}\n\
         [[source]]\nname = \"hr\"\nkind = \"csv\"\npath = \"a.csv\"\nkey = \"nr\"\n\
         [employee]\nexternal_identifier = \"{{{{ hr.nr }}}}\"\nprimary_email = \"{{{{ hr.email }}}}\"\n\
         first_name = \"{{{{ hr.first }}}}\"\nlast_name = \"{{{{ hr.last }}}}\"\n"
    );
    match Settings::parse(&settings, Path::new("skovik-sync.toml")).unwrap().target.kind {
        TargetKind::Skovik(names) => names,
        TargetKind::Scim(_) => panic!("another kind"),
    }
}

/// A user as the API writes one.
fn user(id: &str) -> String {
    format!(r#"{{"type":"users","id":"{id}","attributes":{{"primary_email":"{id}@example.com"}}}}"#)
}

fn resource(id: &str) -> StoredUser {
    serde_json::from_str(&user(id)).unwrap()
}

/// What puts a user back as it was read, under another last name if one is given.
fn put(user: &StoredUser, last_name: Option<&str>) -> Request {
    let change = |name: &str| Change { field: Field::LastName, before: None, after: Some(Value::Text(name.into())) };
    Skovik::default().update_request(user, &last_name.map(change).into_iter().collect::<Vec<_>>()).unwrap()
}

/// No field that need not be.
fn nothing() -> &'static Managed {
    static NOTHING: Managed = Managed { branch: false, manager: false, custom_fields: Vec::new() };
    &NOTHING
}

/// A page of users, with these further members.
fn page(ids: &[&str], rest: &str) -> String {
    let rows: Vec<String> = ids.iter().map(|id| user(id)).collect();
    format!(r#"{{"data":[{}]{rest}}}"#, rows.join(","))
}
