//! The state in an object store, on real servers: an apply goes on from another machine, two machines do not work at
//! once, and a machine that loses the lease or the store stops before its next write.

mod again;
mod faults;
mod lies;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{BINARY, Company, Output};
use crate::servers::stores::Store;

/// The key of the journals, which the store does not hold.
const KEY: &str = "0123456789abcdef0123456789abcdef";
/// How long something may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A company whose state is in a store, with an approved plan. Skovik takes its time with every write.
fn company(store: &Store, slow: &str) -> Company {
    let rules = [format!("POST /users {slow}"), format!("PUT /users/* {slow}"), format!("DELETE /users/* {slow}")];
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let mut company = Company::faulty("small", &rules);
    company.append("skovik-sync.toml", &format!("\n[state]\nurl = \"{}\"\nlease = \"3s\"\n", store.url));
    company.edit("skovik-sync.toml", "[target]\n", "[target]\nmax_in_flight = 1\ntimeout = \"2s\"\n");
    company.env("SKOVIK_SYNC_STATE_KEY", KEY);
    for (name, value) in &store.env {
        company.env(name, value);
    }
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company
}

/// Another machine begins with nothing but the settings, the plan and its approval.
fn forget_machine(company: &Company) {
    let home = company.path("home/state");
    fs::remove_dir_all(&home).expect("removed");
    fs::create_dir_all(&home).expect("made");
}

fn begin(company: &Company, args: &[&str]) -> Child {
    company.command(BINARY, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
}

fn end(child: Child) -> Output {
    Output::of(&["apply"], child.wait_with_output().expect("ended"))
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let process = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(process, signal).expect("sent");
}

fn wait_for_writes(company: &Company, count: usize) {
    let begun = Instant::now();
    while company.writes().len() < count {
        assert!(begun.elapsed() < PATIENCE, "{count} writes do not come");
        sleep(Duration::from_millis(10));
    }
}

/// How many people were made.
fn made(company: &Company) -> usize {
    let is_made = |status| matches!(status, None | Some(201));
    company.writes().iter().filter(|request| request.method == "POST" && is_made(request.status)).count()
}

/// The operations in each account's ledger in a store, sorted.
fn applied(store: &Store) -> Vec<Vec<u64>> {
    let mut ledgers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for name in store.names().into_iter().filter(|name| name.contains("ledgers/")) {
        let text = store.read(&name);
        let (account, _) = name.rsplit_once('/').expect("a folder");
        let operations = ledgers.entry(account.to_owned()).or_default();
        for line in text.lines() {
            let record = &serde_json::from_str::<Value>(line).expect("JSON")["record"];
            let number = record["applied"]["operation"].as_str().map(|number| number.parse::<u64>().expect("a number"));
            operations.extend(number);
        }
    }
    assert!(!ledgers.is_empty(), "{:?}", store.names());
    ledgers.values_mut().for_each(|operations| operations.sort_unstable());
    ledgers.into_values().collect()
}

/// The operations of the plan that a ledger has: a link is part of its create.
fn operations(company: &Company) -> Vec<u64> {
    let plan = company.json("plan.json");
    let operations = plan["operations"].as_array().expect("a list").iter();
    let counted = operations.filter(|operation| operation["action"] != "link");
    counted.map(|operation| operation["id"].as_str().and_then(|id| id.parse().ok()).expect("a number")).collect()
}

/// Writes the lease as if another machine had taken it over; returns its name and its content.
fn steal(store: &Store) -> (String, String) {
    let lease = store.names().into_iter().find(|name| name.ends_with(".lease")).expect("a lease");
    let mut stolen: Value = serde_json::from_str(&store.read(&lease)).expect("JSON");
    stolen["owner"] = "somebody else".into();
    store.write(&lease, &stolen.to_string());
    (lease, stolen.to_string())
}

#[test]
fn an_apply_moves_to_another_machine() {
    for (store, kills) in [(Store::s3(), &[1, 4][..]), (Store::azure(), &[5])] {
        for writes in kills.iter().copied() {
            let company = company(&store, "slow=150ms");
            let mut apply = begin(&company, &["apply", "plan.json"]);
            wait_for_writes(&company, writes);
            apply.kill().expect("killed");
            let killed = end(apply);
            assert_eq!(killed.code, None, "{killed}");
            forget_machine(&company);
            let ended = company.run(&["apply", "plan.json"]).ends(0);
            assert!(ended.stderr.contains("waiting to see whether it is renewed"), "{ended}");
            company.is_in_line();
            assert_eq!(made(&company), 3, "nobody twice");
            // The ledger has each operation once, whichever machine applied it.
            let looked_at = if store.url.starts_with("s3:") { applied(&store) } else { Vec::new() };
            for applied in looked_at {
                assert_eq!(applied, operations(&company));
            }
            // A third machine knows all of it, counts it, and can take it back.
            forget_machine(&company);
            company.run(&["plan", "-o", "third.json"]).ends(0);
            let (deleted, counted) = (company.json("plan.json"), company.json("third.json"));
            assert_eq!(counted["guards"][0]["earlier"]["count"], deleted["summary"]["delete"]);
            company.run(&["apply", "plan.json"]).ends(0).prints(&["was applied completely"]);
            forget_machine(&company);
            let undone = company.run(&["undo", "plan.json"]);
            assert!(matches!(undone.code, Some(0 | 5)), "{undone}");
        }
    }
}

#[test]
fn two_machines_do_not_work_at_once() {
    let store = Store::s3();
    let mut company = company(&store, "slow=150ms");
    fs::copy(company.path("plan.json"), company.path("copy.json")).expect("copied");
    company.run(&["approve", "copy.json", "--yes"]).ends(0);
    let one = begin(&company, &["apply", "plan.json"]);
    wait_for_writes(&company, 1);
    let other_home = company.path("other");
    fs::create_dir_all(&other_home).expect("made");
    company.env("XDG_STATE_HOME", other_home.to_str().expect("text"));
    company.run(&["apply", "copy.json"]).ends(10).says(&["another apply to"]);
    end(one).ends(0);
    company.is_in_line();
    assert_eq!(made(&company), 3);
    // What the first did is known to the second.
    company.run(&["apply", "copy.json"]).ends(0).prints(&["was applied completely"]);
}

#[test]
fn a_stolen_lease_stops_the_run_before_its_next_write() {
    let store = Store::s3();
    let company = company(&store, "slow=700ms");
    let apply = begin(&company, &["apply", "plan.json"]);
    wait_for_writes(&company, 1);
    let (lease, stolen) = steal(&store);
    let ended = end(apply).ends(9);
    assert!(ended.stdout.contains("is lost: another machine has taken it over"), "{ended}");
    // It was noticed at the next renewal, at most one second later; requests that were under way then were finished.
    let written = company.writes().len();
    assert!(written < 5, "{written} writes of eight");
    assert_eq!(store.read(&lease), stolen, "what is somebody else's is not given back");
}

/// The journal announces operations ahead. What it has announced is not sent by a machine that another one has replaced,
/// however late the machine finds out.
#[test]
fn a_machine_that_stood_still_sends_nothing_that_it_had_announced() {
    let store = Store::s3();
    let mut company = company(&store, "slow=150ms");
    company.edit("skovik-sync.toml", "max_in_flight = 1\n", "max_in_flight = 2\n");
    fs::copy(company.path("plan.json"), company.path("copy.json")).expect("copied");
    company.run(&["approve", "copy.json", "--yes"]).ends(0);
    let first = begin(&company, &["apply", "plan.json"]);
    wait_for_writes(&company, 1);
    signal(&first, rustix::process::Signal::STOP);
    let own_home = company.path("home/state");
    let other_home = company.path("other");
    fs::create_dir_all(&other_home).expect("made");
    company.env("XDG_STATE_HOME", other_home.to_str().expect("text"));
    company.run(&["apply", "copy.json"]).ends(0);
    company.env("XDG_STATE_HOME", own_home.to_str().expect("text"));
    let written = company.writes().len();
    signal(&first, rustix::process::Signal::CONT);
    let ended = end(first).ends(9);
    // Which is looked at first, the lease or the next part of the journal, is a matter of chance.
    let reasons = ["is lost: ", "another machine has written s3://"];
    assert!(reasons.iter().any(|reason| ended.stdout.contains(reason)), "{ended}");
    assert_eq!(company.writes().len(), written, "{ended}");
    company.is_in_line();
    assert_eq!(made(&company), 3, "nobody twice");
}

/// A create that waits for its next attempt is a write as well: another machine may send it by then.
#[test]
fn a_stolen_lease_ends_a_wait_for_another_attempt() {
    let store = Store::s3();
    let company = company(&store, "times=1 status=429 retry-after=9");
    let apply = begin(&company, &["apply", "plan.json"]);
    wait_for_writes(&company, 1);
    steal(&store);
    // It was refused, so nothing was written.
    let ended = end(apply).ends(1);
    assert!(ended.stderr.contains("is lost: another machine has taken it over"), "{ended}");
    assert_eq!(company.writes().len(), 1, "{ended}");
}

#[test]
fn a_store_that_is_gone_stops_the_run() {
    let store = Store::s3();
    let company = company(&store, "slow=300ms");
    let apply = begin(&company, &["apply", "plan.json"]);
    wait_for_writes(&company, 2);
    store.server.signal("KILL");
    let ended = end(apply).ends(9);
    assert!(ended.stdout.contains("the journal cannot be written"), "{ended}");
    assert!(!format!("{ended}").contains("s3cret-of-the-store"), "{ended}");
    let written = company.writes().len();
    assert!(written <= 3, "{written} writes");
    company.run(&["apply", "plan.json"]).ends(1).says(&["s3://bucket/skovik"]);
    assert_eq!(company.writes().len(), written);
}

#[test]
fn what_the_store_holds_is_no_authority() {
    let store = Store::s3();
    let mut company = company(&store, "slow=300ms");
    let mut apply = begin(&company, &["apply", "plan.json"]);
    wait_for_writes(&company, 3);
    apply.kill().expect("killed");
    end(apply);
    let written = company.writes().len();
    let refused = |company: &Company, code: i32, words: &str| {
        company.run(&["apply", "plan.json"]).ends(code).says(&[words]);
        assert_eq!(company.writes().len(), written, "{words}");
    };
    company.env("SKOVIK_SYNC_STATE_KEY", "another-key-another-key-another-key");
    refused(&company, 8, "is not authentic");
    company.env("SKOVIK_SYNC_STATE_KEY", "");
    refused(&company, 3, "SKOVIK_SYNC_STATE_KEY");
    company.env("SKOVIK_SYNC_STATE_KEY", KEY);
    let parts: Vec<String> = store.names().into_iter().filter(|name| name.contains("/0001/")).collect();
    let part = store.read(&parts[1]);
    store.write(&parts[1], &part.replace("\"at\":\"2", "\"at\":\"1"));
    refused(&company, 8, "is not authentic");
    store.remove(&parts[1]);
    refused(&company, 8, "a part is missing");
    store.write(&parts[1], &part);
    company.run(&["apply", "plan.json"]).ends(0);
    company.is_in_line();
}
