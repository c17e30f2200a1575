//! Independent SCIM servers that keep their users in memory: scim2-server from PyPI, and scimmy from npm.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::web::Request;
use super::{Server, free_port, installed, program, takes_connections};

/// The token that it takes.
pub(crate) const TOKEN: &str = "scim-s3cret/0123456789==";

/// A server without users.
pub(crate) struct Scim {
    server: Server,
    port: u16,
    /// The path of its base URL.
    base: &'static str,
}

impl Scim {
    /// Starts one that gives at most so many users in one page.
    pub(crate) fn start(most: usize) -> Self {
        Self::that(most, true, true)
    }

    /// The same; it says whether it can PATCH, and whether it has versions.
    pub(crate) fn that(most: usize, patches: bool, has_versions: bool) -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a folder");
        let config = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": {"supported": patches}, "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": true, "maxResults": most}, "changePassword": {"supported": false},
            "sort": {"supported": true}, "etag": {"supported": has_versions}, "authenticationSchemes": []
        });
        fs::write(folder.path().join("config.json"), config.to_string()).expect("written");
        let port_text = port.to_string();
        let arguments = ["--hostname", "127.0.0.1", "--port", &port_text, "--bearer-token", TOKEN];
        let arguments = [&arguments[..], &["--service-provider-config", "config.json"]].concat();
        let server =
            Server::start(folder, &installed("scim2-server/bin/scim2-server"), &arguments, || takes_connections(port));
        Self { server, port, base: "/v2" }
    }

    /// Starts scimmy, which has no versions.
    pub(crate) fn scimmy() -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a folder");
        let installed = installed("scimmy/server.mjs");
        let arguments = [installed.to_str().expect("a path of text"), &port.to_string(), TOKEN];
        let server = Server::start(folder, &program("node"), &arguments, || takes_connections(port));
        Self { server, port, base: "/scim/v2" }
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.base)
    }

    /// Makes a user, and gives the id.
    pub(crate) fn create(&self, user: &Value) -> String {
        let made = self.ask("POST", "/Users", &user.to_string(), 201);
        made["id"].as_str().expect("an id").to_owned()
    }

    /// All users, a page at a time.
    pub(crate) fn users(&self) -> Vec<Value> {
        let mut users: Vec<Value> = Vec::new();
        loop {
            let page = self.ask("GET", &format!("/Users?startIndex={}&count=200&sortBy=id", users.len() + 1), "", 200);
            match page["Resources"].as_array().filter(|rows| !rows.is_empty()) {
                Some(rows) if users.len() < page["totalResults"].as_u64().expect("a total") as usize => {
                    users.extend(rows.iter().cloned())
                }
                _ => return users,
            }
        }
    }

    /// Changes a user as another client would.
    pub(crate) fn patch(&self, id: &str, operation: &Value) {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]
        });
        // Some give the user, and some do not.
        let status = if self.base == "/v2" { 204 } else { 200 };
        self.ask("PATCH", &format!("/Users/{id}"), &body.to_string(), status);
    }

    /// Asks what somebody else has asked, and gives the whole answer.
    pub(crate) fn pass_on(&self, request: &Request) -> String {
        let Request { method, target, head, body } = request;
        let is_passed_on =
            |line: &&str| !line.starts_with("connection:") && !line.starts_with("content-length:") && !line.is_empty();
        let lines = head.lines().skip(1).filter(is_passed_on);
        let mut headers: String = lines.map(|line| format!("{line}\r\n")).collect();
        // The body may be another one by now.
        if !body.is_empty() {
            headers.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        self.exchange(&format!("{method} {target} HTTP/1.0\r\n{headers}\r\n{body}"))
    }

    fn exchange(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// The requests that it has answered: method and path.
    pub(crate) fn requests(&self) -> Vec<String> {
        let between = |line: &str| Some(line.split_once('"')?.1.split_once(" HTTP/")?.0.to_owned());
        self.server.log().lines().filter_map(between).collect()
    }

    /// Ends it at once.
    pub(crate) fn kill(&self) {
        self.server.signal("KILL");
    }

    /// The requests for users that it has answered.
    pub(crate) fn pages(&self) -> usize {
        self.server.log().lines().filter(|line| line.contains("\"GET /v2/Users?")).count()
    }

    fn ask(&self, method: &str, path: &str, body: &str, status: u16) -> Value {
        let (base, length) = (self.base, body.len());
        let request = format!(
            "{method} {base}{path} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/scim+json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = self.exchange(&request);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert_eq!(head.split(' ').nth(1), Some(&*status.to_string()), "{method} {path}: {answer}");
        if body.is_empty() { Value::Null } else { serde_json::from_str(body).expect("JSON") }
    }
}
