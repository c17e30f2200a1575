//! A run was cut off while it changed or created somebody, and another client changes or deletes that user before the next run.
//! Nobody can tell whether the request was carried out, and no other person waits for it.

use std::fs;

use serde_json::{Value, json};

use super::house::{House, Person, people};
use super::run::{AUTOMATIC, cut_off, says};

const SETTLES_AGAIN: &str = "the next run tries again to settle this plan";

/// A house whose run was cut off at its only request, which is the first of this method.
fn cut_off_at(method: &str, listed: &[Person]) -> House {
    let rule = format!("{method} * times=1 status=422");
    let house = House::new(listed, &people("SE01", 20), AUTOMATIC, &["--fail", &rule]);
    house.run(&["run"]).ends(9);
    cut_off(&house, "plan.json");
    house.hurry();
    house
}

fn renamed() -> Vec<Person> {
    let mut listed = people("SE01", 20);
    listed[3].first_name = "Nova".to_owned();
    listed
}

fn first_name(house: &House, identifier: &str) -> Value {
    house.user(identifier)["data"]["attributes"]["first_name"].clone()
}

/// The users of the operations that the ledger has.
fn applied(house: &House) -> Vec<Value> {
    let accounts = fs::read_dir(house.path("state/skovik-sync/ledgers")).expect("a folder").flatten();
    let parts = accounts.flat_map(|account| fs::read_dir(account.path()).expect("a folder").flatten());
    let text: String = parts.map(|part| fs::read_to_string(part.path()).expect("a part")).collect();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter_map(|line| line["record"].get("applied").map(|applied| applied["user_id"].clone())).collect()
}

#[test]
fn a_user_who_was_changed_or_deleted_since_an_update_in_doubt_holds_up_nobody() {
    type Edit = fn(&House);
    let edits: [(Edit, &str); 2] = [
        (|house| house.edit_user("SE01-3", "first_name", "Edited"), "has changed in Skovik"),
        (|house| house.delete_user("SE01-3"), "the user u-SE01-3 is not in Skovik any more"),
    ];
    for (edit, said) in edits {
        let house = cut_off_at("PUT", &renamed());
        edit(&house);
        let mut listed = renamed();
        listed[5].first_name = "Other".to_owned();
        house.list(&listed);
        let ran = house.run(&["run"]).ends(9);
        says(&ran, &["settling what is in doubt of the plan sha256:"]);
        assert!(ran.stdout.contains(said) && !ran.stderr.contains(SETTLES_AGAIN), "{ran:?}");
        assert!(house.journal("plan.json").contains("{\"outdated\":{"), "{said}");
        // The request may have been carried out: an undo cannot know, and running the apply again would not help.
        house.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0);
        let undo = house.json("undo.json")["diagnostics"].to_string();
        assert!(undo.contains("undo_in_doubt") && undo.contains("has changed since"), "{undo}");
        // It counts for the guards, by the ledger.
        assert_eq!(applied(&house), ["u-SE01-3"], "{said}");
        let ran = house.run(&["run"]).ends(0);
        assert!(!ran.stderr.contains("not in the account's ledger"), "{ran:?}");
        assert_eq!(first_name(&house, "SE01-5"), "Other", "{said}");
        house.run(&["run"]).ends(0).prints(&["No changes."]);
    }
}

#[test]
fn a_user_who_was_changed_since_a_delete_in_doubt_holds_up_nobody() {
    let mut listed = people("SE01", 20);
    listed.remove(7);
    let house = cut_off_at("DELETE", &listed);
    house.edit_user("SE01-7", "first_name", "Edited");
    listed[5].first_name = "Other".to_owned();
    house.list(&listed);
    let ran = house.run(&["run"]).ends(0);
    assert!(!ran.stderr.contains(SETTLES_AGAIN), "{ran:?}");
    assert_eq!(first_name(&house, "SE01-5"), "Other");
    house.run(&["run"]).ends(0).prints(&["No changes."]);
}

/// The report who was moved away first has another manager by now, so that the delete is not sent again.
#[test]
fn a_delete_in_doubt_whose_report_was_moved_since_holds_up_nobody() {
    let mut users = people("SE01", 20);
    users[8].manager = Some("SE01-7".to_owned());
    let mut listed = people("SE01", 20);
    listed.remove(7);
    let house = House::new(&listed, &users, AUTOMATIC, &["--fail", "DELETE * times=1 status=422"]);
    house.run(&["run"]).ends(9);
    cut_off(&house, "plan.json");
    house.hurry();
    let mut report = house.user("SE01-8");
    report["data"]["relationships"]["manager"]["data"]["id"] = json!("u-SE01-1");
    house.ask("PUT", "/users/u-SE01-8", &report);
    let ran = house.run(&["run"]).ends(9);
    assert!(ran.stdout.contains("it was not carried out") && !ran.stderr.contains(SETTLES_AGAIN), "{ran:?}");
    house.run(&["run"]).ends(0);
    house.run(&["run"]).ends(0).prints(&["No changes."]);
}

/// The next plan finds by the identifier whom the request created: nobody is created a second time.
#[test]
fn a_create_in_doubt_whose_user_was_changed_since_holds_up_nobody() {
    let mut listed = people("SE01", 21);
    let house = cut_off_at("POST", &listed);
    let mut user = house.user("SE01-1");
    user["data"].as_object_mut().expect("a user").remove("id");
    let theirs =
        [("external_identifier", "SE01-20"), ("first_name", "Edited"), ("primary_email", "p20.se01@example.com")];
    theirs.into_iter().for_each(|(field, value)| user["data"]["attributes"][field] = json!(value));
    let made = house.ask("POST", "/users", &user)["data"]["id"].clone();
    let before = house.writes().len();
    listed[5].first_name = "Other".to_owned();
    house.list(&listed);
    let ran = house.run(&["run"]).ends(9);
    says(&ran, &["settling what is in doubt of the plan sha256:"]);
    assert!(ran.stdout.contains("with this identifier") && !ran.stderr.contains(SETTLES_AGAIN), "{ran:?}");
    assert!(house.journal("plan.json").contains("{\"outdated\":{"), "{ran:?}");
    house.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0);
    let undo = house.json("undo.json");
    assert!(undo["diagnostics"].to_string().contains("undo_in_doubt"), "{undo}");
    assert_eq!(undo["operations"], json!([]), "{undo}");
    assert_eq!(applied(&house), [made], "it counts as a create, and a list without that user is known as an old one");
    house.run(&["run"]).ends(0);
    assert_eq!(first_name(&house, "SE01-5"), "Other");
    house.run(&["run"]).ends(0).prints(&["No changes."]);
    let methods: Vec<_> = house.writes()[before..].iter().map(|request| request.method.clone()).collect();
    assert_eq!(methods, ["PUT", "PUT"], "nobody is created");
}

/// Another one might be the same person a second time.
#[test]
fn a_create_in_doubt_holds_up_everybody_while_a_newcomer_may_be_the_person() {
    let house = cut_off_at("POST", &people("SE01", 21));
    let mut user = house.user("SE01-1");
    user["data"].as_object_mut().expect("a user").remove("id");
    let theirs =
        [("external_identifier", Value::Null), ("first_name", json!("P20")), ("primary_email", json!("x@a.example"))];
    for (field, value) in theirs {
        user["data"]["attributes"][field] = value;
    }
    house.ask("POST", "/users", &user);
    let writes = house.writes().len();
    for _ in 0..3 {
        let ran = house.run(&["run"]).ends(9);
        says(&ran, &[SETTLES_AGAIN]);
    }
    assert_eq!(house.writes().len(), writes);
}
