//! Second thoughts (`[scope] remove_after`), with the real program: whoever is missing waits, is shown with the day, and is
//! removed only after every reading for that long did not have them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use skovik_sync::diff::{Memory, Moment};
use skovik_sync::plan::{Action, Content, Plan, WaitingPerson};
use skovik_sync::state::State;

use super::harness::{Company, Output};
use super::house::{House, Person, people};
use super::render::schema::problems;
use super::servers::stores::Store;

const DAY: i64 = 24 * 60 * 60;
/// Runs apply what they plan, and whoever is missing waits for a week.
const SETTINGS: &str = "[scope]\nremove_after = \"7d\"\n[approval]\nautomatic = true\n";

/// Twenty users, of whom the list lacks the eighth.
fn house(more: &str) -> (House, Vec<Person>) {
    let users = people("SE01", 20);
    let mut listed = users.clone();
    listed.remove(7);
    (House::new(&listed, &users, more, &[]), listed)
}

fn state(house: &House) -> State {
    State::open(&house.path("state/skovik-sync"), None).expect("a state")
}

/// What is remembered.
fn memory(house: &House) -> Memory {
    state(house).absences(&house.url).expect("read").memory
}

/// Makes everything that is remembered older, as if so many days had passed.
fn days_pass(house: &House, days: i64) {
    let state = state(house);
    let noted = state.absences(&house.url).expect("read");
    let Memory { read_at, missing } = &noted.memory;
    let older = |time: i64| time - days * DAY;
    let missing = missing.iter().map(|(user, since)| (user.clone(), older(*since))).collect();
    let memory = Memory { read_at: read_at.map(older), missing };
    assert!(state.note_absences(&house.url, &noted, &memory).expect("written"));
}

fn file(house: &House) -> PathBuf {
    let found = fs::read_dir(house.path("state/skovik-sync")).expect("a folder").flatten().map(|entry| entry.path());
    found.into_iter().find(|path| path.extension().is_some_and(|it| it == "absences")).expect("a file")
}

fn waiting(house: &House) -> Vec<Value> {
    house.json("plan.json")["waiting"]["people"].as_array().expect("a list").clone()
}

#[test]
fn whoever_is_missing_is_removed_by_the_run_after_the_last_day() {
    let (house, _) = house(SETTINGS);
    let first = house.run(&["run", "--report", "report.json"]).ends(0);
    let first = first.prints(&[
        "Waiting: missing, and not deleted yet (1)",
        "P7 Berg  SE01-7  leaves on ",
        "1 waits to be removed.",
    ]);
    assert!(first.stdout.contains("No changes. 19 unchanged."), "{first}");
    assert_eq!(house.json("report.json")["summary"]["waiting"], 1);
    let hash = house.json("plan.json")["plan_hash"].clone();
    days_pass(&house, 6);
    house.run(&["run"]).ends(0).prints(&["No changes.", "1 waits to be removed."]);
    assert_eq!(house.writes(), []);
    assert_ne!(house.json("plan.json")["plan_hash"], hash, "it has another day");

    days_pass(&house, 1);
    house.run(&["run"]).ends(0).prints(&["- P7 Berg  SE01-7", "missing: since ", "1 to delete"]);
    let writes = house.writes();
    assert_eq!(writes.iter().map(|request| request.method.as_str()).collect::<Vec<_>>(), ["DELETE"]);
    // Whoever is gone is forgotten.
    house.run(&["run"]).ends(0).prints(&["No changes. 19 unchanged."]);
    assert_eq!(memory(&house).missing.len(), 0);
    // And is given back like anybody else, but is missing in the list again.
    let applied = fs::read_dir(house.folder.path()).expect("a folder").flatten().map(|entry| entry.file_name());
    let applied: Vec<_> = applied.filter_map(|name| name.into_string().ok()).collect();
    let applied = applied.iter().find(|name| name.starts_with("plan.") && name.len() == 22).expect("it is kept");
    house.run(&["undo", applied, "-o", "undo.json"]).ends(0);
    house.run(&["approve", "undo.json", "--yes"]).ends(0);
    house.run(&["apply", "undo.json"]).ends(0).prints(&["1 created"]);
    house.run(&["run"]).ends(0).prints(&["1 waits to be removed."]);
}

#[test]
fn whoever_is_back_begins_anew_and_the_same_reading_is_the_same_plan() {
    let (house, mut listed) = house(SETTINGS);
    house.run(&["plan"]).ends(0);
    let (first, began) = (house.json("plan.json"), memory(&house));
    house.run(&["plan"]).ends(0);
    assert_eq!((house.json("plan.json"), memory(&house).missing), (first, began.missing));
    days_pass(&house, 5);
    let gone = listed.clone();
    listed.insert(7, people("SE01", 20)[7].clone());
    house.list(&listed);
    house.run(&["run"]).ends(0).prints(&["No changes. 20 unchanged."]);
    assert_eq!((waiting(&house).len(), memory(&house).missing.len()), (0, 0));
    days_pass(&house, 5);
    house.list(&gone);
    house.run(&["run"]).ends(0).prints(&["1 waits to be removed."]);
    assert_eq!(house.writes(), []);
}

/// Nobody has seen the plan in which they begin to wait.
#[test]
fn a_plan_that_could_not_be_written_begins_no_wait() {
    let (house, _) = house(SETTINGS);
    house.run(&["plan", "-o", "nowhere/plan.json"]).ends(1).says(&["cannot write nowhere/plan.json"]);
    assert_eq!(memory(&house).missing.len(), 0);
    house.run(&["plan"]).ends(0);
    assert_eq!(memory(&house).missing.len(), 1);
}

#[test]
fn what_is_no_reading_of_today_notes_nothing() {
    let (house, listed) = house(&format!("{SETTINGS}[guard]\nmin_employees = 15\n"));
    house.run(&["snapshot", "-o", "users.jsonl"]).ends(0);
    house.run(&["plan", "--users", "users.jsonl"]).ends(0).prints(&["missing, which no reading has noted yet"]);
    assert_eq!(waiting(&house)[0]["wait"], Value::Null);
    house.run(&["plan", "--explain", "SE01-7"]).ends(0).prints(&["no reading has noted yet that they are missing"]);
    // A list that a guard on the lists themselves blocks, and one that cannot be read.
    house.list(&listed[..10]);
    house.run(&["run"]).ends(5).prints(&["10 wait to be removed", "missing, which no reading has noted yet"]);
    fs::write(house.path("people.csv"), "id,first\n1\n").expect("written");
    house.run(&["plan"]).ends(4);
    assert_eq!(memory(&house).missing.len(), 0);

    house.list(&listed);
    house.run(&["run"]).ends(0);
    let noted = memory(&house);
    assert_eq!(noted.missing.len(), 1);
    // Part of a plan begins no wait, but ends those of whoever is back.
    let mut others = listed.clone();
    others[3].first_name = "Nova".to_owned();
    others.remove(12);
    house.list(&others);
    house.run(&["plan", "--only", &others[3].identifier, "-o", "part.json"]).ends(0);
    assert_eq!(memory(&house).missing, noted.missing);
    others.insert(7, people("SE01", 20)[7].clone());
    house.list(&others);
    house.run(&["plan", "--only", &others[3].identifier, "-o", "part.json"]).ends(0);
    assert_eq!(memory(&house).missing.len(), 0);
}

#[test]
fn a_state_that_is_lost_or_altered_makes_everybody_begin_anew() {
    let (house, _) = house(SETTINGS);
    house.run(&["run"]).ends(0);
    days_pass(&house, 30);
    let path = file(&house);
    let text = fs::read_to_string(&path).expect("a text");
    fs::write(&path, text.replace("u-SE01-7", "u-SE01-8")).expect("written");
    let ran = house.run(&["run"]).ends(0).says(&["is not authentic", "begins to wait anew"]);
    assert!(ran.stdout.contains("1 waits to be removed."), "{ran}");
    let again = house.run(&["run"]).ends(0);
    assert!(!again.stderr.contains("authentic"), "what was altered is replaced: {again}");
    days_pass(&house, 30);
    fs::remove_file(&path).expect("removed");
    house.run(&["run"]).ends(0).prints(&["1 waits to be removed."]);
    // A clock that was ahead is told of, and makes nobody leave earlier.
    days_pass(&house, -30);
    house.run(&["run"]).ends(0).prints(&["1 waits to be removed."]).says(&["by this machine's clock", "remove "]);
    assert_eq!(house.writes(), []);
}

#[test]
fn a_plan_that_skips_the_wait_is_refused() {
    let (house, _) = house(SETTINGS);
    house.run(&["run"]).ends(0);
    days_pass(&house, 7);
    house.run(&["plan"]).ends(0);
    house
        .run(&[
            "verify",
            "plan.json",
            "--approved-hash",
            house.json("plan.json")["plan_hash"].as_str().expect("a hash"),
        ])
        .ends(0);
    let good = Plan::read(&fs::read(house.path("plan.json")).expect("read")).expect("a plan");
    let verify = |edit: &dyn Fn(&mut Content)| -> Output {
        let mut content = good.content().clone();
        edit(&mut content);
        let mut text = Vec::new();
        Plan::seal(content).expect("hashed anew").write(&mut text).expect("written");
        fs::write(house.path("forged.json"), text).expect("written");
        house.run(&["verify", "forged.json"])
    };
    let since = |content: &mut Content, days: Option<i64>| {
        let Action::Delete { missing_since, .. } = &mut content.operations[0].action else { panic!("no delete") };
        *missing_since = days.map(|days| Moment::new(missing_since.expect("a time").seconds() + days * DAY, 0));
    };
    verify(&|content| since(content, None)).ends(8).says(&["does not say since when they are missing"]);
    verify(&|content| since(content, Some(1)))
        .ends(8)
        .says(&["deletes \"P7 Berg\", who waits until ", "still to come"]);
    verify(&|content| content.waiting.as_mut().expect("there").remove_after = 1)
        .ends(8)
        .says(&["[scope] remove_after"]);
    // The settings are bound too.
    house.settings("[scope]\nremove_after = \"8d\"\n[approval]\nautomatic = true\n");
    house.run(&["verify", "plan.json"]).ends(7);
    assert_eq!(house.writes(), []);
}

/// Who waits is not touched, and is shown to the approver all the same.
#[test]
fn a_plan_that_shows_who_waits_under_another_name_is_refused() {
    let (house, mut listed) = house(SETTINGS);
    listed[3].first_name = "New".to_owned();
    house.list(&listed);
    house.run(&["plan"]).ends(0);
    let good = Plan::read(&fs::read(house.path("plan.json")).expect("read")).expect("a plan");
    let edits: [fn(&mut WaitingPerson); 2] =
        [|person| person.name = "Eva Alm".into(), |person| person.employee = Some("SE01-99".into())];
    for edit in edits {
        let mut content = good.content().clone();
        edit(&mut content.waiting.as_mut().expect("there").people[0]);
        let forged = Plan::seal(content).expect("hashed anew");
        forged.write(fs::File::create(house.path("plan.json")).expect("made")).expect("written");
        let hash = forged.hash().to_string();
        let refused = house.run(&["apply", "plan.json", "--approved-hash", &hash]).ends(7);
        refused.says(&["the plan shows the user u-SE01-7 as", "but in Skovik it is \"SE01-7 P7 Berg\""]);
    }
    assert_eq!(house.writes(), []);
}

#[test]
fn an_undo_of_a_create_waits_for_nothing() {
    let users = people("SE01", 20);
    let house = House::new(&people("SE01", 21), &users, SETTINGS, &[]);
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    house.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0).prints(&["1 to delete"]);
    house.run(&["approve", "undo.json", "--yes"]).ends(0);
    house.run(&["apply", "undo.json"]).ends(0).prints(&["1 deleted"]);
}

#[test]
fn every_rendering_names_who_waits() {
    let (house, mut listed) = house(SETTINGS);
    house.run(&["run"]).ends(0);
    fs::copy(house.path("plan.json"), house.path("old.json")).expect("copied");
    listed.remove(11);
    house.list(&listed);
    house.run(&["plan"]).ends(0);
    house.run(&["plan", "--explain", "SE01-7"]).ends(0).prints(&["kept for now, in no source: leaves on "]);
    house
        .run(&["show", "plan.json", "--ids"])
        .ends(0)
        .prints(&["SE01-12  user u-SE01-12  leaves on ", "SE01-7  user u-SE01-7 "]);
    let comment = house.run(&["show", "plan.json", "--format", "markdown"]).ends(0);
    let comment =
        comment.prints(&["| Waiting | 2 |", "<summary><b>Waiting: missing, and not deleted yet</b> (2)</summary>"]);
    fs::write(house.path("comment.md"), &comment.stdout).expect("written");
    let hash = house.json("plan.json")["plan_hash"].as_str().expect("a hash").to_owned();
    house.run(&["verify", "plan.json", "--rendered", "comment.md", "--approved-hash", &hash]).ends(0);
    let page = house.run(&["show", "plan.json", "--format", "html"]).ends(0);
    page.prints(&[
        "waiting to be removed",
        "P12 Berg  SE01-12  user u-SE01-12  leaves on ",
        "every reading for 7 days",
    ]);
    let view = house.run(&["show", "plan.json", "--format", "json"]).ends(0);
    let view: Value = serde_json::from_str(&view.stdout).expect("JSON");
    assert_eq!(view["waiting"], house.json("plan.json")["waiting"]);
    assert_eq!(view["waiting"]["remove_after"], 604_800);
    assert_eq!(problems("plan.schema.json", &[house.json("plan.json")]), [None]);
    assert_eq!(problems("plan-view.schema.json", &[view]), [None]);
    let since = house.run(&["show", "plan.json", "--since", "old.json"]).ends(0);
    since.prints(&["waiting: (not waiting) → P12 Berg  SE01-12  leaves on "]);
    let masked = house.run(&["show", "plan.json", "--redact"]).ends(0).prints(&["person-1  id-1  leaves on "]);
    assert!(!masked.stdout.contains("P12") && !masked.stdout.contains("SE01-12"), "{masked}");
}

#[test]
fn the_memory_in_a_store_is_that_of_every_machine() {
    let store = Store::s3();
    let mut company = Company::new("small");
    company.append("skovik-sync.toml", &format!("\n[state]\nurl = \"{}\"\n", store.url));
    company.edit("skovik-sync.toml", "[scope]\n", "[scope]\nremove_after = \"2s\"\n");
    company.env("SKOVIK_SYNC_STATE_KEY", "0123456789abcdef0123456789abcdef");
    for (name, value) in &store.env {
        company.env(name, value);
    }
    let deletes = |plan: &Value| plan["summary"]["delete"].as_u64().expect("a number");
    let first = company.plan(0);
    let waiting = first["waiting"]["people"].as_array().expect("a list").len() as u64;
    assert!(waiting > 0 && deletes(&first) == 0, "{first}");
    let name = store.names().into_iter().find(|name| name.ends_with(".absences")).expect("it is in the store");
    let text = store.read(&name);
    assert!(!text.contains('@') && text.contains("\"missing\":{\""), "{text}");
    // Another machine, with nothing of its own.
    fs::remove_dir_all(company.path("home/state")).expect("removed");
    std::thread::sleep(std::time::Duration::from_secs(3));
    let second = company.plan(0);
    assert_eq!(deletes(&second), waiting);
    store.write(&name, &text.replace("\"missing\":{\"", "\"missing\":{\"x"));
    company.run(&["plan"]).ends(0).says(&["is not authentic"]);
}
