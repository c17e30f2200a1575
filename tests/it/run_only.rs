//! `run --only`: one event, once. Everything is read, and only the people whom the event names are planned.

use std::fs;

use serde_json::json;

use super::house::House;
use super::run::{AUTOMATIC, company, house};

fn methods(house: &House) -> Vec<String> {
    house.writes().into_iter().map(|request| request.method).collect()
}

#[test]
fn only_the_people_of_the_event_are_applied() {
    let house = house(AUTOMATIC, &[]);
    let (listed, users) = company();
    let (renamed, removed) = (&listed[3].identifier, &users[7].identifier);
    let ran = house.run(&["run", "--only", renamed, "--report", "report.json"]).ends(0);
    assert!(ran.stdout.contains(&format!("Only     {renamed}; guards count everybody")), "{ran:?}");
    assert_eq!(methods(&house), ["PUT"]);
    let plan = house.json("plan.json");
    assert_eq!((&plan["only"], plan["operations"].as_array().map(Vec::len)), (&json!([renamed]), Some(1)));
    assert_eq!(house.json("report.json")["plan_hash"], plan["plan_hash"]);
    // Guards counted everybody: three changes.
    let guard = |id: &str| {
        plan["guards"].as_array().expect("guards").iter().find(|guard| guard["id"] == id).expect("the guard")["count"]
            .clone()
    };
    assert_eq!((guard("max_delete_percent"), guard("max_change_percent")), (json!(1), json!(2)));
    for (person, methods_then) in [(removed, vec!["PUT", "DELETE"]), (renamed, vec!["PUT", "DELETE"])] {
        house.run(&["run", "--only", person]).ends(0);
        assert_eq!(methods(&house), methods_then, "{person}");
    }
    // What nobody named is left to the next whole run.
    house.run(&["run"]).ends(0);
    assert_eq!(methods(&house), ["PUT", "DELETE", "POST"]);
}

#[test]
fn nothing_to_do_is_a_success_and_somebody_unknown_is_told() {
    let house = house(AUTOMATIC, &[]);
    let (listed, _) = company();
    let ran = house.run(&["run", "--only", &listed[0].identifier, "--only", "SE01-999"]).ends(0);
    assert!(ran.stdout.contains("SE01-999: nobody has this identifier"), "{ran:?}");
    assert!(ran.stdout.contains("No changes."), "{ran:?}");
    assert_eq!(methods(&house), Vec::<String>::new());
    // It leaves a report like any other run.
    house.run(&["run", "--only", "SE01-999", "--report", "report.json"]).ends(0);
    assert_eq!(house.json("report.json")["summary"]["outcome"], "done");
    house.run(&["run", "--only", "SE01-999", "--all", "."]).ends(3);
}

#[test]
fn a_guard_blocks_the_event_too() {
    let (listed, users) = company();
    let house = House::new(&listed[..10], &users, AUTOMATIC, &[]);
    let ran = house.run(&["run", "--only", &listed[3].identifier]).ends(5);
    assert!(ran.stderr.contains("max_delete_percent (10 of 20, limit 20)"), "{ran:?}");
    assert_eq!(methods(&house), Vec::<String>::new());
}

/// An event does not come again: after a run that nobody knows the end of, its people are planned all the same.
#[test]
fn a_run_in_doubt_is_settled_first_and_the_event_looked_at_then() {
    let house = house(AUTOMATIC, &["--fail", "DELETE /users/* times=1 status=422"]);
    house.run(&["run"]).ends(9);
    super::run::cut_off(&house, "plan.json");
    house.hurry();
    let (mut listed, _) = company();
    listed[4].first_name = "Other".to_owned();
    house.list(&listed);
    let done = methods(&house).len();
    let ran = house.run(&["run", "--only", &listed[4].identifier, "--report", "report.json"]).ends(0);
    assert!(ran.stderr.contains("settling what is in doubt of the plan sha256:"), "{ran:?}");
    // Whom it does not name is planned again by the next run of all.
    assert_eq!(methods(&house)[done..], ["PUT"]);
    let plan = house.json("plan.json");
    assert_eq!(
        (&plan["only"], &house.json("report.json")["plan_hash"]),
        (&json!([listed[4].identifier]), &plan["plan_hash"])
    );
}

/// The key of the source is what an event of the source names.
#[test]
fn people_are_named_by_the_key_of_their_source_too() {
    let house = house("", &[]);
    let settings = house.read("skovik-sync.toml");
    let lettered = settings.replace("external_identifier = \"{{ hr.id }}\"", "external_identifier = \"E{{ hr.id }}\"");
    assert_ne!(lettered, settings);
    fs::write(house.path("skovik-sync.toml"), lettered).expect("written");
    house.run(&["plan", "--only", "SE01-20"]);
    let plan = house.json("plan.json");
    assert_eq!(plan["only"], json!(["ESE01-20"]));
    assert!(
        plan["operations"].as_array().expect("operations").iter().all(|operation| operation["employee"] == "ESE01-20"),
        "{plan}"
    );
}
