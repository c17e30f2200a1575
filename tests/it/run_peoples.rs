//! `run` beside an apply that people began: it writes nothing until they have finished it, whatever file its plan is in.

use std::fs::{self, File};
use std::time::{Duration, Instant, SystemTime};

use super::harness::Output;
use super::house::{House, people};
use super::run::{AUTOMATIC, company, cut_off, house, says};

#[test]
fn what_people_began_is_not_gone_on_with_by_a_run() {
    let house = house("", &["--fail", "DELETE /users/* times=1 status=422"]);
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(9);
    cut_off(&house, "plan.json");
    house.settings(AUTOMATIC);
    let before = house.writes();
    says(&house.run(&["run"]).ends(9), &["approved by anna", "skovik-sync apply plan.json"]);
    fs::remove_file(house.path("plan.json.anna.approval")).expect("removed");
    says(&house.run(&["run"]).ends(9), &["a person began it"]);
    assert_eq!(house.writes(), before);
}

/// What people began, and all of which was done or refused, is not open any more.
#[test]
fn what_skovik_refused_people_does_not_hold_up_a_run() {
    let house = house("", &["--fail", "DELETE /users/* times=1 status=422"]);
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(9);
    house.settings(AUTOMATIC);
    let done = house.writes().len();
    says(&house.run(&["run"]).ends(0), &["applied in part, is kept as plan."]);
    let methods: Vec<_> = house.writes()[done..].iter().map(|request| request.method.clone()).collect();
    assert_eq!(methods, ["DELETE"]);
}

/// An apply of `review.json` that people began, one of whose requests is in doubt.
fn reviewed() -> House {
    let house = house("", &["--fail", "DELETE /users/* times=1 status=422"]);
    house.run(&["plan", "-o", "review.json"]).ends(0);
    house.run(&["approve", "review.json", "--yes", "--approver", "anna"]).ends(0);
    house.run(&["apply", "review.json"]).ends(9);
    cut_off(&house, "review.json");
    house.settings(AUTOMATIC);
    house.hurry();
    house
}

/// Lets the journal of that apply be so many hours old.
fn age(house: &House, hours: u64) {
    let journal = File::options().append(true).open(in_journals(house, "review.json", "journal")).expect("opened");
    journal.set_modified(SystemTime::now() - Duration::from_secs(60 * 60 * hours)).expect("set");
}

fn in_journals(house: &House, plan: &str, ending: &str) -> std::path::PathBuf {
    let hash = house.json(plan)["plan_hash"].as_str().expect("a hash").replace("sha256:", "");
    house.path(&format!("state/skovik-sync/journals/{hash}.{ending}"))
}

#[test]
fn an_apply_from_another_file_is_finished_first() {
    let house = reviewed();
    let before = house.writes();
    let hash = house.json("review.json")["plan_hash"].as_str().expect("a hash").to_owned();
    let copy = in_journals(&house, "review.json", "plan.json");
    let parts =
        [&*hash, "nothing was written", &copy.display().to_string(), "skovik-sync apply PLAN"].map(str::to_owned);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    says(&house.run(&["run"]).ends(9), &parts);
    // A damaged copy of that plan in the place of the run's own is no way past it, and neither is no plan at all.
    fs::write(house.path("tonight.json"), house.read("review.json").replacen("Nova", "Nove", 1)).expect("written");
    for args in [
        &["run", "-o", "tonight.json"][..],
        &["run", "-o", "other.json"],
        &["run", "--only", &company().1[7].identifier],
    ] {
        says(&house.run(args).ends(9), &[&hash]);
    }
    assert_eq!(house.writes(), before);
    house.run(&["apply", "review.json"]).ends(0);
    house.run(&["run"]).ends(0);
}

/// What is in doubt is told also if the list agrees with what Skovik has by now.
#[test]
fn an_apply_that_is_open_is_told_if_there_is_nothing_to_do() {
    let house = reviewed();
    let mut listed = people("SE01", 21);
    listed[3].first_name = "Nova".to_owned();
    house.list(&listed);
    let before = house.writes();
    for _ in 0..2 {
        let ran = house.run(&["run", "-o", "tonight.json", "--report", "report.json"]).ends(9);
        says(&ran, &["which people began", "is not finished; nothing was written", "The list has no changes now"]);
        assert!(!ran.stderr.contains("approve tonight.json"), "{ran:?}");
        assert_eq!(house.json("tonight.json")["summary"]["delete"], 0);
        assert_eq!(house.json("report.json")["summary"]["outcome"], "partial");
    }
    assert_eq!(house.writes(), before);
    age(&house, 26);
    house.run(&["run", "-o", "tonight.json"]).ends(0);
}

#[test]
fn an_undo_that_people_began_is_finished_first() {
    let house = house("", &["--fail", "PUT /users/* nth=2 status=422"]);
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    house.run(&["undo", "plan.json"]).ends(0);
    house.run(&["approve", "undo.json", "--yes"]).ends(0);
    house.run(&["apply", "undo.json"]).ends(9);
    cut_off(&house, "undo.json");
    house.settings(AUTOMATIC);
    house.hurry();
    let before = house.writes();
    says(&house.run(&["run"]).ends(9), &["is not finished; nothing was written"]);
    assert_eq!(house.writes(), before);
}

/// A run does not go on with its own plan either: what people do is half done.
#[test]
fn a_plan_that_a_run_began_waits_for_people_too() {
    let house = house(AUTOMATIC, &["--fail", "DELETE /users/* times=2 status=422"]);
    house.run(&["run"]).ends(9);
    cut_off(&house, "plan.json");
    house.hurry();
    house.run(&["plan", "-o", "review.json"]).ends(0);
    house.run(&["approve", "review.json", "--yes", "--approver", "anna"]).ends(0);
    house.run(&["apply", "review.json"]).ends(9);
    cut_off(&house, "review.json");
    let before = house.writes();
    says(
        &house.run(&["run"]).ends(9),
        &["which people began", "The next run then settles what is in doubt of the plan sha256:"],
    );
    assert_eq!(house.writes(), before);
    house.run(&["apply", "review.json"]).ends(0);
    says(&house.run(&["run"]), &["settling what is in doubt of the plan sha256:"]);
}

/// People who apply the plan that the run has left decide about the earlier one.
#[test]
fn people_may_leave_an_apply_behind() {
    let house = reviewed();
    house.run(&["run"]).ends(9);
    house.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    // But not the run itself.
    house.run(&["run"]).ends(9);
    house.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    house.run(&["run"]).ends(0);
}

#[test]
fn an_apply_that_is_older_than_an_approval_lasts_holds_nothing_up() {
    let house = reviewed();
    age(&house, 24);
    house.run(&["run"]).ends(9);
    age(&house, 26);
    house.run(&["run"]).ends(0);
}

#[test]
fn an_apply_whose_plan_is_missing_may_be_open() {
    let house = reviewed();
    let before = house.writes();
    fs::remove_file(in_journals(&house, "review.json", "plan.json")).expect("removed");
    house.settings(&format!("{AUTOMATIC}[guard]\nwindow = \"0h\"\n"));
    says(&house.run(&["run"]).ends(8), &["in the state is missing", "restore", "nothing was written"]);
    assert_eq!(house.writes(), before);
}

/// An apply that has nothing to do reads nothing, and says what it has not looked at.
#[test]
fn an_apply_without_operations_warns_of_another_one_in_doubt() {
    let house = reviewed();
    let mut listed = people("SE01", 21);
    listed[3].first_name = "Nova".to_owned();
    house.list(&listed);
    house.run(&["plan", "-o", "empty.json"]).ends(0);
    house.run(&["approve", "empty.json", "--yes", "--approver", "anna"]);
    let hash = house.json("review.json")["plan_hash"].as_str().expect("a hash").to_owned();
    let ended = house.run(&["apply", "empty.json"]).ends(0);
    says(&ended, &[&format!("the apply of the plan {hash} is not finished"), "custom fields", "run it again"]);
    house.run(&["apply", "review.json"]).ends(0);
    let ended = house.run(&["apply", "empty.json"]).ends(0);
    assert!(!ended.stderr.contains("is not finished"), "{ended}");
}

/// Whom a request in doubt is about to create is not in a list that is read at once.
#[test]
fn an_apply_waits_while_a_request_of_another_one_may_be_under_way() {
    let house = reviewed();
    let said = |ended: Output| ended.stderr.contains("is in doubt: waiting 1 s, as long as one of its requests");
    let begun = Instant::now();
    house.run(&["plan", "-o", "other.json"]).ends(0);
    house.run(&["approve", "other.json", "--yes", "--approver", "anna"]).ends(0);
    assert!(said(house.run(&["apply", "other.json"]).ends(0)));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    // Later nothing is under way any more.
    let house = reviewed();
    age(&house, 2);
    house.run(&["plan", "-o", "other.json"]).ends(0);
    house.run(&["approve", "other.json", "--yes", "--approver", "anna"]).ends(0);
    assert!(!said(house.run(&["apply", "other.json"]).ends(0)));
}
