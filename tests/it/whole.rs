//! From the lists to the account: plan, approve, apply, and a second plan that is empty, on every fixture and in every
//! mode of the sandbox.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::num::NonZeroUsize;
use std::process::Stdio;

use serde_json::{Value, json};
use skovik_sync::sandbox::Options;
use skovik_sync::sandbox::{BranchMove, Identifiers, ManagerDelete, Paging, PutMode};

use crate::harness::{BINARY, Company, FIXTURE_URL, Request, snapshot};

type Behave = fn(&mut Options);

fn cap(options: &mut Options) {
    options.page_cap = NonZeroUsize::new(7).unwrap();
}

const MODES: &[(&str, Behave)] = &[
    ("as by default", |_| {}),
    ("cursor", |options| {
        options.paging = Paging::Cursor;
        cap(options);
    }),
    ("count", |options| {
        options.paging = Paging::Count;
        cap(options);
    }),
    ("pages of 7", cap),
    ("no total", |options| options.total = false),
    ("merge", |options| options.put = PutMode::Merge),
    ("keeps", |options| options.branch_move = BranchMove::Keeps),
    ("refuses", |options| options.manager_delete = ManagerDelete::Refuses),
    ("the strictest", |options| {
        options.paging = Paging::Cursor;
        options.total = false;
        options.manager_delete = ManagerDelete::Refuses;
        cap(options);
    }),
];

/// A user as the plan should leave them: changed as the plan says, and otherwise exactly as before. `made` holds the
/// ids of the people whom the plan's operations created.
fn expected(before: &Value, operation: Option<&Value>, made: &BTreeMap<String, String>) -> Value {
    let mut user = before.clone();
    let Some(operation) = operation else { return user };
    for change in operation["changes"].as_array().unwrap() {
        let (field, after) = (change["field"].as_str().unwrap(), &change["after"]);
        match (field, field.strip_prefix("custom_fields.")) {
            ("manager", _) if after.is_null() => user["relationships"]["manager"]["data"] = Value::Null,
            ("manager", _) => {
                let id = after["create"]
                    .as_str()
                    .map_or_else(|| after["user_id"].as_str().unwrap(), |operation| made[operation].as_str());
                user["relationships"]["manager"]["data"] = json!({"type": "users", "id": id});
            }
            ("branch", _) => {
                user["relationships"]["branch"]["data"] = json!({"type": "branches", "id": after["branch_id"]})
            }
            (_, Some(id)) => user["attributes"]["custom_fields"][id] = after.clone(),
            (_, None) => user["attributes"][field] = after.clone(),
        }
    }
    user
}

/// Holds every user of the account against what the plan says.
fn account_is_as_planned(mode: &str, plan: &Value, before: &[Value], company: &Company) {
    let operations = plan["operations"].as_array().unwrap();
    let of_user: BTreeMap<&str, &Value> =
        operations.iter().filter_map(|operation| Some((operation["user_id"].as_str()?, operation))).collect();
    let creates = || operations.iter().filter(|operation| operation["action"] == "create");
    let made: BTreeMap<String, String> = creates()
        .map(|create| (create["id"].as_str().unwrap().to_owned(), company.id(create["employee"].as_str().unwrap())))
        .collect();
    let after = company.users();
    assert_eq!(
        after.len() as u64,
        before.len() as u64 + plan["summary"]["create"].as_u64().unwrap() - plan["summary"]["delete"].as_u64().unwrap()
    );
    for user in before {
        let id = user["id"].as_str().unwrap();
        let now = after.iter().find(|user| user["id"] == id);
        match of_user.get(id).copied() {
            Some(operation) if operation["action"] == "delete" => assert_eq!(now, None, "{mode}: {id} is removed"),
            operation => {
                let mut expected = expected(user, operation, &made);
                let mut now = now.unwrap_or_else(|| panic!("{mode}: {id} is gone")).clone();
                // An empty custom field and none are the same.
                for user in [&mut expected, &mut now] {
                    let fields = user["attributes"]["custom_fields"].as_object_mut().unwrap();
                    fields.retain(|_, value| !value.is_null());
                }
                assert_eq!(now, expected, "{mode}: {id}");
            }
        }
    }
    for create in creates() {
        let (user, after) = (company.user(create["employee"].as_str().unwrap()).unwrap(), &create["after"]);
        for field in ["external_identifier", "primary_email", "first_name", "last_name", "custom_fields"] {
            assert_eq!(user["attributes"][field], after[field], "{mode}: {field} of {create}");
        }
        assert_eq!(user["attributes"]["roles"], json!(["employee"]));
        assert_eq!(user["relationships"]["branch"]["data"]["id"], after["branch"]["branch_id"], "{mode}: {create}");
    }
}

/// Each request of an operation was sent after the last one of every operation that it depends on.
fn writes_are_in_order(mode: &str, plan: &Value, before: &[Value], company: &Company) {
    let users = company.users();
    let known = |id: &Value| before.iter().any(|user| user["id"] == *id);
    // The sandbox's users are in the order of their creation.
    let mut new = users.iter().filter(|user| !known(&user["id"]));
    let operations = plan["operations"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut operation_of: BTreeMap<(&str, String), String> = BTreeMap::new();
    let mut made: BTreeMap<String, String> = BTreeMap::new();
    for operation in operations {
        let id = text(&operation["id"]);
        match operation["action"].as_str().unwrap() {
            "create" => {
                let user = company.id(operation["employee"].as_str().unwrap());
                made.insert(id.clone(), user.clone());
                operation_of.insert(("POST", user), id);
            }
            "link" => {
                operation_of.insert(("PUT", made[operation["create"].as_str().unwrap()].clone()), id);
            }
            "update" => {
                operation_of.insert(("PUT", text(&operation["user_id"])), id);
            }
            _ => {
                operation_of.insert(("DELETE", text(&operation["user_id"])), id);
            }
        }
    }
    let mut span: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (place, Request { method, path, status, .. }) in company.writes().into_iter().enumerate() {
        assert!(matches!(status, Some(200..=204)), "{mode}: {method} {path}: {status:?}");
        let user = match method.as_str() {
            "POST" => text(&new.next().unwrap()["id"]),
            _ => path.rsplit('/').next().unwrap().to_owned(),
        };
        let key = operation_of.keys().find(|(verb, id)| *verb == method && *id == user).cloned();
        let operation =
            operation_of[&key.unwrap_or_else(|| panic!("{mode}: {method} {path} is of no operation"))].clone();
        span.entry(operation).or_insert((place, place)).1 = place;
    }
    for operation in operations {
        let id = text(&operation["id"]);
        let (first, _) = *span.get(&id).unwrap_or_else(|| panic!("{mode}: operation {id} was not sent"));
        for needed in operation["depends_on"].as_array().unwrap() {
            let (_, last) = span[needed.as_str().unwrap()];
            assert!(last < first, "{mode}: operation {id} was sent before {needed} was done");
        }
    }
}

fn all_modes(fixture: &str, summary: &Value) {
    let mut operations: Option<Value> = None;
    for (mode, behave) in MODES {
        let company = Company::with(fixture, behave);
        let before = company.users();
        let plan = company.plan(0);
        assert_eq!(plan["summary"], *summary, "{mode}");
        // How lists are paged and what a write does is not seen in a plan.
        assert_eq!(*operations.get_or_insert_with(|| plan["operations"].clone()), plan["operations"], "{mode}");
        company.wrote_nothing();
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        company.run(&["apply", "plan.json"]).ends(0);
        account_is_as_planned(mode, &plan, &before, &company);
        writes_are_in_order(mode, &plan, &before, &company);
        company.is_in_line();
    }
}

#[test]
fn the_small_company_in_every_mode() {
    all_modes("small", &json!({"create": 3, "update": 4, "delete": 1, "unchanged": 22, "set_aside": 0}));
}

#[test]
fn the_group_in_every_mode() {
    all_modes("group", &json!({"create": 20, "update": 40, "delete": 8, "unchanged": 440, "set_aside": 0}));
}

#[test]
fn the_company_with_bad_records_in_every_mode() {
    all_modes("bad", &json!({"create": 3, "update": 0, "delete": 1, "unchanged": 70, "set_aside": 14}));
}

#[test]
fn one_request_at_a_time_leads_to_the_same_account() {
    let state = |settings: &str| {
        let company = Company::new("group");
        company.edit("skovik-sync.toml", "[target]", &format!("[target]\n{settings}"));
        company.plan_and_apply();
        let mut users: Vec<Value> = company.users();
        let ids: BTreeMap<String, String> = users
            .iter()
            .map(|user| (user["id"].as_str().unwrap().to_owned(), user["attributes"]["primary_email"].to_string()))
            .collect();
        // The ids of new users depend on who comes first.
        for user in &mut users {
            user["id"] = json!(ids[user["id"].as_str().unwrap()]);
            let manager = &mut user["relationships"]["manager"]["data"];
            if let Some(id) = manager["id"].as_str().map(str::to_owned) {
                manager["id"] = json!(ids[&id]);
            }
        }
        users.sort_by_key(|user| user["id"].to_string());
        users
    };
    assert_eq!(state("max_in_flight = 1"), state("max_in_flight = 64"));
}

#[test]
fn an_identifier_that_stays_taken_fails_what_needs_it_and_nothing_else() {
    let company = Company::with("group", |options| options.identifiers = Identifiers::Reserved);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let output = company.run(&["apply", "plan.json"]).ends(9);
    assert!(output.stdout.contains("Applied: 20 created, 39 updated, 8 deleted."), "{output}");
    assert!(output.stdout.contains("Failed (1):") && output.stdout.contains("primary_email"), "{output}");
    // Trying again changes nothing about that, and harms nobody.
    let writes = company.writes().len();
    let output = company.run(&["apply", "plan.json"]).ends(9);
    assert!(output.stdout.contains("Applied: 20 created, 39 updated, 8 deleted."), "{output}");
    assert_eq!(company.writes().len(), writes + 1, "only the failed one is sent again");
}

/// The small company, in which Isak Lund, who moves to another branch, has what no setting of ours manages.
fn with_odd_attributes(behave: Behave) -> Company {
    let company = Company::offline("small");
    let text = company.read("users.jsonl");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let all = |what: &str| lines.iter().filter_map(|line| line.get(what).cloned()).collect::<Vec<_>>();
    let mut fields = all("custom_field");
    fields
        .push(json!({"type": "custom-fields", "id": "cf_note", "attributes": {"name": "Note", "field_type": "text"}}));
    fields
        .push(json!({"type": "custom-fields", "id": "cf_car", "attributes": {"name": "Car", "field_type": "boolean"}}));
    let mut users = all("user");
    for user in &mut users {
        let attributes = &mut user["attributes"];
        attributes["custom_fields"]["cf_note"] = json!("keep\nme \u{1f9fe}");
        attributes["custom_fields"]["cf_car"] = json!(false);
        attributes["external_metadata"] = json!({"sap": "700", "empty": ""});
        attributes["locale"] = json!("sv-SE");
        attributes["odd"] = json!({"z": [1, null, {"a": {}}], "a": "PLACE"});
        user["relationships"]["substitute"] = json!({"data": {"type": "users", "id": "elsewhere"}});
        user["extra"] = json!({"since": "2019"});
    }
    let seed = snapshot(&all("branch"), &fields, &users);
    // Numbers that no float holds, and a spelling that no program would choose.
    let seed =
        rehashed(&String::from_utf8(seed).unwrap().replace("\"PLACE\"", "[12345678901234567890123,1.10,1E+2,-0.0]"));
    company.serve(&seed, behave)
}

/// A snapshot whose lines were edited, with the right checksum again.
fn rehashed(text: &str) -> Vec<u8> {
    let (kept, end) = text.trim_end().rsplit_once('\n').unwrap();
    let kept = format!("{kept}\n");
    let mut end: Value = serde_json::from_str(end).unwrap();
    end["end"]["sha256"] = json!(skovik_sync::plan::Digest::of(kept.as_bytes()).to_string());
    format!("{kept}{end}\n").into_bytes()
}

#[test]
fn what_the_tool_does_not_know_survives_to_the_letter_and_custom_fields_survive_a_move() {
    for (mode, behave) in MODES {
        let company = with_odd_attributes(*behave);
        let before = company.users();
        let plan = company.plan(0);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        company.run(&["apply", "plan.json"]).ends(0);
        account_is_as_planned(mode, &plan, &before, &company);
        let isak = company.user("1009").unwrap();
        assert_eq!(
            isak["attributes"]["custom_fields"],
            json!({"cf_cost_center": "4100", "cf_note": "keep\nme \u{1f9fe}", "cf_car": false}),
            "{mode}"
        );
        assert_eq!(isak["relationships"]["branch"]["data"]["id"], "br_no", "{mode}");
        for name in ["1008", "1009", "1021", "1024"] {
            let raw = company.raw_user(name);
            assert!(raw.contains("[12345678901234567890123,1.10,1E+2,-0.0]"), "{mode}: {raw}");
        }
    }
}

#[test]
fn a_move_that_empties_custom_fields_is_read_back_and_filled_again() {
    let company = with_odd_attributes(|_| {});
    company.plan_and_apply();
    let isak = format!("/users/{}", company.id("1009"));
    let puts = company.writes().iter().filter(|request| request.path == isak).count();
    assert_eq!(puts, 2, "once to move, once to fill");
    let company = with_odd_attributes(|options| options.branch_move = BranchMove::Keeps);
    company.plan_and_apply();
    let puts = company.writes().iter().filter(|request| request.path == isak).count();
    assert_eq!(puts, 1, "nothing went missing");
}

#[test]
fn an_empty_account_is_filled() {
    // A first run that creates everybody changes and removes nobody, so that no guard minds.
    let company = Company::offline("group");
    let lines: Vec<Value> =
        company.read("users.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let all = |what: &str| lines.iter().filter_map(|line| line.get(what).cloned()).collect::<Vec<_>>();
    let company = company.serve(&snapshot(&all("branch"), &all("custom_field"), &[]), |_| {});
    let output = company.plan_and_apply();
    assert!(output.stdout.contains("Applied: 500 created, 0 updated, 0 deleted."), "{output}");
    company.is_in_line();
}

#[test]
fn a_first_run_that_adopts_everybody_blocks_and_can_be_allowed() {
    let company = Company::offline("small");
    let text = company.read("users.jsonl");
    let text = (1001..=1027).fold(text, |text, number| {
        text.replace(&format!("\"external_identifier\":\"{number}\""), "\"external_identifier\":null")
    });
    // Those who changed their address or left are not found, and nobody without an identifier is removed.
    let company = company.serve(&rehashed(&text), |_| {});
    let plan = company.plan(5);
    assert_eq!(plan["summary"]["delete"], json!(0));
    let changes = plan["guards"].as_array().unwrap().iter().find(|guard| guard["id"] == "max_change_percent").unwrap();
    let allow = format!("changes={}", changes["count"]);
    company.run(&["approve", "plan.json", "--yes", "--allow", &allow]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    company.is_in_line();
    let adopted =
        company.users().iter().filter(|user| user["attributes"]["external_identifier"] != Value::Null).count();
    assert_eq!(adopted, 29, "everybody in scope has an identifier now");
}

#[test]
fn people_who_come_back_are_made_again() {
    let company = Company::new("small");
    company.plan_and_apply();
    company.edit("employees.csv", "Rask,SE01,1002,4100,left", "Rask,SE01,1002,4100,active");
    company.run(&["plan", "-o", "rehire.json"]).ends(0);
    assert_eq!(company.json("rehire.json")["summary"]["create"], json!(1));
    company.run(&["approve", "rehire.json", "--yes"]).ends(0);
    company.run(&["apply", "rehire.json"]).ends(0);
    company.is_in_line();
}

#[cfg(unix)]
#[test]
fn a_sandbox_that_was_started_by_hand_holds_and_saves_the_same() {
    let company = Company::offline("small");
    let mut command =
        company.command(BINARY, &["sandbox", "--port", "0", "--seed", "users.jsonl", "--save", "after.jsonl"]);
    let mut sandbox = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(sandbox.stdout.take().unwrap()).read_line(&mut line).unwrap();
    company.edit("skovik-sync.toml", FIXTURE_URL, line.strip_prefix("listening on ").unwrap().trim_end());
    company.plan_and_apply();
    company.is_in_line();
    // What `snapshot` reads and what the sandbox saves are the same users.
    company.run(&["snapshot", "-o", "read.jsonl"]).ends(0);
    assert!(company.command("kill", &["-TERM", &sandbox.id().to_string()]).status().unwrap().success());
    assert_eq!(sandbox.wait().unwrap().code(), Some(0));
    let users = |file: &str| -> Vec<Value> {
        company
            .read(file)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|line: &Value| line.get("user").is_some())
            .collect()
    };
    assert_eq!(users("read.jsonl").len(), 30);
    assert_eq!(users("read.jsonl"), users("after.jsonl"));
}
