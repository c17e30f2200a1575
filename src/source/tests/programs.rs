//! Programs that print their records.

use std::time::{Duration, Instant};

use super::*;

/// A shell that runs a script, in a folder with the script and what else it needs.
fn shell(script: &str, format: &str) -> Fixture {
    let source = format!(
        "[[source]]\nname = \"hr\"\nkind = \"exec\"\nkey = \"id\"\nformat = \"{format}\"\n\
         command = [\"sh\", \"script\"]\n"
    );
    Fixture::new(&source, &[("script", script.as_bytes()), ("list", b"id,n\n1,a\n2,b\n")])
}

#[test]
fn what_a_program_prints_is_read() {
    for (script, format) in [
        ("cat list", "csv"),
        ("echo '[{\"id\": 1, \"n\": \"a\"}, {\"id\": 2, \"n\": \"b\"}]'", "json"),
        ("echo '{\"id\": 1, \"n\": \"a\"}'; echo '{\"id\": 2, \"n\": \"b\"}'", "jsonl"),
        ("echo thinking >&2; cat list", "csv"),
    ] {
        let records = shell(script, format).read().unwrap();
        assert_eq!(rendered(&records, "{{ hr.id }}{{ hr.n }}"), ["1a", "2b"], "{script}");
        assert_eq!(records.summaries()[0].proof, "exit-status");
    }
}

#[test]
fn a_program_that_does_not_end_well_gives_nothing() {
    let untrusted = ExitStatus::Untrusted;
    for (script, expected) in [
        ("cat list; exit 7", "sh failed with exit status: 7: nothing on standard error"),
        ("cat list; printf 'no \\033[31mdisk\\n' >&2; exit 1", "exit status: 1: no disk"),
        ("cat list; kill -9 $$", "signal: 9"),
        ("true", "sh printed nothing"),
        ("printf 'id,n\\n1,a\\n2'", "what sh printed: row 3 has 1 cells"),
        ("printf 'id,n\\n1,\\351\\n'", "what sh printed: line 2 is not UTF-8"),
    ] {
        shell(script, "csv").refused(untrusted, &["source `hr`: ", expected]);
    }
    let none = "[[source]]\nname = \"hr\"\nkind = \"exec\"\nkey = \"id\"\nformat = \"csv\"\ncommand = [\"./none\"]\n";
    Fixture::new(none, &[]).refused(untrusted, &["source `hr`: ./none cannot be started: "]);
    let fixture = shell("cat list", "csv");
    let counted = Fixture { sources: format!("{}expect_records = 3\n", fixture.sources), ..fixture };
    counted.refused(untrusted, &["has 2 records, but expect_records says 3"]);
}

#[test]
fn a_program_is_ended_with_all_that_it_started() {
    let fixture = shell("cat list; (sleep 30; touch late) & echo $! >child; sleep 30", "csv");
    let fixture = Fixture { sources: format!("{}timeout = \"3s\"\n", fixture.sources), ..fixture };
    let begun = Instant::now();
    fixture.refused(ExitStatus::Untrusted, &["source `hr`: was not read within its timeout of 3s"]);
    assert!(begun.elapsed() < Duration::from_secs(20));
    let child = fs::read_to_string(fixture.folder.path().join("child")).unwrap();
    let gone = || match fs::read_to_string(format!("/proc/{}/stat", child.trim())) {
        // Nobody may have waited for it yet.
        Ok(stat) => stat.contains(") Z "),
        Err(_) => true,
    };
    let waited = Instant::now();
    while !gone() {
        assert!(waited.elapsed() < Duration::from_secs(10), "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_program_is_found_from_the_folder_of_the_settings() {
    let source = "[[source]]\nname = \"hr\"\nkind = \"exec\"\nkey = \"id\"\nformat = \"csv\"\ncommand = [\"bin/list\", \"x y\"]\n";
    let fixture = Fixture::new(source, &[]);
    let bin = fixture.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("list"), "#!/bin/sh\necho id,n; echo \"1,$1\"; ls -d bin >&2\n").unwrap();
    std::process::Command::new("chmod").arg("+x").arg(bin.join("list")).status().unwrap();
    assert_eq!(rendered(&fixture.read().unwrap(), "{{ hr.n }}"), ["x y"]);
}

#[test]
fn settings_of_another_format_are_refused() {
    let parse = |more: &str| {
        let text = format!(
            "[target]\nkind = \"skovik\"\nurl = \"https://x.example\"\n[[source]]\nname = \"hr\"\nkind = \"exec\"\n\
             key = \"id\"\n{more}\n"
        );
        Settings::parse(&text, std::path::Path::new("s.toml")).unwrap_err().to_string()
    };
    for (more, expected) in [
        ("format = \"csv\"", "lacks `command`"),
        ("command = []\nformat = \"csv\"", "`command` in [[source]] `hr` (line 8) is empty"),
        ("command = [\"x\"]", "lacks `format`"),
        ("command = [\"x\"]\nformat = \"xml\"", "must be \"csv\" or \"json\" or \"jsonl\""),
        ("command = [\"x\"]\nformat = \"json\"\ndelimiter = \";\"", "`delimiter`"),
        ("command = [\"x\"]\nformat = \"jsonl\"\npointer = \"/x\"", "does not go with format = \"jsonl\""),
    ] {
        let error = parse(more);
        assert!(error.contains(expected), "{error}");
    }
}
