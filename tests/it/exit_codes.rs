//! Every exit code of the contract by a situation that leads to it, and the order of the checks of `apply`.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use skovik_sync::apply::lock::{self, Holder, Lock};
use skovik_sync::plan::Digest;
use skovik_sync::state::State;

use crate::harness::{BINARY, Company, TOKEN};

/// Holds the lock of the company's account as another apply would.
fn hold_lock(company: &Company) -> Lock {
    let holder =
        Holder { pid: 4711, since: "2026-03-01T12:00:00Z".parse().unwrap(), plan_hash: Some(Digest::of(b"other")) };
    let state = State::open(&company.path("home/state/skovik-sync"), None).unwrap();
    lock::take(&state, &company.url(), &holder, &|_| ()).unwrap()
}

#[test]
fn code_0_is_done_and_says_so_when_there_is_nothing_more_to_do() {
    let company = Company::new("small");
    company.plan_and_apply().prints(&["Applied: 3 created, 4 updated, 1 deleted."]);
    let writes = company.writes().len();
    company.run(&["apply", "plan.json"]).ends(0).prints(&["nothing to do: this plan was applied completely at "]);
    company.is_in_line();
    company.run(&["approve", "again.json", "--yes"]).ends(0);
    company.run(&["apply", "again.json"]).ends(0).prints(&["nothing to do: the plan has no operations"]);
    assert_eq!(company.writes().len(), writes, "nothing is written twice");
}

#[test]
fn code_1_is_what_nobody_expected() {
    let company = Company::new("small");
    company.run(&["plan", "-o", "no/such/folder/plan.json"]).ends(1).says(&["cannot write no/such/folder/plan.json"]);
    company.wrote_nothing();
}

#[test]
fn code_2_is_that_there_are_changes_if_somebody_wants_to_know() {
    let company = Company::new("small");
    company.run(&["plan", "--detailed-exitcode"]).ends(2);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    company.run(&["plan", "-o", "again.json", "--detailed-exitcode"]).ends(0);
}

#[test]
fn code_3_is_wrong_usage_or_configuration() {
    let mut company = Company::new("small");
    company.run(&["plan"]).ends(0);
    for (args, parts) in [
        (&["plan", "--no-such-option"][..], &["--no-such-option"][..]),
        (&[], &["Usage"]),
        (&["plan", "-q", "-v"], &["cannot be used with"]),
        (&["plan", "-c", "nowhere.toml"], &["nowhere.toml", "skovik-sync init"]),
        (&["show", "nowhere.json"], &["nowhere.json", "skovik-sync plan"]),
        (&["apply", "nowhere.json"], &["nowhere.json"]),
        (&["run", "--only", "1002", "--all", "."], &["--only", "--all"]),
        (&["plan", "--same-person", "1002"], &["--same-person 1002"]),
        (&["approve", "plan.json"], &["no terminal", "--yes"]),
        (&["approve", "plan.json", "--yes", "--expires", "soon"], &["--expires soon", "24h"]),
        (&["approve", "plan.json", "--yes", "--expires=-1h"], &["--expires"]),
        (&["approve", "plan.json", "--yes", "--allow", "deletes"], &["--allow deletes", "deletes=N"]),
        (&["approve", "plan.json", "--yes", "--allow", "people=5"], &["--allow people=5"]),
        (&["approve", "plan.json", "--yes", "--allow", "deletes=1", "--allow", "deletes=9"], &["given twice"]),
        (&["apply", "plan.json", "--approved-hash", "sha256:abc"], &["--approved-hash", "64"]),
    ] {
        company.run(args).ends(3).says(parts);
    }
    company.edit("skovik-sync.toml", "[scope]", "[scope]\nprotekt = []");
    company.run(&["plan"]).ends(3).says(&["protekt", "protect"]);
    company.edit("skovik-sync.toml", "protekt = []", "");
    company.env(TOKEN.0, " ");
    company.run(&["plan"]).ends(3).says(&["SKOVIK_TOKEN", "empty"]);
    company.run(&["check"]).ends(3).says(&["SKOVIK_TOKEN", "empty"]);
    company.wrote_nothing();
}

#[test]
fn an_unknown_setting_is_named_with_its_line_and_the_nearest_known_one() {
    let company = Company::new("small");
    company.edit("skovik-sync.toml", "[scope]", "[scop]");
    company.run(&["check"]).ends(3).says(&["skovik-sync.toml:", "scop", "scope"]);
}

#[test]
fn code_4_is_what_cannot_be_trusted_or_refuses_the_key() {
    let mut company = Company::with("small", |options| options.key = Some("the-right-key".into()));
    for command in [&["plan"][..], &["check"], &["snapshot"]] {
        company.run(command).ends(4).says(&["the server refuses the key (401)"]);
    }
    assert!(!company.exists("plan.json") && !company.exists("snapshot.jsonl"));
    company.env(TOKEN.0, "the-right-key");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.env(TOKEN.0, "another-key");
    company.run(&["apply", "plan.json"]).ends(4).says(&["the server refuses the key (401)"]);
    company.wrote_nothing();
    company.env(TOKEN.0, "the-right-key");
    company.run(&["apply", "plan.json"]).ends(0);
    company.is_in_line();
}

#[test]
fn code_5_is_a_guard_and_the_plan_is_written_for_review() {
    let company = Company::new("small");
    company.append("skovik-sync.toml", "\n[guard]\nmax_change_percent = 18\n");
    let output = company
        .run(&["plan"])
        .ends(5)
        .prints(&["max_change_percent                  5 of 27 (18.6 %), limit 18 %", "BLOCKED"]);
    assert!(output.stderr.contains("blocked by a guard"), "{output}");
    let hash = company.json("plan.json")["plan_hash"].as_str().unwrap().to_owned();
    company.run(&["show", "plan.json"]).ends(0).prints(&[&hash]);
    company.run(&["apply", "plan.json", "--approved-hash", &hash]).ends(5).says(&["max_change_percent (5 of 27"]);
    company.wrote_nothing();
}

#[test]
fn code_6_is_not_approved() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["verify", "plan.json"]).ends(6).says(&["0 of 1 approvals needed"]);
    company.run(&["apply", "plan.json"]).ends(6).says(&["0 of 1 approvals needed", "approve", "--approved-hash"]);
    company.wrote_nothing();
}

#[test]
fn code_7_is_stale() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.change("1024", |user| user["attributes"]["first_name"] = json!("Zahra"));
    company.run(&["apply", "plan.json"]).ends(7).says(&["stale", "nothing was written", "1024 Zara Kvist"]);
    company.wrote_nothing();
}

#[test]
fn code_8_is_a_damaged_plan_for_every_command_that_reads_one() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.edit("plan.json", "maja.stahl@example.com", "maja@example.com");
    for command in ["show", "verify", "approve", "apply"] {
        company.run(&[command, "plan.json"]).ends(8).says(&["plan.json", "altered"]);
    }
    company.wrote_nothing();
}

#[test]
fn code_9_is_applied_in_part_and_the_same_apply_goes_on() {
    let company = Company::faulty("small", &["POST /users nth=1 status=422"]);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let output = company.run(&["apply", "plan.json"]).ends(9);
    assert!(output.stdout.contains("Applied: 0 created, 3 updated, 1 deleted."), "{output}");
    for part in ["Failed (1):", "create 1030 Maja Ståhl", "422", "Not attempted (3):", "1031", "1032", "1021"] {
        assert!(output.stdout.contains(part), "{part}: {output}");
    }
    assert!(output.stderr.contains("skovik-sync apply plan.json"), "{output}");
    company.run(&["verify", "plan.json"]).ends(0).prints(&["begun: 4 of 8 operations done"]);
    let output = company.run(&["apply", "plan.json"]).ends(0);
    assert!(output.stdout.contains("Applied: 3 created, 4 updated, 1 deleted."), "{output}");
    assert!(output.stdout.contains("4 by an earlier run"), "{output}");
    company.is_in_line();
}

#[test]
fn code_10_is_another_apply() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let lock = hold_lock(&company);
    company.run(&["apply", "plan.json"]).ends(10).says(&[
        "another apply to http://127.0.0.1:",
        "process 4711",
        "2026-03-01",
    ]);
    company.wrote_nothing();
    // Only writes are refused: a command that only reads is allowed.
    company.run(&["plan", "-o", "other.json"]).ends(0);
    drop(lock);
    company.run(&["apply", "plan.json"]).ends(0);
}

#[cfg(unix)]
#[test]
fn code_130_is_interrupted_and_what_was_under_way_is_in_doubt() {
    let company = Company::faulty("small", &["PUT /users/* nth=1 slow=600s"]);
    company.edit("skovik-sync.toml", "[target]", "[target]\nmax_in_flight = 1\ntimeout = \"900s\"");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let mut command = company.command(BINARY, &["apply", "plan.json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !company.writes().iter().any(|request| request.method == "PUT") {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before its first PUT");
        std::thread::sleep(Duration::from_millis(5));
    }
    // Another apply is refused while a real one is under way.
    company.run(&["apply", "plan.json"]).ends(10).says(&[&format!("process {}", child.id())]);
    // The first asks it to end, the second not to wait for what is under way.
    for signal in ["-INT", "-TERM"] {
        let status = company.command("kill", &[signal, &child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(130), "{out}{err}");
    assert!(out.contains("Outcome unknown, carried out or not (1):") && out.contains("Not attempted"), "{out}{err}");
    assert!(err.contains("interrupted") && err.contains("skovik-sync apply plan.json"), "{out}{err}");
    // What is in doubt is looked at when its request can have ended.
    company.edit("skovik-sync.toml", "900s", "1s");
    company.run(&["apply", "plan.json"]).ends(0).prints(&["Applied: 3 created, 4 updated, 1 deleted."]);
    company.is_in_line();
}

/// The file is there by then, and its reader takes his time with the line about it.
#[cfg(unix)]
#[test]
fn a_signal_after_a_snapshot_is_written_does_not_call_it_interrupted() {
    use std::io::Write as _;
    let company = Company::new("small");
    let (_reader, mut writer) = std::io::pipe().unwrap();
    // As much as a pipe holds.
    writer.write_all(&[b'x'; 64 << 10]).unwrap();
    let mut command = company.command(BINARY, &["snapshot", "-o", "users.jsonl"]);
    let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    while !company.path("users.jsonl").exists() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before the snapshot");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(company.command("kill", &["-TERM", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Everything is wrong at first; each error that is fixed uncovers the next one.
#[test]
fn apply_checks_file_configuration_approvals_guards_lock_and_live_state_in_this_order() {
    let mut company = Company::with("small", |options| options.key = Some("the-right-key".into()));
    company.append("skovik-sync.toml", "\n[guard]\nmax_change_percent = 10\n");
    company.env(TOKEN.0, "the-right-key");
    company.run(&["plan"]).ends(5);
    let (plan, settings) = (company.read("plan.json"), company.read("skovik-sync.toml"));
    let hash = company.json("plan.json")["plan_hash"].as_str().unwrap().to_owned();

    company.change("1024", |user| user["attributes"]["first_name"] = json!("Zahra"));
    company.env(TOKEN.0, "a-wrong-key");
    let lock = hold_lock(&company);
    company.edit("skovik-sync.toml", "hr.status == 'active'", "hr.status == 'active' and true");
    company.append("skovik-sync.toml", "unknown = 1\n");
    company.edit("plan.json", "Maja", "Mia");
    let apply = |code| company.run(&["apply", "plan.json"]).ends(code);
    apply(8).says(&["altered"]);
    company.write("plan.json", plan);
    apply(3).says(&["unknown"]);
    company.edit("skovik-sync.toml", "unknown = 1\n", "");
    apply(7).says(&["the settings in skovik-sync.toml are not those"]);
    company.write("skovik-sync.toml", settings);
    apply(6).says(&["not approved"]);
    company.run(&["apply", "plan.json", "--approved-hash", &hash]).ends(5).says(&["max_change_percent"]);
    company.run(&["approve", "plan.json", "--yes", "--allow", "changes=5"]).ends(0);
    apply(10).says(&["another apply"]);
    drop(lock);
    assert_eq!(company.requests().iter().filter(|request| request.status == Some(401)).count(), 0);
    apply(4).says(&["refuses the key"]);
    company.env(TOKEN.0, "the-right-key");
    let apply = |code| company.run(&["apply", "plan.json"]).ends(code);
    apply(7).says(&["stale", "1024 Zara Kvist"]);
    company.wrote_nothing();
    company.change("1024", |user| user["attributes"]["first_name"] = json!("Zara"));
    apply(0);
    company.is_in_line();
}
