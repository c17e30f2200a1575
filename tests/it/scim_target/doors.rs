//! The sandbox has two doors to the same people: what is planned and done by one is what the other shows.

use serde_json::{Value, json};
use skovik_sync::sandbox::Options;

use crate::harness::Company;

/// The small company, with settings for each door: `skovik-sync.toml` and `scim.toml`.
fn company() -> Company {
    company_with(|_| {})
}

/// The same, on a sandbox that behaves so.
pub(crate) fn company_with(behave: impl FnOnce(&mut Options)) -> Company {
    let company = Company::with("small", behave);
    let settings = company.read("skovik-sync.toml").replace("kind = \"skovik\"", "kind = \"scim\"");
    let url = company.url();
    let settings = settings.replace(&url, &url.replace("/v1", "/scim/v2")).replace("\"Cost center\"", "custom_field1");
    company.write("scim.toml", settings);
    company
}

/// What a plan does to whom, without the ids and names that each door has its own of.
fn told(plan: &Value) -> Vec<Value> {
    let operation = |operation: &Value| {
        let changes = operation["changes"].as_array().into_iter().flatten();
        let fields: Vec<Value> = changes
            .map(|change| {
                let after = &change["after"];
                match change["field"].as_str() {
                    // Each door has its own id for it.
                    Some(field) if field.starts_with("custom") || after.is_string() => json!([after]),
                    field => json!([field, after["employee"], after["external_identifier"]]),
                }
            })
            .collect();
        json!([operation["action"], operation["employee"], operation["name"], operation["depends_on"], fields])
    };
    plan["operations"].as_array().expect("operations").iter().map(operation).collect()
}

#[test]
fn both_doors_give_the_same_plan() {
    let company = company();
    let by_json = company.plan(0);
    company.run(&["--config", "scim.toml", "plan", "-o", "scim.json"]).ends(0);
    let by_scim = company.json("scim.json");
    assert_eq!(told(&by_scim), told(&by_json));
    assert_eq!(by_scim["summary"], by_json["summary"]);
}

#[test]
fn what_is_done_by_one_door_leaves_the_other_nothing_to_do() {
    let company = company();
    company.run(&["--config", "scim.toml", "plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(7);
    company.run(&["--config", "scim.toml", "approve", "plan.json", "--yes"]).ends(0);
    company.run(&["--config", "scim.toml", "apply", "plan.json"]).ends(0);
    company.is_in_line();
}

/// SCIM tells no roles: who relies on admins being protected by default is told that they are not.
#[test]
fn admins_whom_nobody_can_tell_are_not_protected_in_silence() {
    let company = company();
    company.edit("scim.toml", "protect = [\"admin@example.com\"]", "");
    company.append("scim.toml", "\n[approval]\nautomatic = true\n");
    let planned = company.run(&["--config", "scim.toml", "plan", "-o", "scim.json"]).ends(0);
    planned.prints(&["admins_not_told", "admins are not protected"]);
    company.run(&["--config", "scim.toml", "run"]).ends(6).says(&["admins cannot be told"]);
    company.wrote_nothing();
}
