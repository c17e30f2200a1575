//! The guards, to the user, and how far an approval lifts them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::{Company, FIXTURE_URL, snapshot};

/// The file of the approval by the harness's user.
const APPROVAL: &str = "plan.json.tester.approval";

/// A company of this many users; the first ones have another name in the list, and the last ones are not in it.
fn ten(users: usize, updates: usize, deletes: usize, guard: &str) -> Company {
    let user = |number: usize| {
        json!({"type": "users", "id": format!("u{number}"),
            "attributes": {"primary_email": format!("p{number}@example.com"), "external_identifier": number.to_string(),
                           "first_name": "Ada", "last_name": format!("Nr {number}"), "roles": ["employee"],
                           "custom_fields": {}, "external_metadata": {}},
            "relationships": {"manager": {"data": null}, "branch": {"data": {"type": "branches", "id": "br_se"}}}})
    };
    let branch =
        json!({"type": "branches", "id": "br_se", "attributes": {"name": "Example AB", "external_identifier": "SE01"}});
    let account = snapshot(&[branch], &[], &(1..=users).map(user).collect::<Vec<_>>());
    let mut list = String::from("id,email,first,last\n");
    for number in 1..=users - deletes {
        let first = if number <= updates { "Eva" } else { "Ada" };
        writeln!(list, "{number},p{number}@example.com,{first},Nr {number}").unwrap();
    }
    let settings = format!(
        "[target]\nkind = \"skovik\"\nurl = \"{FIXTURE_URL}\"\ntoken_env = \"SKOVIK_TOKEN\"\n\n\
         [[source]]\nname = \"hr\"\nkind = \"csv\"\npath = \"employees.csv\"\nkey = \"id\"\n\n\
         [employee]\nexternal_identifier = \"{{{{ hr.id }}}}\"\nprimary_email = \"{{{{ hr.email }}}}\"\n\
         first_name = \"{{{{ hr.first }}}}\"\nlast_name = \"{{{{ hr.last }}}}\"\n\n[guard]\n{guard}\n"
    );
    Company::of(&settings, &list, &account, |_| {})
}

fn blocking(plan: &Value) -> Vec<&str> {
    let guards = plan["guards"].as_array().unwrap().iter().filter(|guard| guard["outcome"] == "block");
    guards.map(|guard| guard["id"].as_str().unwrap()).collect()
}

#[test]
fn exactly_the_limit_passes_and_one_more_blocks() {
    for (users, updates, deletes, guard, blocks) in [
        (10, 0, 2, "", &[][..]),
        (10, 0, 3, "", &["max_delete_percent", "max_change_percent"]),
        (10, 2, 0, "", &[]),
        (10, 3, 0, "", &["max_change_percent"]),
        (10, 1, 1, "", &[]),
        (10, 2, 1, "", &["max_change_percent"]),
        (9, 0, 2, "", &["max_delete_percent", "max_change_percent"]),
        (1, 1, 0, "", &["max_change_percent"]),
        (3, 0, 1, "max_delete_percent = 33\nmax_change_percent = 33", &["max_delete_percent", "max_change_percent"]),
        (3, 0, 1, "max_delete_percent = 34\nmax_change_percent = 34", &[]),
        (10, 0, 1, "max_delete_percent = 0", &["max_delete_percent"]),
        (10, 0, 2, "max_deletes = 2", &[]),
        (10, 0, 2, "max_deletes = 1", &["max_deletes"]),
        (10, 2, 0, "max_updates = 2", &[]),
        (10, 2, 0, "max_updates = 1", &["max_updates"]),
        (10, 0, 2, "min_employees = 8", &[]),
        (10, 0, 2, "min_employees = 9", &["min_employees"]),
        (10, 10, 0, "max_change_percent = 100", &[]),
    ] {
        let company = ten(users, updates, deletes, guard);
        let plan = company.plan(if blocks.is_empty() { 0 } else { 5 });
        assert_eq!(blocking(&plan), blocks, "{users} {updates} {deletes} {guard}");
    }
}

#[test]
fn creates_are_limited_only_where_somebody_says_so() {
    let company = ten(2, 0, 0, "");
    company.append("employees.csv", "3,p3@example.com,Ida,Ny\n4,p4@example.com,Ida,Ny\n");
    company.run(&["plan"]).ends(0);
    company.append("skovik-sync.toml", "max_creates = 1\n");
    assert_eq!(blocking(&company.plan(5)), ["max_creates"]);
    company.run(&["approve", "plan.json", "--yes"]).ends(5).says(&["--allow creates=2"]);
    company.run(&["approve", "plan.json", "--yes", "--allow", "creates=2"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0).prints(&["Applied: 2 created"]);
}

#[test]
fn a_blocked_plan_needs_a_ceiling_for_each_guard_and_approve_prints_them() {
    let company = ten(10, 1, 4, "");
    let plan = company.plan(5);
    assert_eq!(blocking(&plan), ["max_delete_percent", "max_change_percent"]);
    let hash = plan["plan_hash"].as_str().unwrap();
    let flags = "skovik-sync approve plan.json --allow deletes=4 --allow changes=5";
    for allow in [
        &[][..],
        &["--allow", "deletes=4"],
        &["--allow", "changes=5"],
        &["--allow", "deletes=3", "--allow", "changes=5"],
        &["--allow", "deletes=4", "--allow", "changes=4"],
        &["--allow", "creates=99"],
    ] {
        let args = [&["approve", "plan.json", "--yes"], allow].concat();
        company.run(&args).ends(5).says(&[flags]);
        assert!(!company.exists(APPROVAL), "{allow:?}");
    }
    company.run(&["verify", "plan.json", "--approved-hash", hash]).ends(5);
    company
        .run(&["apply", "plan.json", "--approved-hash", hash])
        .ends(5)
        .says(&["max_delete_percent (4 of 10, limit 20)"]);
    company.wrote_nothing();
    company.run(&["approve", "plan.json", "--yes", "--allow", "deletes=4", "--allow", "changes=5"]).ends(0);
    // A ceiling that was cut down afterwards does not lift it any more.
    let approval = company.read(APPROVAL);
    let mut lower = company.json(APPROVAL);
    lower["allow"]["deletes"] = json!(3);
    company.write(APPROVAL, lower.to_string());
    company.run(&["verify", "plan.json"]).ends(5).says(&["max_delete_percent"]);
    company.run(&["apply", "plan.json"]).ends(5).says(&["max_delete_percent"]);
    company.wrote_nothing();
    company.write(APPROVAL, approval);
    company.run(&["verify", "plan.json"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0).prints(&["0 created, 1 updated, 4 deleted"]);
    company.is_in_line();
}

#[test]
fn nothing_lifts_min_employees_but_another_setting() {
    let company = ten(10, 0, 2, "min_employees = 9");
    company.run(&["plan"]).ends(5);
    let args =
        ["approve", "plan.json", "--yes", "--allow", "deletes=9", "--allow", "changes=9", "--allow", "creates=9"];
    company.run(&args).ends(5).says(&["min_employees", "no approval can allow", "[guard]"]);
    // Nor does an approval that was written for it by hand.
    company.edit("skovik-sync.toml", "min_employees = 9", "min_employees = 8");
    company.run(&["plan", "-o", "other.json"]).ends(0);
    company.run(&["approve", "other.json", "--yes"]).ends(0);
    company.edit("skovik-sync.toml", "min_employees = 8", "min_employees = 9");
    let mut approval = company.json("other.json.tester.approval");
    approval["plan_hash"] = company.json("plan.json")["plan_hash"].clone();
    approval["allow"] = json!({"deletes": 99, "changes": 99, "creates": 99});
    company.write(APPROVAL, approval.to_string());
    company.run(&["apply", "plan.json"]).ends(5).says(&["min_employees"]);
    company.wrote_nothing();
}

#[test]
fn the_guards_count_again_when_there_are_fewer_users_than_planned() {
    let company = ten(10, 0, 2, "");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.remove("5");
    company
        .run(&["apply", "plan.json"])
        .ends(5)
        .says(&["max_delete_percent (2 of 9, limit 20)", "nothing was written"]);
    company.wrote_nothing();
    company.run(&["approve", "plan.json", "--yes", "--allow", "deletes=2", "--allow", "changes=2"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
}

#[test]
fn more_users_than_planned_do_not_loosen_a_guard() {
    let company = ten(9, 0, 2, "");
    company.run(&["plan"]).ends(5);
    let hash = company.json("plan.json")["plan_hash"].as_str().unwrap().to_owned();
    for number in 100..110 {
        let attributes =
            json!({"primary_email": format!("new{number}@example.com"), "first_name": "A", "last_name": "B"});
        company.create(attributes, "br_se");
    }
    company.run(&["apply", "plan.json", "--approved-hash", &hash]).ends(5).says(&["2 of 9"]);
    company.wrote_nothing();
}
