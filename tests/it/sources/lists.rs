//! Lists as they really are: joins that match nobody, files that another program wrote, several lists, lists of last year.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;

use serde_json::{Value, json};
use skovik_sync::plan::Digest;

use crate::harness::Company;
use crate::run;

const FROM: &str = "kind = \"csv\"\npath = \"employees.csv\"\n";

/// The small company, with its list in another form: the plan's operations are the same.
fn is_the_same(source: &str, list: impl Fn(&str) -> Vec<u8>) {
    let company = Company::new("small");
    let operations = company.plan(0)["operations"].clone();
    let text = company.read("employees.csv");
    company.edit("skovik-sync.toml", FROM, &format!("kind = \"csv\"\npath = \"list\"\n{source}"));
    company.write("list", list(&text));
    assert_eq!(company.plan(0)["operations"], operations);
}

fn guard<'p>(plan: &'p Value, id: &str) -> &'p Value {
    plan["guards"].as_array().unwrap().iter().find(|guard| guard["id"] == id).unwrap_or(&Value::Null)
}

#[test]
fn a_join_that_matches_nobody_is_shown_and_blocks() {
    let company = Company::new("group");
    let plan = company.plan(0);
    let join = json!({"people": 500, "with_row": 500, "rows_of_nobody": 0});
    assert_eq!(
        (&plan["sources"][0]["join"], &plan["sources"][1]["join"]),
        (&Value::Null, &join),
        "{:#}",
        plan["sources"]
    );
    // Zeros in one list and none in the other.
    let payroll = company.read("payroll.json").replace("\"employee_id\": \"", "\"employee_id\": \"00");
    company.write("payroll.json", payroll);
    for column in ["legal_entity", "cost_center"] {
        company.edit("skovik-sync.toml", &format!("payroll.{column}"), &format!("payroll.{column} | default('SE01')"));
    }
    company.edit("skovik-sync.toml", "{{ payroll.company_car }}", "{{ payroll.company_car | default(false) }}");
    let output = company.run(&["plan"]).ends(5);
    output.prints(&["! joined: 0 of 500 people in scope have a record, 500 records belong to nobody"]);
    let plan: Value = serde_json::from_str(&company.read("plan.json")).unwrap();
    let blocking = guard(&plan, "max_unmatched_percent");
    assert_eq!(blocking["outcome"], json!("block"), "{:#}", plan["guards"]);
    company.run(&["check"]).ends(0).prints(&[
        "join      payroll: 0 of 500 people in scope have a record, 500 records belong to nobody (! max_unmatched_percent is 50)\n",
        "500 more would match without leading zeros",
    ]);
    company
        .run(&["show", "plan.json", "--format", "markdown"])
        .ends(0)
        .prints(&["0 of 500 people in scope have a record"]);
    // A key that is a template meets again.
    let key = "kind = \"json\"\npath = \"payroll.json\"\nkey = \"employee_id\"\n";
    company.edit("skovik-sync.toml", key, &key.replace("\"employee_id\"", "\"{{ employee_id | int }}\""));
    assert_eq!(company.plan(0)["sources"][1]["join"], join);
}

#[test]
fn lists_that_other_programs_wrote_are_read() {
    let semicolons = |text: &str| text.replace(',', ";");
    is_the_same("", |text| format!("sep=;\r\n{}", semicolons(text)).into());
    is_the_same("delimiter = \"+|\"\n", |text| text.replace(',', "+|").into());
    is_the_same("header_row = 3\n", |text| format!("Personnel list\n\n{text}").into());
    let columns = "[\"employee_id\", \"email\", \"first_name\", \"last_name\", \"legal_entity\", \"manager_id\", \
                   \"cost_center\", \"status\"]";
    is_the_same(&format!("columns = {columns}\n"), |text| text.split_once('\n').unwrap().1.into());
    is_the_same("encoding = \"iso-8859-1\"\n", |text| {
        text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
    });
}

#[test]
fn letters_are_not_made_of_others_by_luck() {
    let company = Company::new("small");
    company.edit("skovik-sync.toml", FROM, &format!("{FROM}encoding = \"windows-1252\"\n"));
    company.run(&["plan"]).ends(4).says(&["is UTF-8 with multi-byte letters", "set encoding = \"utf-8\""]);
}

#[test]
fn two_subsidiaries_are_one_list() {
    let company = Company::new("small");
    let operations = company.plan(0)["operations"].clone();
    let text = company.read("employees.csv");
    let (header, rows) = text.split_once('\n').unwrap();
    let (first, second): (Vec<&str>, Vec<&str>) = rows.lines().partition(|row| row.contains(",SE01,"));
    company.write("se.csv", format!("{header}\n{}\n", first.join("\n")));
    company.write("no.csv", format!("{}\n{}\n", header.replace("employee_id", "nr"), second.join("\n")));
    let part = |name: &str| format!("[[source]]\nname = \"{name}\"\nkind = \"csv\"\npath = \"{name}.csv\"\n\n");
    let settings = company.read("skovik-sync.toml");
    let union = "kind = \"union\"\nof = [\"se\", \"no\"]\ncolumns = { employee_id = { no = \"nr\" } }\n";
    let settings = settings.replace("[[source]]\n", &format!("{}{}[[source]]\n", part("se"), part("no")));
    company.write("skovik-sync.toml", settings.replace(FROM, union));
    let plan = company.plan(0);
    assert_eq!(plan["operations"], operations);
    assert_eq!(plan["sources"][0]["kind"], json!("union"));
    company.plan_and_apply();
    company.is_in_line();
}

#[test]
fn companies_become_branches_by_a_table() {
    let company = Company::new("small");
    let operations = company.plan(0)["operations"].clone();
    let names = |text: &str| text.replace(",SE01,", ",Example AB,").replace(",NO01,", ",Example AS,");
    company.write("employees.csv", names(&company.read("employees.csv")));
    let table = "[[table]]\nname = \"branches\"\npath = \"branches.csv\"\nkey = \"company\"\n\n[employee]\n";
    company.edit("skovik-sync.toml", "[employee]\n", table);
    company.edit("skovik-sync.toml", "{{ hr.legal_entity }}", "{{ branches[hr.legal_entity].id }}");
    company.write("branches.csv", "company,id\nExample AB,SE01\nExample AS,NO01\n");
    let plan = company.plan(0);
    assert_eq!(plan["operations"], operations);
    assert_eq!((&plan["sources"][1]["name"], &plan["sources"][1]["kind"]), (&json!("branches"), &json!("table")));
    company.write("branches.csv", "company,id\nExample AB,SE01\n");
    let output = company.run(&["check"]).ends(0);
    output.prints(&["table `branches` has no row whose company is \"Example AS\""]);
    company.write("branches.csv", "company,id\nExample AB,SE01\nExample AB,NO01\n");
    company.run(&["plan"]).ends(4).says(&["branches", "\"Example AB\" (rows 2 and 3)", "must have each key once"]);
}

#[test]
fn a_list_of_last_year_is_refused() {
    let company = Company::new("small");
    company.edit("skovik-sync.toml", FROM, &format!("{FROM}max_age = \"36h\"\n"));
    company.plan(0);
    company.command("touch", &["-d", "2023-01-02T03:04:05Z", "employees.csv"]).status().unwrap();
    company.run(&["plan"]).ends(4).says(&["is too old: it was last changed 2023-01-02T03:04:05Z", "max_age is 36h"]);
}

#[test]
fn check_says_what_each_column_holds() {
    let company = Company::new("small");
    let text = company.read("employees.csv");
    let mut lines = text.lines();
    let header = format!("{},hired,note", lines.next().unwrap());
    let rows =
        lines.enumerate().map(|(n, row)| format!("{row},{:02}.01.2020,{}", n % 28 + 1, if n == 3 { "x" } else { "" }));
    let list: Vec<String> = std::iter::once(header).chain(rows).collect();
    company.write("employees.csv", list.join("\n"));
    company.run(&["check"]).ends(0).prints(&[
        "(text of digits)\n",
        "(text of dates, %d.%m.%Y)\n",
        "mostly empty (",
        "people name one; ",
    ]);
}

/// Whatever checks its lists passed, a plan that `run` made can be read again: by the run that resumes it, and by people.
#[test]
fn a_plan_of_lists_with_different_proofs_is_finished_and_undone() {
    let house = run::house(run::AUTOMATIC, &["--fail", "DELETE /users/* times=1 status=422"]);
    let text = house.read("people.csv");
    let (header, rows) = text.split_once('\n').unwrap();
    let (one, other): (Vec<&str>, Vec<&str>) = rows.lines().partition(|row| row.len() % 2 == 0);
    let part = |name: &str, rows: &[&str], more: &str| {
        let text = format!("{header}\n{}\n", rows.join("\n"));
        fs::write(house.path(&format!("{name}.sum")), Digest::of(text.as_bytes()).to_string().replace("sha256:", ""))
            .unwrap();
        fs::write(house.path(name), text).unwrap();
        let count = rows.len();
        format!("[[source]]\nname = \"{name}\"\nkind = \"csv\"\npath = \"{name}\"\nexpect_records = {count}\n{more}")
    };
    let settings = house.read("skovik-sync.toml");
    let (one, other) = (part("one", &one, ""), part("other", &other, "sha256_file = \"other.sum\"\n"));
    let union =
        settings.replace("kind = \"csv\"\npath = \"people.csv\"", "kind = \"union\"\nof = [\"one\", \"other\"]");
    fs::write(house.path("skovik-sync.toml"), union.replacen("[[source]]", &format!("{one}{other}[[source]]"), 1))
        .unwrap();
    house.run(&["run"]).ends(9);
    assert_eq!(house.json("plan.json")["sources"][0]["proof"], "expect_records+sha256_file");
    run::cut_off(&house, "plan.json");
    house.hurry();
    let resumed = house.run(&["run"]).ends(0);
    assert!(resumed.stderr.contains("settling what is in doubt of the plan sha256:"), "{resumed:?}");
    house.run(&["show", "plan.json"]).ends(0);
    house.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0);
}
