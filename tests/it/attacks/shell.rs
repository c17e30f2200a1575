//! What is printed to be typed does what it says when it is typed, whatever a list or a file is called.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::os::unix::fs::symlink;

use crate::harness::{BINARY, Company, Output};

/// A company of which `skovik-sync` is a command.
fn company() -> Company {
    let mut company = Company::new("small");
    std::fs::create_dir(company.path("bin")).unwrap();
    symlink(BINARY, company.path("bin/skovik-sync")).unwrap();
    let path = format!("{}:{}", company.path("bin").display(), std::env::var("PATH").unwrap());
    company.env("PATH", &path);
    company
}

/// Types a line into a shell.
fn typed(company: &Company, line: &str) -> Output {
    Output::of(&["typed:", line], company.command("bash", &["-c", line]).output().unwrap())
}

/// An identifier in a list can be anything that its author likes.
#[test]
fn an_identifier_from_a_list_is_no_command() {
    for identifier in
        ["$(touch pwned)", "x`touch pwned`", "x;touch pwned", "a'b;touch pwned;'", "-rf", "~", "x & touch pwned"]
    {
        let company = company();
        company.edit("employees.csv", "1009,", &format!("\"{identifier}\","));
        company.run(&["plan"]).ends(0);
        let plan = company.json("plan.json");
        let found =
            plan["diagnostics"].as_array().unwrap().iter().find(|found| found["code"] == "renumbering_undecided");
        let message = found.unwrap_or_else(|| panic!("{identifier}: {plan}"))["message"].as_str().unwrap().to_owned();
        let (_, advice) = message.split_once("plan with ").unwrap();
        let (advice, _) = advice.split_once("), or").unwrap();
        typed(&company, &format!("skovik-sync plan -o again.json {advice}"))
            .ends(0)
            .prints(&["is taken to be the same"]);
        assert!(!company.exists("pwned"), "{identifier}");
        assert_eq!(company.json("again.json")["summary"]["set_aside"], 0, "{identifier}");
    }
}

#[test]
fn the_next_step_is_for_the_file_that_was_written() {
    for name in [
        "a plan.json",
        "a;touch pwned.json",
        "$(touch pwned).json",
        "it's.json",
        "-rf.json",
        "two\nlines.json",
        "no\u{a0}break.json",
        "~/x.json",
        "*.json",
    ] {
        let company = company();
        std::fs::create_dir(company.path("~")).unwrap();
        let planned = company.run(&["plan", &format!("--out={name}")]).ends(0);
        let (_, next) = planned.stderr.split_once("Read it, then: ").unwrap_or_else(|| panic!("{planned}"));
        let line = next.trim_end().replace(" && skovik-sync apply", " --yes && skovik-sync apply");
        typed(&company, &line).ends(0).prints(&["Applied: "]);
        assert!(!company.exists("pwned"), "{name}");
        company.is_in_line();
    }
}

#[test]
fn a_refusal_names_the_file_so_that_it_can_be_typed() {
    let company = company();
    company.append("skovik-sync.toml", "\n[guard]\nmax_creates = 1\n");
    let name = "a plan;touch pwned";
    let planned = company.run(&["plan", "-o", name]).ends(5);
    for line in planned.stdout.lines().chain(planned.stderr.lines()).filter_map(|line| {
        let at = line.find("skovik-sync approve ").or_else(|| line.find("skovik-sync show "))?;
        Some(line[at..].to_owned())
    }) {
        assert!(line.contains("'a plan;touch pwned'"), "{line}");
        let more = if line.contains(" approve ") { " --yes" } else { "" };
        typed(&company, &format!("{line}{more}")).ends(0);
    }
    let refused = company.run(&["approve", name, "--yes"]).ends(5);
    assert!(refused.stderr.contains("skovik-sync approve 'a plan;touch pwned' --allow"), "{refused}");
    assert!(!company.exists("pwned"));
}
