//! The second door, `/scim/v2`, asked over HTTP as any client would.

mod both_doors;
mod lists;
mod modes;
mod patch;
mod tester;
mod writes;

use serde_json::{Value, json};
use skovik_sync::sandbox::{Options, ScimModes};

use super::{Answer, Sandbox, company};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const SKOVIK: &str = "urn:ietf:params:scim:schemas:extension:skovik:2.0:User";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

impl Sandbox {
    /// One in these modes of `/scim/v2` that holds [`company`].
    async fn scim_modes(scim: ScimModes) -> Self {
        Self::start(Options { account: company(), scim, ..Options::default() }).await
    }

    /// Sends a request to `/scim/v2`, with a JSON body unless it is null.
    async fn scim(&self, method: &str, path: &str, body: Value) -> Answer {
        let mut request = self.scim_request(method, path);
        if !body.is_null() {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        Answer::read(request).await.expect("an answer")
    }

    fn scim_request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.client.request(method, format!("{}{path}", self.server.scim_url())).bearer_auth("secret-key")
    }

    async fn scim_get(&self, path: &str) -> Answer {
        self.scim("GET", path, Value::Null).await
    }

    /// Asks for a user who is there.
    async fn scim_user(&self, id: &str) -> Value {
        let answer = self.scim_get(&format!("/Users/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Sends these operations.
    async fn patch(&self, id: &str, operations: Value) -> Answer {
        let body = json!({"schemas": [PATCH_OP], "Operations": operations});
        self.scim("PATCH", &format!("/Users/{id}"), body).await
    }

    /// The ids of a list whose filter is this text.
    async fn found(&self, filter: &str) -> Result<Vec<String>, String> {
        let url = reqwest::Url::parse_with_params(&format!("{}/Users", self.server.scim_url()), [("filter", filter)]);
        let request = self.client.get(url.expect("a URL")).bearer_auth("secret-key");
        let answer = Answer::read(request).await.expect("an answer");
        if answer.status == 200 { Ok(ids(&answer.json())) } else { Err(answer.scim_problem()) }
    }
}

impl Answer {
    /// The status, `scimType` and detail of an error, whose shape is checked.
    fn scim_problem(&self) -> String {
        let error = self.json();
        assert_eq!(error["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{}", self.text);
        assert_eq!(error["status"], json!(self.status.to_string()));
        assert_eq!(self.headers["content-type"], "application/scim+json");
        let detail = error["detail"].as_str().expect("a detail");
        match error["scimType"].as_str() {
            Some(kind) => format!("{} {kind}: {detail}", self.status),
            None => format!("{}: {detail}", self.status),
        }
    }
}

fn ids(list: &Value) -> Vec<String> {
    let rows = list["Resources"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

/// A POST body for a good new user of [`company`].
fn scim_newcomer() -> Value {
    json!({"schemas": [CORE, ENTERPRISE, SKOVIK],
           "userName": "dag@example.com", "externalId": "1004", "active": true,
           "name": {"givenName": "Dag", "familyName": "Ek"},
           ENTERPRISE: {"division": "NO01", "manager": {"value": "u1"}},
           SKOVIK: {"custom_field1": "4200", "custom_field3": "true"}})
}
