//! The sandbox has two interfaces to the same people: what is planned and done through one is shown by the other.

use serde_json::{Value, json};
use skovik_sync::plan::{Plan, Removal};
use skovik_sync::sandbox::{ExternalIds, Options, PatchMode};

use crate::company::drawn;
use crate::harness::{Company, FIXTURE_URL, snapshot};
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

/// What a plan does to which person, without the ids and names that differ between the interfaces.
fn told(plan: &Value) -> Vec<Value> {
    let operation = |operation: &Value| {
        let changes = operation["changes"].as_array().into_iter().flatten();
        let fields: Vec<Value> = changes
            .map(|change| {
                let after = &change["after"];
                match change["field"].as_str() {
                    // Each interface has its own id for it.
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

/// Twelve drawn companies with drawn changes.
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

/// A removal that makes somebody inactive is another thing than one that removes them: the plan says which it is.
#[test]
fn a_plan_says_that_leavers_become_inactive() {
    let company = company();
    let plan = |remove: &str| {
        let settings = company.read("scim.toml");
        company.write("settings.toml", settings.replace("[target]", &format!("[target]\nremove = \"{remove}\"")));
        let planned = company.run(&["-c", "settings.toml", "plan"]).ends(0);
        let shown = company.run(&["show", "plan.json", "--format", "markdown"]).ends(0);
        (planned.stdout + &shown.stdout, company.json("plan.json")["target"]["removal"].clone())
    };
    let (said, removal) = plan("delete");
    assert!(said.contains("unregistered receipts") && !said.contains("becomes inactive"), "{said}");
    assert_eq!(removal, Value::Null);
    let (said, removal) = plan("deactivate");
    assert!(said.contains("becomes inactive") && !said.contains("unregistered receipts"), "{said}");
    assert_eq!(removal, "deactivate");
    // It is bound to the settings, whatever somebody writes into the file.
    let plan = Plan::read(&company.read_bytes("plan.json")).expect("a plan");
    let mut content = plan.content().clone();
    content.target.removal = Removal::Delete;
    let mut forged = Vec::new();
    Plan::seal(content).expect("a plan").write(&mut forged).expect("written");
    company.write("plan.json", forged);
    company.run(&["-c", "settings.toml", "approve", "plan.json", "--yes"]).ends(8).says(&["[target] remove"]);
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

/// SCIM has no roles: the plan warns that admins are not protected by default.
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

/// Where the server drops `externalId`, the number is in a custom field, which a change of branch empties.
#[test]
fn a_move_gives_an_identifier_in_a_custom_field_back() {
    let branch = |(id, identifier): (&str, &str)| json!({"type": "branches", "id": id, "attributes": {"name": id, "external_identifier": identifier}});
    let field = |number: u32| {
        let attributes = json!({"name": format!("Field {number}"), "field_type": "text"});
        json!({"type": "custom-fields", "id": format!("cf{number}"), "attributes": attributes})
    };
    let person = |number: u32| {
        let custom_fields = json!({"cf1": number.to_string(), "cf2": "4100", "cf3": format!("free {number}")});
        json!({"type": "users", "id": format!("{number:024x}"),
            "attributes": {"primary_email": format!("p{number}@example.com"), "external_identifier": null,
                "first_name": format!("First{number}"), "last_name": "Last", "roles": ["employee"],
                "custom_fields": custom_fields, "external_metadata": {}},
            "relationships": {"manager": {"data": null}, "branch": {"data": {"type": "branches", "id": "br_se"}}}})
    };
    let users: Vec<Value> = (1001..1011).map(person).collect();
    let account = snapshot(&[("br_se", "SE01"), ("br_no", "NO01")].map(branch), &[1, 2, 3].map(field), &users);
    let row = |number: u32| {
        let branch = if number == 1003 { "NO01" } else { "SE01" };
        format!("{number},p{number}@example.com,First{number},Last,{branch},4100\n")
    };
    let list: String = (1001..1011).map(row).collect();
    let settings = format!(
        "[target]\nkind = \"scim\"\nurl = \"{FIXTURE_URL}\"\ntoken_env = \"SKOVIK_TOKEN\"\nremove = \"delete\"\n\
         identifier = \"urn:ietf:params:scim:schemas:extension:skovik:2.0:User:custom_field1\"\n\
         branches = [\"SE01\", \"NO01\"]\n\
         [[source]]\nname = \"hr\"\nkind = \"csv\"\npath = \"employees.csv\"\nkey = \"id\"\n\
         [employee]\nexternal_identifier = \"{{{{ hr.id }}}}\"\nprimary_email = \"{{{{ hr.email }}}}\"\n\
         first_name = \"{{{{ hr.first }}}}\"\nlast_name = \"{{{{ hr.last }}}}\"\nbranch = \"{{{{ hr.branch }}}}\"\n\
         [employee.custom_fields]\ncustom_field2 = \"{{{{ hr.cc }}}}\"\n\
         [scope]\nprotect = [\"admin@example.com\"]\n"
    );
    for patch in [PatchMode::default(), PatchMode::Unsupported] {
        let company = Company::of(&settings, &format!("id,email,first,last,branch,cc\n{list}"), &account, |options| {
            options.scim.external_ids = ExternalIds::Dropped;
            options.scim.patch = patch;
        });
        company.edit("skovik-sync.toml", "/v1\"", "/scim/v2\"");
        let plan = company.plan(0);
        assert_eq!((&plan["summary"]["update"], &plan["summary"]["create"]), (&json!(1), &json!(0)), "{plan}");
        company.plan_and_apply();
        let moved = company.user("p1003@example.com").expect("there");
        assert_eq!(
            moved["attributes"]["custom_fields"],
            json!({"cf1": "1003", "cf2": "4100", "cf3": "free 1003"}),
            "{patch:?}"
        );
        assert_eq!(moved["relationships"]["branch"]["data"]["id"], "br_no");
        company.is_in_line();
    }
}
