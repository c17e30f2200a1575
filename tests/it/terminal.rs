//! What is asked on a terminal, and what the answers lead to. `script` of util-linux is the terminal.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use crate::harness::{BINARY, Company, Output};

const APPLY: &str = "Apply this plan? Type yes to go on";
const APPROVE: &str = "Approve this plan as tester? Type yes to go on";

/// Runs the program on a terminal of 100 columns, and types each answer as soon as its question is shown, one question
/// after another.
fn on_terminal(company: &Company, args: &str, answers: &[(&str, &str)]) -> Output {
    let line = format!("stty cols 100 rows 40; {BINARY} {args}");
    let mut command = company.command("script", &["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.env("TERM", "xterm-256color").env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the tests need `script`, from Debian's package bsdutils");
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    let (mut left, mut seen) = (answers.iter(), 0);
    let mut next = left.next();
    loop {
        let read = output.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((question, answer)) = next
            && let Some(asked) = text[seen..].find(question)
        {
            seen += asked + question.len();
            input.write_all(answer.as_bytes()).unwrap();
            next = left.next();
        }
    }
    let status = child.wait().unwrap();
    let text = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    assert_eq!(next, None, "this was not asked:\n{text}");
    Output { command: format!("skovik-sync {args}"), code: status.code(), stdout: text, stderr: String::new() }
}

#[test]
fn apply_shows_the_plan_asks_and_goes_on_after_yes() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    let output = on_terminal(&company, "apply plan.json", &[(APPLY, "yes\r")]).ends(0);
    for part in ["Maja Ståhl", "Plan hash", "Applied: 3 created, 4 updated, 1 deleted."] {
        assert!(output.stdout.contains(part), "{part}: {output}");
    }
    company.is_in_line();
}

#[test]
fn anything_but_yes_is_no() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    for answer in ["no\r", "y\r", "YES\r", "yes please\r", "\r", "ja\r"] {
        let output = on_terminal(&company, "apply plan.json", &[(APPLY, answer)]).ends(6);
        assert!(output.stdout.contains("not approved: the answer was not yes; nothing was written"), "{output}");
    }
    let interrupted = on_terminal(&company, "apply plan.json", &[(APPLY, "\u{3}")]);
    assert_eq!(interrupted.code, Some(130), "{interrupted}");
    assert!(company.requests().iter().all(|request| request.method == "GET"));
    assert!(!company.journal_path("plan.json").exists());
}

#[test]
fn apply_does_not_ask_where_an_answer_would_not_do() {
    // A guard blocks, or the hash was given and is wrong: no `yes` makes up for that.
    let company = Company::new("small");
    company.append("skovik-sync.toml", "\n[guard]\nmax_change_percent = 10\n");
    company.run(&["plan"]).ends(5);
    on_terminal(&company, "apply plan.json", &[]).ends(6);
    let wrong = format!("apply plan.json --approved-hash sha256:{}", "0".repeat(64));
    on_terminal(&company, &wrong, &[]).ends(6);
    company.wrote_nothing();
}

#[test]
fn apply_does_not_ask_again_what_was_approved() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let output = on_terminal(&company, "apply plan.json", &[]).ends(0);
    assert!(!output.stdout.contains("Apply this plan?"), "{output}");
}

#[test]
fn approve_asks() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    on_terminal(&company, "approve plan.json", &[(APPROVE, "no\r")]).ends(6);
    assert!(!company.exists("plan.json.tester.approval"));
    on_terminal(&company, "approve plan.json", &[(APPROVE, "yes\r")]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
}

#[test]
fn a_terminal_gets_colour_and_long_groups_cut_with_a_word_on_how_to_see_all() {
    let mut company = Company::new("group");
    let output = on_terminal(&company, "plan", &[]).ends(0);
    assert!(output.stdout.contains("\u{1b}[") && output.stdout.contains("--all"), "{output}");
    let all = on_terminal(&company, "plan --all", &[]).ends(0);
    assert!(all.stdout.lines().count() > output.stdout.lines().count() + 20);
    company.env("NO_COLOR", "1");
    let plain = on_terminal(&company, "show plan.json", &[]).ends(0);
    assert!(!plain.stdout.contains("\u{1b}[3"), "{plain}");
}

#[test]
fn init_asks_and_fits_the_settings_to_the_list() {
    let company = Company::empty();
    company.write("people.csv", "Anst\u{e4}llningsnummer;E-post;F\u{f6}rnamn;Efternamn\n1;a@example.com;Anna;Berg\n");
    let answers = [
        ("URL of Skovik's API", "https://api.skovik.com/v1\r"),
        ("CSV file", "people.csv\r"),
        ("Column with the employee number", "\r"),
    ];
    on_terminal(&company, "init", &answers).ends(0);
    let settings = company.read("skovik-sync.toml");
    for line in [
        "url = \"https://api.skovik.com/v1\"",
        "path = \"people.csv\"",
        "delimiter = \";\"",
        "key = \"Anst\u{e4}llningsnummer\"",
    ] {
        assert!(settings.contains(line), "{line}:\n{settings}");
    }
    let output = on_terminal(&company, "init other", &[("URL of Skovik's API", "\u{3}")]);
    assert_eq!(output.code, Some(130), "{output}");
    assert!(!company.exists("other/skovik-sync.toml"));
}
