//! A company, a sandbox as its account, and the real program between the two, for the tests of `apply`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use skovik_sync::apply::journal::{Record, read_lines};
use skovik_sync::plan::Plan;
use skovik_sync::sandbox::{Options, Server};
use skovik_sync::state::State;
use tokio::process::{Child, Command};

use crate::company::Company;
use crate::harness::{BINARY, Output, Request};

/// How long a test waits for something that must come, before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a plan is tried on a server with faults.
const TRIES: usize = 40;

/// The sandbox's request log.
const REQUESTS: &str = "requests.jsonl";

/// The settings of `[target]` that a test chooses; the others make it quick.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) max_in_flight: usize,
    pub(crate) retries: u32,
    pub(crate) timeout_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { max_in_flight: 4, retries: 0, timeout_ms: 1500 }
    }
}

/// The interface by which a world's account is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Json,
    Scim,
}

/// Everything that a run needs, in a folder of its own.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) door: Door,
    server: Server,
}

impl World {
    /// A company and its account, on a sandbox with these options (whose account does not matter).
    pub(crate) async fn new(company: &Company, pace: Pace, options: Options) -> Self {
        Self::at(Door::Json, company, pace, options).await
    }

    /// The same, reached by this interface.
    pub(crate) async fn at(door: Door, company: &Company, pace: Pace, options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let request_log = Some(folder.path().join(REQUESTS));
        let server = Server::start(Options { account: company.account(), request_log, ..options }).await;
        let world = Self { folder, door, server: server.expect("it starts") };
        for (name, text) in &company.files {
            std::fs::write(world.path(name), text).expect("written");
        }
        let settings = match door {
            Door::Json => company.settings(&world.server.url(), pace),
            Door::Scim => company.scim_settings(&world.server.scim_url(), pace),
        };
        std::fs::write(world.path("skovik-sync.toml"), settings).expect("written");
        std::fs::write(world.path("key"), "any").expect("written");
        world
    }

    /// A sandbox with these fault rules, otherwise as it is by default.
    pub(crate) async fn faulty(company: &Company, pace: Pace, rules: &[&str]) -> Self {
        Self::new(company, pace, Options { faults: rules_of(rules), ..Options::default() }).await
    }

    /// The address of the sandbox.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The account as it is now, as a snapshot.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.server.inspect(|account| account.save(&mut bytes, &self.server.url()).map(drop)).expect("saved");
        bytes
    }

    /// The users by id, as the server holds them.
    pub(crate) fn users(&self) -> BTreeMap<String, Value> {
        let parse = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        self.server.inspect(|account| {
            account.users().map(parse).map(|user| (user["id"].as_str().expect("an id").to_owned(), user)).collect()
        })
    }

    /// The users without ids, which a run gives anew, by identifier (or e-mail), their managers likewise.
    pub(crate) fn people(&self) -> BTreeMap<String, Value> {
        people(&self.users())
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        Request::log(&self.path(REQUESTS))
    }

    /// How many there are, for those who wait for more: the log is not taken apart.
    fn requests_so_far(&self) -> usize {
        let log = std::fs::read(self.path(REQUESTS)).expect("a log");
        log.iter().filter(|&&byte| byte == b'\n').count()
    }

    pub(crate) fn writes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::writes).collect()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.current_dir(self.folder.path()).args(args).kill_on_drop(true).stdin(Stdio::null());
        command.env("XDG_STATE_HOME", self.path("state")).env("HOME", self.folder.path()).env("NO_COLOR", "1");
        command
    }

    pub(crate) async fn run(&self, args: &[&str]) -> Output {
        let output = tokio::time::timeout(PATIENCE, self.command(args).output()).await;
        Output::of(args, output.expect("it ends in time").expect("it runs"))
    }

    /// Plans from the account as it is: without a request; by SCIM, as often as it takes.
    pub(crate) async fn plan(&self, name: &str) -> Plan {
        if self.door == Door::Scim {
            for _ in 0..TRIES {
                let planned = self.run(&["plan", "-o", name]).await;
                if matches!(planned.code, Some(0 | 5)) {
                    return self.read_plan(name);
                }
            }
            panic!("no plan after {TRIES} tries");
        }
        std::fs::write(self.path("before.jsonl"), self.snapshot()).expect("written");
        let planned = self.run(&["plan", "--users", "before.jsonl", "-o", name]).await;
        assert!(matches!(planned.code, Some(0 | 5)), "{planned:?}");
        self.read_plan(name)
    }

    pub(crate) fn read_plan(&self, name: &str) -> Plan {
        Plan::read(&std::fs::read(self.path(name)).expect("a plan")).expect("a good plan")
    }

    pub(crate) async fn approve(&self, name: &str) {
        let args = ["approve", name, "--yes", "--approver", "test", "--allow", "deletes=1000"];
        let args = [&args[..], &["--allow", "changes=1000", "--allow", "creates=1000"]].concat();
        let approved = self.run(&args).await;
        assert_eq!(approved.code, Some(0), "{approved:?}");
    }

    /// Plans and approves `plan.json`.
    pub(crate) async fn approved_plan(&self) -> Plan {
        let plan = self.plan("plan.json").await;
        self.approve("plan.json").await;
        plan
    }

    pub(crate) async fn apply(&self) -> Output {
        self.run(&["apply", "plan.json", "--report", "report.json"]).await
    }

    /// Starts an apply, its output kept.
    pub(crate) fn spawn_apply(&self) -> Child {
        let mut command = self.command(&["apply", "plan.json", "--report", "report.json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("it starts")
    }

    /// Starts an apply, waits until this many requests have come in all, and kills it. Says whether so many came.
    pub(crate) async fn kill_apply_at(&self, requests: usize) -> bool {
        let mut child = self.spawn_apply();
        let came = loop {
            if self.requests_so_far() >= requests {
                break true;
            }
            if child.try_wait().expect("waited").is_some() {
                break false;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        // One that has ended by itself cannot be killed.
        let _ = child.kill().await;
        came
    }

    /// Changes a user as another client would.
    pub(crate) async fn change(&self, id: &str, change: impl FnOnce(&mut Value)) {
        let mut user = self.users()[id].clone();
        user["attributes"].as_object_mut().expect("attributes").remove("roles");
        change(&mut user);
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let put = client.put(format!("{}/users/{id}", self.server.url())).bearer_auth("another");
        let put = put.header("content-type", "application/json").body(json!({"data": user}).to_string());
        assert_eq!(put.send().await.expect("an answer").status(), 200);
    }

    /// The program's state.
    pub(crate) fn state(&self) -> State {
        State::open(&self.path("state/skovik-sync"), None).expect("a state folder")
    }

    /// The journal of `plan.json`.
    pub(crate) fn journal_path(&self) -> PathBuf {
        self.state().journal(self.read_plan("plan.json").hash())
    }

    pub(crate) fn journal(&self) -> Vec<Record> {
        self.journal_of(&self.read_plan("plan.json"))
    }

    /// What the journal of a plan says, all of it authentic.
    pub(crate) fn journal_of(&self, plan: &Plan) -> Vec<Record> {
        let (state, mut records) = (self.state(), Vec::new());
        let each = |_, record| {
            records.push(record);
            Ok(())
        };
        read_lines(&state.journal(plan.hash()), state.key(), plan.hash(), each).expect("a good journal");
        records
    }

    /// The report of the last apply.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.path("report.json")).expect("a report")).expect("JSON")
    }

    /// The outcome that the report of the last apply gives each operation.
    pub(crate) fn outcomes(&self) -> BTreeMap<u64, String> {
        let report = self.report();
        let operations = report["operations"].as_array().expect("operations");
        let outcome = |entry: &Value| {
            let operation = entry["operation"].as_str().expect("a number").parse().expect("a number");
            (operation, entry["outcome"].as_str().expect("an outcome").to_owned())
        };
        operations.iter().map(outcome).collect()
    }
}

pub(crate) fn rules_of(rules: &[&str]) -> Vec<skovik_sync::sandbox::Rule> {
    rules.iter().map(|rule| rule.parse().unwrap_or_else(|error| panic!("{rule}: {error}"))).collect()
}

/// Sends a signal, such as `-INT`.
pub(crate) async fn signal(child: &Child, signal: &str) {
    let Some(pid) = child.id() else { return };
    let status = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status().await;
    status.expect("kill runs");
}

/// See [`World::people`].
pub(crate) fn people(users: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let key = |user: &Value| {
        let attributes = &user["attributes"];
        attributes["external_identifier"].as_str().or(attributes["primary_email"].as_str()).expect("a key").to_owned()
    };
    let without_id = |user: &Value| {
        let mut person = user.clone();
        person.as_object_mut().expect("an object").remove("id");
        let manager = person["relationships"]["manager"]["data"]["id"].as_str();
        let manager = manager.map(|id| key(users.get(id).expect("a manager who is there")));
        person["relationships"]["manager"] = json!(manager);
        (key(user), person)
    };
    users.values().map(without_id).collect()
}

/// How many worlds may live at once, so that many tests at a time leave each enough of the machine to be on time.
pub(crate) async fn room() -> tokio::sync::SemaphorePermit<'static> {
    static ROOM: OnceLock<tokio::sync::Semaphore> = OnceLock::new();
    ROOM.get_or_init(|| tokio::sync::Semaphore::new(6)).acquire().await.expect("open")
}
