//! Databases as sources. What holds for all of them, and what their tests share.

mod mariadb;
mod postgres;
mod sqlite;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{BINARY, Company, Output, fixtures, snapshot};

/// The columns of the people, all of them texts.
const COLUMNS: &str = "employee_id, email, first_name, last_name, legal_entity, manager_id, cost_center, status";

/// The list of the small company, as statements that fill a table `people`; who has no manager there has NULL.
fn people() -> String {
    let columns = COLUMNS.replace(", ", " VARCHAR(100), ");
    let mut sql = format!("CREATE TABLE people ({columns} VARCHAR(100));\n");
    let mut list = csv::Reader::from_path(fixtures().join("small/employees.csv")).expect("a list");
    for person in list.records() {
        let person = person.expect("a person");
        let value =
            |cell: &str| if cell.is_empty() { "NULL".to_owned() } else { format!("'{}'", cell.replace('\'', "''")) };
        let values: Vec<String> = person.iter().map(value).collect();
        sql.push_str(&format!("INSERT INTO people VALUES ({});\n", values.join(", ")));
    }
    sql
}

/// The small company, whose list is what this source says.
fn small(source: &str) -> Company {
    let company = Company::new("small");
    let settings = company.read("skovik-sync.toml");
    let (before, rest) = settings.split_once("[[source]]").expect("a source");
    let (_, after) = rest.split_once("[employee]").expect("the employee");
    let source = format!("[[source]]\nname = \"hr\"\nkind = \"sql\"\nkey = \"employee_id\"\n{source}\n");
    company.write("skovik-sync.toml", format!("{before}{source}\n[employee]{after}"));
    company
}

/// A company without users, whose one record comes from this source.
fn one_record(source: &str, first_name: &str) -> Company {
    let settings = format!(
        "[target]\nkind = \"skovik\"\nurl = \"http://127.0.0.1:8480/v1\"\ntoken_env = \"SKOVIK_TOKEN\"\n\
         [[source]]\nname = \"hr\"\nkind = \"sql\"\nkey = \"id\"\n{source}\n\
         [employee]\nexternal_identifier = \"{{{{ hr.id }}}}\"\nprimary_email = \"a.berg@example.com\"\n\
         first_name = '''{first_name}'''\nlast_name = \"Berg\"\nbranch = \"SE01\"\n"
    );
    let branch =
        json!({"type": "branches", "id": "se01", "attributes": {"name": "Sweden", "external_identifier": "SE01"}});
    Company::of(&settings, "", &snapshot(&[branch], &[], &[]), |_| {})
}

/// What templates print of one record: each template with its result beside it.
#[track_caller]
fn prints(source: &str, env: &[(&str, &str)], expected: &[(&str, &str)]) {
    let templates: Vec<&str> = expected.iter().map(|(template, _)| *template).collect();
    let mut company = one_record(source, &format!("<{}>", templates.join(" ; ")));
    for (name, value) in env {
        company.env(name, value);
    }
    let plan = company.plan(0);
    let printed = plan["operations"][0]["after"]["first_name"].as_str().unwrap_or_else(|| panic!("{plan:#}"));
    let printed: Vec<&str> = printed.trim_matches(['<', '>']).split(" ; ").collect();
    let found: Vec<(&str, &str)> = templates.iter().copied().zip(printed).collect();
    assert_eq!(found, expected);
}

/// The plan is the one that the file of the small company leads to; carried out, it leaves nothing to do.
#[track_caller]
fn leads_where_the_file_does(company: &Company) {
    let by_file = Company::new("small").plan(0);
    let plan = company.plan(0);
    for part in ["summary", "guards", "diagnostics", "operations"] {
        assert_eq!(plan[part], by_file[part], "{part}");
    }
    let source = &plan["sources"][0];
    assert_eq!((&source["records"], &source["proof"]), (&json!(30), &json!("transaction")), "{source}");
    company.plan_and_apply();
    company.is_in_line();
}

/// The company's program has the password of the reader.
fn knowing(mut company: Company, (_, password): (&str, &str)) -> Company {
    company.env("HR_PASSWORD", password);
    company
}

/// A company with this source has the plan of the same list in a file, and its most detailed log shows no secret.
#[track_caller]
fn is_planned_as_from_the_file(source: &str, reader: (&str, &str)) {
    let company = knowing(small(source), reader);
    leads_where_the_file_does(&company);
    let told = company.run(&["plan", "-vvv", "-o", "told.json"]).ends(0);
    shows_none_of(&told, &[reader.1, "SELECT"]);
}

/// No plan is made, for these reasons, and nothing shows one of these secrets, however much is asked for.
#[track_caller]
fn refuses(company: &Company, code: i32, says: &[&str], secrets: &[&str]) {
    let plain = company.run(&["plan"]).ends(code).says(says);
    let verbose =
        [&["plan", "-vvv"][..], &["plan", "-vvv", "--log-format", "json"]].map(|args| company.run(args).ends(code));
    for output in verbose.iter().chain([&plain]) {
        assert!(!company.exists("plan.json"), "{output}");
        shows_none_of(output, secrets);
    }
}

#[track_caller]
fn shows_none_of(output: &Output, secrets: &[&str]) {
    for secret in secrets {
        assert!(!output.stdout.contains(secret) && !output.stderr.contains(secret), "{secret} is shown:\n{output}");
    }
}

/// A `plan` under way.
fn planning(company: &Company) -> Child {
    let mut command = company.command(BINARY, &["plan"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
}

/// How a `plan` ended that was under way.
fn ended(plan: Child) -> Output {
    Output::of(&["plan"], plan.wait_with_output().expect("it ends"))
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The diagnostics of a plan, without their other parts.
fn messages(plan: &Value) -> Vec<&str> {
    let diagnostics = plan["diagnostics"].as_array().expect("a list");
    diagnostics.iter().map(|diagnostic| diagnostic["message"].as_str().expect("a text")).collect()
}
