//! When the data is bad: a list that cannot be trusted gives no plan, one bad record sets one person aside. Nothing is
//! ever written to Skovik by either.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Company, Request};

/// No plan is made, with this code and these words: no file is written, and an existing one stays as it is.
fn no_plan(company: &Company, code: i32, parts: &[&str]) {
    company.run(&["plan", "-o", "new.json"]).ends(code).says(parts);
    assert!(!company.exists("new.json"), "no plan file may be written");
    company.write("plan.json", "an older plan");
    company.run(&["plan"]).ends(code).says(parts);
    assert_eq!(company.read("plan.json"), "an older plan");
    company.wrote_nothing();
}

/// The `[[source]]` of the fixture, read from another file, with further settings.
fn pointed_at(file: &str, settings: &str) -> Company {
    let company = Company::new("bad");
    company.edit("skovik-sync.toml", "path = \"employees.csv\"", &format!("path = \"{file}\"\n{settings}"));
    company
}

#[test]
fn a_list_that_cannot_be_trusted_gives_no_plan() {
    for (file, settings, parts) in [
        ("ragged.csv", "", &["ragged.csv", "row 4", "6", "8"][..]),
        ("undecodable.csv", "", &["undecodable.csv line 2", "UTF-8", "encoding = \"windows-1252\""]),
        ("empty.csv", "", &["empty.csv is empty"]),
        ("nowhere.csv", "", &["nowhere.csv"]),
        ("wrong-checksum.csv", "sha256_file = \"wrong-checksum.csv.sha256\"", &["wrong-checksum.csv", "sha256"]),
        ("employees.csv", "sha256_file = \"nowhere.sha256\"", &["nowhere.sha256"]),
        ("employees.csv", "expect_records = 88", &["88", "87"]),
        ("employees.csv", "expect_records = 86", &["86", "87"]),
    ] {
        let company = pointed_at(file, settings);
        no_plan(&company, 4, parts);
        company.run(&["check"]).ends(4).says(parts);
    }
}

#[test]
fn a_list_with_the_expected_records_and_checksum_is_proven() {
    let company = pointed_at("employees.csv", "expect_records = 87");
    let plan = company.plan(0);
    assert_eq!(plan["sources"][0]["proof"], json!("expect_records"));
    let company = pointed_at("employees.csv", "sha256_file = \"sum\"");
    let sum = company.command("sha256sum", &["employees.csv"]).output().unwrap();
    company.write("sum", sum.stdout);
    assert_eq!(company.plan(0)["sources"][0]["proof"], json!("sha256_file"));
    company.append("employees.csv", "5081,x@example.com,X,Y,SE01,5001,4100,active\n");
    no_plan(&company, 4, &["sha256"]);
}

#[test]
fn json_lists_are_as_strict() {
    let good = r#"{"employee_id": "5001", "email": "alma.alm@example.com", "first_name": "Alma", "last_name": "Alm",
        "legal_entity": "SE01", "manager_id": null, "cost_center": "4100", "status": "active"}"#
        .replace('\n', " ");
    for (kind, text, parts) in [
        ("json", format!("[{good}"), &["list.json"][..]),
        ("json", format!("[{good}] []"), &["list.json"]),
        ("json", good.clone(), &["list.json"]),
        ("json", "[1]".to_owned(), &["none of its 1 records can be read"]),
        ("json", String::new(), &["list.json"]),
        ("jsonl", format!("{good}\n{{\"employee_id\": \"5002\""), &["list.json", "2"]),
    ] {
        let company = pointed_at("list.json", "");
        company.edit("skovik-sync.toml", "kind = \"csv\"", &format!("kind = \"{kind}\""));
        company.write("list.json", &text);
        let output = company.run(&["plan"]).ends(4);
        assert!(parts.iter().all(|part| output.stderr.contains(part)), "{parts:?} of {text}\n{output}");
        assert!(!company.exists("plan.json"));
        company.wrote_nothing();
    }
}

#[test]
fn a_repeated_key_sets_one_person_aside() {
    let company = pointed_at("duplicate-key.csv", "");
    let plan = company.plan(5);
    assert!(message(&plan, "key_claimed_twice", "5002").contains("rows 3 and 8 of source `hr`"), "{plan:#}");
    assert_eq!(plan["summary"]["set_aside"], json!(1));
    assert!(!operations(&plan).iter().any(|(_, employee)| *employee == "5002"), "neither changed nor deleted");
    // It is nobody's business outside the scope.
    company.edit("skovik-sync.toml", "hr.status == 'active'", "hr.status == 'active' and hr.employee_id != '5002'");
    assert_eq!(company.plan(5)["summary"]["set_aside"], json!(0));
}

#[test]
fn a_repeated_property_sets_one_person_aside() {
    let company = pointed_at("list.json", "");
    company.edit("skovik-sync.toml", "kind = \"csv\"", "kind = \"json\"");
    let person = |id: u32, branch: &str| {
        format!(
            r#"{{"employee_id": "{id}", "email": "p{id}@example.com", "first_name": "A", "last_name": "B{id}",
            "legal_entity": "SE01", "manager_id": null, "cost_center": "4100", "status": "active"{branch}}}"#
        )
    };
    company.write("list.json", format!("[{}, {}]", person(7001, ""), person(7002, ", \"legal_entity\": \"NO01\"")));
    let plan = company.plan(5);
    assert!(
        message(&plan, "template_failed", "7002").contains("the property `legal_entity` appears twice"),
        "{plan:#}"
    );
    assert!(operations(&plan).iter().any(|(action, employee)| *action == "create" && *employee == "7001"));
}

#[test]
fn a_column_that_no_record_has_is_a_wrong_setting() {
    let company = Company::new("bad");
    company.edit("skovik-sync.toml", "{{ hr.cost_center }}", "{{ hr.cost_centre }}");
    no_plan(&company, 3, &["cost_centre", "cost_center"]);
    let company = Company::new("bad");
    company.edit("skovik-sync.toml", "hr.status ==", "hr.statuss ==");
    no_plan(&company, 3, &["statuss", "status"]);
    let company = Company::new("bad");
    company.edit("skovik-sync.toml", "key = \"employee_id\"", "key = \"employee_no\"");
    no_plan(&company, 3, &["employee_no"]);
}

#[test]
fn a_custom_field_that_skovik_does_not_have_is_a_wrong_setting() {
    let company = Company::new("bad");
    company.edit("skovik-sync.toml", "\"Cost center\"", "\"Cost centre\"");
    no_plan(&company, 3, &["Cost centre", "Cost center"]);
    let company = Company::new("bad");
    company.edit("skovik-sync.toml", "[scope]", "[scope]\nbranches = [\"XX01\"]");
    no_plan(&company, 3, &["XX01"]);
}

#[test]
fn a_list_of_skovik_that_cannot_be_trusted_gives_no_plan() {
    for (rule, parts) in [
        ("GET /users nth=2 status=500", &["list of users is incomplete", "page 2"][..]),
        ("GET /users nth=3 reset=before", &["list of users is incomplete", "page 3"]),
        ("GET /users nth=2 cut", &["list of users is incomplete", "page 2"]),
        ("GET /users nth=2 body=html", &["list of users is incomplete", "page 2"]),
        ("GET /users nth=2 status=200 body=html", &["list of users is incomplete", "page 2"]),
        ("GET /users nth=2 loop", &["list of users is incomplete", "page 2"]),
        ("GET /users nth=2 row=missing", &["list of users is incomplete", "84", "83"]),
        ("GET /users nth=9 total=wrong", &["list of users is incomplete", "85"]),
        ("GET /users nth=2 redirect=https://elsewhere.example/v1/users", &["list of users", "redirect"]),
        ("GET /branches status=503", &["list of branches is incomplete", "page 1"]),
        ("GET /custom_fields total=wrong", &["list of custom fields is incomplete"]),
        ("GET /users nth=3 status=401", &["refuses the key (401)"]),
        ("GET /users nth=3 status=403", &["refuses the key (403)"]),
        ("GET /users nth=2 status=404", &["list of users", "404"]),
    ] {
        let company = paged(10, &[rule]);
        company.edit("skovik-sync.toml", "[target]", "[target]\nretries = 0");
        company.write("plan.json", "an older plan");
        let output = company.run(&["plan"]).ends(4);
        assert!(parts.iter().all(|part| output.stderr.contains(part)), "{rule}: {parts:?}\n{output}");
        assert_eq!(company.read("plan.json"), "an older plan", "{rule}");
        company.wrote_nothing();
    }
}

/// The company `bad`, whose account gives pages of so many rows, with faults.
fn paged(rows: usize, rules: &[&str]) -> Company {
    Company::with("bad", |options| {
        options.page_cap = rows.try_into().expect("not zero");
        options.faults = rules.iter().map(|rule| rule.parse().expect("a good rule")).collect();
    })
}

#[test]
fn a_snapshot_of_such_a_list_is_not_kept() {
    let company = paged(10, &["GET /users nth=2 row=missing"]);
    company.edit("skovik-sync.toml", "[target]", "[target]\nretries = 0");
    company.write("before.jsonl", "an older snapshot");
    company.run(&["snapshot", "-o", "before.jsonl"]).ends(4).says(&["incomplete"]);
    assert_eq!(company.read("before.jsonl"), "an older snapshot");
    let names = std::fs::read_dir(company.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().contains("tmp")), "a temporary file was left");
}

#[test]
fn a_row_that_comes_twice_counts_once() {
    let company = paged(10, &["GET /users nth=2 row=twice"]);
    assert_eq!(company.plan(0)["target"]["users"], json!(84));
}

#[test]
fn a_passing_trouble_is_not_seen_in_the_plan() {
    let company = paged(20, &["GET * every=3 status=503", "GET * every=4 status=429 retry-after=0"]);
    company.run(&["plan"]).ends(0);
    assert!(company.requests().iter().any(|request| request.status == Some(503)));
    let calm = Company::new("bad");
    calm.run(&["plan"]).ends(0);
    assert_eq!(company.json("plan.json")["operations"], calm.json("plan.json")["operations"]);
}

/// Who was set aside, by the code of the diagnostic.
fn errors(plan: &Value) -> BTreeMap<String, Vec<String>> {
    let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for found in plan["diagnostics"].as_array().unwrap() {
        if found["severity"] == "error" {
            let employee = found["employee"].as_str().unwrap_or("(nobody)").to_owned();
            errors.entry(found["code"].as_str().unwrap().to_owned()).or_default().push(employee);
        }
    }
    errors
}

fn message<'a>(plan: &'a Value, code: &str, employee: &str) -> &'a str {
    let found = plan["diagnostics"].as_array().unwrap().iter();
    let mut found = found.filter(|found| found["code"] == code && found["employee"].as_str().unwrap_or("") == employee);
    found.next().unwrap_or_else(|| panic!("no {code} of {employee} in {plan:#}"))["message"].as_str().unwrap()
}

fn operations(plan: &Value) -> Vec<(&str, &str)> {
    let operations = plan["operations"].as_array().unwrap().iter();
    operations.map(|one| (one["action"].as_str().unwrap(), one["employee"].as_str().unwrap())).collect()
}

#[test]
fn bad_records_set_their_people_aside_and_everybody_else_is_synchronised() {
    let company = Company::new("bad");
    let plan = company.plan(0);
    assert_eq!(plan["summary"], json!({"create": 3, "update": 0, "delete": 1, "unchanged": 70, "set_aside": 14}));
    let expected: BTreeMap<String, Vec<String>> = [
        ("branch_unknown", &["5015"][..]),
        ("cannot_be_ordered", &["5021", "5022"]),
        ("choice_unknown", &["5016"]),
        ("control_character", &["5017", "5018"]),
        ("email_claimed_twice", &["5101", "5102"]),
        ("email_impossible", &["5013", "5192"]),
        ("email_missing", &["5012"]),
        ("key_missing", &["(nobody)"]),
        ("name_missing", &["5014"]),
        ("renumbering_undecided", &["5191"]),
    ]
    .map(|(code, people)| (code.to_owned(), people.iter().map(|&one| one.to_owned()).collect()))
    .into();
    assert_eq!(errors(&plan), expected);
    // Everybody is named with source, row and reason.
    for (code, employee, parts) in [
        ("key_missing", "", &["Clara Björk", "hr row 12"][..]),
        ("email_missing", "5012", &["Dan Björk", "hr row 13"]),
        ("branch_unknown", "5015", &["Gerd Björk", "hr row 16", "XX99"]),
        ("choice_unknown", "5016", &["hr row 17", "Cost center", "9999"]),
        ("email_claimed_twice", "5101", &["hr row 82", "palm@example.com", "Ivar Palm", "hr row 83"]),
        ("email_claimed_twice", "5102", &["hr row 83", "palm@example.com", "Ines Palm", "hr row 82"]),
        ("cannot_be_ordered", "5021", &["5021", "5022"]),
        ("renumbering_undecided", "5191", &["5091", "--same-person 5191"]),
        ("delete_withheld", "5092", &["Ture Pil", "hr row 88"]),
        ("manager_unresolved", "5023", &["9999", "keep Alma Alm"]),
        ("manager_unresolved", "5024", &["their own manager", "keep Alma Alm"]),
    ] {
        let message = message(&plan, code, employee);
        assert!(parts.iter().all(|part| message.contains(part)), "{code} {employee}: {parts:?} in {message}");
    }
    assert_eq!(operations(&plan)[..3], [("create", "5111"), ("create", "5112"), ("create", "5113")]);
    assert!(operations(&plan).contains(&("delete", "5093")));
    company.wrote_nothing();

    let before = company.users();
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    // Only the people of the plan were changed, and nobody who was set aside.
    let after = company.users();
    let untouched: Vec<&Value> = before.iter().filter(|user| after.contains(user)).collect();
    assert_eq!(untouched.len(), 83, "all but 5093");
    assert!(company.user("5093").is_none() && company.user("5092").is_some() && company.user("5091").is_some());
    // The circle is closed: each reports to the next.
    let id = |name: &str| company.id(name);
    let manager = |name: &str| company.user(name).unwrap()["relationships"]["manager"]["data"]["id"].clone();
    assert_eq!(manager("5111"), json!(id("5113")));
    assert_eq!(manager("5112"), json!(id("5111")));
    assert_eq!(manager("5113"), json!(id("5112")));
    company.is_in_line();
}

#[test]
fn what_a_name_holds_cannot_reach_the_terminal() {
    let company = Company::new("bad");
    let output = company.run(&["plan", "--color", "never"]).ends(0);
    for character in ['\u{1b}', '\u{202e}'] {
        assert!(!output.stdout.contains(character) && !output.stderr.contains(character), "{character:?} in {output}");
    }
    let check = company.run(&["check"]).ends(0);
    assert!(!check.stdout.contains('\u{1b}') && !check.stdout.contains('\u{202e}'), "{check}");
}

#[test]
fn invalid_error_makes_no_plan_of_a_bad_record() {
    let company = Company::new("bad");
    company.edit("skovik-sync.toml", "[scope]", "[scope]\ninvalid = \"error\"");
    no_plan(&company, 4, &["14 records are bad", "invalid = \"error\""]);
}

#[test]
fn unresolved_error_makes_no_plan_of_a_manager_who_is_nowhere() {
    let company = Company::new("bad");
    company.append("skovik-sync.toml", "\n[manager]\nunresolved = \"error\"\n");
    no_plan(&company, 4, &["Gerd Ceder (hr row 24)", "9999", "unresolved = \"error\""]);
}

#[test]
fn too_many_bad_records_block_and_nothing_lifts_that() {
    let company = Company::new("bad");
    company.edit("skovik-sync.toml", "max_invalid_percent = 40", "max_invalid_percent = 15");
    let plan = company.plan(5);
    let guard = plan["guards"].as_array().unwrap().iter().find(|guard| guard["id"] == "max_invalid_percent").unwrap();
    let figures = ["count", "of", "limit", "outcome"].map(|key| guard[key].clone());
    assert_eq!(figures, [json!(14), json!(87), json!(15), json!("block")]);
    let approve = ["approve", "plan.json", "--yes", "--allow", "deletes=99", "--allow", "changes=99"];
    company.run(&approve).ends(5).says(&["max_invalid_percent", "no approval can allow"]);
    let hash = plan["plan_hash"].as_str().unwrap();
    company.run(&["apply", "plan.json", "--approved-hash", hash]).ends(5).says(&["max_invalid_percent"]);
    company.wrote_nothing();
}

#[test]
fn a_whole_list_of_nobody_removes_nobody() {
    let company = pointed_at("header-only.csv", "expect_records = 0");
    let plan = company.plan(5);
    let blocked: Vec<&str> = plan["guards"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|guard| guard["outcome"] == "block")
        .map(|guard| guard["id"].as_str().unwrap())
        .collect();
    assert_eq!(blocked, ["max_delete_percent", "max_change_percent", "min_employees"]);
    company.run(&["approve", "plan.json", "--yes", "--allow", "deletes=99", "--allow", "changes=99"]).ends(5);
    company.wrote_nothing();
}

#[test]
fn a_bad_record_without_a_name_withholds_every_delete() {
    let company = Company::new("bad");
    company.append("employees.csv", ",,,,SE01,5001,4100,active\n");
    let plan = company.plan(0);
    assert_eq!(plan["summary"]["delete"], json!(0));
    assert!(message(&plan, "delete_withheld", "5093").contains("hr row 89"));
}

#[test]
fn a_later_source_without_a_row_sets_the_person_aside_only_where_its_column_is_used() {
    let company = Company::new("group");
    let payroll: Vec<Value> = serde_json::from_str(&company.read("payroll.json")).unwrap();
    let without: Vec<&Value> = payroll.iter().filter(|row| row["employee_id"] != "10200").collect();
    company.write("payroll.json", serde_json::to_string(&without).unwrap());
    company.run(&["plan"]).ends(4).says(&["500", "499"]);
    company.edit("skovik-sync.toml", "expect_records = 500", "expect_records = 499");
    let plan = company.plan(0);
    assert_eq!(plan["summary"]["set_aside"], json!(1));
    assert!(errors(&plan).values().flatten().any(|employee| employee == "10200"), "{:#}", plan["diagnostics"]);
    assert!(!operations(&plan).iter().any(|(_, employee)| *employee == "10200"), "neither changed nor removed");
    let tested = "{{ payroll.company_car if payroll.company_car is defined else false }}";
    company.edit("skovik-sync.toml", "{{ payroll.company_car }}", tested);
    assert_eq!(company.plan(0)["summary"]["set_aside"], json!(1), "other columns of payroll are used");
}

#[test]
fn planning_makes_nothing_but_get_requests() {
    let company = Company::new("group");
    for command in [&["check"][..], &["plan"], &["snapshot"], &["show", "plan.json"], &["verify", "plan.json"]] {
        company.run(command);
    }
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let requests = company.requests();
    assert!(requests.len() > 10 && requests.iter().all(|Request { method, .. }| method == "GET"), "{requests:?}");
}
