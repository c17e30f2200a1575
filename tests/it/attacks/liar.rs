//! A Skovik that lies, for what the sandbox is too honest for: a small account whose answers a test may replace.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::harness::Output;
use crate::target::script::{self, Reply, Request, Server};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the server holds, whatever it says.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) users: BTreeMap<String, Value>,
    /// What its only two branches are called.
    pub(super) branches: [String; 2],
    /// How many requests of each method came.
    pub(super) came: BTreeMap<String, usize>,
    made: usize,
}

/// A request as a lie sees it.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// Below `/v1`.
    pub(super) path: &'a str,
    /// Behind the `?`.
    pub(super) query: &'a str,
    pub(super) body: Value,
    /// How many of this method came before it.
    pub(super) nth: usize,
}

impl Asked<'_> {
    /// The external identifier that is sent.
    pub(super) fn identifier(&self) -> &str {
        self.body["data"]["attributes"]["external_identifier"].as_str().unwrap_or_default()
    }
}

/// The program, and the server that lies to it.
pub(super) struct Liar {
    folder: tempfile::TempDir,
    account: Arc<Mutex<Account>>,
    _server: Server,
}

/// One line of the list: number, manager's number.
pub(super) type Row = (u32, Option<u32>);

pub(super) fn user(number: u32, manager: Option<u32>) -> Value {
    user_with_id(&format!("id{number}"), number, manager)
}

pub(super) fn user_with_id(id: &str, number: u32, manager: Option<u32>) -> Value {
    let manager = manager.map(|manager| json!({"type": "users", "id": format!("id{manager}")}));
    json!({
        "type": "users",
        "id": id,
        "attributes": {
            "primary_email": format!("u{number}@example.com"),
            "external_identifier": number.to_string(),
            "first_name": format!("First{number}"),
            "last_name": format!("Last{number}"),
            "roles": ["employee"],
            "custom_fields": {},
        },
        "relationships": {
            "manager": {"data": manager},
            "branch": {"data": {"type": "branches", "id": "br_1"}},
        },
    })
}

impl Account {
    /// What an honest server does.
    pub(super) fn honest(&mut self, asked: &Asked<'_>) -> Reply {
        let page = |rows: Vec<Value>| {
            let total = rows.len();
            script::json(200, json!({"data": rows, "meta": {"total": total}, "links": {"next": null}}).to_string())
        };
        let not_found = || script::json(404, json!({"errors": [{"title": "not found"}]}).to_string());
        match (asked.method, asked.path) {
            ("GET", "/branches") => {
                let branch = |(number, name): (usize, &String)| {
                    let attributes = json!({"name": name, "external_identifier": format!("SE0{number}")});
                    json!({"type": "branches", "id": format!("br_{number}"), "attributes": attributes})
                };
                page((1..).zip(&self.branches).map(branch).collect())
            }
            ("GET", "/custom_fields") => page(Vec::new()),
            ("GET", "/users") => page(self.users.values().cloned().collect()),
            ("POST", "/users") => {
                let id = self.store_new(&asked.body);
                made(&self.users[&id])
            }
            (method, path) => {
                let Some(id) = path.strip_prefix("/users/").filter(|id| self.users.contains_key(*id)) else {
                    return not_found();
                };
                match method {
                    "PUT" => self.store(id, &asked.body),
                    "DELETE" => {
                        self.users.remove(id);
                        return script::json(204, "");
                    }
                    _ => {}
                }
                script::json(200, json!({"data": self.users[id]}).to_string())
            }
        }
    }

    /// Stores a new user, and gives their id.
    pub(super) fn store_new(&mut self, body: &Value) -> String {
        self.made += 1;
        let id = format!("new{}", self.made);
        self.store(&id, body);
        id
    }

    pub(super) fn store(&mut self, id: &str, body: &Value) {
        let mut user = body["data"].clone();
        user["id"] = json!(id);
        user["attributes"]["roles"] = json!(["employee"]);
        self.users.insert(id.to_owned(), user);
    }

    /// The user with this external identifier.
    pub(super) fn by_number(&self, number: u32) -> Option<&Value> {
        self.users.values().find(|user| user["attributes"]["external_identifier"] == json!(number.to_string()))
    }

    /// The number of somebody's manager.
    pub(super) fn manager_of(&self, number: u32) -> Option<String> {
        let id = self.by_number(number)?["relationships"]["manager"]["data"]["id"].as_str()?;
        Some(self.users.get(id)?["attributes"]["external_identifier"].as_str()?.to_owned())
    }

    pub(super) fn writes(&self) -> usize {
        self.came.iter().filter(|(method, _)| *method != "GET").map(|(_, count)| count).sum()
    }
}

/// The answer to a POST that made this user.
pub(super) fn made(user: &Value) -> Reply {
    script::json(201, json!({"data": user}).to_string())
}

/// The same for what was sent, under another id.
pub(super) fn made_as(id: &str, body: &Value) -> Reply {
    let mut user = body["data"].clone();
    user["id"] = json!(id);
    user["attributes"]["roles"] = json!(["employee"]);
    made(&user)
}

impl Liar {
    /// A server that holds these users, and a plan from it and the list that is approved. `lie` gives the answer to a
    /// request of `apply`, or leaves it to the honest server.
    pub(super) async fn new(
        users: &[Value],
        rows: &[Row],
        target: &str,
        lie: impl Fn(&mut Account, &Asked<'_>) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let id = |user: &Value| user["id"].as_str().expect("an id").to_owned();
        let users = users.iter().map(|user| (id(user), user.clone())).collect();
        let account = Arc::new(Mutex::new(Account {
            users,
            branches: ["Example AB", "Other AB"].map(str::to_owned),
            ..Account::default()
        }));
        let (held, lies) = (Arc::clone(&account), Arc::new(Mutex::new(false)));
        let may_lie = Arc::clone(&lies);
        let server = Server::start(move |_, request| {
            let mut account = held.lock().expect("nobody panicked with it");
            let may_lie = *may_lie.lock().expect("nobody panicked with it");
            answer(&mut account, request, |account, asked| if may_lie { lie(account, asked) } else { None })
        })
        .await;
        let liar = Self { folder: tempfile::tempdir().expect("a folder"), account, _server: server };
        liar.write("skovik-sync.toml", &settings(&liar._server.url, target));
        liar.write("key", "any");
        liar.list(rows);
        let planned = liar.run(&["plan"]).await;
        assert!(matches!(planned.code, Some(0 | 5)), "{planned:?}");
        liar.approve("plan.json").await;
        liar.account().came.clear();
        *lies.lock().expect("nobody panicked with it") = true;
        liar
    }

    pub(super) fn list(&self, rows: &[Row]) {
        self.list_in(rows, "SE01");
    }

    /// A list with everybody in one branch.
    pub(super) fn list_in(&self, rows: &[Row], branch: &str) {
        let mut list = "id,manager,branch\n".to_owned();
        for (number, manager) in rows {
            let manager = manager.map_or_else(String::new, |manager| manager.to_string());
            writeln!(list, "{number},{manager},{branch}").expect("written");
        }
        self.write("hr.csv", &list);
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("a file")
    }

    pub(super) async fn approve(&self, plan: &str) {
        let ceilings = ["--allow", "deletes=99", "--allow", "changes=99", "--allow", "creates=99"];
        let approved = self.run(&[&["approve", plan, "--yes", "--approver", "test"][..], &ceilings].concat()).await;
        assert_eq!(approved.code, Some(0), "{approved:?}");
    }

    pub(super) async fn apply(&self) -> Output {
        self.run(&["apply", "plan.json", "--report", "report.json"]).await
    }

    pub(super) async fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skovik-sync"));
        let folder = self.folder.path();
        command.current_dir(folder).args(args).kill_on_drop(true).stdin(Stdio::null()).env("NO_COLOR", "1");
        command.env("XDG_STATE_HOME", folder.join("state")).env("HOME", folder);
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        output.expect("it ends in time").expect("it runs").into()
    }

    pub(super) fn account(&self) -> std::sync::MutexGuard<'_, Account> {
        self.account.lock().expect("nobody panicked with it")
    }

    /// The last outcome of each operation in the report.
    pub(super) fn outcomes(&self) -> BTreeMap<String, String> {
        let report: Value = serde_json::from_str(&self.read("report.json")).expect("JSON");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let entries = report["operations"].as_array().expect("operations");
        entries.iter().map(|entry| (text(&entry["operation"]), text(&entry["outcome"]))).collect()
    }
}

fn answer(account: &mut Account, request: &Request, lie: impl Fn(&mut Account, &Asked<'_>) -> Option<Reply>) -> Reply {
    let came = account.came.entry(request.method.clone()).or_default();
    *came += 1;
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let asked = Asked {
        method: &request.method,
        path: path.trim_start_matches("/v1"),
        query,
        body: serde_json::from_str(&request.body).unwrap_or_default(),
        nth: *came - 1,
    };
    lie(account, &asked).unwrap_or_else(|| account.honest(&asked))
}

fn settings(url: &str, target: &str) -> String {
    let retries = if target.contains("retries") { "" } else { "retries = 0" };
    let is_guarded = target.contains("[guard]");
    let guard = if is_guarded { "" } else { "[guard]\nmax_delete_percent = 100\nmax_change_percent = 100" };
    format!(
        r#"
[target]
kind = "skovik"
url = "{url}"
token_file = "key"
timeout = "300ms"
{retries}
{target}
[[source]]
name = "hr"
kind = "csv"
path = "hr.csv"
key = "id"
[employee]
external_identifier = "{{{{ hr.id }}}}"
primary_email = "u{{{{ hr.id }}}}@example.com"
first_name = "First{{{{ hr.id }}}}"
last_name = "Last{{{{ hr.id }}}}"
branch = "{{{{ hr.branch }}}}"
manager = "{{{{ hr.manager }}}}"
[scope]
protect = []
{guard}
"#
    )
}
