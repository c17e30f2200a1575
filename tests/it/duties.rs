//! Duties apart: all that a reviewer or a pipeline does before `apply` only reads, and a key that may only read will do.

use super::house::{House, READ_KEY, people};

/// One to be created, one to be updated, one to be removed.
fn house() -> House {
    let users = people("SE01", 20);
    let mut listed = people("SE01", 21);
    listed.remove(7);
    listed[3].first_name = "Nova".to_owned();
    let house = House::new(&listed, &users, "", &[]);
    house.set_key(READ_KEY);
    house
}

#[test]
fn everything_but_apply_only_reads() {
    let house = house();
    for (code, args) in [
        (0, &["check"][..]),
        (2, &["plan", "--detailed-exitcode"]),
        (0, &["snapshot", "-o", "users.jsonl"]),
        (0, &["show", "plan.json"]),
        (6, &["verify", "plan.json"]),
        (0, &["approve", "plan.json", "--yes"]),
        (0, &["verify", "plan.json"]),
    ] {
        let before = house.requests().len();
        let ran = house.run(args).ends(code);
        let requests = house.requests().split_off(before);
        assert!(
            requests.iter().all(|request| !request.writes() && request.status == Some(200)),
            "{args:?}: {requests:?}"
        );
        let reads = matches!(args[0], "check" | "plan" | "snapshot");
        assert_eq!(!requests.is_empty(), reads, "{args:?}: {requests:?}");
        assert!(!format!("{ran:?}").contains(READ_KEY), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_plan_against_a_snapshot_asks_nothing() {
    let house = house();
    house.run(&["snapshot"]).ends(0);
    let before = house.requests().len();
    house.run(&["plan", "--users", "users.jsonl", "--detailed-exitcode"]).ends(2);
    assert_eq!(house.requests().len(), before);
}

#[test]
fn the_key_of_the_plan_cannot_apply_it() {
    let house = house();
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes"]).ends(0);
    let ran = house.run(&["apply", "plan.json"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let writes = house.writes();
    assert!(!writes.is_empty() && writes.iter().all(|request| request.status == Some(403)), "{writes:?}");

    // The key that may write goes on with the same plan, under the same approval.
    house.set_key(super::house::WRITE_KEY);
    let ran = house.run(&["apply", "plan.json"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    house.run(&["plan", "-o", "again.json", "--detailed-exitcode"]).ends(0);
}

#[test]
fn a_run_with_the_key_of_the_plan_changes_nothing() {
    let house = house();
    house.settings("[approval]\nautomatic = true\n");
    house.run(&["run"]).ends(4);
    let writes = house.writes();
    assert!(!writes.is_empty() && writes.iter().all(|request| request.status == Some(403)), "{writes:?}");
}
