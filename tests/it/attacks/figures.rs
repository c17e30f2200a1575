//! The figures of a plan: those that can be compared are; a plan with others is refused before anything is written.

use skovik_sync::guard::{Common, Part};
use skovik_sync::plan::{Action, Content, Plan};

use crate::harness::Company;

/// Approves and applies a plan that was altered and hashed anew, of which both must say the same.
fn refused(alter: impl FnOnce(&mut Content), code: i32, words: &str) {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    let mut content = Plan::read(&company.read_bytes("plan.json")).expect("a plan").content().clone();
    alter(&mut content);
    let plan = Plan::seal(content).expect("a hash");
    plan.write(std::fs::File::create(company.path("plan.json")).expect("made")).expect("written");
    let args = ["approve", "plan.json", "--yes", "--allow", "deletes=9", "--allow", "changes=99"];
    let approved = company.run(&args);
    let ended = if approved.code == Some(0) { company.run(&["apply", "plan.json"]) } else { approved };
    ended.ends(code).says(&[words]);
    company.wrote_nothing();
}

#[test]
fn what_a_list_is_complete_by_is_one_of_the_programs_own_words() {
    for proof in ["", "sha256", "trust me", "total+total", "Trusted", "trusted\u{200b}", "expect_records+"] {
        refused(|content| content.sources[0].proof = proof.to_owned(), 8, "a proof that no list has");
    }
}

#[test]
fn the_size_of_the_account_is_about_that_of_the_account() {
    refused(
        |content| {
            content.target.users = 100_000;
            for guard in content.guards.iter_mut().filter(|guard| guard.id == "max_create_percent") {
                guard.of = 100_000;
            }
        },
        7,
        "the plan says that the account has 100000 users",
    );
}

#[test]
fn the_groups_have_no_more_people_than_may_be_changed() {
    refused(|content| content.summary.unchanged = 100_000, 8, "more people than its target has users");
    refused(|content| content.target.managed = content.target.users + 1, 8, "more people than its target has users");
}

#[test]
fn a_source_has_the_records_that_the_settings_expect() {
    let company = Company::new("small");
    let rows = company.read("employees.csv").lines().count() - 1;
    company.edit(
        "skovik-sync.toml",
        "path = \"employees.csv\"\n",
        &format!("path = \"employees.csv\"\nexpect_records = {rows}\n"),
    );
    company.run(&["plan"]).ends(0);
    let mut content = Plan::read(&company.read_bytes("plan.json")).expect("a plan").content().clone();
    content.sources[0].records += 1;
    let plan = Plan::seal(content).expect("a hash");
    plan.write(std::fs::File::create(company.path("plan.json")).expect("made")).expect("written");
    company.run(&["approve", "plan.json", "--yes"]).ends(8).says(&["expect_records"]);
    company.wrote_nothing();
}

/// `verify` prints them before it compares anything.
#[test]
fn the_target_and_the_sources_forge_no_line() {
    let forged = "http://127.0.0.1/v1\u{1b}[2K\rplan      sha256:0\ntarget    https://api.skovik.com/v1";
    let alter: [fn(&mut Content) -> &mut String; 4] = [
        |content| &mut content.target.url,
        |content| &mut content.target.kind,
        |content| &mut content.sources[0].name,
        |content| &mut content.sources[0].kind,
    ];
    for alter in alter {
        refused(
            |content| *alter(content) = forged.to_owned(),
            8,
            "cannot be seen: http://127.0.0.1/v1\\u{1b}[2K\\rplan",
        );
    }
}

/// What the comment shows of a delete is no text of somebody's choice, which could leave that person out of a shortened comment.
#[test]
fn a_delete_has_one_of_the_programs_own_reasons() {
    for reason in ["", "she asked for it", "in no source ", &"A".repeat(70_000)] {
        refused(
            |content| {
                for operation in &mut content.operations {
                    if let Action::Delete { reason: shown, .. } = &mut operation.action {
                        *shown = reason.into();
                    }
                }
            },
            8,
            "has a reason that no plan gives",
        );
    }
}

/// Nor do the people behind a guard, or a remark, leave anybody out.
#[test]
fn what_a_guard_or_a_remark_says_takes_no_place_from_people() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    let shown = company.run(&["show", "plan.json", "--format", "markdown"]).ends(0).stdout;
    let mut content = Plan::read(&company.read_bytes("plan.json")).expect("a plan").content().clone();
    for guard in &mut content.guards {
        guard.parts = vec![Part { common: Common::Person, name: "A".repeat(60_000), id: None, count: 1 }];
    }
    let remark = |code: &str, message: String| {
        let severity = skovik_sync::diagnostic::Severity::Warning;
        skovik_sync::diagnostic::Diagnostic { severity, code: code.to_owned(), employee: None, message }
    };
    content.diagnostics.push(remark("zz", "A".repeat(60_000)));
    content.diagnostics.push(remark(&"z".repeat(60_000), String::new()));
    content.diagnostics.sort();
    let plan = Plan::seal(content).expect("a hash");
    plan.write(std::fs::File::create(company.path("plan.json")).expect("made")).expect("written");
    let altered = company.run(&["show", "plan.json", "--format", "markdown"]).ends(0).stdout;
    let people = |shown: &str| shown.lines().filter(|line| line.starts_with(['+', '-', '@'])).count();
    assert_eq!(people(&altered), people(&shown), "{altered}");
    assert!(!altered.contains("left out"), "{altered}");
}
