//! A company with settings, a list and an account on a sandbox of its own, and the real program to run on it.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{self, BINARY, Output, Request};

/// May read and write.
pub(crate) const WRITE_KEY: &str = "write-key";
/// May read only.
pub(crate) const READ_KEY: &str = "read-key";

/// Somebody in the list, or in the account.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) identifier: String,
    pub(crate) first_name: String,
    pub(crate) email: String,
    /// Empty for a user of the account who has none.
    pub(crate) branch: &'static str,
    pub(crate) manager: Option<String>,
    /// What a user of the account may do.
    pub(crate) role: &'static str,
    /// Whether a user of the account has no external identifier.
    pub(crate) unlinked: bool,
}

/// The whole of it. The sandbox ends when this is dropped.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    sandbox: Child,
}

/// So many people of a branch, who report to its first.
pub(crate) fn people(branch: &'static str, count: usize) -> Vec<Person> {
    let identifier = |n: usize| format!("{branch}-{n}");
    let person = |n: usize| Person {
        identifier: identifier(n),
        first_name: format!("P{n}"),
        email: format!("p{n}.{}@example.com", branch.to_lowercase()),
        branch,
        manager: (n > 0).then(|| identifier(0)),
        role: "employee",
        unlinked: false,
    };
    (0..count).map(person).collect()
}

impl House {
    /// These people in the list, and those in the account. `more` is added to the settings, `args` to the sandbox's.
    pub(crate) fn new(listed: &[Person], users: &[Person], more: &str, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("seed.jsonl"), snapshot(users)).expect("written");
        let (sandbox, url) = start_sandbox(folder.path(), 0, args);
        let house = Self { folder, url, sandbox };
        house.list(listed);
        house.set_key(WRITE_KEY);
        house.settings(more);
        house
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The text of a plan's journal.
    pub(crate) fn journal(&self, plan: &str) -> String {
        let hash = self.json(plan)["plan_hash"].as_str().expect("a hash").replace("sha256:", "");
        self.read(&format!("state/skovik-sync/journals/{hash}.journal"))
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).expect("JSON")
    }

    /// Writes the list of the people.
    pub(crate) fn list(&self, people: &[Person]) {
        let mut text = "id,first,last,mail,branch,manager\n".to_owned();
        for Person { identifier, first_name, email, branch, manager, .. } in people {
            let manager = manager.as_deref().unwrap_or_default();
            let _ = writeln!(text, "{identifier},{first_name},Berg,{email},{branch},{manager}");
        }
        fs::write(self.path("people.csv"), text).expect("written");
    }

    pub(crate) fn set_key(&self, key: &str) {
        fs::write(self.path("key"), key).expect("written");
        private(&self.path("key"));
    }

    /// Writes the settings, with these tables at their end.
    pub(crate) fn settings(&self, more: &str) {
        let text = format!(
            "[target]\nkind = \"skovik\"\nurl = \"{}\"\ntoken_file = \"key\"\nretries = 0\n\
             [[source]]\nname = \"hr\"\nkind = \"csv\"\npath = \"people.csv\"\nkey = \"id\"\n\
             [employee]\nexternal_identifier = \"{{{{ hr.id }}}}\"\nprimary_email = \"{{{{ hr.mail }}}}\"\n\
             first_name = \"{{{{ hr.first }}}}\"\nlast_name = \"{{{{ hr.last }}}}\"\nbranch = \"{{{{ hr.branch }}}}\"\n\
             manager = \"{{{{ hr.manager }}}}\"\n{more}",
            self.url
        );
        fs::write(self.path("skovik-sync.toml"), text).expect("written");
    }

    /// Lets requests, and what waits for one that may still be under way, wait for a second only.
    pub(crate) fn hurry(&self) {
        let text = self.read("skovik-sync.toml").replacen("retries = 0\n", "retries = 0\ntimeout = \"1s\"\n", 1);
        assert!(text.contains("timeout"), "{text}");
        fs::write(self.path("skovik-sync.toml"), text).expect("written");
    }

    /// Ends the sandbox and starts it again as it was at first, at the same address.
    pub(crate) fn back_to_the_start(&mut self) {
        let _ = self.sandbox.kill();
        let _ = self.sandbox.wait();
        let port = self.url.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("a port");
        let (sandbox, url) = start_sandbox(self.folder.path(), port.parse().expect("a number"), &[]);
        assert_eq!(url, self.url);
        self.sandbox = sandbox;
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("XDG_STATE_HOME", self.path("state")).env("USER", "tester");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        Output::of(args, self.command(args).output().expect("it runs"))
    }

    /// Approves a plan and applies it.
    pub(crate) fn carry_out(&self, plan: &str) -> Output {
        self.run(&["approve", plan, "--yes"]).ends(0);
        self.run(&["apply", plan])
    }

    /// Asks the sandbox directly, as another client; `null` is no body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let port = self.url.trim_start_matches("http://").trim_end_matches("/v1");
        let mut stream = std::net::TcpStream::connect(port).expect("connected");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} /v1{path} HTTP/1.1\r\nHost: {port}\r\nAuthorization: Bearer {WRITE_KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
        let (_, answer) = answer.split_once("\r\n\r\n").expect("a body");
        if answer.is_empty() { Value::Null } else { serde_json::from_str(answer).expect("JSON") }
    }

    pub(crate) fn delete_user(&self, identifier: &str) {
        self.ask("DELETE", &format!("/users/u-{identifier}"), &Value::Null);
    }

    /// A user without their roles, which nobody may send.
    pub(crate) fn user(&self, identifier: &str) -> Value {
        let mut user = self.ask("GET", &format!("/users/u-{identifier}"), &Value::Null);
        user["data"]["attributes"].as_object_mut().expect("attributes").remove("roles");
        user
    }

    /// Gives a user another value.
    pub(crate) fn edit_user(&self, identifier: &str, field: &str, value: &str) {
        let mut user = self.user(identifier);
        user["data"]["attributes"][field] = json!(value);
        self.ask("PUT", &format!("/users/u-{identifier}"), &user);
    }

    /// The requests that were made so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        Request::log(&self.path("requests.jsonl"))
    }

    /// The requests so far that are no GET.
    pub(crate) fn writes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::writes).collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.sandbox.kill();
        let _ = self.sandbox.wait();
    }
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
}

fn start_sandbox(folder: &Path, port: u16, args: &[&str]) -> (Child, String) {
    let mut command = Command::new(BINARY);
    command.args(["sandbox", "--port", &port.to_string(), "--seed", "seed.jsonl", "--request-log", "requests.jsonl"]);
    command.args(["--key", WRITE_KEY, "--read-key", READ_KEY]).args(args).current_dir(folder);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    let url = line.strip_prefix("listening on ").expect("the line").trim_end().to_owned();
    (child, url)
}

/// An account of two branches and these users, whose ids are `u-` and their identifier.
fn snapshot(users: &[Person]) -> Vec<u8> {
    let branch = |identifier: &str| {
        let attributes = json!({"name": format!("Example {identifier}"), "external_identifier": identifier});
        json!({"type": "branches", "id": identifier.to_lowercase(), "attributes": attributes})
    };
    let user = |person: &Person| {
        let Person { identifier, first_name, email, branch, manager, role, unlinked } = person;
        let known = (!unlinked).then_some(identifier);
        let manager = manager.as_ref().map(|manager| json!({"type": "users", "id": format!("u-{manager}")}));
        let branch = (!branch.is_empty()).then(|| json!({"type": "branches", "id": branch.to_lowercase()}));
        json!({"type": "users", "id": format!("u-{identifier}"),
            "attributes": {"primary_email": email, "external_identifier": known, "first_name": first_name,
                           "last_name": "Berg", "roles": [role], "custom_fields": {}},
            "relationships": {"manager": {"data": manager},
                              "branch": {"data": branch}}})
    };
    harness::snapshot(&["NO01", "SE01"].map(branch), &[], &users.iter().map(user).collect::<Vec<_>>())
}
