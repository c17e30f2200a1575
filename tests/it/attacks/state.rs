//! The state folder when it is damaged, linked, or lies where everybody can put another in its place: it says so in words,
//! says what to do, and nothing is written to Skovik.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::budgets::{ledger, second_of_two, state};
use crate::harness::{BINARY, Company, Output};

/// Where the harness lets the program keep its state.
const STATE: &str = "home/state/skovik-sync";

/// A company with an approved plan, and a state folder.
fn company() -> Company {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    // Makes the folder, and is refused.
    company.run(&["apply", "plan.json"]).ends(6);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    assert!(company.path(STATE).join("key").exists());
    company
}

/// The lock of the account, which `undo` takes, too.
fn lock(company: &Company) -> PathBuf {
    company.run(&["undo", "plan.json", "-o", "undo.json"]).ends(3).says(&["there is no journal"]);
    let entries = fs::read_dir(company.path(STATE)).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "lock")).expect("a lock")
}

#[test]
fn a_damaged_key_says_so_and_what_to_do() {
    for (bytes, words) in [(&b"short"[..], "it has 5"), (&[7; 33], "more than 32"), (b"", "it has 0")] {
        let company = company();
        fs::write(company.path(STATE).join("key"), bytes).expect("written");
        company.run(&["apply", "plan.json"]).ends(8).says(&["key is damaged", words, "restore it from a copy"]);
        company.wrote_nothing();
    }
}

#[test]
fn what_stands_in_the_place_of_a_file_of_the_state_is_named() {
    for (name, word) in
        [("link", "is a symbolic link"), ("folder", "is not a regular file"), ("pipe", "is not a regular file")]
    {
        let put = |company: &Company, path: PathBuf| {
            let victim = company.path("victim");
            fs::write(&victim, "precious").expect("written");
            // Whatever stands there makes way.
            let _ = fs::remove_file(&path);
            match name {
                "link" => symlink(&victim, &path).expect("linked"),
                "folder" => fs::create_dir(&path).expect("made"),
                _ => assert!(Command::new("mkfifo").arg(&path).status().expect("it runs").success()),
            }
        };
        for file in ["key", "journal"] {
            let company = company();
            let path = match file {
                "key" => company.path(STATE).join("key"),
                _ => company.journal_path("plan.json"),
            };
            put(&company, path);
            let output = company.run(&["apply", "plan.json"]).ends(3).says(&[word]);
            assert!(!output.stderr.contains("os error"), "{output}");
            company.wrote_nothing();
            assert_eq!(company.read("victim"), "precious");
        }
    }
}

#[test]
fn a_lock_that_is_a_link_is_named() {
    let company = company();
    let path = lock(&company);
    fs::remove_file(&path).expect("removed");
    company.write("victim", "precious");
    symlink(company.path("victim"), &path).expect("linked");
    let output = company.run(&["apply", "plan.json"]).ends(3).says(&["is a symbolic link"]);
    assert!(!output.stderr.contains("os error"), "{output}");
    company.wrote_nothing();
    assert_eq!(company.read("victim"), "precious");
}

#[test]
fn a_folder_that_is_none_is_named() {
    let company = company();
    company.write("file", "");
    symlink(company.path(STATE), company.path("link")).expect("linked");
    for (state, words) in [
        ("file", "file is not a folder"),
        ("/dev/null", "/dev/null is not a folder"),
        ("link", "link is a symbolic link"),
        ("link/", "link is a symbolic link"),
        ("./link//.", "link is a symbolic link"),
    ] {
        let output = company.run(&["--state", state, "apply", "plan.json"]).ends(3).says(&[words, "--state"]);
        assert!(!output.stderr.contains("os error"), "{output}");
    }
    // Nor is the outcome of a run noted through a link.
    company.append("skovik-sync.toml", "\n[[notify]]\non = [\"failed\", \"waiting\"]\ncommand = [\"true\"]\n");
    fs::create_dir(company.path("victim")).expect("made");
    symlink("victim", company.path("other")).expect("linked");
    for state in ["other", "other/", "./other//."] {
        company.run(&["--state", state, "run"]).ends(3).says(&["other is a symbolic link"]);
    }
    assert_eq!(fs::read_dir(company.path("victim")).expect("a folder").count(), 0);
    company.wrote_nothing();
}

#[test]
fn a_note_of_a_run_that_names_no_plan_is_not_passed_over() {
    let company = company();
    let note = lock(&company).with_extension("run");
    for text in ["", "junk", "sha256:../../x"] {
        fs::write(&note, text).expect("written");
        company.run(&["run"]).ends(8).says(&["names no plan", "remove the file"]);
    }
    company.wrote_nothing();
}

/// In such a folder everybody can rename the state away; in one like `/tmp` only its owner can.
#[test]
fn a_state_below_a_folder_that_everybody_can_write_to_is_refused() {
    let company = company();
    fs::create_dir_all(company.path("open/inner")).expect("made");
    let mode = |mode| fs::set_permissions(company.path("open"), fs::Permissions::from_mode(mode)).expect("set");
    mode(0o777);
    let args = ["--state", "open/inner/state", "apply", "plan.json"];
    company.run(&args).ends(3).says(&["open can be written to by everybody", "chmod o-w"]);
    company.wrote_nothing();
    mode(0o1777);
    company.run(&args).ends(0);
}

/// A limit of the size of files ends the run in order, wherever it strikes.
#[test]
fn a_limit_of_file_sizes_ends_a_run_in_order() {
    for blocks in [1, 8, 16, 24, 32, 48] {
        let company = Company::new("small");
        company.run(&["plan"]).ends(0);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        let line = format!("ulimit -f {blocks}; exec {BINARY} apply plan.json");
        let ended = company.command("sh", &["-c", &line]).output().expect("it runs");
        let code = ended.status.code();
        assert!(matches!(code, Some(0 | 1 | 9)), "{blocks}: {ended:?}");
        let ended = Output::of(&[&line], ended);
        assert!(
            code == Some(0) || ended.stderr.contains("File too large") || ended.stdout.contains("File too large"),
            "{ended}"
        );
        company.run(&["apply", "plan.json"]).ends(0);
        company.is_in_line();
    }
}

/// So does a limit of open files.
#[test]
fn a_limit_of_open_files_ends_a_run_in_order() {
    for files in 4..24 {
        let company = Company::new("small");
        company.run(&["plan"]).ends(0);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        let line = format!("ulimit -n {files}; exec {BINARY} apply plan.json");
        let ended = company.command("sh", &["-c", &line]).output().expect("it runs");
        let ended = Output::of(&[&line], ended);
        assert!(matches!(ended.code, Some(0 | 1 | 3 | 4 | 8 | 9)) && !ended.stderr.contains("panicked"), "{ended}");
        assert!(
            ended.code == Some(0) || format!("{}{}", ended.stdout, ended.stderr).contains("oo many open files"),
            "{ended}"
        );
        company.run(&["apply", "plan.json"]).ends(0);
        company.is_in_line();
    }
}

/// So does a limit that lets no thread be started: one of the memory in which the stacks are.
#[test]
fn where_no_thread_can_be_started_nothing_is_written_and_it_is_said() {
    for kilobytes in [300_000, 500_000, 700_000] {
        let company = company();
        for command in ["plan --out other.json", "apply plan.json", "run --out other.json --report run.json"] {
            let line = format!("ulimit -v {kilobytes}; exec {BINARY} {command}");
            let ended = company.command("sh", &["-c", &line]).output().expect("it runs");
            let ended = Output::of(&[&line], ended);
            assert!(matches!(ended.code, Some(1 | 3 | 4)), "{ended}");
            assert!(!ended.stderr.contains("panicked"), "{ended}");
            ended.says(&["no thread can be started"]);
        }
        company.wrote_nothing();
    }
}

/// What is restored from an artifact or a cache has the modes that its umask gives.
#[test]
fn nobody_else_reads_a_state_that_was_restored() {
    let company = company();
    company.run(&["apply", "plan.json"]).ends(0);
    let folder = company.path(STATE);
    let restored = Command::new("chmod").args(["-R", "go=rX"]).arg(&folder).status().expect("it runs");
    assert!(restored.success());
    fs::set_permissions(folder.join("key"), fs::Permissions::from_mode(0o600)).expect("set");
    company.run(&["apply", "plan.json"]).ends(0);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let entries = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut modes: Vec<_> = entries.map(|path| mode(&path)).collect();
    modes.sort_unstable();
    // The key and the lock; the journals with the copies of plans, and the ledgers.
    assert_eq!(modes, [0o600, 0o600, 0o700, 0o700]);
}

/// A link, a pipe or a folder in the place of a part of the state is no ledger that was altered: every command says so.
#[test]
fn what_is_in_the_place_of_a_ledger_is_named() {
    let house = second_of_two("");
    let before = house.writes();
    let account = ledger(&house);
    let part = fs::read_dir(&account).expect("parts").flatten().map(|part| part.path()).max().expect("a part");
    for path in [state(&house).join("ledgers"), account, part] {
        let kept = house.path("kept");
        fs::rename(&path, &kept).expect("moved");
        symlink(&kept, &path).expect("linked");
        for args in [&["plan"][..], &["run"], &["verify", "two.json"], &["apply", "two.json"]] {
            let refused = house.run(args).ends(3);
            assert!(refused.stderr.contains("is a symbolic link"), "{refused}");
        }
        fs::remove_file(&path).expect("removed");
        fs::rename(&kept, &path).expect("moved");
    }
    assert_eq!(house.writes(), before);
}

/// Each working folder would have a state of its own.
#[test]
fn a_home_that_is_no_whole_path_is_refused() {
    let company = company();
    let args = ["apply", "plan.json"];
    for home in ["home", ".", "./home"] {
        let mut command = company.command(BINARY, &args);
        let ran = command.env("HOME", home).env_remove("XDG_STATE_HOME").output().expect("it runs");
        Output::of(&args, ran).ends(3).says(&["HOME is not a whole path", "--state"]);
    }
    company.wrote_nothing();
}

/// An address is no name of a folder: the journal and the budget would be in a new folder below the working folder.
#[test]
fn what_begins_like_an_address_is_never_a_folder_of_that_name() {
    let company = company();
    let elsewhere = company.path("elsewhere");
    let by_option = |state: &str| company.run(&["apply", "plan.json", "--state", state]);
    let by_variable = |state: &str| {
        let args = ["apply", "plan.json"];
        Output::of(&args, company.command(BINARY, &args).env("SKOVIK_SYNC_STATE", state).output().expect("it runs"))
    };
    let entries = || fs::read_dir(company.folder()).expect("a folder").count();
    let before = entries();
    for (state, words) in [
        ("s3:/bucket/path", "names no bucket or container"),
        ("s3:bucket/path", "names no bucket or container"),
        ("AZ:/container/path", "names no bucket or container"),
        ("s3://me:KEY-0815@bucket/path", "credentials come from the environment"),
        ("https://bucket/path", "must be file:, s3:, az: or gs:"),
        ("file:", "names no folder"),
        ("~/state", "begins with ~"),
        ("$HOME/state", "begins with a variable"),
        ("'state'", "begins with a quote"),
        ("state\n", "line break"),
        ("DefaultEndpointsProtocol=https;AccountKey=KEY-0815", "has a credential in it"),
    ] {
        for ended in [by_option(state), by_variable(state)] {
            let ended = ended.ends(3).says(&["--state", words]);
            assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("KEY-0815"), "{state}: {ended}");
        }
        assert_eq!(entries(), before, "{state}");
    }
    company.wrote_nothing();
    by_variable(&format!("file:{}", elsewhere.display())).ends(0);
    assert!(elsewhere.join("journals").exists());
    let again = by_option(&format!("file://{}", elsewhere.display())).ends(0);
    assert!(again.stdout.contains("was applied completely"), "{again}");
}
