//! `check --contract --write`: one made-up person is made, changed and removed, whatever fails on the way.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use skovik_sync::apply::lock::{self, Holder};
use skovik_sync::sandbox::{Identifiers, ManagerDelete};
use skovik_sync::state::State;

use crate::harness::{BINARY, Company, Output};
use crate::scim_target::{company_at_server, doors};
use crate::servers::scim::Scim;

const WRITE: [&str; 4] = ["check", "--contract", "--write", "--yes"];

fn ids(company: &Company) -> BTreeSet<String> {
    company.users().iter().map(|user| user["id"].as_str().expect("an id").to_owned()).collect()
}

/// The files that lock an account.
fn locks(company: &Company) -> Vec<PathBuf> {
    let files = std::fs::read_dir(company.path("home/state/skovik-sync")).into_iter().flatten();
    let paths = files.flatten().map(|file| file.path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "lock")).collect()
}

/// Runs the trial; afterwards the account holds exactly the same users, unchanged.
fn tried(company: &Company, settings: &str, code: i32) -> Output {
    let before = company.users();
    let output = company.run(&[&["-c", settings][..], &WRITE].concat()).ends(code);
    assert_eq!(company.users(), before, "{output}");
    output
}

#[test]
fn the_json_api() {
    for put in [skovik_sync::sandbox::PutMode::Replace, skovik_sync::sandbox::PutMode::Merge] {
        let company = Company::with("small", |options| {
            (options.put, options.manager_delete) = (put, ManagerDelete::Refuses);
            options.identifiers = Identifiers::Reserved;
        });
        let output = tried(&company, "skovik-sync.toml", 0);
        for id in ["create", "create_read", "unique", "update", "update_read", "custom_field", "delete"] {
            assert!(output.stdout.contains(&format!("holds           {id}: ")), "{id}: {output}");
        }
        let methods: BTreeSet<String> = company.writes().into_iter().map(|request| request.method).collect();
        assert_eq!(methods, ["DELETE", "POST", "PUT"].map(str::to_owned).into());
    }
}

#[test]
fn scim() {
    for remove in ["deactivate", "delete"] {
        let company = doors::company_with(|_| {});
        company.edit("scim.toml", "[target]", &format!("[target]\nremove = \"{remove}\""));
        tried(&company, "scim.toml", 0);
    }
    for server in [Scim::start(50), Scim::scimmy()] {
        let company = company_at_server(&server);
        let before = server.users().len();
        let output = company.run(&WRITE);
        assert!(matches!(output.code, Some(0)), "{output}");
        assert_eq!(server.users().len(), before, "{output}");
    }
}

#[test]
fn whatever_fails_the_person_is_removed() {
    for (rule, says) in [
        ("POST /users nth=1 reset=after", "DOES NOT HOLD   create"),
        ("POST /users nth=1 status=500 executed", "DOES NOT HOLD   create"),
        ("POST /users nth=1 answer=1002", "it answers with a user who was there before"),
        ("POST /users nth=1 drop-field=first_name", "DOES NOT HOLD   create"),
        ("PUT /users/* status=422", "DOES NOT HOLD   update"),
        ("PUT /users/* drop-field=last_name", "other than sent: last_name"),
        ("PUT /users/* nth=1 lose-field=manager", "holds           update"),
        ("DELETE /users/* nth=1 status=500", "DOES NOT HOLD   delete"),
        ("DELETE /users/* nth=1 reset=after", "DOES NOT HOLD   delete"),
    ] {
        let company = Company::faulty("small", &[rule]);
        company.edit("skovik-sync.toml", "[target]", "[target]\nretries = 0\ntimeout = \"1s\"");
        let code = if says.starts_with("holds") { 0 } else { 4 };
        let output = tried(&company, "skovik-sync.toml", code);
        assert!(output.stdout.contains(says), "{rule}: {output}");
    }
}

#[test]
fn whoever_cannot_be_removed_is_named() {
    let company = Company::faulty("small", &["DELETE /users/* status=403"]);
    let before = ids(&company);
    let output = company.run(&WRITE).ends(9);
    let after = ids(&company);
    let [left] = after.difference(&before).collect::<Vec<_>>()[..] else { panic!("{output}") };
    output.says(&["the made-up person could not be deleted: delete the user", left]);
}

#[test]
fn once_the_lock_is_lost_only_the_person_is_deleted() {
    let company = Company::faulty("small", &["POST /users nth=1 slow=1s"]);
    let before = ids(&company);
    let child = company.command(BINARY, &WRITE).stderr(Stdio::piped()).spawn().expect("it starts");
    while company.writes().is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let locks = locks(&company);
    assert_eq!(locks.len(), 1);
    std::fs::remove_file(&locks[0]).expect("removed");
    let ended = child.wait_with_output().expect("ended");
    assert_eq!(ended.status.code(), Some(9));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("the trial ended early; the made-up person is deleted"));
    assert_eq!(ids(&company), before);
    let methods: Vec<String> = company.writes().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["POST", "DELETE"]);
}

#[test]
fn a_signal_leaves_nobody_behind() {
    for (signal, shell, code) in [
        ("INT", "", 130),
        ("TERM", "", 130),
        ("HUP", "", 130),
        // As `nohup` does.
        ("HUP", "trap '' HUP; ", 0),
    ] {
        let company = Company::faulty("small", &["POST /users nth=1 slow=500ms"]);
        let before = ids(&company);
        let script = format!("{shell}exec {BINARY} {}", WRITE.join(" "));
        let mut child = company.command("sh", &["-c", &script]).spawn().expect("it starts");
        while company.writes().is_empty() {
            assert_eq!(child.try_wait().expect("asked"), None);
            std::thread::sleep(Duration::from_millis(2));
        }
        let sent = company.command("kill", &["-s", signal, &child.id().to_string()]).status().expect("it runs");
        assert!(sent.success());
        assert_eq!(child.wait().expect("ended").code(), Some(code), "{signal} {shell}");
        assert_eq!(ids(&company), before, "{signal} {shell}");
    }
}

#[test]
fn a_second_signal_ends_at_once_and_names_whoever_may_be_left() {
    let company = Company::faulty("small", &["POST /users nth=1 slow=500ms", "DELETE /users/* slow=60s"]);
    let mut child = company.command(BINARY, &WRITE).stderr(Stdio::piped()).spawn().expect("it starts");
    while company.writes().is_empty() {
        assert_eq!(child.try_wait().expect("asked"), None);
        std::thread::sleep(Duration::from_millis(2));
    }
    let began = Instant::now();
    let pid = child.id().to_string();
    let interrupt = || assert!(company.command("kill", &["-s", "INT", &pid]).status().expect("it runs").success());
    interrupt();
    let mut said = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("a second Ctrl-C stops at once") {
        line.clear();
        assert!(said.read_line(&mut line).expect("read") > 0, "it has not ended");
    }
    interrupt();
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("read");
    assert_eq!(child.wait().expect("ended").code(), Some(9), "{rest}");
    assert!(rest.contains("may be left with the e-mail skovik-sync-trial-"), "{rest}");
    assert!(began.elapsed().as_secs() < 40, "it does not wait for the service");
}

#[test]
fn a_signal_before_anybody_is_made_ends_at_once() {
    let company = Company::faulty("small", &["GET /users slow=3s"]);
    let mut child = company.command(BINARY, &WRITE).stderr(Stdio::piped()).spawn().expect("it starts");
    // From then on, the list is read.
    while locks(&company).is_empty() {
        assert_eq!(child.try_wait().expect("asked"), None);
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_millis(500));
    company.command("kill", &["-s", "INT", &child.id().to_string()]).status().expect("it runs");
    let ended = child.wait_with_output().expect("ended");
    assert_eq!(ended.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("interrupted; nothing was written"), "{ended:?}");
    company.wrote_nothing();
}

#[test]
fn nothing_is_written_unasked() {
    let company = Company::new("small");
    company.run(&["check", "--contract", "--write"]).ends(3).says(&["give --yes"]);
    company.run(&["check", "--write", "--yes"]).ends(3);
    // While an apply is under way.
    let state = State::open(&company.path("home/state/skovik-sync"), None).expect("a state");
    let holder = Holder { pid: 1, since: jiff::Timestamp::UNIX_EPOCH, plan_hash: None };
    let lock = lock::take(&state, &company.url(), &holder, &|_| ()).expect("the lock");
    company.run(&WRITE).ends(10);
    drop(lock);
    // No person is made if reading does not work.
    company.edit("skovik-sync.toml", "\n[[source]]", "\n[target.names]\nfirst_name = \"x\"\n\n[[source]]");
    let output = company.run(&WRITE).ends(4);
    assert!(!with_create(&output), "{output}");
    company.wrote_nothing();
}

fn with_create(output: &Output) -> bool {
    output.stdout.contains(" create: ")
}
