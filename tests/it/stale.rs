//! What has changed in Skovik since the plan: before the first write it refuses the whole plan, after it it is a conflict
//! of one operation.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::{Value, json};
use skovik_sync::plan::{Action, Operation, Plan};

use crate::harness::Company;

/// The small company with an approved plan, protected by role too.
fn approved(rules: &[&str]) -> Company {
    let company = Company::faulty("small", rules);
    company.edit("skovik-sync.toml", "protect = [", "protect = [\"role:admin\", ");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company
}

#[track_caller]
fn is_stale(company: &Company, parts: &[&str]) {
    let output = company.run(&["apply", "plan.json"]).ends(7).says(&["the plan is stale, nothing was written"]);
    output.says(parts);
    company.wrote_nothing();
    assert!(!company.journal_path("plan.json").exists(), "a refusal leaves nothing behind");
}

#[test]
fn a_user_who_changed() {
    for (field, value) in [
        ("first_name", json!("Zahra")),
        ("last_name", json!("Kvist-Ek")),
        ("primary_email", json!("zara@example.com")),
        ("external_identifier", json!("9024")),
        ("custom_fields", json!({"cf_cost_center": "4900"})),
        ("custom_fields", json!({})),
    ] {
        let company = approved(&[]);
        company.change("1024", |user| user["attributes"][field] = value);
        is_stale(&company, &["update 1024 Zara Kvist", "has changed in Skovik since the plan"]);
    }
    for relationship in ["manager", "branch"] {
        let company = approved(&[]);
        let other = company.user("1009").unwrap()["relationships"][relationship].clone();
        let other = if relationship == "branch" { json!({"data": {"type": "branches", "id": "br_no"}}) } else { other };
        company.change("1027", |user| {
            user["relationships"][relationship] = if relationship == "manager" { json!({"data": null}) } else { other };
        });
        is_stale(&company, &["delete 1027 Pontus Rask", "has changed in Skovik since the plan"]);
    }
}

#[test]
fn a_user_who_is_gone() {
    let company = approved(&[]);
    company.remove("1024");
    is_stale(&company, &["update 1024 Zara Kvist", "is not in Skovik any more"]);
}

#[test]
fn somebody_else_who_was_removed_already_refuses_the_plan_too() {
    let company = approved(&[]);
    company.remove("1027");
    is_stale(&company, &["delete 1027 Pontus Rask", "is not in Skovik any more"]);
}

#[test]
fn a_manager_who_is_gone() {
    let company = approved(&[]);
    for report in ["1014", "1015", "1016", "1026"] {
        company.change(report, |user| user["relationships"]["manager"] = json!({"data": null}));
    }
    company.remove("1004");
    is_stale(&company, &["update 1009 Isak Lund", "the manager Dag Solberg", "is not in Skovik any more"]);
}

#[test]
fn an_email_or_identifier_that_was_taken() {
    let somebody = |email: &str, identifier: Value| json!({"primary_email": email, "external_identifier": identifier, "first_name": "Some", "last_name": "Body"});
    let company = approved(&[]);
    company.create(somebody("MAJA.stahl@example.com", Value::Null), "br_se");
    is_stale(&company, &["create 1030 Maja Ståhl", "the e-mail maja.stahl@example.com now belongs to the user"]);
    let company = approved(&[]);
    company.create(somebody("somebody@example.com", json!("1031")), "br_se");
    is_stale(&company, &["create 1031 Nils Frisk", "the external identifier 1031 now belongs to the user"]);
    let company = approved(&[]);
    company.create(somebody("hanna.bergman@example.com", Value::Null), "br_se");
    is_stale(&company, &["update 1008 Hanna Bergman", "the e-mail hanna.bergman@example.com now belongs"]);
}

#[test]
fn a_new_report_of_somebody_who_leaves() {
    let company = approved(&[]);
    let leaver = company.id("1027");
    company.change("1022", |user| user["relationships"]["manager"] = json!({"data": {"type": "users", "id": leaver}}));
    is_stale(&company, &["delete 1027 Pontus Rask", "William Ask", "reports to them now"]);
}

#[test]
fn a_user_who_became_protected() {
    let company = approved(&["GET /users nth=1 change=roles user=1027"]);
    assert_eq!(company.user("1027").unwrap()["attributes"]["roles"], json!(["employee", "admin"]));
    is_stale(&company, &["delete 1027 Pontus Rask", "is protected now"]);
}

#[test]
fn every_reason_is_told_up_to_ten() {
    let company = approved(&[]);
    for name in ["1008", "1009", "1021", "1024", "1027"] {
        company.change(name, |user| user["attributes"]["first_name"] = json!("Other"));
    }
    is_stale(&company, &["1008 Hanna", "1009 Isak", "1021 Vera", "1024 Zara", "1027 Pontus"]);
}

#[test]
fn what_the_plan_does_not_touch_may_change() {
    let company = approved(&[]);
    company.change("1024", |user| {
        user["attributes"]["locale"] = json!("sv-SE");
        user["attributes"]["external_metadata"] = json!({"new": "1"});
    });
    // The plan does not even show 1005.
    company.change("1005", |user| user["attributes"]["first_name"] = json!("Bjarne"));
    company.run(&["apply", "plan.json"]).ends(0);
    let zara = company.user("1024").unwrap();
    assert_eq!(
        (&zara["attributes"]["locale"], &zara["attributes"]["external_metadata"]),
        (&json!("sv-SE"), &json!({"new": "1"}))
    );
}

#[test]
fn a_user_who_changes_just_before_the_write_is_left_alone() {
    // The second list is that of apply.
    let company = approved(&["GET /users nth=2 change=first_name user=1024"]);
    let output = company.run(&["apply", "plan.json"]).ends(9);
    for part in
        ["Applied: 3 created, 3 updated, 1 deleted.", "Failed (1):", "update 1024 Zara Kvist: conflict", "plan again"]
    {
        assert!(output.stdout.contains(part), "{part}: {output}");
    }
    let zara = company.user("1024").unwrap();
    assert_eq!(zara["attributes"]["custom_fields"]["cf_cost_center"], json!("4100"));
    assert!(!company.writes().iter().any(|request| request.path.ends_with(&company.id("1024"))));
}

#[test]
fn a_user_who_becomes_protected_just_before_the_write_is_left_alone() {
    for name in ["1024", "1027"] {
        let company = approved(&[&format!("GET /users nth=2 change=roles user={name}")]);
        let output = company.run(&["apply", "plan.json"]).ends(9);
        assert!(output.stdout.contains("is protected now"), "{output}");
        let id = company.id(name);
        assert!(!company.writes().iter().any(|request| request.path.ends_with(&id)), "{name}");
    }
}

#[test]
fn roles_that_no_list_tells_are_not_to_be_trusted() {
    let company = Company::offline("small");
    company.edit("skovik-sync.toml", "protect = [", "protect = [\"role:admin\", ");
    let seed = company.read("users.jsonl").replace("\"roles\":[\"employee\"],", "");
    let (kept, end) = seed.trim_end().rsplit_once('\n').unwrap();
    let mut end: Value = serde_json::from_str(end).unwrap();
    let kept = format!("{kept}\n");
    end["end"]["sha256"] = json!(skovik_sync::plan::Digest::of(kept.as_bytes()).to_string());
    let company = company.serve(format!("{kept}{end}\n").as_bytes(), |_| {});
    company.run(&["plan"]).ends(4).says(&["[scope] protect names a role", "has no roles"]);
    company.edit("skovik-sync.toml", "\"role:admin\", ", "");
    company.run(&["plan"]).ends(0);
}

#[test]
fn a_plan_whose_journal_was_lost_is_seen_to_be_done() {
    for fixture in ["small", "group", "bad"] {
        let company = Company::new(fixture);
        company.plan_and_apply();
        std::fs::remove_file(company.journal_path("plan.json")).unwrap();
        let writes = company.writes().len();
        company.run(&["apply", "plan.json"]).ends(0).prints(&["nothing to do: Skovik already matches this plan"]);
        assert_eq!(company.writes().len(), writes);
    }
}

/// A plan for one person of the small company, in which the id is somebody else's; approved.
fn approved_with_the_id_of(company: &Company, person: &str, other: &str) {
    company.run(&["plan", "--only", person]).ends(0);
    let mut content = Plan::read(company.read("plan.json").as_bytes()).unwrap().content().clone();
    match &mut content.operations[..] {
        [Operation { action: Action::Update { user_id, .. } | Action::Delete { user_id, .. }, .. }] => {
            *user_id = other.into();
        }
        other => panic!("{other:?}"),
    }
    let mut file = Vec::new();
    Plan::seal(content).unwrap().write(&mut file).unwrap();
    company.write("plan.json", file);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
}

#[test]
fn a_plan_that_shows_one_person_and_names_another_is_not_done() {
    let company = Company::new("small");
    // Somebody else has the new cost centre of 1024 already.
    company.change("1009", |user| user["attributes"]["custom_fields"]["cf_cost_center"] = json!("4300"));
    approved_with_the_id_of(&company, "1024", &company.id("1009"));
    is_stale(&company, &["is not as this plan would have left them"]);
    // Nobody has this id.
    approved_with_the_id_of(&company, "1027", "nobody");
    is_stale(&company, &["delete 1027 Pontus Rask", "this person is in Skovik as the user", "not nobody"]);
}
