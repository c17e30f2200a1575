//! A company in a folder of its own, a sandbox that holds its account, and the real program between the two.
//!
//! The program runs in that folder, with an environment of only the variables named here, so that no test depends on
//! whose machine it runs on.

mod account;
mod output;
mod request;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use skovik_sync::sandbox::{Account, Options, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) use account::snapshot;
pub(crate) use output::Output;
pub(crate) use request::Request;

/// The address that the settings of the fixtures name.
pub(crate) const FIXTURE_URL: &str = "http://127.0.0.1:8480/v1";
/// The program that is tested.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_skovik-sync");
/// The environment variable with the key, and the key that every test but those about secrets uses.
pub(crate) const TOKEN: (&str, &str) = ("SKOVIK_TOKEN", "any-key");

/// A company, its account in a sandbox, and a folder with its settings, lists and plans.
pub(crate) struct Company {
    folder: TempDir,
    env: BTreeMap<String, String>,
    /// The key that the sandbox takes.
    key: String,
    /// The numbers of the requests that were not made by the program.
    foreign: RefCell<Vec<usize>>,
    // The server goes before the runtime that it runs on.
    server: Option<Server>,
    runtime: Runtime,
}

impl Company {
    /// A copy of one of the fixtures, with its account (`users.jsonl`) in a sandbox.
    pub(crate) fn new(fixture: &str) -> Self {
        Self::with(fixture, |_| {})
    }

    /// The same, with faults; see docs/sandbox.md.
    pub(crate) fn faulty(fixture: &str, rules: &[&str]) -> Self {
        Self::with(fixture, |options| {
            options.faults = rules.iter().map(|rule| rule.parse().expect("a good rule")).collect();
        })
    }

    /// The same, with a sandbox that behaves otherwise.
    pub(crate) fn with(fixture: &str, behave: impl FnOnce(&mut Options)) -> Self {
        let company = Self::offline(fixture);
        let users = company.read_bytes("users.jsonl");
        company.serve(&users, behave)
    }

    /// A company of our own: its settings (for [`FIXTURE_URL`]), its list `employees.csv`, and a snapshot of its account.
    pub(crate) fn of(settings: &str, employees: &str, snapshot: &[u8], behave: impl FnOnce(&mut Options)) -> Self {
        let company = Self::empty();
        company.write("skovik-sync.toml", settings);
        company.write("employees.csv", employees);
        company.serve(snapshot, behave)
    }

    /// A copy of one of the fixtures, without any sandbox.
    pub(crate) fn offline(fixture: &str) -> Self {
        let company = Self::empty();
        for entry in fs::read_dir(fixtures().join(fixture)).expect("a fixture") {
            let path = entry.expect("an entry").path();
            let to = company.path(&path.file_name().expect("a name").to_string_lossy());
            fs::copy(&path, to).expect("copied");
        }
        company
    }

    /// An empty folder.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("home");
        let state = home.join("state");
        fs::create_dir_all(&state).expect("made");
        let text = |path: &Path| path.to_str().expect("a path of text").to_owned();
        let env = BTreeMap::from(
            [
                ("HOME", text(&home)),
                ("XDG_STATE_HOME", text(&state)),
                ("PATH", std::env::var("PATH").expect("a PATH")),
                ("USER", "tester".to_owned()),
                (TOKEN.0, TOKEN.1.to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self {
            folder,
            env,
            key: TOKEN.1.to_owned(),
            foreign: RefCell::default(),
            server: None,
            runtime: runtime.expect("a runtime"),
        }
    }

    /// Starts a sandbox with this account and makes the settings, if there are any, name it.
    pub(crate) fn serve(mut self, snapshot: &[u8], behave: impl FnOnce(&mut Options)) -> Self {
        let account = Account::load(snapshot).expect("a good seed");
        let request_log = Some(self.path("requests.jsonl"));
        let mut options = Options { account, request_log, ..Options::default() };
        behave(&mut options);
        if let Some(key) = &options.key {
            key.expose_secret().clone_into(&mut self.key);
        }
        let server = self.runtime.block_on(Server::start(options)).expect("it starts");
        let url = server.url();
        self.server = Some(server);
        if self.path("skovik-sync.toml").exists() {
            self.edit("skovik-sync.toml", FIXTURE_URL, &url);
        }
        self
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("a sandbox")
    }

    /// The base URL of the sandbox.
    pub(crate) fn url(&self) -> String {
        self.server().url()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn read_bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Replaces every occurrence of a text that must be there.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} does not contain {from:?}:\n{text}");
        self.write(name, text.replace(from, to));
    }

    pub(crate) fn append(&self, name: &str, text: &str) {
        self.write(name, self.read(name) + text);
    }

    /// The journal of a plan, in the program's state folder.
    pub(crate) fn journal_path(&self, plan: &str) -> PathBuf {
        let hash = self.json(plan)["plan_hash"].as_str().expect("a hash").replace("sha256:", "");
        self.path(&format!("home/state/skovik-sync/journals/{hash}.journal"))
    }

    /// Sets an environment variable for the runs that follow.
    pub(crate) fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The program, ready to be started in the folder.
    pub(crate) fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.folder()).env_clear().envs(&self.env).stdin(Stdio::null());
        command
    }

    /// Runs `skovik-sync` with these arguments.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        Output::of(args, self.command(BINARY, args).output().expect("it runs"))
    }

    /// Runs `plan`, which must end with this code, and gives the plan.
    pub(crate) fn plan(&self, code: i32) -> Value {
        self.run(&["plan"]).ends(code);
        self.json("plan.json")
    }

    /// Runs `plan`, `approve` and `apply`, which must all succeed.
    pub(crate) fn plan_and_apply(&self) -> Output {
        self.run(&["plan"]).ends(0);
        self.run(&["approve", "plan.json", "--yes"]).ends(0);
        self.run(&["apply", "plan.json"]).ends(0)
    }

    /// A second plan finds nothing to do.
    pub(crate) fn is_in_line(&self) {
        let output = self.run(&["plan", "-o", "again.json", "--detailed-exitcode"]).ends(0);
        assert!(output.stdout.contains("No changes."), "{output}");
        let plan = self.json("again.json");
        assert_eq!(plan["operations"], json!([]), "{output}");
        let summary = &plan["summary"];
        assert_eq!((&summary["create"], &summary["update"], &summary["delete"]), (&json!(0), &json!(0), &json!(0)));
    }

    /// Every request of the program that the sandbox got, in order of arrival.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let foreign = self.foreign.borrow();
        let all = Request::log(&self.path("requests.jsonl")).into_iter().enumerate();
        all.filter(|(index, _)| !foreign.contains(&(index + 1))).map(|(_, request)| request).collect()
    }

    /// The requests that write, in order of arrival.
    pub(crate) fn writes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::writes).collect()
    }

    /// Nothing was written to Skovik.
    pub(crate) fn wrote_nothing(&self) {
        assert_eq!(self.writes(), [], "nothing may be written");
    }

    /// All users that the sandbox holds, in order of creation.
    pub(crate) fn users(&self) -> Vec<Value> {
        let parse = |text: &str| serde_json::from_str(text).expect("JSON");
        self.server().inspect(|account| account.users().map(parse).collect())
    }

    /// The user with this id, external identifier or e-mail.
    pub(crate) fn user(&self, name: &str) -> Option<Value> {
        self.server().inspect(|account| {
            let id = account.find(name)?;
            Some(serde_json::from_str(account.user(id)?).expect("JSON"))
        })
    }

    /// The same, as the text that the sandbox holds.
    pub(crate) fn raw_user(&self, name: &str) -> String {
        self.server().inspect(|account| {
            let id = account.find(name).unwrap_or_else(|| panic!("there is no user {name}"));
            account.user(id).expect("a user").to_owned()
        })
    }

    /// The id of such a user.
    pub(crate) fn id(&self, name: &str) -> String {
        let user = self.user(name).unwrap_or_else(|| panic!("there is no user {name}"));
        user["id"].as_str().expect("an id").to_owned()
    }

    /// Changes a user as another client of the API would.
    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut user = self.user(name).unwrap_or_else(|| panic!("there is no user {name}"));
        user["attributes"].as_object_mut().expect("attributes").remove("roles");
        change(&mut user);
        let path = format!("/users/{}", user["id"].as_str().expect("an id"));
        self.send("PUT", &path, Some(json!({ "data": user })), 200);
    }

    /// Creates a user as another client of the API would.
    pub(crate) fn create(&self, attributes: Value, branch: &str) {
        let branch = json!({ "data": { "type": "branches", "id": branch } });
        let user = json!({ "type": "users", "attributes": attributes, "relationships": { "branch": branch } });
        self.send("POST", "/users", Some(json!({ "data": user })), 201);
    }

    /// Removes a user as another client of the API would.
    pub(crate) fn remove(&self, name: &str) {
        self.send("DELETE", &format!("/users/{}", self.id(name)), None, 204);
    }

    fn send(&self, method: &str, path: &str, body: Option<Value>, status: u16) {
        rustls::crypto::ring::default_provider().install_default().ok();
        let url = format!("{}{path}", self.url());
        let sent = async {
            let client = reqwest::Client::builder().no_proxy().build()?;
            let mut request = client.request(method.parse().expect("a method"), url).bearer_auth(&self.key);
            if let Some(body) = body {
                request = request.header("content-type", "application/json").body(body.to_string());
            }
            let answer = request.send().await?;
            reqwest::Result::Ok((answer.status().as_u16(), answer.text().await?))
        };
        let (answered, text) = self.runtime.block_on(sent).expect("an answer");
        assert_eq!(answered, status, "{method} {path}: {text}");
        // Requests of another client do not count.
        self.foreign.borrow_mut().push(self.read("requests.jsonl").lines().count());
    }
}

/// Where the fixtures are.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}
