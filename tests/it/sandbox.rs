//! The simulator of Skovik's API, called over HTTP like any client does.

mod faults;
mod lists;
mod program;
mod scim;
mod writes;

use std::time::Duration;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use skovik_sync::provider::snapshot::{Item, Writer};
use skovik_sync::sandbox::{Account, Options, Server};

/// A running sandbox and a client of it.
struct Sandbox {
    server: Server,
    client: reqwest::Client,
}

/// What was answered.
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Sandbox {
    async fn start(options: Options) -> Self {
        Self { server: Server::start(options).await.expect("it starts"), client: client() }
    }

    /// One that holds [`company`].
    async fn company() -> Self {
        Self::start(Options { account: company(), ..Options::default() }).await
    }

    /// One with these fault rules that holds [`company`].
    async fn faulty(rules: &[&str]) -> Self {
        let faults = rules.iter().map(|rule| rule.parse().expect("a good rule")).collect();
        Self::start(Options { account: company(), faults, ..Options::default() }).await
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.client.request(method, format!("{}{path}", self.server.url())).bearer_auth("secret-key")
    }

    /// Sends a request with a JSON body, or without one if it is null.
    async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        self.try_ask(method, path, body).await.expect("an answer")
    }

    async fn try_ask(&self, method: &str, path: &str, body: Value) -> reqwest::Result<Answer> {
        let mut request = self.request(method, path);
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        Answer::read(request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, Value::Null).await
    }

    /// Asks for a user who is there.
    async fn user(&self, id: &str) -> Value {
        let answer = self.get(&format!("/users/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["data"].clone()
    }
}

impl Answer {
    async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, text: response.text().await? })
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The pointers (or parameters) and codes of the problems that it tells.
    fn problems(&self) -> Vec<(String, String)> {
        let errors = self.json()["errors"].as_array().expect("error objects").clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let problem = |error: &Value| {
            assert_eq!(error["status"], json!(self.status.to_string()));
            assert!(!text(&error["detail"]).is_empty() && !text(&error["title"]).is_empty());
            let source = &error["source"];
            (text(source.get("pointer").unwrap_or(&source["parameter"])), text(&error["code"]))
        };
        errors.iter().map(problem).collect()
    }
}

fn client() -> reqwest::Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.timeout(Duration::from_secs(30)).build().expect("a client")
}

/// A snapshot of these branches, custom fields and users.
fn snapshot(branches: &[Value], custom_fields: &[Value], users: &[Value]) -> Vec<u8> {
    let raw = |value: &Value| -> Box<RawValue> { to_raw_value(value).expect("JSON") };
    let mut writer = Writer::new(Vec::new(), "http://127.0.0.1:1/v1").expect("written");
    for branch in branches {
        writer.item(Item::Branch(&raw(branch))).expect("written");
    }
    for field in custom_fields {
        writer.item(Item::CustomField(&raw(field))).expect("written");
    }
    for user in users {
        writer.item(Item::User(&raw(user))).expect("written");
    }
    writer.finish().expect("written").0
}

fn branch(id: &str, identifier: &str) -> Value {
    json!({"type": "branches", "id": id, "attributes": {"name": id, "external_identifier": identifier}})
}

fn custom_field(id: &str, field_type: &str, options: &[&str]) -> Value {
    let options: Vec<Value> = options.iter().map(|value| json!({"label": value, "value": value})).collect();
    json!({"type": "custom-fields", "id": id,
           "attributes": {"name": id, "field_type": field_type, "options": options}})
}

fn seed_user(id: &str, identifier: &str, first_name: &str, manager: Option<&str>) -> Value {
    let email = format!("{}@example.com", first_name.to_lowercase());
    json!({"type": "users", "id": id,
           "attributes": {"primary_email": email, "external_identifier": identifier, "first_name": first_name,
                          "last_name": "Berg", "roles": ["employee"],
                          "custom_fields": {"cf_cost": "4100", "cf_note": "hello"}, "external_metadata": {"k": "v"}},
           "relationships": {"manager": {"data": manager.map(|id| json!({"type": "users", "id": id}))},
                             "branch": {"data": {"type": "branches", "id": "br_se"}}}})
}

/// Two branches, three custom fields; Anna (u1) leads Bo (u2) and Cleo (u3).
fn company_snapshot() -> Vec<u8> {
    snapshot(
        &[branch("br_se", "SE01"), branch("br_no", "NO01")],
        &[
            custom_field("cf_cost", "multiple_choice", &["4100", "4200"]),
            custom_field("cf_note", "text", &[]),
            custom_field("cf_car", "boolean", &[]),
        ],
        &[
            seed_user("u1", "1001", "Anna", None),
            seed_user("u2", "1002", "Bo", Some("u1")),
            seed_user("u3", "1003", "Cleo", Some("u1")),
        ],
    )
}

fn company() -> Account {
    Account::load(&*company_snapshot()).expect("a good seed")
}

/// A POST body for a good new user of [`company`].
fn newcomer() -> Value {
    json!({"data": {"type": "users",
        "attributes": {"primary_email": "dag@example.com", "external_identifier": "1004", "first_name": "Dag",
                       "last_name": "Ek", "custom_fields": {"cf_cost": "4200", "cf_car": true}},
        "relationships": {"manager": {"data": {"type": "users", "id": "u1"}},
                          "branch": {"data": {"type": "branches", "id": "br_no"}}}}})
}

/// A user as read, as a PUT body: without the roles.
fn as_sent(user: &Value) -> Value {
    let mut user = user.clone();
    user["attributes"].as_object_mut().expect("attributes").remove("roles");
    json!({"data": user})
}
