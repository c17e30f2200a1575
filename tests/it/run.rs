//! `run`, the scheduled job, with the real program: which plans it applies by itself, and which it leaves to people.

use std::fs;
use std::process::Stdio;

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use skovik_sync::apply::lock::{Holder, take};
use skovik_sync::state::State;

use super::harness::Output;
use super::house::{House, Person, people};

pub(crate) const AUTOMATIC: &str = "[approval]\nautomatic = true\n";
const RECORD: &str = "plan.json.policy__automatic.approval";

/// Twenty people: one is to be renamed, one created, one deleted.
pub(crate) fn company() -> (Vec<Person>, Vec<Person>) {
    let users = people("SE01", 20);
    let mut listed = people("SE01", 21);
    listed.remove(7);
    listed[3].first_name = "Nova".to_owned();
    (listed, users)
}

pub(crate) fn house(more: &str, args: &[&str]) -> House {
    let (listed, users) = company();
    House::new(&listed, &users, more, args)
}

fn hash(house: &House) -> Value {
    house.json("plan.json")["plan_hash"].clone()
}

#[track_caller]
pub(crate) fn says(ran: &Output, parts: &[&str]) {
    for part in parts {
        assert!(ran.stderr.contains(part), "{part}: {ran:#?}");
    }
}

#[test]
fn what_the_policy_allows_is_applied_and_on_record() {
    let house = house(AUTOMATIC, &[]);
    let ran = house.run(&["run", "--report", "report.json", "--events", "events.jsonl"]).ends(0);
    assert!(ran.stdout.contains("1 to create, 1 to update, 1 to delete"), "{ran:?}");
    let mut methods: Vec<String> = house.writes().into_iter().map(|request| request.method).collect();
    methods.sort();
    assert_eq!(methods, ["DELETE", "POST", "PUT"]);
    let record = house.json(RECORD);
    assert_eq!((&record["plan_hash"], &record["approver"]), (&hash(&house), &json!("policy: automatic")));
    assert_eq!(house.json("report.json")["plan_hash"], hash(&house));
    assert!(house.read("events.jsonl").contains("\"summary\""));
    assert!(house.journal("plan.json").contains("policy: automatic"));

    let again = house.run(&["run"]).ends(0);
    assert!(again.stdout.contains("No changes."), "{again:?}");
    assert_eq!(house.writes().len(), 3);
}

#[test]
fn without_the_policy_the_plan_is_left_to_people() {
    let house = house("", &[]);
    let ran = house.run(&["run", "-o", "tonight.json"]).ends(6);
    says(&ran, &["automatic is false", "skovik-sync approve tonight.json && skovik-sync apply tonight.json"]);
    assert_eq!(house.writes(), []);
    let approvals = fs::read_dir(house.folder.path()).expect("a folder").flatten();
    assert!(approvals.map(|entry| entry.file_name()).all(|name| !name.to_string_lossy().ends_with(".approval")));

    // Once somebody has approved it, the next run finds the same plan and applies it.
    house.run(&["approve", "tonight.json", "--yes", "--approver", "anna"]).ends(0);
    house.run(&["run", "-o", "tonight.json"]).ends(0);
    assert_eq!(house.writes().len(), 3);
    assert!(house.journal("tonight.json").contains("\"approvers\":[\"anna\"]"));
}

#[test]
fn an_approval_of_another_plan_is_none() {
    let house = house("", &[]);
    house.run(&["run"]).ends(6);
    house.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    let (mut listed, _) = company();
    listed[4].first_name = "Other".to_owned();
    house.list(&listed);
    house.run(&["run"]).ends(6);
    assert_eq!(house.writes(), []);
}

#[test]
fn a_blocked_plan_is_left_whatever_the_policy_says() {
    let (listed, users) = company();
    let house = House::new(&listed[..10], &users, AUTOMATIC, &[]);
    let ran = house.run(&["run"]).ends(5);
    says(&ran, &["max_delete_percent (10 of 20, limit 20)", "skovik-sync approve plan.json --allow deletes=10"]);
    assert!(!house.path(RECORD).exists());
    assert_eq!(house.writes(), []);
    house.run(&["approve", "plan.json", "--yes", "--allow", "deletes=10", "--allow", "changes=11"]).ends(0);
    house.run(&["run"]).ends(0);
}

#[test]
fn what_no_approval_lifts_is_said_so() {
    let house = house(&format!("[guard]\nmin_employees = 500\n{AUTOMATIC}"), &[]);
    let ran = house.run(&["run"]).ends(5);
    says(&ran, &["min_employees", "No approval can allow this"]);
    assert!(!ran.stderr.contains("skovik-sync approve"), "{ran:?}");
}

#[test]
fn a_renumbered_person_is_for_a_person_to_look_at() {
    let (mut listed, users) = company();
    listed[5].identifier = "SE01-500".to_owned();
    let house = House::new(&listed, &users, &format!("[scope]\nrenumber = \"same-person\"\n{AUTOMATIC}"), &[]);
    says(&house.run(&["run"]).ends(6), &["1 renumbered"]);
    assert_eq!(house.writes(), []);
}

#[test]
fn the_lock_is_taken_before_anything_is_asked() {
    let house = house(AUTOMATIC, &[]);
    let holder = Holder { pid: 7, since: Timestamp::UNIX_EPOCH, plan_hash: None };
    let state = State::open(&house.path("state/skovik-sync"), None).expect("a state");
    let lock = take(&state, &house.url, &holder, &|_| ()).expect("the lock");
    let ran = house.run(&["run"]).ends(10);
    says(&ran, &["process 7, since 1970-01-01T00:00:00Z"]);
    assert_eq!(house.requests(), []);
    drop(lock);
    house.run(&["run"]).ends(0);
}

/// Several accounts may have one address. A plan, a lock and a snapshot are of one of them.
#[test]
fn accounts_of_one_address_are_told_apart_by_name() {
    let house = house(AUTOMATIC, &[]);
    let settings = house.read("skovik-sync.toml");
    for name in ["acme", "globex"] {
        let named = settings.replacen("[target]\n", &format!("[target]\naccount = \"{name}\"\n"), 1);
        fs::write(house.path(&format!("{name}.toml")), named).expect("written");
    }
    let ran = house.run(&["--config", "acme.toml", "plan"]).ends(0);
    assert!(ran.stdout.contains(&format!("Target   skovik {}#acme: 20 users", house.url)), "{ran:?}");
    house.run(&["--config", "acme.toml", "approve", "plan.json", "--yes"]).ends(0);
    house.run(&["--config", "globex.toml", "apply", "plan.json"]).ends(7);
    house.run(&["apply", "plan.json"]).ends(7);
    house.run(&["--config", "acme.toml", "snapshot"]).ends(0);
    let ran = house.run(&["--config", "globex.toml", "plan", "--users", "users.jsonl"]).ends(3);
    says(&ran, &["is of ", "#acme\", but the settings name "]);
    house.run(&["--config", "acme.toml", "plan", "--users", "users.jsonl"]).ends(0);
    let holder = Holder { pid: 7, since: Timestamp::UNIX_EPOCH, plan_hash: None };
    let state = State::open(&house.path("state/skovik-sync"), None).expect("a state");
    let lock = take(&state, &format!("{}/#acme", house.url), &holder, &|_| ()).expect("the lock");
    says(&house.run(&["--config", "acme.toml", "run"]).ends(10), &["another apply to ", "#acme is under way"]);
    assert_eq!(house.writes(), []);
    house.run(&["--config", "globex.toml", "run"]).ends(0);
    drop(lock);
}

#[test]
fn two_runs_do_not_overlap() {
    let house = house(AUTOMATIC, &["--fail", "GET /branches nth=1 slow=4s"]);
    let mut first = house.command(&["run"]);
    let mut first = first.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    // The lock file says who holds it as soon as it is held.
    let held = || {
        let folder = fs::read_dir(house.path("state/skovik-sync")).ok();
        let is_lock = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "lock");
        let mut locks = folder.into_iter().flatten().flatten().filter(is_lock);
        locks.any(|entry| entry.metadata().is_ok_and(|file| file.len() > 0))
    };
    while !held() && first.try_wait().expect("asked").is_none() {
        std::thread::yield_now();
    }
    house.run(&["run", "-o", "second.json"]).ends(10);
    let first = Output::from(first.wait_with_output().expect("it ends"));
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(!house.path("second.json").exists());
}

/// A house in which an automatic run was cut off in the middle: it sent the delete, and did not note what came of it.
pub(crate) fn stuck() -> House {
    let house = house(AUTOMATIC, &["--fail", "DELETE /users/* times=1 status=422"]);
    house.run(&["run"]).ends(9);
    cut_off(&house, "plan.json");
    house.hurry();
    house
}

/// Takes from a plan's journal what came of the operation that was refused, and all after it, as a crash would have.
pub(crate) fn cut_off(house: &House, plan: &str) {
    let journal = house.journal(plan);
    let known: Vec<&str> = journal.lines().take_while(|line| !line.contains("\"not_done\"")).collect();
    assert!(known.len() < journal.lines().count(), "{journal}");
    let name = house.json(plan)["plan_hash"].as_str().expect("a hash").replace("sha256:", "");
    let path = house.path(&format!("state/skovik-sync/journals/{name}.journal"));
    fs::write(path, known.join("\n") + "\n").expect("written");
}

#[test]
fn a_run_in_doubt_is_settled_first_and_the_rest_planned_again() {
    let house = stuck();
    let (plan, done) = (hash(&house), house.writes().len());
    let (mut listed, _) = company();
    listed[4].first_name = "Other".to_owned();
    house.list(&listed);
    let ran = house.run(&["run"]).ends(0);
    says(&ran, &["settling what is in doubt of the plan sha256:"]);
    assert_ne!(hash(&house), plan);
    let mut methods: Vec<_> = house.writes()[done..].iter().map(|request| request.method.clone()).collect();
    methods.sort();
    assert_eq!(methods, ["DELETE", "PUT"]);
    house.run(&["run"]).ends(0).prints(&["No changes."]);
}

/// A person whom Skovik refuses for good is refused in each run, and does not block the others.
#[test]
fn who_is_refused_for_good_holds_up_nobody() {
    let house = house(AUTOMATIC, &["--fail", "DELETE /users/* times=9 status=422"]);
    house.run(&["run"]).ends(9);
    let mut plans = vec![hash(&house)];
    let (mut listed, _) = company();
    for (place, name) in [(4, "Other"), (5, "Another")] {
        listed[place].first_name = name.to_owned();
        house.list(&listed);
        let done = house.writes().len();
        let ran = house.run(&["run"]).ends(9);
        assert!(!ran.stderr.contains("going on"), "{ran:?}");
        let mut methods: Vec<_> = house.writes()[done..].iter().map(|request| request.method.clone()).collect();
        methods.sort();
        assert_eq!(methods, ["DELETE", "PUT"]);
        plans.push(hash(&house));
    }
    // Nothing but the refused delete is left; the same plan again and again.
    for _ in 0..2 {
        house.run(&["run"]).ends(9);
    }
    let kept = fs::read_dir(house.folder.path()).expect("a folder").flatten();
    let kept = kept.filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("plan.") && name.ends_with(".json")
    });
    assert_eq!(kept.count(), 4, "plans that were applied in part are kept for an undo");
    plans.dedup();
    assert_eq!(plans.len(), 3);
}

/// Every run writes a report, also one that applies nothing, and the log ends with the outcome.
#[test]
fn every_run_is_reported() {
    let house = house("", &[]);
    for (settings, code, outcome) in [
        ("", 6, "not_approved"),
        (AUTOMATIC, 0, "done"),
        (AUTOMATIC, 0, "done"),
        ("[guard]\nmin_employees = 500\n", 5, "blocked"),
    ] {
        house.settings(settings);
        let _ = fs::remove_file(house.path("report.json"));
        let ran = house.run(&["run", "-q", "--log-format", "json", "--report", "report.json"]).ends(code);
        let report = house.json("report.json");
        assert_eq!((&report["summary"]["outcome"], &report["plan_hash"]), (&json!(outcome), &hash(&house)));
        let last: Value = serde_json::from_str(ran.stderr.lines().last().expect("a line")).expect("JSON");
        assert_eq!((&last["outcome"], &last["exit_code"]), (&json!(outcome), &json!(code)), "{ran:?}");
    }
}

/// A command that is typed as it was printed reads the same settings.
#[test]
fn printed_commands_name_the_settings_that_were_named() {
    let house = house("", &[]);
    fs::rename(house.path("skovik-sync.toml"), house.path("our settings.toml")).expect("renamed");
    let named = ["--config", "our settings.toml", "--state", "memory"];
    let typed = "plan.json --config 'our settings.toml' --state memory";
    let with = |args: &[&str]| house.run(&[args, &named].concat());
    says(&with(&["plan"]).ends(0), &[&format!("skovik-sync approve {typed} && skovik-sync apply {typed}")]);
    says(&with(&["run"]).ends(6), &[&format!("skovik-sync approve {typed} && skovik-sync apply {typed}")]);
    let mut text = house.read("our settings.toml");
    text.push_str("\n[guard]\nmax_delete_percent = 1\n");
    fs::write(house.path("our settings.toml"), text).expect("written");
    let blocked = with(&["plan"]).ends(5);
    says(&blocked, &[&format!("skovik-sync show {typed}")]);
    assert!(blocked.stdout.contains(&format!("skovik-sync approve {typed} --allow deletes=1")), "{blocked:?}");
    says(
        &with(&["run"]).ends(5),
        &[&format!("skovik-sync approve {typed} --allow deletes=1 && skovik-sync apply {typed}")],
    );
    says(
        &with(&["approve", "plan.json", "--yes"]).ends(5),
        &[&format!("skovik-sync approve {typed} --allow deletes=1")],
    );
}

#[test]
fn an_unfinished_run_that_is_not_approved_any_more_waits_for_people() {
    let house = stuck();
    let journal = house.journal("plan.json");
    house.settings("");
    house.hurry();
    let before = house.writes();
    let ran = house.run(&["run"]).ends(6);
    says(&ran, &["automatic is false", "skovik-sync approve plan.json", ".run and plan.json: the next run plans anew"]);
    // What the message names is all that has to be removed.
    let note =
        ran.stderr.split_once("remove ").and_then(|(_, rest)| rest.split_once(" and plan.json")).expect("a note").0;
    assert!(house.path(note.trim_matches('\'')).is_file(), "{note}");
    assert_eq!(house.writes(), before);
    assert_eq!(house.journal("plan.json"), journal);
    // As the message says. A run would begin nothing of it any more, though people have approved it.
    house.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    house.run(&["run"]).ends(0).prints(&["No changes."]);
}

/// What stands beside the plan's file, or in its place, is nothing that a run goes on with: only the state says what it
/// began.
#[test]
fn a_run_goes_on_with_what_its_own_state_says() {
    type Edit = fn(&House);
    let edits: [Edit; 4] = [
        |house| fs::remove_file(house.path("plan.json")).expect("removed"),
        |house| fs::write(house.path("plan.json"), "{}").expect("written"),
        |house| fs::remove_file(house.path(RECORD)).expect("removed"),
        |house| {
            let mut record = house.json(RECORD);
            record["approved_at"] = json!(Timestamp::now().checked_sub(25.hours()).expect("a time").to_string());
            fs::write(house.path(RECORD), record.to_string()).expect("written");
        },
    ];
    for edit in edits {
        let house = stuck();
        let done = house.writes().len();
        edit(&house);
        says(&house.run(&["run"]).ends(0), &["settling what is in doubt of the plan sha256:"]);
        let methods: Vec<_> = house.writes()[done..].iter().map(|request| request.method.clone()).collect();
        assert_eq!(methods, ["DELETE"]);
    }
}

#[test]
fn what_was_undone_in_skovik_is_done_again() {
    let mut house = house(AUTOMATIC, &[]);
    for _ in 0..3 {
        house.run(&["run"]).ends(0);
        assert_eq!(house.writes().len(), 3);
        house.back_to_the_start();
    }
    let names = fs::read_dir(house.folder.path()).expect("a folder").flatten().map(|entry| entry.file_name());
    let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    // Each plan that was applied before the last one is kept, and the journal of each apply.
    let kept = names.iter().filter(|name| name.starts_with("plan.") && name.ends_with(".json")).count();
    assert_eq!(kept, 3, "{names:?}");
    let journals = fs::read_dir(house.path("state/skovik-sync/journals")).expect("a folder").flatten();
    assert_eq!(journals.filter(|entry| entry.path().extension().is_some_and(|end| end == "journal")).count(), 3);
}

#[test]
fn nobody_approves_in_the_name_of_the_policy() {
    let house = house("", &[]);
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes", "--approver", "policy: automatic"]).ends(3);
    // Nor does a forged approval by policy count if the policy would not have given it.
    house.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    let mut record = house.json("plan.json.anna.approval");
    record["approver"] = json!("policy: automatic");
    fs::remove_file(house.path("plan.json.anna.approval")).expect("removed");
    fs::write(house.path(RECORD), record.to_string()).expect("written");
    for args in [&["apply", "plan.json"][..], &["verify", "plan.json"]] {
        says(&house.run(args).ends(6), &["given by policy", "automatic is false"]);
    }
    assert_eq!(house.writes(), []);
}
