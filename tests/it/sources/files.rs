//! The company of the fixtures, read from other formats than its CSV file: the plan is the same except for where it
//! comes from.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rust_xlsxwriter::Workbook;
use serde_json::Value;

use crate::harness::{BINARY, Company, Output};

const FROM: &str = "kind = \"csv\"\npath = \"employees.csv\"\n";

/// The same company with its list in another form, and the plan's operations from the CSV file.
fn company(source: &str) -> (Company, Value) {
    let company = Company::new("small");
    let operations = company.plan(0)["operations"].clone();
    company.edit("skovik-sync.toml", FROM, source);
    (company, operations)
}

/// Plans from the other format, applies the plan, and finds nothing more to do.
fn is_the_same(company: &Company, operations: &Value, kind: &str, proof: &str) {
    let plan = company.plan(0);
    assert_eq!(plan["operations"], *operations);
    assert_eq!((&plan["sources"][0]["kind"], &plan["sources"][0]["proof"]), (&kind.into(), &proof.into()));
    company.plan_and_apply();
    company.is_in_line();
}

#[test]
fn a_program_prints_the_list() {
    let (company, operations) = company("kind = \"exec\"\ncommand = [\"cat\", \"employees.csv\"]\nformat = \"csv\"\n");
    is_the_same(&company, &operations, "exec", "exit-status");
}

/// Some parents ignore SIGCHLD, and children inherit that: then the system keeps no exit status for anybody.
#[test]
fn a_program_is_waited_for_also_where_the_parent_ignores_its_end() {
    let (company, _) = company("kind = \"exec\"\ncommand = [\"cat\", \"employees.csv\"]\nformat = \"csv\"\n");
    let line = format!("trap '' CHLD; exec {BINARY} plan");
    let ended = company.command("sh", &["-c", &line]).output().expect("it runs");
    Output::of(&[&line], ended).ends(0);
}

#[test]
fn a_program_that_fails_makes_no_plan() {
    for (script, parts) in [
        ("cat employees.csv; exit 3", &["no plan was made", "source `hr`: sh failed with exit status: 3"][..]),
        ("cat employees.csv; sleep 60", &["source `hr`: was not read within its timeout of 5s"]),
        ("head -c 700 employees.csv", &["source `hr`: what sh printed: row "]),
    ] {
        let (company, _) = company(&format!(
            "kind = \"exec\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\nformat = \"csv\"\ntimeout = \"5s\"\n"
        ));
        fs::remove_file(company.path("plan.json")).unwrap();
        company.run(&["plan"]).ends(4).says(parts);
        assert!(!company.exists("plan.json"), "{script}");
        company.wrote_nothing();
    }
}

#[test]
fn a_workbook_holds_the_list() {
    let (company, operations) = company("kind = \"xlsx\"\npath = \"employees.xlsx\"\nsheet = \"People\"\n");
    let mut workbook = Workbook::new();
    workbook
        .add_worksheet()
        .set_name("Read me")
        .unwrap()
        .write_string(0, 0, "Exported for the expense system")
        .unwrap();
    let sheet = workbook.add_worksheet().set_name("People").unwrap();
    let text = company.read("employees.csv");
    let mut rows = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    for (row, record) in (0..).zip(rows.records()) {
        for (column, cell) in (0..).zip(&record.unwrap()) {
            // As a spreadsheet does: a text that looks like a number becomes one.
            match cell.parse::<u32>() {
                Ok(number) => sheet.write_number(row, column, number).unwrap(),
                Err(_) => sheet.write_string(row, column, cell).unwrap(),
            };
        }
    }
    workbook.save(company.path("employees.xlsx")).unwrap();
    is_the_same(&company, &operations, "xlsx", "trusted");
    // A copy that was cut short.
    let whole = company.read_bytes("employees.xlsx");
    company.write("employees.xlsx", &whole[..whole.len() - 200]);
    company.run(&["plan"]).ends(4).says(&["source `hr`: ", "employees.xlsx is not a workbook that can be read"]);
}

#[test]
fn ctrl_c_ends_the_program_too_that_is_asked() {
    for (args, signal) in [(&["plan"][..], "INT"), (&["check"], "TERM")] {
        let (company, _) = company(
            "kind = \"exec\"\ncommand = [\"sh\", \"-c\", \"sleep 60 & echo $! >child; cat employees.csv; wait\"]\n\
             format = \"csv\"\n",
        );
        fs::remove_file(company.path("plan.json")).unwrap();
        let mut command = company.command(BINARY, args);
        let running = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let child = loop {
            match fs::read_to_string(company.path("child")) {
                Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
                _ => sleep(Duration::from_millis(20)),
            }
        };
        Command::new("kill").args(["-s", signal, &running.id().to_string()]).status().unwrap();
        let output = Output::of(args, running.wait_with_output().unwrap());
        output.ends(130).says(&["interrupted; nothing was written"]);
        assert!(!company.exists("plan.json"));
        // A process whose parent has ended may not have been waited for yet.
        let goes_on = || fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        let begun = Instant::now();
        while goes_on() {
            assert!(begun.elapsed() < Duration::from_secs(10), "{child} goes on");
            sleep(Duration::from_millis(20));
        }
    }
}
