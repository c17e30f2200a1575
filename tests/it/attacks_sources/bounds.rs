//! Settings and lists without a bound: devices, pipes and folders in the place of files, lines and nestings without end,
//! templates that never end, and a list that somebody is writing.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{CSV, company, quickly};
use crate::harness::Company;

fn pipe(company: &Company, name: &str) {
    assert!(Command::new("mkfifo").arg(company.path(name)).status().unwrap().success());
}

/// Things that are not files, with their names in messages.
const NO_FILES: [(&str, &str); 3] =
    [("/dev/zero", "not a regular file"), ("pipe", "not a regular file"), ("home", "not a regular file")];

#[test]
fn what_is_no_file_is_no_list() {
    for (path, expected) in NO_FILES {
        for kind in ["csv", "json", "jsonl", "xlsx"] {
            let company = company(&format!("kind = \"{kind}\"\npath = \"{path}\"\n"));
            pipe(&company, "pipe");
            quickly(&company, &["plan"]).ends(4).says(&["source `hr`: cannot read ", path, expected]);
        }
        let company =
            company(&format!("kind = \"sql\"\nurl = \"sqlite:{path}\"\nquery = \"SELECT 1 AS employee_id\"\n"));
        pipe(&company, "pipe");
        quickly(&company, &["plan"]).ends(4).says(&["source `hr`: cannot read ", path, expected]);
    }
}

#[test]
fn what_is_no_file_holds_no_setting_and_no_secret() {
    for (path, expected) in NO_FILES {
        let company = Company::new("small");
        pipe(&company, "pipe");
        quickly(&company, &["plan", "--config", path]).ends(3).says(&[path, expected]);
        let good = company.read("skovik-sync.toml");
        let sql = "kind = \"sql\"\nurl = \"sqlite:db\"\n";
        let http = "kind = \"http\"\nurl = \"https://127.0.0.1:9/\"\n";
        for (from, to, code) in [
            (CSV, format!("{CSV}sha256_file = \"{path}\"\n"), 4),
            (CSV, format!("{sql}query_file = \"{path}\"\n"), 3),
            (CSV, format!("{http}ca_file = \"{path}\"\n"), 3),
            (
                CSV,
                format!(
                    "kind = \"ldap\"\nurl = \"ldaps://127.0.0.1:9\"\nbase = \"DC=x\"\nfilter = \"(a=*)\"\nca_file = \"{path}\"\n"
                ),
                3,
            ),
            (
                CSV,
                format!("{sql}query = \"SELECT 1\"\n").replace("sqlite:db", "postgres://a@127.0.0.1:9/x")
                    + &format!("ca_file = \"{path}\"\n"),
                3,
            ),
        ] {
            company.write("skovik-sync.toml", good.replace(from, &to));
            quickly(&company, &["plan"]).ends(code).says(&[path, expected]);
        }
    }
    // A secret may come from a pipe, which is waited for: see the unit tests.
    for (path, expected) in [("/dev/zero", "longer than 65536 bytes"), ("home", "directory")] {
        let company = Company::new("small");
        company.edit("skovik-sync.toml", "token_env = \"SKOVIK_TOKEN\"", &format!("token_file = \"{path}\""));
        quickly(&company, &["plan"]).ends(3).says(&["token_file", path, expected]);
    }
}

#[test]
fn a_file_has_a_size() {
    let company = Company::new("small");
    let big = |name: &str, size| fs::File::create(company.path(name)).unwrap().set_len(size).unwrap();
    // Holes take no room on the disk.
    big("employees.csv", 8 << 30);
    quickly(&company, &["plan"]).ends(4).says(&["cannot read", "employees.csv: it is longer than 2147483648 bytes"]);
    big("big", 8 << 30);
    quickly(&company, &["plan", "--config", "big"]).ends(3).says(&["big", "longer than 4194304 bytes"]);
    company.edit("skovik-sync.toml", "token_env = \"SKOVIK_TOKEN\"", "token_file = \"big\"");
    quickly(&company, &["plan"]).ends(3).says(&["token_file", "big: it is longer than 65536 bytes"]);
}

#[test]
fn lines_and_rows_have_a_length() {
    let long = "x".repeat(70 << 20);
    for (kind, text, expected) in [
        ("csv", format!("employee_id\n{long}\n"), "row 2 has more than 64 MiB"),
        ("csv", format!("{long}\n1\n"), "73400320 characters"),
        ("csv", "a,".repeat(4 << 20), "row 1 has more than 16384 cells"),
        ("csv", format!("employee_id\n{}", ",".repeat(8 << 20)), "row 2 has more than 16384 cells"),
        ("csv", format!("employee_id\n\"{long}"), "row 2: a cell begins with a quote and does not end"),
        ("json", format!("[{{\"employee_id\": \"{long}\"}}]"), "more than 64 MiB"),
        ("json", "[".repeat(5 << 20), "record 1: "),
        ("json", format!("[{{\"employee_id\": {}", "[".repeat(5 << 20)), "record 1: "),
        ("jsonl", format!("{{\"employee_id\": {}", "{\"a\":".repeat(1 << 20)), "line 1: "),
    ] {
        let company = company(&format!("kind = \"{kind}\"\npath = \"list\"\n"));
        company.write("list", text);
        let output = quickly(&company, &["plan"]);
        assert!(output.code == Some(3) || output.code == Some(4), "{kind}, {expected}: {output}");
        assert!(output.stderr.contains(expected) && output.stderr.len() < 2_000, "{kind}, {expected}: {output}");
    }
}

#[test]
fn a_value_has_a_length_and_costs_nobody_else() {
    let company = company("kind = \"jsonl\"\npath = \"list\"\n");
    let person = |id: u32, more: &str| {
        format!(
            "{{\"employee_id\": \"{id}\", \"email\": \"p{id}@example.com\", \"first_name\": \"A\", \"last_name\": \"B\", \
             \"legal_entity\": \"SE01\", \"manager_id\": null, \"cost_center\": {more}, \"status\": \"active\"}}\n"
        )
    };
    let long = format!("[\"{}\"]", "x".repeat(2 << 20));
    company.write("list", person(1, "\"4100\"") + &person(2, &long));
    let output = quickly(&company, &["check"]);
    output.prints(&["people    2 in scope, 1 of them good", "a list or an object in it has more than 1024 KiB"]);
}

#[test]
fn records_of_people_have_the_same_columns() {
    let company = company("kind = \"jsonl\"\npath = \"list\"\n");
    let many: Vec<String> = (0..200_000).map(|n| format!("\"k{n}\": 1")).collect();
    company.write("list", format!("{{{}}}\n", many.join(", ")));
    quickly(&company, &["plan"]).ends(4).says(&["more than 4096 different properties"]);
}

#[test]
fn settings_nest_as_deep_as_they_must() {
    let company = Company::new("small");
    let good = company.read("skovik-sync.toml");
    for (name, more) in [
        ("arrays", format!("x = {}", "[".repeat(500_000))),
        ("tables", format!("x = {}", "{a=".repeat(300_000))),
        ("dots", format!("[{}a]", "a.".repeat(400_000))),
        ("quotes", format!("x = \"\"\"{}", "\"\"".repeat(200_000))),
    ] {
        company.write("skovik-sync.toml", format!("{good}\n{more}\n"));
        let output = quickly(&company, &["plan"]);
        assert_eq!(output.code, Some(3), "{name}: {}", &format!("{output}")[..500.min(format!("{output}").len())]);
    }
    let filter = format!("{}(a=*){}", "(!".repeat(100_000), ")".repeat(100_000));
    let ldap = format!("kind = \"ldap\"\nurl = \"ldap://127.0.0.1:9\"\nbase = \"DC=x\"\nfilter = \"{filter}\"\n");
    company.write("skovik-sync.toml", good.replace(CSV, &ldap));
    quickly(&company, &["plan"]).ends(3).says(&["`filter` in [[source]] `hr`", "parentheses within one another"]);
}

#[test]
fn templates_that_never_end_are_refused_at_once() {
    let company = Company::new("small");
    let good = company.read("skovik-sync.toml");
    let loops = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    for template in [
        loops.to_owned(),
        "{{ '%1000000000s' | format('x') }}".to_owned(),
        "{{ 'x' * 1000000000 }}".to_owned(),
        format!("{{{{ {} true }}}}", "not ".repeat(200_000)),
        "{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}".to_owned(),
    ] {
        for setting in ["first_name = \"{{ hr.first_name }}\"", "\"Cost center\" = \"{{ hr.cost_center }}\""] {
            let name = setting.split(" = ").next().unwrap();
            company.write("skovik-sync.toml", good.replace(setting, &format!("{name} = '''{template}'''")));
            let output = quickly(&company, &["plan"]).ends(3).says(&[name.trim_matches('"')]);
            assert!(output.stderr.len() < 1_000, "{}", output.stderr.len());
        }
    }
    let many_nots = format!("{} true", "not ".repeat(200_000));
    for (from, to) in [
        ("include = \"hr.status == 'active'\"", "include = \"WHEN\""),
        ("[[source]]\n", "[[source]]\nprefer = \"WHEN\"\n"),
        ("[scope]\n", "[[approval.rule]]\nwhen = \"WHEN\"\napprovers = 1\n[scope]\n"),
    ] {
        for when in [&*many_nots, "range(100000) | map('abs') | map('abs') | list | length > 0"] {
            company.write("skovik-sync.toml", good.replace(from, &to.replace("WHEN", when)));
            quickly(&company, &["plan"]).ends(3);
        }
    }
}

#[test]
fn a_person_with_too_long_a_cell_is_set_aside() {
    let company = Company::new("small");
    company.edit(
        "skovik-sync.toml",
        "\"{{ hr.cost_center }}\"",
        "\"{% for a in hr.cost_center %}{% for b in hr.cost_center %}{% endfor %}{% endfor %}\"",
    );
    company.edit("employees.csv", ",4300,", &format!(",{},", "4".repeat(5_000)));
    let plan = company.run(&["plan"]);
    assert!(plan.code == Some(0) || plan.code == Some(5), "{plan}");
    let set_aside = company.json("plan.json")["diagnostics"].to_string();
    assert!(
        set_aside.contains("takes more work than a template may") && set_aside.contains("template_failed"),
        "{set_aside}"
    );
    // Without a template, too.
    let company = Company::new("small");
    company.edit("employees.csv", ",4300,", &format!(",{},", "4".repeat(20_000)));
    let plan = company.run(&["plan"]);
    assert!(plan.code == Some(0) || plan.code == Some(5), "{plan}");
    let set_aside = company.json("plan.json")["diagnostics"].to_string();
    assert!(set_aside.contains("gives 20000 bytes, more than the 16384"), "{set_aside}");
}

#[test]
fn a_list_that_somebody_is_writing_is_refused() {
    for kind in ["csv", "jsonl", "json", "xlsx"] {
        let company = company(&format!("kind = \"{kind}\"\npath = \"list\"\n"));
        // So long that it is not read before somebody comes.
        company.write("list", "employee_id\n".to_owned() + &"1\n".repeat(40 << 20));
        let (done, mut list) =
            (AtomicBool::new(false), OpenOptions::new().append(true).open(company.path("list")).unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    list.write_all(b"2\n").unwrap();
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            let output = quickly(&company, &["plan"]);
            done.store(true, Ordering::Relaxed);
            output.ends(4).says(&["source `hr`: cannot read ", "list: it was changed while it was read"]);
        });
        assert!(!company.exists("plan.json"));
    }
}
