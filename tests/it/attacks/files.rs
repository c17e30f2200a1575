//! Files that have no end, are no files, or are very many, and those that killed runs leave.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

use crate::company::every_step;
use crate::harness::{BINARY, Company, Output};
use crate::world::{Pace, World, room};

/// What is no file, a file that is too long, and a link, each in every place where a file is read that counts.
#[test]
fn what_is_no_file_is_not_read() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    assert!(Command::new("mkfifo").arg(company.path("pipe")).status().expect("it runs").success());
    fs::create_dir(company.path("folder")).expect("made");
    symlink("plan.json", company.path("link.json")).expect("linked");
    fs::File::create(company.path("huge")).and_then(|file| file.set_len(1 << 40)).expect("made");
    let no_file = "it is not a regular file";
    for (name, word) in [("/dev/zero", no_file), ("pipe", no_file), ("folder", no_file), ("huge", "is longer than")] {
        for args in [
            &["apply", name][..],
            &["approve", name, "--yes"],
            &["verify", name],
            &["show", name],
            &["show", "plan.json", "--since", name],
            &["undo", name],
            &["--config", name, "plan"],
        ] {
            company.run(args).ends(3).says(&[word]);
        }
    }
    for name in ["/dev/zero", "pipe", "folder"] {
        company.run(&["plan", "--users", name]).ends(4).says(&[no_file]);
        company.run(&["sandbox", "--seed", name]).ends(3).says(&[no_file]);
    }
    company.run(&["plan", "--users", "huge"]).ends(4).says(&["not a \"skovik-sync/snapshot\""]);
    // What a link leads to can be changed between the approval and the apply.
    for args in [&["apply", "link.json"][..], &["approve", "link.json", "--yes"], &["verify", "link.json"]] {
        company.run(args).ends(3).says(&["symbolic link"]);
    }
    company.run(&["show", "link.json"]).ends(0);
    company.wrote_nothing();
}

#[test]
fn init_looks_at_no_list_without_an_end() {
    let company = Company::empty();
    for (name, target) in [("zero", "/dev/zero"), ("folder", "/"), ("pipe", "the-pipe")] {
        fs::create_dir(company.path(name)).expect("made");
        assert!(Command::new("mkfifo").arg(company.path(name).join("the-pipe")).status().expect("it runs").success());
        symlink(target, company.path(name).join("employees.csv")).expect("linked");
        company.run(&["init", name, "--yes"]).ends(3).says(&["it is not a regular file"]);
        assert!(!company.path(name).join("skovik-sync.toml").exists(), "{name}");
    }
}

#[test]
fn an_approval_that_is_no_file_does_not_count() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    fs::rename(company.path("plan.json.anna.approval"), company.path("elsewhere")).expect("moved");
    symlink("elsewhere", company.path("plan.json.link.approval")).expect("linked");
    symlink("/dev/zero", company.path("plan.json.zero.approval")).expect("linked");
    assert!(Command::new("mkfifo").arg(company.path("plan.json.pipe.approval")).status().expect("run").success());
    fs::File::create(company.path("plan.json.huge.approval")).and_then(|file| file.set_len(1 << 40)).expect("made");
    company.run(&["apply", "plan.json"]).ends(6).says(&["is a link or a folder", "longer than 65536 bytes"]);
    company.wrote_nothing();
}

/// However many files there are, what is read and what is said has a bound; the real approval counts.
#[test]
fn junk_beside_a_plan_is_not_listed_one_by_one() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    for number in 0..30_000 {
        company.write(&format!("plan.json.junk{number}.approval"), if number % 2 == 0 { "junk" } else { "{}" });
    }
    let verified = company.run(&["verify", "plan.json"]).ends(0);
    assert!(verified.stdout.lines().count() < 12, "{}", verified.stdout.len());
    verified.prints(&["by anna", "29001 more files beside the plan"]);
    fs::remove_file(company.path("plan.json.anna.approval")).expect("removed");
    let refused = company.run(&["apply", "plan.json"]).ends(6);
    assert!(refused.stderr.len() < 2000, "{}", refused.stderr.len());
    refused.says(&[" more is no approval", "29000 more files beside the plan"]);
    company.wrote_nothing();
}

/// A killed apply leaves a report with people in it; the next one that writes there removes it.
#[tokio::test]
async fn what_a_killed_run_leaves_is_gone_after_the_next() {
    let _room = room().await;
    let world =
        World::faulty(&every_step(), Pace { timeout_ms: 9000, ..Pace::default() }, &["PUT /users/* slow=500ms"]).await;
    world.approved_plan().await;
    let before = world.requests().len();
    assert!(world.kill_apply_at(before + 6).await, "it was killed");
    let left = || {
        let entries = fs::read_dir(world.folder.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
        let is_left = |path: &std::path::PathBuf| path.to_string_lossy().ends_with(".tmp");
        entries.filter(is_left).collect::<Vec<_>>()
    };
    assert_eq!(left().len(), 1, "a report was under way");
    let old = SystemTime::now() - Duration::from_secs(120);
    let file = fs::File::options().write(true).open(&left()[0]).expect("opened");
    file.set_modified(old).expect("set");
    drop(file);
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(left(), [""; 0].map(std::path::PathBuf::from));
}

/// A snapshot is written while Skovik is read, so whoever ends the command ends it there.
#[test]
fn a_snapshot_that_a_signal_ends_leaves_nothing() {
    let company = Company::new("small");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let url = format!("url = \"http://{}/v1\"", silent.local_addr().expect("an address"));
    let settings = company.read("skovik-sync.toml");
    let line = settings.lines().find(|line| line.starts_with("url = ")).expect("a URL");
    company.edit("skovik-sync.toml", line, &url);
    fs::create_dir(company.path("out")).expect("made");
    let names = || fs::read_dir(company.path("out")).expect("a folder").count();
    for signal in [Signal::INT, Signal::TERM] {
        let mut command = company.command(BINARY, &["snapshot", "-o", "out/s.jsonl"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let asked = silent.accept().expect("it asks Skovik");
        assert_eq!(names(), 1);
        kill_process(Pid::from_child(&child), signal).expect("sent");
        let ended = child.wait_with_output().expect("it ends");
        Output::of(&["snapshot"], ended).ends(130).says(&["interrupted; nothing was written"]);
        assert_eq!(names(), 0);
        drop(asked);
    }
}
