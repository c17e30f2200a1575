//! The sandbox has two doors to the same people: what is planned and done by one is what the other shows.

use serde_json::{Value, json};
use skovik_sync::sandbox::Options;

use crate::company::drawn;
use crate::harness::Company;
use crate::world::{Door, Pace, World};

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

/// Whoever they are, and whatever happens to them: twelve drawn companies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_doors_give_the_same_plan_for_drawn_people() {
    for seed in 0..12 {
        let company = drawn(&mut fastrand::Rng::with_seed(seed));
        let mut plans = Vec::new();
        for door in [Door::Json, Door::Scim] {
            let world = World::at(door, &company, Pace::default(), Options::default()).await;
            // The same words for who is protected, as SCIM tells no roles.
            let settings = world.path("skovik-sync.toml");
            let text = std::fs::read_to_string(&settings).expect("settings");
            let text = text.replace("protect = [\"role:admin\"]", "protect = [\"admin@example.com\"]");
            std::fs::write(&settings, text).expect("written");
            world.plan("plan.json").await;
            let plan = std::fs::read(world.path("plan.json")).expect("a plan");
            plans.push(serde_json::from_slice::<Value>(&plan).expect("JSON"));
        }
        let [by_json, by_scim] = &plans[..] else { panic!("two plans") };
        assert_eq!(told(by_scim), told(by_json), "seed {seed}");
        assert_eq!(by_scim["summary"], by_json["summary"], "seed {seed}");
        assert!(!told(by_json).is_empty() || seed > 0, "the first company has something to do");
    }
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
