//! `init`, `demo`, `completions`, help, and the files that `apply` writes for machines.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::harness::{BINARY, Company, FIXTURE_URL};
use crate::printed::run;

#[test]
fn the_report_and_the_events_tell_every_operation() {
    let company = Company::new("small");
    company.edit("skovik-sync.toml", "[target]", "[target]\nmax_in_flight = 1");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json", "--report", "report.json", "--events", "events.jsonl"]).ends(0);
    let report = company.json("report.json");
    assert_eq!(report["plan_hash"], company.json("plan.json")["plan_hash"]);
    let operations = report["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 8);
    assert!(operations.iter().all(|operation| operation["outcome"] == "done"), "{report:#}");
    let deleted = operations.iter().find(|operation| operation["action"] == "delete").unwrap();
    assert_eq!(deleted["before"]["attributes"]["external_identifier"], "1027", "the whole user is kept");
    let events = company.read("events.jsonl");
    let types: Vec<String> = events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(types.first().unwrap(), "apply_start");
    assert_eq!(types.last().unwrap(), "summary");
    assert_eq!(types.iter().filter(|kind| *kind == "operation_done").count(), 8);
}

#[test]
fn init_in_an_empty_folder_works_against_the_sandbox_at_once() {
    let mut company = Company::empty();
    insta::assert_snapshot!(run(&company, &["init", "--yes"]), @"
    $ skovik-sync init --yes
    wrote ./skovik-sync.toml
    wrote ./employees.csv, an example of an employee list
    --- standard error

    To try it, in one terminal: skovik-sync sandbox
    and in another: SKOVIK_TOKEN=any skovik-sync --config ./skovik-sync.toml check
    --- exit code 0
    ");
    let settings = company.read("skovik-sync.toml");
    insta::assert_snapshot!(run(&company, &["init", "--yes"]), @"
    $ skovik-sync init --yes
    --- standard error
    error: ./skovik-sync.toml is there already; move it away, or name another folder: `skovik-sync init DIR`
    --- exit code 3
    ");
    insta::assert_snapshot!(run(&company, &["init"]), @"
    $ skovik-sync init
    --- standard error
    error: ./skovik-sync.toml is there already; move it away, or name another folder: `skovik-sync init DIR`
    --- exit code 3
    ");
    assert_eq!(company.read("skovik-sync.toml"), settings, "nothing is overwritten");

    // Unchanged except for the port, against an empty sandbox.
    assert!(settings.contains(FIXTURE_URL));
    let mut empty = Vec::new();
    skovik_sync::sandbox::Account::default().save(&mut empty, FIXTURE_URL).unwrap();
    company = company.serve(&empty, |_| {});
    company.run(&["check"]).ends(0);
    let plan = company.plan(0);
    assert_ne!(plan["summary"]["create"], 0);
    assert_eq!(plan["summary"]["set_aside"], 0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    company.is_in_line();
}

#[test]
fn init_writes_to_another_folder_and_without_a_terminal_asks_nobody() {
    let company = Company::empty();
    company.run(&["init"]).ends(3).says(&["init --yes"]);
    company.run(&["init", "--config", "other.toml", "--yes"]).ends(3).says(&["leave out --config"]);
    assert!(!company.exists("skovik-sync.toml"));
    company.run(&["init", "deep/company", "--yes"]).ends(0);
    let names: Vec<_> =
        fs::read_dir(company.path("deep/company")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn demo_tells_the_whole_story_and_ends_with_no_changes() {
    let company = Company::empty();
    let output = company.run(&["demo"]).ends(0).prints(&[
        "1. plan",
        "Plan: 3 to create, 4 to update, 1 to delete, 22 unchanged.",
        "2. approve",
        "approved by demo",
        "3. apply",
        "Applied: 3 created, 4 updated, 1 deleted.",
        "4. plan again",
        "No changes. 29 unchanged.",
    ]);
    assert!(output.stdout.rfind("No changes.") > output.stdout.rfind("Applied:"), "{output}");
    let names: Vec<_> = fs::read_dir(company.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["home"], "it leaves nothing where it is run");
    company.run(&["demo", "--keep", "kept"]).ends(0);
    for file in ["skovik-sync.toml", "employees.csv", "plan.json", "state/journals", "plan-again.json"] {
        assert!(company.exists(&format!("kept/{file}")), "{file}");
    }
}

#[test]
fn demo_replaces_nothing() {
    let company = Company::empty();
    fs::create_dir(company.path("kept")).unwrap();
    for name in ["plan.json", "plan-again.json", "plan.json.demo.approval", "key", "state", "notes.txt"] {
        company.write(&format!("kept/{name}"), "mine");
        company.run(&["demo", "--keep", "kept"]).ends(3).says(&["--keep kept: the folder is not empty", name]);
        assert_eq!(company.read(&format!("kept/{name}")), "mine");
        fs::remove_file(company.path(&format!("kept/{name}"))).unwrap();
    }
    company.write("file", "");
    company.run(&["demo", "--keep", "file"]).ends(3).says(&["--keep file"]);
}

/// Nobody can resume what it was about to do.
#[test]
fn demo_ends_at_a_signal() {
    let company = Company::empty();
    for name in ["INT", "TERM", "HUP"] {
        let mut command = company.command(BINARY, &["demo"]);
        command.env("TMPDIR", company.folder());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.starts_with("3. apply")));
        assert!(company.command("kill", &["-s", name, &child.id().to_string()]).status().unwrap().success());
        lines.for_each(drop);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(!said.contains("to resume"), "{said}");
        let names: Vec<_> = fs::read_dir(company.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["home"], "it leaves nothing");
    }
}

#[test]
fn completions_are_scripts_that_shells_take() {
    let company = Company::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output =
            company.run(&["completions", shell]).ends(0).prints(&["skovik-sync", "approve", "detailed-exitcode"]);
        assert_eq!(output.stderr, "");
    }
    let script = company.run(&["completions", "bash"]).stdout;
    company.write("completion.bash", script);
    assert!(company.command("bash", &["-n", "completion.bash"]).status().unwrap().success());
    company.run(&["completions", "csh"]).ends(3).says(&["csh"]);
}

#[test]
fn help_and_version_are_results() {
    let company = Company::empty();
    for args in [&["--help"][..], &["help"], &["help", "plan"], &["plan", "--help"], &["-h"]] {
        let output = company.run(args).ends(0).prints(&["Usage: skovik-sync"]);
        assert_eq!(output.stderr, "", "{args:?}");
    }
    company.run(&["--version"]).ends(0).prints(&[concat!("skovik-sync ", env!("CARGO_PKG_VERSION"))]);
    // A file name may begin with anything, and a reader may have read enough.
    let shell = format!("{BINARY} --help | head -n 1");
    let output = company.command("sh", &["-c", &shell]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
}
